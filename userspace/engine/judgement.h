// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "facts/kinds.h"

namespace assay::engine {

/// Sigma's levels. Numeric severity: critical 9.5, high 9, medium 6, low 3, informational 0.
enum class Level : std::uint8_t { informational, low, medium, high, critical };
[[nodiscard]] std::string_view name(Level level);

/// What people need to know of a rule, apart from how it judges. Lives as long as the rule set.
struct RuleInfo {
    std::string slug;  ///< the file's name without .yml
    std::string id;    ///< the rule's uuid
    std::string title;
    std::string description;
    std::string package;  ///< runtime-behavior, best-practices, cve, cis or custom
    std::string file;     ///< as given on the command line, or relative to the rules directory
    std::string status;
    Level level = Level::medium;
    std::vector<std::string> tags;  ///< Sigma tags: attack.t1021, …
    std::vector<std::string> references;
    std::string remediation;
    std::vector<std::string> false_positives;
};

/// One rule has matched one fact. Borrowed: valid during the callback.
struct Match {
    const RuleInfo* rule = nullptr;
    facts::FactView fact;
    Level level = Level::medium;  ///< after level_when
    /// Names and values of the fields that make the finding's identity, in the rule's order; absent
    /// values are empty.
    std::vector<std::pair<std::string_view, std::string>> subject;
    /// False: the same subject was judged and does NOT match (any more): an open finding of it may
    /// close.
    bool matched = true;
};

enum class RuleStatus : std::uint8_t { pass, finding, not_applicable, unknown };
[[nodiscard]] std::string_view name(
    RuleStatus status);  ///< "pass", "finding", "not applicable", "unknown"

/// How one rule stands at the end of a window.
struct RuleOutcome {
    const RuleInfo* rule = nullptr;
    RuleStatus status = RuleStatus::pass;
    std::string reason;  ///< why, in a sentence; of a finding, what could not be judged besides
    std::uint64_t facts_judged = 0;  ///< facts of its kinds that it looked at
    std::uint64_t matches = 0;
    std::uint64_t loopback_left_out = 0;
    std::uint64_t excepted = 0;  ///< facts left out by the rule's exceptions
};

}  // namespace assay::engine
