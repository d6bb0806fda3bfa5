// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace assay {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    IpAddress address;
    std::ranges::copy(kMappedPrefix, address.bytes.begin());
    address.bytes[12] = a;
    address.bytes[13] = b;
    address.bytes[14] = c;
    address.bytes[15] = d;
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    std::array<std::uint8_t, 4> four{};
    if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) {
        return v4(four[0], four[1], four[2], four[3]);
    }
    IpAddress address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
        return address;
    }
    return std::nullopt;
}

bool IpAddress::is_v4() const {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

bool IpAddress::is_any() const {
    const auto begin = bytes.begin() + (is_v4() ? 12 : 0);
    return std::all_of(begin, bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
    if (is_v4()) {
        return bytes[12] == 127;
    }
    return std::all_of(bytes.begin(), bytes.end() - 1,
                       [](std::uint8_t byte) { return byte == 0; }) &&
           bytes[15] == 1;
}

bool IpAddress::is_private() const {
    if (!is_v4()) {
        const bool unique_local = (bytes[0] & 0xFEU) == 0xFC;
        const bool link_local = bytes[0] == 0xFE && (bytes[1] & 0xC0U) == 0x80;
        return unique_local || link_local;
    }
    const std::uint8_t a = bytes[12];
    const std::uint8_t b = bytes[13];
    return a == 10 || (a == 172 && (b & 0xF0U) == 16) || (a == 192 && b == 168) ||
           (a == 169 && b == 254) || (a == 100 && (b & 0xC0U) == 64);
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (is_v4()) {
        inet_ntop(AF_INET, bytes.data() + 12, buffer, sizeof buffer);
    } else {
        inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
    }
    return buffer;
}

std::optional<IpBlock> IpBlock::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto base = IpAddress::parse(text.substr(0, slash));
    if (!base) {
        return std::nullopt;
    }
    // "::ffff:10.0.0.0/104" is written with IPv6 bits, "10.0.0.0/8" with IPv4 bits.
    const bool dotted_only = text.find(':') == std::string_view::npos;
    if (slash == std::string_view::npos) {
        return IpBlock{*base, 128};
    }
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (problem != std::errc{} || end != digits.data() + digits.size() ||
        bits > (dotted_only ? 32U : 128U)) {
        return std::nullopt;
    }
    return IpBlock{*base, dotted_only ? bits + 96 : bits};
}

bool IpBlock::contains(const IpAddress& address) const {
    const unsigned whole = bits / 8;
    if (std::memcmp(base.bytes.data(), address.bytes.data(), whole) != 0) {
        return false;
    }
    const unsigned rest = bits % 8;
    if (rest == 0) {
        return true;
    }
    const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - rest));
    return ((base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

}  // namespace assay
