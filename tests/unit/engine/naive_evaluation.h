// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/rule_document.h"
#include "facts/kinds.h"

namespace assay::engine {

/// Whether a rule's detection holds of a fact, worked out from what the rule says, value by value,
/// in the plainest way: no compiling, no order, no index. It shares nothing with the engine but the
/// typed document (and RE2). What the engine says must be what this says.
class NaiveEvaluation {
public:
    explicit NaiveEvaluation(const RuleDocument& document) : document_(document) {}

    [[nodiscard]] bool holds(const facts::RecordedFact& fact) const {
        for (const YamlNode& condition : document_.conditions) {
            if (Condition{*this, fact, tokens_of(condition.text)}.holds()) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] bool selection_holds(const Selection& selection,
                                       const facts::RecordedFact& fact) const {
        if (selection.constant) {
            return *selection.constant;
        }
        return std::ranges::any_of(selection.groups, [&](const FieldGroup& group) {
            return std::ranges::all_of(
                group, [&](const FieldItem& item) { return item_holds(item, fact); });
        });
    }

private:
    using Texts = std::vector<std::string>;

    // ---- values of facts -------------------------------------------------------------------

    static Texts texts_of(const facts::RecordedFact::Value& value) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            return text->empty() ? Texts{} : Texts{*text};
        }
        if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
            return *list;
        }
        if (const auto* flag = std::get_if<bool>(&value)) {
            return {*flag ? "true" : "false"};
        }
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            return {std::to_string(*number)};
        }
        if (const auto* number = std::get_if<std::uint64_t>(&value)) {
            return {std::to_string(*number)};
        }
        return {};
    }

    static Texts texts_of(const facts::RecordedFact& fact, std::string_view field) {
        const auto index = facts::find_field(facts::info(fact.kind), field);
        EXPECT_TRUE(index) << "the oracle knows no field " << field;
        return index ? texts_of(fact.values[*index]) : Texts{};
    }

    // ---- items -----------------------------------------------------------------------------

    static bool has(const FieldItem& item, Modifier modifier) {
        return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
    }

    [[nodiscard]] bool item_holds(const FieldItem& item, const facts::RecordedFact& fact) const {
        const auto one = [&](const Scalar& value) { return value_holds(item, value, fact); };
        const std::vector<Scalar> values = expanded(item);
        const bool any = has(item, Modifier::all) ? std::ranges::all_of(values, one)
                                                  : std::ranges::any_of(values, one);
        return any != has(item, Modifier::neq);
    }

    /// `%name%` as a whole value only, which is how the tests write it.
    [[nodiscard]] std::vector<Scalar> expanded(const FieldItem& item) const {
        std::vector<Scalar> values;
        for (const Scalar& value : item.values) {
            const bool is_placeholder = has(item, Modifier::expand) && value.text.size() > 2 &&
                                        value.text.front() == '%' && value.text.back() == '%';
            const auto known =
                is_placeholder
                    ? document_.parameters.find(value.text.substr(1, value.text.size() - 2))
                    : document_.parameters.end();
            if (known == document_.parameters.end()) {
                values.push_back(value);
            } else {
                values.insert(values.end(), known->second.begin(), known->second.end());
            }
        }
        return values;
    }

    static bool value_holds(const FieldItem& item, const Scalar& value,
                            const facts::RecordedFact& fact) {
        if (!item.field.empty()) {
            return value_holds(item, value, fact, texts_of(fact, item.field));
        }
        // A keyword: some field.
        return std::ranges::any_of(fact.values, [&](const auto& field) {
            return value_holds(item, value, fact, texts_of(field));
        });
    }

    static bool value_holds(const FieldItem& item, const Scalar& value,
                            const facts::RecordedFact& fact, const Texts& texts) {
        using M = Modifier;
        const auto any_text = [&](const auto& passes) {
            return std::ranges::any_of(texts, passes);
        };
        if (has(item, M::exists)) {
            return texts.empty() == (value.text == "false");
        }
        for (const M order : {M::gt, M::gte, M::lt, M::lte}) {
            if (has(item, order)) {
                return any_text(
                    [&](const std::string& text) { return order_holds(order, text, value.text); });
            }
        }
        if (has(item, M::cidr)) {
            return any_text([&](const std::string& text) { return in_block(text, value.text); });
        }
        if (has(item, M::re)) {
            std::string flags = has(item, M::ignore_case) ? "i" : "";
            flags += has(item, M::multi_line) ? "m" : "";
            flags += has(item, M::single_line) ? "s" : "";
            // Kept, for it takes long to make; what it says does not depend on that.
            static std::map<std::string, std::unique_ptr<re2::RE2>> known;
            auto& regex = known[(flags.empty() ? "" : "(?" + flags + ")") + value.text];
            if (!regex) {
                regex = std::make_unique<re2::RE2>(
                    (flags.empty() ? "" : "(?" + flags + ")") + value.text, re2::RE2::Latin1);
            }
            return any_text(
                [&](const std::string& text) { return re2::RE2::PartialMatch(text, *regex); });
        }
        if (has(item, M::fieldref)) {
            const Texts others = texts_of(fact, value.text);
            return any_text([&](const std::string& text) {
                return std::ranges::any_of(others, [&](const std::string& other) {
                    return part_holds(item, text, other);
                });
            });
        }
        const bool is_plain = std::ranges::all_of(item.modifiers, [](M m) {
            return m == M::all || m == M::neq || m == M::expand || m == M::cased;
        });
        if (value.type == Scalar::Type::null || (value.text.empty() && is_plain)) {
            return texts.empty();
        }
        const std::vector<Pattern> patterns = patterns_of(item, value);
        return any_text([&](const std::string& text) {
            return std::ranges::any_of(patterns, [&](const Pattern& pattern) {
                return pattern_holds(item, pattern, text);
            });
        });
    }

    static bool order_holds(Modifier order, const std::string& text, const std::string& bound) {
        const bool is_number =
            text.find_first_not_of("0123456789", text.starts_with('-') || text.starts_with('+')) ==
                std::string::npos &&
            text.find_first_of("0123456789") != std::string::npos;
        if (!is_number) {
            return false;
        }
        const long long left = std::strtoll(text.c_str(), nullptr, 10);
        const long long right = std::strtoll(bound.c_str(), nullptr, 10);
        return order == Modifier::gt    ? left > right
               : order == Modifier::gte ? left >= right
               : order == Modifier::lt  ? left < right
                                        : left <= right;
    }

    /// IPv4 becomes ::ffff:a.b.c.d.
    static std::optional<std::array<unsigned char, 16>> address_of(const std::string& text) {
        std::array<unsigned char, 16> bytes{};
        if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
            return bytes;
        }
        if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) {
            bytes[10] = bytes[11] = 0xFF;
            return bytes;
        }
        return std::nullopt;
    }

    static bool in_block(const std::string& text, const std::string& block) {
        const std::string::size_type slash = block.find('/');
        const auto base = address_of(block.substr(0, slash));
        const auto address = address_of(text);
        if (!base || !address) {
            return false;
        }
        const int given = slash == std::string::npos ? 128 : std::atoi(block.c_str() + slash + 1);
        const int bits = slash != std::string::npos && !block.contains(':') ? given + 96 : given;
        for (int bit = 0; bit < bits; ++bit) {
            const auto at = static_cast<std::size_t>(bit / 8);
            const auto mask = 0x80U >> static_cast<unsigned>(bit % 8);
            if (((*base)[at] & mask) != ((*address)[at] & mask)) {
                return false;
            }
        }
        return true;
    }

    static std::string lower(std::string text) {
        for (char& c : text) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        return text;
    }

    static bool part_holds(const FieldItem& item, std::string text, std::string part) {
        if (!has(item, Modifier::cased)) {
            text = lower(text);
            part = lower(part);
        }
        return has(item, Modifier::contains)     ? text.contains(part)
               : has(item, Modifier::startswith) ? text.starts_with(part)
               : has(item, Modifier::endswith)   ? text.ends_with(part)
                                                 : text == part;
    }

    // ---- patterns --------------------------------------------------------------------------

    /// A literal character, or `*`, `?` or `-` as a sign.
    struct Sign {
        char character = 0;
        bool is_sign = false;
    };
    using Pattern = std::vector<Sign>;

    static Pattern literal(std::string_view text) {
        Pattern pattern;
        for (const char c : text) {
            pattern.push_back({.character = c, .is_sign = false});
        }
        return pattern;
    }
    static std::string text_of(const Pattern& pattern) {
        std::string text;
        for (const Sign& sign : pattern) {
            text += sign.character;
        }
        return text;
    }

    static std::vector<Pattern> patterns_of(const FieldItem& item, const Scalar& value) {
        using M = Modifier;
        Pattern first;
        for (std::size_t i = 0; i < value.text.size(); ++i) {
            const char c = value.text[i];
            const char next = i + 1 < value.text.size() ? value.text[i + 1] : ' ';
            if (value.type == Scalar::Type::text && c == '\\' &&
                (next == '*' || next == '?' || next == '\\')) {
                first.push_back({.character = next, .is_sign = false});
                ++i;
            } else {
                first.push_back(
                    {.character = c,
                     .is_sign = value.type == Scalar::Type::text && (c == '*' || c == '?')});
            }
        }
        const Sign star{.character = '*', .is_sign = true};
        std::vector<Pattern> patterns{std::move(first)};
        for (const M modifier : item.modifiers) {
            std::vector<Pattern> changed;
            for (Pattern pattern : patterns) {
                if (modifier == M::contains || modifier == M::endswith) {
                    pattern.insert(pattern.begin(), star);
                }
                if (modifier == M::contains || modifier == M::startswith) {
                    pattern.push_back(star);
                }
                if (modifier == M::windash) {
                    mark_dashes(pattern);
                }
                if (modifier == M::utf16 || modifier == M::utf16le || modifier == M::utf16be) {
                    std::string wide = modifier == M::utf16 ? "\xFF\xFE" : "";
                    for (const char c : text_of(pattern)) {
                        wide +=
                            modifier == M::utf16be ? std::string{'\0', c} : std::string{c, '\0'};
                    }
                    pattern = literal(wide);
                }
                if (modifier == M::base64) {
                    pattern = literal(base64(text_of(pattern)));
                }
                if (modifier == M::base64offset) {
                    // Drop the digits that bytes before and after have a part in.
                    constexpr std::array<std::size_t, 3> kFromStart{0, 2, 3};
                    constexpr std::array<std::size_t, 3> kFromEnd{0, 3, 2};
                    const std::string text = text_of(pattern);
                    for (std::size_t offset = 0; offset < 3; ++offset) {
                        std::string encoded = base64(std::string(offset, ' ') + text);
                        encoded.resize(encoded.size() - kFromEnd[(text.size() + offset) % 3]);
                        changed.push_back(literal(encoded.substr(kFromStart[offset])));
                    }
                    continue;
                }
                changed.push_back(std::move(pattern));
            }
            patterns = std::move(changed);
        }
        if (item.field.empty() && !has(item, M::contains) && !has(item, M::startswith) &&
            !has(item, M::endswith)) {
            for (Pattern& pattern : patterns) {
                pattern.insert(pattern.begin(), star);
                pattern.push_back(star);
            }
        }
        return patterns;
    }

    static std::string base64(const std::string& bytes) {
        constexpr std::string_view kDigits =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string bits;
        for (const char c : bytes) {
            for (unsigned bit = 8; bit-- > 0;) {
                bits += (static_cast<unsigned char>(c) >> bit & 1U) != 0 ? '1' : '0';
            }
        }
        std::string encoded;
        while (!bits.empty()) {
            std::string six = bits.substr(0, 6);
            bits.erase(0, 6);
            six.resize(6, '0');
            encoded += kDigits[static_cast<std::size_t>(std::strtol(six.c_str(), nullptr, 2))];
        }
        while (encoded.size() % 4 != 0) {
            encoded += '=';
        }
        return encoded;
    }

    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    }
    /// A dash or slash that begins a flag stands for any of them.
    static void mark_dashes(Pattern& pattern) {
        const Pattern before = pattern;
        const auto word_at = [&](std::size_t i) {
            return i < before.size() && !before[i].is_sign && is_word(before[i].character);
        };
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            const bool is_dash =
                !before[i].is_sign && (before[i].character == '-' || before[i].character == '/');
            if (is_dash && word_at(i + 1) && (i == 0 || !word_at(i - 1))) {
                pattern[i] = {.character = '-', .is_sign = true};
            }
        }
    }

    static bool pattern_holds(const FieldItem& item, const Pattern& pattern,
                              const std::string& text) {
        const bool is_cased = has(item, Modifier::cased);
        // reached[i]: the signs so far can have taken i bytes.
        std::vector<bool> reached(text.size() + 1);
        reached[0] = true;
        for (const Sign& sign : pattern) {
            std::vector<bool> next(text.size() + 1);
            for (std::size_t at = 0; at <= text.size(); ++at) {
                if (!reached[at]) {
                    continue;
                }
                if (sign.is_sign && sign.character == '*') {
                    std::fill(next.begin() + static_cast<std::ptrdiff_t>(at), next.end(), true);
                    break;
                }
                for (const std::size_t length : lengths(sign, text.substr(at), is_cased)) {
                    next[at + length] = true;
                }
            }
            reached = std::move(next);
        }
        return reached.back();
    }

    /// How many bytes the sign takes of the start of the text: none or one answer.
    static std::vector<std::size_t> lengths(const Sign& sign, const std::string& text,
                                            bool is_cased) {
        if (text.empty()) {
            return {};
        }
        if (!sign.is_sign) {
            const std::string have(1, text.front());
            const std::string want(1, sign.character);
            const bool same = is_cased ? have == want : lower(have) == lower(want);
            return same ? std::vector<std::size_t>{1} : std::vector<std::size_t>{};
        }
        if (sign.character == '-') {
            for (const std::string_view dash :
                 {"-", "/", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95"}) {
                if (text.starts_with(dash)) {
                    return {dash.size()};
                }
            }
            return {};
        }
        const auto lead = static_cast<unsigned char>(text.front());
        const std::size_t most = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
        std::size_t length = 1;
        while (length < most && length < text.size() &&
               (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) {
            ++length;
        }
        return {length};
    }

    // ---- conditions ------------------------------------------------------------------------

    static Texts tokens_of(std::string_view text) {
        Texts tokens(1);
        for (const char c : text) {
            if (c == ' ' || c == '(' || c == ')' || c == '\n' || c == '\t') {
                tokens.emplace_back();
                if (c == '(' || c == ')') {
                    tokens.back() = c;
                    tokens.emplace_back();
                }
            } else {
                tokens.back() += c;
            }
        }
        std::erase(tokens, "");
        return tokens;
    }

    /// One condition against one fact; every part is asked, whether it still matters or not.
    struct Condition {
        const NaiveEvaluation& rule;
        const facts::RecordedFact& fact;
        Texts tokens;
        std::size_t at = 0;

        bool holds() {
            const bool result = disjunction();
            EXPECT_EQ(at, tokens.size()) << "the oracle did not understand the condition";
            return result;
        }
        [[nodiscard]] std::string word(std::size_t ahead = 0) const {
            return at + ahead < tokens.size() ? lower(tokens[at + ahead]) : "";
        }
        bool disjunction() {
            bool result = conjunction();
            while (word() == "or") {
                ++at;
                const bool right = conjunction();
                result = result || right;
            }
            return result;
        }
        bool conjunction() {
            bool result = operand();
            while (word() == "and") {
                ++at;
                const bool right = operand();
                result = result && right;
            }
            return result;
        }
        bool operand() {
            if (word() == "not") {
                ++at;
                return !operand();
            }
            if (word() == "(") {
                ++at;
                const bool result = disjunction();
                EXPECT_EQ(word(), ")");
                ++at;
                return result;
            }
            if (word(1) == "of") {
                const bool is_all = word() == "all";
                const std::string names = tokens[at + 2];
                at += 3;
                return several(is_all, names);
            }
            const std::string name = tokens[at++];
            for (const Selection& selection : rule.document_.selections) {
                if (selection.name == name) {
                    return rule.selection_holds(selection, fact);
                }
            }
            ADD_FAILURE() << "the oracle knows no selection " << name;
            return false;
        }
        [[nodiscard]] bool several(bool is_all, const std::string& names) const {
            bool all = true;
            bool any = false;
            for (const Selection& selection : rule.document_.selections) {
                const bool is_meant =
                    lower(names) == "them"
                        ? !selection.name.starts_with('_')
                        : pattern_holds(
                              FieldItem{.modifiers = {Modifier::cased}},
                              patterns_of({}, {.type = Scalar::Type::text, .text = names}).front(),
                              selection.name);
                if (is_meant) {
                    const bool one = rule.selection_holds(selection, fact);
                    all = all && one;
                    any = any || one;
                }
            }
            return is_all ? all : any;
        }
    };

    const RuleDocument& document_;
};

}  // namespace assay::engine
