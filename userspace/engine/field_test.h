// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "engine/address_trie.h"
#include "engine/derived_field.h"
#include "engine/text_pattern.h"
#include "facts/kinds.h"

namespace re2 {
class RE2;
}

namespace assay::engine {

inline constexpr std::size_t kMostFields = 64;
/// In a test: any field of the fact (Sigma's keyword search).
inline constexpr std::size_t kAnyField = kMostFields;
static_assert(kFirstDerived > kAnyField);

/// The fields of one fact while rules look at it: each is read at most once, and folded at most
/// once. Kept from fact to fact so that its memory is reused. One thread.
class FactFields {
public:
    /// Looks at another fact, which must outlive the reads that follow.
    void look_at(const facts::FactView& fact) {
        fact_ = &fact;
        read_ = 0;
        folded_is_filled_.fill(false);
        if (derived_) {
            derived_->look_at(fact);
        }
    }
    [[nodiscard]] const facts::FactView& fact() const { return *fact_; }
    [[nodiscard]] std::size_t size() const { return fact_->kind_info().fields.size(); }
    [[nodiscard]] const facts::FieldValue& operator[](std::size_t field) {
        if (field >= kFirstDerived) [[unlikely]] {
            return derived().value(field);
        }
        const std::uint64_t bit = std::uint64_t{1} << field;
        if ((read_ & bit) == 0) {
            values_[field] = fact_->get(field);
            read_ |= bit;
        }
        return values_[field];
    }
    [[nodiscard]] Subject subject(std::size_t field, std::string_view text) {
        if (field >= kFirstDerived) [[unlikely]] {
            return {text, derived().folded(field), derived().folded_is_filled(field)};
        }
        return {text, folded_[field], folded_is_filled_[field]};
    }

private:
    DerivedFields& derived() {
        if (!derived_) {
            derived_ = std::make_unique<DerivedFields>();
            derived_->look_at(*fact_);
        }
        return *derived_;
    }

    const facts::FactView* fact_ = nullptr;
    std::unique_ptr<DerivedFields> derived_;  ///< made when a rule first asks for one
    std::uint64_t read_ = 0;
    std::array<facts::FieldValue, kMostFields> values_;
    std::array<std::string, kMostFields> folded_;
    std::array<bool, kMostFields> folded_is_filled_{};
};

/// Numbers and booleans as the text that a pattern sees.
class PlainText {
public:
    explicit PlainText(std::int64_t number) { write(number); }
    explicit PlainText(std::uint64_t number) { write(number); }
    [[nodiscard]] std::string_view view() const { return {digits_.data(), length_}; }

private:
    void write(auto number) {
        const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr;
        length_ = static_cast<std::size_t>(end - digits_.data());
    }
    std::array<char, 24> digits_{};
    std::size_t length_ = 0;
};

/// Calls passes(Subject) for each text that the field holds until one passes. What patterns see of
/// a field, and what the index looks through, is this and nothing else.
template <class Passes>
bool any_text(FactFields& fields, std::size_t field, const Passes& passes) {
    const facts::FieldValue& value = fields[field];
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return passes(fields.subject(field, *text));
    }
    if (std::holds_alternative<std::monostate>(value)) {
        return false;
    }
    std::string scratch;
    bool filled = false;
    const auto once = [&](std::string_view text) {
        filled = false;
        return passes(Subject(text, scratch, filled));
    };
    if (const auto* list = std::get_if<facts::TextList>(&value)) {
        return std::ranges::any_of(*list, once);
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return once(*flag ? "true" : "false");
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return once(PlainText(*number).view());
    }
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return once(PlainText(*number).view());
    }
    return false;
}

/// Any 64-bit integer, signed or not.
struct Integer {
    bool negative = false;
    std::uint64_t magnitude = 0;

    bool operator==(const Integer&) const = default;
    std::strong_ordering operator<=>(const Integer& other) const;
    /// Decimal, 0x or 0o, with an optional sign; nothing else before or after.
    [[nodiscard]] static std::optional<Integer> parse(std::string_view text);
    /// Decimal only, with an optional sign: what a number in a fact's text looks like.
    [[nodiscard]] static std::optional<Integer> parse_decimal(std::string_view text);
};

/// Calls passes(Integer) for each integer that the field holds, or whose text is one, until one
/// passes.
template <class Passes>
bool any_integer(FactFields& fields, std::size_t field, const Passes& passes) {
    const facts::FieldValue& value = fields[field];
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return passes(Integer{false, *number});
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        const auto magnitude = static_cast<std::uint64_t>(*number);
        return passes(*number < 0 ? Integer{true, 0 - magnitude} : Integer{false, magnitude});
    }
    const auto in_text = [&](std::string_view text) {
        const auto parsed = Integer::parse_decimal(text);
        return parsed && passes(*parsed);
    };
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return in_text(*text);
    }
    if (const auto* list = std::get_if<facts::TextList>(&value)) {
        return std::ranges::any_of(*list, in_text);
    }
    return false;
}

struct PresenceTest {
    bool present = true;
};
struct BooleanTest {
    bool on_true = false;
    bool on_false = false;
};
struct IntegerTest {
    std::vector<Integer> any_of;
};
struct OrderTest {
    bool greater = false;
    bool or_equal = false;
    Integer bound;
};
struct TextTest {
    AnyPattern any_of;
};
struct AddressTest {
    std::vector<IpBlock> any_of;  ///< as the rule gives them
    AddressTrie trie;             ///< the same, to look addresses up

    /// Fills the trie: once no block is added any more.
    void freeze();
};
struct RegexTest {
    std::shared_ptr<const re2::RE2> regex;
};
struct ReferenceTest {
    enum class Part : std::uint8_t { whole, start, end, inside } part = Part::whole;
    std::size_t other = 0;
    bool cased = false;
};

/// One look at one field. An absent field passes nothing but PresenceTest{false}; a list passes
/// when one of its elements does.
struct FieldTest {
    using Check = std::variant<PresenceTest, BooleanTest, IntegerTest, OrderTest, TextTest,
                               AddressTest, RegexTest, ReferenceTest>;

    std::size_t field = 0;  ///< or kAnyField
    Check check;

    [[nodiscard]] bool passes(FactFields& fields) const;
    /// Lower is cheaper; the cheap ones are asked first.
    [[nodiscard]] int cost() const;
};

}  // namespace assay::engine
