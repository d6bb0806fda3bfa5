// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "protocols/byte_reader.h"

namespace assay::protocols {

/// A few bytes of payload, at most `capacity`; what does not fit is not kept. Allocates at the
/// first byte. What it held is overwritten with zeros before it is let go, for it may have been a
/// password.
class WipedBuffer {
public:
    WipedBuffer() = default;
    explicit WipedBuffer(std::size_t capacity) : capacity_(capacity) {}
    WipedBuffer(WipedBuffer&& other) noexcept
        : bytes_(std::move(other.bytes_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(other.capacity_) {}
    WipedBuffer& operator=(WipedBuffer&& other) noexcept {
        if (this != &other) {
            clear();
            bytes_ = std::move(other.bytes_);
            size_ = std::exchange(other.size_, 0);
            capacity_ = other.capacity_;
        }
        return *this;
    }
    WipedBuffer(const WipedBuffer&) = delete;
    WipedBuffer& operator=(const WipedBuffer&) = delete;
    ~WipedBuffer() { clear(); }

    /// Returns how many of the bytes found room.
    std::size_t append(Bytes bytes) {
        const std::size_t count = std::min(bytes.size(), capacity_ - size_);
        if (count == 0) {
            return 0;
        }
        if (!bytes_) {
            bytes_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
        }
        std::memcpy(bytes_.get() + size_, bytes.data(), count);
        size_ += count;
        return count;
    }
    void clear() noexcept {
        if (size_ > 0) {
            explicit_bzero(bytes_.get(), size_);
            size_ = 0;
        }
    }

    [[nodiscard]] Bytes view() const { return {bytes_.get(), size_}; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t room() const { return capacity_ - size_; }

private:
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace assay::protocols
