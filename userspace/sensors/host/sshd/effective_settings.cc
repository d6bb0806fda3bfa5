// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/effective_settings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sensors/host/sshd/algorithms.h"
#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

struct Told {
    std::string_view name;
    Kept kept;
    std::string_view standard;  ///< the default, where it is the same in every version
    std::optional<AlgorithmKind> algorithms = std::nullopt;
    bool only_when_set = false;
};

constexpr std::array kTold{
    Told{"sshd.permitrootlogin", Kept::permit_root_login, "without-password"},
    Told{"sshd.protocol", Kept::protocol, "2"},
    Told{"sshd.passwordauthentication", Kept::password_authentication, "yes"},
    Told{"sshd.kbdinteractiveauthentication", Kept::kbd_interactive_authentication, "yes"},
    Told{"sshd.usepam", Kept::use_pam, "no"},
    Told{"sshd.permitemptypasswords", Kept::permit_empty_passwords, "no"},
    Told{"sshd.ciphers", Kept::ciphers, "", AlgorithmKind::cipher},
    Told{"sshd.macs", Kept::macs, "", AlgorithmKind::mac},
    Told{"sshd.kexalgorithms", Kept::kex_algorithms, "", AlgorithmKind::kex},
    Told{"sshd.hostkeyalgorithms", Kept::host_key_algorithms, "", AlgorithmKind::key},
    Told{"sshd.pubkeyacceptedalgorithms", Kept::pubkey_accepted_algorithms, "", AlgorithmKind::key},
    Told{"sshd.x11forwarding", Kept::x11_forwarding, "no"},
    Told{"sshd.maxauthtries", Kept::max_auth_tries, "6"},
    Told{"sshd.authenticationmethods", Kept::authentication_methods, "any"},
    Told{"sshd.pubkeyauthentication", Kept::pubkey_authentication, "yes"},
    Told{"sshd.hostbasedauthentication", Kept::hostbased_authentication, "no"},
    Told{"sshd.ignorerhosts", Kept::ignore_rhosts, "yes"},
    Told{"sshd.permituserenvironment", Kept::permit_user_environment, "no"},
    Told{"sshd.logingracetime", Kept::login_grace_time, "120"},
    Told{"sshd.allowusers", Kept::allow_users, "", std::nullopt, true},
    Told{"sshd.denyusers", Kept::deny_users, "", std::nullopt, true},
    Told{"sshd.allowgroups", Kept::allow_groups, "", std::nullopt, true},
    Told{"sshd.denygroups", Kept::deny_groups, "", std::nullopt, true},
};
constexpr std::string_view kPasswordLogin = "sshd.password_login";

const std::optional<KeptValue>& at(const KeptValues& values, Kept kept) {
    return values[static_cast<std::size_t>(kept)];
}

const KeptValue* in_effect(const KeptValues& startup, const KeptValues& matched, Kept kept) {
    if (set_by_match(kept) && at(matched, kept)) {
        return &*at(matched, kept);
    }
    return at(startup, kept) ? &*at(startup, kept) : nullptr;
}

std::string standard_value(const Told& told, const OpenSsh& openssh) {
    if (told.algorithms) {
        return default_algorithms(*told.algorithms, openssh);
    }
    if (told.kept == Kept::permit_root_login && openssh.root_login_by_default) {
        return "yes";
    }
    if (told.kept == Kept::use_pam && openssh.pam_by_default) {
        return "yes";
    }
    return std::string(told.standard);
}

EffectiveSetting effective(const Told& told, const KeptValue* value, const OpenSsh& openssh) {
    EffectiveSetting setting{told.name, {}, {}, "default", {}};
    if (value == nullptr) {
        setting.value = standard_value(told, openssh);
        setting.source = openssh.binary;
        if (told.algorithms && setting.value.empty()) {
            setting.problem = openssh.binary + ": which version of OpenSSH it is is not known";
        }
        return setting;
    }
    setting.source = value->source;
    setting.effective_by = value->effective_by;
    if (told.algorithms) {
        const std::string& written = value->values.at(0);
        const bool on_defaults = std::string_view("+-^").contains(written.front());
        auto list = effective_algorithms(*told.algorithms, written, openssh);
        if (on_defaults && default_algorithms(*told.algorithms, openssh).empty()) {
            setting.problem = value->source + ": which version of OpenSSH it is is not known";
        } else if (!list) {
            setting.problem = value->source + ": no algorithm is left of " + written;
        } else {
            setting.value = std::move(*list);
        }
        return setting;
    }
    for (const std::string& word : value->values) {
        setting.value += setting.value.empty() ? "" : " ";
        setting.value += word;
    }
    return setting;
}

