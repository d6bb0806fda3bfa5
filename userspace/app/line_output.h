// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace assay::app {

/// Lines to a descriptor, gathered so that a storm of them costs few system calls. A slow reader
/// holds the caller up, until `give_up` says true. One thread.
class LineOutput {
public:
    /// Borrows `fd`.
    LineOutput(int fd, std::function<bool()> give_up);

    /// Append a line (with its newline) here, then call line_added.
    [[nodiscard]] std::string& buffer() { return buffer_; }
    void line_added() {
        if (buffer_.size() >= kEnough) {
            flush();
        }
    }
    void flush();

    /// The reader has gone away (EPIPE): nothing more is worth writing.
    [[nodiscard]] bool reader_gone() const { return reader_gone_; }
    /// What went wrong, if anything did: the first problem.
    [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

private:
    static constexpr std::size_t kEnough = 64 * 1024;
    [[nodiscard]] bool wait_for_room();

    int fd_;
    std::function<bool()> give_up_;
    std::string buffer_;
    bool may_block_ = true;
    bool reader_gone_ = false;
    std::optional<Error> problem_;
};

}  // namespace assay::app
