// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// Connections of one program (image, user) to one endpoint, or, Initiated false, from one remote
/// address to one listener. Connections of the same endpoint whose payload said the same are one
/// fact with a count; it is told at the first, then every 10 s while it changes, and at the close.
/// Kernel source: cgroup connect/sendmsg hooks, inet_sock_set_state, cgroup_skb.
struct NetworkConnection {
    FactHeader header;
    std::string_view image;
    std::string_view user;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> process_id;
    std::optional<bool> initiated;
    std::string_view protocol;
    std::string_view source_ip;
    std::optional<std::uint16_t> source_port;
    std::string_view destination_ip;
    std::optional<std::uint16_t> destination_port;
    std::string_view destination_hostname;
    std::string_view application_protocol;
    std::string_view application_protocol_version;
    std::string_view protocol_evidence;
    std::optional<bool> encrypted;
    std::string_view tls_version;
    std::string_view tls_version_offered;
    std::optional<bool> cleartext_credentials;
    std::optional<std::uint64_t> count;
    std::optional<std::uint64_t> attempts;
    std::string_view attribution;
    std::optional<std::uint32_t> netns;
    std::string_view cgroup;
    std::string_view container_id;
};

inline constexpr std::array kNetworkConnectionFields{
    field<&NetworkConnection::image>("Image", "path",
                                     "program file of the process that owns the socket (the "
                                     "listener's owner when Initiated is false)"),
    field<&NetworkConnection::user>(
        "User", "", "name of Uid in the host's passwd; the number when it has none"),
    field<&NetworkConnection::uid>("Uid", "", "real user id of that process"),
    field<&NetworkConnection::process_id>("ProcessId", "",
                                          "the first process that this fact counts"),
    field<&NetworkConnection::initiated>(
        "Initiated", "",
        "true: this host's process connected or sent first; false: it was connected to"),
    field<&NetworkConnection::protocol>("Protocol", "", "tcp or udp (MPTCP is tcp)"),
    field<&NetworkConnection::source_ip>("SourceIp", "IPv4 or IPv6 address",
                                         "address of the side that initiated; IPv4-mapped is IPv4"),
    field<&NetworkConnection::source_port>(
        "SourcePort", "", "port of the side that initiated, of the first connection counted"),
    field<&NetworkConnection::destination_ip>("DestinationIp", "IPv4 or IPv6 address",
                                              "address of the side that was connected to"),
    field<&NetworkConnection::destination_port>("DestinationPort", "",
                                                "port of the side that was connected to"),
    field<&NetworkConnection::destination_hostname>(
        "DestinationHostname", "",
        "name that was asked for (before CNAME) when a DNS answer gave DestinationIp, as read on "
        "the "
        "wire: by the process that connects, else its program, its user or anybody on this host; "
        "the newest when there are several. In lower case, xn-- as sent. Absent when no answer was "
        "seen: asked before the window, in /etc/hosts, mDNS, DNS over TLS or HTTPS, or no name at "
        "all"),
    field<&NetworkConnection::application_protocol>(
        "ApplicationProtocol", "",
        "tls, ssh, http, … (assay rules fields lists them); unknown when the payload said nothing "
        "we know"),
    field<&NetworkConnection::application_protocol_version>(
        "ApplicationProtocolVersion", "",
        "where rules need it: snmp 1, 2c, 3; smb 1, 2+; ssh 1.x, 2.0"),
    field<&NetworkConnection::protocol_evidence>(
        "ProtocolEvidence", "",
        "payload: read in the first bytes; port: guessed from the destination port only"),
    field<&NetworkConnection::encrypted>("Encrypted", "",
                                         "true: TLS, SSH or the like, from the first byte or after "
                                         "STARTTLS; false: clear text was seen"),
    field<&NetworkConnection::tls_version>(
        "TlsVersion", "", "version the server chose: SSL 2.0, SSL 3.0, TLS 1.0 … TLS 1.3"),
    field<&NetworkConnection::tls_version_offered>("TlsVersionOffered", "",
                                                   "highest version the client offered"),
    field<&NetworkConnection::cleartext_credentials>(
        "CleartextCredentials", "",
        "true: a password that a listener on the wire can read went over the connection; the "
        "password itself is never kept"),
    field<&NetworkConnection::count>(
        "Count", "connections",
        "established; UDP: flows (socket and remote) on which a datagram passed"),
    field<&NetworkConnection::attempts>("Attempts", "connections", "tried, established or not"),
    field<&NetworkConnection::attribution>("Attribution", "",
                                           "how the process is known: connect, accept, listener "
                                           "(its owner), socket (holder found in a snapshot)"),
    field<&NetworkConnection::netns>("Netns", "", "inode of the network namespace of the socket"),
    field<&NetworkConnection::cgroup>("Cgroup", "path", "deepest cgroup of the process"),
    field<&NetworkConnection::container_id>("ContainerId", "", "container named by that cgroup"),
};

}  // namespace assay::facts
