// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace assay::sensors {

/// Takes values out of bytes that nobody has checked. Copies, so alignment does not matter.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}

    template <class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::optional<T> take() {
        if (left_.size() < sizeof(T)) {
            return std::nullopt;
        }
        T value;
        std::memcpy(&value, left_.data(), sizeof(T));
        left_ = left_.subspan(sizeof(T));
        return value;
    }

    /// The next `count` bytes, borrowed.
    [[nodiscard]] std::optional<std::span<const std::byte>> take_bytes(std::size_t count) {
        if (left_.size() < count) {
            return std::nullopt;
        }
        const auto taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }

    [[nodiscard]] std::size_t left() const { return left_.size(); }

private:
    std::span<const std::byte> left_;
};

}  // namespace assay::sensors
