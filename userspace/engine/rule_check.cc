// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "engine/compiled_rule.h"
#include "engine/condition.h"
#include "engine/field_test.h"
#include "engine/rule_document.h"
#include "engine/rule_explain_probe.h"
#include "engine/text_pattern.h"
#include "engine/yaml_tree.h"

namespace assay::engine {
namespace {

using facts::FieldType;
using Value = facts::RecordedFact::Value;

/// How many ways to match are looked at; beyond, parts of the condition count as not known.
constexpr std::size_t kMostWays = 128;
constexpr std::size_t kMostItemsOfAWay = 256;
constexpr std::size_t kMostCandidates = 256;

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

bool has(const FieldItem& item, Modifier modifier) {
    return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
}

bool has_only(const FieldItem& item, std::initializer_list<Modifier> allowed) {
    return std::ranges::all_of(item.modifiers, [&](Modifier modifier) {
        return std::ranges::find(allowed, modifier) != allowed.end();
    });
}

/// An item that must hold, or must not.
struct Literal {
    const FieldItem* item = nullptr;
    bool negated = false;

    auto operator<=>(const Literal&) const = default;
};
/// Items joined by `and`: one way to match.
using Way = std::vector<Literal>;

/// Two sets of ways joined by `and`. Where that is too many, `b` is left out: what remains asks
/// less, so that whatever cannot match still cannot.
std::vector<Way> both(std::vector<Way> a, const std::vector<Way>& b) {
    if (b.empty()) {
        return {};
    }
    if (a.size() * b.size() > kMostWays) {
        return a;
    }
    std::vector<Way> joined;
    for (const Way& left : a) {
        for (const Way& right : b) {
            Way& way = joined.emplace_back(left);
            if (left.size() + right.size() <= kMostItemsOfAWay) {
                way.insert(way.end(), right.begin(), right.end());
            }
        }
    }
    return joined;
}

/// Joined by `or`. Where that is too many, nothing is known: one way that asks nothing.
std::vector<Way> either(std::vector<Way> a, std::vector<Way> b) {
    if (a.size() + b.size() > kMostWays) {
        return {Way{}};
    }
    std::ranges::move(b, std::back_inserter(a));
    return a;
}

std::vector<Way> ways_of(const Selection& selection, bool negated) {
    if (selection.constant) {
        return *selection.constant == negated ? std::vector<Way>{} : std::vector<Way>{Way{}};
    }
    std::vector<Way> ways;
    if (negated) {
        ways.emplace_back();
    }
    for (const FieldGroup& group : selection.groups) {
        if (!negated) {
            Way way;
            for (const FieldItem& item : group) {
                way.push_back({&item, false});
            }
            ways = either(std::move(ways), {std::move(way)});
            continue;
        }
        std::vector<Way> of_group;
        for (const FieldItem& item : group) {
            of_group = either(std::move(of_group), {Way{{&item, true}}});
        }
        ways = both(std::move(ways), of_group);
    }
    return ways;
}

std::vector<Way> ways_of(const ConditionNode& node, std::span<const Selection> selections,
                         bool negated) {
    if (node.op == ConditionNode::Op::selection) {
        return ways_of(selections[node.selection], negated);
    }
    if (node.op == ConditionNode::Op::negate) {
        return ways_of(node.children.front(), selections, !negated);
    }
    const bool joined_by_and = (node.op == ConditionNode::Op::all) != negated;
    std::vector<Way> ways;
    if (joined_by_and) {
        ways.emplace_back();
    }
    for (const ConditionNode& child : node.children) {
        auto more = ways_of(child, selections, negated);
        ways =
            joined_by_and ? both(std::move(ways), more) : either(std::move(ways), std::move(more));
    }
    return ways;
}

/// The bytes that a plain value stands for; nullopt when it has wildcards.
std::optional<std::string> literal_text(const Scalar& value) {
    if (value.type != Scalar::Type::text) {
        return value.text;
    }
    std::string text;
    for (const PatternToken& token : parse_pattern(value.text)) {
        if (token.type != PatternToken::Type::literal) {
            return std::nullopt;
        }
        text += token.byte;
    }
    return text;
}

Value text_value(std::string text) { return text.empty() ? Value() : Value(std::move(text)); }

Value number_value(const Integer& number) {
    return number.negative ? Value(-static_cast<std::int64_t>(number.magnitude))
                           : Value(number.magnitude);
}

class Check {
public:
    Check(const RuleDocument& document, const facts::KindInfo& kind, Diagnostics& diagnostics)
        : document_(document), kind_(kind), diagnostics_(diagnostics) {
        base_.mark = document.mark;
        base_.info.title = document.info.title;
        base_.log_source = document.log_source;
        base_.parameters = document.parameters;
    }

