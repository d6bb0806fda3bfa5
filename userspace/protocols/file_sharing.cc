// SPDX-License-Identifier: Apache-2.0
// SMB over TCP and NetBIOS (MS-SMB2, MS-CIFS, RFC 1002), NFS and its companions over ONC RPC (RFC
// 5531, RFC 9289 for TLS), rsync's daemon, TFTP (RFC 1350, 2347).
#include <algorithm>

#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

// ---- SMB ----

constexpr std::size_t kNetbiosHeader = 4;
constexpr std::uint8_t kNetbiosMessage = 0x00;
constexpr std::uint8_t kNetbiosRequest = 0x81;
constexpr std::uint8_t kSmb1 = 0xFF;
constexpr std::uint8_t kSmbTransform = 0xFD;
constexpr std::uint8_t kSmbCompressed = 0xFC;

Match smb_message(Bytes bytes) {
    ByteReader reader(bytes);
    const std::uint8_t type = reader.u8();
    const std::uint32_t length = reader.be24();
    const std::uint8_t magic = reader.u8();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(1, type == kNetbiosMessage) || wrong(4, length >= 32) ||
        wrong(5, magic >= kSmbCompressed)) {
        return Match::no;
    }
    return reader.ok() ? match_start(reader.rest(), "SMB") : Match::maybe;
}

/// NetBIOS names are 32 letters from A to P.
Match netbios_request(Bytes bytes) {
    using std::string_view_literals::operator""sv;
    const Match start = match_start(bytes, "\x81\0\0\x44\x20"sv);
    if (start != Match::yes) {
        return start;
    }
    const std::string_view name = text_of(bytes).substr(5, 32);
    if (!std::ranges::all_of(name, [](char c) { return c >= 'A' && c <= 'P'; })) {
        return Match::no;
    }
    return name.size() == 32 ? Match::yes : Match::maybe;
}

Match looks_like_smb(const Opening& opening) {
    return either(smb_message(opening.client), netbios_request(opening.client));
}

Match looks_like_smb_segment(const Opening& opening) {
    return either(smb_message(opening.client), smb_message(opening.server));
}

class SmbSession final : public Session {
public:
    explicit SmbSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const auto length_of = [](Bytes start) {
            ByteReader reader(start);
            const std::uint8_t type = reader.u8();
            const std::uint32_t length = reader.be24();
            if (type != kNetbiosMessage && (type < kNetbiosRequest || type > 0x85)) {
                return MessageReader::kNoMessage;
            }
            return reader.ok() ? kNetbiosHeader + length : MessageReader::kMoreNeeded;
        };
        const auto on_message = [&](Bytes message) {
            ByteReader reader(message);
            const bool is_message = reader.u8() == kNetbiosMessage;
            reader.skip(3);
            const std::uint8_t magic = reader.u8();
            if (is_message && text_of(reader.rest()).starts_with("SMB")) {
                on_smb(side, magic, verdict);
            }
            return !verdict.final;
        };
        MessageReader& reader = side == Side::client ? client_ : server_;
        const auto progress = reader.feed(bytes, hole_after, length_of, on_message);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    static void on_smb(Side side, std::uint8_t magic, Verdict& verdict) {
        if (magic == kSmb1) {
            // A client's SMB 1 negotiation may offer SMB 2 as well: the server's answer decides.
            if (verdict.version.empty() || side == Side::server) {
                verdict.version = "1";
            }
            verdict.final = side == Side::server;
            return;
        }
        verdict.version = "2+";
        if (magic == kSmbTransform) {
            verdict.encrypted = true;
            verdict.final = true;
        }
    }

    MessageReader client_;
    MessageReader server_;
};

// ---- ONC RPC ----

constexpr std::size_t kRecordMark = 4;
constexpr std::uint32_t kAuthTls = 7;

/// A call of RPC version 2 to a program in the range that NFS, mount, the port mapper and the lock
/// manager have their numbers from.
Match rpc_call(Bytes bytes) {
    ByteReader reader(bytes);
    reader.skip(4);  // transaction id
    const std::uint32_t type = reader.be32();
    const std::uint32_t rpc_version = reader.be32();
    const std::uint32_t program = reader.be32();
    const std::uint32_t version = reader.be32();
    const std::uint32_t procedure = reader.be32();
    const std::uint32_t flavor = reader.be32();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(8, type == 0) || wrong(12, rpc_version == 2) ||
        wrong(16, program >= 100000 && program < 101000) || wrong(20, version <= 16) ||
        wrong(24, procedure < 256) || wrong(28, flavor <= 7)) {
        return Match::no;
    }
    return reader.ok() ? Match::yes : Match::maybe;
}

