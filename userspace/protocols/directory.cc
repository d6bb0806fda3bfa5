// SPDX-License-Identifier: Apache-2.0
// Protocols in BER (X.690): LDAP (RFC 4511, 4513) and SNMP (RFC 1157, 3416, 3412).
#include <optional>

#include "protocols/message_reader.h"
#include "protocols/session.h"

namespace assay::protocols {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kSequence = 0x30;

struct Element {
    std::uint8_t tag = 0;
    std::size_t length = 0;  ///< as told; the content may be cut
};

/// Tag and length; nullopt when they are cut or the length is not one we take (over 16 MiB).
std::optional<Element> take_header(ByteReader& reader) {
    Element element;
    element.tag = reader.u8();
    const std::uint8_t first = reader.u8();
    if (first < 0x80) {
        element.length = first;
    } else {
        const unsigned width = first & 0x7FU;
        if (width == 0 || width > 4) {
            return std::nullopt;
        }
        for (unsigned i = 0; i < width; ++i) {
            element.length = element.length << 8U | reader.u8();
        }
    }
    if (!reader.ok() || element.length > 0x1000000) {
        return std::nullopt;
    }
    return element;
}

/// The content of an element with this tag; nullopt for another one or a cut one.
std::optional<Bytes> take_element(ByteReader& reader, std::uint8_t tag) {
    const auto element = take_header(reader);
    if (!element || element->tag != tag || element->length > reader.left()) {
        return std::nullopt;
    }
    return reader.take(element->length);
}

std::optional<std::uint32_t> take_integer(ByteReader& reader) {
    const auto content = take_element(reader, kInteger);
    if (!content || content->empty() || content->size() > 4) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const std::byte byte : *content) {
        value = value << 8U | std::to_integer<std::uint32_t>(byte);
    }
    return value;
}

/// Frames a message that is one SEQUENCE.
std::size_t sequence_length(Bytes start) {
    if (start[0] != std::byte{kSequence}) {
        return MessageReader::kNoMessage;
    }
    ByteReader reader(start);
    const auto element = take_header(reader);
    if (!element) {
        return start.size() < 6 ? MessageReader::kMoreNeeded : MessageReader::kNoMessage;
    }
    return start.size() - reader.left() + element->length;
}

// ---- LDAP ----

constexpr std::uint8_t kBindRequest = 0x60;
constexpr std::uint8_t kSearchRequest = 0x63;
constexpr std::uint8_t kExtendedRequest = 0x77;
constexpr std::uint8_t kUnbindRequest = 0x42;
constexpr std::uint8_t kSearchEntry = 0x64;
constexpr std::uint8_t kSimple = 0x80;
constexpr std::uint8_t kSasl = 0xA3;
constexpr std::uint8_t kRequestName = 0x80;
constexpr std::string_view kStartTlsOid = "1.3.6.1.4.1.1466.20037";

/// A request that a client begins with. All of them are told by their first few bytes.
bool is_ldap_request(Bytes message) {
    ByteReader reader(message);
    const auto whole = take_header(reader);
    const auto id = take_integer(reader);
    const auto operation = take_header(reader);
    if (!whole || whole->tag != kSequence || !id || *id > 0x7FFFFFFF || !operation ||
        operation->length > whole->length) {
        return false;
    }
    switch (operation->tag) {
        case kBindRequest: {
            const auto version = take_integer(reader);
            const auto name = take_header(reader);
            return version && (*version == 2 || *version == 3) && name && name->tag == kOctetString;
        }
        case kSearchRequest: {
            const auto base = take_element(reader, kOctetString);
            constexpr std::uint8_t kEnumerated = 0x0A;
            const auto scope = take_element(reader, kEnumerated);
            return base && scope && scope->size() == 1 && (*scope)[0] <= std::byte{3};
        }
        case kExtendedRequest: {
            const auto name = take_element(reader, kRequestName);
            return name && text_of(*name).starts_with("1.");
        }
        default:
            return false;
    }
}

