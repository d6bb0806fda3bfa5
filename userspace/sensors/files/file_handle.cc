// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/file_handle.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace assay::sensors {
namespace {

// Linux 6.5 (96b2b072ee62): a handle that need only tell files apart, which is what fanotify
// reports. Debian 12's headers do not have it.
constexpr int kHandleForComparison = 0x200;

constexpr std::size_t kHandleOffset = sizeof(std::uint64_t) + sizeof(std::int32_t);

/// file_handle ends in an array without a size: room for the longest one behind it.
struct HandleBuffer {
    alignas(
        struct file_handle) std::array<char, sizeof(struct file_handle) + MAX_HANDLE_SZ> bytes{};
    [[nodiscard]] struct file_handle* get() {
        void* const begin = bytes.data();
        return static_cast<struct file_handle*>(begin);
    }
};

}  // namespace

FileHandle make_file_handle(std::uint64_t filesystem, std::int32_t type, std::string_view handle) {
    FileHandle made(kHandleOffset, '\0');
    std::memcpy(made.data(), &filesystem, sizeof filesystem);
    std::memcpy(made.data() + sizeof filesystem, &type, sizeof type);
    made += handle;
    return made;
}

std::uint64_t filesystem_of(const FileHandle& handle) {
    std::uint64_t filesystem = 0;
    if (handle.size() >= sizeof filesystem) {
        std::memcpy(&filesystem, handle.data(), sizeof filesystem);
    }
    return filesystem;
}

Result<FileHandle> file_handle_of(int fd) {
    struct statfs filesystem{};
    if (::fstatfs(fd, &filesystem) != 0) {
        return std::unexpected(errno_error("asking for the file system", errno));
    }
    std::uint64_t id = 0;
    static_assert(sizeof filesystem.f_fsid == sizeof id);
    std::memcpy(&id, &filesystem.f_fsid, sizeof id);

    HandleBuffer buffer;
    int mount = 0;
    const auto ask = [&](int flags) {
        buffer.get()->handle_bytes = MAX_HANDLE_SZ;
        return ::name_to_handle_at(fd, "", buffer.get(), &mount, AT_EMPTY_PATH | flags);
    };
    if (ask(kHandleForComparison) != 0 && (errno != EINVAL || ask(0) != 0)) {
        return std::unexpected(errno_error("asking for the file handle", errno));
    }
    const auto* const handle = buffer.get();
    return make_file_handle(id, handle->handle_type,
                            {buffer.bytes.data() + sizeof *handle, handle->handle_bytes});
}

Result<UniqueFd> open_file_handle(int mount, const FileHandle& handle) {
    HandleBuffer buffer;
    if (handle.size() < kHandleOffset || handle.size() - kHandleOffset > MAX_HANDLE_SZ) {
        return fail("a file handle of impossible length");
    }
    const std::size_t length = handle.size() - kHandleOffset;
    auto* const asked = buffer.get();
    asked->handle_bytes = static_cast<unsigned>(length);
    std::memcpy(&asked->handle_type, handle.data() + sizeof(std::uint64_t),
                sizeof asked->handle_type);
    std::memcpy(buffer.bytes.data() + sizeof *asked, handle.data() + kHandleOffset, length);
    const int fd = ::open_by_handle_at(mount, asked, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("opening a file by its handle", errno));
    }
    return UniqueFd(fd);
}

}  // namespace assay::sensors
