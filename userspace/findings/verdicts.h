// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "findings/finding.h"

namespace assay::findings {

inline constexpr std::size_t kLevels = 5;
/// How many there are of each engine::Level, by its number.
using LevelCounts = std::array<std::uint64_t, kLevels>;

/// How many findings one rule made in this run (each subject once).
struct RuleCount {
    std::string slug;
    LevelCounts by_level{};
};

/// One hook, as its last coverage fact told it.
struct CoverageEntry {
    std::string hook;
    std::string state;
    std::string mechanism;
    std::string reason;
    std::uint64_t lost = 0;
};

/// How a run ended. The rule set must outlive it (outcomes point into it).
struct Verdicts {
    RunInfo run;
    HostInfo host;
    Timestamp end;
    double planned_seconds = 0;  ///< 0: no end was planned
    double seconds = 0;
    bool ended_early = false;
    bool include_loopback = false;
    std::vector<engine::RuleOutcome> outcomes;
    std::vector<CoverageEntry> coverage;
    std::uint64_t facts = 0;
    std::vector<RuleCount> findings;  ///< Store::counts()
};

/// One rule file's verdict: the worst of its documents (finding, unknown, pass, not applicable).
struct RuleVerdict {
    const engine::RuleInfo* rule = nullptr;  ///< the document that decided
    engine::RuleStatus status = engine::RuleStatus::pass;
    std::string reason;  ///< never empty
    std::uint64_t facts_judged = 0;
    std::uint64_t matches = 0;
    std::uint64_t loopback_left_out = 0;
    std::uint64_t excepted = 0;
    LevelCounts findings{};

    [[nodiscard]] std::uint64_t findings_in_all() const;
};

/// One for each slug and package, ordered by package and slug.
[[nodiscard]] std::vector<RuleVerdict> rule_verdicts(const Verdicts& verdicts);

/// "2 medium, 1 low"; empty when there are none.
[[nodiscard]] std::string counts_text(const LevelCounts& counts);

struct Totals {
    std::uint64_t findings = 0;
    std::uint64_t rules_with_findings = 0;
    std::uint64_t passed = 0;
    std::uint64_t not_applicable = 0;
    std::uint64_t unknown = 0;
    std::uint64_t loopback_left_out = 0;
    std::uint64_t excepted = 0;
    std::uint64_t lost = 0;
};
[[nodiscard]] Totals totals(const Verdicts& verdicts, const std::vector<RuleVerdict>& rules);

/// "2 rules with findings, 3 passed, 1 not applicable, 1 unknown"
[[nodiscard]] std::string totals_text(const Totals& totals);

}  // namespace assay::findings
