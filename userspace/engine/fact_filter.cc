// SPDX-License-Identifier: Apache-2.0
#include "engine/fact_filter.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "engine/compiled_rule.h"
#include "engine/condition.h"
#include "engine/field_test.h"
#include "engine/text_pattern.h"

namespace assay::engine {
namespace {

constexpr std::size_t kMostPrefixes = 4'096;

/// Nothing: any text may do.
using Prefixes = std::optional<std::vector<std::string>>;

/// Without those that others cover.
Prefixes tidied(std::vector<std::string> all) {
    std::ranges::sort(all);
    std::vector<std::string> kept;
    for (std::string& prefix : all) {
        if (kept.empty() || !prefix.starts_with(kept.back())) {
            kept.push_back(std::move(prefix));
        }
    }
    return kept.size() > kMostPrefixes ? Prefixes{} : Prefixes{std::move(kept)};
}

/// One of two holds.
Prefixes either(Prefixes a, Prefixes b) {
    if (!a || !b) {
        return std::nullopt;
    }
    std::ranges::move(*b, std::back_inserter(*a));
    return tidied(*std::move(a));
}

/// Both hold: each bounds, and the fewer of them will do.
Prefixes narrower(Prefixes a, Prefixes b) {
    return !a || (b && b->size() < a->size()) ? std::move(b) : std::move(a);
}

class Bounds {
public:
    explicit Bounds(std::size_t field) : field_(field) {}

    /// What bounds the facts of which the document has something to say.
    [[nodiscard]] Prefixes of(const CompiledDocument& document) const {
        Prefixes all = of(document.detection, document.detection.condition, false);
        for (const CompiledClause& clause : document.unknown_when) {
            all = either(std::move(all), of(clause.when, false));
        }
        if (document.applies_when) {
            all = either(std::move(all), of(*document.applies_when, false));
        }
        return all;
    }

private:
    /// `negated`: of the facts for which it does not hold.
    [[nodiscard]] Prefixes of(const Detection& detection, const ConditionNode& node,
                              bool negated) const {
        using Op = ConditionNode::Op;
        const auto of_child = [&](const ConditionNode& child) {
            return of(detection, child, negated);
        };
        switch (node.op) {
            case Op::selection:
                return of(detection.selections[node.selection], negated);
            case Op::negate:
                return of(detection, node.children.front(), !negated);
            case Op::all:
                return joined(node.children, !negated, of_child);
            case Op::any:
                return joined(node.children, negated, of_child);
        }
        return std::nullopt;
    }

    [[nodiscard]] Prefixes of(const Expression& expression, bool negated) const {
        using Op = Expression::Op;
        const auto of_child = [&](const Expression& child) { return of(child, negated); };
        switch (expression.op) {
            case Op::test:
                return negated || !expression.test ? Prefixes{} : of(*expression.test);
            case Op::negate:
                return of(expression.children.front(), !negated);
            case Op::all:
                return joined(expression.children, !negated, of_child);
            case Op::any:
                return joined(expression.children, negated, of_child);
        }
        return std::nullopt;
    }

    template <class Children, class OfChild>
    [[nodiscard]] static Prefixes joined(const Children& children, bool is_all,
                                         const OfChild& of_child) {
        // All of nothing always holds; any of nothing never does, for no text at all.
        Prefixes bound = is_all ? Prefixes{} : Prefixes{std::vector<std::string>{}};
        for (const auto& child : children) {
            bound = is_all ? narrower(std::move(bound), of_child(child))
                           : either(std::move(bound), of_child(child));
        }
        return bound;
    }

    [[nodiscard]] Prefixes of(const FieldTest& test) const {
        const auto* text = std::get_if<TextTest>(&test.check);
        if (test.field != field_ || text == nullptr) {
            return std::nullopt;
        }
        std::vector<std::string> prefixes;
        for (const TextPattern& pattern : text->any_of.patterns()) {
            const auto required = pattern.required();
            if (required.empty()) {
                return std::nullopt;
            }
            for (const RequiredText& each : required) {
                using Place = RequiredText::Place;
                if (each.place != Place::start && each.place != Place::whole) {
                    return std::nullopt;
                }
                prefixes.push_back(each.text);
            }
        }
        return tidied(std::move(prefixes));
    }

    std::size_t field_;
};

}  // namespace

std::optional<std::vector<std::string>> literal_prefixes(const RuleSet& rules, facts::Kind kind,
                                                         std::string_view field) {
    const auto index = facts::find_field(facts::info(kind), field);
    if (!index) {
        return std::nullopt;
    }
    const Bounds bounds(*index);
    Prefixes all{std::vector<std::string>{}};
    for (const LoadedRule* rule : rules.loaded()) {
        for (const CompiledDocument& document : rule->compiled) {
            if (document.kind == kind) {
                all = either(std::move(all), bounds.of(document));
            }
        }
    }
    return all;
}

}  // namespace assay::engine
