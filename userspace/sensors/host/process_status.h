// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/host_root.h"

namespace assay::sensors {

/// The first `limit` bytes of a file below proc; less when it is shorter. nullopt: it cannot be
/// read, most often because the process is gone.
[[nodiscard]] std::optional<std::string> read_process_file(const HostRoot& host,
                                                           const std::string& path,
                                                           std::size_t limit);
/// Start time in clock ticks since boot, of the text of proc/PID/stat.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(std::string_view stat);
[[nodiscard]] std::uint64_t nanoseconds_in_a_tick();
/// CLOCK_BOOTTIME, in whole ticks.
[[nodiscard]] std::optional<std::uint64_t> process_start_ns(const HostRoot& host,
                                                            std::uint32_t pid);
/// Path of its program in its own mount namespace, also when that was deleted since; empty when it
/// cannot be read.
[[nodiscard]] std::string process_image(const HostRoot& host, std::uint32_t pid);

}  // namespace assay::sensors
