// SPDX-License-Identifier: Apache-2.0
#include "app/assessment.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/fact_filter.h"

namespace assay::app {
namespace {

using State = sensors::HookState::State;

std::string_view state_name(State state) {
    switch (state) {
        case State::attached:
            return "attached";
        case State::missing:
            return "missing";
        case State::not_needed:
            return "not-needed";
    }
    return "missing";
}

findings::ProcessSummary summary_of(model::Ancestor ancestor) {
    return {.pid = ancestor.process.pid,
            .image = std::move(ancestor.image),
            .command_line = std::move(ancestor.command_line),
            .user = std::move(ancestor.user),
            .uid = ancestor.uid};
}

double seconds(std::chrono::steady_clock::duration length) {
    return std::chrono::duration<double>(length).count();
}

}  // namespace

Assessment::Assessment(AssessmentPlan plan, const HostRoot& host,
                       std::shared_ptr<const engine::RuleSet> rules, deliver::Delivery& delivery)
    : plan_(std::move(plan)),
      rules_(std::move(rules)),
      delivery_(delivery),
      store_(
          plan_.host, plan_.run, [this](facts::ProcessKey process) { return ancestry(process); },
          [this](const findings::Change& change) { delivery_.deliver(change); }),
      judge_(*rules_, {.include_loopback = plan_.include_loopback},
             [this](const engine::Match& match) { store_.on_match(match); }),
      observation_(host, {.on_fact = [this](const facts::FactView& fact) { on_fact(fact); },
                          .on_hook_state =
                              [this](const sensors::HookState& state) { on_hook_state(state); }}) {}

Result<void> Assessment::start() {
    auto kinds = rules_->kinds_needed();
    if (std::ranges::find(kinds, facts::Kind::coverage) == kinds.end()) {
        kinds.push_back(facts::Kind::coverage);
    }
    observed_ = kinds;
    const bool set_up = std::ranges::any_of(kinds, is_set_up);
    const ObservationPlan plan{
        .kinds = std::move(kinds),
        .length = plan_.length,
        .running = plan_.running,
        .file_prefixes =
            engine::literal_prefixes(*rules_, facts::Kind::file_event, "TargetFilename"),
        .host_names = rules_->needs_field(facts::Kind::network_connection, "DestinationHostname")};
    observed_plan_ = plan;
    if (auto started = observation_.start(plan); !started) {
        return started;
    }
    if (!set_up && observes_behaviour() && nothing_attached()) {
        return fail(
            "none of the hooks that the rules need is served by this kernel: see assay doctor");
    }
    return {};
}

Result<void> Assessment::watch(const std::function<bool()>& stop) {
    auto watched = observation_.watch([&] {
        store_.tick(wall_clock_now());
        ended_early_ = stop();
        return !ended_early_ && !over();
    });
    if (watched) {
        return {};
    }
    ended_early_ = true;
    for (const facts::HookInfo& hook : facts::kHooks) {
        const auto& entry = coverage_[static_cast<std::size_t>(hook.hook)];
        if (entry && entry->state == state_name(State::attached)) {
            on_gap(hook.hook, entry->lost, watched.error().message);
        }
    }
    return watched;
}

findings::Verdicts Assessment::finish() {
    const double watched = seconds(Clock::now() - observation_.began());
    observation_.close();
    const Timestamp end = wall_clock_now();
    store_.finish(end);

    findings::Verdicts verdicts;
    verdicts.run = plan_.run;
    verdicts.host = plan_.host;
    verdicts.end = end;
    verdicts.planned_seconds = plan_.length ? seconds(*plan_.length) : 0;
    verdicts.seconds = watched;
    verdicts.ended_early = ended_early_;
    verdicts.include_loopback = plan_.include_loopback;
    verdicts.outcomes = judge_.outcomes();
    say_what_was_not_observed(verdicts.outcomes);
    for (std::size_t i = 0; i < rules_->loaded().size(); ++i) {
        engine::RuleOutcome& outcome = verdicts.outcomes[i];
        if (outcome.status != engine::RuleStatus::pass) {
            continue;
        }
        if (std::string why = not_gathered(*rules_->loaded()[i]); !why.empty()) {
            outcome.status = engine::RuleStatus::unknown;
            outcome.reason = std::move(why);
        }
    }
    verdicts.outcomes.insert(verdicts.outcomes.end(), removed_.begin(), removed_.end());
    for (const auto& [info, reason] : waiting_) {
        verdicts.outcomes.push_back(
            {.rule = &info, .status = engine::RuleStatus::unknown, .reason = reason});
    }
    for (auto& entry : coverage_) {
        if (entry) {
            verdicts.coverage.push_back(*entry);
        }
    }
    verdicts.facts = facts_;
    verdicts.findings = store_.counts();
    delivery_.deliver(verdicts);
    return verdicts;
}

void Assessment::replace_rules(std::shared_ptr<const engine::RuleSet> rules,
                               std::vector<engine::RuleSet::Unsupported> waiting) {
    for (engine::RuleOutcome& outcome : judge_.outcomes()) {
        if (outcome.matches > 0 &&
            std::ranges::find(rules->rules(), outcome.rule->slug, &engine::RuleInfo::slug) ==
                rules->rules().end()) {
            outcome.reason += outcome.reason.empty() ? "" : "; ";
            outcome.reason += "the rule was removed in the window";
            removed_.push_back(std::move(outcome));
        }
    }
    std::erase_if(removed_, [&](const engine::RuleOutcome& outcome) {
        return std::ranges::find(rules->rules(), outcome.rule->slug, &engine::RuleInfo::slug) !=
               rules->rules().end();
    });
    judge_.replace_rules(*rules);
    store_.replace_rules(rules->rules());
    rules_ = std::move(rules);
    waiting_ = std::move(waiting);
}

std::string Assessment::not_gathered(const engine::LoadedRule& rule) const {
    for (const engine::CompiledDocument& document : rule.compiled) {
        if (document.kind == facts::Kind::file_event && observed_plan_.file_prefixes) {
            const auto wanted = engine::literal_prefixes(*rules_, document.kind, "TargetFilename");
            const auto watched = [&](const std::string& prefix) {
                return std::ranges::any_of(
                    *observed_plan_.file_prefixes,
                    [&](const std::string& known) { return prefix.starts_with(known); });
            };
            if (!wanted || !std::ranges::all_of(*wanted, watched)) {
                return "since the rules were read again they ask for files in places that this "
                       "window does not watch";
            }
        }
        const auto field = facts::find_field(facts::info(document.kind), "DestinationHostname");
        if (document.kind == facts::Kind::network_connection && !observed_plan_.host_names &&
            field && (document.fields_used >> *field & 1U) != 0) {
            return "DNS answers are not read in this window: no rule asked for them when it began";
        }
    }
    return {};
}

bool Assessment::observes_behaviour() const {
    return plan_.running && (!plan_.length || plan_.length->count() > 0);
}

bool Assessment::is_about_set_up(const engine::RuleInfo& rule) const {
    const auto at = std::ranges::find(rules_->rules(), &rule);
    if (at == rules_->rules().end()) {
        return false;
    }
    const auto& documents =
        rules_->loaded()[static_cast<std::size_t>(at - rules_->rules().begin())]->compiled;
    return std::ranges::any_of(documents, [](const engine::CompiledDocument& document) {
        return is_set_up(document.kind);
    });
}

void Assessment::say_what_was_not_observed(std::vector<engine::RuleOutcome>& outcomes) const {
    for (engine::RuleOutcome& outcome : outcomes) {
        // Of what is set up there is always something; of what happens there may be nothing.
        if (outcome.status == engine::RuleStatus::pass && outcome.facts_judged == 0 &&
            is_about_set_up(*outcome.rule)) {
            outcome.status = engine::RuleStatus::unknown;
            outcome.reason = "nothing of it could be found or read on this host";
        }
    }
    if (observes_behaviour()) {
        return;
    }
    for (engine::RuleOutcome& outcome : outcomes) {
        if (is_about_set_up(*outcome.rule)) {
            continue;
        }
        outcome.status =
            plan_.running ? engine::RuleStatus::unknown : engine::RuleStatus::not_applicable;
        outcome.reason = plan_.running ? "a window of 0 s shows nothing of what happens on the host"
                                       : "nothing runs on the host below --host-root";
    }
}

deliver::Status Assessment::status() const {
    deliver::Status status;
    if (plan_.length) {
        status.seconds_left = seconds(observation_.began() + *plan_.length - Clock::now());
    }
    status.facts = facts_;
    status.findings = store_.open_findings();
    status.lost = observation_.lost();
    return status;
}

void Assessment::on_fact(const facts::FactView& fact) {
    ++facts_;
    if (fact.kind() == facts::Kind::coverage) {
        on_coverage(fact);
    }
    judge_.on_fact(fact);
}

/// What the model had to let go counts with what the kernel side lost: the fact has the sum.
void Assessment::on_coverage(const facts::FactView& fact) {
    const facts::FieldValue name = fact.get("Hook");
    const facts::FieldValue lost = fact.get("Lost");
    const facts::FieldValue reason = fact.get("Reason");
    const auto* hook_name = std::get_if<std::string_view>(&name);
    const auto* count = std::get_if<std::uint64_t>(&lost);
    const auto* text = std::get_if<std::string_view>(&reason);
    const facts::HookInfo* hook = hook_name != nullptr ? facts::find_hook(*hook_name) : nullptr;
    if (hook == nullptr || count == nullptr || *count == 0) {
        return;
    }
    const std::string_view why = text != nullptr ? *text : std::string_view{};
    auto& entry = coverage_[static_cast<std::size_t>(hook->hook)];
    if (entry && entry->lost < *count) {
        entry->lost = *count;
        entry->reason = why;
    }
    on_gap(hook->hook, *count, why);
}

void Assessment::on_hook_state(const sensors::HookState& state) {
    const facts::HookInfo& hook = facts::info(state.hook);
    auto& entry = coverage_[static_cast<std::size_t>(state.hook)];
    const bool first_loss = state.lost > 0 && (!entry || entry->lost == 0);
    const bool first_missing = state.state == State::missing && !entry;
    entry = findings::CoverageEntry{.hook = std::string(hook.name),
                                    .state = std::string(state_name(state.state)),
                                    .mechanism = std::string(state.mechanism),
                                    .reason = std::string(state.reason),
                                    .lost = state.lost};
    if (first_missing) {
        spdlog::log(hook.essential ? spdlog::level::warn : spdlog::level::info,
                    "hook {} is missing: {}", hook.name, state.reason);
    }
    if (first_loss) {
        spdlog::warn("hook {} has lost {} events: {}", hook.name, state.lost, state.reason);
    }
    if (state.state == State::missing || state.lost > 0) {
        on_gap(state.hook, state.lost, state.reason);
    }
}

void Assessment::on_gap(facts::Hook hook, std::uint64_t lost, std::string_view reason) {
    judge_.on_gap({.hook = hook, .lost = lost, .reason = reason});
}

bool Assessment::over() const {
    return plan_.length && Clock::now() >= observation_.began() + *plan_.length;
}

bool Assessment::nothing_attached() const {
    return std::ranges::none_of(coverage_, [](const auto& entry) {
        return entry && entry->state == state_name(State::attached);
    });
}

std::vector<findings::ProcessSummary> Assessment::ancestry(facts::ProcessKey process) const {
    std::vector<findings::ProcessSummary> line;
    model::Ancestor itself = observation_.model().process(process);
    if (itself.image.empty()) {
        return line;
    }
    line.push_back(summary_of(std::move(itself)));
    for (model::Ancestor& ancestor : observation_.model().ancestry(process)) {
        line.push_back(summary_of(std::move(ancestor)));
    }
    return line;
}

}  // namespace assay::app
