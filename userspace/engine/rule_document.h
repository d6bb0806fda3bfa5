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
    minute,
    hour,
    day,
    week,
    month,
    year,
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
    /// Known before any fact is seen (a view of another log source decided it); groups are then
    /// not asked.
    std::optional<bool> constant = std::nullopt;
};

using Parameters = std::map<std::string, std::vector<Scalar>, std::less<>>;

/// An entry of exceptions, unknown_when, level_when or applies_when.
struct Clause {
    Selection when;
    std::string reason;
    Level level = Level::medium;
    /// Of a Sigma filter, instead of `when`: selections and how they are joined.
    std::vector<Selection> selections = {};
    std::optional<YamlNode> condition = std::nullopt;
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

struct LogSource {
    Mark mark;
    std::string category;
    std::string product;
    std::string service;
};

/// A name that a document uses for something, and where.
struct NameUse {
    std::string name;
    Mark mark;
};

/// `correlation:` as it is written.
struct CorrelationSource {
    enum class Type : std::uint8_t {
        event_count,
        value_count,
        temporal,
        temporal_ordered,
        value_sum,
        value_avg,
    };
    struct Bound {
        enum class Op : std::uint8_t { gt, gte, lt, lte, eq, neq } op = Op::gte;
        std::int64_t value = 0;

        bool operator==(const Bound&) const = default;
    };
    struct Alias {
        std::string name;
        std::vector<std::pair<NameUse, NameUse>> fields;  ///< rule, its field
    };
    Mark mark;
    Type type = Type::event_count;
    std::vector<NameUse> rules;
    std::vector<NameUse> group_by;
    std::vector<Alias> aliases;
    std::int64_t timespan_ns = 0;
    std::vector<Bound> bounds;
    std::vector<NameUse> counted;  ///< `field` of the condition
    bool generate = false;
};

/// `filter:` as it is written.
struct FilterSource {
    Mark mark;
    std::vector<NameUse> rules;
    bool any_rule = false;  ///< `rules: any`
    std::vector<Selection> selections;
    std::optional<YamlNode> condition;
};

/// One YAML document of a rule file, typed, with nothing yet tied to facts. With `correlation` or
/// `filter` it is one of these, and has no detection of its own.
struct RuleDocument {
    Mark mark;
    RuleInfo info;     ///< without slug and file
    std::string name;  ///< Sigma's `name`: what correlations call it by
    LogSource log_source;
    std::optional<CorrelationSource> correlation;
    std::optional<FilterSource> filter;
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
    /// Its fields are those of auditd's records where our kind has none by that name
    /// (auditd_view.h).
    bool views_auditd = false;
    /// What of the rule can never be judged here, when the rest can; empty when all can.
    std::string left_unjudged;
};

/// Reads one document. What is wrong or not supported goes to `diagnostics`; the result is only
/// meaningful when that neither failed nor says unsupported.
[[nodiscard]] RuleDocument read_rule_document(const YamlNode& root, Diagnostics& diagnostics);

/// Carries out `action: global`, `reset` and `repeat`: what remains are whole documents. Bounded:
/// the result holds no more nodes than one file may.
[[nodiscard]] std::vector<YamlNode> expand_actions(std::vector<YamlNode> documents,
                                                   Diagnostics& diagnostics);

/// "90m" in nanoseconds: a number and s, m, h or d.
[[nodiscard]] std::optional<std::int64_t> parse_timespan(std::string_view text);

}  // namespace assay::engine
