// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/host_root.h"

namespace assay::sensors {

/// Which host findings are about. What cannot be read is empty.
struct HostInfo {
    std::string hostname;
    std::string machine_id;      ///< etc/machine-id: 32 hex digits
    std::string os_id;           ///< "debian"
    std::string os_name;         ///< "Debian GNU/Linux"
    std::string os_version;      ///< VERSION_ID: "12"
    std::string os_pretty_name;  ///< "Debian GNU/Linux 12 (bookworm)"
    std::string kernel_release;  ///< uname -r; empty for a root that is not running
};

[[nodiscard]] HostInfo read_host_info(const HostRoot& host);

}  // namespace assay::sensors
