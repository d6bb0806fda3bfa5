// SPDX-License-Identifier: Apache-2.0
// DNS (RFC 1035, 7766), NTP (RFC 5905), syslog (RFC 5424, 3164, 6587).
#include <algorithm>
#include <array>

#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

// ---- DNS ----

constexpr std::size_t kDnsHeader = 12;

/// A header and one question, well formed. `query`: as a client sends it.
Match dns_message(Bytes bytes, bool query) {
    ByteReader reader(bytes);
    reader.skip(2);  // id
    const std::uint16_t flags = reader.be16();
    const std::uint16_t questions = reader.be16();
    const std::uint16_t answers = reader.be16();
    const std::uint16_t authorities = reader.be16();
    const std::uint16_t additional = reader.be16();
    const unsigned operation = (flags >> 11U) & 0xFU;
    const bool is_answer = (flags & 0x8000U) != 0;
    constexpr unsigned kNotify = 4;
    constexpr unsigned kUpdate = 5;
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    const bool queries_only = operation != kUpdate && operation != kNotify;
    if (wrong(4, is_answer != query && operation <= kUpdate && operation != 3 &&
                     (flags & 0x40U) == 0) ||
        wrong(6, questions == 1) || wrong(8, !query || !queries_only || answers == 0) ||
        wrong(10, !query || !queries_only || authorities <= 1) ||
        wrong(12, !query || additional <= 3)) {
        return Match::no;
    }
    std::size_t name_length = 0;
    while (reader.ok()) {
        const std::size_t label = reader.u8();
        name_length += label + 1;
        if (reader.ok() && (label > 63 || name_length > 255)) {
            return Match::no;
        }
        if (label == 0) {
            break;
        }
        reader.skip(label);
    }
    const std::uint16_t type = reader.be16();
    const unsigned question_class = reader.be16() & 0x7FFFU;  // top bit: mDNS (RFC 6762 5.4)
    if (!reader.ok()) {
        return Match::maybe;
    }
    const bool known_class = question_class == 1 || question_class == 3 || question_class == 4 ||
                             question_class == 254 || question_class == 255;
    return type != 0 && known_class ? Match::yes : Match::no;
}

Match looks_like_dns_datagram(const Opening& opening) {
    const bool query = !opening.client.empty();
    const Match match = dns_message(query ? opening.client : opening.server, query);
    return match == Match::yes ? Match::yes : Match::no;
}

/// Two bytes of length go before the message.
Match looks_like_dns(const Opening& opening) {
    ByteReader reader(opening.client);
    const std::size_t length = reader.be16();
    if (!reader.ok()) {
        return Match::maybe;
    }
    return length > kDnsHeader + 4 && length < 4096 ? dns_message(reader.rest(), true) : Match::no;
}

// ---- NTP ----

/// Only the values that a clock in use can have are taken, since there is no other mark.
Match looks_like_ntp(const Opening& opening) {
    constexpr std::size_t kPacket = 48;
    constexpr unsigned kSymmetricActive = 1;
    constexpr unsigned kClient = 3;
    constexpr unsigned kServer = 4;
    constexpr unsigned kBroadcast = 5;
    const bool from_client = !opening.client.empty();
    const Bytes bytes = from_client ? opening.client : opening.server;
    ByteReader reader(bytes);
    const unsigned first = reader.u8();
    const unsigned stratum = reader.u8();
    const auto poll = static_cast<std::int8_t>(reader.u8());
    const auto precision = static_cast<std::int8_t>(reader.u8());
    const std::uint32_t root_delay = reader.be32();
    const std::uint32_t root_dispersion = reader.be32();
    reader.skip(4 + 3 * 8);  // reference id; reference, origin and receive times
    const std::uint32_t transmit_seconds = reader.be32();
    const std::uint32_t transmit_fraction = reader.be32();
    const unsigned version = (first >> 3U) & 7U;
    const unsigned mode = first & 7U;
    const bool mode_fits =
        from_client ? mode == kClient || mode == kSymmetricActive || mode == kBroadcast
                    : mode == kServer || mode == kSymmetricActive + 1 || mode == kBroadcast;
    // Clocks tell a fraction of a second as a power of two; chrony's requests hide it behind 32.
    const bool precision_fits = precision <= 0 || (mode == kClient && precision == 32);
    constexpr std::uint32_t kSixteenSeconds = 16U << 16U;
    const bool fits = reader.ok() && bytes.size() % 4 == 0 && bytes.size() >= kPacket &&
                      version >= 1 && version <= 4 && mode_fits && stratum <= 16 && poll >= -7 &&
                      poll <= 17 && precision_fits && root_delay <= kSixteenSeconds &&
                      root_dispersion <= kSixteenSeconds &&
                      (mode == kClient || transmit_seconds != 0 || transmit_fraction != 0);
    return fits ? Match::yes : Match::no;
}

