// SPDX-License-Identifier: Apache-2.0
#include "findings/verdicts.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace assay::findings {
namespace {

int badness(engine::RuleStatus status) {
    switch (status) {
        case engine::RuleStatus::finding:
            return 3;
        case engine::RuleStatus::unknown:
            return 2;
        case engine::RuleStatus::pass:
            return 1;
        case engine::RuleStatus::not_applicable:
            return 0;
    }
    return 0;
}

std::string reason_of(const RuleVerdict& verdict) {
    if (verdict.status != engine::RuleStatus::finding) {
        return verdict.reason.empty() ? "no reason given" : verdict.reason;
    }
    const std::string besides = verdict.reason.empty() ? "" : "; " + verdict.reason;
    const auto findings = verdict.findings_in_all();
    if (findings == 0) {
        return std::to_string(verdict.matches) + " facts matched" + besides;
    }
    return std::to_string(findings) + (findings == 1 ? " finding: " : " findings: ") +
           counts_text(verdict.findings) + besides;
}

}  // namespace

std::uint64_t RuleVerdict::findings_in_all() const {
    return std::accumulate(findings.begin(), findings.end(), std::uint64_t{0});
}

std::vector<RuleVerdict> rule_verdicts(const Verdicts& verdicts) {
    std::map<std::pair<std::string_view, std::string_view>, RuleVerdict> by_file;
    for (const auto& outcome : verdicts.outcomes) {
        if (outcome.rule == nullptr) {
            continue;
        }
        auto& verdict = by_file[{outcome.rule->package, outcome.rule->slug}];
        if (verdict.rule == nullptr || badness(outcome.status) > badness(verdict.status)) {
            verdict.rule = outcome.rule;
            verdict.status = outcome.status;
            verdict.reason = outcome.reason;
        }
        verdict.facts_judged += outcome.facts_judged;
        verdict.matches += outcome.matches;
        verdict.loopback_left_out += outcome.loopback_left_out;
        verdict.excepted += outcome.excepted;
    }
    std::vector<RuleVerdict> rules;
    for (auto& [file, verdict] : by_file) {
        const auto counted = std::ranges::find(verdicts.findings, file.second, &RuleCount::slug);
        if (counted != verdicts.findings.end()) {
            verdict.findings = counted->by_level;
        }
        verdict.reason = reason_of(verdict);
        rules.push_back(std::move(verdict));
    }
    return rules;
}

std::string counts_text(const LevelCounts& counts) {
    constexpr std::array<std::string_view, kLevels> kWords{"informational", "low", "medium", "high",
                                                           "critical"};
    std::string out;
    for (std::size_t level = kLevels; level-- > 0;) {
        if (counts[level] > 0) {
            out += (out.empty() ? "" : ", ") + std::to_string(counts[level]) + " ";
            out += kWords[level];
        }
    }
    return out;
}

Totals totals(const Verdicts& verdicts, const std::vector<RuleVerdict>& rules) {
    Totals sum;
    for (const auto& rule : rules) {
        sum.findings += rule.findings_in_all();
        sum.loopback_left_out += rule.loopback_left_out;
        sum.excepted += rule.excepted;
        switch (rule.status) {
            case engine::RuleStatus::finding:
                ++sum.rules_with_findings;
                break;
            case engine::RuleStatus::pass:
                ++sum.passed;
                break;
            case engine::RuleStatus::not_applicable:
                ++sum.not_applicable;
                break;
            case engine::RuleStatus::unknown:
                ++sum.unknown;
                break;
        }
    }
    for (const auto& entry : verdicts.coverage) {
        sum.lost += entry.lost;
    }
    return sum;
}

std::string totals_text(const Totals& totals) {
    return std::to_string(totals.rules_with_findings) +
           (totals.rules_with_findings == 1 ? " rule with findings, " : " rules with findings, ") +
           std::to_string(totals.passed) + " passed, " + std::to_string(totals.not_applicable) +
           " not applicable, " + std::to_string(totals.unknown) + " unknown";
}

}  // namespace assay::findings
