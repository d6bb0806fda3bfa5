// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace assay::sensors::sshd {

/// `*` and `?`, nothing else; case counts.
[[nodiscard]] bool pattern_matches(std::string_view text, std::string_view pattern);

enum class ListMatch { negated, none, positive };
/// A list of patterns with commas between; a `!` before one that matches turns the whole list down.
[[nodiscard]] ListMatch list_matches(std::string_view text, std::string_view patterns);

/// One name of a path against one component of a glob: as pattern_matches, and `[…]`, and `\`; a
/// leading dot must be written.
[[nodiscard]] bool glob_matches(std::string_view name, std::string_view pattern);
[[nodiscard]] bool is_glob(std::string_view pattern);
[[nodiscard]] std::string without_escapes(std::string_view pattern);

/// An address with the length of its network, IPv4 or IPv6.
struct Network {
    bool is_ipv6 = false;
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4: the first four
    unsigned length = 0;

    [[nodiscard]] unsigned bits() const { return is_ipv6 ? 128 : 32; }
    /// Its lowest or highest address, as text.
    [[nodiscard]] std::string first() const;
    [[nodiscard]] std::string last() const;
};
[[nodiscard]] std::optional<Network> parse_address(std::string_view text);

enum class NetworkText { address, inconsistent, pattern };
/// What an entry of an address list is: an address or network, one whose length does not fit, or
/// anything else, which sshd takes for a pattern on the address's text.
[[nodiscard]] NetworkText parse_network(std::string_view text, Network& out);

/// Whether sshd takes this for a list of addresses at all.
[[nodiscard]] bool address_list_valid(std::string_view list);
[[nodiscard]] ListMatch address_list_matches(std::string_view address, std::string_view list);

}  // namespace assay::sensors::sshd
