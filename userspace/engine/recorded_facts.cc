// SPDX-License-Identifier: Apache-2.0
#include "engine/recorded_facts.h"

#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

#include "engine/field_test.h"
#include "engine/nearest_name.h"

namespace assay::engine {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using Value = facts::RecordedFact::Value;

constexpr std::size_t kMostIgnoredNames = 16;
constexpr std::size_t kMostListItems = 4096;
constexpr std::size_t kChunk = std::size_t{64} * 1024;

std::string quoted(std::string_view text) {
    constexpr std::size_t kLongest = 80;
    return "`" + std::string(text.substr(0, kLongest)) + (text.size() > kLongest ? "…`" : "`");
}

/// Decimal digits of fixed length out of `text`, which they begin; moved past them.
std::optional<int> digits(std::string_view& text, std::size_t length) {
    int number = 0;
    const char* begin = text.data();
    const char* end = begin + length;
    if (text.size() < length || text.front() == '-' ||
        std::from_chars(begin, end, number).ptr != end) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return number;
}

bool skip(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// RFC 3339 in UTC, with up to nine digits after the seconds.
std::optional<Timestamp> parse_time(std::string_view text) {
    const auto year = digits(text, 4);
    const bool dash1 = skip(text, '-');
    const auto month = digits(text, 2);
    const bool dash2 = skip(text, '-');
    const auto day = digits(text, 2);
    const bool separator = skip(text, 'T') || skip(text, ' ');
    const auto hour = digits(text, 2);
    const bool colon1 = skip(text, ':');
    const auto minute = digits(text, 2);
    const bool colon2 = skip(text, ':');
    const auto second = digits(text, 2);
    if (!year || !month || !day || !hour || !minute || !second || !dash1 || !dash2 || !separator ||
        !colon1 || !colon2 || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    std::int64_t ns = 0;
    if (skip(text, '.')) {
        std::int64_t unit = 100'000'000;
        if (text.empty() || text.front() < '0' || text.front() > '9') {
            return std::nullopt;
        }
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            ns += (text.front() - '0') * unit;
            unit /= 10;
            text.remove_prefix(1);
        }
    }
    if (text != "Z" && text != "+00:00") {
        return std::nullopt;
    }
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(*year),
                              std::chrono::month(static_cast<unsigned>(*month)),
                              std::chrono::day(static_cast<unsigned>(*day))};
    // What 64 bits of nanoseconds hold.
    if (!date.ok() || *year < 1700 || *year > 2200) {
        return std::nullopt;
    }
    const auto since =
        sys_days(date).time_since_epoch() + hours(*hour) + minutes(*minute) + seconds(*second);
    return Timestamp{duration_cast<nanoseconds>(since).count() + ns};
}

std::string_view text_of(const element& value) {
    std::string_view text;
    return value.get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

/// A number or a boolean as text, the way a pattern sees it; nullopt for what is nested.
std::optional<std::string> plain_text(const element& value) {
    switch (value.type()) {
        case element_type::STRING:
            return std::string(text_of(value));
        case element_type::INT64:
        case element_type::UINT64:
        case element_type::DOUBLE:
        case element_type::BOOL:
            return simdjson::to_string(value);
        default:
            return std::nullopt;
    }
}

Result<Value> wrong(const facts::FieldInfo& field, std::string_view expected) {
    return fail("expected " + std::string(expected) + " for " + quoted(field.name));
}

Result<Value> list_value(const facts::FieldInfo& field, const element& value) {
    std::vector<std::string> texts;
    simdjson::dom::array items;
    if (value.get(items) != simdjson::SUCCESS) {
        auto one = plain_text(value);
        if (!one) {
            return wrong(field, "a list of texts");
        }
        texts.push_back(*std::move(one));
    } else {
        for (const element& item : items) {
            auto one = plain_text(item);
            if (!one || texts.size() == kMostListItems) {
                return wrong(field, "a list of at most 4096 texts");
            }
            texts.push_back(*std::move(one));
        }
    }
    return texts.empty() ? Value() : Value(std::move(texts));
}

/// The value as the field holds it. Numbers and booleans may be quoted, as many tools write them.
Result<Value> value_of(const facts::FieldInfo& field, const element& value) {
    if (value.is_null()) {
        return Value();
    }
    if (field.type == facts::FieldType::text_list) {
        return list_value(field, value);
    }
    auto text = plain_text(value);
    switch (field.type) {
        case facts::FieldType::boolean:
            if (text != "true" && text != "false") {
                return wrong(field, "true or false");
            }
            return Value(text == "true");
        case facts::FieldType::integer: {
            const auto number = text ? Integer::parse(*text) : std::nullopt;
            if (!number || (number->negative &&
                            number->magnitude > std::numeric_limits<std::int64_t>::max())) {
                return wrong(field, "a whole number");
            }
            return number->negative ? Value(-static_cast<std::int64_t>(number->magnitude))
                                    : Value(number->magnitude);
        }
        default:
            if (!text) {
                return wrong(field, "a text");
            }
            return text->empty() ? Value() : Value(*std::move(text));
    }
}

std::string known_kinds() {
    std::string names;
    for (const facts::KindInfo& kind : facts::kKinds) {
        names += (names.empty() ? "" : ", ") + std::string(kind.name);
    }
    return names;
}

class FactParser {
public:
    Result<ParsedFact> parse(const std::string& json, std::optional<facts::Kind> otherwise);

private:
    static Result<facts::Kind> kind_of(const simdjson::dom::object& object,
                                       std::optional<facts::Kind> otherwise);

    simdjson::dom::parser parser_;
};

Result<facts::Kind> FactParser::kind_of(const simdjson::dom::object& object,
                                        std::optional<facts::Kind> otherwise) {
    element named;
    if (object.at_key("kind").get(named) != simdjson::SUCCESS) {
        if (!otherwise) {
            return fail("the fact has no `kind`: expected one of " + known_kinds());
        }
        return *otherwise;
    }
    const std::string_view name = text_of(named);
    const facts::KindInfo* kind = facts::find_kind(name);
    if (kind == nullptr) {
        std::vector<std::string_view> names;
        for (const facts::KindInfo& known : facts::kKinds) {
            names.push_back(known.name);
        }
        const std::string hint = did_you_mean(name, names);
        return fail("unknown kind of fact " + quoted(name) +
                    (hint.empty() ? ": expected one of " + known_kinds() : hint));
    }
    return kind->kind;
}

Result<ParsedFact> FactParser::parse(const std::string& json,
                                     std::optional<facts::Kind> otherwise) {
    element root;
    if (const auto problem = parser_.parse(json).get(root)) {
        return fail(std::string("not valid JSON: ") + simdjson::error_message(problem));
    }
    simdjson::dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
        return fail("expected a JSON object");
    }
    element wrapped;
    element kind_key;
    if (object.at_key("kind").get(kind_key) != simdjson::SUCCESS &&
        object.at_key("event").get(wrapped) == simdjson::SUCCESS && wrapped.is_object()) {
        object = wrapped.get_object().value_unsafe();
    }
    const auto kind = kind_of(object, otherwise);
    if (!kind) {
        return std::unexpected(kind.error());
    }
    ParsedFact parsed{.fact = facts::RecordedFact(*kind), .ignored = {}};
    const facts::KindInfo& info = facts::info(*kind);
    std::vector<bool> is_given(info.fields.size());
    for (const auto& [key, value] : object) {
        if (key == "kind") {
            continue;
        }
        if (key == "time") {
            const auto time = parse_time(text_of(value));
            if (!time) {
                return fail("expected a time such as 2026-11-22T15:30:00Z for `time`");
            }
            parsed.fact.header.time = *time;
            continue;
        }
        if (key == "origin") {
            const std::string_view origin = text_of(value);
            if (origin != "runtime" && origin != "snapshot") {
                return fail("expected runtime or snapshot for `origin`");
            }
            parsed.fact.header.origin =
                origin == "snapshot" ? facts::Origin::snapshot : facts::Origin::runtime;
            continue;
        }
        const auto index = facts::find_field(info, key);
        if (!index) {
            if (parsed.ignored.size() < kMostIgnoredNames) {
                parsed.ignored.emplace_back(key);
            }
            continue;
        }
        if (is_given[*index]) {
            return fail("the field " + quoted(key) + " is given twice");
        }
        is_given[*index] = true;
        auto held = value_of(info.fields[*index], value);
        if (!held) {
            return std::unexpected(held.error());
        }
        parsed.fact.values[*index] = *std::move(held);
    }
    parsed.fact.freeze();
    return parsed;
}

}  // namespace

