// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/password_checks.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace assay::sensors {
namespace {

using Role = ModuleActs::Role;

constexpr std::array<std::string_view, 4> kCredits{"dcredit", "ucredit", "lcredit", "ocredit"};
constexpr std::int64_t kCracklibShortest = 6;  // MINLEN of cracklib's FascistCheck
constexpr std::int64_t kLongestHistory = 400;

Said said_by(const SourcedNumber* number, const PamStep& step) {
    if (number == nullptr) {
        return {step.source, "default"};
    }
    return {number->source, number->drop_in ? "drop-in" : "set"};
}

/// The part of an argument behind `name=`.
std::optional<std::string_view> value_of(std::string_view argument, std::string_view name) {
    if (argument.size() > name.size() && argument.starts_with(name) &&
        argument[name.size()] == '=') {
        return argument.substr(name.size() + 1);
    }
    return std::nullopt;
}

bool has_argument(const PamStep& step, std::string_view start) {
    return std::ranges::any_of(
        step.arguments, [&](std::string_view argument) { return argument.starts_with(start); });
}

/// What pam_get_authtok(3) looks for among the arguments of the module that calls it.
bool only_takes_given(const PamStep& step) {
    return has_argument(step, "use_authtok") || has_argument(step, "use_first_pass");
}

void apply_credits(PasswordCheck& check, const CreditRules& rules) {
    const auto shortest = shortest_by_credits(rules);
    check.impossible = !shortest;
    check.length = std::max(shortest.value_or(1), check.dictionary ? kCracklibShortest : 1);
    std::int64_t required = 0;
    for (std::size_t i = 0; i < kCredits.size(); ++i) {
        if (rules.credits[i] < 0) {
            check.of_class[i] = -rules.credits[i];
            ++required;
        }
    }
    check.classes = std::max({std::int64_t{1}, rules.classes, required});
}

/// Of several settings, the one that says most about where a value comes from.
Said classes_said(const PasswordCheck& check, const PamStep& step) {
    const auto found = std::ranges::find_if(check.written, [&](const PasswordCheck::Written& each) {
        return each.name == "minclass" ? each.number.value == check.classes : each.number.value < 0;
    });
    if (found != check.written.end()) {
        return said_by(&found->number, step);
    }
    return check.written.empty() ? Said{step.source, "default"}
                                 : said_by(&check.written.front().number, step);
}

ModuleActs pwquality(const PamStep& step, ModuleSurroundings& around) {
    PwqualitySettings settings = around.pwquality();
    for (const std::string_view argument : step.arguments) {
        const auto equals = argument.find('=');
        (void)settings.set(
            argument.substr(0, equals),
            equals == std::string_view::npos ? std::string_view{} : argument.substr(equals + 1),
            step.source, false);
    }
    ModuleActs acts{.role = Role::checks};
    acts.check.module = "pwquality";
    acts.only_given = only_takes_given(step);
    acts.refusal = settings.value("retry") > 1 ? PamResult::maxtries : PamResult::authtok_err;
    PasswordCheck& check = acts.check;
    check.root_said = said_by(settings.find("enforce_for_root"), step);
    check.for_root = settings.value("enforce_for_root") != 0;
    for (const std::string_view name : {"minclass", "dcredit", "ucredit", "lcredit", "ocredit"}) {
        if (const SourcedNumber* number = settings.find(name)) {
            check.written.push_back({name, *number});
        }
    }
    const SourcedNumber* enforcing = settings.find("enforcing");
    if (settings.value("enforcing") == 0) {
        // It complains, and takes everything.
        check.length_said = check.classes_said = check.dictionary_said = said_by(enforcing, step);
        check.for_root = false;
        return acts;
    }
    check.dictionary = settings.value("dictcheck") != 0;
    apply_credits(check, {.minimum = settings.value("minlen"),
                          .credits = {settings.value("dcredit"), settings.value("ucredit"),
                                      settings.value("lcredit"), settings.value("ocredit")},
                          .classes = settings.value("minclass")});
    check.length_said = said_by(settings.find("minlen"), step);
    check.classes_said = classes_said(check, step);
    check.dictionary_said = said_by(settings.find("dictcheck"), step);
    return acts;
}

ModuleActs cracklib(const PamStep& step) {
    ModuleActs acts{.role = Role::checks};
    acts.only_given = only_takes_given(step);
    PasswordCheck& check = acts.check;
    check.module = "cracklib";
    check.dictionary = true;
    CreditRules rules{.minimum = 9, .credits = {1, 1, 1, 1}};
    const Said set{step.source, "set"};
    check.length_said = check.classes_said = check.dictionary_said =
        check.root_said = {step.source, "default"};
    for (const std::string_view argument : step.arguments) {
        if (const auto minimum = value_of(argument, "minlen")) {
            constexpr std::int64_t kLowest = 5;
            rules.minimum = std::max(leading_number(*minimum).value_or(0), kLowest);
            check.length_said = set;
        } else if (const auto classes = value_of(argument, "minclass")) {
            rules.classes = std::clamp<std::int64_t>(leading_number(*classes).value_or(0), 0, 4);
            check.written.push_back({"minclass", {rules.classes, step.source, false}});
        } else if (const auto retry = value_of(argument, "retry")) {
            acts.refusal = leading_number(*retry).value_or(1) > 1 ? PamResult::maxtries
                                                                  : PamResult::authtok_err;
        } else if (argument == "enforce_for_root") {
            check.for_root = true;
            check.root_said = set;
        }
        for (std::size_t i = 0; i < kCredits.size(); ++i) {
            if (const auto credit = value_of(argument, kCredits[i])) {
                rules.credits[i] = leading_number(*credit).value_or(0);
                check.written.push_back({kCredits[i], {rules.credits[i], step.source, false}});
            }
        }
    }
    apply_credits(check, rules);
    check.classes_said = classes_said(check, step);
    return acts;
}

/// pam_passwdqc's min=N0,N1,N2,N3,N4: the least length of a password of one class, of two, of a
/// passphrase, of three and of four classes; `disabled` for kinds that it does not take.
struct PasswdqcLengths {
    static constexpr std::int64_t kDisabled = std::numeric_limits<std::int64_t>::max();
    std::array<std::int64_t, 5> of{kDisabled, 24, 11, 8, 7};

