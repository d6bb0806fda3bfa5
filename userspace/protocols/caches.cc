// SPDX-License-Identifier: Apache-2.0
// Redis (RESP and inline commands, redis.io "protocol spec") and memcached (doc/protocol.txt and
// the binary protocol).
#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/line_reader.h"
#include "protocols/message_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

template <std::size_t kCount>
bool is_one_of(std::string_view word, const std::array<std::string_view, kCount>& words) {
    return std::ranges::any_of(words, [&](std::string_view w) { return same(w, word); });
}

/// A decimal number and CR LF behind a type byte: *2\r\n. `at` moves behind it.
Match resp_head(std::string_view text, char type, std::size_t& at) {
    if (at >= text.size()) {
        return Match::maybe;
    }
    if (text[at] != type) {
        return Match::no;
    }
    const std::size_t digits = at + 1;
    std::size_t end = digits;
    while (end < text.size() && is_digit(text[end])) {
        ++end;
    }
    if (end - digits > 9 || (end == digits && end < text.size())) {
        return Match::no;
    }
    at = end + 2;
    const std::string_view tail = text.substr(end, 2);
    return tail == "\r\n" ? Match::yes : tail.empty() || tail == "\r" ? Match::maybe : Match::no;
}

Match resp_command(Bytes bytes) {
    const std::string_view text = text_of(bytes);
    std::size_t at = 0;
    for (const char type : {'*', '$'}) {
        const Match head = resp_head(text, type, at);
        if (head != Match::yes) {
            return head;
        }
    }
    return at >= text.size() ? Match::maybe : is_letter(text[at]) ? Match::yes : Match::no;
}

constexpr std::array<std::string_view, 24> kInlineCommands{
    "AUTH", "PING",    "INFO", "GET",  "SET",    "SELECT", "HELLO", "COMMAND",
    "KEYS", "CONFIG",  "TTL",  "TYPE", "CLIENT", "DBSIZE", "ECHO",  "EXISTS",
    "DEL",  "MONITOR", "INCR", "SCAN", "HGET",   "LPUSH",  "SADD",  "MGET"};

/// Commands as people type them are nobody's own: the answer must be Redis' too.
Match inline_command(const Opening& opening) {
    const std::string_view text = text_of(opening.client);
    if (opening.server_first) {
        return Match::no;
    }
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (!is_printable(line)) {
        return Match::no;
    }
    if (end == std::string_view::npos) {
        return Match::maybe;
    }
    if (!is_one_of(next_word(line), kInlineCommands)) {
        return Match::no;
    }
    const Bytes answer = opening.server;
    Match best = Match::no;
    for (const std::string_view start : {"+OK\r\n", "+PONG\r\n", "-NOAUTH ", "-WRONGPASS ",
                                         "-NOPERM ", "-ERR ", "$-1\r\n", "_\r\n"}) {
        best = either(best, match_start(answer, start));
    }
    for (const char type : {'$', ':', '*', '%'}) {
        std::size_t at = 0;
        best = either(best, resp_head(text_of(answer), type, at));
    }
    return best;
}

Match looks_like_redis(const Opening& opening) {
    return either(resp_command(opening.client), inline_command(opening));
}

/// Follows the client's commands without keeping an argument: only the name of the command and the
/// options of HELLO are looked at.
class RedisSession final : public Session {
public:
    explicit RedisSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        Bytes rest = bytes;
        while (!rest.empty() && !verdict.final) {
            if (bulk_left_ > 0) {
                pass_bulk(rest, verdict);
            } else if (const auto line = reader_.take(rest)) {
                on_line(*line, verdict);
            }
        }
        if (hole_after > 0) {
            pass_hole(hole_after, verdict);
        }
        return bytes.size();
    }

