// SPDX-License-Identifier: Apache-2.0
#include "findings/redact.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace assay::findings {
namespace {

constexpr std::string_view kOpeners = "\"'`($;{[";

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; }
bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// A name as it is compared: DB_Pass-Word is dbpassword. Names longer than any we know are cut at
/// the front.
std::string plain_name(std::string_view name) {
    constexpr std::size_t kLongest = 64;
    if (name.size() > kLongest) {
        name.remove_prefix(name.size() - kLongest);
    }
    std::string plain;
    for (const char c : name) {
        if (is_letter(c) || is_digit(c)) {
            plain += lower(c);
        }
    }
    return plain;
}

bool names_a_secret(std::string_view name) {
    const std::string plain = plain_name(name);
    constexpr std::array<std::string_view, 12> kInside{
        "password", "passwd",    "passphrase", "secret", "token",         "apikey",
        "bearer",   "accesskey", "privatekey", "cookie", "authorization", "credential"};
    if (std::ranges::any_of(kInside, [&](auto part) { return plain.contains(part); })) {
        return true;
    }
    return plain.ends_with("pass") || plain.starts_with("pass") || plain.ends_with("pwd") ||
           plain.ends_with("auth");
}

/// Names that look like one of a secret and are none.
bool is_exempt_name(std::string_view name) {
    constexpr std::array<std::string_view, 4> kExempt{"pwd", "oldpwd", "passive", "ftppassive"};
    return std::ranges::find(kExempt, plain_name(name)) != kExempt.end();
}

/// How the value of an option or a word runs.
struct Value {
    std::size_t words = 1;  ///< taken whatever they are
    bool runs_on = false;  ///< then on to the next word that looks like an option, a path or a URL:
                           ///< a secret may hold blanks, which a joined command line cannot show
};

struct ProgramOption {
    std::string_view program;  ///< how the program's file name begins
    std::string_view option;
    bool attached;  ///< the value may follow the option without a blank
};
/// Options that mean a secret to these programs only.
constexpr std::array kProgramOptions{
    ProgramOption{"ldap", "-w", true},      ProgramOption{"snmp", "-c", true},
    ProgramOption{"snmp", "-A", true},      ProgramOption{"snmp", "-X", true},
    ProgramOption{"mosquitto", "-P", true}, ProgramOption{"zip", "-P", true},
    ProgramOption{"unzip", "-P", true},     ProgramOption{"swaks", "-ap", false},
    ProgramOption{"swaks", "-au", false},   ProgramOption{"openssl", "-k", false},
    ProgramOption{"openssl", "-K", false},
};

/// Words that begin with -p and take no attached password.
constexpr std::array<std::string_view, 12> kNotAttached{
    "-print", "-print0", "-printf",  "-perm",     "-path", "-prune",
    "-pipe",  "-pie",    "-pthread", "-pedantic", "-port", "-proto"};

/// Options of -p and -u that are whole words behind one dash.
constexpr std::array<std::string_view, 7> kLongWithOneDash{
    "-user", "-pass", "-password", "-passwd", "-passphrase", "-passin", "-passout"};

class Redactor {
public:
    explicit Redactor(std::string_view text) : text_(text) { out_.reserve(text.size()); }

