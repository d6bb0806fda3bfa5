// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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
#include "engine/text_pattern.h"
#include "facts/kinds.h"

namespace re2 {
class RE2;
}

namespace assay::engine {

inline constexpr std::size_t kMostFields = 64;
/// In a test: any field of the fact (Sigma's keyword search).
inline constexpr std::size_t kAnyField = kMostFields;

/// The fields of one fact while rules look at it: each is read at most once, and folded at most
/// once. Kept from fact to fact so that its memory is reused. One thread.
class FactFields {
public:
    /// Looks at another fact, which must outlive the reads that follow.
    void look_at(const facts::FactView& fact) {
        fact_ = &fact;
        read_ = 0;
        folded_is_filled_.fill(false);
    }
    [[nodiscard]] const facts::FactView& fact() const { return *fact_; }
    [[nodiscard]] std::size_t size() const { return fact_->kind_info().fields.size(); }
    [[nodiscard]] const facts::FieldValue& operator[](std::size_t field) {
        const std::uint64_t bit = std::uint64_t{1} << field;
        if ((read_ & bit) == 0) {
            values_[field] = fact_->get(field);
            read_ |= bit;
        }
        return values_[field];
    }
    [[nodiscard]] Subject subject(std::size_t field, std::string_view text) {
        return {text, folded_[field], folded_is_filled_[field]};
    }

private:
    const facts::FactView* fact_ = nullptr;
    std::uint64_t read_ = 0;
    std::array<facts::FieldValue, kMostFields> values_;
    std::array<std::string, kMostFields> folded_;
    std::array<bool, kMostFields> folded_is_filled_{};
};

/// Any 64-bit integer, signed or not.
struct Integer {
    bool negative = false;
    std::uint64_t magnitude = 0;

    bool operator==(const Integer&) const = default;
    std::strong_ordering operator<=>(const Integer& other) const;
    /// Decimal, 0x or 0o, with an optional sign; nothing else before or after.
    [[nodiscard]] static std::optional<Integer> parse(std::string_view text);
};

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
    std::vector<IpBlock> any_of;
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
