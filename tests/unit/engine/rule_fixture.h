// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/rule_set.h"

namespace assay::engine {

using Fields = std::initializer_list<std::pair<std::string_view, facts::RecordedFact::Value>>;

/// A fact of `kind` with these fields; a name that the kind does not have fails the test.
inline facts::RecordedFact fact_of(facts::Kind kind, Fields fields) {
    facts::RecordedFact fact(kind);
    for (const auto& [name, value] : fields) {
        const auto index = facts::find_field(facts::info(kind), name);
        EXPECT_TRUE(index) << name;
        if (index) {
            fact.values[*index] = value;
        }
    }
    fact.freeze();
    return fact;
}
inline facts::RecordedFact process(Fields fields) {
    return fact_of(facts::Kind::process_creation, fields);
}
inline facts::RecordedFact connection(Fields fields) {
    return fact_of(facts::Kind::network_connection, fields);
}
inline facts::RecordedFact listener(Fields fields) {
    return fact_of(facts::Kind::listener, fields);
}

/// What reading a rule told, one line for each problem.
inline std::vector<std::string> problems_of(std::string_view text) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("r.yml", problems);
    (void)load_rule_text(text, diagnostics);
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
        lines.push_back(to_text(problem));
    }
    return lines;
}

/// A set of one rule; anything told while reading it fails the test.
inline RuleSet rule_set(std::string_view text) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("r.yml", problems);
    LoadedRule rule = load_rule_text(text, diagnostics);
    rule.info.slug = "r";
    for (const Problem& problem : problems) {
        ADD_FAILURE() << to_text(problem);
    }
    return RuleSet::of(std::move(rule));
}

/// A process_creation rule whose detection is this text, indented by four blanks already.
inline std::string rule_with(std::string_view detection,
                             std::string_view category = "process_creation") {
    return "title: T\nlogsource: {product: linux, category: " + std::string(category) +
           "}\ndetection:\n" + std::string(detection);
}

/// Whether a rule with this one selection matches the fact.
inline bool matches(std::string_view selection, const facts::RecordedFact& fact) {
    const std::string text = rule_with("    s: " + std::string(selection) + "\n    condition: s\n",
                                       facts::info(fact.kind).name);
    const RuleSet rules = rule_set(text);
    bool matched = false;
    Judge judge(rules, {}, [&](const Match& match) { matched = match.matched; });
    judge.on_fact(facts::FactView(fact));
    return matched;
}

}  // namespace assay::engine
