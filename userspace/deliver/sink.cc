// SPDX-License-Identifier: Apache-2.0
#include "deliver/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace assay::deliver {
namespace {

/// The longest record that could be left half-written: a record of ours is a few KiB.
constexpr std::int64_t kLongestTail = 1024 * 1024;
constexpr int kStalledMs = 1000;

/// An appended file ends with a newline before we write: a record cut short by a crash is taken
/// off, another last line only gets its newline.
Result<void> repair_end(int fd, std::int64_t size) {
    const std::int64_t from = std::max<std::int64_t>(0, size - kLongestTail);
    std::string tail(static_cast<std::size_t>(size - from), '\0');
    const ssize_t got = ::pread(fd, tail.data(), tail.size(), from);
    if (got != static_cast<ssize_t>(tail.size())) {
        return std::unexpected(errno_error("reading its end", got < 0 ? errno : EIO));
    }
    if (tail.empty() || tail.back() == '\n') {
        return {};
    }
    const auto last_newline = tail.rfind('\n');
    const std::size_t line_begin = last_newline == std::string::npos ? 0 : last_newline + 1;
    const auto line = std::string_view(tail).substr(line_begin);
    const bool ours = line.starts_with(R"({"activity_id":)") || line == R"({)";
    if (ours && !is_whole_object(line)) {
        if (::ftruncate(fd, from + static_cast<std::int64_t>(line_begin)) != 0) {
            return std::unexpected(errno_error("cutting off a half-written record", errno));
        }
        return {};
    }
    if (::write(fd, "\n", 1) != 1) {
        return std::unexpected(errno_error("ending its last line", errno));
    }
    return {};
}

}  // namespace

bool is_whole_object(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1 == text.size() && text.front() == '{';
        }
    }
    return false;
}

Result<void> DescriptorSink::failed(int error_number) {
    broken_ = error_number == EPIPE || error_number == EBADF;
    take_back();
    return std::unexpected(errno_error("writing to " + name_, error_number));
}

/// Takes the begun line off a regular file, unless somebody else has written behind it.
void DescriptorSink::take_back() {
    if (!regular_ || begun_ == 0) {
        return;
    }
    const auto begun = static_cast<off_t>(begun_);
    const off_t position = ::lseek(fd_, 0, SEEK_CUR);
    struct stat status{};
    if (position < begun || ::fstat(fd_, &status) != 0 || status.st_size != position) {
        return;
    }
    if (::ftruncate(fd_, position - begun) == 0 && ::lseek(fd_, -begun, SEEK_CUR) >= 0) {
        begun_ = 0;
    }
}

Result<void> DescriptorSink::write_line(std::string_view line) {
    while (begun_ < line.size()) {
        const ssize_t written = ::write(fd_, line.data() + begun_, line.size() - begun_);
        if (written > 0) {
            begun_ += static_cast<std::size_t>(written);
        } else if (written == 0) {
            return failed(ENOSPC);
        } else if (errno == EAGAIN) {
            // Somebody made our standard output non-blocking: wait for its reader.
            pollfd waiting{fd_, POLLOUT, 0};
            if (::poll(&waiting, 1, kStalledMs) == 0) {
                return failed(EAGAIN);
            }
        } else if (errno != EINTR) {
            return failed(errno);
        }
    }
    begun_ = 0;
    return {};
}

Result<void> DescriptorSink::finish() {
    take_back();
    // A network file system may tell only now that the disk is full.
    if (regular_ && ::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) {
        return std::unexpected(errno_error("writing to " + name_, errno));
    }
    return {};
}

Result<std::unique_ptr<FileSink>> FileSink::open(const std::string& path) {
    const std::string act = "opening output file " + path;
    // O_NONBLOCK: opening a device must not hang.
    const int fd = ::open(
        path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        S_IRUSR | S_IWUSR);
    if (fd < 0) {
        if (errno == ELOOP) {
            return fail(act + ": it is a symbolic link, name the file itself");
        }
        return std::unexpected(errno_error(act, errno));
    }
    UniqueFd owned(fd);
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return std::unexpected(errno_error(act, errno));
    }
    const bool regular = S_ISREG(status.st_mode);
    if (!regular && !S_ISCHR(status.st_mode)) {
        return fail(act + ": it is neither a file nor a device");
    }
    if (::fcntl(fd, F_SETFL, O_APPEND) != 0) {
        return std::unexpected(errno_error(act, errno));
    }
    if (regular) {
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK ? fail(act + ": another run writes to it")
                                        : Result<std::unique_ptr<FileSink>>(
                                              std::unexpected(errno_error(act, errno)));
        }
        if (const auto repaired = repair_end(fd, status.st_size); !repaired) {
            return std::unexpected(repaired.error().within(act));
        }
    }
    return std::unique_ptr<FileSink>(new FileSink(path, std::move(owned), regular));
}

Result<std::unique_ptr<StdoutSink>> StdoutSink::open() { return on(STDOUT_FILENO); }

Result<std::unique_ptr<StdoutSink>> StdoutSink::on(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return std::unexpected(errno_error("writing to standard output", errno));
    }
    return std::unique_ptr<StdoutSink>(new StdoutSink(fd, S_ISREG(status.st_mode)));
}

}  // namespace assay::deliver
