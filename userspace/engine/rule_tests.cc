// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/rule_document.h"

namespace assay::engine {
namespace {

/// What a test did not get as expected; empty when all is well.
std::string run_test(const RuleDocument& document, const RuleTest& test) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("", problems);
    // Compiled anew for each test, for the parameters that it sets.
    auto compiled = compile(document, test.parameters, diagnostics);
    if (!compiled) {
        return "the rule does not compile with this test's parameters: " + problems.back().message;
    }
    auto facts = facts_of_test(test, compiled->kind, diagnostics);
    if (!facts) {
        return problems.back().message;
    }
    const bool at_close = test.at_close.value_or(compiled->at_window_close);
    LoadedRule rule;
    rule.info = document.info;
    rule.compiled.push_back(std::move(*compiled));
    const RuleSet set = RuleSet::of(std::move(rule));

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
        int index = 0;
        for (const RuleDocument& document : rule->documents) {
            for (const RuleTest& test : document.tests) {
                std::string message = run_test(document, test);
                results.push_back({.rule = &rule->info,
                                   .test_index = index++,
                                   .line = test.mark.line,
                                   .passed = message.empty(),
                                   .message = std::move(message)});
            }
        }
    }
    return results;
}

}  // namespace assay::engine
