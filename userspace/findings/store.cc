// SPDX-License-Identifier: Apache-2.0
#include "findings/store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "findings/fingerprint.h"
#include "findings/redact.h"

namespace assay::findings {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kCountIntervalNs = 60 * kSecondNs;
constexpr std::size_t kMaxEvidence = 4;
constexpr std::size_t kMaxSignatures = 16;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxAncestorText = 256;
constexpr std::size_t kMaxListItems = 32;
constexpr std::size_t kMaxProcesses = 9;  // the process and eight parents

/// What happened cannot become false; what stands can.
bool is_act(facts::Kind kind) { return !facts::info(kind).tells_state; }

/// How the host is set up: each fact replaces the one before, and the program named in it is the
/// one that changed it, not what the finding is about.
bool is_set_up(facts::Kind kind) {
    return kind == facts::Kind::setting || kind == facts::Kind::account ||
           kind == facts::Kind::directory;
}

std::string field_text(const facts::FactView& fact, std::string_view field) {
    std::string out;
    facts::append_value_text(out, fact.get(field));
    return out;
}

/// Facts with the same signature are the same kind of evidence, whatever their counts and pids.
std::string signature_of(const engine::Match& match) {
    constexpr std::array<std::string_view, 21> kFields{"Value",
                                                       "Source",
                                                       "EffectiveBy",
                                                       "Enabled",
                                                       "WritableBy",
                                                       "WeakestPath",
                                                       "Mode",
                                                       "Password",
                                                       "MaximumDays",
                                                       "ApplicationProtocol",
                                                       "ApplicationProtocolVersion",
                                                       "ProtocolEvidence",
                                                       "Encrypted",
                                                       "TlsVersion",
                                                       "CleartextCredentials",
                                                       "StartTlsOffered",
                                                       "StartTlsTaken",
                                                       "Initiated",
                                                       "Open",
                                                       "State",
                                                       "Mechanism"};
    std::string out;
    for (const auto field : kFields) {
        facts::append_value_text(out, match.fact.get(field));
        out += '\n';
    }
    return out;
}

Confidence confidence_of(const facts::FactView& fact) {
    return field_text(fact, "ProtocolEvidence") == "port" ? Confidence::low : Confidence::high;
}

/// Sigma asks for an id; a rule of the user's may have none.
std::string identity_of(const engine::RuleInfo& rule) {
    return rule.id.empty() ? rule.package + "/" + rule.slug : rule.id;
}

std::string safe(std::string_view text, std::size_t limit) {
    return shortened(redacted(text), limit);
}

/// Facts of the set-up hold names, modes and file:line, no command lines: there the redactor would
/// only take /etc/pam.d/common-password:25 for a password.
std::string safe(facts::Kind kind, std::string_view text, std::size_t limit) {
    return is_set_up(kind) ? shortened(text, limit) : safe(text, limit);
}

facts::RecordedFact::Value safe_value(facts::Kind kind, const facts::FieldValue& value) {
    using Value = facts::RecordedFact::Value;
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return safe(kind, *text, kMaxText);
    }
    if (const auto* list = std::get_if<facts::TextList>(&value)) {
        std::vector<std::string> items;
        for (const auto item : *list) {
            if (items.size() == kMaxListItems) {
                items.push_back("and " + std::to_string(list->size() - kMaxListItems) + " more");
                break;
            }
            items.push_back(safe(kind, item, kMaxAncestorText));
        }
        return items;
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag;
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return *number;
    }
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return *number;
    }
    return Value{};
}

}  // namespace

struct Store::Entry {
    Finding finding;
    std::string image;
    std::unordered_map<std::uint64_t, std::uint64_t> streams;  ///< newest count of each
    std::vector<std::string> signatures;                       ///< kinds of evidence that were told
    std::vector<std::size_t> evidence_of;  ///< by signature: index in finding.evidence
    Timestamp told_at;
    bool count_waits = false;
};

