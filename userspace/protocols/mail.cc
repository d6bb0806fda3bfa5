// SPDX-License-Identifier: Apache-2.0
// The dialogues of lines in which the server speaks first: FTP (RFC 959, 4217), SMTP (RFC 5321,
// 4954, 3207), IMAP (RFC 9051), POP3 (RFC 1939, 5034, 2595).
#include <array>

#include "protocols/line_session.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

/// A SASL exchange by the mechanisms that show the password (RFC 4616 PLAIN; LOGIN).
class SaslExchange {
public:
    /// The client's AUTH command; `initial` is its initial response or empty. True when the
    /// password was in it.
    bool begin(std::string_view mechanism, std::string_view initial) {
        const bool has_initial = !initial.empty() && initial != "=";
        lines_left_ = 0;
        if (same(mechanism, "PLAIN")) {
            lines_left_ = has_initial ? 0 : 1;
            return has_initial;
        }
        if (same(mechanism, "LOGIN")) {
            lines_left_ = has_initial ? 1 : 2;
        }
        return false;
    }
    [[nodiscard]] bool running() const { return lines_left_ > 0; }
    /// The client's answer to a challenge. True when it was the password.
    bool answer(std::string_view line) {
        if (line == "*") {
            lines_left_ = 0;
            return false;
        }
        return --lines_left_ == 0 && !line.empty();
    }
    void refuse() { lines_left_ = 0; }

private:
    int lines_left_ = 0;
};

void offer_tls(Verdict& verdict) { verdict.starttls_offered = true; }

void decide(Protocol protocol, Verdict& verdict) {
    verdict.protocol = protocol;
    verdict.from_payload = true;
}

// ---- FTP and SMTP ----

/// Both greet with 220. The words of the greeting tell them apart, the commands tell for certain.
class Greeting220Session final : public LineSession {
public:
    explicit Greeting220Session(const FlowInfo& flow) : port_(flow.server_port) {}

    void end(Verdict& verdict) override { decide_by_port(verdict); }

protected:
    void on_client_line(std::string_view line, Verdict& verdict) override {
        if (sasl_.running()) {
            if (sasl_.answer(line)) {
                found_credentials(verdict);
            }
            return;
        }
        std::string_view rest = line;
        const std::string_view command = next_word(rest);
        last_was_feat_ = same(command, "FEAT");
        if (is_one_of(command, kSmtpOnly)) {
            decide(Protocol::smtp, verdict);
            commands_seen_ = true;
            on_smtp_command(command, verdict);
        } else if (same(command, "AUTH")) {
            on_auth(rest, verdict);
        } else if (is_one_of(command, kFtpOnly)) {
            decide(Protocol::ftp, verdict);
            commands_seen_ = true;
            on_ftp_command(command, rest, verdict);
        }
    }

    void on_server_line(std::string_view line, Verdict& verdict) override {
        if (!commands_seen_ && !greeting_over_) {
            greeting_over_ = line.starts_with("220 ") || line == "220";
            if (mentions(line, "smtp") || mentions(line, "lmtp")) {
                decide(Protocol::smtp, verdict);
            } else if (mentions(line, "ftp") || mentions(line, "filezilla")) {
                decide(Protocol::ftp, verdict);
            } else if (greeting_over_) {
                decide_by_port(verdict);
            }
            return;
        }
        const bool continues = line.size() > 3 && line[3] == '-';
        const std::string_view words = line.substr(std::min<std::size_t>(line.size(), 4));
        if (verdict.protocol == Protocol::smtp && line.starts_with("250") &&
            same(words, "STARTTLS")) {
            offer_tls(verdict);
        }
        if (verdict.protocol == Protocol::ftp && last_was_feat_ && begins(line, " AUTH ") &&
            (mentions(line, "TLS") || mentions(line, "SSL"))) {
            offer_tls(verdict);
        }
        if (line.starts_with("331") && (mentions(line, "s/key") || mentions(line, "otp-"))) {
            one_time_password_ = true;  // RFC 2289: useless to who reads it
        }
        if (line.starts_with('4') || line.starts_with('5')) {
            sasl_.refuse();
        }
        if (data_asked_ && !continues) {
            data_asked_ = false;
            // The message may hold any line, and no login follows it.
            verdict.final = line.starts_with("354");
        }
    }

private:
    static constexpr std::array<std::string_view, 13> kSmtpOnly{
        "EHLO",     "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT",
        "STARTTLS", "VRFY", "EXPN", "ETRN", "SEND", "TURN"};
    static constexpr std::array<std::string_view, 28> kFtpOnly{
        "USER", "PASS", "ACCT", "FEAT", "SYST", "OPTS", "PBSZ", "PROT", "PASV", "EPSV",
        "PORT", "EPRT", "TYPE", "LIST", "NLST", "MLSD", "MLST", "RETR", "STOR", "CWD",
        "PWD",  "XPWD", "CDUP", "SIZE", "MDTM", "HOST", "CLNT", "ALLO"};

