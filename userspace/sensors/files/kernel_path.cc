// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/kernel_path.h"

#include <unistd.h>

#include <climits>

namespace assay::sensors {

std::string link_to(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::optional<std::string> kernel_path(int fd) {
    std::string path(PATH_MAX, '\0');
    const ssize_t length = ::readlink(link_to(fd).c_str(), path.data(), path.size());
    if (length <= 0) {
        return std::nullopt;
    }
    path.resize(static_cast<std::size_t>(length));
    return path;
}

std::string_view without_slash(std::string_view path) {
    while (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    return path;
}

std::string entry_path(std::string_view directory, std::string_view name) {
    std::string path(directory);
    if (!path.ends_with('/')) {
        path += '/';
    }
    path += name;
    return path;
}

std::optional<std::string> path_below(std::string_view root, std::string_view path) {
    if (!path.starts_with(root)) {
        return std::nullopt;
    }
    path.remove_prefix(root.size());
    if (path.empty()) {
        return "/";
    }
    return path.starts_with('/') ? std::optional<std::string>(path) : std::nullopt;
}

}  // namespace assay::sensors
