// SPDX-License-Identifier: Apache-2.0
// Input: a DNS message, or a segment of TCP. What is read is bounded and looks as names look.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "protocols/dns_message.h"

namespace {

using assay::protocols::DnsMessage;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_name(std::string_view name) {
    constexpr std::size_t kLongest = 255 * 4;  // every byte as \DDD
    require(!name.empty() && name.size() <= kLongest);
    require(std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F; }));
    require(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
}

void check(const DnsMessage& message) {
    using namespace assay::protocols;
    check_name(message.question);
    require(message.addresses.size() <= kMostDnsAddresses);
    require(message.aliases.size() <= kMostDnsAliases);
    require(message.answer || (message.addresses.empty() && message.aliases.empty()));
    for (const auto& alias : message.aliases) {
        check_name(alias);
        require(std::ranges::count(message.aliases, alias) == 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (const auto message = assay::protocols::read_dns_message(bytes)) {
        check(*message);
    }
    for (const auto& message : assay::protocols::read_dns_segment(bytes)) {
        check(message);
    }
    return 0;
}
