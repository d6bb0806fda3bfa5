// SPDX-License-Identifier: Apache-2.0
// Any bytes as a condition: what is understood is a tree over the selections that there are, and
// says the same however deep it is asked.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/condition.h"

namespace {

constexpr std::array<std::string_view, 5> kSelections{"selection", "selection_2", "filter",
                                                      "filter_main", "_hidden"};

std::size_t check(const assay::engine::ConditionNode& node, std::size_t depth) {
    using Op = assay::engine::ConditionNode::Op;
    constexpr std::size_t kDeepest = 100;
    if (depth > kDeepest) {
        std::abort();
    }
    const bool is_leaf = node.op == Op::selection;
    if (is_leaf ? node.selection >= kSelections.size() || !node.children.empty()
                : node.children.empty()) {
        std::abort();
    }
    std::size_t nodes = 1;
    for (const assay::engine::ConditionNode& child : node.children) {
        nodes += check(child, depth + 1);
    }
    return nodes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = assay::engine::parse_condition(text, kSelections);
    if (parsed) {
        // One name cannot stand for more than all selections.
        if (check(*parsed, 0) > (size + 1) * (kSelections.size() + 2)) {
            std::abort();
        }
    } else if (parsed.error().offset > size || parsed.error().message.empty()) {
        std::abort();
    }
    return 0;
}
