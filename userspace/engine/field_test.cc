// SPDX-License-Identifier: Apache-2.0
#include "engine/field_test.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace assay::engine {
namespace {

using facts::FieldValue;
using facts::TextList;

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

/// Calls passes(Subject) for each text that the field holds until one passes.
template <class Passes>
bool any_text(FactFields& fields, std::size_t field, const Passes& passes) {
    const FieldValue& value = fields[field];
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return passes(fields.subject(field, *text));
    }
    std::string scratch;
    bool filled = false;
    const auto once = [&](std::string_view text) {
        filled = false;
        return passes(Subject(text, scratch, filled));
    };
    if (const auto* list = std::get_if<TextList>(&value)) {
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

Integer to_integer(std::int64_t number) {
    return number < 0 ? Integer{true, 0 - static_cast<std::uint64_t>(number)}
                      : Integer{false, static_cast<std::uint64_t>(number)};
}

/// Calls passes(Integer) for each integer that the field holds, or whose text is one.
template <class Passes>
bool any_integer(FactFields& fields, std::size_t field, const Passes& passes) {
    const FieldValue& value = fields[field];
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return passes(Integer{false, *number});
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return passes(to_integer(*number));
    }
    const auto in_text = [&](std::string_view text) {
        const auto parsed = Integer::parse(text);
        return parsed && passes(*parsed);
    };
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return in_text(*text);
    }
    if (const auto* list = std::get_if<TextList>(&value)) {
        return std::ranges::any_of(*list, in_text);
    }
    return false;
}

bool contains_part(std::string_view text, std::string_view part, ReferenceTest::Part where) {
    switch (where) {
        case ReferenceTest::Part::whole:
            return text == part;
        case ReferenceTest::Part::start:
            return text.starts_with(part);
        case ReferenceTest::Part::end:
            return text.ends_with(part);
        case ReferenceTest::Part::inside:
            return text.contains(part);
    }
    return false;
}

/// One check against one field, which is not kAnyField.
struct Look {
    FactFields& fields;
    std::size_t field;

    bool operator()(const PresenceTest& test) const {
        return std::holds_alternative<std::monostate>(fields[field]) != test.present;
    }
    bool operator()(const BooleanTest& test) const {
        const auto* flag = std::get_if<bool>(&fields[field]);
        return flag != nullptr && (*flag ? test.on_true : test.on_false);
    }
    bool operator()(const IntegerTest& test) const {
        return any_integer(fields, field, [&](const Integer& number) {
            return std::ranges::find(test.any_of, number) != test.any_of.end();
        });
    }
    bool operator()(const OrderTest& test) const {
        return any_integer(fields, field, [&](const Integer& number) {
            return (test.or_equal && number == test.bound) ||
                   (test.greater ? number > test.bound : number < test.bound);
        });
    }
    bool operator()(const TextTest& test) const {
        return any_text(fields, field,
                        [&](const Subject& subject) { return test.any_of.matches(subject); });
    }
    bool operator()(const AddressTest& test) const {
        return any_text(fields, field, [&](const Subject& subject) {
            const auto address = IpAddress::parse(subject.text());
            return address && std::ranges::any_of(test.any_of, [&](const IpBlock& block) {
                       return block.contains(*address);
                   });
        });
    }
    bool operator()(const RegexTest& test) const {
        return any_text(fields, field, [&](const Subject& subject) {
            return re2::RE2::PartialMatch({subject.text().data(), subject.text().size()},
                                          *test.regex);
        });
    }
    bool operator()(const ReferenceTest& test) const {
        return any_text(fields, field, [&](const Subject& subject) {
            return any_text(fields, test.other, [&](const Subject& other) {
                return test.cased
                           ? contains_part(subject.text(), other.text(), test.part)
                           : contains_part(subject.folded_text(), other.folded_text(), test.part);
            });
        });
    }
};

}  // namespace

std::strong_ordering Integer::operator<=>(const Integer& other) const {
    if (negative != other.negative) {
        return negative ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    return negative ? other.magnitude <=> magnitude : magnitude <=> other.magnitude;
}

std::optional<Integer> Integer::parse(std::string_view text) {
    Integer number;
    if (text.starts_with('-') || text.starts_with('+')) {
        number.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0o")) {
        base = text[1] == 'x' ? 16 : 8;
        text.remove_prefix(2);
    }
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number.magnitude, base);
    if (text.empty() || problem != std::errc{} || stop != end) {
        return std::nullopt;
    }
    number.negative = number.negative && number.magnitude != 0;
    return number;
}

bool FieldTest::passes(FactFields& fields) const {
    if (field != kAnyField) {
        return std::visit(Look{fields, field}, check);
    }
    for (std::size_t any = 0; any < fields.size(); ++any) {
        if (std::visit(Look{fields, any}, check)) {
            return true;
        }
    }
    return false;
}

int FieldTest::cost() const {
    int cost = 0;
    if (const auto* text = std::get_if<TextTest>(&check)) {
        cost = text->any_of.cost();
    } else if (std::holds_alternative<AddressTest>(check)) {
        cost = 40;
    } else if (std::holds_alternative<ReferenceTest>(check)) {
        cost = 45;
    } else if (std::holds_alternative<RegexTest>(check)) {
        cost = 100;
    }
    return field == kAnyField ? cost * 10 + 100 : cost;
}

}  // namespace assay::engine