    void run();

private:
    /// Why no fact can hold all of a way.
    struct Contradiction {
        std::string_view field;
        const FieldItem* first = nullptr;
        const FieldItem* last = nullptr;
    };

    void check_selection(const Selection& selection);
    void check_item(const FieldItem& item);
    void check_condition();

    [[nodiscard]] std::optional<Contradiction> contradiction(const Way& way);
    [[nodiscard]] bool contradicts(const facts::FieldInfo& info, std::size_t field,
                                   std::span<const Literal> literals);
    [[nodiscard]] static std::optional<std::vector<Value>> candidates(
        const facts::FieldInfo& info, std::span<const Literal> literals);
    [[nodiscard]] static std::optional<std::vector<Value>> candidates_of(
        const facts::FieldInfo& info, const FieldItem& item);
    [[nodiscard]] static std::optional<std::vector<Value>> integer_candidates(
        std::span<const Literal> literals);

    [[nodiscard]] bool holds(const FieldItem& item, std::size_t field, const Value& value);
    /// The item holds whatever the field has, so long as it is there.
    [[nodiscard]] bool holds_for_all(const FieldItem& item);
    [[nodiscard]] std::string told(const Contradiction& found) const;

    const RuleDocument& document_;
    const facts::KindInfo& kind_;
    Diagnostics& diagnostics_;
    RuleDocument base_;
    std::map<const FieldItem*, std::optional<Probe>> probes_;
    std::set<const FieldItem*> for_all_;
    std::set<const FieldItem*> told_;
};

bool Check::holds(const FieldItem& item, std::size_t field, const Value& value) {
    const auto [known, is_new] = probes_.try_emplace(&item);
    if (is_new) {
        known->second = Probe::of(base_, FieldGroup{item});
    }
    // An item that cannot be asked is not known, which must not make a contradiction.
    if (!known->second || known->second->kind() != kind_.kind) {
        return true;
    }
    facts::RecordedFact fact(kind_.kind);
    fact.values[field] = value;
    fact.freeze();
    return known->second->holds(fact);
}

/// The values of which one must be in the field for the item to hold; nullopt when there is no
/// such list.
std::optional<std::vector<Value>> Check::candidates_of(const facts::FieldInfo& info,
                                                       const FieldItem& item) {
    using M = Modifier;
    std::vector<Value> values;
    if (has(item, M::exists)) {
        return item.values.front().text == "false" && !has(item, M::neq)
                   ? std::optional(std::vector<Value>{Value()})
                   : std::nullopt;
    }
    if (!has_only(item, {M::all, M::cased})) {
        return std::nullopt;
    }
    for (const Scalar& value : item.values) {
        auto text = literal_text(value);
        if (!text || values.size() == kMostCandidates) {
            return std::nullopt;
        }
        if (value.type == Scalar::Type::null || text->empty()) {
            values.emplace_back();
        } else if (info.type == FieldType::integer) {
            const auto number = Integer::parse(*text);
            if (!number) {
                return std::nullopt;
            }
            values.push_back(number_value(*number));
        } else {
            values.push_back(text_value(*std::move(text)));
        }
    }
    return values;
}

/// Between the numbers that a rule names nothing changes, so they and their neighbours will do.
std::optional<std::vector<Value>> Check::integer_candidates(std::span<const Literal> literals) {
    using M = Modifier;
    std::vector<Value> values{Value(), Value(std::uint64_t{0})};
    for (const Literal& literal : literals) {
        if (!has_only(*literal.item,
                      {M::exists, M::gt, M::gte, M::lt, M::lte, M::neq, M::all, M::cased})) {
            return std::nullopt;
        }
        if (has(*literal.item, M::exists)) {
            continue;
        }
        for (const Scalar& value : literal.item->values) {
            if (value.type == Scalar::Type::null || value.text.empty()) {
                continue;
            }
            const auto number = Integer::parse(value.text);
            if (!number || number->magnitude > (std::uint64_t{1} << 62U) ||
                values.size() > kMostCandidates) {
                return std::nullopt;
            }
            const auto middle = number->negative ? -static_cast<std::int64_t>(number->magnitude)
                                                 : static_cast<std::int64_t>(number->magnitude);
            for (const std::int64_t near : {middle - 1, middle, middle + 1}) {
                values.push_back(near < 0 ? Value(near) : Value(static_cast<std::uint64_t>(near)));
            }
        }
    }
    return values;
}

std::optional<std::vector<Value>> Check::candidates(const facts::FieldInfo& info,
                                                    std::span<const Literal> literals) {
    if (info.type == FieldType::boolean) {
        return std::vector<Value>{Value(true), Value(false), Value()};
    }
    if (info.type == FieldType::integer) {
        if (auto values = integer_candidates(literals)) {
            return values;
        }
    }
    for (const Literal& literal : literals) {
        if (!literal.negated) {
            if (auto values = candidates_of(info, *literal.item)) {
                return values;
            }
        }
    }
    return std::nullopt;
}

bool Check::contradicts(const facts::FieldInfo& info, std::size_t field,
                        std::span<const Literal> literals) {
    const bool is_plain = literals.size() == 1 && literals.front().item->values.size() == 1;
    if (is_plain || info.type == FieldType::text_list) {
        return false;
    }
    for (const Literal& literal : literals) {
        if (std::ranges::find(literals, Literal{literal.item, !literal.negated}) !=
            literals.end()) {
            return true;
        }
    }
    const auto values = candidates(info, literals);
    return values && std::ranges::none_of(*values, [&](const Value& value) {
               return std::ranges::all_of(literals, [&](const Literal& literal) {
                   return holds(*literal.item, field, value) != literal.negated;
               });
           });
}

std::optional<Check::Contradiction> Check::contradiction(const Way& way) {
    std::map<std::size_t, Way> by_field;
    for (const Literal& literal : way) {
        const auto field = facts::find_field(kind_, literal.item->field);
        if (field && !has(*literal.item, Modifier::fieldref)) {
            by_field[*field].push_back(literal);
        }
    }
    for (auto& [field, literals] : by_field) {
        const facts::FieldInfo& info = kind_.fields[field];
        if (!contradicts(info, field, literals)) {
            continue;
        }
        Contradiction found{
            .field = info.name, .first = literals.front().item, .last = literals.back().item};
        if (std::pair(found.first->mark.line, found.first->mark.column) >
            std::pair(found.last->mark.line, found.last->mark.column)) {
            std::swap(found.first, found.last);
        }
        return found;
    }
    return std::nullopt;
}

std::string Check::told(const Contradiction& found) const {
    const Mark first = found.first->mark;
    const Mark last = found.last->mark;
    std::string text = "what it asks of " + quoted(found.field) + " contradicts itself";
    if (found.first != found.last && first.line != last.line) {
        text += " (here and in line " + std::to_string(first.line) + ")";
    }
    return text;
}

bool Check::holds_for_all(const FieldItem& item) {
    using M = Modifier;
    const auto field = facts::find_field(kind_, item.field);
    if (!field || has(item, M::exists) || has(item, M::fieldref) || has(item, M::expand)) {
        return false;
    }
    const facts::FieldInfo& info = kind_.fields[*field];
    if (info.type == FieldType::boolean) {
        return item.values.size() > 1 && holds(item, *field, Value(true)) &&
               holds(item, *field, Value(false));
    }
    // Most items name something: only those that name nothing are worth a look.
    const bool is_suspect = has(item, M::re) || std::ranges::any_of(item.values, [](const auto& v) {
                                return v.type == Scalar::Type::text &&
                                       v.text.find_first_not_of("*?") == std::string::npos;
                            });
    if (!is_suspect || info.type != FieldType::text) {
        return false;
    }
    std::vector<std::string> texts{"\x01", "/usr/bin/x -y \"z\" 9", std::string(300, 'q'),
                                   "\xff\xfe", "Zz zZ, 00:11"};
    for (int byte = 1; byte < 256; ++byte) {
        if (byte != '\n') {  // `.` does not match it, and nobody means that
            texts.emplace_back(1, static_cast<char>(byte));
        }
    }
    return std::ranges::all_of(
        texts, [&](const std::string& text) { return holds(item, *field, Value(text)); });
}

void Check::check_item(const FieldItem& item) {
    if (!holds_for_all(item)) {
        return;
    }
    for_all_.insert(&item);
    // `Field: '*'` is how many rules say that a field is there.
    const bool is_idiom = item.modifiers.empty() && item.values.size() == 1;
    if (!is_idiom) {
        diagnostics_.warning(item.values.front().mark,
                             "this matches whatever " + quoted(item.field) + " holds: write `" +
                                 item.field + "|exists: true` if that is what you mean");
    }
}

void Check::check_selection(const Selection& selection) {
    for (const FieldGroup& group : selection.groups) {
        Way way;
        for (const FieldItem& item : group) {
            check_item(item);
            way.push_back({&item, false});
        }
        if (const auto found = contradiction(way)) {
            told_.insert(found->last);
            diagnostics_.warning(found->last->mark,
                                 quoted(selection.name) + " can never match: " + told(*found));
        }
    }
}

void Check::check_condition() {
    std::vector<std::string_view> names;
    for (const Selection& selection : document_.selections) {
        names.push_back(selection.name);
    }
    ConditionNode any;
    any.op = ConditionNode::Op::any;
    for (const YamlNode& text : document_.conditions) {
        auto parsed = parse_condition(text.text, names);
        if (!parsed) {
            return;
        }
        any.children.push_back(std::move(*parsed));
    }
    const Mark mark = document_.conditions.front().mark;
    const auto only_if_absent = [&](const Way& way) {
        return std::ranges::find_if(way, [&](const Literal& literal) {
            return literal.negated && for_all_.contains(literal.item);
        });
    };
    const auto ways = ways_of(any, document_.selections, false);
    std::optional<Contradiction> first;
    const bool never = std::ranges::all_of(ways, [&](const Way& way) {
        const auto found = contradiction(way);
        first = first ? first : found;
        return found.has_value();
    });
    if (never && !first) {
        diagnostics_.warning(mark, "this rule can never match");
    } else if (never && !told_.contains(first->last)) {
        diagnostics_.warning(first->last->mark, "this rule can never match: " + told(*first));
    } else if (!never && std::ranges::all_of(ways, [&](const Way& way) {
                   return only_if_absent(way) != way.end() || contradiction(way);
               })) {
        for (const Way& way : ways) {
            if (const auto literal = only_if_absent(way); literal != way.end()) {
                diagnostics_.warning(mark, "this rule can never match a fact that has " +
                                               quoted(literal->item->field) +
                                               ": `not` of what always holds");
                return;
            }
        }
    }
    const auto others = ways_of(any, document_.selections, true);
    std::string_view present;
    const bool always = std::ranges::all_of(others, [&](const Way& way) {
        if (contradiction(way)) {
            return true;
        }
        const auto literal = only_if_absent(way);
        present = literal == way.end() ? present : std::string_view(literal->item->field);
        return literal != way.end();
    });
    if (always) {
        diagnostics_.warning(mark, present.empty()
                                       ? "this rule always matches: nothing that a " +
                                             std::string(kind_.name) +
                                             " fact says makes a difference to it"
                                       : "this rule matches every " + std::string(kind_.name) +
                                             " fact that has " + quoted(present));
    }
}

void Check::run() {
    for (const Selection& selection : document_.selections) {
        check_selection(selection);
    }
    const auto check_clauses = [&](const std::vector<Clause>& clauses) {
        for (const Clause& clause : clauses) {
            check_selection(clause.when);
        }
    };
    if (document_.applies_when) {
        check_selection(document_.applies_when->when);
    }
    check_clauses(document_.level_when);
    check_clauses(document_.exceptions);
    check_clauses(document_.unknown_when);
    if (!document_.conditions.empty()) {
        check_condition();
    }
}

}  // namespace

void check_rule(const LoadedRule& rule, std::string_view source, Diagnostics& diagnostics) {
    for (std::size_t i = 0; i < rule.documents.size() && i < rule.compiled.size(); ++i) {
        const RuleDocument& document = rule.documents[i];
        if (!document.conditions.empty()) {
            Check(document, facts::info(rule.compiled[i].kind), diagnostics).run();
        }
    }
    const Omissions omitted = omissions_of(rule, source);
    if (omitted.level) {
        diagnostics.warning(omitted.mark, "no `level`: its findings will be medium");
    }
}

Omissions omissions_of(const LoadedRule& rule, std::string_view source) {
    Omissions omitted;
    const auto trees = parse_yaml(source);
    if (!trees || trees->empty()) {
        return omitted;
    }
    const auto any_has = [&](std::string_view key) {
        return std::ranges::any_of(*trees,
                                   [&](const YamlNode& tree) { return tree.find(key) != nullptr; });
    };
    omitted.mark = trees->front().mark;
    // What changes other rules has no findings of its own.
    const bool has_findings = std::ranges::any_of(
        rule.documents, [](const RuleDocument& document) { return !document.filter; });
    omitted.written_for_assay = any_has("assay");
    omitted.level = has_findings && !any_has("level");
    omitted.remediation = has_findings && rule.info.remediation.empty();
    omitted.tests = has_findings && std::ranges::all_of(rule.documents, [](const auto& document) {
                        return document.tests.empty();
                    });
    return omitted;
}

std::string_view suggestion_of(const Problem& problem) {
    constexpr std::string_view kBefore = "did you mean `";
    constexpr std::string_view kAfter = "`?";
    const std::string_view message = problem.message;
    const std::size_t start = message.rfind(kBefore);
    if (start == std::string_view::npos || !message.ends_with(kAfter)) {
        return {};
    }
    const std::size_t begin = start + kBefore.size();
    return message.substr(begin, message.size() - kAfter.size() - begin);
}

}  // namespace assay::engine
