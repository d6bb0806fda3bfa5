// SPDX-License-Identifier: Apache-2.0
// Ways to another machine's shell or screen: telnet (RFC 854), rlogin (RFC 1282), rsh and rexec
// (their manual pages rshd(8), rexecd(8)), VNC (RFC 6143), RDP (MS-RDPBCGR over X.224), X11.
#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

// ---- telnet ----

constexpr std::uint8_t kIac = 255;
constexpr std::uint8_t kSubnegotiation = 250;
constexpr std::uint8_t kWill = 251;
constexpr std::uint8_t kDo = 253;

bool is_telnet_option(std::uint8_t option) {
    // Those that IANA lists up to 49, and what MUDs use.
    constexpr std::array<std::uint8_t, 7> kOthers{85, 86, 90, 91, 93, 200, 201};
    return option <= 49 || std::ranges::find(kOthers, option) != kOthers.end();
}

Match negotiation(Bytes bytes) {
    ByteReader reader(bytes);
    const std::uint8_t iac = reader.u8();
    const std::uint8_t command = reader.u8();
    const std::uint8_t option = reader.u8();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(1, iac == kIac) || wrong(2, command >= kSubnegotiation && command <= kDo + 1) ||
        wrong(3, is_telnet_option(option))) {
        return Match::no;
    }
    if (bytes.size() < 3) {
        return Match::maybe;
    }
    if (command == kWill || command == kDo) {
        const std::uint8_t next = reader.u8();
        const bool fits = !reader.ok() || next == kIac || next == '\r' || next == '\n' ||
                          next == 0x1B || (next >= ' ' && next <= '~');
        return fits ? Match::yes : Match::no;
    }
    // To begin with a refusal or a subnegotiation is rare; a second command must confirm it.
    if (command == kSubnegotiation) {
        constexpr std::string_view kEnd = "\xFF\xF0";
        return text_of(bytes).contains(kEnd) ? Match::yes : Match::maybe;
    }
    const std::uint8_t second_iac = reader.u8();
    const std::uint8_t second_command = reader.u8();
    if (wrong(4, second_iac == kIac) || wrong(5, second_command >= kSubnegotiation)) {
        return Match::no;
    }
    return reader.ok() ? Match::yes : Match::maybe;
}

Match looks_like_telnet(const Opening& opening) {
    return either(negotiation(opening.client), negotiation(opening.server));
}

// ---- rlogin, rsh, rexec: texts that end in NUL ----

/// Takes a text of 1 to 64 visible characters and its NUL. `maybe` when it is not all there.
Match take_name(ByteReader& reader, std::string_view& name) {
    const std::string_view rest = text_of(reader.rest());
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    name = rest.substr(0, end);
    if (name.size() > 64 || !is_visible(name)) {
        return Match::no;
    }
    if (end == rest.size()) {
        return Match::maybe;
    }
    reader.skip(end + 1);
    return name.empty() ? Match::no : Match::yes;
}

Match looks_like_rlogin(const Opening& opening) {
    ByteReader reader(opening.client);
    if (opening.client.empty()) {
        return Match::maybe;
    }
    if (reader.u8() != 0) {
        return Match::no;
    }
    std::string_view name;
    for (int part = 0; part < 3; ++part) {
        const Match taken = take_name(reader, name);
        if (taken != Match::yes) {
            return taken;
        }
    }
    // terminal/speed
    const std::size_t slash = name.rfind('/');
    const bool speed = slash != std::string_view::npos && slash > 0 && slash + 1 < name.size() &&
                       std::ranges::all_of(name.substr(slash + 1), is_digit);
    return speed ? Match::yes : Match::no;
}

constexpr std::uint16_t kRexecPort = 512;
constexpr std::uint16_t kRshPort = 514;

/// rsh and rexec look alike: port, NUL, text, NUL, text, NUL, command, NUL. rsh names two users,
/// rexec a user and a password. The server's port tells which; on other ports the client's
/// stderr port does, which rsh takes from the privileged ones.
Match remote_command(const Opening& opening, Protocol wanted) {
    ByteReader reader(opening.client);
    const std::string_view all = text_of(opening.client);
    const std::size_t digits =
        static_cast<std::size_t>(std::ranges::find_if_not(all, is_digit) - all.begin());
    if (digits > 5) {
        return Match::no;
    }
    if (digits == all.size()) {
        return Match::maybe;
    }
    if (all[digits] != '\0' || (digits == 0 && opening.flow.server_port != kRshPort &&
                                opening.flow.server_port != kRexecPort)) {
        return Match::no;
    }
    unsigned stderr_port = 0;
    const char* begin = all.data();
    std::from_chars(begin, begin + digits, stderr_port);
    reader.skip(digits + 1);
    std::string_view first;
    std::string_view second;
    for (std::string_view* text : {&first, &second}) {
        const Match taken = take_name(reader, *text);
        if (taken != Match::yes) {
            return taken;
        }
    }
    std::string_view command = text_of(reader.rest());
    command = command.substr(0, command.find('\0'));
    if (command.empty()) {
        return Match::maybe;
    }
    bool is_rexec = stderr_port > 1023;
    if (opening.flow.server_port == kRexecPort || opening.flow.server_port == kRshPort) {
        is_rexec = opening.flow.server_port == kRexecPort;
    }
    return is_printable(command) && stderr_port <= 65535 && is_rexec == (wanted == Protocol::rexec)
               ? Match::yes
               : Match::no;
}

