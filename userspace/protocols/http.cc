// SPDX-License-Identifier: Apache-2.0
// HTTP/1.0 and 1.1 (RFC 9112), Basic authentication (RFC 7617), CONNECT (RFC 9110 9.3.6).
#include <algorithm>
#include <array>
#include <charconv>

#include "protocols/line_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

constexpr std::size_t kLongestMethod = 20;
/// A request line that is cut or long is judged by this much of it.
constexpr std::size_t kEnoughOfALine = 256;

constexpr std::array<std::string_view, 24> kMethods{
    "GET",    "HEAD",     "POST",  "PUT",       "DELETE",    "OPTIONS", "TRACE", "CONNECT",
    "PATCH",  "PROPFIND", "MKCOL", "PROPPATCH", "COPY",      "MOVE",    "LOCK",  "UNLOCK",
    "REPORT", "SEARCH",   "MERGE", "CHECKOUT",  "SUBSCRIBE", "NOTIFY",  "PURGE", "MKACTIVITY"};

bool is_method_letter(char c) { return is_upper(c) || c == '-' || c == '_'; }

bool is_response_start(std::string_view text) {
    return text.size() >= 12 && text.starts_with("HTTP/1.") && (text[7] == '0' || text[7] == '1') &&
           text[8] == ' ' && text[9] >= '1' && text[9] <= '5' && is_digit(text[10]) &&
           is_digit(text[11]);
}

/// `cut`: no more of the line will come.
Match request_line(Bytes bytes, bool cut) {
    const std::string_view text = text_of(bytes);
    const std::size_t method_end = static_cast<std::size_t>(
        std::ranges::find_if_not(text.substr(0, kLongestMethod + 1), is_method_letter) -
        text.begin());
    if (method_end == text.size() && method_end <= kLongestMethod && !cut) {
        return Match::maybe;
    }
    if (method_end < 3 || method_end > kLongestMethod || method_end == text.size() ||
        text[method_end] != ' ') {
        return Match::no;
    }
    const std::size_t line_end = text.find('\n');
    std::string_view line = text.substr(0, line_end);
    if (line_end != std::string_view::npos && line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    const std::string_view rest = line.substr(method_end + 1);
    const std::size_t target_end = std::min(rest.find(' '), rest.size());
    const std::string_view target = rest.substr(0, target_end);
    if (!is_visible(target)) {
        return Match::no;
    }
    if (line_end != std::string_view::npos) {
        const std::string_view version = rest.substr(target_end);
        return !target.empty() && (version == " HTTP/1.1" || version == " HTTP/1.0") ? Match::yes
                                                                                     : Match::no;
    }
    if (!cut && text.size() < kEnoughOfALine) {
        return Match::maybe;
    }
    const bool known = std::ranges::find(kMethods, text.substr(0, method_end)) != kMethods.end();
    return known && target_end == rest.size() &&
                   (target.starts_with('/') || begins(target, "http://"))
               ? Match::yes
               : Match::no;
}

Match status_line(Bytes bytes) {
    const Match start = match_start(bytes, "HTTP/1.");
    if (start != Match::yes || bytes.size() < 12) {
        return start == Match::no ? Match::no : Match::maybe;
    }
    return is_response_start(text_of(bytes)) ? Match::yes : Match::no;
}

Match looks_like_http(const Opening& opening) {
    return either(request_line(opening.client, opening.client_cut), status_line(opening.server));
}

Match looks_like_http_segment(const Opening& opening) {
    return request_line(opening.client, true) == Match::yes ||
                   is_response_start(text_of(opening.server))
               ? Match::yes
               : Match::no;
}

class HttpSession final : public Session {
public:
    explicit HttpSession(const FlowInfo& flow)
        : part_(flow.mid_stream ? Part::unknown : Part::request_line), answered_(flow.mid_stream) {}

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        if (side == Side::server) {
            on_response(bytes, verdict);
            return bytes.size();
        }
        if (part_ == Part::unknown && answered_ && request_line(bytes, true) == Match::yes) {
            part_ = Part::request_line;
        }
        Bytes rest = bytes;
        while (!rest.empty() && !verdict.final && part_ != Part::unknown) {
            if (part_ == Part::tunnel) {
                if (rest.front() == kTlsHandshake) {
                    verdict.encrypted = true;
                    return bytes.size() - rest.size();
                }
                verdict.final = true;
            } else if (part_ == Part::body) {
                const auto passed =
                    static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, rest.size()));
                body_left_ -= passed;
                rest = rest.subspan(passed);
                if (body_left_ == 0) {
                    part_ = Part::request_line;
                }
            } else if (const auto line = reader_.take(rest)) {
                if (part_ == Part::request_line) {
                    on_request_line(*line);
                } else {
                    on_header(*line, verdict);
                }
            }
        }
        if (hole_after > 0) {
            on_hole(hole_after);
        }
        return bytes.size();
    }

