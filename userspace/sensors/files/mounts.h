// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace assay::sensors {

/// A mount of the host's mount namespace.
struct Mount {
    std::string device;  ///< major:minor of the file system
    std::string root;    ///< which part of the file system is mounted
    std::string point;   ///< below the host root
    std::string type;    ///< ext4, tmpfs …
};

/// The lines of mountinfo (proc_pid_mountinfo(5)); what cannot be read is left out.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

/// Those where people and programs keep files: not proc, sysfs and other views of the kernel.
[[nodiscard]] bool holds_files(const Mount& mount);

}  // namespace assay::sensors
