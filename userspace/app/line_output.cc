// SPDX-License-Identifier: Apache-2.0
#include "app/line_output.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace assay::app {
namespace {

/// A pipe that polls as writable takes this much without blocking (PIPE_BUF, pipe(7)).
constexpr std::size_t kNeverBlocks = 4096;
constexpr int kAskAgainMs = 100;

}  // namespace

LineOutput::LineOutput(int fd, std::function<bool()> give_up)
    : fd_(fd), give_up_(std::move(give_up)) {
    struct stat state{};
    may_block_ = ::fstat(fd_, &state) != 0 || !S_ISREG(state.st_mode);
    buffer_.reserve(2 * kEnough);
}

bool LineOutput::wait_for_room() {
    while (true) {
        pollfd watched{fd_, POLLOUT, 0};
        if (::poll(&watched, 1, kAskAgainMs) > 0) {
            return true;  // room, or an error that write will name
        }
        if (give_up_()) {
            return false;
        }
    }
}

void LineOutput::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty() && !problem_ && !reader_gone_) {
        if (may_block_ && !wait_for_room()) {
            problem_ = Error{"stdout is not read: the last lines are lost"};
            break;
        }
        const std::size_t piece = may_block_ ? std::min(rest.size(), kNeverBlocks) : rest.size();
        const ssize_t written = ::write(fd_, rest.data(), piece);
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EPIPE) {
            reader_gone_ = true;
        } else if (errno != EAGAIN && errno != EINTR) {
            problem_ = errno_error("writing to stdout", errno);
        }
    }
    buffer_.clear();
}

}  // namespace assay::app
