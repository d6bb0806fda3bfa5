// SPDX-License-Identifier: Apache-2.0
// MySQL and MariaDB (their client/server protocol), PostgreSQL (protocol 3.0, manual chapter
// "Frontend/Backend Protocol"), MongoDB (wire protocol: OP_MSG, OP_QUERY).
#include <algorithm>

#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

// ---- MySQL ----

constexpr std::size_t kMysqlHeader = 4;
constexpr std::uint32_t kClientConnectWithDb = 0x00000008;
constexpr std::uint32_t kClientSsl = 0x00000800;
constexpr std::uint32_t kClientSecureConnection = 0x00008000;
constexpr std::uint32_t kClientPluginAuth = 0x00080000;
constexpr std::uint32_t kClientLengthEncodedAuth = 0x00200000;

/// Plugins that send the password as it is ("dialog" is MariaDB's for PAM).
bool sends_clear_password(std::string_view plugin) {
    return plugin == "mysql_clear_password" || plugin == "dialog";
}

struct MysqlGreeting {
    std::string_view version;
    std::uint16_t capabilities = 0;
};

/// The handshake packet of protocol 10, up to the lower half of the capabilities.
MysqlGreeting read_mysql_greeting(ByteReader& reader) {
    MysqlGreeting greeting;
    greeting.version = reader.until_nul();
    reader.skip(4 + 8);  // connection id, first part of the challenge
    if (reader.u8() != 0) {
        reader.skip(reader.left() + 1);
    }
    greeting.capabilities = reader.le16();
    return greeting;
}

Match looks_like_mysql(const Opening& opening) {
    const Bytes bytes = opening.server;
    ByteReader reader(bytes);
    const std::size_t length = reader.le24();
    const std::uint8_t sequence = reader.u8();
    const std::uint8_t protocol = reader.u8();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if ((!opening.server_first && !opening.server.empty()) ||
        wrong(3, length >= 20 && length < 512) || wrong(4, sequence == 0) ||
        wrong(5, protocol == 10 || protocol == 0xFF)) {
        return Match::no;
    }
    const std::string_view rest = text_of(reader.rest());
    const bool all_there = bytes.size() >= kMysqlHeader + length;
    if (!reader.ok() || (!all_there && !opening.server_cut)) {
        // The packet is short: wait for it, but not when it cannot be one.
        const bool fits = protocol == 0xFF || rest.empty() || is_digit(rest[0]);
        return fits ? Match::maybe : Match::no;
    }
    if (protocol == 0xFF) {
        const std::uint16_t error = reader.le16();  // host refused, too many connections
        return (error == 1040 || error == 1129 || error == 1130 || error == 1203) &&
                       is_printable(
                           text_of(reader.rest().first(std::min(reader.left(), length - 3))))
                   ? Match::yes
                   : Match::no;
    }
    const MysqlGreeting greeting = read_mysql_greeting(reader);
    return reader.ok() && !greeting.version.empty() && is_digit(greeting.version[0]) &&
                   is_printable(greeting.version)
               ? Match::yes
               : Match::no;
}