    template <std::size_t kCount>
    static bool is_one_of(std::string_view command,
                          const std::array<std::string_view, kCount>& commands) {
        return std::ranges::any_of(commands, [&](std::string_view c) { return same(c, command); });
    }

    void on_smtp_command(std::string_view command, Verdict& verdict) {
        if (same(command, "STARTTLS")) {
            expect_tls();
        } else if (same(command, "DATA")) {
            data_asked_ = true;
        } else if (same(command, "BDAT")) {
            verdict.final = true;  // the message follows at once (RFC 3030)
        }
    }

    void on_auth(std::string_view rest, Verdict& verdict) {
        const std::string_view mechanism = next_word(rest);
        if (begins(mechanism, "TLS") || same(mechanism, "SSL")) {
            decide(Protocol::ftp, verdict);
            expect_tls();
        } else if (verdict.protocol != Protocol::ftp) {
            decide(Protocol::smtp, verdict);
            if (sasl_.begin(mechanism, next_word(rest))) {
                found_credentials(verdict);
            }
        }
        commands_seen_ = true;
    }

    void on_ftp_command(std::string_view command, std::string_view rest, Verdict& verdict) {
        const std::string_view argument = next_word(rest);
        if (same(command, "USER")) {
            one_time_password_ = false;
            user_has_password_ =
                !argument.empty() && !same(argument, "anonymous") && !same(argument, "ftp");
        } else if (same(command, "PASS") && user_has_password_ && !one_time_password_ &&
                   !argument.empty()) {
            found_credentials(verdict);
        }
    }

    void decide_by_port(Verdict& verdict) const {
        if (verdict.protocol != Protocol::unknown) {
            return;
        }
        const Protocol usual = protocol_for_port(false, port_);
        if (usual == Protocol::ftp || usual == Protocol::smtp) {
            decide(usual, verdict);
        }
    }

    SaslExchange sasl_;
    std::uint16_t port_;
    bool greeting_over_ = false;
    bool commands_seen_ = false;
    bool last_was_feat_ = false;
    bool data_asked_ = false;
    bool user_has_password_ = false;
    bool one_time_password_ = false;
};

Match looks_like_220(const Opening& opening) {
    return either(match_start(opening.server, "220 "), match_start(opening.server, "220-"));
}

// ---- IMAP ----

