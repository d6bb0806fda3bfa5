// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocols/byte_reader.h"
#include "protocols/classifier.h"

/// What the protocol families (tls.cc, mail.cc, …) give to the classifier.
namespace assay::protocols {

/// What the first bytes of a flow are to one protocol. `yes` is said only of what no other protocol
/// here can have sent.
enum class Match : std::uint8_t { no, maybe, yes };

/// The bytes from the beginning of a flow, as far as they came.
struct Opening {
    Bytes client;
    Bytes server;
    bool client_cut = false;  ///< what follows of this side was not captured, or is too long
    bool server_cut = false;
    bool server_first = false;
    FlowInfo flow;
};

[[nodiscard]] inline Match match_start(Bytes bytes, std::string_view wanted) {
    const std::size_t common = std::min(bytes.size(), wanted.size());
    if (text_of(bytes.first(common)) != wanted.substr(0, common)) {
        return Match::no;
    }
    return common == wanted.size() ? Match::yes : Match::maybe;
}

/// The stronger of two ways to recognise a protocol.
[[nodiscard]] constexpr Match either(Match a, Match b) { return a > b ? a : b; }

/// Follows a flow whose protocol is known, for what can still change in the verdict.
class Session {
public:
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    virtual ~Session() = default;

    /// Returns how many of the bytes were the protocol's own: all, or fewer when TLS begins behind
    /// them. The session is not used again after that, nor once verdict.final is true.
    virtual std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) = 0;
    virtual void end(Verdict& verdict) { static_cast<void>(verdict); }
};

/// One protocol as the classifier knows it.
struct Row {
    Verdict begun;  ///< the verdict once recognised; its `final` is true when nothing is to follow
    Match (*looks_like)(const Opening&) = nullptr;
    std::unique_ptr<Session> (*start)(const FlowInfo&) = nullptr;
};

template <class SessionType>
std::unique_ptr<Session> start_session(const FlowInfo& flow) {
    return std::make_unique<SessionType>(flow);
}

/// A verdict that the first bytes settle for good.
[[nodiscard]] constexpr Verdict settled(Protocol protocol) {
    Verdict verdict;
    verdict.protocol = protocol;
    verdict.from_payload = true;
    verdict.final = true;
    return verdict;
}
/// A clear-text protocol whose session may still bring credentials or TLS.
[[nodiscard]] constexpr Verdict begun(Protocol protocol) {
    Verdict verdict = settled(protocol);
    verdict.final = false;
    return verdict;
}
/// Encrypted from its first byte.
[[nodiscard]] constexpr Verdict sealed(Protocol protocol) {
    Verdict verdict = begun(protocol);
    verdict.encrypted = true;
    return verdict;
}
[[nodiscard]] constexpr Verdict settled_login(Protocol protocol) {
    Verdict verdict = settled(protocol);
    verdict.cleartext_credentials = true;
    return verdict;
}

/// A readable password was seen: nothing worse can follow.
inline void found_credentials(Verdict& verdict) {
    verdict.cleartext_credentials = true;
    verdict.final = true;
}
inline void took_tls(Verdict& verdict) {
    verdict.encrypted = true;
    verdict.starttls_taken = true;
}

/// First byte of every TLS handshake record (RFC 8446 5.1).
inline constexpr std::byte kTlsHandshake{0x16};

/// The TLS handshake after an upgrade.
[[nodiscard]] std::unique_ptr<Session> start_tls_session();

extern const Row kTlsRow, kSshRow, kHttpRow, kHttp2Row;
extern const Row kGreeting220Row, kImapRow, kPop3Row;
extern const Row kTelnetRow, kRloginRow, kRshRow, kRexecRow, kVncRow, kRdpRow, kX11Row;
extern const Row kLdapRow, kSnmpRow;
extern const Row kMysqlRow, kPostgresqlRow, kMongodbRow;
extern const Row kRedisRow, kMemcachedTextRow, kMemcachedBinaryRow;
extern const Row kAmqpRow, kMqttRow, kKafkaRow;
extern const Row kSmbRow, kNfsRow, kRsyncRow;
extern const Row kDnsRow, kSyslogRow;
/// Datagrams.
extern const Row kDnsDatagramRow, kNtpRow, kTftpRow, kSyslogDatagramRow, kSnmpDatagramRow,
    kLdapDatagramRow, kNfsDatagramRow, kMemcachedDatagramRow;
/// Flows older than the window.
extern const Row kTlsMidStreamRow, kHttpMidStreamRow, kSmbMidStreamRow;

}  // namespace assay::protocols
