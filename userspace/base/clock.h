// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace assay {

/// Nanoseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME).
struct Timestamp {
    std::int64_t ns = 0;
    auto operator<=>(const Timestamp&) const = default;
};

/// RFC 3339 in UTC with nine digits: 2026-11-22T15:30:00.123456789Z. Appends to `out`.
void append_rfc3339(std::string& out, Timestamp time);
[[nodiscard]] std::string rfc3339(Timestamp time);

[[nodiscard]] Timestamp wall_clock_now();
/// CLOCK_BOOTTIME, the clock of the kernel's records (bpf_ktime_get_boot_ns) and of process start
/// times.
[[nodiscard]] std::uint64_t boot_clock_now_ns();

/// Turns boot-clock nanoseconds into wall-clock time. The offset is taken when the object is made;
/// make a new one every few seconds where the wall clock may be set.
class BootToWall {
public:
    BootToWall();
    explicit BootToWall(std::int64_t offset_ns) : offset_ns_(offset_ns) {}
    [[nodiscard]] Timestamp operator()(std::uint64_t boot_ns) const {
        return Timestamp{static_cast<std::int64_t>(boot_ns) + offset_ns_};
    }

private:
    std::int64_t offset_ns_;
};

}  // namespace assay
