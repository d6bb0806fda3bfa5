// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace assay {

/// An IPv4 or IPv6 address in 16 bytes, network order. IPv4 is held as ::ffff:a.b.c.d (RFC
/// 4291 2.5.5.2), so that an IPv4-mapped address and the IPv4 address are one value.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const IpAddress&) const = default;

    [[nodiscard]] static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                      std::uint8_t d);
    /// "10.0.0.1", "::1", "::ffff:10.0.0.1" (= 10.0.0.1).
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const;
    /// 0.0.0.0 or ::
    [[nodiscard]] bool is_any() const;
    /// 127.0.0.0/8 or ::1
    [[nodiscard]] bool is_loopback() const;
    /// RFC 1918, RFC 4193 (fc00::/7), link local 169.254.0.0/16 and fe80::/10, shared
    /// 100.64.0.0/10.
    [[nodiscard]] bool is_private() const;
    /// IPv4 dotted, IPv6 as RFC 5952.
    [[nodiscard]] std::string text() const;
};

/// A CIDR block: "10.0.0.0/8", "fe80::/10"; a bare address is a block of one.
struct IpBlock {
    IpAddress base;
    unsigned bits = 128;  ///< of the 16-byte form: an IPv4 /8 is 104 here

    [[nodiscard]] static std::optional<IpBlock> parse(std::string_view text);
    [[nodiscard]] bool contains(const IpAddress& address) const;
};

}  // namespace assay
