// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace assay::deliver {

/// Writes one JSON value on one line, in the order of the calls. Empty texts and lists are left
/// out by `field`, so that nothing is ever null or empty.
class JsonWriter {
public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    JsonWriter& open(char bracket) {
        separate();
        out_ += bracket;
        first_ = true;
        return *this;
    }
    JsonWriter& close(char bracket) {
        out_ += bracket;
        first_ = false;
        return *this;
    }
    JsonWriter& key(std::string_view name) {
        separate();
        append_json_string(out_, name);
        out_ += ':';
        first_ = true;
        return *this;
    }
    JsonWriter& text(std::string_view value) {
        separate();
        append_json_string(out_, value);
        return *this;
    }
    JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
    template <class Number>
        requires(std::integral<Number> || std::floating_point<Number>)
    JsonWriter& number(Number value) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
        return raw(std::string_view(digits.data(), end.ptr));
    }
    /// A value that is JSON already.
    JsonWriter& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }

    JsonWriter& field(std::string_view name, std::string_view value) {
        return value.empty() ? *this : key(name).text(value);
    }
    template <class Number>
        requires(std::integral<Number> && !std::same_as<Number, bool>)
    JsonWriter& field(std::string_view name, Number value) {
        return key(name).number(value);
    }
    template <class List>
    JsonWriter& texts(std::string_view name, const List& list) {
        if (list.empty()) {
            return *this;
        }
        key(name).open('[');
        for (const auto& item : list) {
            text(item);
        }
        return close(']');
    }

private:
    void separate() {
        if (!first_) {
            out_ += ',';
        }
        first_ = false;
    }
    std::string& out_;
    bool first_ = true;
};

}  // namespace assay::deliver
