// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// An account of passwd(5) with what shadow(5) says of its password; never the hash itself.
/// Identity: Account. Told when first read, and again when anything of it changes.
struct Account {
    FactHeader header;
    std::string_view account;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::string_view home;
    std::string_view shell;
    std::optional<bool> can_log_in;
    std::string_view password;
    std::optional<bool> has_password;
    std::string_view hash_method;
    std::optional<bool> has_keys;
    std::optional<bool> expired;
    std::optional<std::int64_t> maximum_days;
    std::optional<std::int64_t> minimum_days;
    std::optional<std::int64_t> warning_days;
    std::optional<std::int64_t> age_days;
    std::string_view source;
    std::string_view problem;
    std::string_view image;
    std::string_view user;
    std::optional<std::uint32_t> process_id;
};

inline constexpr std::array kAccountFields{
    field<&Account::account>("Account", "", "login name"),
    field<&Account::uid>("Uid", "", "user id"),
    field<&Account::gid>("Gid", "", "primary group id"),
    field<&Account::home>("Home", "path", "home directory"),
    field<&Account::shell>("Shell", "path", "login shell"),
    field<&Account::can_log_in>(
        "CanLogIn", "", "the shell is neither nologin nor false, nor missing from the host"),
    field<&Account::password>(
        "Password", "",
        "set, empty (no password is asked for), locked (a hash behind !), none (no hash can match: "
        "*, !, !!), or absent when shadow could not be read"),
    field<&Account::has_password>("HasPassword", "", "a password lets it in: set or empty"),
    field<&Account::hash_method>("HashMethod", "",
                                 "yescrypt, gost-yescrypt, scrypt, bcrypt, sha512crypt, "
                                 "sha256crypt, md5crypt, descrypt or other (crypt(5))"),
    field<&Account::has_keys>("HasKeys", "", "its authorized_keys holds at least one key"),
    field<&Account::expired>("Expired", "",
                             "the account's expiry date has passed (shadow field 8)"),
    field<&Account::maximum_days>("MaximumDays", "days",
                                  "days a password may be used; absent: without end"),
    field<&Account::minimum_days>("MinimumDays", "days", "days before it may be changed"),
    field<&Account::warning_days>("WarningDays", "days", "days of warning before it ends"),
    field<&Account::age_days>("AgeDays", "days", "days since the password was last changed"),
    field<&Account::source>("Source", "file:line",
                            "its line in passwd, or in shadow when that says more"),
    field<&Account::problem>("Problem", "", "why it is not wholly known: file:line: reason"),
    field<&Account::image>("Image", "path", "program that made the change, when it is known"),
    field<&Account::user>("User", "", "user of that program"),
    field<&Account::process_id>("ProcessId", "", "its thread group id"),
};

}  // namespace assay::facts
