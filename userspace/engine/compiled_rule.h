// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/condition.h"
#include "engine/diagnostics.h"
#include "engine/field_test.h"
#include "engine/judgement.h"
#include "engine/rule_document.h"
#include "facts/kinds.h"

namespace assay::engine {

/// What a selection means for one kind of fact. Immutable once compiled.
struct Expression {
    enum class Op : std::uint8_t { all, any, negate, test };

    Op op = Op::all;
    std::optional<FieldTest> test;     ///< for Op::test
    std::vector<Expression> children;  ///< for the others; one for negate

    [[nodiscard]] bool holds(FactFields& fields) const;
    [[nodiscard]] int cost() const;
};

/// The selections of a rule and how the condition joins them.
struct Detection {
    std::vector<Expression> selections;
    ConditionNode condition;

    [[nodiscard]] bool holds(FactFields& fields) const { return holds(condition, fields); }

private:
    [[nodiscard]] bool holds(const ConditionNode& node, FactFields& fields) const;
};

struct CompiledClause {
    Expression when;
    std::string reason;
    Level level = Level::medium;
};

/// One document of a rule, tied to the fields of its kind of fact.
struct CompiledDocument {
    facts::Kind kind{};
    bool at_window_close = false;
    Level level = Level::medium;
    Detection detection;
    std::vector<std::size_t> subject;  ///< fields
    std::optional<Expression> applies_when;
    std::string applies_when_text;  ///< "Setting: sshd.installed, Value: yes"
    std::vector<CompiledClause> level_when;
    std::vector<CompiledClause> exceptions;
    std::vector<CompiledClause> unknown_when;
    std::uint64_t fields_used = 0;  ///< bit for each field of the kind
    std::string left_unjudged;      ///< RuleDocument::left_unjudged
};

/// Ties a document to its kind's field table. `overrides` replace parameters of the same name. What
/// is wrong or unsupported goes to `diagnostics`, and then there is no result.
[[nodiscard]] std::optional<CompiledDocument> compile(const RuleDocument& document,
                                                      const Parameters& overrides,
                                                      Diagnostics& diagnostics);

/// The facts of a rule's test, typed by the kind's field table. Empty and told when one is wrong.
[[nodiscard]] std::optional<std::vector<facts::RecordedFact>> facts_of_test(
    const RuleTest& test, facts::Kind kind, Diagnostics& diagnostics);

}  // namespace assay::engine
