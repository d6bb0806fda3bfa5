// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "protocols/byte_reader.h"

namespace assay::protocols {

/// A query or an answer of DNS, as far as it says which addresses a name has (RFC 1035, 3596).
/// Names are in lower case, without the last dot; a dot or backslash inside a label has a backslash
/// before it, a byte that is no printable ASCII is \DDD (RFC 4343 2.1). An internationalised name
/// stays as it was sent (xn--…).
struct DnsMessage {
    struct Address {
        IpAddress address;
        std::uint32_t ttl = 0;  ///< seconds; the least on the way from the question to the address
        bool operator==(const Address&) const = default;
    };

    std::uint16_t id = 0;
    bool answer = false;
    std::string question;    ///< "." is the root
    std::uint16_t type = 0;  ///< asked for
    /// Names that the question stands for (CNAME), in order.
    std::vector<std::string> aliases;
    /// Of the question, or of the last of `aliases`. An address of any other name is not here.
    std::vector<Address> addresses;
};

inline constexpr std::size_t kMostDnsRecords = 256;
inline constexpr std::size_t kMostDnsAddresses = 64;
inline constexpr std::size_t kMostDnsAliases = 16;

/// Reads a message of which `bytes` are the beginning, or all. What was cut away, or says of itself
/// what cannot be, ends the reading; addresses read before it count. Nothing when there is no whole
/// question of class IN, more than one question, or an opcode other than a query.
[[nodiscard]] std::optional<DnsMessage> read_dns_message(Bytes bytes);

/// The messages that begin in a segment of TCP (RFC 1035 4.2.2), at most four of them. A segment
/// that begins within a message gives nothing, or nonsense: what is asked and answered must match.
[[nodiscard]] std::vector<DnsMessage> read_dns_segment(Bytes bytes);

}  // namespace assay::protocols
