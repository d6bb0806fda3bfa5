// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/wire_decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "sensors/kernel/byte_reader.h"
#include "sensors/kernel/kernel_sensor.h"

namespace assay::sensors {
namespace {

// include/net/tcp_states.h
constexpr std::uint8_t kTcpEstablished = 1;
constexpr std::uint8_t kTcpFinWait1 = 4;
constexpr std::uint8_t kTcpFinWait2 = 5;
constexpr std::uint8_t kTcpClose = 7;
constexpr std::uint8_t kTcpCloseWait = 8;
constexpr std::uint8_t kTcpListen = 10;

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

IpAddress address(const __u8 (&wire)[16]) {
    IpAddress out;
    std::memcpy(out.bytes.data(), wire, sizeof wire);
    return out;
}

ProcessKey process_key(const wire_process& wire) { return {wire.tgid, wire.start_boot_ns}; }

std::optional<bool> is_udp(std::uint8_t protocol) {
    if (protocol == WIRE_PROTOCOL_TCP) {
        return false;
    }
    return protocol == WIRE_PROTOCOL_UDP ? std::optional(true) : std::nullopt;
}

std::optional<Role> role_of(std::uint8_t wire) {
    if (wire == WIRE_ROLE_CLIENT) {
        return Role::client;
    }
    return wire == WIRE_ROLE_SERVER ? std::optional(Role::server) : std::nullopt;
}

std::unexpected<Error> shorter(std::string_view what) {
    return fail(std::string(what) + " record is shorter than its fixed part");
}

std::unexpected<Error> unknown_number(std::string_view what) {
    return fail(std::string(what) + " record names a protocol or role that nobody knows");
}

Result<KernelEvent> decode_fork(ByteReader reader) {
    const auto wire = reader.take<wire_fork>();
    if (!wire) {
        return shorter("fork");
    }
    return ProcessFork{.time_ns = wire->header.time_boot_ns,
                       .process = process_key(wire->process),
                       .parent = process_key(wire->parent),
                       .uid = wire->process.uid};
}

Result<KernelEvent> decode_exit(ByteReader reader) {
    const auto wire = reader.take<wire_exit>();
    if (!wire) {
        return shorter("exit");
    }
    return ProcessExit{.time_ns = wire->header.time_boot_ns, .process = process_key(wire->process)};
}

Result<KernelEvent> decode_endpoint_opened(ByteReader reader) {
    const auto wire = reader.take<wire_endpoint_opened>();
    if (!wire) {
        return shorter("endpoint");
    }
    const auto udp = is_udp(wire->key.protocol);
    const auto role = role_of(wire->key.role);
    if (!udp || !role) {
        return unknown_number("endpoint");
    }
    return EndpointOpened{
        .time_ns = wire->header.time_boot_ns,
        .id = wire->id,
        .key = {.image_file = {.inode = wire->key.image_inode, .device = wire->key.image_device},
                .uid = wire->key.uid,
                .netns = wire->key.netns,
                .port = wire->key.port,
                .udp = *udp,
                .role = *role,
                .local = address(wire->key.local),
                .remote = address(wire->key.remote)},
        .process = process_key(wire->process)};
}

Result<KernelEvent> decode_endpoint_established(ByteReader reader) {
    const auto wire = reader.take<wire_endpoint_established>();
    if (!wire) {
        return shorter("established");
    }
    return EndpointEstablished{.time_ns = wire->header.time_boot_ns,
                               .id = wire->id,
                               .local = address(wire->local),
                               .local_port = wire->local_port,
                               .remote_port = wire->remote_port};
}

Result<KernelEvent> decode_endpoint_accepted(ByteReader reader) {
    const auto wire = reader.take<wire_endpoint_accepted>();
    if (!wire) {
        return shorter("accepted");
    }
    return EndpointAccepted{.id = wire->id, .process = process_key(wire->process)};
}

Result<ListenerKey> listener_key(const wire_listener_key& wire) {
    const auto udp = is_udp(wire.protocol);
    if (!udp) {
        return unknown_number("listener");
    }
    return ListenerKey{
        .local = address(wire.local), .netns = wire.netns, .port = wire.port, .udp = *udp};
}

Result<KernelEvent> decode_listener_opened(ByteReader reader) {
    const auto wire = reader.take<wire_listener_opened>();
    if (!wire) {
        return shorter("listener");
    }
    const auto key = listener_key(wire->key);
    if (!key) {
        return std::unexpected(key.error());
    }
    return ListenerOpened{.time_ns = wire->header.time_boot_ns,
                          .key = *key,
                          .cookie = wire->socket,
                          .socket_inode = wire->socket_inode,
                          .process = process_key(wire->process),
                          .uid = wire->process.uid,
                          .ipv6_only = wire->ipv6_only != 0};
}

Result<KernelEvent> decode_listener_closed(ByteReader reader) {
    const auto wire = reader.take<wire_listener_closed>();
    if (!wire) {
        return shorter("listener closed");
    }
    const auto key = listener_key(wire->key);
    if (!key) {
        return std::unexpected(key.error());
    }
    return ListenerClosed{
        .time_ns = wire->header.time_boot_ns, .key = *key, .cookie = wire->socket};
}

Result<KernelEvent> decode_segment(ByteReader reader) {
    const auto wire = reader.take<wire_segment>();
    if (!wire) {
        return shorter("segment");
    }
    const auto udp = is_udp(wire->protocol);
    const auto role = role_of(wire->role);
    if (!udp || !role) {
        return unknown_number("segment");
    }
    const auto captured = reader.take_bytes(wire->captured);
    if (!captured || wire->captured > wire->length) {
        return fail("segment record holds fewer bytes than it says");
    }
    return Segment{.time_ns = wire->header.time_boot_ns,
                   .flow = wire->flow,
                   .endpoint = wire->endpoint,
                   .role = *role,
                   .udp = *udp,
                   .from_local = (wire->flags & WIRE_SEGMENT_EGRESS) != 0,
                   .mid_stream = (wire->flags & WIRE_SEGMENT_MID_STREAM) != 0,
                   .last = (wire->flags & WIRE_SEGMENT_LAST) != 0,
                   .early = (wire->flags & WIRE_SEGMENT_EARLY) != 0,
                   .late = (wire->flags & WIRE_SEGMENT_LATE) != 0,
                   .local = address(wire->local),
                   .remote = address(wire->remote),
                   .local_port = wire->local_port,
                   .remote_port = wire->remote_port,
                   .netns = wire->netns,
                   .offset = wire->offset,
                   .length = wire->length,
                   .captured = *captured};
}

Result<KernelEvent> decode_flow_closed(ByteReader reader) {
    const auto wire = reader.take<wire_flow_closed>();
    if (!wire) {
        return shorter("flow closed");
    }
    return FlowClosed{.time_ns = wire->header.time_boot_ns, .flow = wire->flow};
}

Result<KernelEvent> decode_dns_message(ByteReader reader) {
    const auto wire = reader.take<wire_dns_message>();
    if (!wire) {
        return shorter("DNS message");
    }
    const auto udp = is_udp(wire->protocol);
    if (!udp) {
        return unknown_number("DNS message");
    }
    const auto captured = reader.take_bytes(wire->captured);
    if (!captured || wire->captured > wire->length) {
        return fail("DNS message record holds fewer bytes than it says");
    }
    return DnsMessage{.time_ns = wire->header.time_boot_ns,
                      .asker = process_key(wire->asker),
                      .uid = wire->asker.uid,
                      .image_file = {.inode = wire->image_inode, .device = wire->image_device},
                      .socket = wire->socket,
                      .netns = wire->netns,
                      .udp = *udp,
                      .query = (wire->flags & WIRE_DNS_QUERY) != 0,
                      .query_told = (wire->flags & WIRE_DNS_QUERY_TOLD) != 0,
                      .length = wire->length,
                      .captured = *captured};
}

Result<KernelEvent> decode_sysctl_write(std::span<const std::byte> record) {
    ByteReader reader(record);
    const auto wire = reader.take<wire_sysctl_write>();
    if (!wire) {
        return shorter("sysctl");
    }
    // The name is borrowed from the record itself, where it is the last part.
    constexpr std::size_t kName = offsetof(wire_sysctl_write, name);
    const auto name = as_text(record.subspan(kName, sizeof wire->name));
    const auto end = name.find('\0');
    if (end == 0 || end == std::string_view::npos) {
        return fail("sysctl record has no name, or one that does not end");
    }
    return SysctlWrite{.time_ns = wire->header.time_boot_ns,
                       .process = process_key(wire->process),
                       .uid = wire->process.uid,
                       .name = name.substr(0, end)};
}

/// States in which bytes may still go in at least one direction.
bool is_connection(std::uint8_t tcp_state) {
    return tcp_state == kTcpEstablished || tcp_state == kTcpFinWait1 || tcp_state == kTcpFinWait2 ||
           tcp_state == kTcpCloseWait;
}

Result<KernelEvent> decode_socket_held(ByteReader reader) {
    const auto wire = reader.take<wire_socket_held>();
    if (!wire) {
        return shorter("socket");
    }
    const auto udp = is_udp(wire->protocol);
    if (!udp) {
        return unknown_number("socket");
    }
    // A connected UDP socket carries the state number of an established TCP connection.
    return SocketHeld{
        .process = process_key(wire->process),
        .uid = wire->process.uid,
        .socket_inode = wire->socket_inode,
        .cookie = wire->socket,
        .netns = wire->netns,
        .udp = *udp,
        .listening =
            *udp ? wire->state == kTcpClose && wire->local_port != 0 : wire->state == kTcpListen,
        .established = *udp ? wire->state == kTcpEstablished : is_connection(wire->state),
        .local = address(wire->local),
        .remote = address(wire->remote),
        .local_port = wire->local_port,
        .remote_port = wire->remote_port};
}

}  // namespace

// --- cgroup paths --------------------------------------------------------------------------------

void CgroupPaths::remember(std::uint64_t id, std::string_view path) {
    older_.erase(id);
    recent_.insert_or_assign(id, std::string(path));
    make_room();
}

std::string_view CgroupPaths::find(std::uint64_t id) {
    if (const auto found = recent_.find(id); found != recent_.end()) {
        return found->second;
    }
    auto old = older_.extract(id);
    if (!old) {
        return {};
    }
    const auto moved = recent_.insert(std::move(old)).position;
    const std::string_view path = moved->second;  // moving a map keeps its nodes where they are
    make_room();
    return path;
}

void CgroupPaths::make_room() {
    if (recent_.size() < limit_) {
        return;
    }
    for (const auto& [id, path] : older_) {
        forgotten_.push_back(id);
    }
    older_ = std::exchange(recent_, {});
}

// --- paths ---------------------------------------------------------------------------------------

bool append_path(std::string& out, std::string_view components, bool cut) {
    if (components.empty()) {
        return true;
    }
    if (components.back() != '\0') {
        return false;
    }
    const std::size_t start = out.size();
    if (cut) {
        out += "…";
    }
    while (!components.empty()) {
        components.remove_suffix(1);  // the NUL that ends this component
        const std::size_t before = components.rfind('\0');
        const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
        if (begin < components.size()) {
            out += '/';
            out += components.substr(begin);
        }
        components = components.substr(0, begin);
    }
    if (out.size() == start) {
        out += '/';
    }
    return true;
}

void append_absolute(std::string& out, std::string_view directory, std::string_view path) {
    if (path.starts_with('/') || directory.empty()) {
        out += path;
        return;
    }
    // `directory` has no symbolic link in it, so ".." right after it is its last component.
    for (;;) {
        if (path.starts_with("./")) {
            path.remove_prefix(2);
        } else if (path.starts_with("../")) {
            path.remove_prefix(3);
            directory = directory.substr(0, directory.rfind('/'));
        } else if (path.starts_with('/')) {
            path.remove_prefix(1);
        } else {
            break;
        }
    }
    out += directory;
    if (!out.ends_with('/')) {
        out += '/';
    }
    out += path;
}

// --- records -------------------------------------------------------------------------------------

Result<KernelEvent> WireDecoder::decode_exec(std::span<const std::byte> record) {
    ByteReader reader(record);
    const auto wire = reader.take<wire_exec>();
    if (!wire) {
        return shorter("exec");
    }
    const auto image = reader.take_bytes(wire->image_length);
    const auto directory = reader.take_bytes(wire->directory_length);
    const auto script = reader.take_bytes(wire->script_length);
    const auto interpreter = reader.take_bytes(wire->interpreter_length);
    const auto cgroup = reader.take_bytes(wire->cgroup_length);
    const auto arguments = reader.take_bytes(wire->arguments_length);
    if (!image || !directory || !script || !interpreter || !cgroup || !arguments ||
        reader.left() != 0) {
        return fail("exec record has parts of another length than it says");
    }
    const auto has = [flags = wire->flags](std::uint32_t flag) { return (flags & flag) != 0; };

    image_.clear();
    directory_.clear();
    script_.clear();
    cgroup_.clear();
    // One flag for all three paths: which of them was cut shows in its depth alone.
    const auto is_cut = [&](std::string_view components, std::ptrdiff_t depth) {
        return has(WIRE_EXEC_PATH_CUT) && (std::ranges::count(components, '\0') >= depth ||
                                           components.size() > WIRE_PATH_MAX - 256);
    };
    const auto path = [&](std::string& out, std::span<const std::byte> part, std::ptrdiff_t depth) {
        const auto components = as_text(part);
        return append_path(out, components, is_cut(components, depth));
    };
    if (!path(image_, *image, WIRE_PATH_DEPTH) || !path(directory_, *directory, WIRE_PATH_DEPTH) ||
        !path(cgroup_, *cgroup, WIRE_CGROUP_DEPTH)) {
        return fail("exec record has a path that does not end");
    }
    const auto until_nul = [](std::string_view text) { return text.substr(0, text.find('\0')); };
    if (!script->empty()) {
        append_absolute(script_, directory_, until_nul(as_text(*script)));
    }
    std::string_view cgroup_path = cgroup_;
    if (!cgroup_.empty()) {
        cgroups_.remember(wire->cgroup_id, cgroup_);
    } else if (wire->cgroup_id != 0) {
        cgroup_path = cgroups_.find(wire->cgroup_id);
    }
    auto words = as_text(*arguments);
    if (words.ends_with('\0')) {
        words.remove_suffix(1);
    }
    return ProcessExec{
        .time_ns = wire->header.time_boot_ns,
        .origin = has(WIRE_EXEC_SNAPSHOT) ? Origin::snapshot : Origin::runtime,
        .process = process_key(wire->process),
        .parent = process_key(wire->parent),
        .uid = wire->process.uid,
        .euid = wire->euid,
        .gid = wire->gid,
        .audit_uid = wire->audit_uid,
        .session_id = wire->session_id,
        .effective_capabilities = wire->effective_capabilities,
        .image_file = {.inode = wire->image_inode, .device = wire->image_device},
        .image = image_,
        .script = script_,
        .interpreter = until_nul(as_text(*interpreter)),
        .current_directory = directory_,
        .arguments = words,
        .cgroup = cgroup_path,
        .arguments_truncated = has(WIRE_EXEC_ARGUMENTS_CUT) || has(WIRE_EXEC_ARGUMENTS_UNREADABLE),
        .image_deleted = has(WIRE_EXEC_IMAGE_DELETED),
        .image_in_memory = has(WIRE_EXEC_IMAGE_IN_MEMORY),
        .stack_executable = has(WIRE_EXEC_STACK_EXECUTABLE),
        .stack_known = !has(WIRE_EXEC_STACK_UNKNOWN),
        .aslr_disabled = has(WIRE_EXEC_ASLR_DISABLED),
        .secure_exec = has(WIRE_EXEC_SECURE),
        .kernel_thread = has(WIRE_EXEC_KERNEL_THREAD),
        .pid_namespace = wire->pid_namespace,
        .mount_namespace = wire->mount_namespace,
        .net_namespace = wire->net_namespace};
}

Result<KernelEvent> WireDecoder::decode(std::span<const std::byte> record) {
    const auto header = ByteReader(record).take<wire_header>();
    if (!header) {
        return fail("record is shorter than its header");
    }
    if (header->version != WIRE_VERSION) {
        return fail("record has wire version " + std::to_string(header->version));
    }
    if (header->size < sizeof(wire_header) || header->size > record.size()) {
        return fail("record is not as long as it says");
    }
    // The ring takes some records in steps of size: what follows `size` means nothing.
    record = record.first(header->size);
    const ByteReader reader(record);
    switch (header->kind) {
        case WIRE_EXEC:
            return decode_exec(record);
        case WIRE_FORK:
            return decode_fork(reader);
        case WIRE_EXIT:
            return decode_exit(reader);
        case WIRE_ENDPOINT_OPENED:
            return decode_endpoint_opened(reader);
        case WIRE_ENDPOINT_ESTABLISHED:
            return decode_endpoint_established(reader);
        case WIRE_ENDPOINT_ACCEPTED:
            return decode_endpoint_accepted(reader);
        case WIRE_LISTENER_OPENED:
            return decode_listener_opened(reader);
        case WIRE_LISTENER_CLOSED:
            return decode_listener_closed(reader);
        case WIRE_SEGMENT:
            return decode_segment(reader);
        case WIRE_FLOW_CLOSED:
            return decode_flow_closed(reader);
        case WIRE_SOCKET_HELD:
            return decode_socket_held(reader);
        case WIRE_DNS_MESSAGE:
            return decode_dns_message(reader);
        case WIRE_SYSCTL_WRITE:
            return decode_sysctl_write(record);
        default:
            return fail("record has unknown kind " + std::to_string(header->kind));
    }
}

Result<KernelEvent> decode_record(std::span<const std::byte> record) {
    thread_local WireDecoder decoder;
    return decoder.decode(record);
}

facts::Hook hook_of_record(std::uint16_t wire_kind) {
    using facts::Hook;
    switch (wire_kind) {
        case WIRE_FORK:
            return Hook::fork;
        case WIRE_EXIT:
            return Hook::exit;
        case WIRE_ENDPOINT_OPENED:
            return Hook::connect;
        case WIRE_ENDPOINT_ESTABLISHED:
        case WIRE_LISTENER_OPENED:
        case WIRE_LISTENER_CLOSED:
            return Hook::socket_state;
        case WIRE_ENDPOINT_ACCEPTED:
            return Hook::accept;
        case WIRE_SEGMENT:
        case WIRE_FLOW_CLOSED:
        case WIRE_DNS_MESSAGE:
            return Hook::packet;
        case WIRE_SOCKET_HELD:
            return Hook::snapshot_sockets;
        case WIRE_SYSCTL_WRITE:
            return Hook::sysctl;
        default:
            return Hook::exec;
    }
}

}  // namespace assay::sensors
