// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/rule_document.h"
#include "engine/rule_loader.h"

namespace assay::engine {
namespace {

/// The rule with the facts of the test; nullopt, and `message` says why, when one is wrong.
std::optional<LoadedRule> rule_of_test(const LoadedRule& whole, std::size_t index,
                                       const RuleTest& test, Diagnostics& diagnostics) {
    LoadedRule rule;
    if (index < whole.documents.size()) {
        // Compiled anew for each test, for the parameters that it sets.
        const RuleDocument& document = whole.documents[index];
        auto compiled = compile(document, test.parameters, diagnostics);
        if (!compiled) {
            return std::nullopt;
        }
        rule.info = document.info;
        rule.compiled.push_back(std::move(*compiled));
        return rule;
    }
    rule.info = whole.info;
    rule.correlation = whole.correlation;
    for (const RuleDocument& document : whole.documents) {
        auto compiled = compile(document, test.parameters, diagnostics);
        if (!compiled) {
            return std::nullopt;
        }
        rule.compiled.push_back(std::move(*compiled));
    }
    return rule;
}

/// What a test did not get as expected; empty when all is well. `index`: of the document, or one
/// behind them for the correlation.
std::string run_test(const LoadedRule& whole, std::size_t index, const RuleTest& test) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("", problems);
    auto rule = rule_of_test(whole, index, test, diagnostics);
    if (!rule) {
        return "the rule does not compile with this test's parameters: " + problems.back().message;
    }
    const CompiledDocument& first = rule->compiled.front();
    auto facts = facts_of_test(test, first.kind, diagnostics);
    if (!facts) {
        return problems.back().message;
    }
    const bool at_close = test.at_close.value_or(first.at_window_close);
    const RuleSet set = RuleSet::of(std::move(*rule));

    std::optional<Level> highest;
    Judge judge(set, {}, [&](const Match& match) {
        if (match.matched) {
            highest = std::max(highest.value_or(match.level), match.level);
        }
    });
    for (facts::RecordedFact& fact : *facts) {
        fact.header.at_close = at_close;
        judge.on_fact(facts::FactView(fact));
    }
    for (const facts::Hook hook : test.lost) {
        judge.on_gap({.hook = hook, .lost = 1, .reason = "told by the test"});
    }
    const RuleOutcome outcome = judge.outcomes().front();
    std::string message;
    if (outcome.status != test.expect) {
        message = "expected " + std::string(name(test.expect)) + ", got " +
                  std::string(name(outcome.status)) +
                  (outcome.reason.empty() ? "" : " (" + outcome.reason + ")");
    } else if (test.severity && highest != test.severity) {
        message = "expected severity " + std::string(name(*test.severity)) + ", got " +
                  std::string(highest ? name(*highest) : "none");
    }
    return message;
}

}  // namespace

std::vector<TestResult> run_tests(const RuleSet& rules) {
    std::vector<TestResult> results;
    for (const LoadedRule* rule : rules.loaded()) {
        int number = 0;
        const auto run = [&](std::size_t index, const RuleDocument& document) {
            for (const RuleTest& test : document.tests) {
                std::string message = run_test(*rule, index, test);
                results.push_back({.rule = &rule->info,
                                   .test_index = number++,
                                   .line = test.mark.line,
                                   .passed = message.empty(),
                                   .message = std::move(message)});
            }
        };
        for (std::size_t i = 0; i < rule->documents.size(); ++i) {
            run(i, rule->documents[i]);
        }
        if (rule->correlation) {
            run(rule->documents.size(), rule->correlation->document);
        }
    }
    return results;
}

}  // namespace assay::engine
