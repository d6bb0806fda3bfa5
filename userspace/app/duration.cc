// SPDX-License-Identifier: Apache-2.0
#include "app/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace assay::app {
namespace {

struct Unit {
    char letter;
    std::int64_t seconds;
    std::string_view written;
};
constexpr std::array kUnits{Unit{'d', 86400, "d"}, Unit{'h', 3600, "h"}, Unit{'m', 60, "min"},
                            Unit{'s', 1, "s"}};
constexpr std::int64_t kLongest = 365 * std::int64_t{86400};

std::unexpected<Error> not_a_duration(std::string_view text) {
    return fail(fmt::format("'{}' is not a duration: write 90s, 5m, 1h, 1h30m or forever", text));
}

}  // namespace

Result<WindowLength> parse_duration(std::string_view text) {
    if (text == "forever") {
        return WindowLength{};
    }
    if (text.empty()) {
        return not_a_duration(text);
    }
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    for (const char* at = text.data(); at != text.data() + text.size();) {
        std::uint32_t amount = 0;
        const auto [end, problem] = std::from_chars(at, text.data() + text.size(), amount);
        if (problem != std::errc{} || end == text.data() + text.size()) {
            return not_a_duration(text);
        }
        while (next_unit < kUnits.size() && kUnits[next_unit].letter != *end) {
            ++next_unit;
        }
        if (next_unit == kUnits.size()) {
            return not_a_duration(text);
        }
        total += amount * kUnits[next_unit++].seconds;
        at = end + 1;
    }
    if (total > kLongest) {
        return fail(fmt::format("'{}' is longer than 365 days: write forever", text));
    }
    return WindowLength{std::chrono::seconds(total)};
}

std::string duration_text(std::chrono::seconds length) {
    const std::int64_t seconds = length.count();
    // Two minutes and less are told in seconds: that is how short windows are asked for.
    if (seconds < 120) {
        return fmt::format("{} s", seconds);
    }
    std::string text;
    std::int64_t rest = seconds;
    for (const Unit& unit : kUnits) {
        const std::int64_t amount = rest / unit.seconds;
        rest %= unit.seconds;
        if (amount != 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : " ", amount, unit.written);
        }
    }
    return text;
}

}  // namespace assay::app
