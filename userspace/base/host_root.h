// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace assay {

/// The root below which a host's files are read: /proc/1/root for the running host, or a mounted
/// image. Every path is opened beneath it (openat2 RESOLVE_IN_ROOT, Linux 5.6), so that an absolute
/// symbolic link inside an image stays inside the image.
class HostRoot {
public:
    [[nodiscard]] static Result<HostRoot> open(const std::string& path);
    /// The running host, whatever mount namespace we are in.
    [[nodiscard]] static Result<HostRoot> running_host();

    /// Opens a file for reading. `relative` has no leading slash ("etc/passwd").
    [[nodiscard]] Result<UniqueFd> open_file(std::string_view relative) const;
    /// The whole file, at most `limit` bytes; longer is an error.
    [[nodiscard]] Result<std::string> read_file(std::string_view relative,
                                                std::size_t limit = 16 * 1024 * 1024) const;

    /// Opens with the given open(2) flags (O_PATH, O_DIRECTORY, O_NOFOLLOW …); O_CLOEXEC is added.
    [[nodiscard]] Result<UniqueFd> open_path(std::string_view relative, int flags) const;
    /// stat(2) of it; with `follow` false lstat(2).
    [[nodiscard]] Result<struct stat> status(std::string_view relative, bool follow = true) const;
    /// Where a symbolic link leads, as written in it.
    [[nodiscard]] Result<std::string> read_link(std::string_view relative) const;
    /// Names in a directory, sorted by byte, without . and ..; at most `limit`, more is an error.
    [[nodiscard]] Result<std::vector<std::string>> list_directory(std::string_view relative,
                                                                  std::size_t limit = 65'536) const;
    /// False only when there certainly is no such name (ENOENT, ENOTDIR); true when that cannot be
    /// told, so that what is not readable is not taken for absent.
    [[nodiscard]] bool exists(std::string_view relative) const;

private:
    explicit HostRoot(UniqueFd directory) : directory_(std::move(directory)) {}
    UniqueFd directory_;
};

/// Reads from an open descriptor to its end, at most `limit` bytes.
[[nodiscard]] Result<std::string> read_all(int fd, std::size_t limit);

}  // namespace assay
