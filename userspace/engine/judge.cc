// SPDX-License-Identifier: Apache-2.0
#include "engine/judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/correlation.h"
#include "engine/match_index.h"
#include "engine/rule_loader.h"

namespace assay::engine {
namespace {

constexpr std::size_t kMostSubjects = 4096;   // of one rule; findings keep 100 of them apart
constexpr std::size_t kMostStreams = 65'536;  // loopback streams told apart
constexpr std::size_t kMostHeld = 256;        // facts of one document kept until it applies

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// What could not be judged, and why. Of kinds that tell a state: which subjects, so that a later
/// fact can make up for it.
struct Unjudged {
    struct Reason {
        std::string text;
        std::uint64_t facts = 0;
        std::string example = {};  ///< what the newest such fact gives as its Problem
    };
    std::vector<Reason> reasons;
    std::vector<std::size_t> of_clause;  ///< the reason of each unknown_when
    TextMap<std::size_t> subjects;       ///< to the index of their reason

    void take_clauses(const CompiledDocument& document) {
        of_clause.clear();
        for (const CompiledClause& clause : document.unknown_when) {
            const auto known = std::ranges::find(reasons, clause.reason, &Reason::text);
            of_clause.push_back(static_cast<std::size_t>(known - reasons.begin()));
            if (known == reasons.end()) {
                reasons.push_back({.text = clause.reason, .facts = 0});
            }
        }
    }
    void count(std::size_t reason, const std::string& subject) {
        const auto known = subjects.find(subject);
        if (known != subjects.end()) {
            --reasons[std::exchange(known->second, reason)].facts;
        } else if (subjects.size() < kMostSubjects) {
            subjects.emplace(subject, reason);
        }
        ++reasons[reason].facts;
    }
    void forget(const std::string& subject) {
        if (const auto known = subjects.find(subject); known != subjects.end()) {
            --reasons[known->second].facts;
            subjects.erase(known);
        }
    }
};

/// Subjects that matched in this run, of kinds that tell a state.
struct FoundSubjects {
    TextMap<bool> is_open;
    std::uint64_t closed = 0;
    std::uint64_t untracked = 0;  ///< matches of subjects beyond kMostSubjects, or of earlier rules

    void open(const std::string& subject) {
        if (const auto known = is_open.find(subject); known != is_open.end()) {
            closed -= known->second ? 0U : 1U;
            known->second = true;
        } else if (is_open.size() < kMostSubjects) {
            is_open.emplace(subject, true);
        } else {
            ++untracked;
        }
    }
    /// Whether it was open.
    bool close(const std::string& subject) {
        const auto known = is_open.find(subject);
        if (known == is_open.end() || !known->second) {
            return false;
        }
        known->second = false;
        ++closed;
        return true;
    }
};

/// Facts that matter only if the rule applies, which is not known yet.
struct HeldFacts {
    struct Held {
        std::string subject;  ///< of kinds that tell a state
        facts::RecordedFact fact;
    };
    std::vector<Held> facts;
    std::uint64_t matches_lost = 0;
};

/// A correlation while facts go by; its documents share it.
struct Correlated {
    explicit Correlated(std::shared_ptr<const LoadedCorrelation> of)
        : correlation(std::move(of)), state(correlation->plan) {}

