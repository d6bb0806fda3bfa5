// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/wiped_text.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

WipedText::WipedText(std::size_t capacity)
    : bytes_(std::make_unique<char[]>(capacity)), capacity_(capacity) {}

WipedText::WipedText(WipedText&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      capacity_(std::exchange(other.capacity_, 0)),
      size_(std::exchange(other.size_, 0)) {}

WipedText::~WipedText() {
    if (bytes_) {
        ::explicit_bzero(bytes_.get(), capacity_);
    }
}

Result<WipedText> WipedText::read(const HostRoot& host, std::string_view path, std::size_t limit) {
    const auto file = host.open_file(below_root(path));
    if (!file) {
        return std::unexpected(file.error());
    }
    struct stat status{};
    if (::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(std::string(path) + ": not a regular file");
    }
    if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > limit) {
        return fail(std::string(path) + ": longer than " + std::to_string(limit) + " bytes");
    }
    // One byte more than the file is said to hold shows whether it grew meanwhile.
    WipedText text(static_cast<std::size_t>(status.st_size) + 1);
    while (text.size_ < text.capacity_) {
        const ssize_t got =
            ::read(file->get(), text.bytes_.get() + text.size_, text.capacity_ - text.size_);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::unexpected(errno_error(path, errno));
        }
        if (got == 0) {
            return text;
        }
        text.size_ += static_cast<std::size_t>(got);
    }
    return fail(std::string(path) + ": it grew while it was read");
}

}  // namespace assay::sensors
