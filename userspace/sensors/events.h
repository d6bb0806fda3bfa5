// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/ip_address.h"
#include "facts/header.h"
#include "facts/hooks.h"

/// What sensors tell of what happens, most of it decoded from the kernel's wire records. Texts and
/// bytes are borrowed: they are valid until the callback returns. Times are CLOCK_BOOTTIME ns.
namespace assay::sensors {

using facts::Origin;
using facts::ProcessKey;

/// A file as the kernel knows it. inode 0: not known.
struct FileKey {
    std::uint64_t inode = 0;
    std::uint32_t device = 0;  ///< kernel encoding: major << 20 | minor
    auto operator<=>(const FileKey&) const = default;
};

/// A program was executed, or (origin snapshot) is running.
struct ProcessExec {
    std::uint64_t time_ns = 0;
    Origin origin = Origin::runtime;
    ProcessKey process;
    ProcessKey parent;
    std::uint32_t uid = 0, euid = 0, gid = 0;
    std::uint32_t audit_uid = 0xFFFFFFFF;  ///< 0xFFFFFFFF: unset
    std::uint32_t session_id = 0xFFFFFFFF;
    std::uint64_t effective_capabilities = 0;
    FileKey image_file;
    std::string_view image;        ///< absolute path; empty when not readable (kernel thread)
    std::string_view script;       ///< the script, when Image interprets one
    std::string_view interpreter;  ///< what the script asked for (#!), as it is written there
    std::string_view current_directory;
    std::string_view arguments;  ///< NUL-separated, no NUL at the end
    std::string_view cgroup;     ///< path
    bool arguments_truncated = false;
    bool image_deleted = false;
    bool image_in_memory = false;
    bool stack_executable = false;
    bool stack_known = true;  ///< snapshot without a view of the stack: StackExecutable is absent
    bool aslr_disabled = false;
    bool secure_exec = false;
    bool kernel_thread = false;
    std::uint32_t pid_namespace = 0, mount_namespace = 0, net_namespace = 0;
};

/// A process (thread group) was made.
struct ProcessFork {
    std::uint64_t time_ns = 0;
    ProcessKey process;
    ProcessKey parent;
    std::uint32_t uid = 0;
};

/// The last thread of a process ended.
struct ProcessExit {
    std::uint64_t time_ns = 0;
    ProcessKey process;
};

enum class Role : std::uint8_t { client, server };

/// What an aggregated endpoint is: a client's (program, user, destination) or a server's (local
/// address and port, remote address). In both `port` is the server's port.
struct EndpointKey {
    FileKey image_file;     ///< client only
    std::uint32_t uid = 0;  ///< client only
    std::uint32_t netns = 0;
    std::uint16_t port = 0;
    bool udp = false;
    Role role = Role::client;
    IpAddress local;  ///< server only; zero for a client
    IpAddress remote;
    bool operator==(const EndpointKey&) const = default;
};

/// First act on an endpoint. `id` is unique in this run. A client that is older than the window has
/// no process and no image here (process.pid = 0): its flows name their socket by addresses, and
/// the snapshot says who holds it.
struct EndpointOpened {
    std::uint64_t time_ns = 0;
    std::uint64_t id = 0;
    EndpointKey key;
    ProcessKey process;  ///< client: who called connect or send; server: nobody (pid 0)
};

/// First connection of a client endpoint that was established: its local address and port.
struct EndpointEstablished {
    std::uint64_t time_ns = 0;
    std::uint64_t id = 0;
    IpAddress local;
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
};

/// Exact counters of an endpoint, read from the kernel every few seconds and at the end.
/// Cumulative.
struct EndpointCounters {
    std::uint64_t id = 0;
    std::uint64_t attempts =
        0;  ///< client: connects and first sends tried; server: connections taken
    std::uint64_t established = 0;
    std::uint64_t closed = 0;  ///< of the attempts, how many sockets are gone
    std::uint64_t last_ns = 0;
};

/// The process that accepted the first connection of a server endpoint, where the accept hook is
/// there.
struct EndpointAccepted {
    std::uint64_t id = 0;
    ProcessKey process;
};

struct ListenerKey {
    IpAddress local;  ///< 0.0.0.0 is ::ffff:0.0.0.0, and :: is ::
    std::uint32_t netns = 0;
    std::uint16_t port = 0;
    bool udp = false;
    auto operator<=>(const ListenerKey&) const = default;
};

/// A socket began to listen (TCP) or was bound to a port (UDP, told whether or not a datagram ever
/// comes). Several sockets may share a key (SO_REUSEPORT, MPTCP's two sockets): `cookie` tells them
/// apart.
struct ListenerOpened {
    std::uint64_t time_ns = 0;
    ListenerKey key;
    std::uint64_t cookie = 0;
    std::uint64_t socket_inode = 0;  ///< 0 for a kernel-internal socket
    ProcessKey process;
    std::uint32_t uid = 0;
    bool ipv6_only = false;
};

struct ListenerClosed {
    std::uint64_t time_ns = 0;
    ListenerKey key;
    std::uint64_t cookie = 0;
};

/// Exact counters of a listener key, cumulative. A key that no listener carries (a connection whose
/// listener was not known to the kernel side yet) names the exact local address: add it to the
/// wildcard listener of the same port.
struct ListenerCounters {
    ListenerKey key;
    std::uint64_t connections = 0;
    std::uint64_t connections_with_data = 0;
};

/// A piece of the first bytes of a flow.
struct Segment {
    std::uint64_t time_ns = 0;
    std::uint64_t flow = 0;      ///< unique in this run
    std::uint64_t endpoint = 0;  ///< EndpointOpened.id
    Role role = Role::client;    ///< what the local socket is
    bool udp = false;
    bool from_local = false;  ///< sent by the local socket (egress), else received (ingress)
    bool mid_stream = false;  ///< the flow is older than the window
    bool last = false;        ///< the kernel hands over no more of this flow (its 16 are used up)
    bool early = false;  ///< came before its socket: whether there is a connection is not known
    bool late = false;   ///< after the last: a client's segment unlike those before it, on its own
    IpAddress local, remote;
    std::uint16_t local_port = 0, remote_port = 0;
    std::uint32_t netns = 0;
    std::uint32_t offset =
        0;  ///< TCP: payload bytes of this direction before this segment, modulo 2^32; UDP: 0
    std::uint32_t length = 0;             ///< payload bytes on the wire
    std::span<const std::byte> captured;  ///< the first of them
};

/// A flow that had payload was closed.
struct FlowClosed {
    std::uint64_t time_ns = 0;
    std::uint64_t flow = 0;
};

/// A query to port 53, or an answer from there on a socket that asked (TCP: a segment of either).
struct DnsMessage {
    std::uint64_t time_ns = 0;
    ProcessKey asker;  ///< who connected the socket or sent from it; pid 0: not known
    std::uint32_t uid = 0;
    FileKey image_file;        ///< what it runs
    std::uint64_t socket = 0;  ///< cookie
    std::uint32_t netns = 0;
    bool udp = false;
    bool query = false;
    bool query_told = false;   ///< an answer on a socket of which a query was told before
    std::uint32_t length = 0;  ///< payload bytes on the wire
    std::span<const std::byte> captured;  ///< the first of them
};

/// A socket of the snapshot, once for each process that holds it (a socket with 3 holders comes 3
/// times).
struct SocketHeld {
    ProcessKey process;
    std::uint32_t uid = 0;
    std::uint64_t socket_inode = 0;
    std::uint64_t cookie = 0;  ///< the socket's kernel address, as in ListenerOpened
    std::uint32_t netns = 0;
    bool udp = false;
    bool listening = false;  ///< TCP in LISTEN; UDP bound to a port and not connected
    bool established = false;
    IpAddress local, remote;
    std::uint16_t local_port = 0, remote_port = 0;
};

/// A kernel setting is about to be written; whether it is, only reading it again tells.
struct SysctlWrite {
    std::uint64_t time_ns = 0;
    ProcessKey process;
    std::uint32_t uid = 0;
    std::string_view name;  ///< below /proc/sys: kernel/randomize_va_space
};

/// A file was made or given a new name.
struct FileChange {
    enum class Operation : std::uint8_t { created, renamed };
    std::uint64_t time_ns = 0;
    std::uint32_t pid = 0;  ///< who did it; 0: not known
    std::string_view path;
    Operation operation = Operation::created;
    bool directory = false;
};

/// The state of one hook; told at the start, and again when `lost` has grown.
struct HookState {
    facts::Hook hook{};
    enum class State : std::uint8_t { attached, missing, not_needed } state = State::attached;
    std::string_view mechanism;
    std::string_view reason;
    std::uint64_t lost = 0;  ///< since the start
};

using KernelEvent =
    std::variant<ProcessExec, ProcessFork, ProcessExit, EndpointOpened, EndpointEstablished,
                 EndpointCounters, EndpointAccepted, ListenerOpened, ListenerClosed,
                 ListenerCounters, Segment, FlowClosed, DnsMessage, SocketHeld, SysctlWrite,
                 FileChange, HookState>;

}  // namespace assay::sensors