class ImapSession final : public LineSession {
public:
    explicit ImapSession(const FlowInfo& flow) { static_cast<void>(flow); }

protected:
    void on_client_line(std::string_view line, Verdict& verdict) override {
        if (sasl_.running()) {
            if (sasl_.answer(line)) {
                found_credentials(verdict);
            }
            return;
        }
        if (login_continues_) {
            login_continues_ = ends_in_literal(line);
            if (!login_continues_ && !line.empty()) {
                found_credentials(verdict);
            }
            return;
        }
        std::string_view rest = line;
        next_word(rest);  // the tag
        const std::string_view command = next_word(rest);
        const std::string_view first = next_word(rest);
        if (same(command, "STARTTLS")) {
            expect_tls();
        } else if (same(command, "LOGIN") && !first.empty()) {
            // A literal (RFC 9051 4.3) is sent only once the server agrees.
            login_continues_ = ends_in_literal(line);
            if (!login_continues_) {
                found_credentials(verdict);
            }
        } else if (same(command, "AUTHENTICATE")) {
            if (sasl_.begin(first, next_word(rest))) {
                found_credentials(verdict);
            }
        } else if (same(command, "APPEND")) {
            verdict.final = true;  // a message follows, and no login after it
        }
    }

    void on_server_line(std::string_view line, Verdict& verdict) override {
        const bool untagged = line.starts_with("* ");
        if (untagged && mentions(line, "CAPABILITY") && mentions(line, " STARTTLS")) {
            offer_tls(verdict);
        }
        if (begins(line, "* PREAUTH")) {
            verdict.final = true;  // neither login nor STARTTLS is allowed any more
        }
        if (!untagged && !line.starts_with('+')) {
            sasl_.refuse();
            login_continues_ = false;
        }
    }

private:
    static bool ends_in_literal(std::string_view line) {
        if (!line.ends_with('}')) {
            return false;
        }
        line.remove_suffix(1);
        if (line.ends_with('+') || line.ends_with('-')) {
            line.remove_suffix(1);
        }
        const std::size_t open = line.rfind('{');
        return open != std::string_view::npos && open + 1 < line.size() &&
               std::ranges::all_of(line.substr(open + 1), is_digit);
    }

    SaslExchange sasl_;
    bool login_continues_ = false;
};

Match looks_like_imap(const Opening& opening) {
    if (!opening.server_first && !opening.server.empty()) {
        return Match::no;
    }
    return either(match_start(opening.server, "* OK"), match_start(opening.server, "* PREAUTH"));
}

// ---- POP3 ----

class Pop3Session final : public LineSession {
public:
    explicit Pop3Session(const FlowInfo& flow) { static_cast<void>(flow); }

protected:
    void on_client_line(std::string_view line, Verdict& verdict) override {
        if (sasl_.running()) {
            if (sasl_.answer(line)) {
                found_credentials(verdict);
            }
            return;
        }
        std::string_view rest = line;
        const std::string_view command = next_word(rest);
        const std::string_view argument = next_word(rest);
        capabilities_asked_ = same(command, "CAPA");
        if (same(command, "STLS")) {
            expect_tls();
        } else if (same(command, "USER")) {
            user_seen_ = !argument.empty();
        } else if ((same(command, "PASS") && user_seen_ && !argument.empty()) ||
                   (same(command, "AUTH") && sasl_.begin(argument, next_word(rest)))) {
            found_credentials(verdict);
        }
    }

    void on_server_line(std::string_view line, Verdict& verdict) override {
        if (capabilities_asked_ && same(line, "STLS")) {
            offer_tls(verdict);
        }
        if (line.starts_with("-ERR")) {
            sasl_.refuse();
        }
    }

private:
    SaslExchange sasl_;
    bool user_seen_ = false;
    bool capabilities_asked_ = false;
};

Match looks_like_pop3(const Opening& opening) {
    if (!opening.server_first && !opening.server.empty()) {
        return Match::no;  // Redis says +OK too, but never first
    }
    return either(match_start(opening.server, "+OK "), match_start(opening.server, "+OK\r\n"));
}

}  // namespace

/// Its protocol is not known before the first words or commands.
constinit const Row kGreeting220Row{Verdict{}, looks_like_220, start_session<Greeting220Session>};
constinit const Row kImapRow{begun(Protocol::imap), looks_like_imap, start_session<ImapSession>};
constinit const Row kPop3Row{begun(Protocol::pop3), looks_like_pop3, start_session<Pop3Session>};

}  // namespace assay::protocols
