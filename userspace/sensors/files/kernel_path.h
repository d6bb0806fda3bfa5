// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace assay::sensors {

/// A path that opens the file which is open as `fd`, O_PATH too.
[[nodiscard]] std::string link_to(int fd);

/// How the kernel calls an open file, below our own root.
[[nodiscard]] std::optional<std::string> kernel_path(int fd);

/// "/etc/x" as HostRoot wants it: "etc/x".
[[nodiscard]] std::string_view without_slash(std::string_view path);

/// "/etc" and "x": "/etc/x".
[[nodiscard]] std::string entry_path(std::string_view directory, std::string_view name);

/// `path` as it is called below a directory that the kernel calls `root`; nothing when it is not
/// there. `root` has no slash at its end, so our own root is empty.
[[nodiscard]] std::optional<std::string> path_below(std::string_view root, std::string_view path);

}  // namespace assay::sensors
