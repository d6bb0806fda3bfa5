// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "wire/records.h"

namespace assay::sensors::testing {

using namespace std::string_view_literals;

/// Bytes of a record as the ring hands them over: the fixed part, then whatever follows.
template <class Wire>
std::vector<std::byte> bytes_of(const Wire& wire, std::string_view rest = {}) {
    std::vector<std::byte> bytes(sizeof wire + rest.size());
    std::memcpy(bytes.data(), &wire, sizeof wire);
    if (!rest.empty()) {
        std::memcpy(bytes.data() + sizeof wire, rest.data(), rest.size());
    }
    return bytes;
}

template <class Wire>
Wire with_header(wire_kind kind) {
    Wire wire{};
    wire.header = {.version = WIRE_VERSION,
                   .kind = static_cast<__u16>(kind),
                   .size = sizeof(Wire),
                   .time_boot_ns = 77};
    return wire;
}

struct ExecParts {
    std::string_view image = "ls\0bin\0usr\0"sv;
    std::string_view directory = "joe\0home\0"sv;
    std::string_view script = {};
    std::string_view interpreter = {};
    std::string_view cgroup = "ssh.service\0system.slice\0"sv;
    std::string_view arguments = "ls\0-l\0"sv;
};

/// A good exec record, as the kernel side writes it.
inline std::vector<std::byte> exec_record(const ExecParts& parts = {}, __u32 flags = 0,
                                          __u64 cgroup_id = 5) {
    auto wire = with_header<wire_exec>(WIRE_EXEC);
    wire.process = {.tgid = 42, .uid = 1000, .start_boot_ns = 4200};
    wire.parent = {.tgid = 41, .uid = 0, .start_boot_ns = 4100};
    wire.euid = 1;
    wire.gid = 2;
    wire.audit_uid = 3;
    wire.session_id = 4;
    wire.effective_capabilities = 0x1ff;
    wire.image_inode = 99;
    wire.image_device = 8U << 20 | 1U;
    wire.flags = flags;
    wire.pid_namespace = 11;
    wire.mount_namespace = 12;
    wire.net_namespace = 13;
    wire.cgroup_id = cgroup_id;
    wire.image_length = static_cast<__u16>(parts.image.size());
    wire.directory_length = static_cast<__u16>(parts.directory.size());
    wire.script_length = static_cast<__u16>(parts.script.size());
    wire.interpreter_length = static_cast<__u16>(parts.interpreter.size());
    wire.cgroup_length = static_cast<__u16>(parts.cgroup.size());
    wire.arguments_length = static_cast<__u32>(parts.arguments.size());
    std::string rest(parts.image);
    rest += parts.directory;
    rest += parts.script;
    rest += parts.interpreter;
    rest += parts.cgroup;
    rest += parts.arguments;
    wire.header.size = static_cast<__u32>(sizeof wire + rest.size());
    return bytes_of(wire, rest);
}

}  // namespace assay::sensors::testing
