// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/socket_activation.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sensors/host/process_status.h"

namespace assay::sensors {
namespace {

constexpr std::size_t kMostEnvironment = 256 * 1024;
constexpr std::size_t kMostStat = 4 * 1024;

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

bool is_same_process(const HostRoot& host, const std::string& folder, std::uint64_t start_ns) {
    if (start_ns == 0) {
        return true;
    }
    const auto stat = read_process_file(host, folder + "stat", kMostStat);
    const auto ticks = stat ? start_ticks(*stat) : std::nullopt;
    if (!ticks) {
        return false;
    }
    const std::uint64_t expected = start_ns / nanoseconds_in_a_tick();
    return *ticks + 1 >= expected && *ticks <= expected + 1;
}

}  // namespace

bool socket_activated(const HostRoot& host, facts::ProcessKey process) {
    if (process.pid == 0) {
        return false;
    }
    const std::string folder = "proc/" + std::to_string(process.pid) + "/";
    const auto environment = read_process_file(host, folder + "environ", kMostEnvironment);
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