class MysqlSession final : public Session {
public:
    explicit MysqlSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        const auto length_of = [&](Bytes start) {
            if (from_client && ssl_asked_ && start[0] == kTlsHandshake) {
                return MessageReader::kTls;
            }
            return start.size() < kMysqlHeader ? MessageReader::kMoreNeeded
                                               : kMysqlHeader + ByteReader(start).le24();
        };
        const auto on_packet = [&](Bytes packet) {
            const Bytes payload = packet.subspan(std::min(packet.size(), kMysqlHeader));
            if (from_client) {
                on_client_packet(payload, verdict);
            } else {
                on_server_packet(payload, verdict);
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
    void on_server_packet(Bytes payload, Verdict& verdict) {
        constexpr std::uint8_t kOk = 0x00;
        constexpr std::uint8_t kAuthSwitch = 0xFE;
        constexpr std::uint8_t kError = 0xFF;
        ByteReader reader(payload);
        const std::uint8_t first = reader.u8();
        if (!greeted_) {
            greeted_ = true;
            verdict.final = first == kError;
            verdict.starttls_offered = (read_mysql_greeting(reader).capabilities & kClientSsl) != 0;
        } else if (first == kAuthSwitch) {
            const std::string_view plugin = reader.until_nul();
            password_expected_ = reader.ok() && sends_clear_password(plugin);
        } else if (first == kOk || first == kError) {
            verdict.final = true;  // logged in, or refused
        }
    }

    void on_client_packet(Bytes payload, Verdict& verdict) {
        if (answered_) {
            if (password_expected_ && !payload.empty()) {
                found_credentials(verdict);
            }
            return;
        }
        ByteReader reader(payload);
        const std::uint32_t capabilities = reader.le32();
        reader.skip(4 + 1 + 23);  // largest packet, character set, reserved
        if ((capabilities & kClientSsl) != 0 && payload.size() == 32) {
            ssl_asked_ = true;
            return;
        }
        answered_ = true;
        reader.until_nul();  // user
        std::size_t response = 0;
        if ((capabilities & (kClientLengthEncodedAuth | kClientSecureConnection)) != 0) {
            response = reader.u8();
            reader.skip(response);
        } else {
            response = reader.until_nul().size();
        }
        if ((capabilities & kClientConnectWithDb) != 0) {
            reader.until_nul();
        }
        if ((capabilities & kClientPluginAuth) != 0 && sends_clear_password(reader.until_nul()) &&
            reader.ok() && response > 1) {
            found_credentials(verdict);
        }
    }

    MessageReader client_;
    MessageReader server_;
    bool greeted_ = false;
    bool ssl_asked_ = false;
    bool answered_ = false;
    bool password_expected_ = false;
};

// ---- PostgreSQL ----

constexpr std::uint32_t kPgCancel = 80877102;
constexpr std::uint32_t kPgSsl = 80877103;
constexpr std::uint32_t kPgGss = 80877104;
constexpr std::uint32_t kPgLargestStartup = 10000;

Match looks_like_postgresql(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint32_t length = reader.be32();
    const std::uint32_t code = reader.be32();
    if (bytes.size() >= 4 && (length < 8 || length > kPgLargestStartup)) {
        return Match::no;
    }
    if (!bytes.empty() && bytes[0] != std::byte{0}) {
        return Match::no;
    }
    if (!reader.ok()) {
        return Match::maybe;
    }
    if (code == kPgSsl || code == kPgGss) {
        return length == 8 ? Match::yes : Match::no;
    }
    if (code == kPgCancel) {
        return length >= 16 && length <= 300 ? Match::yes : Match::no;
    }
    if (code >> 16U != 3 || (code & 0xFFFFU) > 9) {
        return Match::no;
    }
    // Pairs of names and values; "user" must be among them, and drivers send it first.
    const std::string_view parameters = text_of(reader.rest());
    using std::string_view_literals::operator""sv;
    if (parameters.contains("user\0"sv)) {
        return Match::yes;
    }
    return bytes.size() < length && !opening.client_cut ? Match::maybe : Match::no;
}

class PostgresqlSession final : public Session {
public:
    explicit PostgresqlSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        const auto length_of = [&](Bytes start) {
            return from_client ? client_length(start) : server_length(start);
        };
        const auto on_message = [&](Bytes message) {
            if (from_client) {
                on_client_message(message, verdict);
            } else {
                on_server_message(message, verdict);
            }
            return !verdict.final;
        };
        const auto progress =
            (from_client ? client_ : server_).feed(bytes, hole_after, length_of, on_message);
        if (progress.outcome == MessageReader::Outcome::tls) {
            took_tls(verdict);
        }
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return progress.used;
    }

private:
    [[nodiscard]] std::size_t client_length(Bytes start) const {
        if (started_) {
            return typed_length(start);
        }
        if (ssl_asked_ && start[0] == kTlsHandshake) {
            return MessageReader::kTls;
        }
        if (start.size() < 4) {
            return MessageReader::kMoreNeeded;
        }
        const std::uint32_t length = ByteReader(start).be32();
        return length >= 8 && length <= kPgLargestStartup ? length : MessageReader::kNoMessage;
    }

    [[nodiscard]] std::size_t server_length(Bytes start) const {
        return answers_due_ > 0 ? 1 : typed_length(start);
    }

    /// A type letter, then a length that counts itself.
    static std::size_t typed_length(Bytes start) {
        ByteReader reader(start);
        const char type = static_cast<char>(reader.u8());
        const std::uint32_t length = reader.be32();
        if (!is_letter(type) && !is_digit(type)) {
            return MessageReader::kNoMessage;
        }
        if (!reader.ok()) {
            return MessageReader::kMoreNeeded;
        }
        return length >= 4 ? std::size_t{1} + length : MessageReader::kNoMessage;
    }

    void on_client_message(Bytes message, Verdict& verdict) {
        ByteReader reader(message);
        if (started_) {
            if (reader.u8() == 'p' && password_expected_ && reader.be32() > 5) {
                found_credentials(verdict);
            }
            return;
        }
        reader.skip(4);
        const std::uint32_t code = reader.be32();
        if (code == kPgSsl || code == kPgGss) {
            ++answers_due_;
            ssl_asked_ = code == kPgSsl;
        } else if (code == kPgCancel) {
            verdict.final = true;
        } else {
            started_ = true;
        }
    }

    void on_server_message(Bytes message, Verdict& verdict) {
        constexpr std::uint32_t kAuthenticated = 0;
        constexpr std::uint32_t kCleartextPassword = 3;
        ByteReader reader(message);
        const std::uint8_t type = reader.u8();
        if (answers_due_ > 0) {
            --answers_due_;
            if (ssl_asked_ && type == 'S') {
                verdict.starttls_offered = true;
            } else if (!ssl_asked_ && type == 'G') {
                verdict.encrypted = true;  // GSSAPI with confidentiality follows
                verdict.final = true;
            }
            return;
        }
        reader.skip(4);
        const std::uint32_t request = reader.be32();
        if (type == 'R' && reader.ok()) {
            password_expected_ = request == kCleartextPassword;
            verdict.final = request == kAuthenticated;
        } else if (type == 'E') {
            verdict.final = true;
        }
    }

    MessageReader client_;
    MessageReader server_;
    unsigned answers_due_ = 0;
    bool ssl_asked_ = false;
    bool started_ = false;
    bool password_expected_ = false;
};

// ---- MongoDB ----

constexpr std::size_t kMongoHeader = 16;
constexpr std::uint32_t kMongoLargest = 48000000;
constexpr std::uint32_t kOpQuery = 2004;
constexpr std::uint32_t kOpCompressed = 2012;
constexpr std::uint32_t kOpMsg = 2013;

Match looks_like_mongodb(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint32_t length = reader.le32();
    reader.skip(4);
    const std::uint32_t response_to = reader.le32();
    const std::uint32_t code = reader.le32();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(4, length > kMongoHeader + 5 && length <= kMongoLargest) ||
        wrong(12, response_to == 0 || response_to == 0xFFFFFFFF) ||
        wrong(16, code == kOpQuery || code == kOpCompressed || code == kOpMsg)) {
        return Match::no;
    }
    const std::uint32_t flags = reader.le32();
    if (!reader.ok()) {
        return Match::maybe;
    }
    if (code == kOpMsg) {
        const std::uint8_t section = reader.u8();
        return !reader.ok()                                  ? Match::maybe
               : (flags & ~0x00010003U) == 0 && section <= 1 ? Match::yes
                                                             : Match::no;
    }
    if (code == kOpQuery) {
        const std::string_view name = reader.until_nul();
        return !reader.ok()                               ? Match::maybe
               : name.contains('.') && is_printable(name) ? Match::yes
                                                          : Match::no;
    }
    return flags == kOpMsg || flags == kOpQuery ? Match::yes : Match::no;  // the original opcode
}

