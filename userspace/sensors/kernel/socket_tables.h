// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "sensors/events.h"

namespace assay::sensors {

/// Tells the sockets of one table of proc_net(5) ("tcp", "tcp6", "udp", "udp6") that wait for
/// clients: TCP in LISTEN, UDP bound and not connected. They have no process: the table names none.
/// Lines that do not read as such a table's are skipped.
void read_socket_table(std::string_view text, bool udp, std::uint32_t netns,
                       const std::function<void(const SocketHeld&)>& on_socket);

/// The same for the four tables of assay's own network namespace. The iterator over the files of
/// tasks does not see what no task holds (a server inside the kernel: NFS, lockd) or what it is
/// not shown; a port that is open all the same must not be left out.
[[nodiscard]] Result<void> read_own_socket_tables(
    const std::function<void(const SocketHeld&)>& on_socket);

}  // namespace assay::sensors
