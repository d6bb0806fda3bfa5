// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/libbpf_log.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <ranges>

namespace assay::sensors {
namespace {

constexpr std::size_t kKept = 32 * 1024;

// Objects are loaded by several threads at once: each has what libbpf says of its own.
std::string& log() {
    thread_local std::string kept;
    return kept;
}

// The verifier's log of a program comes as one message that may be megabytes: only its end matters.
__attribute__((format(printf, 2, 0))) int keep(libbpf_print_level level, const char* format,
                                               va_list arguments) {
    if (level == LIBBPF_DEBUG) {
        return 0;
    }
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    std::string message;
    if (length > 0) {
        message.resize(static_cast<std::size_t>(length) + 1);
        std::vsnprintf(message.data(), message.size(), format, again);
        message.pop_back();
    }
    va_end(again);
    if (message.size() > kKept) {
        message.erase(0, message.size() - kKept);
    }
    std::string& text = log();
    text += message;
    if (text.size() > kKept) {
        text.erase(0, text.size() - kKept);
    }
    return 0;
}

const std::string& kept_text() { return log(); }

}  // namespace

void keep_libbpf_log() { libbpf_set_print(keep); }

void clear_libbpf_log() { log().clear(); }

std::string program_that_failed() { return detail::program_that_failed(kept_text()); }
std::string last_libbpf_complaint() { return detail::last_complaint(kept_text()); }

namespace detail {

// "libbpf: prog 'exec_tp_btf': failed to load: -13"
std::string program_that_failed(std::string_view log) {
    constexpr std::string_view kEnd = "': failed to load";
    constexpr std::string_view kBegin = "prog '";
    const auto end = log.rfind(kEnd);
    if (end == std::string_view::npos) {
        return {};
    }
    const auto begin = log.rfind(kBegin, end);
    if (begin == std::string_view::npos) {
        return {};
    }
    return std::string(log.substr(begin + kBegin.size(), end - begin - kBegin.size()));
}

std::string last_complaint(std::string_view log) {
    constexpr std::string_view kStatistics = "processed ";
    constexpr std::string_view kLogEnd = "-- END PROG LOAD LOG";
    const auto verifier_end = log.rfind(kLogEnd);
    if (verifier_end != std::string_view::npos) {
        log = log.substr(0, log.rfind('\n', verifier_end) + 1);
    }
    std::string_view last;
    for (const auto part : std::views::split(log, '\n')) {
        std::string_view line(part.begin(), part.end());
        if (!line.empty() && !line.starts_with(kStatistics) && !line.contains(kLogEnd)) {
            last = line;
        }
    }
    return std::string(last);
}

}  // namespace detail
}  // namespace assay::sensors
