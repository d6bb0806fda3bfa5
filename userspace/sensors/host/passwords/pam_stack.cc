// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/pam_stack.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace assay::sensors {
namespace {

constexpr std::string_view kSpace = " \n\t";
constexpr std::size_t kMostSteps = 256;
constexpr std::size_t kMostEntries = 8192;  // lines looked at for one service, includes and all
constexpr std::size_t kDeepest = 16;        // PAM_SUBSTACK_MAX_LEVEL
constexpr int kUndefined = -6;

constexpr std::array<std::string_view, kPamResults> kResultNames{"success",
                                                                 "open_err",
                                                                 "symbol_err",
                                                                 "service_err",
                                                                 "system_err",
                                                                 "buf_err",
                                                                 "perm_denied",
                                                                 "auth_err",
                                                                 "cred_insufficient",
                                                                 "authinfo_unavail",
                                                                 "user_unknown",
                                                                 "maxtries",
                                                                 "new_authtok_reqd",
                                                                 "acct_expired",
                                                                 "session_err",
                                                                 "cred_unavail",
                                                                 "cred_expired",
                                                                 "cred_err",
                                                                 "no_module_data",
                                                                 "conv_err",
                                                                 "authtok_err",
                                                                 "authtok_recover_err",
                                                                 "authtok_lock_busy",
                                                                 "authtok_disable_aging",
                                                                 "try_again",
                                                                 "ignore",
                                                                 "abort",
                                                                 "authtok_expired",
                                                                 "module_unknown",
                                                                 "bad_item",
                                                                 "conv_again",
                                                                 "incomplete"};
constexpr std::array<std::string_view, 6> kActionNames{"ignore", "ok",  "done",
                                                       "bad",    "die", "reset"};

int& at(PamControl& control, PamResult result) { return control[static_cast<std::size_t>(result)]; }

void set_rest(PamControl& control, int action) {
    std::ranges::replace(control, kUndefined, action);
}

PamControl all(int action) {
    PamControl control;
    control.fill(action);
    return control;
}

PamControl named(int success, int otherwise, bool ignores) {
    PamControl control = all(kUndefined);
    constexpr std::size_t kNewTokenRequired = 12;
    at(control, PamResult::success) = success;
    control[kNewTokenRequired] = success;
    if (ignores) {
        at(control, PamResult::ignore) = kPamIgnore;
    }
    set_rest(control, otherwise);
    return control;
}

void skip_space(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
}

/// Takes a name from a table off the front; its index, or the table's size.
template <std::size_t N>
std::size_t take_name(std::string_view& text, const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i) {
        if (text.starts_with(names[i])) {
            text.remove_prefix(names[i].size());
            return i;
        }
    }
    return N;
}

/// An action: its number, a positive jump, or nothing when it is none of these.
std::optional<int> take_action(std::string_view& text) {
    if (const std::size_t index = take_name(text, kActionNames); index < kActionNames.size()) {
        return -static_cast<int>(index);
    }
    std::int64_t jump = 0;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        jump = jump * 10 + (text.front() - '0');
        any = true;
        if (jump > std::numeric_limits<int>::max()) {
            return std::nullopt;
        }
        text.remove_prefix(1);
    }
    return any && jump > 0 ? std::optional(static_cast<int>(jump)) : std::nullopt;
}

/// One `value=action`. False when libpam could not read it.
bool take_pair(std::string_view& text, PamControl& control) {
    std::size_t result = take_name(text, kResultNames);
    if (result == kResultNames.size()) {
        constexpr std::string_view kDefault = "default";
        if (!text.starts_with(kDefault)) {
            return false;
        }
        text.remove_prefix(kDefault.size());
    }
    skip_space(text);
    if (!text.starts_with('=')) {
        return false;
    }
    text.remove_prefix(1);
    skip_space(text);
    const auto action = take_action(text);
    if (!action) {
        return false;
    }
    if (result < kResultNames.size()) {
        control[result] = *action;
    } else {
        set_rest(control, *action);
    }
    return true;
}

}  // namespace

std::string_view PamStep::module_name() const {
    std::string_view name = module;
    if (const auto slash = name.rfind('/'); slash != std::string_view::npos) {
        name.remove_prefix(slash + 1);
    }
    return name.substr(0, name.rfind('.'));
}

