// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

namespace assay {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
}

void append_digits(std::string& out, std::int64_t value, int width) {
    char digits[20];
    for (int i = width - 1; i >= 0; --i) {
        digits[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    out.append(digits, static_cast<std::size_t>(width));
}

}  // namespace

void append_rfc3339(std::string& out, Timestamp time) {
    std::int64_t seconds = time.ns / kSecond;
    std::int64_t fraction = time.ns % kSecond;
    if (fraction < 0) {
        fraction += kSecond;
        --seconds;
    }
    const std::time_t whole = seconds;
    std::tm parts{};
    gmtime_r(&whole, &parts);
    append_digits(out, parts.tm_year + 1900, 4);
    out += '-';
    append_digits(out, parts.tm_mon + 1, 2);
    out += '-';
    append_digits(out, parts.tm_mday, 2);
    out += 'T';
    append_digits(out, parts.tm_hour, 2);
    out += ':';
    append_digits(out, parts.tm_min, 2);
    out += ':';
    append_digits(out, parts.tm_sec, 2);
    out += '.';
    append_digits(out, fraction, 9);
    out += 'Z';
}

std::string rfc3339(Timestamp time) {
    std::string out;
    append_rfc3339(out, time);
    return out;
}

Timestamp wall_clock_now() { return Timestamp{read_clock(CLOCK_REALTIME)}; }

std::uint64_t boot_clock_now_ns() { return static_cast<std::uint64_t>(read_clock(CLOCK_BOOTTIME)); }

BootToWall::BootToWall() : offset_ns_(read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME)) {}

}  // namespace assay
