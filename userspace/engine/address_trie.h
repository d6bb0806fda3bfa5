// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace assay::engine {

/// Address blocks, each with a number, as a trie laid flat: sorted, each with the block that
/// encloses it. A look-up is one binary search and a walk outwards, however many blocks there are,
/// and takes memory only for the blocks. Immutable, safe from any thread.
class AddressTrie {
public:
    AddressTrie() = default;
    explicit AddressTrie(std::span<const std::pair<IpBlock, std::uint32_t>> blocks);

    [[nodiscard]] bool empty() const { return nodes_.empty(); }
    [[nodiscard]] bool contains(const IpAddress& address) const;
    /// Adds the numbers of all blocks around the address.
    void find(const IpAddress& address, std::vector<std::uint32_t>& numbers) const;

private:
    static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    struct Node {
        IpBlock block;
        std::uint32_t number = 0;
        std::size_t around = kNone;  ///< the smallest block that encloses this one
    };
    [[nodiscard]] std::size_t innermost(const IpAddress& address) const;

    std::vector<Node> nodes_;
};

}  // namespace assay::engine
