// SPDX-License-Identifier: Apache-2.0
#include "engine/derived_field.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace assay::engine {
namespace {

using facts::FieldInfo;
using facts::FieldType;
using facts::FieldValue;

constexpr std::size_t kLongestComm = 15;  // TASK_COMM_LEN without its end

constexpr std::array kNamed{
    FieldInfo{"minute", FieldType::integer, "", "minute of the fact's time, UTC", nullptr},
    FieldInfo{"hour", FieldType::integer, "", "hour of the fact's time, UTC", nullptr},
    FieldInfo{"day", FieldType::integer, "", "day of the month of the fact's time, UTC", nullptr},
    FieldInfo{"week", FieldType::integer, "", "ISO 8601 week of the fact's time, UTC", nullptr},
    FieldInfo{"month", FieldType::integer, "", "month of the fact's time, UTC", nullptr},
    FieldInfo{"year", FieldType::integer, "", "year of the fact's time, UTC", nullptr},
    FieldInfo{"comm", FieldType::text_list, "", "name of the task", nullptr},
    FieldInfo{"argc", FieldType::integer, "", "number of arguments", nullptr},
};
constexpr FieldInfo kArgument{"argument", FieldType::text, "", "one argument", nullptr};

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1).substr(0, kLongestComm);
}

std::int64_t time_part(Derived part, Timestamp time) {
    using namespace std::chrono;
    const sys_time<nanoseconds> at{nanoseconds(time.ns)};
    const auto midnight = floor<days>(at);
    const year_month_day date{midnight};
    const auto since = at - midnight;
    switch (part) {
        case Derived::minute:
            return duration_cast<minutes>(since).count() % 60;
        case Derived::hour:
            return duration_cast<hours>(since).count();
        case Derived::day:
            return static_cast<unsigned>(date.day());
        case Derived::month:
            return static_cast<unsigned>(date.month());
        case Derived::year:
            return static_cast<int>(date.year());
        default:
            break;
    }
    // ISO 8601: the week belongs to the year that its Thursday is in.
    const auto thursday = midnight - (weekday{midnight} - Monday) + days(3);
    const year_month_day of_thursday{thursday};
    const sys_days first{of_thursday.year() / January / 1};
    return (thursday - first).count() / 7 + 1;
}

std::string_view text_of(const facts::FactView& fact, std::string_view field) {
    const FieldValue value = fact.get(field);
    const auto* text = std::get_if<std::string_view>(&value);
    return text == nullptr ? std::string_view{} : *text;
}

}  // namespace

std::optional<std::size_t> derived_argument(std::size_t n) {
    if (n >= kMostArguments) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(Derived::first_argument) + n;
}

std::optional<std::size_t> find_auditd_derived(std::string_view name) {
    if (name == "comm" || name == "argc") {
        return static_cast<std::size_t>(name == "comm" ? Derived::comm : Derived::argc);
    }
    std::size_t number = 0;
    const char* end = name.data() + name.size();
    if (name.size() < 2 || name.front() != 'a') {
        return std::nullopt;
    }
    const auto [stop, problem] = std::from_chars(name.data() + 1, end, number);
    return stop == end && problem == std::errc{} ? derived_argument(number) : std::nullopt;
}

const FieldInfo& derived_info(std::size_t field) {
    const std::size_t index = field - kFirstDerived;
    return index < kNamed.size() ? kNamed[index] : kArgument;
}

void DerivedFields::look_at(const facts::FactView& fact) {
    fact_ = &fact;
    is_split_ = false;
    for (Slot& each : slots_) {
        each.is_read = false;
        each.is_filled = false;
    }
}

const FieldValue& DerivedFields::value(std::size_t field) {
    Slot& wanted = slot(field);
    if (!wanted.is_read) {
        wanted.value = derive(field);
        wanted.is_read = true;
    }
    return wanted.value;
}

void DerivedFields::split_arguments() {
    if (is_split_) {
        return;
    }
    is_split_ = true;
    arguments_.clear();
    // Without the arguments as they were given (a recorded fact), blanks have to do.
    const std::string_view exact = fact_->arguments();
    std::string_view rest = exact.empty() ? text_of(*fact_, "CommandLine") : exact;
    const char separator = exact.empty() ? ' ' : '\0';
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(separator), rest.size());
        if (separator == '\0' || end > 0) {
            arguments_.push_back(rest.substr(0, end));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

FieldValue DerivedFields::derive(std::size_t field) {
    const auto derived = static_cast<Derived>(field);
    if (derived < Derived::comm) {
        return time_part(derived, fact_->header().time);
    }
    split_arguments();
    if (derived == Derived::argc) {
        return arguments_.empty() ? FieldValue{} : FieldValue{std::uint64_t{arguments_.size()}};
    }
    if (derived == Derived::comm) {
        // The kernel takes the name that exec was called with. That is the script's for a script;
        // else the program's, or that of a link to it, which the first argument tells as a rule.
        names_.clear();
        if (const std::string_view script = text_of(*fact_, "Script"); !script.empty()) {
            names_.push_back(base_name(script));
        } else {
            names_.push_back(base_name(text_of(*fact_, "Image")));
            if (!arguments_.empty() && base_name(arguments_.front()) != names_.front()) {
                names_.push_back(base_name(arguments_.front()));
            }
        }
        return facts::TextList(names_);
    }
    const std::size_t number = field - static_cast<std::size_t>(Derived::first_argument);
    return number < arguments_.size() && !arguments_[number].empty()
               ? FieldValue{arguments_[number]}
               : FieldValue{};
}

}  // namespace assay::engine