    bool parse(std::string_view text) {
        std::array<std::int64_t, 5> read{};
        for (std::size_t i = 0; i < read.size(); ++i) {
            const auto comma = text.find(',');
            const std::string_view word = text.substr(0, comma);
            if (word == "disabled") {
                read[i] = kDisabled;
            } else if (const auto number = to_number(word); number && *number >= 0) {
                read[i] = *number;
            } else {
                return false;
            }
            if (i > 0 && read[i] > read[i - 1]) {
                return false;  // passwdqc wants them to fall
            }
            if ((comma == std::string_view::npos) != (i + 1 == read.size())) {
                return false;
            }
            text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        }
        of = read;
        return true;
    }
};

void apply_passwdqc_option(std::string_view text, const Said& said, PasswdqcLengths& lengths,
                           ModuleActs& acts, bool& enforced) {
    PasswordCheck& check = acts.check;
    if (const auto minimum = value_of(text, "min")) {
        if (lengths.parse(*minimum)) {
            check.length_said = check.classes_said = said;
        }
    } else if (const auto enforce = value_of(text, "enforce")) {
        enforced = *enforce != "none";
        check.for_root = *enforce == "everyone";
        check.root_said = said;
    } else if (text == "use_authtok" || text == "use_first_pass") {
        acts.only_given = true;
    }
}

ModuleActs passwdqc(const PamStep& step, ModuleSurroundings& around) {
    ModuleActs acts{.role = Role::checks, .always_asks = true, .forgets = false};
    PasswordCheck& check = acts.check;
    check.module = "passwdqc";
    check.length_said = check.classes_said = check.dictionary_said =
        check.root_said = {step.source, "default"};
    check.for_root = true;
    PasswdqcLengths lengths;
    bool enforced = true;
    for (const std::string_view argument : step.arguments) {
        if (const auto config = value_of(argument, "config")) {
            const HostText& file = around.reader.read(*config);
            std::string_view rest = file.text;
            std::string_view line;
            for (std::size_t number = 1; next_line(rest, line); ++number) {
                line = trimmed(line);
                if (!line.starts_with('#')) {
                    apply_passwdqc_option(line, {at_line(file.path, number), "set"}, lengths, acts,
                                          enforced);
                }
            }
            continue;
        }
        apply_passwdqc_option(argument, {step.source, "set"}, lengths, acts, enforced);
    }
    if (!enforced) {
        return acts;
    }
    const auto& of = lengths.of;
    check.length = std::max<std::int64_t>(1, std::ranges::min(of));
    check.impossible = check.length == PasswdqcLengths::kDisabled;
    const auto taken = [&](std::size_t i) { return of[i] != PasswdqcLengths::kDisabled; };
    // Words with something between them are two classes.
    check.classes = taken(0) ? 1 : taken(1) || taken(2) ? 2 : taken(3) ? 3 : 4;
    check.dictionary = true;  // it has a word list of its own
    return acts;
}

/// The value of a key of a file in the manner of login.defs, as pam_modutil_search_key finds it:
/// the first one.
std::optional<SourcedNumber> search_number(const HostText& file, std::string_view key) {
    std::string_view rest = file.text;
    std::string_view line;
    for (std::size_t number = 1; next_line(rest, line); ++number) {
        const auto words = split_words(trimmed(line.substr(0, line.find('#'))), " \t=");
        if (!words.empty() && equal_ignoring_case(words.front(), key)) {
            const auto value = words.size() > 1 ? leading_number(words[1]) : std::nullopt;
            return SourcedNumber{value.value_or(1), at_line(file.path, number), false};
        }
    }
    return std::nullopt;
}

ModuleActs pwhistory(const PamStep& step, ModuleSurroundings& around) {
    ModuleActs acts{.role = Role::checks, .refusal = PamResult::maxtries};
    acts.only_given = only_takes_given(step);
    PasswordCheck& check = acts.check;
    check.module = "pwhistory";
    check.remember = 10;
    check.remember_said = {step.source, "default"};
    check.root_said = {step.source, "default"};
    std::string_view path = "/etc/security/pwhistory.conf";
    for (const std::string_view argument : step.arguments) {
        path = value_of(argument, "conf").value_or(path);
    }
    // Linux-PAM before 1.5.3 has no such file and so reads none; where one lies, it is read.
    const HostText& file = around.reader.read(path);
    if (const auto remember = search_number(file, "remember")) {
        check.remember = remember->value;
        check.remember_said = {remember->source, "set"};
    }
    if (const auto root = search_number(file, "enforce_for_root")) {
        check.for_root = true;
        check.root_said = {root->source, "set"};
    }
    for (const std::string_view argument : step.arguments) {
        const std::string folded = lower(argument);
        if (const auto remember = value_of(folded, "remember")) {
            check.remember = leading_number(*remember).value_or(0);
            check.remember_said = {step.source, "set"};
        } else if (folded == "enforce_for_root") {
            check.for_root = true;
            check.root_said = {step.source, "set"};
        }
    }
    check.remember = std::clamp<std::int64_t>(check.remember, 0, kLongestHistory);
    if (check.remember == 0) {
        acts.role = Role::ignores;
    }
    return acts;
}

struct HashMethod {
    std::string_view argument, name;
};
/// In pam_unix's own order: the first whose text begins the argument counts.
constexpr std::array kHashMethods{
    HashMethod{"md5", "md5crypt"},
    HashMethod{"bigcrypt", "descrypt"},
    HashMethod{"sha256", "sha256crypt"},
    HashMethod{"sha512", "sha512crypt"},
    HashMethod{"blowfish", "bcrypt"},
    HashMethod{"des", "descrypt"},
    HashMethod{"gost_yescrypt", "gost-yescrypt"},
    HashMethod{"yescrypt", "yescrypt"},
};

std::optional<std::string_view> hash_method(std::string_view text) {
    const std::string folded = lower(text);
    const auto* found = std::ranges::find_if(
        kHashMethods, [&](const HashMethod& each) { return folded.starts_with(each.argument); });
    return found == kHashMethods.end() ? std::nullopt : std::optional(found->name);
}

ModuleActs unix_passwords(const PamStep& step, ModuleSurroundings& around) {
    ModuleActs acts{.role = Role::stores, .hash_method = "descrypt"};
    acts.only_given = only_takes_given(step);
    const Said set{step.source, "set"};
    const Said fallback{step.source, "default"};
    acts.hash_said = fallback;
    PasswordCheck& check = acts.check;
    check.module = "unix";
    check.length_said = check.classes_said = check.remember_said = check.root_said = fallback;
    if (const auto* method = around.login_defs.find("ENCRYPT_METHOD")) {
        if (const auto name = hash_method(method->value)) {
            acts.hash_method = *name;
            acts.hash_said = {method->source, method->drop_in ? "drop-in" : "set"};
        }
    }
    // Debian gives pam_unix a minimum of its own. Its `obscure` compares with the old password, and
    // does not make the shortest one longer.
    check.length = around.debian ? 6 : 0;
    for (const std::string_view argument : step.arguments) {
        if (const auto minimum = value_of(argument, "minlen")) {
            // Linux-PAM before 1.6 takes the digits at its start, or 0.
            check.length = leading_number(*minimum).value_or(0);
            check.length_said = set;
        } else if (const auto remember = value_of(argument, "remember")) {
            if (const auto number = to_number(*remember); number && *number >= -1) {
                check.remember = std::clamp<std::int64_t>(*number, 0, kLongestHistory);
                check.remember_said = set;
            }
        } else if (const auto method = hash_method(argument);
                   method && argument == lower(argument)) {
            acts.hash_method = *method;
            acts.hash_said = set;
        }
    }
    constexpr std::int64_t kDesBytes = 8;
    if (acts.hash_method == "descrypt") {
        check.length = std::min(check.length, kDesBytes);
    }
    check.length = std::max<std::int64_t>(1, check.length);
    return acts;
}

/// Where a host keeps its PAM modules: only a directory that holds some tells what is missing.
bool is_missing(const PamStep& step, HostReader& reader) {
    if (step.module.starts_with('/')) {
        const auto part = step.module.substr(0, step.module.rfind('/'));
        return reader.is_directory(part) && !reader.exists(step.module);
    }
    static constexpr std::array<std::string_view, 4> kDirectories{
        "/usr/lib64/security", "/usr/lib/security", "/lib64/security", "/lib/security"};
    static constexpr std::array<std::string_view, 8> kTriplets{
        "x86_64-linux-gnu",      "aarch64-linux-gnu", "arm-linux-gnueabihf", "arm-linux-gnueabi",
        "powerpc64le-linux-gnu", "s390x-linux-gnu",   "riscv64-linux-gnu",   "i386-linux-gnu"};
    bool any = false;
    const auto holds = [&](const std::string& directory) {
        // The module that every stack ends with tells a directory of modules from others.
        if (!reader.host().exists(below_root(directory + "/pam_deny.so")) &&
            !reader.host().exists(below_root(directory + "/pam_unix.so"))) {
            return false;
        }
        any = true;
        return reader.exists(directory + "/" + step.module);
    };
    for (const std::string_view directory : kDirectories) {
        if (holds(std::string(directory))) {
            return false;
        }
    }
    for (const std::string_view triplet : kTriplets) {
        for (const std::string_view directory : {"/usr/lib/", "/lib/"}) {
            if (holds(std::string(directory) + std::string(triplet) + "/security")) {
                return false;
            }
        }
    }
    return any;
}

struct NamedRole {
    std::string_view module;
    Role role;
};
constexpr std::array kOtherModules{
    NamedRole{"pam_permit", Role::succeeds},
    NamedRole{"pam_localuser", Role::succeeds},
    NamedRole{"pam_deny", Role::fails},
    NamedRole{"pam_warn", Role::ignores},
    NamedRole{"pam_echo", Role::ignores},
    NamedRole{"pam_gnome_keyring", Role::ignores},
    NamedRole{"pam_kwallet", Role::ignores},
    NamedRole{"pam_kwallet5", Role::ignores},
    NamedRole{"pam_ecryptfs", Role::ignores},
    NamedRole{"pam_mount", Role::ignores},
    NamedRole{"pam_sss", Role::elsewhere},
    NamedRole{"pam_ldap", Role::elsewhere},
    NamedRole{"pam_krb5", Role::elsewhere},
    NamedRole{"pam_winbind", Role::elsewhere},
    NamedRole{"pam_systemd_home", Role::elsewhere},
    NamedRole{"pam_himmelblau", Role::elsewhere},
    NamedRole{"pam_lsass", Role::elsewhere},
    NamedRole{"pam_oslogin_login", Role::elsewhere},
};

}  // namespace

