// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace assay::sensors {

/// What sysctl.d(5) makes of kernel settings at boot: by systemd-sysctl, or by procps' sysctl
/// --system where there is no systemd (then /etc/sysctl.conf counts too, and last).
struct BootSettings {
    struct Value {
        std::string name;  ///< kernel.randomize_va_space
        std::string value;
        std::string source;  ///< file:line
    };
    std::vector<Value> values;
    struct Problem {
        std::string path;
        std::string reason;
    };
    std::vector<Problem> problems;
    std::vector<std::string> files;        ///< read, or would be if they came
    std::vector<std::string> directories;  ///< of drop-ins
};

/// For the settings of these names only (kernel.randomize_va_space). A setting that no file makes
/// is left out.
[[nodiscard]] BootSettings read_boot_settings(const HostRoot& host,
                                              std::span<const std::string_view> names);

}  // namespace assay::sensors
