// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::engine {

/// A Sigma condition as a tree over numbered selections.
struct ConditionNode {
    enum class Op : std::uint8_t { all, any, negate, selection };

    Op op = Op::selection;
    std::size_t selection = 0;
    std::vector<ConditionNode> children;  ///< one for negate, none for selection
};

struct ConditionError {
    std::size_t offset = 0;  ///< in the text
    std::string message;
    bool unsupported = false;  ///< right Sigma, but not served here
};

/// Reads a condition: selections, `and`, `or`, `not`, parentheses, `1 of x*`, `all of x*`, `1 of
/// them`, `all of them`. `selections` are the names in the order of the rule.
[[nodiscard]] std::expected<ConditionNode, ConditionError> parse_condition(
    std::string_view text, std::span<const std::string_view> selections);

}  // namespace assay::engine
