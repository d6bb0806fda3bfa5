// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/socket_activation.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace assay::sensors {
namespace {

constexpr std::size_t kMostEnvironment = 256 * 1024;
constexpr std::size_t kMostStat = 4 * 1024;

/// The first `limit` bytes of a file below proc; less when it is shorter.
std::optional<std::string> read_start(const HostRoot& host, const std::string& path,
                                      std::size_t limit) {
    const auto file = host.open_file(path);
    if (!file) {
        return std::nullopt;
    }
    std::string text(limit, '\0');
    std::size_t filled = 0;
    while (filled < limit) {
        const ssize_t got = ::read(file->get(), text.data() + filled, limit - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// The value of a variable in a NUL-separated environment.
std::optional<std::string_view> variable(std::string_view environment, std::string_view name) {
    while (!environment.empty()) {
        const std::size_t end = environment.find('\0');
        const std::string_view entry = environment.substr(0, end);
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
            return entry.substr(name.size() + 1);
        }
        environment.remove_prefix(end == std::string_view::npos ? environment.size() : end + 1);
    }
    return std::nullopt;
}

/// Start time in clock ticks since boot: the 22nd field of proc/PID/stat (proc(5)). The second
/// field, the name, may hold blanks and parentheses.
std::optional<std::uint64_t> start_ticks(std::string_view stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    stat.remove_prefix(name_end + 1);
    constexpr int kFieldsAfterName = 20;
    std::string_view field;
    for (int i = 0; i < kFieldsAfterName; ++i) {
        const std::size_t begin = stat.find_first_not_of(' ');
        if (begin == std::string_view::npos) {
            return std::nullopt;
        }
        stat.remove_prefix(begin);
        const std::size_t end = std::min(stat.find_first_of(" \n"), stat.size());
        field = stat.substr(0, end);
        stat.remove_prefix(end);
    }
    return number<std::uint64_t>(field);
}

bool is_same_process(const HostRoot& host, const std::string& folder, std::uint64_t start_ns) {
    if (start_ns == 0) {
        return true;
    }
    const auto stat = read_start(host, folder + "stat", kMostStat);
    const auto ticks = stat ? start_ticks(*stat) : std::nullopt;
    if (!ticks) {
        return false;
    }
    const long per_second = ::sysconf(_SC_CLK_TCK);
    const std::uint64_t tick_ns =
        1'000'000'000ULL / static_cast<std::uint64_t>(per_second > 0 ? per_second : 100);
    const std::uint64_t expected = start_ns / tick_ns;
    return *ticks + 1 >= expected && *ticks <= expected + 1;
}

}  // namespace

bool socket_activated(const HostRoot& host, facts::ProcessKey process) {
    if (process.pid == 0) {
        return false;
    }
    const std::string folder = "proc/" + std::to_string(process.pid) + "/";
    const auto environment = read_start(host, folder + "environ", kMostEnvironment);
    if (!environment) {
        return false;
    }
    const auto pid = variable(*environment, "LISTEN_PID");
    const auto sockets = variable(*environment, "LISTEN_FDS");
    return pid && sockets && number<std::uint32_t>(*pid) == process.pid &&
           number<std::uint32_t>(*sockets).value_or(0) > 0 &&
           is_same_process(host, folder, process.start_boot_ns);
}

}  // namespace assay::sensors
