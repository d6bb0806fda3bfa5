// SPDX-License-Identifier: Apache-2.0
// AMQP 0-9-1 and 1.0 (with its SASL and TLS headers), MQTT 3.1 to 5 (OASIS), Kafka (its protocol
// guide).
#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

// ---- AMQP ----

constexpr std::size_t kAmqpHeader = 8;
constexpr std::uint8_t kAmqpTls = 2;
constexpr std::uint8_t kAmqpSasl = 3;

Match looks_like_amqp(const Opening& opening) {
    const Match start = match_start(opening.client, "AMQP");
    if (start != Match::yes || opening.client.size() < kAmqpHeader) {
        return start == Match::no ? Match::no : Match::maybe;
    }
    ByteReader reader(opening.client.subspan(4));
    const std::uint8_t id = reader.u8();
    return id <= kAmqpSasl && reader.u8() <= 8 ? Match::yes : Match::no;
}

/// PLAIN, and the AMQPLAIN of 0-8: both show the password.
bool is_clear_mechanism(std::string_view mechanism) {
    return mechanism == "PLAIN" || mechanism == "AMQPLAIN";
}

/// A string or symbol of AMQP 1.0 part 1.6; empty for null or anything else.
Bytes take_variable(ByteReader& reader) {
    switch (reader.u8()) {
        case 0xA0:
        case 0xA1:
        case 0xA3:
            return reader.take(reader.u8());
        case 0xB0:
        case 0xB1:
        case 0xB3:
            return reader.take(reader.be32());
        default:
            return {};
    }
}

class AmqpSession final : public Session {
public:
    explicit AmqpSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        const auto length_of = [&](Bytes start) { return client_length(start); };
        const auto on_frame = [&](Bytes frame) {
            on_client_frame(frame, verdict);
            return !verdict.final;
        };
        const auto progress = client_.feed(bytes, hole_after, length_of, on_frame);
        if (progress.outcome == MessageReader::Outcome::tls) {
            took_tls(verdict);
        }
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return progress.used;
    }

private:
    enum class Stage : std::uint8_t { header, frames_0_9, frames_1_0, tls };

    [[nodiscard]] std::size_t client_length(Bytes start) const {
        if (stage_ == Stage::tls && start[0] == kTlsHandshake) {
            return MessageReader::kTls;
        }
        if (start[0] == std::byte{'A'}) {
            return kAmqpHeader;  // a new protocol header, also after SASL
        }
        ByteReader reader(start);
        if (stage_ == Stage::frames_0_9) {
            constexpr std::size_t kFrameOverhead = 8;  // header of 7 bytes, end mark
            reader.skip(3);
            const std::uint32_t size = reader.be32();
            return reader.ok() ? kFrameOverhead + size : MessageReader::kMoreNeeded;
        }
        const std::uint32_t size = reader.be32();
        if (!reader.ok()) {
            return MessageReader::kMoreNeeded;
        }
        return stage_ == Stage::frames_1_0 && size >= 8 ? size : MessageReader::kNoMessage;
    }

    void on_client_frame(Bytes frame, Verdict& verdict) {
        ByteReader reader(frame);
        if (text_of(frame).starts_with("AMQP")) {
            reader.skip(4);
            const std::uint8_t id = reader.u8();
            const std::uint8_t major = reader.u8();
            if (id == kAmqpTls) {
                stage_ = Stage::tls;
            } else if (id == kAmqpSasl) {
                stage_ = Stage::frames_1_0;
            } else if (major == 1 && id == 0) {
                verdict.final = true;  // AMQP 1.0 without a login, or with it behind us
            } else {
                stage_ = Stage::frames_0_9;
            }
        } else if (stage_ == Stage::frames_0_9) {
            on_method(reader, verdict);
        } else {
            on_sasl_frame(reader, verdict);
        }
    }

    static void on_method(ByteReader& reader, Verdict& verdict) {
        constexpr std::uint32_t kConnectionStartOk = 10U << 16U | 11U;
        reader.skip(7);
        if (reader.be32() != kConnectionStartOk) {
            return;
        }
        reader.skip(reader.be32());  // client properties
        const std::string_view mechanism = text_of(reader.take(reader.u8()));
        if (is_clear_mechanism(mechanism) && reader.be32() > 0) {
            found_credentials(verdict);
        }
        verdict.final = true;
    }

    static void on_sasl_frame(ByteReader& reader, Verdict& verdict) {
        constexpr std::uint8_t kSmallUlong = 0x53;
        constexpr std::uint8_t kSaslInit = 0x41;
        reader.skip(8);
        const bool described = reader.u8() == 0;
        const bool init = reader.u8() == kSmallUlong && reader.u8() == kSaslInit;
        if (!described || !init) {
            return;
        }
        constexpr std::uint8_t kList8 = 0xC0;
        reader.skip(reader.u8() == kList8 ? 2 : 8);
        const std::string_view mechanism = text_of(take_variable(reader));
        const bool has_response = !take_variable(reader).empty();
        if (mechanism == "PLAIN" && has_response) {
            found_credentials(verdict);
        }
        verdict.final = true;
    }

    MessageReader client_;
    Stage stage_ = Stage::header;
};

