// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/text_pattern.h"

namespace assay::engine {

/// Finds which of many short texts stand in a text, in one pass over it. Texts that may stand
/// anywhere are found by their rarest four bytes: one look into a small bitmap for each byte of the
/// text, and a comparison where it says so. Immutable once built; safe from any thread.
class LiteralScan {
public:
    LiteralScan() = default;
    LiteralScan(const LiteralScan&) = delete;
    LiteralScan& operator=(const LiteralScan&) = delete;

    /// Its number, counted from 0; the same text again has the same number.
    std::uint32_t add(const RequiredText& text);
    /// After the last add.
    void build();
    [[nodiscard]] std::size_t size() const { return literals_.size(); }

    /// Adds the numbers of those that stand in the folded text; one may be added several times.
    void find(std::string_view folded, std::vector<std::uint32_t>& found) const;

private:
    static constexpr std::size_t kWidest = 4;

    struct Literal {
        std::size_t start = 0;  ///< in bytes_
        std::uint32_t length = 0;
        RequiredText::Place place{};
    };
    /// Where a key of some bytes leads to.
    struct Entry {
        std::uint32_t key = 0;
        std::uint32_t literal = 0;
        std::uint32_t offset = 0;  ///< of the key in the literal
    };
    /// Entries by the hash of their key.
    struct Table {
        std::vector<Entry> entries;  ///< sorted by hash
        std::vector<std::uint32_t> starts;
        unsigned start_bits = 0;

        void build();
    };
    /// Times 2^32 over the golden ratio: the upper bits depend on all bytes of the key.
    static constexpr std::uint32_t hash_of(std::uint32_t key) { return key * 0x9E3779B1U; }

    [[nodiscard]] std::string_view text_of(const Literal& literal) const {
        return std::string_view(bytes_).substr(literal.start, literal.length);
    }
    [[nodiscard]] std::size_t rarest_key(
        std::string_view text, const std::unordered_map<std::uint32_t, std::uint32_t>& uses) const;
    void find_anywhere(std::string_view folded, std::vector<std::uint32_t>& found) const;
    void find_at(const Table& table, std::string_view folded, std::size_t at, std::uint32_t key,
                 std::vector<std::uint32_t>& found) const;

    std::string bytes_;
    std::vector<Literal> literals_;
    std::unordered_map<std::string, std::uint32_t> numbers_;  ///< until it is built
    /// By the width of the key: index 1 to 4.
    std::array<Table, kWidest + 1> anywhere_;
    /// By hash_of(key) >> kFilterShift: bit n when a key of n bytes may be in anywhere_. As large
    /// as the second cache takes easily, and of one size: a shift by a number that is not constant
    /// costs more than the look-up. Empty when nothing is looked for anywhere.
    static constexpr unsigned kFilterShift = 15;
    std::vector<std::uint8_t> filter_;
    std::array<Table, kWidest + 1> start_;
    std::array<Table, kWidest + 1> end_;
    std::unordered_map<std::string_view, std::uint32_t> whole_;
};

}  // namespace assay::engine
