// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/diagnostics.h"
#include "engine/judgement.h"
#include "engine/yaml_tree.h"
#include "facts/hooks.h"

namespace assay::engine {

/// A value as a rule gives it, before it is tied to a field.
struct Scalar {
    enum class Type : std::uint8_t { null, boolean, number, text };
    Type type = Type::null;
    std::string text;
    Mark mark;
};

enum class Modifier : std::uint8_t {
    contains,
    startswith,
    endswith,
    all,
    re,
    ignore_case,
    multi_line,
    single_line,
    cidr,
    exists,
    cased,
    gt,
    gte,
    lt,
    lte,
    neq,
    windash,
    base64,
    base64offset,
    utf16,
    utf16le,
    utf16be,
    expand,
    fieldref,
};

/// `Field|modifier: values`; a keyword search when the field has no name.
struct FieldItem {
    std::string field;
    Mark mark;
    std::vector<Modifier> modifiers;
    std::vector<Scalar> values;
};

/// Items joined by `and`.
using FieldGroup = std::vector<FieldItem>;

/// Groups joined by `or`.
struct Selection {
    std::string name;
    Mark mark;
    std::vector<FieldGroup> groups;
};

using Parameters = std::map<std::string, std::vector<Scalar>, std::less<>>;

/// An entry of exceptions, unknown_when, level_when or applies_when.
struct Clause {
    Selection when;
    std::string reason;
    Level level = Level::medium;
};

struct TestField {
    std::string name;
    Mark mark;
    bool is_list = false;
    std::vector<Scalar> values;
};

struct RuleTest {
    Mark mark;
    std::vector<std::vector<TestField>> facts;
    std::optional<bool> at_close;  ///< not given: what the rule's `judge` looks at
    Parameters parameters;
    std::vector<facts::Hook> lost;
    RuleStatus expect = RuleStatus::pass;
    std::optional<Level> severity;
};

/// One YAML document of a rule file, typed, with nothing yet tied to facts.
struct RuleDocument {
    Mark mark;
    RuleInfo info;  ///< without slug and file
    struct LogSource {
        Mark mark;
        std::string category;
        std::string product;
        std::string service;
    } log_source;
    std::vector<Selection> selections;
    std::vector<YamlNode> conditions;

    std::vector<std::pair<std::string, Mark>> subject;
    bool at_window_close = false;
    std::optional<Clause> applies_when;
    std::vector<Clause> level_when;
    std::vector<Clause> exceptions;
    std::vector<Clause> unknown_when;
    Parameters parameters;
    std::vector<RuleTest> tests;
};

/// Reads one document. What is wrong or not supported goes to `diagnostics`; the result is only
/// meaningful when that neither failed nor says unsupported.
[[nodiscard]] RuleDocument read_rule_document(const YamlNode& root, Diagnostics& diagnostics);

}  // namespace assay::engine