Match looks_like_rpc_record(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint32_t mark = reader.be32();
    if (bytes.size() < kRecordMark) {
        return bytes.empty() || (bytes[0] & std::byte{0x80}) != std::byte{0} ? Match::maybe
                                                                             : Match::no;
    }
    const std::uint32_t length = mark & 0x7FFFFFFFU;
    return mark >> 31U == 1 && length >= 40 && length <= (4U << 20U) ? rpc_call(reader.rest())
                                                                     : Match::no;
}

Match looks_like_rpc_datagram(const Opening& opening) {
    return rpc_call(opening.client) == Match::yes ? Match::yes : Match::no;
}

/// TLS begins after one empty call with the flavor AUTH_TLS (RFC 9289 4.1).
class RpcSession final : public Session {
public:
    explicit RpcSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        const auto length_of = [&](Bytes start) {
            if (from_client && tls_asked_ && start[0] == kTlsHandshake) {
                return MessageReader::kTls;
            }
            return start.size() < kRecordMark
                       ? MessageReader::kMoreNeeded
                       : kRecordMark + (ByteReader(start).be32() & 0x7FFFFFFFU);
        };
        if (!from_client) {
            const auto on_reply = [&](Bytes reply) {
                if (tls_asked_ && text_of(reply).contains("STARTTLS")) {
                    verdict.starttls_offered = true;
                }
                return true;
            };
            server_.feed(bytes, hole_after, length_of, on_reply);
            return bytes.size();
        }
        const auto on_call = [&](Bytes call) {
            ByteReader reader(call);
            reader.skip(kRecordMark + 24);
            tls_asked_ = !tls_asked_ && reader.be32() == kAuthTls;
            verdict.final = !tls_asked_;
            return !verdict.final;
        };
        const auto progress = client_.feed(bytes, hole_after, length_of, on_call);
        if (progress.outcome == MessageReader::Outcome::tls) {
            took_tls(verdict);
        }
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return progress.used;
    }

private:
    MessageReader client_;
    MessageReader server_;
    bool tls_asked_ = false;
};

// ---- rsync ----

Match looks_like_rsync(const Opening& opening) {
    const auto greeting = [](Bytes bytes) {
        constexpr std::string_view kGreeting = "@RSYNCD: ";
        const Match start = match_start(bytes, kGreeting);
        if (start != Match::yes || bytes.size() == kGreeting.size()) {
            return start == Match::no ? Match::no : Match::maybe;
        }
        return is_digit(text_of(bytes)[kGreeting.size()]) ? Match::yes : Match::no;
    };
    return either(greeting(opening.server), greeting(opening.client));
}

// ---- TFTP ----

/// A read or write request. What follows goes between other ports.
Match looks_like_tftp(const Opening& opening) {
    ByteReader reader(opening.client);
    const std::uint16_t code = reader.be16();
    const std::string_view file = reader.until_nul();
    const std::string_view mode = reader.until_nul();
    const bool fits = reader.ok() && (code == 1 || code == 2) && !file.empty() &&
                      is_printable(file) &&
                      (same(mode, "octet") || same(mode, "netascii") || same(mode, "mail"));
    return fits ? Match::yes : Match::no;
}

}  // namespace

constinit const Row kSmbRow{begun(Protocol::smb), looks_like_smb, start_session<SmbSession>};
constinit const Row kSmbMidStreamRow{begun(Protocol::smb), looks_like_smb_segment,
                                     start_session<SmbSession>};
constinit const Row kNfsRow{begun(Protocol::nfs), looks_like_rpc_record, start_session<RpcSession>};
constinit const Row kNfsDatagramRow{settled(Protocol::nfs), looks_like_rpc_datagram};
constinit const Row kRsyncRow{settled(Protocol::rsync), looks_like_rsync};
constinit const Row kTftpRow{settled(Protocol::tftp), looks_like_tftp};

}  // namespace assay::protocols
