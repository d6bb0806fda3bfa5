// SPDX-License-Identifier: Apache-2.0
#include "engine/judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/compiled_rule.h"

namespace assay::engine {
namespace {

constexpr std::size_t kMostSubjects = 4096;   // of one rule; findings keep 100 of them apart
constexpr std::size_t kMostStreams = 65'536;  // loopback streams told apart

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

/// One document while facts go by.
struct Watch {
    const RuleInfo* rule = nullptr;
    const CompiledDocument* document = nullptr;
    bool applied = false;
    std::uint64_t judged = 0;
    std::uint64_t matches = 0;
    std::uint64_t excepted = 0;
    std::vector<std::uint64_t> could_not_judge;  ///< facts for each unknown_when
    TextSet matched_subjects;
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

}  // namespace

struct Judge::State {
    JudgeOptions options;
    OnMatch on_match;
    std::vector<std::vector<Watch>> rules;  ///< the documents of each rule; never resized again
    /// Who looks at a fact of a kind: in the window, and at its close.
    std::array<std::vector<Watch*>, facts::kKinds.size()> in_window;
    std::array<std::vector<Watch*>, facts::kKinds.size()> at_close;
    std::array<std::uint64_t, facts::kKinds.size()> loopback_in_window{};
    std::array<std::uint64_t, facts::kKinds.size()> loopback_at_close{};
    std::unordered_set<std::uint64_t> loopback_streams;
    std::array<Gap, facts::kHooks.size()> gaps;
    FactFields fields;
    std::string subject_key;

