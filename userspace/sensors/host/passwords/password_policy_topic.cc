// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/password_policy_topic.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sensors/host/passwords/account_files.h"
#include "sensors/host/passwords/host_text.h"
#include "sensors/host/passwords/login_defs.h"
#include "sensors/host/passwords/password_policy.h"

namespace assay::sensors {
namespace {

/// Services through which a user changes a password, the most usual first.
constexpr std::array<std::string_view, 9> kServices{
    "passwd", "login", "sshd", "su", "remote", "gdm-password", "lightdm", "sddm", "cockpit"};
/// What these include, on hosts that have none of them.
constexpr std::array<std::string_view, 5> kSharedStacks{
    "common-password", "system-auth", "password-auth", "system-password", "other"};

class Teller {
public:
    Teller(const TellFact& tell, std::string_view instance) : tell_(tell), instance_(instance) {}

    void value(std::string_view setting, std::string_view value, const Said& said) const {
        facts::Setting fact;
        fact.setting = setting;
        fact.value = value;
        fact.source = said.source;
        fact.effective_by = said.by;
        fact.instance = instance_;
        tell_(facts::FactView(fact));
    }
    void number(std::string_view setting, std::int64_t number, const Said& said) const {
        value(setting, std::to_string(number), said);
    }
    void problem(std::string_view setting, std::string_view problem) const {
        facts::Setting fact;
        fact.setting = setting;
        fact.problem = problem;
        fact.instance = instance_;
        tell_(facts::FactView(fact));
    }

private:
    const TellFact& tell_;
    std::string_view instance_;
};

void tell_policy(const PasswordPolicy& policy, const Teller& teller) {
    if (!policy.problem.empty()) {
        for (const std::string_view setting :
             {"pam.password.minimum_length", "pam.password.required_classes",
              "pam.password.dictionary_check", "pam.password.remember"}) {
            teller.problem(setting, policy.problem);
        }
        return;
    }
    teller.value("pam.password.quality_module", policy.quality_module, policy.module_said);
    teller.number("pam.password.minimum_length", policy.minimum_length, policy.length_said);
    teller.number("pam.password.required_classes", policy.required_classes, policy.classes_said);
    teller.value("pam.password.dictionary_check", policy.dictionary_check ? "yes" : "no",
                 policy.dictionary_said);
    teller.number("pam.password.remember", policy.remember, policy.remember_said);
    teller.value("pam.password.enforce_for_root", policy.enforce_for_root ? "yes" : "no",
                 policy.root_said);
    teller.value("pam.password.hash_method", policy.hash_method, policy.hash_said);
    for (const auto& [name, number] : policy.written) {
        teller.number("pam.password." + std::string(name), number.value,
                      {number.source, number.drop_in ? "drop-in" : "set"});
    }
}

std::vector<std::string_view> services_of(PamConfiguration& pam) {
    std::vector<std::string_view> services;
    std::ranges::copy_if(kServices, std::back_inserter(services),
                         [&](std::string_view name) { return pam.has_service(name); });
    if (services.empty()) {
        const auto* shared = std::ranges::find_if(
            kSharedStacks, [&](std::string_view name) { return pam.has_service(name); });
        services.push_back(shared == kSharedStacks.end() ? kServices.front() : *shared);
    }
    return services;
}

/// They ask the same, wherever that is written.
bool same_demands(const PasswordPolicy& a, const PasswordPolicy& b) {
    const auto demands = [](const PasswordPolicy& policy) {
        return std::tie(policy.problem, policy.minimum_length, policy.required_classes,
                        policy.dictionary_check, policy.remember, policy.enforce_for_root,
                        policy.quality_module, policy.hash_method);
    };
    return demands(a) == demands(b) &&
           std::ranges::equal(a.written, b.written, [](const auto& left, const auto& right) {
               return left.name == right.name && left.number.value == right.number.value;
           });
}

void tell_pam(HostReader& reader, const LoginDefs& defs, const TellFact& tell) {
    PamConfiguration pam(reader);
    if (!pam.is_installed()) {
        const auto& problems = reader.problems();
        const auto found = problems.find("/etc/pam.d");
        PasswordPolicy unknown;
        unknown.problem = found == problems.end() ? "/etc/pam.d: missing" : found->second;
        tell_policy(unknown, Teller(tell, "passwd"));
        return;
    }
    ModuleSurroundings modules{reader, defs, pam.is_debian()};
    std::vector<PasswordPolicy> told;
    for (const std::string_view service : services_of(pam)) {
        PasswordPolicy policy = effective_policy(pam.password_stack(service), modules);
        // Most services share one stack, or copies of it: told once, under the first.
        if (std::ranges::none_of(
                told, [&](const PasswordPolicy& known) { return same_demands(known, policy); })) {
            tell_policy(policy, Teller(tell, service));
            told.push_back(std::move(policy));
        }
    }
}

/// A number of days as shadow's tools take it: they know 0x and octal, and fall back on -1, which
/// is no limit, for what they cannot read.
void tell_days(HostReader& reader, const LoginDefs& defs, std::string_view key,
               std::string_view setting, const Teller& teller) {
    const LoginDefs::Entry* entry = defs.find(key);
    if (entry == nullptr) {
        teller.value(setting, "-1", {std::string(defs.path()), "default"});
        return;
    }
    const auto days = to_number(entry->value, 0);
    if (!days || *days < -1 || *days > std::numeric_limits<int>::max()) {
        reader.problem(entry->source.substr(0, entry->source.rfind(':')),
                       entry->source + ": " + std::string(key) + " is no number of days");
        teller.value(setting, "-1", {entry->source, "default"});
        return;
    }
    teller.number(setting, *days, {entry->source, entry->drop_in ? "drop-in" : "set"});
}

void tell_login_defs(HostReader& reader, const LoginDefs& defs, const TellFact& tell) {
    const Teller teller(tell, {});
    static constexpr std::array<std::array<std::string_view, 2>, 3> kDays{{
        {"PASS_MAX_DAYS", "login_defs.pass_max_days"},
        {"PASS_MIN_DAYS", "login_defs.pass_min_days"},
        {"PASS_WARN_AGE", "login_defs.pass_warn_age"},
    }};
    if (!defs.unreadable().empty()) {
        for (const auto& [key, setting] : kDays) {
            teller.problem(setting, defs.unreadable());
        }
        teller.problem("login_defs.encrypt_method", defs.unreadable());
        return;
    }
    for (const auto& [key, setting] : kDays) {
        tell_days(reader, defs, key, setting, teller);
    }
    if (const auto* method = defs.find("ENCRYPT_METHOD")) {
        teller.value("login_defs.encrypt_method", lower(method->value),
                     {method->source, method->drop_in ? "drop-in" : "set"});
    } else {
        teller.value("login_defs.encrypt_method", "des", {std::string(defs.path()), "default"});
    }
}

void tell_with_password(HostReader& reader, const TellFact& tell) {
    const LocalAccounts accounts = read_local_accounts(reader);
    const Teller teller(tell, {});
    if (accounts.with_password) {
        teller.number("accounts.with_password", static_cast<std::int64_t>(*accounts.with_password),
                      {"/etc/shadow", "set"});
    } else {
        teller.problem("accounts.with_password", accounts.problem);
    }
}

}  // namespace

Dependencies PasswordPolicyTopic::read(const Surroundings& around, const TellFact& tell) {
    HostReader reader(around.host);
    tell_with_password(reader, tell);
    const LoginDefs defs = read_login_defs(reader);
    tell_login_defs(reader, defs, tell);
    tell_pam(reader, defs, tell);
    // What is wrong with a file is told beside what was made of it, so that a good value that rests
    // on a bad file is no pass, and a bad one still a finding.
    for (const auto& [path, problem] : reader.problems()) {
        const bool defs_file = path.contains("login.defs");
        if (path == "/etc/nsswitch.conf" || path.ends_with("os-release")) {
            continue;
        }
        Teller(tell, path)
            .problem(defs_file ? "login_defs.configuration" : "pam.password.configuration",
                     problem);
    }
    return reader.take_dependencies();
}

}  // namespace assay::sensors
