// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "facts/kinds.h"

namespace assay::facts {

/// Where facts come from. The names are a contract: coverage facts, `assay doctor` and the `lost:`
/// key of rule tests use them. How each is served on a kernel is the business of sensors/kernel.
enum class Hook : std::uint8_t {
    exec,
    fork,
    exit,
    connect,
    send,
    bind,
    socket_state,
    socket_release,
    accept,
    packet,
    snapshot_processes,
    snapshot_sockets,
    sysctl,
    file_change,
    host_files,
};

struct HookInfo {
    Hook hook;
    std::string_view name;
    std::span<const Kind> kinds;  ///< kinds of fact that rest on it
    bool essential;  ///< without it these kinds are incomplete, so no rule on them may pass
    std::string_view meaning;
};

namespace detail {
inline constexpr std::array kProcessKinds{Kind::process_creation, Kind::file_event};
inline constexpr std::array kAllKinds{Kind::process_creation, Kind::network_connection,
                                      Kind::listener, Kind::file_event};
inline constexpr std::array kConnectionKinds{Kind::network_connection};
inline constexpr std::array kListenerKinds{Kind::listener};
inline constexpr std::array kFileKinds{Kind::file_event};
inline constexpr std::array kSettingKinds{Kind::setting};
inline constexpr std::array kHostKinds{Kind::setting, Kind::account, Kind::directory};
inline constexpr std::array kNetworkKinds{Kind::network_connection, Kind::listener};
}  // namespace detail

/// Every hook, in the order of enum Hook.
inline constexpr std::array kHooks{
    HookInfo{Hook::exec, "exec", detail::kAllKinds, true, "programs executed; who a process is"},
    HookInfo{Hook::fork, "fork", detail::kAllKinds, true, "processes made; whose image they run"},
    HookInfo{Hook::exit, "exit", detail::kProcessKinds, false,
             "processes ended; lets go of what is known of them"},
    HookInfo{Hook::connect, "connect", detail::kConnectionKinds, true,
             "connect() on TCP and UDP sockets, by whom"},
    HookInfo{Hook::send, "send", detail::kConnectionKinds, true,
             "datagrams sent on unconnected UDP sockets, by whom"},
    HookInfo{Hook::bind, "bind", detail::kListenerKinds, true, "UDP sockets bound, by whom"},
    HookInfo{Hook::socket_state, "socket_state", detail::kNetworkKinds, true,
             "TCP: listening, established, closed"},
    HookInfo{Hook::socket_release, "socket_release", detail::kListenerKinds, true,
             "UDP sockets closed"},
    HookInfo{Hook::accept, "accept", detail::kConnectionKinds, false,
             "the process that accepted a connection; without it the listener's owner is named"},
    HookInfo{Hook::packet, "packet", detail::kNetworkKinds, true,
             "first payloads of connections: which protocol is spoken"},
    HookInfo{Hook::snapshot_processes, "snapshot_processes", detail::kAllKinds, true,
             "processes that ran before the window"},
    HookInfo{Hook::snapshot_sockets, "snapshot_sockets", detail::kNetworkKinds, true,
             "sockets open before the window, and the holders of listeners"},
    HookInfo{Hook::sysctl, "sysctl", detail::kSettingKinds, false,
             "kernel settings written, by whom; without it they are read again each second"},
    HookInfo{Hook::file_change, "file_change", detail::kFileKinds, true,
             "files made and renamed, by whom"},
    HookInfo{
        Hook::host_files, "host_files", detail::kHostKinds, false,
        "changes of the files that settings, accounts and directories rest on; without it they "
        "are read again each second"},
};

[[nodiscard]] constexpr const HookInfo& info(Hook hook) {
    return kHooks[static_cast<std::size_t>(hook)];
}
[[nodiscard]] constexpr const HookInfo* find_hook(std::string_view name) {
    const auto* found = std::ranges::find(kHooks, name, &HookInfo::name);
    return found == kHooks.end() ? nullptr : &*found;
}

/// A hook that did not deliver all it should: missing (lost = 0) or with lost events.
struct CoverageGap {
    Hook hook;
    std::uint64_t lost = 0;
    std::string_view reason;
};

}  // namespace assay::facts