    void look(Watch& watch);
    void leave_out_loopback(const facts::FactView& fact);
    void tell(const Watch& watch, bool matched);
    void make_subject_key(const CompiledDocument& document);
    [[nodiscard]] Level level_of(const CompiledDocument& document);
    [[nodiscard]] std::string gaps_of(facts::Kind kind) const;
    [[nodiscard]] RuleOutcome outcome(const Watch& watch) const;
};

Judge::Judge(const RuleSet& rules, JudgeOptions options, OnMatch on_match)
    : state_(std::make_unique<State>()) {
    state_->options = options;
    state_->on_match = std::move(on_match);
    state_->rules.reserve(rules.loaded().size());
    for (const LoadedRule* rule : rules.loaded()) {
        std::vector<Watch>& watches = state_->rules.emplace_back();
        watches.resize(rule->compiled.size());
        for (std::size_t i = 0; i < watches.size(); ++i) {
            Watch& watch = watches[i];
            watch.rule = &rule->info;
            watch.document = &rule->compiled[i];
            watch.could_not_judge.resize(watch.document->unknown_when.size());
            const auto kind = static_cast<std::size_t>(watch.document->kind);
            state_->at_close[kind].push_back(&watch);
            if (!watch.document->at_window_close) {
                state_->in_window[kind].push_back(&watch);
            }
        }
    }
}

Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;

void Judge::on_fact(const facts::FactView& fact) {
    const auto kind = static_cast<std::size_t>(fact.kind());
    const auto& watches = fact.header().at_close ? state_->at_close[kind] : state_->in_window[kind];
    if (fact.header().loopback && !state_->options.include_loopback) {
        state_->leave_out_loopback(fact);
        return;
    }
    if (watches.empty()) {
        return;
    }
    state_->fields.look_at(fact);
    for (Watch* watch : watches) {
        state_->look(*watch);
    }
}

void Judge::State::leave_out_loopback(const facts::FactView& fact) {
    const auto kind = static_cast<std::size_t>(fact.kind());
    if (fact.header().at_close) {
        ++loopback_at_close[kind];
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
    ++loopback_in_window[kind];
}

void Judge::State::look(Watch& watch) {
    const CompiledDocument& document = *watch.document;
    ++watch.judged;
    if (document.applies_when && !watch.applied) {
        watch.applied = document.applies_when->holds(fields);
    }
    std::optional<std::size_t> unknown;
    for (std::size_t i = 0; i < document.unknown_when.size() && !unknown; ++i) {
        if (document.unknown_when[i].when.holds(fields)) {
            unknown = i;
        }
    }
    const bool matched = !unknown && document.detection.holds(fields);
    if (matched || unknown) {
        for (const CompiledClause& exception : document.exceptions) {
            if (exception.when.holds(fields)) {
                ++watch.excepted;
                return;
            }
        }
    }
    if (unknown) {
        ++watch.could_not_judge[*unknown];
        return;
    }
    const bool is_state = facts::info(document.kind).tells_state;
    if (matched) {
        ++watch.matches;
        if (is_state && watch.matched_subjects.size() < kMostSubjects) {
            make_subject_key(document);
            watch.matched_subjects.insert(subject_key);
        }
        tell(watch, true);
        return;
    }
    if (!is_state) {
        return;
    }
    if (document.at_window_close) {
        tell(watch, false);
    } else if (!watch.matched_subjects.empty()) {
        make_subject_key(document);
        if (const auto found = watch.matched_subjects.find(std::string_view(subject_key));
            found != watch.matched_subjects.end()) {
            watch.matched_subjects.erase(found);
            tell(watch, false);
        }
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

void Judge::State::tell(const Watch& watch, bool matched) {
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

RuleOutcome Judge::State::outcome(const Watch& watch) const {
    const CompiledDocument& document = *watch.document;
    const auto kind = static_cast<std::size_t>(document.kind);
    RuleOutcome outcome;
    outcome.rule = watch.rule;
    outcome.facts_judged = watch.judged;
    outcome.matches = watch.matches;
    outcome.excepted = watch.excepted;
    outcome.loopback_left_out =
        document.at_window_close ? loopback_at_close[kind] : loopback_in_window[kind];
    outcome.reason = gaps_of(document.kind);
    for (std::size_t i = 0; i < watch.could_not_judge.size(); ++i) {
        if (watch.could_not_judge[i] > 0) {
            outcome.reason += outcome.reason.empty() ? "" : "; ";
            outcome.reason += document.unknown_when[i].reason + " (" +
                              counted(watch.could_not_judge[i], "fact") + ")";
        }
    }
    if (watch.matches > 0) {
        outcome.status = RuleStatus::finding;
        return outcome;
    }
    if (!outcome.reason.empty()) {
        outcome.status = RuleStatus::unknown;
        return outcome;
    }
    const std::string kind_name(facts::info(document.kind).name);
    if (document.applies_when && !watch.applied) {
        outcome.status = RuleStatus::not_applicable;
        outcome.reason = "no " + kind_name + " fact says " + document.applies_when_text;
    } else {
        outcome.status = RuleStatus::pass;
        outcome.reason = watch.judged == 0
                             ? "no " + kind_name + " facts to judge"
                             : counted(watch.judged, kind_name + " fact") + " judged, none matched";
        outcome.reason += left_out(outcome.loopback_left_out, outcome.excepted);
    }
    return outcome;
}

std::vector<RuleOutcome> Judge::outcomes() const {
    std::vector<RuleOutcome> all;
    all.reserve(state_->rules.size());
    for (const std::vector<Watch>& watches : state_->rules) {
        std::optional<RuleOutcome> worst;
        for (const Watch& watch : watches) {
            RuleOutcome outcome = state_->outcome(watch);
            if (!worst) {
                worst = std::move(outcome);
                continue;
            }
            if (weight(outcome.status) > weight(worst->status)) {
                worst->status = outcome.status;
                worst->reason = std::move(outcome.reason);
            }
            worst->facts_judged += outcome.facts_judged;
            worst->matches += outcome.matches;
            worst->excepted += outcome.excepted;
            worst->loopback_left_out += outcome.loopback_left_out;
        }
        if (worst) {
            all.push_back(std::move(*worst));
        }
    }
    return all;
}

}  // namespace assay::engine
