// SPDX-License-Identifier: Apache-2.0
#include "engine/address_trie.h"

#include <algorithm>

namespace assay::engine {
namespace {

/// 10.1.2.3/8 is written for 10.0.0.0/8.
IpBlock without_host_bits(IpBlock block) {
    for (unsigned byte = 0; byte < block.base.bytes.size(); ++byte) {
        const unsigned kept = block.bits > byte * 8 ? std::min(block.bits - byte * 8, 8U) : 0;
        block.base.bytes[byte] &= static_cast<std::uint8_t>(0xFFU << (8 - kept));
    }
    return block;
}

}  // namespace

AddressTrie::AddressTrie(std::span<const std::pair<IpBlock, std::uint32_t>> blocks) {
    nodes_.reserve(blocks.size());
    for (const auto& [block, number] : blocks) {
        nodes_.push_back({.block = without_host_bits(block), .number = number});
    }
    std::ranges::sort(nodes_, [](const Node& a, const Node& b) {
        return std::pair(a.block.base, a.block.bits) < std::pair(b.block.base, b.block.bits);
    });
    // Blocks never overlap in part: the one before in this order, or one around it, encloses.
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
        std::size_t around = i - 1;
        while (around != kNone && !nodes_[around].block.contains(nodes_[i].block.base)) {
            around = nodes_[around].around;
        }
        nodes_[i].around = around;
    }
}

std::size_t AddressTrie::innermost(const IpAddress& address) const {
    const auto after =
        std::ranges::upper_bound(nodes_, address, {}, [](const Node& n) { return n.block.base; });
    std::size_t node =
        after == nodes_.begin() ? kNone : static_cast<std::size_t>(after - nodes_.begin()) - 1;
    while (node != kNone && !nodes_[node].block.contains(address)) {
        node = nodes_[node].around;
    }
    return node;
}

bool AddressTrie::contains(const IpAddress& address) const { return innermost(address) != kNone; }

void AddressTrie::find(const IpAddress& address, std::vector<std::uint32_t>& numbers) const {
    for (std::size_t node = innermost(address); node != kNone; node = nodes_[node].around) {
        numbers.push_back(nodes_[node].number);
    }
}

}  // namespace assay::engine
