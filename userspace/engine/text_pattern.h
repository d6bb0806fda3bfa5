// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::engine {

/// Lower case for A to Z; other bytes stay. Sigma does not say what case means beyond ASCII, and a
/// byte-wise rule cannot be evaded with invalid UTF-8.
[[nodiscard]] constexpr char folded(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
/// Replaces `out` by the folded text; keeps its memory.
void fold_into(std::string& out, std::string_view text);

/// One step of a Sigma string value once escapes are resolved.
struct PatternToken {
    enum class Type : std::uint8_t {
        literal,
        any_one,   ///< `?`: one character (one UTF-8 sequence)
        any_many,  ///< `*`
        dash,      ///< windash: - / – — ―
    };
    Type type = Type::literal;
    char byte = 0;

    bool operator==(const PatternToken&) const = default;
};
using PatternTokens = std::vector<PatternToken>;

/// Reads a Sigma string: `*` and `?` are wildcards; `\*`, `\?` and `\\` stand for themselves; any
/// other backslash is plain.
[[nodiscard]] PatternTokens parse_pattern(std::string_view text);
/// Every byte stands for itself.
[[nodiscard]] PatternTokens literal_pattern(std::string_view text);
/// A dash or slash that begins a flag stands for every kind of dash and the slash.
[[nodiscard]] PatternTokens with_any_dash(const PatternTokens& tokens);

/// A text a matcher looks at: the bytes, and on demand the same bytes folded.
class Subject {
public:
    Subject(std::string_view text, std::string& scratch, bool& scratch_is_filled)
        : text_(text), scratch_(&scratch), filled_(&scratch_is_filled) {}
    [[nodiscard]] std::string_view text() const { return text_; }
    [[nodiscard]] std::string_view folded_text() const {
        if (!*filled_) {
            fold_into(*scratch_, text_);
            *filled_ = true;
        }
        return *scratch_;
    }

private:
    std::string_view text_;
    std::string* scratch_;
    bool* filled_;
};

/// Bytes that stand in every text that a pattern matches, folded. Never empty.
struct RequiredText {
    enum class Place : std::uint8_t { anywhere, start, end, whole };
    Place place = Place::anywhere;
    std::string text;

    bool operator==(const RequiredText&) const = default;
    /// A guess, 0 to 1, of how many texts of a host hold it: to choose what to look for first.
    [[nodiscard]] double chance() const;
};

/// A compiled Sigma string value. The common shapes compare or search bytes; only what has a
/// wildcard in its middle walks tokens. Immutable, safe from any thread.
class TextPattern {
public:
    TextPattern(PatternTokens tokens, bool cased);
    [[nodiscard]] bool matches(const Subject& subject) const;
    /// For patterns that fix how the text ends: what ending_of says of every text that matches.
    [[nodiscard]] std::optional<std::uint8_t> ending() const;
    /// Each text that matches holds one of these; nothing when the pattern asks for no bytes.
    [[nodiscard]] std::vector<RequiredText> required() const;
    /// 0: compares a few bytes; higher: searches the text; highest: walks it.
    [[nodiscard]] int cost() const;

private:
    enum class Shape : std::uint8_t { anything, exact, prefix, suffix, contains, glob };

    Shape shape_;
    bool cased_;
    std::string literal_;  ///< folded unless cased
    PatternTokens tokens_;
};

/// A small number made of the last two bytes of a text, folded; nullopt when it is shorter.
[[nodiscard]] constexpr std::optional<std::uint8_t> ending_of(std::string_view text) {
    if (text.size() < 2) {
        return std::nullopt;
    }
    const auto last = static_cast<unsigned char>(folded(text[text.size() - 1]));
    const auto before = static_cast<unsigned char>(folded(text[text.size() - 2]));
    return static_cast<std::uint8_t>(last * 31U + before);
}

/// Patterns of which one must match. When all of them fix the end of the text, as lists of names
/// and of programs do, two bytes of the text turn most lists down at once.
class AnyPattern {
public:
    AnyPattern() = default;
    void add(TextPattern pattern);
    void add(AnyPattern other);
    [[nodiscard]] bool matches(const Subject& subject) const {
        if (by_ending_) {
            const auto ending = ending_of(subject.text());
            if (!ending || (endings_[*ending / 64U] >> (*ending % 64U) & 1U) == 0) {
                return false;
            }
        }
        return any_matches(subject);
    }
    [[nodiscard]] int cost() const;
    [[nodiscard]] std::span<const TextPattern> patterns() const { return patterns_; }

private:
    [[nodiscard]] bool any_matches(const Subject& subject) const;

    std::vector<TextPattern> patterns_;
    std::array<std::uint64_t, 4> endings_{};
    bool by_ending_ = true;
};

}  // namespace assay::engine