private:
    enum class Command : std::uint8_t { other, auth, hello };
    static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

    void on_line(std::string_view line, Verdict& verdict) {
        std::uint64_t number = 0;
        const bool counted =
            line.size() > 1 && (line[0] == '*' || line[0] == '$') &&
            std::from_chars(line.data() + 1, line.data() + line.size(), number).ptr ==
                line.data() + line.size();
        if (counted && line[0] == '*' && elements_left_ == 0) {
            elements_left_ = number;
            element_ = 0;
            command_ = Command::other;
            password_element_ = kNowhere;
        } else if (counted && line[0] == '$' && elements_left_ > 0 && number < 0x40000000) {
            bulk_left_ = number + 2;
            bulk_length_ = number;
            word_ = WipedBuffer(looks_at_element() ? kLongestWord : 0);
        } else if (elements_left_ == 0) {
            on_inline(line, verdict);
        } else {
            verdict.final = true;
        }
    }

    [[nodiscard]] bool looks_at_element() const {
        return bulk_length_ <= kLongestWord &&
               (element_ == 0 || (command_ == Command::hello && password_element_ == kNowhere));
    }

    void pass_bulk(Bytes& rest, Verdict& verdict) {
        const auto passed =
            static_cast<std::size_t>(std::min<std::uint64_t>(bulk_left_, rest.size()));
        const auto content = static_cast<std::size_t>(
            bulk_left_ > 2 ? std::min<std::uint64_t>(bulk_left_ - 2, passed) : 0);
        if (content > 0 && element_ == password_element_) {
            found_credentials(verdict);
            return;
        }
        word_.append(rest.first(content));
        rest = rest.subspan(passed);
        bulk_left_ -= passed;
        if (bulk_left_ == 0) {
            finish_element();
        }
    }

    void pass_hole(std::size_t hole, Verdict& verdict) {
        const bool in_value = hole <= bulk_left_ && word_.room() == 0;
        if (!in_value) {
            verdict.final = true;
            return;
        }
        bulk_left_ -= hole;
        if (bulk_left_ == 0) {
            finish_element();
        }
    }

    void finish_element() {
        on_element(text_of(word_.view()));
        word_.clear();
        ++element_;
        --elements_left_;
    }

    void on_element(std::string_view word) {
        if (element_ == 0) {
            command_ = same(word, "AUTH")    ? Command::auth
                       : same(word, "HELLO") ? Command::hello
                                             : Command::other;
            // AUTH password, or AUTH user password
            password_element_ = command_ == Command::auth ? elements_left_ - 1 : kNowhere;
        } else if (command_ == Command::hello && element_ >= 2 && password_element_ == kNowhere &&
                   same(word, "AUTH")) {
            password_element_ = element_ + 2;
        }
    }

    void on_inline(std::string_view line, Verdict& verdict) {
        const std::string_view command = next_word(line);
        if (same(command, "AUTH") && !next_word(line).empty()) {
            found_credentials(verdict);
        } else if (same(command, "HELLO")) {
            for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
                if (same(word, "AUTH") && !next_word(line).empty()) {
                    found_credentials(verdict);
                }
            }
        }
    }

    static constexpr std::size_t kLongestWord = 8;

    LineReader reader_{64};
    WipedBuffer word_{kLongestWord};
    std::uint64_t elements_left_ = 0;
    std::uint64_t element_ = 0;
    std::uint64_t bulk_left_ = 0;  ///< with its CR LF
    std::uint64_t bulk_length_ = 0;
    std::uint64_t password_element_ = kNowhere;
    Command command_ = Command::other;
};

// ---- memcached, text ----

constexpr std::array<std::string_view, 6> kStorageCommands{"set",    "add",     "replace",
                                                           "append", "prepend", "cas"};
constexpr std::array<std::string_view, 18> kOtherCommands{
    "get",     "gets",      "gat",       "gats", "delete", "incr", "decr", "touch", "stats",
    "version", "flush_all", "verbosity", "mg",   "ms",     "md",   "ma",   "mn",    "me"};
constexpr std::array<std::string_view, 22> kAnswers{"VALUE ",
                                                    "END\r\n",
                                                    "STAT ",
                                                    "VERSION ",
                                                    "STORED\r\n",
                                                    "NOT_STORED\r\n",
                                                    "EXISTS\r\n",
                                                    "NOT_FOUND\r\n",
                                                    "DELETED\r\n",
                                                    "TOUCHED\r\n",
                                                    "OK\r\n",
                                                    "ERROR\r\n",
                                                    "CLIENT_ERROR ",
                                                    "SERVER_ERROR ",
                                                    "RESET\r\n",
                                                    "EN\r\n",
                                                    "HD",
                                                    "VA ",
                                                    "NF",
                                                    "NS",
                                                    "MN\r\n",
                                                    "ME "};

/// key flags exptime bytes [cas] [noreply]: enough to tell without an answer.
bool are_storage_arguments(std::string_view rest) {
    const std::string_view key = next_word(rest);
    const std::string_view flags = next_word(rest);
    std::string_view expiry = next_word(rest);
    const std::string_view length = next_word(rest);
    if (expiry.starts_with('-')) {
        expiry.remove_prefix(1);
    }
    const auto is_number = [](std::string_view word) {
        return !word.empty() && word.size() <= 20 && std::ranges::all_of(word, is_digit);
    };
    return !key.empty() && key.size() <= 250 && is_number(flags) && is_number(expiry) &&
           is_number(length);
}