Result<ParsedFact> parse_fact(std::string_view json, std::optional<facts::Kind> otherwise) {
    if (json.size() > kLongestFactLine) {
        return fail("longer than " + std::to_string(kLongestFactLine) + " bytes");
    }
    return FactParser().parse(std::string(json), otherwise);
}

Result<FactLines> read_facts(
    int fd, std::optional<facts::Kind> otherwise,
    const std::function<void(std::uint64_t line, ParsedFact fact)>& on_fact,
    const std::function<void(std::uint64_t line, const std::string& problem)>& on_bad_line) {
    FactParser parser;
    FactLines count;
    std::uint64_t line_number = 0;
    std::string line;
    bool is_too_long = false;
    const auto take_line = [&] {
        ++line_number;
        if (is_too_long) {
            ++count.bad;
            on_bad_line(line_number, "longer than " + std::to_string(kLongestFactLine) + " bytes");
        } else if (line.find_first_not_of(" \t\r") != std::string::npos) {
            auto fact = parser.parse(line, otherwise);
            ++(fact ? count.facts : count.bad);
            if (fact) {
                on_fact(line_number, *std::move(fact));
            } else {
                on_bad_line(line_number, fact.error().message);
            }
        }
        line.clear();
        is_too_long = false;
    };
    std::vector<char> chunk(kChunk);
    while (true) {
        const ssize_t got = ::read(fd, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::unexpected(errno_error("cannot read the facts", errno));
        }
        if (got == 0) {
            break;
        }
        std::string_view rest(chunk.data(), static_cast<std::size_t>(got));
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            const std::string_view part = rest.substr(0, end);
            is_too_long = is_too_long || line.size() + part.size() > kLongestFactLine;
            if (!is_too_long) {
                line += part;
            }
            if (end == std::string_view::npos) {
                break;
            }
            take_line();
            rest.remove_prefix(end + 1);
        }
    }
    if (!line.empty() || is_too_long) {
        take_line();
    }
    return count;
}

}  // namespace assay::engine