Match looks_like_rsh(const Opening& opening) { return remote_command(opening, Protocol::rsh); }
Match looks_like_rexec(const Opening& opening) { return remote_command(opening, Protocol::rexec); }

// ---- VNC ----

constexpr std::size_t kRfbVersionLength = 12;

Match rfb_version(Bytes bytes) {
    const Match start = match_start(bytes, "RFB ");
    if (start != Match::yes || bytes.size() < kRfbVersionLength) {
        return start == Match::no ? Match::no : Match::maybe;
    }
    const std::string_view text = text_of(bytes).substr(4, 8);
    return text[3] == '.' && text[7] == '\n' && std::ranges::all_of(text.substr(0, 3), is_digit) &&
                   std::ranges::all_of(text.substr(4, 3), is_digit)
               ? Match::yes
               : Match::no;
}

Match looks_like_vnc(const Opening& opening) {
    return either(rfb_version(opening.server), rfb_version(opening.client));
}

/// What the client says tells what is agreed: its version, the security type it picks, and for
/// VeNCrypt the subtype.
class VncSession final : public Session {
public:
    explicit VncSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        Bytes rest = bytes;
        while (!rest.empty() && !verdict.final) {
            if (expected_ == Part::tls && rest.front() == kTlsHandshake) {
                took_tls(verdict);
                return bytes.size() - rest.size();
            }
            const std::size_t wanted = length_of(expected_);
            const Bytes piece = rest.first(std::min(wanted - held_.size(), rest.size()));
            held_.append(piece);
            rest = rest.subspan(piece.size());
            if (held_.size() == wanted) {
                on_part(verdict);
                held_.clear();
            }
        }
        verdict.final = verdict.final || hole_after > 0;
        return bytes.size();
    }

private:
    enum class Part : std::uint8_t {
        version,
        security_type,
        vencrypt_version,
        vencrypt_subtype,
        tls,
        password
    };
    static std::size_t length_of(Part part) {
        switch (part) {
            case Part::version:
                return kRfbVersionLength;
            case Part::vencrypt_version:
                return 2;
            case Part::vencrypt_subtype:
                return 4;
            default:
                return 1;
        }
    }

    void on_part(Verdict& verdict) {
        constexpr std::uint32_t kTlsType = 18;
        constexpr std::uint32_t kVencryptType = 19;
        constexpr std::uint32_t kVencryptPlain = 256;
        constexpr std::uint32_t kVencryptFirstTls = 257;
        constexpr std::uint32_t kVencryptLastTls = 264;
        ByteReader reader(held_.view());
        switch (expected_) {
            case Part::version:
                // Before 3.7 the server picks, among types that all leave the session clear.
                verdict.final = text_of(held_.view()) < "RFB 003.007";
                expected_ = Part::security_type;
                break;
            case Part::security_type: {
                const std::uint32_t type = reader.u8();
                expected_ = type == kTlsType ? Part::tls : Part::vencrypt_version;
                verdict.final = type != kTlsType && type != kVencryptType;
                break;
            }
            case Part::vencrypt_version:
                expected_ = Part::vencrypt_subtype;
                break;
            case Part::vencrypt_subtype: {
                const std::uint32_t subtype = reader.be32();
                expected_ = subtype == kVencryptPlain ? Part::password : Part::tls;
                verdict.final = subtype != kVencryptPlain &&
                                (subtype < kVencryptFirstTls || subtype > kVencryptLastTls);
                break;
            }
            case Part::tls:
                verdict.final = true;
                break;
            case Part::password:
                found_credentials(verdict);
                break;
        }
    }

    Part expected_ = Part::version;
    WipedBuffer held_{kRfbVersionLength};
};

// ---- RDP ----

constexpr std::size_t kTpktHeader = 4;
constexpr std::uint8_t kConnectionRequest = 0xE0;
constexpr std::uint8_t kConnectionConfirm = 0xD0;
/// TPKT header, and an X.224 connection request or confirm without its variable part.
constexpr std::size_t kX224Fixed = kTpktHeader + 7;

