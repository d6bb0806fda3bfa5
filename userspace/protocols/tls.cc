// SPDX-License-Identifier: Apache-2.0
// TLS (RFC 8446, RFC 5246), SSL 3.0 (RFC 6101) and the SSL 2.0 hello (RFC 6101 E, RFC 5246 E.2).
#include <array>
#include <optional>

#include "protocols/session.h"
#include "protocols/wiped_buffer.h"

namespace assay::protocols {
namespace {

constexpr std::uint8_t kContentAlert = 0x15;
constexpr std::uint8_t kContentHandshake = 0x16;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kServerHello = 2;
constexpr std::uint16_t kSupportedVersions = 43;
constexpr std::size_t kLargestRecord = 16384 + 2048;
/// Enough for a client hello with a post-quantum key share.
constexpr std::size_t kHelloKept = 2048;

TlsVersion version_of(std::uint16_t wire) {
    switch (wire) {
        case 0x0002:
            return TlsVersion::ssl2;
        case 0x0300:
            return TlsVersion::ssl3;
        case 0x0301:
            return TlsVersion::tls1_0;
        case 0x0302:
            return TlsVersion::tls1_1;
        case 0x0303:
            return TlsVersion::tls1_2;
        case 0x0304:
            return TlsVersion::tls1_3;
        default:
            // 0x7Fxx: drafts of TLS 1.3. The rest is GREASE (RFC 8701) or not known.
            return wire >> 8U == 0x7F ? TlsVersion::tls1_3 : TlsVersion::none;
    }
}

/// An SSL 2.0 record of two header bytes that holds a hello of the given type.
std::optional<ByteReader> ssl2_hello(Bytes bytes, std::uint8_t type) {
    ByteReader reader(bytes);
    const std::uint16_t header = reader.be16();
    const std::uint8_t message = reader.u8();
    if (!reader.ok() || (header & 0x8000U) == 0 || message != type) {
        return std::nullopt;
    }
    return reader;
}

Match ssl2_client_hello(Bytes bytes) {
    if (bytes.size() < 11) {
        const bool possible =
            (bytes.empty() || (bytes[0] & std::byte{0x80}) != std::byte{0}) &&
            (bytes.size() < 3 || bytes[2] == std::byte{kClientHello}) &&
            (bytes.size() < 4 || bytes[3] == std::byte{0} || bytes[3] == std::byte{3});
        return possible ? Match::maybe : Match::no;
    }
    auto reader = ssl2_hello(bytes, kClientHello);
    if (!reader) {
        return Match::no;
    }
    const std::size_t length = ByteReader(bytes).be16() & 0x7FFFU;
    const TlsVersion version = version_of(reader->be16());
    const std::size_t ciphers = reader->be16();
    const std::size_t session_id = reader->be16();
    const std::size_t challenge = reader->be16();
    const bool fits = length == 9 + ciphers + session_id + challenge && ciphers > 0 &&
                      ciphers % 3 == 0 && (session_id == 0 || session_id == 16) &&
                      challenge >= 16 && challenge <= 32;
    return fits && version != TlsVersion::none && version != TlsVersion::tls1_3 ? Match::yes
                                                                                : Match::no;
}

/// A handshake record that begins with the given hello.
Match hello_record(Bytes bytes, std::uint8_t hello) {
    constexpr std::size_t kNeeded = 9;
    ByteReader reader(bytes);
    const std::uint8_t content = reader.u8();
    const std::uint8_t major = reader.u8();
    const std::uint8_t minor = reader.u8();
    const std::uint16_t length = reader.be16();
    const std::uint8_t type = reader.u8();
    const std::uint32_t hello_length = reader.be24();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(1, content == kContentHandshake) || wrong(2, major == 3) || wrong(3, minor <= 4) ||
        wrong(5, length >= 4 && length <= kLargestRecord) || wrong(6, type == hello) ||
        wrong(9, hello_length >= 38 && hello_length < 0x10000)) {
        return Match::no;
    }
    return bytes.size() < kNeeded ? Match::maybe : Match::yes;
}

Match looks_like_tls(const Opening& opening) {
    return either(
        either(hello_record(opening.client, kClientHello), ssl2_client_hello(opening.client)),
        opening.server.empty() ? Match::maybe : hello_record(opening.server, kServerHello));
}

/// Any record, for flows whose handshake passed before the window.
Match looks_like_tls_record(const Opening& opening) {
    const auto record = [](Bytes bytes) {
        ByteReader reader(bytes);
        const std::uint8_t content = reader.u8();
        const std::uint8_t major = reader.u8();
        const std::uint8_t minor = reader.u8();
        const std::size_t length = reader.be16();
        if (!reader.ok() || content < 20 || content > 23 || major != 3 || minor > 3) {
            return Match::no;
        }
        // Application data holds at least an authentication tag.
        const std::size_t least = content == 23 ? 16 : 1;
        if (length < least || length > kLargestRecord) {
            return Match::no;
        }
        if (reader.left() > length + 2) {
            reader.skip(length);
            const std::uint8_t next = reader.u8();
            return next >= 20 && next <= 23 && reader.u8() == 3 ? Match::yes : Match::no;
        }
        return Match::yes;
    };
    return either(record(opening.client), record(opening.server));
}

/// The handshake messages in the records at the start of `bytes`, at most as many as fit.
class HandshakeBytes {
public:
    explicit HandshakeBytes(Bytes bytes) {
        ByteReader reader(bytes);
        while (reader.left() > 5) {
            const std::uint8_t content = reader.u8();
            const std::uint8_t major = reader.u8();
            reader.skip(1);
            const std::size_t length = reader.be16();
            if (major != 3 || length == 0 || length > kLargestRecord) {
                broken_ = true;
                return;
            }
            const Bytes fragment = reader.take(std::min(length, reader.left()));
            if (content == kContentAlert) {
                // A warning may come before the server hello (RFC 6066 3); anything else ends it.
                if (fragment.size() == 2 && fragment[0] == std::byte{1} && length == 2) {
                    continue;
                }
                broken_ = fragment.size() >= 2 || length != 2;
                return;
            }
            if (content != kContentHandshake) {
                broken_ = true;
                return;
            }
            const std::size_t count = std::min(fragment.size(), bytes_.size() - size_);
            std::ranges::copy(fragment.first(count),
                              bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
            size_ += count;
        }
    }
    [[nodiscard]] Bytes view() const { return Bytes(bytes_).first(size_); }
    [[nodiscard]] bool broken() const { return broken_; }

private:
    std::array<std::byte, kHelloKept> bytes_;
    std::size_t size_ = 0;
    bool broken_ = false;
};

struct Hello {
    enum class State : std::uint8_t { more_needed, read, not_a_hello };
    State state = State::more_needed;
    TlsVersion version = TlsVersion::none;  ///< none also when the part that tells it was cut away
};

TlsVersion highest_supported(ByteReader extension, std::uint8_t hello) {
    if (hello == kServerHello) {
        return version_of(extension.be16());
    }
    TlsVersion highest = TlsVersion::none;
    ByteReader versions(extension.take(extension.u8()));
    while (versions.left() >= 2) {
        highest = std::max(highest, version_of(versions.be16()));
    }
    return highest;
}

/// `cut`: no more of the hello will come.
Hello read_hello(Bytes records, std::uint8_t hello, bool cut) {
    const std::uint8_t ssl2_type = hello == kClientHello ? 1 : 4;
    if (auto ssl2 = ssl2_hello(records, ssl2_type)) {
        if (hello == kServerHello) {
            ssl2->skip(2);  // session-id-hit, certificate type
        }
        const TlsVersion version = version_of(ssl2->be16());
        if (!ssl2->ok()) {
            return {cut ? Hello::State::not_a_hello : Hello::State::more_needed};
        }
        return {Hello::State::read, version};
    }
    if (!records.empty() && (records[0] & std::byte{0x80}) != std::byte{0} && records.size() < 3 &&
        !cut) {
        return {};
    }

    const HandshakeBytes handshake(records);
    ByteReader reader(handshake.view());
    const std::uint8_t type = reader.u8();
    const std::size_t length = reader.be24();
    if (!reader.ok()) {
        return {cut || handshake.broken() ? Hello::State::not_a_hello : Hello::State::more_needed};
    }
    if (type != hello) {
        return {Hello::State::not_a_hello};
    }
    const bool whole = reader.left() >= length;
    if (!whole && !cut && !handshake.broken() && handshake.view().size() < kHelloKept) {
        return {};
    }
    ByteReader body(reader.take(std::min(length, reader.left())));
    const std::uint16_t legacy_version = body.be16();
    body.skip(32);
    body.skip(body.u8());
    if (hello == kClientHello) {
        body.skip(body.be16());
        body.skip(body.u8());
    } else {
        body.skip(3);  // cipher suite, compression
    }
    const bool no_extensions = body.ok() && body.left() == 0 && whole;
    if (!no_extensions) {
        body.skip(2);
        while (body.ok() && body.left() >= 4) {
            const std::uint16_t kind = body.be16();
            const Bytes extension = body.take(body.be16());
            if (kind == kSupportedVersions && body.ok()) {
                return {Hello::State::read, highest_supported(ByteReader(extension), hello)};
            }
        }
    }
    return {Hello::State::read, whole ? version_of(legacy_version) : TlsVersion::none};
}

class TlsSession final : public Session {
public:
    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        if (!from_client || !client_done_) {
            WipedBuffer& held = from_client ? client_ : server_;
            Bytes records = bytes;
            if (!held.empty()) {
                held.append(bytes);
                records = held.view();
            }
            const bool cut = hole_after > 0 || records.size() >= kHelloKept;
            const Hello hello = read_hello(records, from_client ? kClientHello : kServerHello, cut);
            if (hello.state == Hello::State::more_needed) {
                if (held.empty()) {
                    held.append(bytes);
                }
            } else {
                settle(from_client, hello.version, verdict);
                held.clear();
            }
        }
        return bytes.size();
    }

private:
    void settle(bool from_client, TlsVersion version, Verdict& verdict) {
        if (from_client) {
            client_done_ = true;
            verdict.tls_offered = version;
            return;
        }
        verdict.tls_chosen = version;
        // A hello whose list of versions was cut away offered at least what was chosen.
        if (verdict.tls_offered == TlsVersion::none) {
            verdict.tls_offered = version;
        }
        verdict.final = true;
    }

    WipedBuffer client_{kHelloKept};
    WipedBuffer server_{kHelloKept};
    bool client_done_ = false;
};

std::unique_ptr<Session> start(const FlowInfo& flow) {
    static_cast<void>(flow);
    return start_tls_session();
}

constexpr Verdict settled_tls() {
    Verdict verdict = settled(Protocol::tls);
    verdict.encrypted = true;
    return verdict;
}

}  // namespace

std::unique_ptr<Session> start_tls_session() { return std::make_unique<TlsSession>(); }

constinit const Row kTlsRow{sealed(Protocol::tls), looks_like_tls, start};
constinit const Row kTlsMidStreamRow{settled_tls(), looks_like_tls_record, nullptr};

}  // namespace assay::protocols
