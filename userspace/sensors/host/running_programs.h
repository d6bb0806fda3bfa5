// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "sensors/host/topic.h"

namespace assay::sensors {

/// Processes of the host itself, not of its containers, whose program has one of these names; in
/// the order of their pids.
[[nodiscard]] std::vector<RunningProgram> running_programs(
    const HostRoot& host, const std::set<std::string, std::less<>>& names);

/// "/usr/sbin/sshd" → "sshd".
[[nodiscard]] std::string_view file_name(std::string_view path);

}  // namespace assay::sensors
