// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace assay::protocols {

using Bytes = std::span<const std::byte>;

[[nodiscard]] inline std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads fields off the front of borrowed bytes. Reading past the end gives zeros and makes ok()
/// false for good, so that a parser reads a whole structure and asks once.
class ByteReader {
public:
    explicit ByteReader(Bytes bytes) : rest_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] Bytes rest() const { return rest_; }
    [[nodiscard]] std::size_t left() const { return rest_.size(); }

    Bytes take(std::size_t count) {
        if (count > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const Bytes taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }
    void skip(std::size_t count) { take(count); }

    std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
    std::uint16_t be16() { return static_cast<std::uint16_t>(big_endian(2)); }
    std::uint32_t be24() { return big_endian(3); }
    std::uint32_t be32() { return big_endian(4); }
    std::uint16_t le16() { return static_cast<std::uint16_t>(little_endian(2)); }
    std::uint32_t le24() { return little_endian(3); }
    std::uint32_t le32() { return little_endian(4); }

    /// The text up to the next NUL, which is taken too; not ok when there is none.
    std::string_view until_nul() {
        const std::string_view all = text_of(rest_);
        const std::size_t length = all.find('\0');
        if (length == std::string_view::npos) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        rest_ = rest_.subspan(length + 1);
        return all.substr(0, length);
    }

private:
    std::uint32_t big_endian(std::size_t width) {
        std::uint32_t value = 0;
        for (const std::byte byte : take(width)) {
            value = value << 8U | std::to_integer<std::uint32_t>(byte);
        }
        return value;
    }
    std::uint32_t little_endian(std::size_t width) {
        std::uint32_t value = 0;
        unsigned shift = 0;
        for (const std::byte byte : take(width)) {
            value |= std::to_integer<std::uint32_t>(byte) << shift;
            shift += 8;
        }
        return value;
    }

    Bytes rest_;
    bool ok_ = true;
};

}  // namespace assay::protocols
