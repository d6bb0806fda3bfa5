// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "protocols/classifier.h"

namespace assay::protocols {
namespace {

constexpr std::array<std::string_view, 33> kNames{
    "unknown", "tls",        "ssh",   "http",      "http2",   "ftp",  "telnet", "rlogin", "rsh",
    "rexec",   "smtp",       "imap",  "pop3",      "ldap",    "snmp", "tftp",   "dns",    "ntp",
    "mysql",   "postgresql", "redis", "memcached", "mongodb", "amqp", "mqtt",   "kafka",  "vnc",
    "rdp",     "x11",        "smb",   "nfs",       "syslog",  "rsync"};
static_assert(kNames.size() == static_cast<std::size_t>(Protocol::rsync) + 1);

constexpr std::array<std::string_view, 7> kVersions{"",        "SSL 2.0", "SSL 3.0", "TLS 1.0",
                                                    "TLS 1.1", "TLS 1.2", "TLS 1.3"};
static_assert(kVersions.size() == static_cast<std::size_t>(TlsVersion::tls1_3) + 1);

struct Port {
    std::uint16_t number;
    Protocol protocol;
};

/// IANA's assignments and, where there are none, the software's defaults; by number.
constexpr auto kTcpPorts = std::to_array<Port>({
    {21, Protocol::ftp},          {22, Protocol::ssh},          {23, Protocol::telnet},
    {25, Protocol::smtp},         {53, Protocol::dns},          {80, Protocol::http},
    {110, Protocol::pop3},        {111, Protocol::nfs},         {139, Protocol::smb},
    {143, Protocol::imap},        {161, Protocol::snmp},        {389, Protocol::ldap},
    {443, Protocol::tls},         {445, Protocol::smb},         {465, Protocol::tls},
    {512, Protocol::rexec},       {513, Protocol::rlogin},      {514, Protocol::rsh},
    {587, Protocol::smtp},        {601, Protocol::syslog},      {636, Protocol::tls},
    {853, Protocol::tls},         {873, Protocol::rsync},       {989, Protocol::tls},
    {990, Protocol::tls},         {992, Protocol::tls},         {993, Protocol::tls},
    {995, Protocol::tls},         {1883, Protocol::mqtt},       {2049, Protocol::nfs},
    {2121, Protocol::ftp},        {2525, Protocol::smtp},       {3128, Protocol::http},
    {3268, Protocol::ldap},       {3269, Protocol::tls},        {3306, Protocol::mysql},
    {3389, Protocol::rdp},        {5432, Protocol::postgresql}, {5671, Protocol::tls},
    {5672, Protocol::amqp},       {5900, Protocol::vnc},        {5901, Protocol::vnc},
    {6000, Protocol::x11},        {6010, Protocol::x11},        {6379, Protocol::redis},
    {6514, Protocol::tls},        {8000, Protocol::http},       {8080, Protocol::http},
    {8443, Protocol::tls},        {8883, Protocol::tls},        {9092, Protocol::kafka},
    {11211, Protocol::memcached}, {27017, Protocol::mongodb},
});
constexpr auto kUdpPorts = std::to_array<Port>({
    {53, Protocol::dns},
    {69, Protocol::tftp},
    {111, Protocol::nfs},
    {123, Protocol::ntp},
    {161, Protocol::snmp},
    {162, Protocol::snmp},
    {389, Protocol::ldap},
    {514, Protocol::syslog},
    {2049, Protocol::nfs},
    {5353, Protocol::dns},
    {11211, Protocol::memcached},
});
static_assert(std::ranges::is_sorted(kTcpPorts, {}, &Port::number));
static_assert(std::ranges::is_sorted(kUdpPorts, {}, &Port::number));

Protocol find_port(std::span<const Port> ports, std::uint16_t number) {
    const auto found = std::ranges::lower_bound(ports, number, {}, &Port::number);
    return found != ports.end() && found->number == number ? found->protocol : Protocol::unknown;
}

}  // namespace

std::string_view name(Protocol protocol) { return kNames.at(static_cast<std::size_t>(protocol)); }

std::span<const std::string_view> all_names() { return kNames; }

std::string_view name(TlsVersion version) {
    return kVersions.at(static_cast<std::size_t>(version));
}

Protocol protocol_for_port(bool udp, std::uint16_t server_port) {
    return udp ? find_port(kUdpPorts, server_port) : find_port(kTcpPorts, server_port);
}

}  // namespace assay::protocols
