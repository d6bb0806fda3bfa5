// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocols/wiped_buffer.h"

namespace assay::protocols {

/// Application protocols by the names that facts carry, in the design's order.
enum class Protocol : std::uint8_t {
    unknown,
    tls,
    ssh,
    http,
    http2,
    ftp,
    telnet,
    rlogin,
    rsh,
    rexec,
    smtp,
    imap,
    pop3,
    ldap,
    snmp,
    tftp,
    dns,
    ntp,
    mysql,
    postgresql,
    redis,
    memcached,
    mongodb,
    amqp,
    mqtt,
    kafka,
    vnc,
    rdp,
    x11,
    smb,
    nfs,
    syslog,
    rsync,
};
[[nodiscard]] std::string_view name(Protocol protocol);
[[nodiscard]] std::span<const std::string_view> all_names();
[[nodiscard]] Protocol protocol_for_port(bool udp, std::uint16_t server_port);

/// TLS and SSL versions by their order; 0 = none.
enum class TlsVersion : std::uint8_t { none, ssl2, ssl3, tls1_0, tls1_1, tls1_2, tls1_3 };
[[nodiscard]] std::string_view name(TlsVersion version);  ///< "SSL 3.0", "TLS 1.2", "" for none

/// Who sent bytes: the side that connected (or sent the first datagram), or the side that was
/// connected to.
enum class Side : std::uint8_t { client, server };

/// What the bytes so far say of a flow. `protocol` is the protocol that was begun in clear: an SMTP
/// session that took STARTTLS is smtp with encrypted = true; TLS from the first byte is tls.
struct Verdict {
    Protocol protocol = Protocol::unknown;
    std::string_view
        version;  ///< static text: snmp "1", "2c", "3"; smb "1", "2+"; ssh "1.x", "2.0"; else empty
    bool from_payload = false;  ///< false: protocol unknown, nothing recognised
    bool encrypted = false;     ///< TLS, SSH, SNMPv3 with privacy… or upgraded on this connection
    TlsVersion tls_chosen = TlsVersion::none;
    TlsVersion tls_offered = TlsVersion::none;
    bool cleartext_credentials = false;
    bool starttls_offered = false;
    bool starttls_taken = false;
    /// No further byte can change the verdict: the kernel may stop handing bytes over.
    bool final = false;

    bool operator==(const Verdict&) const = default;
};

struct FlowInfo {
    bool udp = false;
    std::uint16_t server_port = 0;
    /// The flow is older than the window: only patterns that are safe in mid-stream may decide.
    bool mid_stream = false;
};

/// Watches the first bytes of one flow and says what is spoken. Pure: no I/O, no clock, no
/// allocation beyond a bounded buffer (at most a few KiB). Bytes of each side must come in order;
/// for UDP each call is one datagram. Never keeps a credential longer than it takes to recognise
/// it. Not thread-safe; any bytes are safe.
class Classifier {
public:
    explicit Classifier(FlowInfo flow);
    ~Classifier();
    Classifier(Classifier&&) noexcept;
    Classifier& operator=(Classifier&&) noexcept;

    /// The next bytes that `side` sent. `hole_after`: number of bytes of this side that follow but
    /// were not captured (segment longer than the capture limit); what comes next begins after
    /// them.
    const Verdict& feed(Side side, std::span<const std::byte> bytes, std::size_t hole_after = 0);
    /// Bytes of `side` were lost and will not come: what follows cannot be trusted to be in step.
    const Verdict& gap(Side side);
    /// The flow ended; nothing more comes.
    const Verdict& end();
    [[nodiscard]] const Verdict& verdict() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Puts the captured segments of one direction in order: bytes given twice are dropped, later
/// segments wait (at most 16, bounded bytes) for earlier ones, and a hole that is never filled is
/// told as a gap. Offsets count payload bytes from the first byte of the direction, modulo 2^32
/// (TCP sequence minus the first payload sequence).
class Reassembly {
public:
    /// One captured segment: `offset`, its `length` on the wire, and its first bytes
    /// (captured.size() <= length).
    void add(std::uint32_t offset, std::uint32_t length, std::span<const std::byte> captured);
    /// Calls deliver(bytes, hole_after) for each run that is in order now.
    template <class Deliver>
    void drain(Deliver&& deliver) {
        while (next()) {
            deliver(run_, run_hole_);
        }
    }
    /// True when segments wait for bytes that have not come.
    [[nodiscard]] bool waiting() const;
    /// Gives the waited-for bytes up: delivery goes on at the earliest waiting segment.
    void skip_gap();

private:
    static constexpr std::size_t kLargestCapture = 1024;
    struct Segment {
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
        WipedBuffer bytes;
    };
    bool next();
    Segment* earliest();

    std::array<Segment, 16> waiting_{};
    std::size_t waiting_count_ = 0;
    std::uint32_t expected_ = 0;
    WipedBuffer current_;
    std::span<const std::byte> run_;  ///< in current_
    std::size_t run_hole_ = 0;
};

}  // namespace assay::protocols