// ---- MQTT ----

/// Protocol name and level of a CONNECT packet (MQTT 3.1.1 and 5.0, 3.1).
Match looks_like_mqtt(const Opening& opening) {
    constexpr std::uint8_t kConnect = 0x10;
    const Bytes bytes = opening.client;
    if (!bytes.empty() && bytes[0] != std::byte{kConnect}) {
        return Match::no;
    }
    std::size_t at = 1;
    while (at < bytes.size() && at < 5 && (bytes[at] & std::byte{0x80}) != std::byte{0}) {
        ++at;
    }
    if (at >= 5) {
        return Match::no;
    }
    if (at >= bytes.size()) {
        return Match::maybe;
    }
    using std::string_view_literals::operator""sv;
    const Bytes body = bytes.subspan(at + 1);
    return either(
        either(match_start(body, "\0\x04MQTT\x04"sv), match_start(body, "\0\x04MQTT\x05"sv)),
        match_start(body, "\0\x06MQIsdp\x03"sv));
}

class MqttSession final : public Session {
public:
    explicit MqttSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        if (held_.append(bytes) < bytes.size() || hole_after > 0) {
            verdict.final = true;  // all that is wanted is there, as far as it will come
        }
        ByteReader reader(held_.view());
        reader.skip(1);
        while ((reader.u8() & 0x80U) != 0) {
        }
        reader.skip(reader.be16());
        reader.skip(1);  // level
        constexpr std::uint8_t kPassword = 0x40;
        const std::uint8_t flags = reader.u8();
        if (reader.ok()) {
            verdict.cleartext_credentials = (flags & kPassword) != 0;
            verdict.final = true;
        }
        return bytes.size();
    }

private:
    static constexpr std::size_t kUpToFlags = 16;
    WipedBuffer held_{kUpToFlags};
};

// ---- Kafka ----

constexpr std::uint16_t kKafkaMetadata = 3;
constexpr std::uint16_t kKafkaSaslHandshake = 17;
constexpr std::uint16_t kKafkaApiVersions = 18;
constexpr std::uint16_t kNullString = 0xFFFF;
constexpr std::uint32_t kKafkaLargest = 100U << 20U;

/// What a client begins with: asking for versions or metadata, or logging in.
Match looks_like_kafka(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint32_t length = reader.be32();
    const std::uint16_t key = reader.be16();
    const std::uint16_t version = reader.be16();
    const std::uint32_t correlation = reader.be32();
    const std::uint16_t client_id = reader.be16();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(4, length >= 10 && length <= 4096) ||
        wrong(6, key == kKafkaApiVersions || key == kKafkaMetadata || key == kKafkaSaslHandshake) ||
        wrong(8, version <= 20) || wrong(12, correlation < 0x10000) ||
        wrong(14, client_id == kNullString || (client_id <= 256 && client_id + 10U <= length))) {
        return Match::no;
    }
    if (!reader.ok()) {
        return Match::maybe;
    }
    const std::size_t name_length = client_id == kNullString ? 0 : client_id;
    const std::size_t there = std::min(name_length, reader.left());
    if (!is_printable(text_of(reader.take(there)))) {
        return Match::no;
    }
    return there == name_length || opening.client_cut ? Match::yes : Match::maybe;
}

class KafkaSession final : public Session {
public:
    explicit KafkaSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        const auto length_of = [](Bytes start) -> std::size_t {
            if (start.size() < 4) {
                return MessageReader::kMoreNeeded;
            }
            const std::uint32_t length = ByteReader(start).be32();
            return length <= kKafkaLargest ? std::size_t{4} + length : MessageReader::kNoMessage;
        };
        const auto on_request = [&](Bytes request) {
            // After the handshake the very next message holds the user and the password
            // (SaslAuthenticate, or for version 0 the bare token).
            if (plain_agreed_ && request.size() > 4) {
                found_credentials(verdict);
                return false;
            }
            ByteReader reader(request);
            reader.skip(4);
            const std::uint16_t key = reader.be16();
            reader.skip(2 + 4);
            const std::uint16_t client_id = reader.be16();
            reader.skip(client_id == kNullString ? 0 : client_id);
            plain_agreed_ =
                key == kKafkaSaslHandshake && text_of(reader.take(reader.be16())) == "PLAIN";
            return true;
        };
        const auto progress = client_.feed(bytes, hole_after, length_of, on_request);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    MessageReader client_;
    bool plain_agreed_ = false;
};

}  // namespace

constinit const Row kAmqpRow{begun(Protocol::amqp), looks_like_amqp, start_session<AmqpSession>};
constinit const Row kMqttRow{begun(Protocol::mqtt), looks_like_mqtt, start_session<MqttSession>};
constinit const Row kKafkaRow{begun(Protocol::kafka), looks_like_kafka,
                              start_session<KafkaSession>};

}  // namespace assay::protocols
