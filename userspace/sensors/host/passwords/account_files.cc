// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/account_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "sensors/host/passwords/wiped_text.h"

namespace assay::sensors {
namespace {

constexpr std::string_view kPasswd = "/etc/passwd";
constexpr std::string_view kShadow = "/etc/shadow";
constexpr std::string_view kSwitch = "/etc/nsswitch.conf";

/// Fields between colons; at most N, the rest stays in the last.
template <std::size_t N>
struct Fields {
    std::array<std::string_view, N> at;
    std::size_t count = 0;

    explicit Fields(std::string_view line) {
        while (count < N) {
            const auto colon = count + 1 < N ? line.find(':') : std::string_view::npos;
            at[count++] = line.substr(0, colon);
            if (colon == std::string_view::npos) {
                return;
            }
            line.remove_prefix(colon + 1);
        }
    }
};

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

struct ShadowEntry {
    PasswordField password;
    std::optional<std::int64_t> changed_day, minimum_days, maximum_days, warning_days, expires_day;
    std::size_t line = 0;
    std::string problem;
};

/// A number of days. Empty and negative ones mean that there is no such limit.
bool read_days(std::string_view text, std::optional<std::int64_t>& days) {
    if (text.empty()) {
        return true;
    }
    const auto number = whole_number<std::int64_t>(text);
    if (number && *number >= 0) {
        days = number;
    }
    return number.has_value();
}

bool is_printable(std::string_view name) {
    return std::ranges::all_of(name, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte < 0x7F;
    });
}

bool only_hash_characters(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '.' || c == '/';
    });
}

using Shadow = std::unordered_map<std::string_view, ShadowEntry>;

Shadow parse_shadow(std::string_view text) {
    Shadow entries;
    std::string_view line;
    for (std::size_t number = 1; next_line(text, line); ++number) {
        const Fields<9> fields(line);
        if (line.empty() || fields.at[0].empty() || fields.count < 2) {
            continue;  // the C library skips what has no name and password
        }
        ShadowEntry entry;
        entry.line = number;
        entry.password = classify_password_field(fields.at[1]);
        const bool whole = read_days(fields.at[2], entry.changed_day) &&
                           read_days(fields.at[3], entry.minimum_days) &&
                           read_days(fields.at[4], entry.maximum_days) &&
                           read_days(fields.at[5], entry.warning_days) &&
                           read_days(fields.at[7], entry.expires_day);
        if (!whole || fields.count < 9 || line.ends_with('\r')) {
            entry.problem = at_line(kShadow, number) +
                            (line.ends_with('\r') ? ": line ends in CR LF"
                                                  : ": expected 9 fields, days as numbers");
        }
        entries.emplace(fields.at[0], std::move(entry));
    }
    return entries;
}

void fill_from_shadow(LocalAccount& account, const Shadow& shadow, std::string_view problem) {
    if (!problem.empty()) {
        account.problem = problem;
        return;
    }
    const auto found = shadow.find(account.name);
    if (found == shadow.end()) {
        account.password = PasswordState::none;  // pam_unix turns it away
        return;
    }
    const ShadowEntry& entry = found->second;
    account.password = entry.password.state;
    account.hash_method = entry.password.method;
    account.changed_day = entry.changed_day;
    account.minimum_days = entry.minimum_days;
    account.maximum_days = entry.maximum_days;
    account.warning_days = entry.warning_days;
    account.expires_day = entry.expires_day;
    account.source = at_line(kShadow, entry.line);
    account.problem = entry.problem;
}

LocalAccount parse_passwd_line(std::string_view line, std::size_t number, const Shadow& shadow,
                               std::string_view shadow_problem) {
    const Fields<7> fields(line);
    LocalAccount account;
    account.name = fields.at[0];
    account.source = at_line(kPasswd, number);
    if (fields.count < 7 || account.name.empty() || fields.at[6].contains(':')) {
        account.problem = account.source + ": expected 7 fields";
        return account;
    }
    account.uid = whole_number<std::uint32_t>(fields.at[2]);
    account.gid = whole_number<std::uint32_t>(fields.at[3]);
    account.home = fields.at[5];
    account.shell = fields.at[6];
    if (fields.at[1] == "x") {
        fill_from_shadow(account, shadow, shadow_problem);
    } else {
        const PasswordField password = classify_password_field(fields.at[1]);
        account.password = password.state;
        account.hash_method = password.method;
    }
    if (!account.problem.empty()) {
        return account;
    }
    const std::string here = at_line(kPasswd, number);
    if (!account.uid || !account.gid) {
        account.problem = here + ": user or group id is no number";
    } else if (line.ends_with('\r')) {
        account.problem = here + ": line ends in CR LF";
    } else if (!is_printable(account.name)) {
        account.problem = here + ": name with control, space or non-ASCII characters";
    }
    return account;
}

/// Whether accounts of a directory service come in through + lines: `passwd: compat`.
bool says_compat(std::string_view text) {
    std::string_view line;
    while (next_line(text, line)) {
        line = trimmed(line.substr(0, line.find('#')));
        if (line.starts_with("passwd:")) {
            const auto sources = split_words(line.substr(7));
            return std::ranges::find(sources, "compat") != sources.end();
        }
    }
    return false;
}

