// SPDX-License-Identifier: Apache-2.0
#include "base/host_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

namespace assay {
namespace {

int open_below(int root, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

}  // namespace

Result<HostRoot> HostRoot::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("opening host root " + path, errno));
    }
    return HostRoot(UniqueFd(fd));
}

Result<HostRoot> HostRoot::running_host() { return open("/proc/1/root"); }

Result<UniqueFd> HostRoot::open_file(std::string_view relative) const {
    return open_path(relative, O_RDONLY | O_NOCTTY | O_NONBLOCK);
}

Result<UniqueFd> HostRoot::open_path(std::string_view relative, int flags) const {
    const std::string path(relative.empty() ? "." : relative);
    const int fd = open_below(directory_.get(), path, flags);
    if (fd < 0) {
        return std::unexpected(errno_error("opening " + path, errno));
    }
    return UniqueFd(fd);
}

Result<struct stat> HostRoot::status(std::string_view relative, bool follow) const {
    const auto file = open_path(relative, O_PATH | (follow ? 0 : O_NOFOLLOW));
    if (!file) {
        return std::unexpected(file.error());
    }
    struct stat status{};
    if (::fstat(file->get(), &status) != 0) {
        return std::unexpected(errno_error("looking at " + std::string(relative), errno));
    }
    return status;
}

Result<std::string> HostRoot::read_link(std::string_view relative) const {
    const auto link = open_path(relative, O_PATH | O_NOFOLLOW);
    if (!link) {
        return std::unexpected(link.error());
    }
    std::string target(PATH_MAX, '\0');
    const ssize_t length = ::readlinkat(link->get(), "", target.data(), target.size());
    if (length < 0) {
        return std::unexpected(errno_error("reading the link " + std::string(relative), errno));
    }
    target.resize(static_cast<std::size_t>(length));
    return target;
}

Result<std::vector<std::string>> HostRoot::list_directory(std::string_view relative,
                                                          std::size_t limit) const {
    auto directory = open_path(relative, O_RDONLY | O_DIRECTORY);
    if (!directory) {
        return std::unexpected(directory.error());
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory->get()), ::closedir);
    if (!stream) {
        return std::unexpected(errno_error("listing " + std::string(relative), errno));
    }
    (void)directory->take();  // the stream closes it
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
        const std::string_view name = &entry->d_name[0];
        if (name == "." || name == "..") {
            continue;
        }
        if (names.size() == limit) {
            return fail("listing " + std::string(relative) + ": more than " +
                        std::to_string(limit) + " entries");
        }
        names.emplace_back(name);
    }
    if (errno != 0) {
        return std::unexpected(errno_error("listing " + std::string(relative), errno));
    }
    std::ranges::sort(names);
    return names;
}

bool HostRoot::exists(std::string_view relative) const {
    const std::string path(relative.empty() ? "." : relative);
    const int fd = open_below(directory_.get(), path, O_PATH);
    if (fd < 0) {
        return errno != ENOENT && errno != ENOTDIR;
    }
    const UniqueFd file(fd);
    return true;
}

Result<std::string> HostRoot::read_file(std::string_view relative, std::size_t limit) const {
    const auto file = open_file(relative);
    if (!file) {
        return std::unexpected(file.error());
    }
    // A FIFO that nobody writes to reads as an empty file.
    struct stat status{};
    if (::fstat(file->get(), &status) == 0 && !S_ISREG(status.st_mode) &&
        !S_ISDIR(status.st_mode)) {
        return fail(std::string(relative) + ": is not a regular file");
    }
    auto text = read_all(file->get(), limit);
    if (!text) {
        return std::unexpected(text.error().within(relative));
    }
    return text;
}

Result<std::string> read_all(int fd, std::size_t limit) {
    std::string text;
    char chunk[16384];
    for (;;) {
        const ssize_t got = ::read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::unexpected(errno_error("reading", errno));
        }
        if (got == 0) {
            return text;
        }
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            return fail("longer than " + std::to_string(limit) + " bytes");
        }
        text.append(chunk, static_cast<std::size_t>(got));
    }
}

}  // namespace assay
