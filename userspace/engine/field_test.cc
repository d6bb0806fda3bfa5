// SPDX-License-Identifier: Apache-2.0
#include "engine/field_test.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace assay::engine {
namespace {

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
            return address && test.trie.contains(*address);
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

namespace {

std::optional<Integer> integer_of(std::string_view text, bool decimal_only) {
    Integer number;
    if (text.starts_with('-') || text.starts_with('+')) {
        number.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    int base = 10;
    if (!decimal_only && (text.starts_with("0x") || text.starts_with("0o"))) {
        base = text[1] == 'x' ? 16 : 8;
        text.remove_prefix(2);
    }
    const char* begin = text.data();
    const char* end = begin + text.size();
    const auto [stop, problem] = std::from_chars(begin, end, number.magnitude, base);
    if (text.empty() || problem != std::errc{} || stop != end) {
        return std::nullopt;
    }
    number.negative = number.negative && number.magnitude != 0;
    return number;
}

}  // namespace

std::optional<Integer> Integer::parse(std::string_view text) { return integer_of(text, false); }

std::optional<Integer> Integer::parse_decimal(std::string_view text) {
    return integer_of(text, true);
}

void AddressTest::freeze() {
    std::vector<std::pair<IpBlock, std::uint32_t>> blocks;
    blocks.reserve(any_of.size());
    for (const IpBlock& block : any_of) {
        blocks.emplace_back(block, 0);
    }
    trie = AddressTrie(blocks);
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