struct Store::Group {
    std::size_t open = 0;
    std::unique_ptr<Entry> summary;
    std::set<std::string> subjects;  ///< uids that the summary stands for
};

struct Store::RuleState {
    const engine::RuleInfo* rule = nullptr;
    std::map<std::string, std::unique_ptr<Entry>> open;  ///< by uid
    std::map<std::string, Group> groups;                 ///< by Image
    Group everything;  ///< subjects beyond kMaxOpen, of whatever Image
    LevelCounts closed{};
};

Store::Store(HostInfo host, RunInfo run, AncestryLookup ancestry,
             std::function<void(const Change&)> tell)
    : context_(std::make_shared<const RunContext>(RunContext{std::move(host), std::move(run)})),
      host_id_(context_->host.machine_id.empty() ? context_->host.hostname
                                                 : context_->host.machine_id),
      ancestry_(std::move(ancestry)),
      tell_(std::move(tell)) {}

Store::~Store() = default;

Store::RuleState& Store::state_of(const engine::RuleInfo* rule) {
    auto& state = by_rule_[rule];
    if (!state) {
        state = std::make_unique<RuleState>();
        state->rule = rule;
        in_order_.push_back(state.get());
    }
    return *state;
}

void Store::replace_rules(std::span<const engine::RuleInfo* const> rules) {
    decltype(by_rule_) replaced;
    for (auto& [rule, state] : by_rule_) {
        const auto now = std::ranges::find_if(rules, [known = rule](const engine::RuleInfo* each) {
            return each->slug == known->slug && each->package == known->package &&
                   identity_of(*each) == identity_of(*known);
        });
        const engine::RuleInfo* key = now == rules.end() ? rule : *now;
        state->rule = key;
        for (auto& [uid, entry] : state->open) {
            entry->finding.rule = key;
        }
        for (auto& [image, group] : state->groups) {
            if (group.summary) {
                group.summary->finding.rule = key;
            }
        }
        if (state->everything.summary) {
            state->everything.summary->finding.rule = key;
        }
        replaced.emplace(key, std::move(state));
    }
    by_rule_ = std::move(replaced);
}

void Store::on_match(const engine::Match& match) {
    // Most judgements say false about what was never found: nothing may be paid for them.
    const auto known = by_rule_.find(match.rule);
    if (!match.matched && (known == by_rule_.end() || is_act(match.fact.kind()))) {
        return;
    }
    // The identity is made of redacted texts: a fingerprint of a password lets it be guessed.
    Fingerprint fingerprint{identity_of(*match.rule), host_id_};
    for (const auto& [field, value] : match.subject) {
        fingerprint.add(field).add(is_set_up(match.fact.kind()) ? value : redacted(value));
    }
    const std::string uid = fingerprint.uuid();
    const std::string image = is_set_up(match.fact.kind())
                                  ? std::string()
                                  : safe(field_text(match.fact, "Image"), kMaxText);
    RuleState& state = state_of(match.rule);
    if (!match.matched) {
        close(state, uid, image, match);
        return;
    }
    worst_ = std::max(worst_.value_or(match.level), match.level);
    if (const auto entry = state.open.find(uid); entry != state.open.end()) {
        seen_again(*entry->second, match);
    } else {
        create(state, uid, image, match);
    }
}

void Store::create(RuleState& state, const std::string& uid, const std::string& image,
                   const engine::Match& match) {
    const auto group = state.groups.find(image);
    if (open_ >= kMaxOpen || (group != state.groups.end() && group->second.open >= kMaxForImage)) {
        add_to_summary(state, image, uid, match);
        return;
    }
    auto entry = std::make_unique<Entry>();
    entry->image = image;
    Finding& finding = entry->finding;
    finding.uid = uid;
    finding.rule = match.rule;
    finding.context = context_;
    finding.kind = match.fact.kind();
    finding.level = match.level;
    finding.confidence = confidence_of(match.fact);
    for (const auto& [field, value] : match.subject) {
        finding.subject.emplace_back(field, safe(match.fact.kind(), value, kMaxText));
    }
    finding.first_seen = match.fact.header().time;
    finding.last_seen = finding.first_seen;
    finding.count = 0;
    finding.evidence.push_back(gather(match, nullptr));
    entry->signatures.push_back(signature_of(match));
    entry->evidence_of.push_back(0);
    fold_count(*entry, match.fact.header());
    Entry& made = *entry;
    state.open.emplace(uid, std::move(entry));
    ++state.groups[image].open;
    ++open_;
    tell(made, Activity::create, Cause::first_match, match.fact.header().time);
}