bool next_pam_line(std::string_view& rest, std::size_t& next_number, std::string& line,
                   std::size_t& number) {
    line.clear();
    std::string_view part;
    bool joined = false;
    while (next_line(rest, part)) {
        if (!joined) {
            number = next_number;
        }
        ++next_number;
        // A backslash joins also when blanks follow it, or when it ends a comment, which it does
        // not continue.
        const auto last = part.find_last_not_of(kSpace);
        bool joins = last != std::string_view::npos && part[last] == '\\';
        if (joins) {
            part = part.substr(0, last);
        }
        const auto comment = part.find('#');
        joins = joins && comment == std::string_view::npos;
        part = part.substr(0, comment);
        part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
        line += part;
        if (joins) {
            line += ' ';
            joined = true;
            continue;
        }
        if (line.find_first_not_of(kSpace) != std::string::npos) {
            return true;
        }
        line.clear();
        joined = false;
    }
    return false;  // what a backslash at the end of the file leaves open is dropped
}

bool next_pam_word(std::string_view& rest, std::string& word) {
    word.clear();
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
    if (rest.empty()) {
        return false;
    }
    if (!rest.starts_with('[')) {
        const auto end = std::min(rest.find_first_of(kSpace), rest.size());
        word = rest.substr(0, end);
        rest.remove_prefix(end);
        return true;
    }
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != ']'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size() && rest[i + 1] == ']') {
            ++i;
        }
        word += rest[i];
    }
    rest.remove_prefix(std::min(i + 1, rest.size()));
    return true;
}

PamControl parse_pam_control(std::string_view text) {
    if (equal_ignoring_case(text, "required")) {
        return named(kPamOk, kPamBad, true);
    }
    if (equal_ignoring_case(text, "requisite")) {
        return named(kPamOk, kPamDie, true);
    }
    if (equal_ignoring_case(text, "optional")) {
        return named(kPamOk, kPamIgnore, false);
    }
    if (equal_ignoring_case(text, "sufficient")) {
        return named(kPamDone, kPamIgnore, false);
    }
    PamControl control = all(kUndefined);
    for (skip_space(text); !text.empty(); skip_space(text)) {
        if (!take_pair(text, control)) {
            return all(kPamBad);
        }
    }
    set_rest(control, kPamBad);
    return control;
}

struct PamConfiguration::Loading {
    PamStack stack;
    std::size_t entries = 0;

    void problem(std::string text) {
        if (stack.problem.empty()) {
            stack.problem = std::move(text);
        }
    }
};

PamConfiguration::PamConfiguration(HostReader& reader) : reader_(reader) {
    static constexpr std::array<std::string_view, 4> kDirectories{
        "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d", "/usr/share/pam.d"};
    for (const std::string_view directory : kDirectories) {
        reader_.depends_on_directory(directory);
        if (reader_.is_directory(directory)) {
            directories_.push_back(directory);
        } else if (reader_.host().exists(below_root(directory))) {
            reader_.problem(directory,
                            std::string(directory) + ": not a directory that can be read");
        }
    }
    if (directories_.empty()) {
        single_file_ = !reader_.read("/etc/pam.conf").missing;
    }
    debian_ = reader_.exists("/etc/debian_version");
}

const HostText* PamConfiguration::find(std::string_view service) {
    if (service.starts_with('/')) {
        const HostText& file = reader_.read(service);
        return file.missing ? nullptr : &file;
    }
    const HostText* first = nullptr;
    for (const std::string_view directory : directories_) {
        const HostText& file = reader_.read(std::string(directory) + "/" + std::string(service));
        if (file.readable()) {
            return &file;
        }
        if (!file.missing && first == nullptr) {
            first = &file;  // there, but not for us: what libpam sees is not known
        }
    }
    return first;
}

bool PamConfiguration::has_service(std::string_view service) {
    return !single_file_ && find(service) != nullptr;
}

PamStack PamConfiguration::load_stack(std::string_view service) {
    Loading loading;
    loading.stack.service = service;
    if (single_file_) {
        parse(loading, reader_.read("/etc/pam.conf"), false, 0, 0);
    } else {
        (void)load(loading, service, false, 0, 0);
    }
    return std::move(loading.stack);
}

