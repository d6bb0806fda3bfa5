// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace assay::sensors {

/// A directory or file that root relies on, as some list names it.
struct SystemDirectory {
    std::string path;  ///< absolute; may be missing, and may be a symbolic link
    std::string_view purpose;
    /// How many directories deep its entries matter: 1 is only its own entries.
    unsigned depth = 0;
};

/// Which directories a host's root relies on: the ones that every Linux has, and those that
/// ld.so.conf, root's home and root's PATH name.
struct SystemDirectories {
    std::vector<SystemDirectory> list;
    /// A place in root's PATH that is no directory of its own: "." or "bin", and the file that has
    /// it there. Root runs what lies wherever it happens to stand.
    struct Relative {
        std::string path;
        std::string source;
    };
    std::vector<Relative> relative;
    struct Problem {
        std::string path;
        std::string reason;
        std::string_view purpose;
    };
    std::vector<Problem> problems;
    /// What the list was read from: files that may be missing, and directories of drop-ins.
    std::vector<std::string> files;
    std::vector<std::string> directories;
};

/// `running`: /run belongs to the host too.
[[nodiscard]] SystemDirectories find_system_directories(const HostRoot& host, bool running);

}  // namespace assay::sensors
