// SPDX-License-Identifier: Apache-2.0
#include "engine/sigma_filter.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/condition.h"

namespace assay::engine {

std::optional<Clause> clause_of_filter(const RuleDocument& filter, Diagnostics& diagnostics) {
    const FilterSource& source = *filter.filter;
    if (!source.condition) {
        return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (const Selection& selection : source.selections) {
        names.push_back(selection.name);
    }
    auto condition = parse_condition(source.condition->text, names);
    if (!condition) {
        const Mark mark = source.condition->mark_at(condition.error().offset);
        if (condition.error().unsupported) {
            diagnostics.unsupported(mark, std::move(condition.error().message));
        } else {
            diagnostics.error(mark, std::move(condition.error().message));
        }
        return std::nullopt;
    }
    Clause clause;
    clause.reason = "filter `" + filter.info.title + "`";
    clause.selections = source.selections;
    clause.condition = source.condition;
    if (condition->op == ConditionNode::Op::negate) {
        // `not selection` says what stays, `selection` what goes: see README.md.
        clause.condition->text = "not (" + clause.condition->text + ")";
        clause.condition->verbatim = false;
    }
    return clause;
}

bool filter_fits(const LogSource& filter, const LogSource& rule) {
    const auto fits = [](const std::string& wanted, const std::string& given) {
        return wanted.empty() || wanted == given;
    };
    return fits(filter.category, rule.category) && fits(filter.product, rule.product) &&
           fits(filter.service, rule.service);
}

}  // namespace assay::engine
