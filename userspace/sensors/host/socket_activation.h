// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_root.h"
#include "facts/header.h"

namespace assay::sensors {

/// True when the process was handed its sockets by a socket-activating parent: LISTEN_PID in its
/// environment names it and LISTEN_FDS is at least 1 (sd_listen_fds(3)). False when that cannot be
/// read, or when the pid is another process's by now.
[[nodiscard]] bool socket_activated(const HostRoot& host, facts::ProcessKey process);

}  // namespace assay::sensors