Match looks_like_ldap(const Opening& opening) {
    const Bytes bytes = opening.client;
    if (bytes.empty()) {
        return Match::maybe;
    }
    if (bytes[0] != std::byte{kSequence}) {
        return Match::no;
    }
    if (is_ldap_request(bytes)) {
        return Match::yes;
    }
    const std::size_t length = sequence_length(bytes);
    const bool more_may_tell = !opening.client_cut && !opening.flow.udp &&
                               (length == MessageReader::kMoreNeeded ||
                                (length != MessageReader::kNoMessage && bytes.size() < length));
    return more_may_tell ? Match::maybe : Match::no;
}

class LdapSession final : public Session {
public:
    explicit LdapSession(const FlowInfo& flow) : udp_(flow.udp) {}

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            const auto on_answer = [&](Bytes answer) {
                ByteReader reader(answer);
                take_header(reader);
                take_integer(reader);
                const auto operation = take_header(reader);
                if (operation && operation->tag == kSearchEntry &&
                    text_of(answer).contains(kStartTlsOid)) {
                    verdict.starttls_offered = true;  // supportedExtension of the root DSE
                }
                return true;
            };
            answers_.feed(bytes, hole_after, sequence_length, on_answer);
            return bytes.size();
        }
        const auto length_of = [&](Bytes start) {
            if (start_tls_asked_ && start[0] == kTlsHandshake) {
                return MessageReader::kTls;
            }
            return sasl_bound_ && start[0] == std::byte{0} ? sasl_layer(start, verdict)
                                                           : sequence_length(start);
        };
        const auto on_message = [&](Bytes message) {
            on_request(message, verdict);
            return !verdict.final;
        };
        const auto progress = requests_.feed(bytes, hole_after, length_of, on_message);
        if (progress.outcome == MessageReader::Outcome::tls) {
            took_tls(verdict);
        }
        verdict.final =
            verdict.final || udp_ || progress.outcome == MessageReader::Outcome::lost_step;
        return progress.used;
    }

private:
    void on_request(Bytes message, Verdict& verdict) {
        ByteReader reader(message);
        take_header(reader);
        take_integer(reader);
        const auto operation = take_header(reader);
        start_tls_asked_ = false;
        if (!operation) {
            return;
        }
        if (operation->tag == kExtendedRequest) {
            const auto name = take_element(reader, kRequestName);
            start_tls_asked_ = name && text_of(*name) == kStartTlsOid;
        } else if (operation->tag == kBindRequest) {
            take_integer(reader);
            take_element(reader, kOctetString);
            const auto choice = take_header(reader);
            if (choice && choice->tag == kSimple && choice->length > 0 && reader.left() > 0) {
                found_credentials(verdict);
            } else if (choice && choice->tag == kSasl) {
                const auto mechanism = take_element(reader, kOctetString);
                sasl_bound_ = true;
                if (mechanism && text_of(*mechanism) == "PLAIN" && reader.left() > 0) {
                    found_credentials(verdict);
                }
            }
        } else if (operation->tag == kUnbindRequest) {
            verdict.final = true;
        }
    }

    /// After a SASL bind, four bytes of length and a wrapped message (RFC 4422 3.7). Of Kerberos
    /// tokens (RFC 4121 4.2.6.2) the flags say whether it is sealed; of others nothing does.
    static std::size_t sasl_layer(Bytes start, Verdict& verdict) {
        constexpr std::uint16_t kWrapToken = 0x0504;
        constexpr std::uint8_t kSealed = 0x02;
        ByteReader reader(start);
        reader.skip(4);
        const std::uint16_t token = reader.be16();
        const std::uint8_t flags = reader.u8();
        if (!reader.ok()) {
            return MessageReader::kMoreNeeded;
        }
        verdict.encrypted = token == kWrapToken && (flags & kSealed) != 0;
        return MessageReader::kNoMessage;
    }

    MessageReader requests_;
    MessageReader answers_;
    bool udp_;
    bool start_tls_asked_ = false;
    bool sasl_bound_ = false;
};

// ---- SNMP ----

enum class SnmpVersion : std::uint8_t { v1, v2c, v3 };
struct SnmpMessage {
    SnmpVersion version = SnmpVersion::v1;
    bool privacy = false;
};