    std::shared_ptr<const LoadedCorrelation> correlation;
    CorrelationState state;
    const RuleInfo* rule = nullptr;
};

/// One document while facts go by.
struct Watch {
    const RuleInfo* rule = nullptr;
    const CompiledDocument* document = nullptr;
    bool is_state = false;              ///< facts of its kind tell a state
    bool applied = false;               ///< also when it always does
    std::uint64_t seen_before = 0;      ///< facts of its kind that it did not judge
    std::uint64_t loopback_before = 0;  ///< left out before the rule was there
    std::uint64_t matches = 0;
    std::uint64_t excepted = 0;
    Unjudged unjudged;
    FoundSubjects found;
    HeldFacts held;
    std::shared_ptr<Correlated> correlated;  ///< what its matches mean, if not findings
    std::size_t number = 0;                  ///< among the documents of the rule
};

enum class Verdict : std::uint8_t {
    matched,
    cleared,   ///< it does not match
    excepted,  ///< it would match or could not be judged, but is an exception
    unjudged,  ///< an unknown_when holds
    gone,      ///< the subject is no more
};

/// What is known to be missing of a hook.
struct Gap {
    bool told = false;
    std::uint64_t lost = 0;
    std::string reason;
};

std::string counted(std::uint64_t number, std::string_view thing) {
    return std::to_string(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

bool rests_on(const facts::HookInfo& hook, facts::Kind kind) {
    return hook.essential && std::ranges::find(hook.kinds, kind) != hook.kinds.end();
}

/// Findings are worst; what is not applicable says least.
int weight(RuleStatus status) {
    switch (status) {
        case RuleStatus::finding:
            return 3;
        case RuleStatus::unknown:
            return 2;
        case RuleStatus::pass:
            return 1;
        case RuleStatus::not_applicable:
            return 0;
    }
    return 0;
}

std::string left_out(std::uint64_t loopback, std::uint64_t excepted) {
    std::string text;
    if (loopback > 0) {
        text += "; " + counted(loopback, "loopback fact") + " left out";
    }
    if (excepted > 0) {
        text += "; " + counted(excepted, "fact") + " left out by the rule's exceptions";
    }
    return text;
}

void append_clause(std::string& reason, std::string_view clause) {
    reason += reason.empty() ? "" : "; ";
    reason += clause;
}

/// How a document stands, or the documents of one rule together.
struct Standing {
    RuleOutcome outcome;
    std::uint64_t found = 0;  ///< subjects, of kinds that tell a state
    std::uint64_t closed = 0;

    void take_in(Standing other) {
        if (weight(other.outcome.status) > weight(outcome.status)) {
            outcome.status = other.outcome.status;
            outcome.reason = std::move(other.outcome.reason);
        }
        outcome.facts_judged += other.outcome.facts_judged;
        outcome.matches += other.outcome.matches;
        outcome.excepted += other.outcome.excepted;
        outcome.loopback_left_out += other.outcome.loopback_left_out;
        found += other.found;
        closed += other.closed;
    }
    RuleOutcome finished() && {
        if (closed > 0) {
            std::string text = std::to_string(found) + " found, ";
            if (closed < found) {
                text += std::to_string(closed) + " of them ";
            } else if (found > 1) {
                text += found == 2 ? "both " : "all ";
            }
            text += "closed again before the end";
            if (!outcome.reason.empty()) {
                text += "; ";
            }
            outcome.reason.insert(0, text);
        }
        return std::move(outcome);
    }
};

/// What a document of the same place in a rule of the same name has learnt.
void keep_of_earlier(Watch& watch, Watch earlier) {
    const CompiledDocument& now = *watch.document;
    const CompiledDocument& then = *earlier.document;
    if (now.kind != then.kind || now.at_window_close != then.at_window_close) {
        return;
    }
    watch.applied = watch.applied || earlier.applied;
    watch.seen_before = earlier.seen_before;
    watch.loopback_before = earlier.loopback_before;
    watch.matches = earlier.matches;
    watch.excepted = earlier.excepted;
    watch.unjudged = std::move(earlier.unjudged);
    watch.found = std::move(earlier.found);
    watch.held = std::move(earlier.held);
    if (watch.correlated && earlier.correlated &&
        watch.correlated->correlation->plan == earlier.correlated->correlation->plan) {
        watch.correlated = std::move(earlier.correlated);
    }
    watch.unjudged.take_clauses(now);
    if (now.subject != then.subject) {
        // Facts can no longer say which of these they are about: they stay as they were found.
        watch.found.untracked += watch.found.is_open.size();
        watch.found.is_open.clear();
        watch.unjudged.subjects.clear();
        for (HeldFacts::Held& held : watch.held.facts) {
            held.subject.clear();
        }
    }
}

}  // namespace

struct Judge::State {
    /// Facts of one kind that were seen, or left out.
    struct Count {
        std::uint64_t in_window = 0;
        std::uint64_t at_close = 0;
    };
    /// Who looks at the facts of one kind.
    struct Lookers {
        std::vector<Watch*> all;          ///< at the close of the window
        std::vector<Watch*> in_window;    ///< those that do not wait for the close
        std::optional<MatchIndex> index;  ///< over `all`
        Count judged;
        Count loopback;
    };

    JudgeOptions options;
    OnMatch on_match;
    std::vector<std::vector<Watch>> rules;  ///< the documents of each rule; not resized in between
    std::array<Lookers, facts::kKinds.size()> kinds;
    std::unordered_set<std::uint64_t> loopback_streams;
    std::array<Gap, facts::kHooks.size()> gaps;
    FactFields fields;
    std::string subject_key;
    std::vector<Correlated*> waiting;  ///< correlations that time alone can decide
    std::uint64_t fact_number = 0;

    void watch_rules(const RuleSet& set);
    void index_rules();
    [[nodiscard]] Lookers& lookers(facts::Kind kind) {
        return kinds[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] const Lookers& lookers(facts::Kind kind) const {
        return kinds[static_cast<std::size_t>(kind)];
    }
    /// Which of the two counts a document goes by, whole.
    [[nodiscard]] static std::uint64_t of_document(const Count& count,
                                                   const CompiledDocument& document) {
        return document.at_window_close ? count.at_close : count.in_window + count.at_close;
    }

    [[nodiscard]] static std::uint64_t loopback_of(const Lookers& kind,
                                                   const CompiledDocument& document) {
        return document.at_window_close ? kind.loopback.at_close : kind.loopback.in_window;
    }

    void look(Watch& watch);
    void start_to_apply(Watch& watch);
    [[nodiscard]] Verdict judge(const Watch& watch, std::size_t& clause);
    void take(Watch& watch, Verdict verdict, std::size_t clause);
    void take_state(Watch& watch, Verdict verdict, std::size_t clause);
    /// Keeps the current fact for later instead of taking its verdict; false when it need not be.
    [[nodiscard]] bool hold(Watch& watch, Verdict verdict);
    void leave_out_loopback(const facts::FactView& fact);
    void tell(const Watch& watch, bool matched);
    void tell(const Correlated& correlated, const CorrelationState::Hit& hit);
    void make_subject_key(const CompiledDocument& document);
    [[nodiscard]] Level level_of(const CompiledDocument& document);
    [[nodiscard]] std::string gaps_of(facts::Kind kind) const;
    [[nodiscard]] Standing standing(const Watch& watch) const;
    [[nodiscard]] Standing standing(const Correlated& correlated,
                                    const std::vector<Watch>& watches) const;
};

Judge::Judge(const RuleSet& rules, JudgeOptions options, OnMatch on_match)
    : state_(std::make_unique<State>()) {
    state_->options = options;
    state_->on_match = std::move(on_match);
    state_->watch_rules(rules);
    state_->index_rules();
}

Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;

void Judge::State::watch_rules(const RuleSet& set) {
    rules.clear();
    rules.reserve(set.loaded().size());
    for (const LoadedRule* rule : set.loaded()) {
        std::vector<Watch>& watches = rules.emplace_back();
        watches.resize(rule->compiled.size());
        const auto correlated =
            rule->correlation ? std::make_shared<Correlated>(rule->correlation) : nullptr;
        for (std::size_t i = 0; i < watches.size(); ++i) {
            Watch& watch = watches[i];
            watch.rule = &rule->info;
            watch.correlated = correlated;
            watch.number = i;
            watch.document = &rule->compiled[i];
            watch.is_state = facts::info(watch.document->kind).tells_state;
            watch.applied = !watch.document->applies_when;
            watch.unjudged.take_clauses(*watch.document);
            const Lookers& kind = lookers(watch.document->kind);
            watch.seen_before = of_document(kind.judged, *watch.document);
            watch.loopback_before = loopback_of(kind, *watch.document);
        }
    }
}

void Judge::State::index_rules() {
    for (Lookers& kind : kinds) {
        kind.all.clear();
        kind.in_window.clear();
        kind.index.reset();
    }
    waiting.clear();
    for (std::vector<Watch>& watches : rules) {
        if (!watches.empty() && watches.front().correlated) {
            Correlated& correlated = *watches.front().correlated;
            correlated.rule = watches.front().rule;
            if (correlated.state.waits_for_time()) {
                waiting.push_back(&correlated);
            }
        }
        for (Watch& watch : watches) {
            Lookers& kind = lookers(watch.document->kind);
            kind.all.push_back(&watch);
            if (!watch.document->at_window_close) {
                kind.in_window.push_back(&watch);
            }
        }
    }
    for (const facts::KindInfo& info : facts::kKinds) {
        Lookers& kind = lookers(info.kind);
        // Of a state it matters too that it does not match; and such facts are few.
        if (info.tells_state || kind.all.size() < options.index_from || kind.all.empty()) {
            continue;
        }
        std::vector<const CompiledDocument*> documents;
        documents.reserve(kind.all.size());
        for (const Watch* watch : kind.all) {
            documents.push_back(watch->document);
        }
        kind.index.emplace(documents);
    }
}

void Judge::replace_rules(const RuleSet& rules) {
    TextMap<std::vector<Watch>> earlier;
    for (std::vector<Watch>& watches : state_->rules) {
        if (!watches.empty()) {
            const std::string& slug = watches.front().rule->slug;
            earlier.insert_or_assign(slug, std::move(watches));
        }
    }
    // Copies: the earlier set may be gone once we return, but must be here until then.
    state_->watch_rules(rules);
    for (std::vector<Watch>& watches : state_->rules) {
        const auto known =
            watches.empty() ? earlier.end() : earlier.find(watches.front().rule->slug);
        if (known == earlier.end() || known->second.size() != watches.size()) {
            continue;
        }
        for (std::size_t i = 0; i < watches.size(); ++i) {
            keep_of_earlier(watches[i], std::move(known->second[i]));
        }
    }
    state_->index_rules();
}

void Judge::on_fact(const facts::FactView& fact) {
    State::Lookers& kind = state_->lookers(fact.kind());
    const facts::FactHeader& header = fact.header();
    ++state_->fact_number;
    for (Correlated* each : state_->waiting) {
        each->state.on_time(header.time,
                            [&](const CorrelationState::Hit& hit) { state_->tell(*each, hit); });
    }
    if (header.loopback && !state_->options.include_loopback) {
        state_->leave_out_loopback(fact);
        return;
    }
    const auto& watches = header.at_close ? kind.all : kind.in_window;
    const bool is_gone = header.gone && fact.kind_info().tells_state;
    if (!is_gone) {
        ++(header.at_close ? kind.judged.at_close : kind.judged.in_window);
    }
    if (watches.empty()) {
        return;
    }
    state_->fields.look_at(fact);
    if (!kind.index) {
        for (Watch* watch : watches) {
            state_->look(*watch);
        }
        return;
    }
    for (const std::uint32_t candidate : kind.index->candidates(state_->fields)) {
        Watch* watch = kind.all[candidate];
        if (header.at_close || !watch->document->at_window_close) {
            state_->look(*watch);
        }
    }
}

void Judge::State::leave_out_loopback(const facts::FactView& fact) {
    Lookers& kind = lookers(fact.kind());
    if (fact.header().at_close) {
        ++kind.loopback.at_close;
    }
    // A stream that is told again is the same traffic.
    const std::uint64_t stream = fact.header().stream;
    if (stream != 0) {
        if (loopback_streams.contains(stream)) {
            return;
        }
        if (loopback_streams.size() < kMostStreams) {
            loopback_streams.insert(stream);
        }
    }
    ++kind.loopback.in_window;
}

Verdict Judge::State::judge(const Watch& watch, std::size_t& clause) {
    const CompiledDocument& document = *watch.document;
    if (watch.is_state && fields.fact().header().gone) {
        return Verdict::gone;
    }
    Verdict verdict = Verdict::cleared;
    for (std::size_t i = 0; i < document.unknown_when.size(); ++i) {
        if (document.unknown_when[i].when.holds(fields)) {
            verdict = Verdict::unjudged;
            clause = i;
            break;
        }
    }
    if (verdict == Verdict::cleared) {
        if (!document.detection.holds(fields)) {
            return Verdict::cleared;
        }
        verdict = Verdict::matched;
    }
    for (const CompiledClause& exception : document.exceptions) {
        if (exception.when.holds(fields)) {
            return Verdict::excepted;
        }
    }
    return verdict;
}

void Judge::State::look(Watch& watch) {
    std::size_t clause = 0;
    const Verdict verdict = judge(watch, clause);
    if (verdict == Verdict::excepted) {
        ++watch.excepted;
    }
    if (!watch.applied) {
        if (verdict != Verdict::gone && watch.document->applies_when->holds(fields)) {
            start_to_apply(watch);
        } else if (hold(watch, verdict)) {
            return;
        }
    }
    take(watch, verdict, clause);
}

void Judge::State::start_to_apply(Watch& watch) {
    watch.applied = true;
    const facts::FactView* now = &fields.fact();
    for (const HeldFacts::Held& held : std::exchange(watch.held.facts, {})) {
        const facts::FactView view(held.fact);
        fields.look_at(view);
        std::size_t clause = 0;
        const Verdict verdict = judge(watch, clause);
        take(watch, verdict, clause);
    }
    fields.look_at(*now);
}

bool Judge::State::hold(Watch& watch, Verdict verdict) {
    HeldFacts& held = watch.held;
    if (verdict != Verdict::matched && (!watch.is_state || held.facts.empty())) {
        return false;
    }
    std::string key;
    if (watch.is_state) {
        make_subject_key(*watch.document);
        key = subject_key;
        if (verdict != Verdict::unjudged) {
            watch.unjudged.forget(key);
        }
    }
    const auto is_same = [&](const HeldFacts::Held& each) { return each.subject == key; };
    if (verdict != Verdict::matched &&
        (verdict == Verdict::unjudged || std::ranges::none_of(held.facts, is_same))) {
        return false;
    }
    if (held.facts.size() < kMostHeld) {
        held.facts.push_back({.subject = std::move(key), .fact = facts::copy_of(fields.fact())});
    } else if (verdict == Verdict::matched) {
        ++held.matches_lost;
    } else {
        // No room to keep that it ended: then it must not be told as if it had not.
        held.matches_lost += std::erase_if(held.facts, is_same);
    }
    return true;
}

void Judge::State::take(Watch& watch, Verdict verdict, std::size_t clause) {
    if (watch.is_state) {
        take_state(watch, verdict, clause);
    } else if (verdict == Verdict::matched) {
        ++watch.matches;
        tell(watch, true);
    } else if (verdict == Verdict::unjudged) {
        ++watch.unjudged.reasons[watch.unjudged.of_clause[clause]].facts;
    }
}

void Judge::State::take_state(Watch& watch, Verdict verdict, std::size_t clause) {
    const bool is_news = verdict == Verdict::matched || verdict == Verdict::unjudged;
    const bool is_known = !watch.found.is_open.empty() || !watch.unjudged.subjects.empty();
    if (is_news || is_known) {
        make_subject_key(*watch.document);
    }
    if (verdict == Verdict::unjudged) {
        const std::size_t reason = watch.unjudged.of_clause[clause];
        watch.unjudged.count(reason, subject_key);
        watch.unjudged.reasons[reason].example.clear();
        facts::append_value_text(watch.unjudged.reasons[reason].example,
                                 fields.fact().get("Problem"));
        return;
    }
    if (is_known) {
        watch.unjudged.forget(subject_key);
    }
    if (verdict == Verdict::matched) {
        ++watch.matches;
        watch.found.open(subject_key);
        tell(watch, true);
        return;
    }
    const bool was_open = is_known && watch.found.close(subject_key);
    if (was_open || watch.document->at_window_close) {
        tell(watch, false);
    }
}

void Judge::State::make_subject_key(const CompiledDocument& document) {
    subject_key.clear();
    for (const std::size_t field : document.subject) {
        const std::size_t start = subject_key.size();
        facts::append_value_text(subject_key, fields[field]);
        // The length keeps "a"+"bc" and "ab"+"c" apart whatever bytes the host chose.
        subject_key += '\0' + std::to_string(subject_key.size() - start) + '\0';
    }
}

Level Judge::State::level_of(const CompiledDocument& document) {
    for (const CompiledClause& clause : document.level_when) {
        if (clause.when.holds(fields)) {
            return clause.level;
        }
    }
    return document.level;
}

void Judge::State::tell(const Correlated& correlated, const CorrelationState::Hit& hit) {
    if (on_match) {
        on_match(Match{.rule = correlated.rule,
                       .fact = hit.fact,
                       .level = correlated.rule->level,
                       .subject = hit.subject,
                       .matched = true});
    }
}

void Judge::State::tell(const Watch& watch, bool matched) {
    if (watch.correlated) {
        if (matched) {
            Correlated& correlated = *watch.correlated;
            correlated.state.on_match(
                watch.number, fact_number, fields,
                [&](const CorrelationState::Hit& hit) { tell(correlated, hit); });
        }
        return;
    }
    if (!on_match) {
        return;
    }
    const CompiledDocument& document = *watch.document;
    Match match{.rule = watch.rule,
                .fact = fields.fact(),
                .level = level_of(document),
                .subject = {},
                .matched = matched};
    const auto& table = facts::info(document.kind).fields;
    match.subject.reserve(document.subject.size());
    for (const std::size_t field : document.subject) {
        facts::append_value_text(match.subject.emplace_back(table[field].name, "").second,
                                 fields[field]);
    }
    on_match(match);
}

void Judge::on_gap(const facts::CoverageGap& gap) {
    Gap& known = state_->gaps[static_cast<std::size_t>(gap.hook)];
    if (!known.told || gap.lost > known.lost) {
        known = {.told = true, .lost = gap.lost, .reason = std::string(gap.reason)};
    }
}

std::string Judge::State::gaps_of(facts::Kind kind) const {
    std::string text;
    for (const facts::HookInfo& hook : facts::kHooks) {
        const Gap& gap = gaps[static_cast<std::size_t>(hook.hook)];
        if (!gap.told || !rests_on(hook, kind)) {
            continue;
        }
        text += text.empty() ? "" : "; ";
        text += "hook " + std::string(hook.name);
        text += gap.lost == 0 ? " is missing" : " lost " + counted(gap.lost, "event");
        text += gap.reason.empty() ? "" : ": " + gap.reason;
    }
    return text;
}

Standing Judge::State::standing(const Watch& watch) const {
    const CompiledDocument& document = *watch.document;
    const Lookers& kind = lookers(document.kind);
    Standing standing;
    RuleOutcome& outcome = standing.outcome;
    outcome.rule = watch.rule;
    outcome.facts_judged = of_document(kind.judged, document) - watch.seen_before;
    outcome.matches = watch.matches;
    outcome.excepted = watch.excepted;
    outcome.loopback_left_out = loopback_of(kind, document) - watch.loopback_before;
    outcome.reason = gaps_of(document.kind);
    if (!document.left_unjudged.empty()) {
        append_clause(outcome.reason, document.left_unjudged);
    }
    for (const Unjudged::Reason& reason : watch.unjudged.reasons) {
        if (reason.facts > 0) {
            append_clause(outcome.reason, reason.text + " (" + counted(reason.facts, "fact") +
                                              (reason.example.empty() ? "" : ", such as ") +
                                              reason.example + ")");
        }
    }
    if (watch.matches > 0) {
        outcome.status = RuleStatus::finding;
        standing.found = watch.found.is_open.size() + watch.found.untracked;
        standing.closed = watch.found.closed;
        if (watch.held.matches_lost > 0) {
            append_clause(outcome.reason, counted(watch.held.matches_lost, "more match") +
                                              " came before the rule was known to apply and could "
                                              "not be kept");
        }
        return standing;
    }
    if (!outcome.reason.empty()) {
        outcome.status = RuleStatus::unknown;
        return standing;
    }
    const std::string kind_name(facts::info(document.kind).name);
    if (!watch.applied) {
        outcome.status = RuleStatus::not_applicable;
        outcome.reason = "no " + kind_name + " fact says " + document.applies_when_text;
    } else {
        outcome.status = RuleStatus::pass;
        outcome.reason =
            outcome.facts_judged == 0
                ? "no " + kind_name + " facts to judge"
                : counted(outcome.facts_judged, kind_name + " fact") + " judged, none matched";
        outcome.reason += left_out(outcome.loopback_left_out, outcome.excepted);
    }
    return standing;
}

/// Matches of the documents are no findings: what the correlation made of them counts.
Standing Judge::State::standing(const Correlated& correlated,
                                const std::vector<Watch>& watches) const {
    Standing sum;
    std::string not_judged;
    std::string not_applicable;
    for (const Watch& watch : watches) {
        Standing one = standing(watch);
        const RuleStatus status = one.outcome.status;
        const std::string& reason = one.outcome.reason;
        if (status == RuleStatus::not_applicable) {
            not_applicable = reason;
        } else if (status != RuleStatus::pass && !reason.empty() && !not_judged.contains(reason)) {
            append_clause(not_judged, reason);
        }
        sum.outcome.facts_judged += one.outcome.facts_judged;
        sum.outcome.matches += one.outcome.matches;
        sum.outcome.excepted += one.outcome.excepted;
        sum.outcome.loopback_left_out += one.outcome.loopback_left_out;
    }
    if (const std::string more = correlated.state.left_unjudged(); !more.empty()) {
        append_clause(not_judged, more);
    }
    RuleOutcome& outcome = sum.outcome;
    outcome.rule = correlated.rule;
    const std::uint64_t matched = std::exchange(outcome.matches, correlated.state.hits());
    outcome.reason = not_judged;
    if (outcome.matches > 0) {
        outcome.status = RuleStatus::finding;
    } else if (!not_judged.empty()) {
        outcome.status = RuleStatus::unknown;
    } else if (!not_applicable.empty() && matched == 0) {
        outcome.status = RuleStatus::not_applicable;
        outcome.reason = not_applicable;
    } else {
        outcome.status = RuleStatus::pass;
        outcome.reason = counted(outcome.facts_judged, "fact") + " judged, " +
                         std::to_string(matched) + " matched, never as the correlation asks" +
                         left_out(outcome.loopback_left_out, outcome.excepted);
    }
    return sum;
}

std::vector<RuleOutcome> Judge::outcomes() const {
    std::vector<RuleOutcome> all;
    all.reserve(state_->rules.size());
    for (const std::vector<Watch>& watches : state_->rules) {
        std::optional<Standing> worst;
        for (const Watch& watch : watches) {
            Standing standing = state_->standing(watch);
            if (!worst) {
                worst = std::move(standing);
                continue;
            }
            worst->take_in(std::move(standing));
        }
        if (worst && watches.front().correlated) {
            worst = state_->standing(*watches.front().correlated, watches);
        }
        if (worst) {
            all.push_back(std::move(*worst).finished());
        }
    }
    return all;
}

}  // namespace assay::engine
