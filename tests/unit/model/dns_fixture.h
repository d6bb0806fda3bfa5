// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../protocols/dns_wire.h"
#include "base/ip_address.h"
#include "sensors/events.h"

namespace assay::model {

/// Somebody who asks on a socket of its own.
struct DnsAsker {
    facts::ProcessKey process;
    std::uint32_t uid = 0;
    sensors::FileKey image_file;
    std::uint64_t socket = 1;
    std::uint32_t netns = 1;
};

inline sensors::DnsMessage dns_event(const DnsAsker& asker, std::uint64_t time_ns, bool query,
                                     std::string_view bytes) {
    sensors::DnsMessage event;
    event.time_ns = time_ns;
    event.asker = asker.process;
    event.uid = asker.uid;
    event.image_file = asker.image_file;
    event.socket = asker.socket;
    event.netns = asker.netns;
    event.udp = true;
    event.query = query;
    event.query_told = !query;
    event.length = static_cast<std::uint32_t>(bytes.size());
    event.captured = std::as_bytes(std::span(bytes));
    return event;
}

inline std::string dns_query(std::string_view name, unsigned id = 7) {
    return dns_wire::header(0, dns_wire::kQuery, 1, id) +
           dns_wire::question(dns_wire::name(name), dns_wire::kA);
}

inline std::string dns_answer(std::string_view name, const std::vector<std::string>& addresses,
                              unsigned id = 7, unsigned ttl = 60) {
    const auto count = static_cast<unsigned>(addresses.size());
    std::string wire = dns_wire::header(count, dns_wire::kAnswer, 1, id) +
                       dns_wire::question(dns_wire::name(name), dns_wire::kA);
    for (const std::string& text : addresses) {
        const auto address = IpAddress::parse(text);
        const auto* data = reinterpret_cast<const char*>(address->bytes.data());
        const bool v4 = address->is_v4();
        wire += dns_wire::record(dns_wire::pointer(dns_wire::kQuestionAt),
                                 v4 ? dns_wire::kA : dns_wire::kAaaa, ttl,
                                 v4 ? std::string_view(data + 12, 4) : std::string_view(data, 16));
    }
    return wire;
}

}  // namespace assay::model
