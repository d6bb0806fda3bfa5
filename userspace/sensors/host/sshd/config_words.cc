// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/config_words.h"

#include <algorithm>

namespace assay::sensors::sshd {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view after_space(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    return begin == std::string_view::npos ? text.substr(text.size()) : text.substr(begin);
}

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<std::string> take_word(LineCursor& cursor) {
    if (!cursor.rest) {
        return std::nullopt;
    }
    const std::string_view text = *cursor.rest;
    const std::size_t end = text.find_first_of(" \t\r\n\"=");
    if (end == std::string_view::npos) {
        cursor.rest.reset();
        return std::string(text);
    }
    if (text[end] == '"') {
        const std::size_t close = text.find('"', end + 1);
        if (close == std::string_view::npos) {
            cursor.rest.reset();
            return std::nullopt;
        }
        cursor.rest = after_space(text.substr(close + 1));
        return std::string(text.substr(0, end)) +
               std::string(text.substr(end + 1, close - end - 1));
    }
    std::string_view rest = after_space(text.substr(end + 1));
    if (text[end] != '=' && rest.starts_with('=')) {
        rest = after_space(rest.substr(1));
    }
    cursor.rest = rest;
    return std::string(text.substr(0, end));
}

std::optional<std::vector<std::string>> split_arguments(std::string_view text) {
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ' || text[i] == '\t') {
            continue;
        }
        if (text[i] == '#') {
            break;
        }
        std::string& argument = arguments.emplace_back();
        char quote = '\0';
        for (; i < text.size(); ++i) {
            const char c = text[i];
            const char next = i + 1 < text.size() ? text[i + 1] : '\0';
            if (c == '\\' &&
                (next == '\'' || next == '"' || next == '\\' || (quote == '\0' && next == ' '))) {
                argument += next;
                ++i;
            } else if (quote == '\0' && (c == ' ' || c == '\t')) {
                break;
            } else if (quote == '\0' && (c == '"' || c == '\'')) {
                quote = c;
            } else if (quote != '\0' && c == quote) {
                quote = '\0';
            } else {
                argument += c;
            }
        }
        if (quote != '\0') {
            return std::nullopt;
        }
    }
    return arguments;
}

std::string_view without_trailing_space(std::string_view line) {
    while (line.size() > 1 && std::string_view(" \t\r\n\f").contains(line.back())) {
        line.remove_suffix(1);
    }
    return line;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, folded, folded);
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), folded);
    return lower;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

}  // namespace assay::sensors::sshd
