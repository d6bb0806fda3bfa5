// SPDX-License-Identifier: Apache-2.0
// HTTP/2 in clear text with prior knowledge (RFC 9113 3.3). Of HPACK (RFC 7541) only what it takes
// to see an authorization header with a Basic value: both are in the static table or Huffman code.
#include <algorithm>
#include <array>
#include <optional>

#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeader = 9;
constexpr std::uint8_t kHeadersFrame = 1;
constexpr std::uint8_t kPadded = 0x08;
constexpr std::uint8_t kWithPriority = 0x20;
constexpr std::uint64_t kAuthorizationIndex = 23;       // RFC 7541 appendix A
constexpr std::uint64_t kProxyAuthorizationIndex = 49;  // proxy-authorization

Match looks_like_http2(const Opening& opening) { return match_start(opening.client, kPreface); }

/// RFC 7541 5.1; nullopt when it is cut or absurd.
std::optional<std::uint64_t> hpack_integer(ByteReader& reader, std::uint8_t first, unsigned bits) {
    const std::uint64_t mask = (1U << bits) - 1;
    std::uint64_t value = first & mask;
    if (value < mask) {
        return value;
    }
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        const std::uint8_t next = reader.u8();
        value += static_cast<std::uint64_t>(next & 0x7FU) << shift;
        if (next < 0x80) {
            return reader.ok() ? std::optional(value) : std::nullopt;
        }
    }
    return std::nullopt;
}

struct HpackString {
    bool huffman = false;
    Bytes bytes;
};
std::optional<HpackString> hpack_string(ByteReader& reader) {
    const std::uint8_t first = reader.u8();
    const auto length = hpack_integer(reader, first, 7);
    if (!reader.ok() || !length) {
        return std::nullopt;
    }
    // What was cut away of a value is not needed.
    return HpackString{
        (first & 0x80U) != 0,
        reader.take(static_cast<std::size_t>(std::min<std::uint64_t>(*length, reader.left())))};
}

bool is_basic(const HpackString& value) {
    if (!value.huffman) {
        return begins(text_of(value.bytes), "Basic ") && value.bytes.size() > 6;
    }
    // "Basic " in the Huffman code of appendix B is these 33 bits, the last of them 0.
    constexpr std::array kBasic{std::byte{0xBA}, std::byte{0x34}, std::byte{0x18}, std::byte{0x8A}};
    return value.bytes.size() > kBasic.size() && std::ranges::equal(value.bytes.first(4), kBasic) &&
           (value.bytes[4] & std::byte{0x80}) == std::byte{0};
}

/// True when a header block holds Basic credentials.
bool has_basic_credentials(Bytes block) {
    ByteReader reader(block);
    while (reader.left() > 0) {
        const std::uint8_t first = reader.u8();
        if ((first & 0x80U) != 0) {  // indexed: no literal value
            if (!hpack_integer(reader, first, 7)) {
                return false;
            }
            continue;
        }
        if ((first & 0xE0U) == 0x20) {  // size of the dynamic table
            if (!hpack_integer(reader, first, 5)) {
                return false;
            }
            continue;
        }
        const auto index = hpack_integer(reader, first, (first & 0x40U) != 0 ? 6 : 4);
        if (!index) {
            return false;
        }
        bool authorization = *index == kAuthorizationIndex || *index == kProxyAuthorizationIndex;
        if (*index == 0) {
            const auto name = hpack_string(reader);
            if (!name) {
                return false;
            }
            authorization = !name->huffman && (text_of(name->bytes) == "authorization" ||
                                               text_of(name->bytes) == "proxy-authorization");
        }
        const auto value = hpack_string(reader);
        if (!value) {
            return false;
        }
        if (authorization && is_basic(*value)) {
            return true;
        }
    }
    return false;
}

class Http2Session final : public Session {
public:
    explicit Http2Session(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        const auto length_of = [this](Bytes start) {
            if (!preface_passed_) {
                return kPreface.size();
            }
            return start.size() < kFrameHeader ? MessageReader::kMoreNeeded
                                               : kFrameHeader + ByteReader(start).be24();
        };
        const auto on_frame = [&](Bytes frame) {
            if (preface_passed_) {
                on_client_frame(frame, verdict);
            }
            preface_passed_ = true;
            return !verdict.final;
        };
        const auto progress = frames_.feed(bytes, hole_after, length_of, on_frame);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    static void on_client_frame(Bytes frame, Verdict& verdict) {
        ByteReader reader(frame);
        reader.skip(3);
        const std::uint8_t type = reader.u8();
        const std::uint8_t flags = reader.u8();
        reader.skip(4);
        if (!reader.ok() || type != kHeadersFrame) {
            return;
        }
        if ((flags & kPadded) != 0) {
            reader.skip(1);
        }
        if ((flags & kWithPriority) != 0) {
            reader.skip(5);
        }
        if (has_basic_credentials(reader.rest())) {
            found_credentials(verdict);
        }
    }

    MessageReader frames_;
    bool preface_passed_ = false;
};

}  // namespace

constinit const Row kHttp2Row{begun(Protocol::http2), looks_like_http2,
                              start_session<Http2Session>};

}  // namespace assay::protocols
