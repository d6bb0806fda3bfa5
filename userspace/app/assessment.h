// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "app/duration.h"
#include "app/observation.h"
#include "base/result.h"
#include "deliver/delivery.h"
#include "engine/judge.h"
#include "engine/rule_set.h"
#include "facts/hooks.h"
#include "findings/store.h"

namespace assay::app {

struct AssessmentPlan {
    findings::HostInfo host;
    findings::RunInfo run;
    WindowLength length;
    bool running = true;  ///< false: the host is an image, of which only the set-up is judged
    bool include_loopback = false;
};

/// One window from its first hook to its verdicts: observation → judge → findings → delivery. One
/// thread calls it. The host and the delivery are borrowed and outlive it; so must the rule sets,
/// which findings point to, outlive the delivery.
class Assessment {
public:
    Assessment(AssessmentPlan plan, const HostRoot& host,
               std::shared_ptr<const engine::RuleSet> rules, deliver::Delivery& delivery);

    /// Attaches what the rules need and takes the snapshot.
    [[nodiscard]] Result<void> start();
    /// Judges until the window is over or `stop` says true; it is asked at least every 50 ms. An
    /// error means that the kernel can no longer be read: the window has ended there, and the rules
    /// are told.
    [[nodiscard]] Result<void> watch(const std::function<bool()>& stop);
    /// Ends the window and hands the verdicts to the delivery, as its last record.
    findings::Verdicts finish();

    /// The rules were read again: `rules` judges from now on, and `waiting` are unknown, since what
    /// they rest on is not observed in this window.
    void replace_rules(std::shared_ptr<const engine::RuleSet> rules,
                       std::vector<engine::RuleSet::Unsupported> waiting);
    /// The kinds of fact that this window gathers.
    [[nodiscard]] const std::vector<facts::Kind>& observed() const { return observed_; }

    [[nodiscard]] deliver::Status status() const;
    /// The worst severity of any finding.
    [[nodiscard]] std::optional<engine::Level> worst() const { return store_.worst(); }

private:
    using Clock = std::chrono::steady_clock;

    void on_fact(const facts::FactView& fact);
    void on_hook_state(const sensors::HookState& state);
    void on_coverage(const facts::FactView& fact);
    void on_gap(facts::Hook hook, std::uint64_t lost, std::string_view reason);
    [[nodiscard]] bool over() const;
    [[nodiscard]] bool nothing_attached() const;
    /// There is a window, on a host that runs.
    [[nodiscard]] bool observes_behaviour() const;
    [[nodiscard]] bool is_about_set_up(const engine::RuleInfo& rule) const;
    /// Why facts for this rule of a reloaded set are not gathered in this window; empty: they are.
    [[nodiscard]] std::string not_gathered(const engine::LoadedRule& rule) const;
    /// What was not looked at is not passed.
    void say_what_was_not_observed(std::vector<engine::RuleOutcome>& outcomes) const;
    [[nodiscard]] std::vector<findings::ProcessSummary> ancestry(facts::ProcessKey process) const;

    AssessmentPlan plan_;
    std::shared_ptr<const engine::RuleSet> rules_;
    std::vector<engine::RuleSet::Unsupported> waiting_;
    std::vector<engine::RuleOutcome> removed_;  ///< rules that a reload took away
    ObservationPlan observed_plan_;
    std::vector<facts::Kind> observed_;
    deliver::Delivery& delivery_;
    std::array<std::optional<findings::CoverageEntry>, facts::kHooks.size()> coverage_;
    std::uint64_t facts_ = 0;
    bool ended_early_ = false;
    findings::Store store_;
    engine::Judge judge_;
    Observation observation_;
};

}  // namespace assay::app
