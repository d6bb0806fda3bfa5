// SPDX-License-Identifier: Apache-2.0
#include "engine/literal_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace assay::engine {
namespace {

using Place = RequiredText::Place;

/// `width` bytes, 1 to 4, as a number, the first byte lowest.
std::uint32_t key_at(const char* bytes, std::size_t width) {
    std::uint32_t key = 0;
    for (std::size_t i = 0; i < width; ++i) {
        key |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return key;
}

/// The same of four, in one load. (Narrower ones are cut out of it: a copy of three bytes is
/// written and read again in unlike pieces, which costs more than all the rest.)
std::uint32_t four_at(const char* bytes) {
    std::uint32_t key = 0;
    std::memcpy(&key, bytes, sizeof(key));
    return std::endian::native == std::endian::little ? key : std::byteswap(key);
}

}  // namespace

std::uint32_t LiteralScan::add(const RequiredText& text) {
    const auto number = static_cast<std::uint32_t>(literals_.size());
    const auto [known, is_new] =
        numbers_.try_emplace(static_cast<char>(text.place) + text.text, number);
    if (is_new) {
        literals_.push_back({.start = bytes_.size(),
                             .length = static_cast<std::uint32_t>(text.text.size()),
                             .place = text.place});
        bytes_ += text.text;
    }
    return known->second;
}

void LiteralScan::Table::build() {
    const auto count = static_cast<unsigned>(std::bit_width(entries.size()));
    start_bits = std::clamp(count, 1U, 20U);
    std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
        return std::pair(hash_of(a.key), a.literal) < std::pair(hash_of(b.key), b.literal);
    });
    starts.assign((std::size_t{1} << start_bits) + 1, 0);
    for (const Entry& entry : entries) {
        ++starts[(hash_of(entry.key) >> (32U - start_bits)) + 1];
    }
    for (std::size_t i = 1; i < starts.size(); ++i) {
        starts[i] += starts[i - 1];
    }
}

std::size_t LiteralScan::rarest_key(
    std::string_view text, const std::unordered_map<std::uint32_t, std::uint32_t>& uses) const {
    std::size_t rarest = 0;
    std::uint32_t fewest = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t at = 0; at + kWidest <= text.size(); ++at) {
        const auto found = uses.find(key_at(text.data() + at, kWidest));
        const std::uint32_t count = found == uses.end() ? 0 : found->second;
        if (count < fewest) {
            fewest = count;
            rarest = at;
        }
    }
    return rarest;
}

void LiteralScan::build() {
    numbers_ = {};
    // What many rules look for is what hosts are full of ("/bin", "bash"): a key that few use is
    // seldom seen.
    std::unordered_map<std::uint32_t, std::uint32_t> uses;
    for (const Literal& literal : literals_) {
        const std::string_view text = text_of(literal);
        for (std::size_t at = 0; literal.place == Place::anywhere && at + kWidest <= text.size();
             ++at) {
            ++uses[key_at(text.data() + at, kWidest)];
        }
    }
    for (std::uint32_t number = 0; number < literals_.size(); ++number) {
        const Literal& literal = literals_[number];
        const std::string_view text = text_of(literal);
        const std::size_t width = std::min(text.size(), kWidest);
        if (literal.place == Place::whole) {
            whole_.emplace(text, number);
            continue;
        }
        const bool is_anywhere = literal.place == Place::anywhere;
        const std::size_t at = literal.place == Place::end       ? text.size() - width
                               : is_anywhere && width == kWidest ? rarest_key(text, uses)
                                                                 : 0;
        auto& tables = is_anywhere ? anywhere_ : literal.place == Place::start ? start_ : end_;
        tables[width].entries.push_back({.key = key_at(text.data() + at, width),
                                         .literal = number,
                                         .offset = static_cast<std::uint32_t>(at)});
    }
    for (auto* tables : {&anywhere_, &start_, &end_}) {
        std::ranges::for_each(*tables, &Table::build);
    }
    for (std::size_t width = 1; width <= kWidest; ++width) {
        for (const Entry& entry : anywhere_[width].entries) {
            filter_.resize(std::size_t{1} << (32U - kFilterShift));
            filter_[hash_of(entry.key) >> kFilterShift] |= static_cast<std::uint8_t>(1U << width);
        }
    }
}

/// A key stands at `at`: which literals stand around it?
void LiteralScan::find_at(const Table& table, std::string_view folded, std::size_t at,
                          std::uint32_t key, std::vector<std::uint32_t>& found) const {
    const std::uint32_t slot = hash_of(key) >> (32U - table.start_bits);
    for (std::uint32_t i = table.starts[slot]; i < table.starts[slot + 1]; ++i) {
        const Entry& entry = table.entries[i];
        if (entry.key != key || entry.offset > at) {
            continue;
        }
        const Literal& literal = literals_[entry.literal];
        const std::size_t start = at - entry.offset;
        const bool fits = literal.place == Place::start ? start == 0
                          : literal.place == Place::end ? start + literal.length == folded.size()
                                                        : true;
        if (fits && folded.substr(start, literal.length) == text_of(literal)) {
            found.push_back(entry.literal);
        }
    }
}

void LiteralScan::find_anywhere(std::string_view folded, std::vector<std::uint32_t>& found) const {
    const char* const bytes = folded.data();
    const std::uint8_t* const filter = filter_.data();
    const auto may_hold = [&](std::uint32_t key, unsigned width) {
        return filter[hash_of(key) >> kFilterShift] & (1U << width);
    };
    std::size_t at = 0;
    for (; at + kWidest <= folded.size(); ++at) {
        const std::uint32_t key = four_at(bytes + at);
        // One branch for all widths: it is hardly ever taken.
        if ((may_hold(key, 4) | may_hold(key & 0xFFFFFFU, 3) | may_hold(key & 0xFFFFU, 2)) != 0)
            [[unlikely]] {
            for (const std::size_t width : {2U, 3U, 4U}) {
                find_at(anywhere_[width], folded, at, key_at(bytes + at, width), found);
            }
        }
    }
    for (; at < folded.size(); ++at) {
        for (std::size_t width = 2; at + width <= folded.size(); ++width) {
            find_at(anywhere_[width], folded, at, key_at(bytes + at, width), found);
        }
    }
    if (!anywhere_[1].entries.empty()) {
        for (at = 0; at < folded.size(); ++at) {
            find_at(anywhere_[1], folded, at, key_at(bytes + at, 1), found);
        }
    }
}

void LiteralScan::find(std::string_view folded, std::vector<std::uint32_t>& found) const {
    if (!filter_.empty()) {
        find_anywhere(folded, found);
    }
    for (std::size_t width = 1; width <= std::min(kWidest, folded.size()); ++width) {
        for (const bool at_end : {false, true}) {
            const Table& table = at_end ? end_[width] : start_[width];
            if (!table.entries.empty()) {
                const std::size_t at = at_end ? folded.size() - width : 0;
                find_at(table, folded, at, key_at(folded.data() + at, width), found);
            }
        }
    }
    if (!whole_.empty()) {
        if (const auto same = whole_.find(folded); same != whole_.end()) {
            found.push_back(same->second);
        }
    }
}

}  // namespace assay::engine