private:
    /// `unknown`: out of step, until a request begins a segment after an answer of the server.
    enum class Part : std::uint8_t { request_line, headers, body, tunnel, unknown };

    void on_request_line(std::string_view line) {
        if (line.empty()) {
            return;  // RFC 9112 2.2: one may precede the request
        }
        const std::size_t method_end = line.find(' ');
        if (method_end > kLongestMethod ||  // npos, too
            !std::ranges::all_of(line.substr(0, method_end), is_method_letter)) {
            lose_step();
            return;
        }
        connect_ = line.substr(0, method_end) == "CONNECT";
        body_left_ = 0;
        body_unknown_ = false;
        part_ = Part::headers;
    }

    void on_header(std::string_view line, Verdict& verdict) {
        if (line.empty()) {
            if (connect_) {
                part_ = Part::tunnel;
            } else if (body_unknown_) {
                lose_step();
            } else {
                part_ = body_left_ > 0 ? Part::body : Part::request_line;
            }
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            return;
        }
        const std::string_view name = line.substr(0, colon);
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        if (same(name, "Authorization") || same(name, "Proxy-Authorization")) {
            const bool basic = same(next_word(value), "Basic");
            if (basic && !next_word(value).empty()) {
                found_credentials(verdict);
            }
        } else if (same(name, "Content-Length")) {
            const auto read =
                std::from_chars(value.data(), value.data() + value.size(), body_left_);
            body_unknown_ = body_unknown_ || read.ec != std::errc();
        } else if (same(name, "Transfer-Encoding")) {
            body_unknown_ = true;
        }
    }

    void on_hole(std::size_t hole) {
        if (part_ == Part::body && body_left_ >= hole) {
            body_left_ -= hole;
            if (body_left_ == 0) {
                part_ = Part::request_line;
            }
        } else {
            lose_step();
        }
    }

    void lose_step() {
        reader_.reset();
        reader_ = LineReader(kLineKept);
        part_ = Part::unknown;
        answered_ = false;
    }

    void on_response(Bytes bytes, Verdict& verdict) {
        std::string_view text = text_of(bytes);
        if (first_response_.room() > 0) {  // may come in pieces
            first_response_.append(bytes);
            if (first_response_.room() > 0) {
                return;
            }
            text = text_of(first_response_.view());
        }
        if (!is_response_start(text)) {
            return;
        }
        const std::string_view status = text.substr(9, 3);
        if (status == "101") {
            verdict.final = true;  // another protocol follows: WebSocket, h2c
        } else if (status[0] != '1') {
            answered_ = true;
        }
    }

    /// The longest start of a header that is looked at: a name, "Basic" and one byte.
    static constexpr std::size_t kLineKept = 64;

    LineReader reader_{kLineKept};
    WipedBuffer first_response_{12};
    Part part_;
    bool connect_ = false;
    bool body_unknown_ = false;
    bool answered_;
    std::uint64_t body_left_ = 0;
};

}  // namespace

constinit const Row kHttpRow{begun(Protocol::http), looks_like_http, start_session<HttpSession>};
constinit const Row kHttpMidStreamRow{begun(Protocol::http), looks_like_http_segment,
                                      start_session<HttpSession>};

}  // namespace assay::protocols
