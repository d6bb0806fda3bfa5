// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/host_root.h"
#include "base/result.h"

namespace assay::sensors {

/// The whole of a file that holds password hashes, in one buffer that never moves and is
/// overwritten when it goes. Views of it must not outlive it, and nobody may keep a hash.
class WipedText {
public:
    /// A regular file of at most `limit` bytes. `path` is absolute below the root.
    [[nodiscard]] static Result<WipedText> read(const HostRoot& host, std::string_view path,
                                                std::size_t limit);
    WipedText(WipedText&& other) noexcept;
    WipedText& operator=(WipedText&&) = delete;
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    ~WipedText();

    [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

private:
    explicit WipedText(std::size_t capacity);

    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
};

}  // namespace assay::sensors