void Store::add_to_summary(RuleState& state, const std::string& image, const std::string& uid,
                           const engine::Match& match) {
    // At the limit of all findings a new Image gets no summary of its own, or there would be no
    // limit.
    const auto full = state.groups.find(image);
    const bool of_image = full != state.groups.end() && full->second.open >= kMaxForImage;
    Group& group = of_image ? full->second : state.everything;
    const Timestamp now = match.fact.header().time;
    const bool first = group.summary == nullptr;
    if (first) {
        group.summary = std::make_unique<Entry>();
        Finding& made = group.summary->finding;
        made.uid = Fingerprint{identity_of(*match.rule), host_id_, "more", of_image ? "Image" : "",
                               of_image ? image : std::string()}
                       .uuid();
        made.rule = match.rule;
        made.context = context_;
        made.kind = match.fact.kind();
        made.level = match.level;
        made.confidence = confidence_of(match.fact);
        if (of_image) {
            made.subject.emplace_back("Image", image);
        }
        made.first_seen = now;
        made.count = 0;
        made.is_summary = true;
        made.evidence.push_back(gather(match, nullptr));
    }
    Entry& summary = *group.summary;
    summary.finding.last_seen = std::max(summary.finding.last_seen, now);
    bool grew = false;
    if (!group.subjects.contains(uid)) {
        if (subjects_ < kMaxSubjects) {
            group.subjects.insert(uid);
            ++subjects_;
            grew = true;
        } else {
            summary.finding.count_is_minimum = true;
            grew = first;
        }
    }
    summary.finding.count += grew ? 1U : 0U;
    summary.count_waits = summary.count_waits || grew;
    if (first) {
        tell(summary, Activity::create, Cause::first_match, now);
    } else if (match.level > summary.finding.level) {
        summary.finding.level = match.level;
        tell(summary, Activity::update, Cause::severity, now);
    } else if (summary.count_waits && now.ns - summary.told_at.ns >= kCountIntervalNs) {
        tell(summary, Activity::update, Cause::count, now);
    }
}

void Store::seen_again(Entry& entry, const engine::Match& match) {
    Finding& finding = entry.finding;
    const facts::FactHeader& header = match.fact.header();
    // What is told is never less than one.
    const std::uint64_t count_before = std::max<std::uint64_t>(finding.count, 1);
    finding.first_seen = std::min(finding.first_seen, header.time);
    finding.last_seen = std::max(finding.last_seen, header.time);
    fold_count(entry, header);
    entry.count_waits = entry.count_waits || finding.count > count_before;

    const std::string signature = signature_of(match);
    const auto known = std::ranges::find(entry.signatures, signature);
    const bool new_kind =
        known == entry.signatures.end() && entry.signatures.size() < kMaxSignatures;
    if (new_kind && is_set_up(finding.kind)) {
        finding.evidence.back() = gather(match, nullptr);
        entry.signatures.back() = signature;
    } else if (new_kind) {
        if (finding.evidence.size() < kMaxEvidence) {
            finding.evidence.push_back(gather(match, nullptr));
        } else {
            finding.evidence.back() = gather(match, nullptr);
        }
        entry.signatures.push_back(signature);
        entry.evidence_of.push_back(finding.evidence.size() - 1);
        if (confidence_of(match.fact) == Confidence::high) {
            finding.confidence = Confidence::high;
        }
    } else if (known != entry.signatures.end() && header.stream != 0) {
        // The same thing told again with newer counts: the evidence shows them too.
        const auto at =
            entry.evidence_of[static_cast<std::size_t>(known - entry.signatures.begin())];
        auto& evidence = finding.evidence[at];
        evidence = gather(match, evidence.get());
    }

    // An act was as bad as the worst of it; a state is what it is now.
    const auto level = is_act(finding.kind) ? std::max(finding.level, match.level) : match.level;
    if (level != finding.level) {
        finding.level = level;
        tell(entry, Activity::update, Cause::severity, header.time);
    } else if (new_kind) {
        tell(entry, Activity::update, Cause::evidence, header.time);
    } else if (entry.count_waits && header.time.ns - entry.told_at.ns >= kCountIntervalNs) {
        tell(entry, Activity::update, Cause::count, header.time);
    }
}

