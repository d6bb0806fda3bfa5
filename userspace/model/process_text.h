// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace assay::model {

/// The arguments of a process, NUL-separated, as one line: joined by blanks, an empty argument as
/// '', and … at the end when they were cut. Appends to `out`.
void append_command_line(std::string& out, std::string_view arguments, bool truncated);

/// "none", "all", or the names of a capability mask joined by commas (capabilities(7)). Appends to
/// `out`.
void append_capabilities(std::string& out, std::uint64_t mask);

/// "8:1" of the kernel's device number. Appends to `out`.
void append_device(std::string& out, std::uint32_t device);

/// "/usr/sbin/sshd[812]". Appends to `out`.
void append_owner(std::string& out, std::string_view image, std::uint32_t pid);

}  // namespace assay::model