// ---- syslog ----

/// <PRI> and the start of a header: "1 " (RFC 5424), a month (RFC 3164), or the year of an ISO
/// time.
Match syslog_message(std::string_view text, bool any_text) {
    constexpr std::array<std::string_view, 12> kMonths{"Jan ", "Feb ", "Mar ", "Apr ",
                                                       "May ", "Jun ", "Jul ", "Aug ",
                                                       "Sep ", "Oct ", "Nov ", "Dec "};
    if (text.empty()) {
        return Match::maybe;
    }
    if (text[0] != '<') {
        return Match::no;
    }
    unsigned priority = 0;
    std::size_t at = 1;
    while (at < text.size() && at <= 3 && is_digit(text[at])) {
        priority = priority * 10 + static_cast<unsigned>(text[at] - '0');
        ++at;
    }
    if (at == text.size()) {
        return at <= 4 ? Match::maybe : Match::no;
    }
    if (at == 1 || text[at] != '>' || priority > 191) {
        return Match::no;
    }
    const std::string_view header = text.substr(at + 1);
    if (any_text) {
        return !header.empty() && is_visible(header[0]) ? Match::yes : Match::no;
    }
    const auto match = [&](std::string_view wanted) {
        const std::size_t common = std::min(header.size(), wanted.size());
        return header.substr(0, common) != wanted.substr(0, common) ? Match::no
               : common == wanted.size()                            ? Match::yes
                                                                    : Match::maybe;
    };
    Match best = match("1 ");
    for (const std::string_view month : kMonths) {
        best = either(best, match(month));
    }
    for (const std::string_view century : {"20", "19"}) {
        best = either(best, match(century));
    }
    return best;
}

Match looks_like_syslog(const Opening& opening) {
    std::string_view text = text_of(opening.client);
    if (!text.empty() && is_digit(text[0])) {  // octet counting (RFC 6587 3.4.1)
        const std::size_t digits =
            static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
        if (digits == text.size() && digits <= 5) {
            return Match::maybe;
        }
        if (digits > 5 || text[digits] != ' ') {
            return Match::no;
        }
        text.remove_prefix(digits + 1);
    }
    return syslog_message(text, false);
}

Match looks_like_syslog_datagram(const Opening& opening) {
    constexpr std::uint16_t kSyslogPort = 514;
    const Match match =
        syslog_message(text_of(opening.client), opening.flow.server_port == kSyslogPort);
    return match == Match::yes ? Match::yes : Match::no;
}

}  // namespace

constinit const Row kDnsRow{settled(Protocol::dns), looks_like_dns};
constinit const Row kDnsDatagramRow{settled(Protocol::dns), looks_like_dns_datagram};
constinit const Row kNtpRow{settled(Protocol::ntp), looks_like_ntp};
constinit const Row kSyslogRow{settled(Protocol::syslog), looks_like_syslog};
constinit const Row kSyslogDatagramRow{settled(Protocol::syslog), looks_like_syslog_datagram};

}  // namespace assay::protocols