    std::string run() {
        // One word may hold many secrets (a form). A bound keeps the whole linear; no real command
        // line has more, so what is left of such a word goes.
        constexpr int kMostParts = 24;
        std::size_t end = 0;
        int parts = 0;
        while (at_ < text_.size()) {
            if (is_blank(text_[at_])) {
                out_ += text_[at_++];
                continue;
            }
            if (at_ >= end) {
                end = word_end(at_);
                parts = 0;
            }
            if (++parts > kMostParts) {
                out_ += kRedacted;
                at_ = end;
                continue;
            }
            word(end);
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] std::size_t word_end(std::size_t from) const {
        while (from < text_.size() && !is_blank(text_[from])) {
            ++from;
        }
        return from;
    }
    [[nodiscard]] std::size_t skip_blanks(std::size_t from) const {
        while (from < text_.size() && is_blank(text_[from])) {
            ++from;
        }
        return from;
    }

    /// Copies up to `until`, then takes a value that begins there (after blanks).
    void keep_and_take(std::size_t until, Value value) {
        const std::size_t from = skip_blanks(until);
        if (from == text_.size()) {
            keep(text_.size());
            return;
        }
        keep(from);
        out_ += kRedacted;
        at_ = value_end(from, value);
    }
    void keep(std::size_t until) {
        out_ += text_.substr(at_, until - at_);
        at_ = until;
    }

    /// Where a value that begins at `from` ends.
    [[nodiscard]] std::size_t value_end(std::size_t from, Value value) const {
        std::size_t end = one_value_end(from);
        // A word that is taken though it looks like an option may be one, with a secret behind it.
        const bool separate = from > 0 && is_blank(text_[from - 1]);
        std::size_t wanted = value.words + (separate && text_[from] == '-' ? 1U : 0U);
        for (std::size_t taken = 1;; ++taken) {
            const std::size_t next = skip_blanks(end);
            if (next == text_.size() || (end > from && is_quote(text_[end - 1]))) {
                return end;
            }
            if (taken >= wanted && (!value.runs_on || stops_a_run(next))) {
                return end;
            }
            if (taken < wanted && text_[next] == '-') {
                wanted = std::max(wanted, taken + 2);
            }
            end = word_end(next);
        }
    }
    [[nodiscard]] std::size_t one_value_end(std::size_t from) const {
        if (is_quote(text_[from])) {
            std::size_t close = from + 1;
            while (close < text_.size() && text_[close] != text_[from]) {
                close += text_[close] == '\\' ? 2U : 1U;
            }
            if (close >= text_.size()) {
                return text_.size();  // never closed: the secret may reach to the end
            }
            ++close;
            constexpr std::string_view kAfter = ",&;}])|>";
            return close < text_.size() && kAfter.find(text_[close]) == std::string_view::npos
                       ? word_end(close)
                       : close;
        }
        const std::size_t end = word_end(from);
        for (std::size_t i = from; i < end; ++i) {
            if ((text_[i] == '&' || text_[i] == ';' || text_[i] == ',') && begins_a_pair(i + 1)) {
                return i;
            }
        }
        return end;
    }
    /// name=… at `from`: the next field of a form, of a query or of mount options.
    [[nodiscard]] bool begins_a_pair(std::size_t from) const {
        // A field's name is short; a bound keeps the whole linear.
        const std::size_t limit = std::min(text_.size(), from + 64);
        std::size_t i = from;
        while (i < limit && is_name(text_[i])) {
            ++i;
        }
        return i > from && i < limit && text_[i] == '=';
    }
    [[nodiscard]] bool stops_a_run(std::size_t from) const {
        const auto word = text_.substr(from, word_end(from) - from);
        const auto bare = word.substr(std::min(word.find_first_not_of(kOpeners), word.size()));
        return bare.empty() || bare[0] == '-' || bare[0] == '/' || bare[0] == '|' ||
               bare[0] == '&' || bare[0] == '>' || bare[0] == '<' || word.contains("://");
    }

    void word(std::size_t end) {
        const std::size_t bare = std::min(text_.find_first_not_of(kOpeners, at_), end);
        const auto word = text_.substr(bare, end - bare);
        remember_program(word);
        if (word.size() > 1 && word[0] == '-' && option(word, bare, end)) {
            return;
        }
        if (verb(word, end)) {
            return;
        }
        if (word.starts_with("/p:")) {  // xfreerdp
            take_rest(bare + 3, {});
            return;
        }
        const auto user_info = find_user_info(end);
        const bool in_url = user_info && user_info->in_url;
        if (pair(end, in_url ? user_info->begin : end)) {
            return;
        }
        if (!user_info) {
            keep(end);
            return;
        }
        keep(user_info->begin);
        out_ += kRedacted;
        at_ = user_info->end;
        // What follows the @ is looked at as a word of its own: it may hold ?token=…
        if (at_ < end) {
            out_ += text_[at_++];
        }
    }

    void remember_program(std::string_view word) {
        const auto name = word.substr(word.rfind('/') + 1);
        for (const auto& known : kProgramOptions) {
            if (name.starts_with(known.program)) {
                program_ = known.program;
            }
        }
        redis_ = redis_ || name.starts_with("redis-cli") || name.starts_with("valkey-cli");
    }

    /// The value of a short option is the next word, unless that is plainly another option.
    [[nodiscard]] bool next_is_option(std::size_t end) const {
        const std::size_t next = skip_blanks(end);
        const auto word = text_.substr(next, word_end(next) - next);
        return word.starts_with("--") || (word.size() == 2 && word[0] == '-' && is_letter(word[1]));
    }
    bool take_next(std::size_t end, Value value) {
        if (next_is_option(end)) {
            keep(end);
        } else {
            keep_and_take(end, value);
        }
        return true;
    }
    /// The value is the rest of this word.
    bool take_rest(std::size_t from, Value value) {
        keep(from);
        out_ += kRedacted;
        at_ = value_end(from, value);
        return true;
    }

    bool option(std::string_view word, std::size_t begin, std::size_t end) {
        const auto equals = word.find_first_of("=:");
        const auto name = word.substr(0, equals);
        const auto bare_name = name.substr(std::min(name.find_first_not_of('-'), name.size()));
        const std::string plain = plain_name(bare_name);
        const bool user = plain == "user" || plain == "proxyuser" || plain == "authuser";
        // mysql's -ppassword is a value and no name: behind one dash, -p… and -u… must be known.
        const bool attached = !word.starts_with("--") && (word[1] == 'p' || word[1] == 'u') &&
                              std::ranges::find(kLongWithOneDash, name) == kLongWithOneDash.end();
        if (bare_name.size() > 1 && !attached && (user || names_a_secret(bare_name)) &&
            !is_exempt_name(bare_name)) {
            const Value value{1, !user};
            if (equals != std::string_view::npos && equals + 1 < word.size()) {
                return take_rest(begin + equals + 1, value);
            }
            return take_next(end, value);
        }
        if (word.starts_with("--")) {
            return false;
        }
        for (const auto& known : kProgramOptions) {
            if (known.program != program_ || !word.starts_with(known.option)) {
                continue;
            }
            if (word.size() == known.option.size()) {
                return take_next(end, {});
            }
            if (known.attached) {
                return take_rest(begin + known.option.size(), {});
            }
        }
        if (word == "-u" || word == "-p" || word == "-a") {
            // joe:my secret: the colon says that a password is in it.
            return take_next(end, {1, word == "-u" && next_word(end).contains(':')});
        }
        if (word[1] == 'u' ||
            (word[1] == 'p' && std::ranges::find(kNotAttached, word) == kNotAttached.end())) {
            return take_rest(begin + 2, {});
        }
        if (word == "-U" && next_word(end).find_first_of(":%") != std::string_view::npos) {
            return take_next(end, {});
        }
        if (word.starts_with("-U") && word.find_first_of(":%") != std::string_view::npos) {
            return take_rest(begin + 2, {});
        }
        // curl -su joe:…, and -sujoe:…
        const auto u = word.find('u');
        if (u != std::string_view::npos && std::ranges::all_of(word.substr(1, u), is_letter)) {
            if (u + 1 == word.size() && next_word(end).contains(':')) {
                return take_next(end, {1, true});
            }
            const auto colon = word.find(':');
            if (colon != std::string_view::npos && u < colon) {
                return take_rest(begin + u + 1, {});
            }
        }
        return false;
    }
    [[nodiscard]] std::string_view next_word(std::size_t end) const {
        const std::size_t next = skip_blanks(end);
        return text_.substr(next, word_end(next) - next);
    }

    /// Commands of protocols, as given to printf, nc or redis-cli.
    bool verb(std::string_view word, std::size_t end) {
        std::optional<Value> value;
        if (word.ends_with("AUTH") || (redis_ && plain_name(word) == "auth")) {
            value = Value{2, true};
        } else if (word.ends_with("LOGIN")) {
            value = Value{2, false};
        } else if (word.ends_with("PASS")) {
            value = Value{1, true};
        }
        if (!value) {
            return false;
        }
        return take_next(end, *value);
    }

    /// NAME=value, name=value&…, {"name":"value"}, Header: value; the sign is sought before
    /// `limit`.
    bool pair(std::size_t end, std::size_t limit) {
        for (std::size_t i = at_; i < limit; ++i) {
            if (text_[i] != '=' && text_[i] != ':') {
                continue;
            }
            std::size_t name_end = i;
            if (name_end > at_ && is_quote(text_[name_end - 1])) {
                --name_end;
            }
            std::size_t name_begin = name_end;
            while (name_begin > at_ && name_end - name_begin < 64 &&
                   is_name(text_[name_begin - 1])) {
                --name_begin;
            }
            const auto name = text_.substr(name_begin, name_end - name_begin);
            if (name.empty() || !names_a_secret(name) || is_exempt_name(name)) {
                continue;
            }
            const bool header = text_[i] == ':';
            // Authorization: Basic am9l…: the scheme is a word of its own.
            const bool scheme_first = header && plain_name(name).contains("authorization");
            // sudo PASSWORD='correct horse' app: joined arguments do not show where the value ends.
            const bool assignment = text_[i] == '=' && name_begin == at_;
            const Value value{scheme_first ? 2U : 1U, header || assignment};
            if (i + 1 < end) {
                return take_rest(i + 1, value);
            }
            if (header) {
                keep_and_take(end, value);
                return true;
            }
        }
        return false;
    }

    struct UserInfo {
        std::size_t begin;
        std::size_t end;
        bool in_url;
    };
    /// scheme://user:password@host or user:password@host.
    [[nodiscard]] std::optional<UserInfo> find_user_info(std::size_t end) const {
        const auto word = text_.substr(at_, end - at_);
        const auto last_at = word.rfind('@');
        if (last_at == std::string_view::npos) {
            return std::nullopt;
        }
        const auto scheme = word.find("://");
        const bool in_url = scheme != std::string_view::npos && scheme < last_at;
        const std::size_t from = in_url ? scheme + 3 : 0;
        const auto host_end =
            std::find_if(word.begin() + static_cast<std::ptrdiff_t>(from), word.end(),
                         [](char c) { return c == '/' || c == '?' || c == '#'; });
        const auto authority =
            word.substr(from, static_cast<std::size_t>(host_end - word.begin()) - from);
        const auto colon = authority.find(':');
        auto sign = authority.rfind('@');
        if (sign == std::string_view::npos && colon != std::string_view::npos &&
            !std::ranges::all_of(authority.substr(colon + 1), is_digit)) {
            sign = last_at - from;  // a slash in the password: what follows the colon is no port
        }
        if (sign == std::string_view::npos || (!in_url && colon >= sign)) {
            return std::nullopt;
        }
        return UserInfo{at_ + from, at_ + from + sign, in_url};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string out_;
    std::string_view program_;
    bool redis_ = false;
};

}  // namespace

std::string redacted(std::string_view text) {
    constexpr std::string_view kSigns = "-=:@";
    // One word without any of these signs can hide nothing.
    if (text.find_first_of(kSigns) == std::string_view::npos &&
        std::ranges::none_of(text, is_blank)) {
        return std::string(text);
    }
    return Redactor(text).run();
}

}  // namespace assay::findings
