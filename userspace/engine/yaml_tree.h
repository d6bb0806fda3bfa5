// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/diagnostics.h"

namespace assay::engine {

struct YamlEntry;

/// A YAML document as a plain tree: nothing is interpreted yet, and everything knows where it
/// stands. Aliases are already replaced by what they name.
struct YamlNode {
    enum class Type : std::uint8_t { null, scalar, sequence, map };

    Type type = Type::null;
    Mark mark;
    std::string text;       ///< of a scalar
    bool plain = false;     ///< a scalar without quotes: its text may mean a number or a boolean
    bool verbatim = false;  ///< the scalar stands in the file letter for letter, on one line
    std::vector<YamlNode> items;     ///< of a sequence
    std::vector<YamlEntry> entries;  ///< of a map, in the order of the file

    [[nodiscard]] const YamlEntry* find(std::string_view key) const;
    /// Where the character `offset` of a scalar stands, as far as that can be known.
    [[nodiscard]] Mark mark_at(std::size_t offset) const;
};

struct YamlEntry {
    std::string key;
    Mark mark;
    YamlNode value;
};

struct YamlError {
    Mark mark;
    std::string message;
};

/// How many keys and values a tree holds.
[[nodiscard]] std::size_t node_count(const YamlNode& node);

inline constexpr std::size_t kLargestRuleFile = std::size_t{1} << 20;

/// All documents of a text that are not empty. The text is not trusted: size, depth, number of
/// nodes and what aliases multiply are bounded; a key given twice and a merge key are errors. Reads
/// no further than the first mistake. Never throws.
[[nodiscard]] std::expected<std::vector<YamlNode>, YamlError> parse_yaml(std::string_view text);

}  // namespace assay::engine