class MongodbSession final : public Session {
public:
    explicit MongodbSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        const auto length_of = [](Bytes start) -> std::size_t {
            if (start.size() < 4) {
                return MessageReader::kMoreNeeded;
            }
            const std::uint32_t length = ByteReader(start).le32();
            return length > kMongoHeader && length <= kMongoLargest ? length
                                                                    : MessageReader::kNoMessage;
        };
        const auto on_message = [&](Bytes message) {
            if (is_plain_login(text_of(message))) {
                found_credentials(verdict);
            }
            return !verdict.final;
        };
        const auto progress = client_.feed(bytes, hole_after, length_of, on_message);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    /// The command saslStart with the mechanism PLAIN, as BSON elements.
    static bool is_plain_login(std::string_view message) {
        using std::string_view_literals::operator""sv;
        return message.contains("saslStart\0"sv) &&
               message.contains("\x02mechanism\0\x06\0\0\0PLAIN\0"sv);
    }

    MessageReader client_;
};

}  // namespace

constinit const Row kMysqlRow{begun(Protocol::mysql), looks_like_mysql,
                              start_session<MysqlSession>};
constinit const Row kPostgresqlRow{begun(Protocol::postgresql), looks_like_postgresql,
                                   start_session<PostgresqlSession>};
constinit const Row kMongodbRow{begun(Protocol::mongodb), looks_like_mongodb,
                                start_session<MongodbSession>};

}  // namespace assay::protocols
