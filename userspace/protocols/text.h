// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

/// ASCII text without locales.
namespace assay::protocols {

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
[[nodiscard]] constexpr char lower(char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
/// A visible ASCII character or a byte of UTF-8; no blank.
[[nodiscard]] constexpr bool is_visible(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
}
[[nodiscard]] constexpr bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return is_visible(c); });
}
/// Visible characters, blanks and tabs.
[[nodiscard]] constexpr bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return is_visible(c) || c == ' ' || c == '\t'; });
}

/// Equal but for the case of ASCII letters.
[[nodiscard]] constexpr bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}
[[nodiscard]] constexpr bool begins(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && same(text.substr(0, start.size()), start);
}
/// True when `text` contains `part`, whatever the case of its letters.
[[nodiscard]] constexpr bool mentions(std::string_view text, std::string_view part) {
    return !std::ranges::search(text, part, {}, lower, lower).empty();
}

/// Takes the next word (up to a blank) off the front of `rest`.
constexpr std::string_view next_word(std::string_view& rest) {
    const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
    rest.remove_prefix(begin);
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    return word;
}

}  // namespace assay::protocols
