// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/accounts_topic.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "sensors/host/passwords/account_files.h"
#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {
namespace {

std::int64_t day_by_the_clock() {
    constexpr std::time_t kSecondsOfDay = 86'400;
    return std::time(nullptr) / kSecondsOfDay;
}

bool lets_in(HostReader& reader, std::string_view shell) {
    if (shell.empty()) {
        shell = "/bin/sh";  // what login takes then
    }
    const auto slash = shell.rfind('/');
    const std::string_view program =
        slash == std::string_view::npos ? shell : shell.substr(slash + 1);
    return program != "nologin" && program != "false" && reader.exists(shell);
}

bool holds_key(std::string_view text) {
    std::string_view line;
    while (next_line(text, line)) {
        line = trimmed(line);
        static constexpr std::array<std::string_view, 3> kTypes{"ssh-", "ecdsa-", "sk-"};
        if (!line.starts_with('#') && std::ranges::any_of(kTypes, [&](std::string_view type) {
                return line.contains(type);
            })) {
            return true;
        }
    }
    return false;
}

/// Nothing when a file is there and cannot be read.
std::optional<bool> has_keys(HostReader& reader, const std::string& home) {
    if (!home.starts_with('/')) {
        return std::nullopt;
    }
    bool known = true;
    for (const std::string_view name : {"/.ssh/authorized_keys", "/.ssh/authorized_keys2"}) {
        const HostText& keys =
            reader.read((home == "/" ? std::string() : home) + std::string(name));
        if (keys.readable() && holds_key(keys.text)) {
            return true;
        }
        known = known && (keys.readable() || keys.missing);
    }
    return known ? std::optional(false) : std::nullopt;
}

}  // namespace

AccountsTopic::AccountsTopic() : AccountsTopic(day_by_the_clock) {}

Dependencies AccountsTopic::read(const Surroundings& around, const TellFact& tell) {
    HostReader reader(around.host);
    const LocalAccounts local = read_local_accounts(reader);
    const std::int64_t today = today_();
    for (const LocalAccount& account : local.accounts) {
        facts::Account fact;
        fact.account = account.name;
        fact.uid = account.uid;
        fact.gid = account.gid;
        fact.home = account.home;
        fact.shell = account.shell;
        fact.source = account.source;
        fact.problem = account.problem;
        fact.password = name_of(account.password);
        if (account.uid) {
            fact.can_log_in = lets_in(reader, account.shell);
            fact.has_keys = has_keys(reader, account.home);
        }
        if (account.password != PasswordState::unknown) {
            fact.has_password = account.has_password();
            fact.hash_method = account.hash_method;
            fact.expired = account.expires_day && *account.expires_day <= today;
            fact.maximum_days = account.maximum_days;
            fact.minimum_days = account.minimum_days;
            fact.warning_days = account.warning_days;
            if (account.changed_day) {
                fact.age_days = today - *account.changed_day;
            }
        }
        tell(facts::FactView(fact));
    }
    return reader.take_dependencies();
}

}  // namespace assay::sensors
