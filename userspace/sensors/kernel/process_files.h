// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sensors/events.h"

namespace assay::sensors {

/// What /proc says of one process that already runs. Reused from one process to the next: texts
/// are valid until the next read.
class ProcessFiles {
public:
    /// Opens /proc once for all reads.
    [[nodiscard]] static Result<ProcessFiles> open();

    /// Fills paths, arguments and cgroup of `process`, which says who it is. False when that
    /// process is gone (or its number belongs to another one by now).
    [[nodiscard]] bool read(ProcessExec& process);
    /// For a kernel without the task iterator: who runs, by /proc alone. The start time has the
    /// grain of /proc, 10 ms.
    [[nodiscard]] std::vector<std::uint32_t> process_numbers() const;
    [[nodiscard]] bool read_identity(std::uint32_t pid, ProcessExec& process);

private:
    explicit ProcessFiles(UniqueFd proc) : proc_(std::move(proc)) {}
    std::optional<UniqueFd> open_process(std::uint32_t pid) const;
    bool read_file(int directory, const char* name, std::size_t limit);

    UniqueFd proc_;
    std::string text_;
    std::string image_;
    std::string directory_;
    std::string arguments_;
    std::string cgroup_;
};

/// Field 22 and 4 of /proc/PID/stat. The program's name before them may hold anything.
struct ProcessStat {
    std::uint32_t parent = 0;
    std::uint64_t start_ticks = 0;
    std::uint64_t flags = 0;
};
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// The deepest path of /proc/PID/cgroup among v2, memory, pids and systemd, in this order.
[[nodiscard]] std::string_view deepest_cgroup(std::string_view text);

}  // namespace assay::sensors
