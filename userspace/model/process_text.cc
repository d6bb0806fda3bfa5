// SPDX-License-Identifier: Apache-2.0
#include "model/process_text.h"

#include <array>
#include <charconv>

namespace assay::model {
namespace {

/// In the order of linux/capability.h. The last one came with Linux 5.9, so every kernel that we
/// run on has them all.
constexpr std::array<std::string_view, 41> kCapabilities{
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
};
constexpr std::uint64_t kAllCapabilities = (1ULL << kCapabilities.size()) - 1;

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 24> digits;
    const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    (void)problem;  // 24 characters hold any 64-bit number
    out.append(digits.data(), end);
}

}  // namespace

void append_command_line(std::string& out, std::string_view arguments, bool truncated) {
    for (std::size_t begin = 0; begin <= arguments.size() && !arguments.empty();) {
        const std::size_t end = std::min(arguments.find('\0', begin), arguments.size());
        if (begin > 0) {
            out += ' ';
        }
        // A cut can fall right after a NUL: then nothing is known of what follows.
        if (end == begin && !(truncated && end == arguments.size())) {
            out += "''";
        } else {
            out.append(arguments, begin, end - begin);
        }
        begin = end + 1;
    }
    if (truncated) {
        out += "…";
    }
}

void append_capabilities(std::string& out, std::uint64_t mask) {
    if (mask == 0) {
        out += "none";
        return;
    }
    if ((mask & kAllCapabilities) == kAllCapabilities) {
        out += "all";
        return;
    }
    bool first = true;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if ((mask >> bit & 1U) == 0) {
            continue;
        }
        if (!first) {
            out += ',';
        }
        first = false;
        if (bit < kCapabilities.size()) {
            out += kCapabilities[bit];
        } else {
            out += "cap_";
            append_number(out, bit);
        }
    }
}

void append_device(std::string& out, std::uint32_t device) {
    constexpr unsigned kMinorBits = 20;
    append_number(out, device >> kMinorBits);
    out += ':';
    append_number(out, device & ((1U << kMinorBits) - 1));
}

void append_owner(std::string& out, std::string_view image, std::uint32_t pid) {
    out += image;
    out += '[';
    append_number(out, pid);
    out += ']';
}

}  // namespace assay::model