PamStack PamConfiguration::password_stack(std::string_view service) {
    PamStack stack = load_stack(service);
    if (stack.steps.empty() && stack.problem.empty()) {
        stack = load_stack("other");
        stack.service = service;
    }
    return stack;
}

bool PamConfiguration::load(Loading& loading, std::string_view name, bool only_passwords,
                            std::size_t depth, std::size_t level) {
    if (depth >= kDeepest) {
        loading.problem("includes nested deeper than " + std::to_string(kDeepest) + " at " +
                        std::string(name));
        return false;
    }
    const HostText* file = find(name);
    if (file == nullptr) {
        return false;
    }
    if (!file->readable()) {
        loading.problem(file->unreadable);
        return false;
    }
    parse(loading, *file, only_passwords, depth, level);
    return true;
}

void PamConfiguration::parse(Loading& loading, const HostText& file, bool only_passwords,
                             std::size_t depth, std::size_t level) {
    if (!file.readable()) {
        loading.problem(file.missing ? file.path + ": missing" : file.unreadable);
        return;
    }
    std::string_view rest = file.text;
    std::string line;
    std::size_t next_number = 1;
    std::size_t number = 1;
    while (loading.stack.problem.empty() && next_pam_line(rest, next_number, line, number)) {
        const std::string source = at_line(file.path, number);
        if (++loading.entries > kMostEntries || loading.stack.steps.size() >= kMostSteps) {
            loading.problem(source + ": more entries than a password stack may have");
            return;
        }
        std::string_view entry = line;
        if (single_file_ && depth == 0) {
            std::string service;
            if (!next_pam_word(entry, service) ||
                !equal_ignoring_case(service, loading.stack.service)) {
                continue;
            }
        }
        add_entry(loading, entry, source, only_passwords, depth, level);
    }
}

void PamConfiguration::add_entry(Loading& loading, std::string_view line, const std::string& source,
                                 bool only_passwords, std::size_t depth, std::size_t level) {
    PamStep step;
    step.source = source;
    step.level = level;
    std::string word;
    (void)next_pam_word(line, word);
    if (debian_ && word == "@include") {
        if (!next_pam_word(line, word) || !load(loading, word, only_passwords, depth + 1, level)) {
            loading.problem(source + ": cannot include " + word);
        }
        return;
    }
    std::string_view type = word;
    if (type.starts_with('-')) {
        step.silent = true;
        type.remove_prefix(1);
    }
    const bool known = equal_ignoring_case(type, "auth") || equal_ignoring_case(type, "account") ||
                       equal_ignoring_case(type, "session") ||
                       equal_ignoring_case(type, "password");
    if (!known) {
        reader_.problem(source.substr(0, source.rfind(':')), source + ": no type of PAM entry");
        if (!only_passwords) {
            return;  // libpam takes it for an auth entry
        }
        step.kind = PamStep::Kind::must_fail;
    } else if (!equal_ignoring_case(type, "password")) {
        return;
    }
    if (!next_pam_word(line, word)) {
        step.kind = PamStep::Kind::must_fail;
        step.control = all(kPamBad);
    } else if (equal_ignoring_case(word, "include") || equal_ignoring_case(word, "substack")) {
        const bool substack = equal_ignoring_case(word, "substack");
        const bool names_file = next_pam_word(line, word);
        if (substack) {
            PamStep mark = step;
            mark.kind = PamStep::Kind::substack;
            mark.module = word;
            loading.stack.steps.push_back(std::move(mark));
        }
        if (names_file && load(loading, word, true, depth + 1, level + (substack ? 1 : 0))) {
            return;
        }
        reader_.problem(source.substr(0, source.rfind(':')), source + ": cannot include " + word);
        step.kind = PamStep::Kind::must_fail;
        step.control = all(kPamBad);
        loading.stack.steps.push_back(std::move(step));
        return;
    } else {
        step.control = parse_pam_control(word);
    }
    if (next_pam_word(line, step.module)) {
        while (next_pam_word(line, word)) {
            step.arguments.push_back(word);
        }
    } else {
        step.kind = PamStep::Kind::must_fail;
        reader_.problem(source.substr(0, source.rfind(':')), source + ": no module");
    }
    loading.stack.steps.push_back(std::move(step));
}

}  // namespace assay::sensors