void Store::fold_count(Entry& entry, const facts::FactHeader& header) {
    Finding& finding = entry.finding;
    if (header.stream == 0) {
        finding.count += header.count;
    } else if (const auto known = entry.streams.find(header.stream); known != entry.streams.end()) {
        // Counts of a stream only grow; an older fact that comes late takes nothing back.
        const std::uint64_t newest = std::max(known->second, header.count);
        finding.count += newest - known->second;
        known->second = newest;
    } else if (streams_ < kMaxStreams) {
        entry.streams.emplace(header.stream, header.count);
        ++streams_;
        finding.count += header.count;
    } else {
        finding.count_is_minimum = true;
    }
}

std::shared_ptr<const Evidence> Store::gather(const engine::Match& match,
                                              const Evidence* known_process) const {
    const facts::FactView& fact = match.fact;
    auto evidence = std::make_shared<Evidence>(fact.kind());
    evidence->fact.header = fact.header();
    for (std::size_t i = 0; i < evidence->fact.values.size(); ++i) {
        evidence->fact.values[i] = safe_value(fact.kind(), fact.get(i));
    }
    evidence->fact.freeze();
    evidence->process = fact.header().process;
    if (known_process != nullptr && known_process->process == evidence->process) {
        evidence->processes = known_process->processes;
        return evidence;
    }
    if (ancestry_ && evidence->process.pid != 0) {
        evidence->processes = ancestry_(evidence->process);
        evidence->processes.resize(std::min(evidence->processes.size(), kMaxProcesses));
    }
    bool parent = false;
    for (auto& process : evidence->processes) {
        process.image = safe(process.image, kMaxText);
        process.command_line = safe(process.command_line, parent ? kMaxAncestorText : kMaxText);
        process.user = safe(process.user, kMaxAncestorText);
        parent = true;
    }
    // The fact knows best who it was: the process may run another program by now, or be gone.
    const std::string image = safe(field_text(fact, "Image"), kMaxText);
    if (!image.empty()) {
        if (evidence->processes.empty()) {
            ProcessSummary process;
            process.pid = evidence->process.pid;
            process.user = safe(field_text(fact, "User"), kMaxAncestorText);
            const auto uid = fact.get("Uid");
            if (const auto* number = std::get_if<std::uint64_t>(&uid)) {
                process.uid = static_cast<std::uint32_t>(*number);
            }
            evidence->processes.push_back(std::move(process));
        }
        auto& process = evidence->processes.front();
        if (process.image != image) {
            process.image = image;
            process.command_line.clear();
        }
        if (const std::string command_line = field_text(fact, "CommandLine");
            !command_line.empty()) {
            process.command_line = safe(command_line, kMaxText);
        }
    }
    return evidence;
}

