// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"

namespace assay::sensors {

/// From here on this process gets `error_number` from a system call when its second argument has
/// one of these bits (all of them: always), as from a kernel or file system that cannot do it. Only
/// in a process of its own: it cannot be taken back.
inline void refuse_call(std::uint32_t number, int error_number, std::uint32_t bits = 0) {
    const auto statement = [](auto code, std::uint32_t value) {
        return sock_filter{static_cast<std::uint16_t>(code), 0, 0, value};
    };
    const auto jump = [](auto code, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
        return sock_filter{static_cast<std::uint16_t>(code), yes, no, value};
    };
    constexpr std::uint32_t kSecondArgument = offsetof(seccomp_data, args) + sizeof(std::uint64_t);
    std::array program{
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        statement(BPF_LD | BPF_W | BPF_ABS, kSecondArgument),
        jump(BPF_JMP | (bits == 0 ? BPF_JGE : BPF_JSET) | BPF_K, bits, 0, 1),
        statement(BPF_RET | BPF_K,
                  SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error_number) & 0xFFFFU)),
        statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog loaded{.len = program.size(), .filter = program.data()};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded), 0);
}

}  // namespace assay::sensors
