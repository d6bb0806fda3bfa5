// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/actor.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "sensors/host/process_status.h"

namespace assay::sensors {
namespace {

/// The real user id of proc/PID/status.
std::optional<std::uint32_t> real_uid(std::string_view status) {
    constexpr std::string_view kKey = "\nUid:\t";
    const std::size_t at = status.find(kKey);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    status.remove_prefix(at + kKey.size());
    std::uint32_t uid = 0;
    const auto [end, problem] = std::from_chars(status.data(), status.data() + status.size(), uid);
    return problem == std::errc{} ? std::optional(uid) : std::nullopt;
}

}  // namespace

Actor read_actor(const HostRoot& host, std::uint32_t pid, UserNames& users) {
    Actor actor{.process = {.pid = pid, .start_boot_ns = 0},
                .image = {},
                .user = {},
                .path = {},
                .time_ns = 0};
    const std::string folder = "proc/" + std::to_string(pid) + "/";
    actor.image = process_image(host, pid);
    actor.process.start_boot_ns = process_start_ns(host, pid).value_or(0);
    constexpr std::size_t kLongestStatus = 64 * 1024;
    if (const auto status = host.read_file(folder + "status", kLongestStatus)) {
        if (const auto uid = real_uid(*status)) {
            actor.user = users(*uid);
        }
    }
    return actor;
}

}  // namespace assay::sensors