Match text_command(Bytes client, bool answer_needed, Bytes answer) {
    const std::string_view text = text_of(client);
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (!is_printable(line) || (!line.empty() && !is_letter(line[0]))) {
        return Match::no;
    }
    if (end == std::string_view::npos) {
        return Match::maybe;
    }
    std::string_view rest = line;
    const std::string_view command = next_word(rest);
    if (std::ranges::find(kStorageCommands, command) != kStorageCommands.end()) {
        return are_storage_arguments(rest) ? Match::yes : Match::no;
    }
    if (std::ranges::find(kOtherCommands, command) == kOtherCommands.end()) {
        return Match::no;
    }
    if (!answer_needed) {
        return Match::yes;
    }
    Match best = Match::no;
    for (const std::string_view start : kAnswers) {
        best = either(best, match_start(answer, start));
    }
    if (best == Match::no && (command == "incr" || command == "decr")) {
        const std::string_view number = text_of(answer).substr(0, text_of(answer).find('\r'));
        best = std::ranges::all_of(number, is_digit) ? Match::yes : Match::no;
    }
    return best;
}

Match looks_like_memcached_text(const Opening& opening) {
    return opening.server_first ? Match::no : text_command(opening.client, true, opening.server);
}

/// A frame of eight bytes goes before each datagram: id, number 0 of 1, reserved.
Match looks_like_memcached_datagram(const Opening& opening) {
    using std::string_view_literals::operator""sv;
    constexpr std::size_t kFrame = 8;
    if (opening.client.size() < kFrame ||
        text_of(opening.client).substr(2, 6) != "\0\0\0\x01\0\0"sv) {
        return Match::no;
    }
    return text_command(opening.client.subspan(kFrame), false, {});
}

// ---- memcached, binary ----

constexpr std::size_t kBinaryHeader = 24;
constexpr std::uint8_t kBinaryRequest = 0x80;

Match looks_like_memcached_binary(const Opening& opening) {
    const Bytes bytes = opening.client;
    ByteReader reader(bytes);
    const std::uint8_t magic = reader.u8();
    const std::uint8_t code = reader.u8();
    const std::uint16_t key = reader.be16();
    const std::uint8_t extras = reader.u8();
    const std::uint8_t data_type = reader.u8();
    reader.skip(2);
    const std::uint32_t body = reader.be32();
    const auto wrong = [&](std::size_t end, bool fits) { return bytes.size() >= end && !fits; };
    if (wrong(1, magic == kBinaryRequest) || wrong(2, code <= 0x48) || wrong(4, key <= 250) ||
        wrong(5, extras <= 20) || wrong(6, data_type == 0) ||
        wrong(12, body >= key + extras && body <= 0x8000000)) {
        return Match::no;
    }
    return bytes.size() < kBinaryHeader ? Match::maybe : Match::yes;
}

class MemcachedBinarySession final : public Session {
public:
    explicit MemcachedBinarySession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            return bytes.size();
        }
        const auto length_of = [](Bytes start) {
            if (start[0] != std::byte{kBinaryRequest}) {
                return MessageReader::kNoMessage;
            }
            return start.size() < kBinaryHeader
                       ? MessageReader::kMoreNeeded
                       : kBinaryHeader + ByteReader(start.subspan(8)).be32();
        };
        const auto on_request = [&](Bytes request) {
            constexpr std::uint8_t kSaslAuth = 0x21;
            ByteReader reader(request);
            reader.skip(1);
            const std::uint8_t code = reader.u8();
            const std::uint16_t key = reader.be16();
            const std::uint8_t extras = reader.u8();
            reader.skip(kBinaryHeader - 5);
            reader.skip(extras);
            const std::string_view mechanism = text_of(reader.take(key));
            if (code == kSaslAuth && mechanism == "PLAIN" && reader.left() > 0) {
                found_credentials(verdict);
            }
            return !verdict.final;
        };
        const auto progress = client_.feed(bytes, hole_after, length_of, on_request);
        verdict.final = verdict.final || progress.outcome == MessageReader::Outcome::lost_step;
        return bytes.size();
    }

private:
    MessageReader client_;
};

}  // namespace

constinit const Row kRedisRow{begun(Protocol::redis), looks_like_redis,
                              start_session<RedisSession>};
constinit const Row kMemcachedTextRow{settled(Protocol::memcached), looks_like_memcached_text};
constinit const Row kMemcachedBinaryRow{begun(Protocol::memcached), looks_like_memcached_binary,
                                        start_session<MemcachedBinarySession>};
constinit const Row kMemcachedDatagramRow{settled(Protocol::memcached),
                                          looks_like_memcached_datagram};

}  // namespace assay::protocols