/// The whole message is not needed, only its first fields.
std::optional<SnmpMessage> read_snmp(Bytes message) {
    ByteReader reader(message);
    const auto whole = take_header(reader);
    const auto version = take_integer(reader);
    if (!whole || whole->tag != kSequence || !version) {
        return std::nullopt;
    }
    if (*version <= 1) {
        const auto community = take_element(reader, kOctetString);
        const auto pdu = take_header(reader);
        // GetRequest 0xA0 … Report 0xA8
        if (!community || !pdu || pdu->tag < 0xA0 || pdu->tag > 0xA8 ||
            pdu->length > whole->length) {
            return std::nullopt;
        }
        return SnmpMessage{*version == 0 ? SnmpVersion::v1 : SnmpVersion::v2c};
    }
    if (*version != 3) {
        return std::nullopt;
    }
    const auto header = take_element(reader, kSequence);
    if (!header) {
        return std::nullopt;
    }
    ByteReader fields(*header);
    const bool numbers = take_integer(fields) && take_integer(fields);  // msgID, msgMaxSize
    const auto flags = take_element(fields, kOctetString);
    if (!numbers || !flags || flags->size() != 1 || !take_integer(fields)) {
        return std::nullopt;
    }
    constexpr std::byte kPrivacy{0x02};
    return SnmpMessage{SnmpVersion::v3, ((*flags)[0] & kPrivacy) != std::byte{0}};
}

Match snmp_message(Bytes bytes, bool more_may_come) {
    if (bytes.empty()) {
        return Match::maybe;
    }
    if (bytes[0] != std::byte{kSequence}) {
        return Match::no;
    }
    if (read_snmp(bytes)) {
        return Match::yes;
    }
    const std::size_t length = sequence_length(bytes);
    return more_may_come && (length == MessageReader::kMoreNeeded ||
                             (length != MessageReader::kNoMessage && bytes.size() < length))
               ? Match::maybe
               : Match::no;
}

Match looks_like_snmp(const Opening& opening) {
    return either(snmp_message(opening.client, !opening.client_cut),
                  snmp_message(opening.server, !opening.server_cut));
}

Match looks_like_snmp_datagram(const Opening& opening) {
    const Bytes datagram = opening.client.empty() ? opening.server : opening.client;
    return snmp_message(datagram, false);
}

class SnmpSession final : public Session {
public:
    explicit SnmpSession(const FlowInfo& flow) : udp_(flow.udp) {}

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (udp_) {
            on_message(bytes, verdict);
            return bytes.size();
        }
        const auto on_whole = [&](Bytes message) {
            on_message(message, verdict);
            return !verdict.final;
        };
        MessageReader& reader = side == Side::client ? client_ : server_;
        const auto progress = reader.feed(bytes, hole_after, sequence_length, on_whole);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    static void on_message(Bytes bytes, Verdict& verdict) {
        const auto message = read_snmp(bytes);
        if (!message) {
            return;
        }
        switch (message->version) {
            case SnmpVersion::v1:
                verdict.version = "1";
                break;
            case SnmpVersion::v2c:
                verdict.version = "2c";
                break;
            case SnmpVersion::v3:
                verdict.version = "3";
                break;
        }
        // Version 3 finds the engine in clear before it encrypts (RFC 3414 4).
        verdict.encrypted = message->privacy;
        verdict.final = message->version != SnmpVersion::v3 || message->privacy;
    }

    MessageReader client_;
    MessageReader server_;
    bool udp_;
};

}  // namespace

constinit const Row kLdapRow{begun(Protocol::ldap), looks_like_ldap, start_session<LdapSession>};
constinit const Row kLdapDatagramRow{begun(Protocol::ldap), looks_like_ldap,
                                     start_session<LdapSession>};
constinit const Row kSnmpRow{begun(Protocol::snmp), looks_like_snmp, start_session<SnmpSession>};
constinit const Row kSnmpDatagramRow{begun(Protocol::snmp), looks_like_snmp_datagram,
                                     start_session<SnmpSession>};

}  // namespace assay::protocols