void Store::close(RuleState& state, const std::string& uid, const std::string& image,
                  const engine::Match& match) {
    const Timestamp now = match.fact.header().time;
    if (const auto found = state.open.find(uid); found != state.open.end()) {
        Entry& entry = *found->second;
        entry.finding.open = false;
        if (is_set_up(entry.finding.kind) && !match.fact.header().gone) {
            entry.finding.evidence.back() = gather(match, nullptr);  // what it is now
        }
        tell(entry, Activity::close, Cause::no_longer, now);
        ++state.closed[static_cast<std::size_t>(entry.finding.level)];
        streams_ -= entry.streams.size();
        --open_;
        const auto group = state.groups.find(entry.image);
        if (--group->second.open == 0 && !group->second.summary) {
            state.groups.erase(group);
        }
        state.open.erase(found);
        return;
    }
    const auto group = state.groups.find(image);
    for (Group* summed :
         {group == state.groups.end() ? nullptr : &group->second, &state.everything}) {
        if (summed == nullptr || !summed->summary || summed->subjects.erase(uid) == 0) {
            continue;
        }
        --subjects_;
        Entry& summary = *summed->summary;
        ++state.closed[static_cast<std::size_t>(summary.finding.level)];
        --summary.finding.count;
        summary.count_waits = true;
        if (summed->subjects.empty() && !summary.finding.count_is_minimum) {
            summary.finding.open = false;
            tell(summary, Activity::close, Cause::no_longer, now);
            summed->summary.reset();
            if (summed != &state.everything && summed->open == 0) {
                state.groups.erase(group);
            }
        }
        return;
    }
}

void Store::tell(Entry& entry, Activity activity, Cause cause, Timestamp when) {
    Finding& finding = entry.finding;
    finding.changed = std::max(when, finding.changed);
    finding.cause = cause;
    entry.told_at = finding.changed;
    entry.count_waits = false;
    auto told = std::make_shared<Finding>(finding);
    // A listener's first fact may count no connection yet; the finding itself is one.
    told->count = std::max<std::uint64_t>(told->count, 1);
    ++finding.change;
    tell_(Change{activity, std::move(told)});
}

template <class Visit>
void Store::each_entry(Visit&& visit) {
    for (RuleState* state : in_order_) {
        for (auto& [uid, entry] : state->open) {
            visit(*entry);
        }
        for (auto& [image, group] : state->groups) {
            if (group.summary) {
                visit(*group.summary);
            }
        }
        if (state->everything.summary) {
            visit(*state->everything.summary);
        }
    }
}

void Store::flush(Timestamp now, bool all) {
    each_entry([&](Entry& entry) {
        if (entry.count_waits && (all || now.ns - entry.told_at.ns >= kCountIntervalNs)) {
            tell(entry, Activity::update, Cause::count, now);
        }
    });
}

void Store::tick(Timestamp now) {
    if (now.ns - flushed_.ns < kSecondNs) {
        return;
    }
    flushed_ = now;
    flush(now, false);
}

void Store::finish(Timestamp now) { flush(now, true); }

std::vector<RuleCount> Store::counts() const {
    std::map<std::string, LevelCounts> by_slug;
    for (const RuleState* state : in_order_) {
        auto& counts = by_slug[state->rule->slug];
        const auto add = [&](const Entry& entry) {
            counts[static_cast<std::size_t>(entry.finding.level)] +=
                entry.finding.is_summary ? entry.finding.count : 1;
        };
        for (std::size_t level = 0; level < kLevels; ++level) {
            counts[level] += state->closed[level];
        }
        for (const auto& [uid, entry] : state->open) {
            add(*entry);
        }
        for (const auto& [image, group] : state->groups) {
            if (group.summary) {
                add(*group.summary);
            }
        }
        if (state->everything.summary) {
            add(*state->everything.summary);
        }
    }
    std::vector<RuleCount> counts;
    for (const auto& [slug, by_level] : by_slug) {
        counts.push_back({slug, by_level});
    }
    return counts;
}

LevelCounts Store::counts_by_level() const {
    LevelCounts sum{};
    for (const auto& rule : counts()) {
        for (std::size_t level = 0; level < kLevels; ++level) {
            sum[level] += rule.by_level[level];
        }
    }
    return sum;
}

}  // namespace assay::findings
