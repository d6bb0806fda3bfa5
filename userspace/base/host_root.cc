// SPDX-License-Identifier: Apache-2.0
#include "base/host_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace assay {

Result<HostRoot> HostRoot::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("opening host root " + path, errno));
    }
    return HostRoot(UniqueFd(fd));
}

Result<HostRoot> HostRoot::running_host() { return open("/proc/1/root"); }

Result<UniqueFd> HostRoot::open_file(std::string_view relative) const {
    const std::string path(relative);
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT;
    const long fd = ::syscall(SYS_openat2, directory_.get(), path.c_str(), &how, sizeof how);
    if (fd < 0) {
        return std::unexpected(errno_error("opening " + path, errno));
    }
    return UniqueFd(static_cast<int>(fd));
}

Result<std::string> HostRoot::read_file(std::string_view relative, std::size_t limit) const {
    const auto file = open_file(relative);
    if (!file) {
        return std::unexpected(file.error());
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