/// Until 8.6 two keywords, of which one can be set in Match blocks, rule the same thing.
const KeptValue* kbd_interactive(const KeptValues& startup, const KeptValues& matched,
                                 const OpenSsh& openssh, bool& on) {
    const auto says = [](const KeptValue* value, std::string_view word) {
        return value != nullptr && value->values.front() == word;
    };
    const KeptValue* direct = in_effect(startup, matched, Kept::kbd_interactive_authentication);
    if (openssh.at_least(807) ||
        (direct != nullptr && at(matched, Kept::kbd_interactive_authentication))) {
        on = !says(direct, "no");
        return direct;
    }
    const KeptValue* challenge =
        in_effect(startup, matched, Kept::challenge_response_authentication);
    if (!says(challenge, "no")) {
        on = true;
        return challenge;
    }
    on = says(direct, "yes");
    return on ? direct : challenge;
}

/// Whether a password alone lets somebody in. With AuthenticationMethods a list of methods must be
/// there that asks for nothing else.
bool password_is_enough(const std::string& methods, bool password, bool kbd_through_pam) {
    if (methods == "any") {
        return password || kbd_through_pam;
    }
    return std::ranges::any_of(split(methods, ' '), [&](std::string_view list) {
        return std::ranges::all_of(split(list, ','), [&](std::string_view method) {
            const bool is_kbd = method.substr(0, method.find(':')) == "keyboard-interactive";
            return (method == "password" && password) || (is_kbd && kbd_through_pam);
        });
    });
}

}  // namespace

const std::vector<std::string_view>& told_settings() {
    static const std::vector<std::string_view> kNames = [] {
        std::vector<std::string_view> names;
        for (const Told& told : kTold) {
            if (!told.only_when_set) {
                names.push_back(told.name);
            }
        }
        names.push_back(kPasswordLogin);
        return names;
    }();
    return kNames;
}

std::vector<EffectiveSetting> effective_settings(const OpenSsh& openssh, const KeptValues& startup,
                                                 const KeptValues& matched) {
    std::vector<EffectiveSetting> settings;
    for (const Told& told : kTold) {
        const KeptValue* value = in_effect(startup, matched, told.kept);
        if (told.kept == Kept::kbd_interactive_authentication) {
            bool on = true;
            value = kbd_interactive(startup, matched, openssh, on);
            settings.push_back(effective(told, value, openssh));
            settings.back().value = on ? "yes" : "no";
        } else if (value != nullptr || !told.only_when_set) {
            settings.push_back(effective(told, value, openssh));
        }
    }
    const auto named = [&](std::string_view name) -> const EffectiveSetting& {
        return *std::ranges::find(settings, name, &EffectiveSetting::name);
    };
    const EffectiveSetting& password = named("sshd.passwordauthentication");
    const EffectiveSetting& kbd = named("sshd.kbdinteractiveauthentication");
    const EffectiveSetting& methods = named("sshd.authenticationmethods");
    const bool by_password = password.value == "yes";
    const bool by_kbd = kbd.value == "yes" && named("sshd.usepam").value == "yes";
    const bool enough = password_is_enough(methods.value, by_password, by_kbd);
    // The setting to look at: what lets it through, or what forbids it.
    const EffectiveSetting& rests_on = enough                  ? (by_password ? password : kbd)
                                       : by_password || by_kbd ? methods
                                                               : password;
    settings.push_back(
        {kPasswordLogin, enough ? "yes" : "no", rests_on.source, rests_on.effective_by, {}});
    return settings;
}

}  // namespace assay::sensors::sshd
