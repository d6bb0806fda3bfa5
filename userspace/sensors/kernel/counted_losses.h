// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "facts/hooks.h"
#include "wire/records.h"

namespace assay::sensors {

/// What a row of the kernel side's `counters` means: whose events were lost, and why.
struct CountedLoss {
    wire_counter counter;
    facts::Hook hook;
    std::string_view reason;
};

inline constexpr std::array kCountedLosses{
    CountedLoss{COUNTER_EXEC_RING_FULL, facts::Hook::exec, "ring full"},
    CountedLoss{COUNTER_FORK_RING_FULL, facts::Hook::fork, "ring full"},
    CountedLoss{COUNTER_EXIT_RING_FULL, facts::Hook::exit, "ring full"},
    CountedLoss{COUNTER_CONNECT_RING_FULL, facts::Hook::connect, "ring full"},
    CountedLoss{COUNTER_CONNECT_ENDPOINTS_FULL, facts::Hook::connect, "table of endpoints full"},
    CountedLoss{COUNTER_CONNECT_SOCKETS_FULL, facts::Hook::connect, "table of open sockets full"},
    CountedLoss{COUNTER_SEND_RING_FULL, facts::Hook::send, "ring full"},
    CountedLoss{COUNTER_SEND_ENDPOINTS_FULL, facts::Hook::send, "table of endpoints full"},
    CountedLoss{COUNTER_BIND_RING_FULL, facts::Hook::bind, "ring full"},
    CountedLoss{COUNTER_BIND_LISTENERS_FULL, facts::Hook::bind, "table of listeners full"},
    CountedLoss{COUNTER_STATE_RING_FULL, facts::Hook::socket_state, "ring full"},
    CountedLoss{COUNTER_STATE_ENDPOINTS_FULL, facts::Hook::socket_state, "table of endpoints full"},
    CountedLoss{COUNTER_STATE_LISTENERS_FULL, facts::Hook::socket_state, "table of listeners full"},
    CountedLoss{COUNTER_RELEASE_RING_FULL, facts::Hook::socket_release, "ring full"},
    CountedLoss{COUNTER_ACCEPT_RING_FULL, facts::Hook::accept, "ring full"},
    CountedLoss{COUNTER_PACKET_RING_FULL, facts::Hook::packet, "ring full"},
    CountedLoss{COUNTER_PACKET_STORAGE_FULL, facts::Hook::packet, "socket storage full"},
    CountedLoss{COUNTER_PACKET_ENDPOINTS_FULL, facts::Hook::packet, "table of endpoints full"},
    CountedLoss{COUNTER_PACKET_UNREADABLE, facts::Hook::packet, "payload not readable"},
    CountedLoss{COUNTER_SYSCTL_RING_FULL, facts::Hook::sysctl, "ring full"},
};
// The two counters of datagram flows are no losses.
static_assert(kCountedLosses.size() == COUNTER_MAX - 2);

}  // namespace assay::sensors
