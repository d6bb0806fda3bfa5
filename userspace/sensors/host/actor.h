// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/host_root.h"
#include "facts/header.h"
#include "sensors/host/user_names.h"

namespace assay::sensors {

/// Who changed something, as far as that could still be read: a process may be gone before anybody
/// can ask about it.
struct Actor {
    facts::ProcessKey process;  ///< start time in whole clock ticks when read from proc
    std::string image;
    std::string user;
    std::string path;  ///< what was changed; empty: a kernel setting
    std::uint64_t time_ns = 0;
};

/// Image, user and start time of a process that runs, from proc.
[[nodiscard]] Actor read_actor(const HostRoot& host, std::uint32_t pid, UserNames& users);

}  // namespace assay::sensors
