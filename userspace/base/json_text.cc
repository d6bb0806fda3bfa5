// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <cstddef>
#include <cstdint>

namespace assay {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// Length of the valid UTF-8 sequence (RFC 3629) at the start of `text`; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto continues = [&](std::size_t i) {
        return i < text.size() && (byte(i) & 0xC0U) == 0x80U;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return continues(1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        if (!continues(1) || !continues(2)) {
            return 0;
        }
        const bool overlong = first == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = first == 0xED && byte(1) > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (!continues(1) || !continues(2) || !continues(3)) {
            return 0;
        }
        const bool overlong = first == 0xF0 && byte(1) < 0x90;
        const bool beyond = first == 0xF4 && byte(1) > 0x8F;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto first = static_cast<std::uint8_t>(text.front());
        std::size_t length = 1;
        if (first == '"' || first == '\\') {
            out += '\\';
            out += text.front();
        } else if (first == '\n') {
            out += "\\n";
        } else if (first == '\t') {
            out += "\\t";
        } else if (first == '\r') {
            out += "\\r";
        } else if (first < 0x20 || first == 0x7F) {
            out += "\\u00";
            out += kHex[first >> 4U];
            out += kHex[first & 15U];
        } else if (first < 0x80) {
            out += text.front();
        } else {
            length = utf8_length(text);
            if (length == 0) {
                out += "\xEF\xBF\xBD";
                length = 1;
            } else {
                out.append(text.substr(0, length));
            }
        }
        text.remove_prefix(length);
    }
    out += '"';
}

namespace {

/// Characters that show nothing, or turn round what follows them (Unicode 5.2, UAX 9): a name must
/// not hide behind them.
bool is_invisible(std::string_view character) {
    if (character.size() != 3) {
        return false;
    }
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
    const unsigned point = (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    return (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

}  // namespace

void append_terminal_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const auto first = static_cast<std::uint8_t>(text.front());
        std::size_t length = utf8_length(text);
        // C1 controls are U+0080 to U+009F: C2 80 to C2 9F.
        const bool c1 = first == 0xC2 && length == 2 && static_cast<std::uint8_t>(text[1]) < 0xA0;
        if (first < 0x20 || first == 0x7F || length == 0 || c1 ||
            is_invisible(text.substr(0, length))) {
            length = length == 0 ? 1 : length;
            for (const char c : text.substr(0, length)) {
                out += "\\x";
                out += kHex[static_cast<std::uint8_t>(c) >> 4U];
                out += kHex[static_cast<std::uint8_t>(c) & 15U];
            }
        } else {
            out.append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
}

}  // namespace assay
