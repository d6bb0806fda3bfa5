// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

enum class PasswordState : std::uint8_t {
    unknown,  ///< shadow could not be read
    set,
    empty,   ///< no password is asked for
    locked,  ///< a hash behind !
    none,    ///< no hash can match
};

/// One account of passwd(5) and shadow(5), without its hash.
struct LocalAccount {
    std::string name;
    std::optional<std::uint32_t> uid, gid;
    std::string home, shell;
    PasswordState password = PasswordState::unknown;
    std::string_view hash_method;  ///< of a literal; empty when there is no hash
    std::optional<std::int64_t> changed_day, minimum_days, maximum_days, warning_days, expires_day;
    std::string source;   ///< path:line
    std::string problem;  ///< path:line: reason

    [[nodiscard]] bool has_password() const {
        return password == PasswordState::set || password == PasswordState::empty;
    }
};

struct LocalAccounts {
    std::vector<LocalAccount> accounts;  ///< in the order of passwd
    /// Accounts whose password lets them in; nothing when that is not known of all.
    std::optional<std::size_t> with_password;
    std::string problem;  ///< why it is not known
};

/// Reads etc/passwd and etc/shadow as the C library and pam_unix do: the first of several lines for
/// a name counts, `x` means shadow, and what starts with + or - counts only when nsswitch.conf says
/// compat. Hashes are overwritten before this returns.
[[nodiscard]] LocalAccounts read_local_accounts(HostReader& reader);

/// The same from text, for tests and the fuzzer. `shadow_problem` says why there is no `shadow`.
struct AccountTexts {
    std::string_view passwd;
    std::string_view shadow;
    std::string_view shadow_problem;
    bool compat = false;
};
[[nodiscard]] LocalAccounts parse_local_accounts(const AccountTexts& texts);

/// What a password field says, and by which method its hash was made.
struct PasswordField {
    PasswordState state = PasswordState::none;
    std::string_view method;
};
[[nodiscard]] PasswordField classify_password_field(std::string_view field);

[[nodiscard]] std::string_view name_of(PasswordState state);

}  // namespace assay::sensors