void count_passwords(LocalAccounts& result) {
    std::size_t count = 0;
    for (const LocalAccount& account : result.accounts) {
        count += account.has_password() ? 1U : 0U;
        if (account.password == PasswordState::unknown && result.problem.empty()) {
            result.problem = account.problem;
        }
    }
    if (result.problem.empty()) {
        result.with_password = count;
    }
}

LocalAccounts nothing_known(std::string problem) {
    LocalAccounts result;
    LocalAccount& unknown = result.accounts.emplace_back();
    unknown.name = kPasswd;
    unknown.source = kPasswd;
    unknown.problem = problem;
    result.problem = std::move(problem);
    return result;
}

std::string told(std::string_view path, const Error& error) {
    return std::string(path) + ": " + cause(error);
}

}  // namespace

std::string_view name_of(PasswordState state) {
    switch (state) {
        case PasswordState::unknown:
            return {};
        case PasswordState::set:
            return "set";
        case PasswordState::empty:
            return "empty";
        case PasswordState::locked:
            return "locked";
        case PasswordState::none:
            return "none";
    }
    return {};
}

PasswordField classify_password_field(std::string_view field) {
    if (field.empty()) {
        return {PasswordState::empty, {}};
    }
    const auto hash_start = field.find_first_not_of('!');
    if (hash_start == std::string_view::npos) {
        return {PasswordState::none, {}};
    }
    const std::string_view hash = field.substr(hash_start);
    const PasswordState state = hash_start == 0 ? PasswordState::set : PasswordState::locked;
    struct Method {
        std::string_view prefix, name;
    };
    static constexpr std::array kMethods{
        Method{"$y$", "yescrypt"}, Method{"$gy$", "gost-yescrypt"}, Method{"$7$", "scrypt"},
        Method{"$2a$", "bcrypt"},  Method{"$2b$", "bcrypt"},        Method{"$2x$", "bcrypt"},
        Method{"$2y$", "bcrypt"},  Method{"$6$", "sha512crypt"},    Method{"$5$", "sha256crypt"},
        Method{"$1$", "md5crypt"},
    };
    for (const Method& method : kMethods) {
        if (hash.starts_with(method.prefix)) {
            return {state, method.name};
        }
    }
    if (hash.starts_with('$')) {
        return {state, "other"};
    }
    constexpr std::size_t kDesLength = 13;
    constexpr std::size_t kExtendedDesLength = 20;
    if (hash.size() == kDesLength && only_hash_characters(hash)) {
        return {state, "descrypt"};
    }
    if ((hash.size() == kExtendedDesLength && hash.starts_with('_') &&
         only_hash_characters(hash.substr(1))) ||
        (hash.size() > kDesLength && only_hash_characters(hash))) {
        return {state, "other"};
    }
    return {PasswordState::none, {}};
}

LocalAccounts parse_local_accounts(const AccountTexts& texts) {
    LocalAccounts result;
    const Shadow shadow = parse_shadow(texts.shadow);
    std::unordered_set<std::string> names;
    std::string_view rest = texts.passwd;
    std::string_view line;
    for (std::size_t number = 1; next_line(rest, line); ++number) {
        if (trimmed(line).empty() || trimmed(line).starts_with('#')) {
            continue;
        }
        if (line.starts_with('+') || line.starts_with('-')) {
            if (texts.compat) {
                LocalAccount& more = result.accounts.emplace_back();
                more.name = line.substr(0, line.find(':'));
                more.source = at_line(kPasswd, number);
                more.problem = more.source + ": accounts of a directory service, not read";
            }
            continue;
        }
        LocalAccount account = parse_passwd_line(line, number, shadow, texts.shadow_problem);
        if (!names.insert(account.name).second) {
            account.name += " (line " + std::to_string(number) + ")";
            account.source = at_line(kPasswd, number);
            account.problem = account.source + ": a line before this one has the same name";
        }
        result.accounts.push_back(std::move(account));
    }
    count_passwords(result);
    return result;
}

LocalAccounts read_local_accounts(HostReader& reader) {
    const bool compat = says_compat(reader.read(kSwitch).text);
    (void)reader.exists(kPasswd);
    (void)reader.exists(kShadow);
    const auto passwd = WipedText::read(reader.host(), kPasswd, kLargestText);
    if (!passwd) {
        return nothing_known(told(kPasswd, passwd.error()));
    }
    if (passwd->view().contains('\0')) {
        return nothing_known(std::string(kPasswd) + ": binary data");
    }
    const auto shadow = WipedText::read(reader.host(), kShadow, kLargestText);
    std::string shadow_problem;
    if (!shadow) {
        shadow_problem = told(kShadow, shadow.error());
    } else if (shadow->view().contains('\0')) {
        shadow_problem = std::string(kShadow) + ": binary data";
    }
    return parse_local_accounts({.passwd = passwd->view(),
                                 .shadow = shadow ? shadow->view() : std::string_view{},
                                 .shadow_problem = shadow_problem,
                                 .compat = compat});
}

}  // namespace assay::sensors
