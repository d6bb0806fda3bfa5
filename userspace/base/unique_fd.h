// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <cassert>
#include <utility>

namespace assay {

/// Owns one open file descriptor while it exists. "Maybe a file" is optional<UniqueFd>.
class UniqueFd {
public:
    /// Takes a descriptor that the caller has just opened (never negative).
    explicit UniqueFd(int fd) noexcept : fd_(fd) { assert(fd >= 0); }
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            release();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { release(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    /// Gives the descriptor away: whoever takes it closes it.
    [[nodiscard]] int take() noexcept { return std::exchange(fd_, -1); }

private:
    void release() noexcept {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    int fd_;
};

}  // namespace assay
