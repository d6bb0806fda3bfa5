// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// A port that is listened on, as the window showed it. Identity: netns, protocol, address, port.
/// Told when it is first seen, when the protocol it speaks is first known or changes, when it is
/// closed, and at the close of the window.
struct Listener {
    FactHeader header;
    std::optional<std::uint32_t> netns;
    std::string_view protocol;
    std::string_view local_ip;
    std::optional<std::uint16_t> local_port;
    std::string_view scope;
    std::string_view image;
    std::optional<std::uint32_t> process_id;
    std::string_view user;
    std::optional<std::uint32_t> uid;
    TextList owners;
    std::optional<bool> socket_activated;
    std::optional<bool> open;
    std::optional<std::uint64_t> connections;
    std::optional<std::uint64_t> connections_with_data;
    std::optional<std::uint64_t> observed_seconds;
    std::optional<bool> observed_enough;
    std::string_view application_protocol;
    std::string_view application_protocol_version;
    std::string_view protocol_evidence;
    std::optional<bool> encrypted;
    std::string_view tls_version;
    std::optional<bool> starttls_offered;
    std::optional<bool> starttls_taken;
    std::optional<bool> cleartext_credentials;
    std::string_view cgroup;
    std::string_view container_id;
};

inline constexpr std::array kListenerFields{
    field<&Listener::netns>("Netns", "", "inode of the network namespace"),
    field<&Listener::protocol>("Protocol", "", "tcp or udp (MPTCP is tcp)"),
    field<&Listener::local_ip>("LocalIp", "IPv4 or IPv6 address",
                               "address bound; 0.0.0.0 or :: for any"),
    field<&Listener::local_port>("LocalPort", "", "port bound"),
    field<&Listener::scope>("Scope", "",
                            "loopback, private or any (a public address or a wildcard)"),
    field<&Listener::image>("Image", "path", "program file of the first owner"),
    field<&Listener::process_id>(
        "ProcessId", "",
        "first owner: the process that called listen, else the lowest pid that holds the socket"),
    field<&Listener::user>("User", "",
                           "name of Uid in the host's passwd; the number when it has none"),
    field<&Listener::uid>("Uid", "", "real user id of that process"),
    field<&Listener::owners>("Owners", "",
                             "every process that holds the socket, as IMAGE[PID] (by fork, "
                             "SCM_RIGHTS, socket activation)"),
    field<&Listener::socket_activated>("SocketActivated", "",
                                       "a holder was started with LISTEN_PID naming it "
                                       "(sd_listen_fds(3)), or pid 1 listens for it"),
    field<&Listener::open>("Open", "", "false once it was closed"),
    field<&Listener::connections>("Connections", "connections",
                                  "handshakes finished; UDP: flows that a remote began"),
    field<&Listener::connections_with_data>(
        "ConnectionsWithData", "connections",
        "of these, those on which the client sent at least one byte"),
    field<&Listener::observed_seconds>("ObservedSeconds", "s", "how long assay saw it open"),
    field<&Listener::observed_enough>(
        "ObservedEnough", "",
        "seen open for at least max(60 s, half the window), or for the whole window"),
    field<&Listener::application_protocol>(
        "ApplicationProtocol", "",
        "protocol really spoken; from the port number only when ProtocolEvidence is port"),
    field<&Listener::application_protocol_version>("ApplicationProtocolVersion", "",
                                                   "as in network_connection"),
    field<&Listener::protocol_evidence>("ProtocolEvidence", "", "payload or port"),
    field<&Listener::encrypted>(
        "Encrypted", "",
        "true: every connection classified was encrypted; false: at least one was clear text"),
    field<&Listener::tls_version>("TlsVersion", "", "lowest version that the server chose"),
    field<&Listener::starttls_offered>("StartTlsOffered", "",
                                       "the server offered STARTTLS, STLS or AUTH TLS"),
    field<&Listener::starttls_taken>("StartTlsTaken", "", "at least one client took it"),
    field<&Listener::cleartext_credentials>("CleartextCredentials", "",
                                            "a client sent a password in clear text"),
    field<&Listener::cgroup>("Cgroup", "path", "deepest cgroup of the first owner"),
    field<&Listener::container_id>("ContainerId", "", "container named by that cgroup"),
};

}  // namespace assay::facts