const PwqualitySettings& ModuleSurroundings::pwquality() {
    if (!known_pwquality) {
        known_pwquality = read_pwquality(reader);
    }
    return *known_pwquality;
}

std::optional<std::int64_t> shortest_by_credits(const CreditRules& rules) {
    if (rules.classes > 4) {
        return std::nullopt;
    }
    std::optional<std::int64_t> best;
    for (unsigned used = 1; used < 16; ++used) {
        std::int64_t count = 0;   // classes used
        std::int64_t needed = 0;  // characters that this mix cannot do without
        std::int64_t earned = 0;  // credit that those earn
        std::int64_t more = 0;    // credit that further characters can earn
        bool possible = true;
        for (unsigned i = 0; i < 4; ++i) {
            const std::int64_t credit = rules.credits[i];
            if ((used & (1U << i)) == 0) {
                possible = possible && credit >= 0;
                continue;
            }
            ++count;
            needed += std::max<std::int64_t>(1, -credit);
            earned += std::clamp<std::int64_t>(credit, 0, 1);
            more += std::max<std::int64_t>(0, credit - 1);
        }
        if (!possible || count < rules.classes) {
            continue;
        }
        const std::int64_t lacking = std::max<std::int64_t>(0, rules.minimum - needed - earned);
        // Each further character adds one and earns one, until no credit is left to earn.
        const std::int64_t further = lacking <= 2 * more ? (lacking + 1) / 2 : lacking - more;
        best = std::min(best.value_or(needed + further), needed + further);
    }
    // A single character is a palindrome, which these modules do not take.
    return best ? std::optional(std::max<std::int64_t>(2, *best)) : best;
}

ModuleActs module_acts(const PamStep& step, ModuleSurroundings& around) {
    if (is_missing(step, around.reader)) {
        if (!step.silent) {
            around.reader.problem(step.source.substr(0, step.source.rfind(':')),
                                  step.source + ": " + step.module + " is not installed");
        }
        return {.role = Role::absent};
    }
    const std::string_view name = step.module_name();
    if (name == "pam_pwquality") {
        return pwquality(step, around);
    }
    if (name == "pam_cracklib") {
        return cracklib(step);
    }
    if (name == "pam_passwdqc") {
        return passwdqc(step, around);
    }
    if (name == "pam_pwhistory") {
        return pwhistory(step, around);
    }
    if (name == "pam_unix" || name == "pam_unix_passwd" || name == "pam_unix2" ||
        name == "pam_tcb") {
        return unix_passwords(step, around);
    }
    const auto* other = std::ranges::find(kOtherModules, name, &NamedRole::module);
    return {.role = other == kOtherModules.end() ? Role::unknown : other->role};
}

}  // namespace assay::sensors