Match looks_like_rdp(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint8_t version = reader.u8();
    const std::uint8_t reserved = reader.u8();
    const std::size_t length = reader.be16();
    const std::size_t header_length = reader.u8();
    const std::uint8_t code = reader.u8();
    const std::uint16_t destination = reader.be16();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(1, version == 3) || wrong(2, reserved == 0) ||
        wrong(4, length >= kX224Fixed && length <= 1024) || wrong(5, header_length + 5 == length) ||
        wrong(6, code == kConnectionRequest) || wrong(8, destination == 0)) {
        return Match::no;
    }
    if (bytes.size() < kX224Fixed) {
        return Match::maybe;
    }
    if (length == kX224Fixed) {
        return Match::yes;  // RDP before 5.2
    }
    // Others over X.224 have parameters here (ISO 8073 13.3.4), RDP a cookie or a negotiation
    // request.
    const Bytes variable = bytes.subspan(kX224Fixed);
    const Match cookie = either(match_start(variable, "Cookie: "), match_start(variable, "msts="));
    using std::string_view_literals::operator""sv;
    constexpr std::string_view kNegotiation = "\x08\x00"sv;
    if (!variable.empty() && variable[0] == std::byte{1}) {
        return variable.size() < 2 ? Match::maybe : match_start(variable.subspan(2), kNegotiation);
    }
    return cookie;
}

class RdpSession final : public Session {
public:
    explicit RdpSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        const auto length_of = [&](Bytes start) {
            if (from_client && request_seen_ && start[0] == kTlsHandshake) {
                return MessageReader::kTls;
            }
            ByteReader reader(start);
            const std::uint8_t version = reader.u8();
            reader.skip(1);
            const std::size_t length = reader.be16();
            if (version != 3 || (reader.ok() && length < kTpktHeader)) {
                return MessageReader::kNoMessage;
            }
            return reader.ok() ? length : MessageReader::kMoreNeeded;
        };
        const auto on_packet = [&](Bytes packet) {
            if (from_client) {
                // A second packet in clear: the security of RDP itself (RC4), or none.
                verdict.final = request_seen_;
                request_seen_ = true;
            } else {
                verdict.final = confirms_clear(packet);
            }
            return !verdict.final;
        };
        const auto progress =
            (from_client ? client_ : server_).feed(bytes, hole_after, length_of, on_packet);
        if (progress.outcome == MessageReader::Outcome::tls) {
            took_tls(verdict);
        }
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return progress.used;
    }

private:
    static bool confirms_clear(Bytes packet) {
        ByteReader reader(packet);
        reader.skip(kTpktHeader + 1);
        const std::uint8_t code = reader.u8();
        reader.skip(5);
        const std::uint8_t type = reader.u8();
        reader.skip(3);
        const std::uint32_t selected = reader.le32();
        constexpr std::uint8_t kNegotiationResponse = 2;
        return code == kConnectionConfirm &&
               (!reader.ok() || (type == kNegotiationResponse && selected == 0));
    }

    MessageReader client_;
    MessageReader server_;
    bool request_seen_ = false;
};

// ---- X11 ----

/// The connection set-up of the X11 protocol, version 11.0, in either byte order.
Match x11_setup(Bytes bytes, bool little) {
    using std::string_view_literals::operator""sv;
    const Match start = match_start(bytes, little ? "l\0\x0B\0\0\0"sv : "B\0\0\x0B\0\0"sv);
    if (start != Match::yes || bytes.size() < 12) {
        return start == Match::no ? Match::no : Match::maybe;
    }
    ByteReader reader(bytes.subspan(6));
    const std::uint16_t name = little ? reader.le16() : reader.be16();
    const std::uint16_t data = little ? reader.le16() : reader.be16();
    return name <= 64 && data <= 1024 ? Match::yes : Match::no;
}

Match looks_like_x11(const Opening& opening) {
    return either(x11_setup(opening.client, true), x11_setup(opening.client, false));
}

}  // namespace

constinit const Row kTelnetRow{settled(Protocol::telnet), looks_like_telnet};
constinit const Row kRloginRow{settled(Protocol::rlogin), looks_like_rlogin};
constinit const Row kRshRow{settled(Protocol::rsh), looks_like_rsh};
constinit const Row kRexecRow{settled_login(Protocol::rexec), looks_like_rexec};
constinit const Row kVncRow{begun(Protocol::vnc), looks_like_vnc, start_session<VncSession>};
constinit const Row kRdpRow{begun(Protocol::rdp), looks_like_rdp, start_session<RdpSession>};
constinit const Row kX11Row{settled(Protocol::x11), looks_like_x11};

}  // namespace assay::protocols
