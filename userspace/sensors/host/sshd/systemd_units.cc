// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/systemd_units.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

// In order of precedence (systemd.unit(5)).
constexpr std::array<std::string_view, 5> kUnitFolders{
    "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system"};

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

struct Assignment {
    std::string section;
    std::string key;
    std::string value;
    std::string source;
};

void parse_unit(const std::string& path, std::string_view text, std::vector<Assignment>& out) {
    std::string section;
    std::string joined;
    for (std::string_view line : split(text, '\n')) {
        line = trimmed(line);
        if (line.starts_with('#') || line.starts_with(';')) {
            continue;
        }
        if (line.ends_with('\\')) {
            joined += line.substr(0, line.size() - 1);
            joined += ' ';
            continue;
        }
        joined += line;
        const std::string_view whole = trimmed(joined);
        const std::size_t equals = whole.find('=');
        if (whole.starts_with('[') && whole.ends_with(']')) {
            section = whole.substr(1, whole.size() - 2);
        } else if (equals != std::string_view::npos) {
            out.push_back({section, std::string(trimmed(whole.substr(0, equals))),
                           std::string(trimmed(whole.substr(equals + 1))), path});
        }
        joined.clear();
    }
}

/// The values of a key, in order; an empty one drops those before it.
std::vector<const Assignment*> values_of(const std::vector<Assignment>& unit,
                                         std::string_view section, std::string_view key) {
    std::vector<const Assignment*> values;
    for (const Assignment& assignment : unit) {
        if (assignment.section != section || assignment.key != key) {
            continue;
        }
        if (assignment.value.empty()) {
            values.clear();
        } else {
            values.push_back(&assignment);
        }
    }
    return values;
}

struct Variable {
    std::string value;
    bool of_crypto_policy = false;
};
using Variables = std::map<std::string, Variable, std::less<>>;

void read_environment_file(const ConfigFiles& files, std::string_view name, Variables& variables) {
    if (name.starts_with('-')) {
        name.remove_prefix(1);
    }
    const auto paths = files.expand(std::string(name));
    if (!name.starts_with('/') || !paths) {
        return;
    }
    for (const std::string& path : *paths) {
        const auto text = files.read(path);
        if (!text) {
            continue;
        }
        std::vector<Assignment> assignments;
        parse_unit(path, *text, assignments);
        for (Assignment& assignment : assignments) {
            std::string_view value = assignment.value;
            if (value.size() >= 2 && (value.front() == '\'' || value.front() == '"') &&
                value.back() == value.front()) {
                value = value.substr(1, value.size() - 2);
            }
            variables[assignment.key] = {std::string(value), path.contains("/crypto-policies/")};
        }
    }
}

Variables environment_of(const ConfigFiles& files, const std::vector<Assignment>& unit) {
    Variables variables;
    for (const Assignment* line : values_of(unit, "Service", "Environment")) {
        for (const std::string& word : unit_words(line->value)) {
            if (const std::size_t equals = word.find('='); equals != std::string::npos) {
                variables[word.substr(0, equals)] = {word.substr(equals + 1)};
            }
        }
    }
    for (const Assignment* line : values_of(unit, "Service", "EnvironmentFile")) {
        read_environment_file(files, line->value, variables);
    }
    return variables;
}

/// `${NAME}` inside a word is replaced in place, a word `$NAME` by the words of its value.
void append_expanded(const std::string& word, const Variables& variables, UnitCommand& command) {
    const auto value_of = [&](std::string_view name) {
        const auto found = variables.find(name);
        return found == variables.end() ? Variable{} : found->second;
    };
    if (word.starts_with('$') && !word.starts_with("${") && !word.starts_with("$$")) {
        const Variable variable = value_of(std::string_view(word).substr(1));
        for (std::string& part : unit_words(variable.value)) {
            if (variable.of_crypto_policy) {
                command.from_crypto_policy.push_back(part);
            }
            command.arguments.push_back(std::move(part));
        }
        return;
    }
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const std::size_t close =
            word.compare(i, 2, "${") == 0 ? word.find('}', i) : std::string::npos;
        if (close != std::string::npos) {
            text += value_of(std::string_view(word).substr(i + 2, close - i - 2)).value;
            i = close;
        } else {
            text += word[i];
        }
    }
    command.arguments.push_back(std::move(text));
}

/// Everything below the unit folders that has to do with ssh, listed once.
class Units {
public:
    explicit Units(const ConfigFiles& files) : files_(&files) {
        const auto lib = files.host().read_link("lib");
        const bool lib_is_usr_lib = lib && (*lib == "usr/lib" || *lib == "/usr/lib");
        for (const std::string_view folder : kUnitFolders) {
            if (folder != "/lib/systemd/system" || !lib_is_usr_lib) {
                list(std::string(folder));
            }
        }
    }

    [[nodiscard]] std::vector<std::string> names(std::string_view suffix) const {
        std::vector<std::string> names;
        for (const auto& [name, path] : units_) {
            if (name.ends_with(suffix)) {
                names.push_back(name);
            }
        }
        return names;
    }

    /// The unit with its drop-ins; nothing when it is masked or not there.
    [[nodiscard]] std::optional<std::vector<Assignment>> read(const std::string& name) const {
        const auto unit = units_.find(name);
        if (unit == units_.end()) {
            return std::nullopt;
        }
        const auto link = files_->host().read_link(below_root(unit->second));
        if (link && *link == "/dev/null") {
            return std::nullopt;
        }
        const auto text = files_->read(unit->second);
        if (!text || text->empty()) {
            return std::nullopt;
        }
        std::vector<Assignment> assignments;
        parse_unit(unit->second, *text, assignments);
        for (const auto& [file, path] : drop_ins(name)) {
            if (const auto drop_in = files_->read(path)) {
                parse_unit(path, *drop_in, assignments);
            }
        }
        return assignments;
    }

    /// Something wants it; of a template, one of its instances.
    [[nodiscard]] bool wanted(std::string_view name) const {
        const std::size_t at = name.find("@.");
        return std::ranges::any_of(wanted_, [&](const std::string& wanted) {
            return wanted == name ||
                   (at != std::string_view::npos && wanted.starts_with(name.substr(0, at + 1)) &&
                    wanted.ends_with(name.substr(at + 1)));
        });
    }

private:
    void list(const std::string& folder) {
        files_->dependencies().directories.push_back(folder);
        const auto entries = files_->host().list_directory(below_root(folder));
        if (!entries) {
            return;
        }
        for (const std::string& entry : *entries) {
            if (entry.ends_with(".wants") || entry.ends_with(".requires")) {
                list_wanted(path_in(folder, entry));
            } else if (!entry.contains("ssh")) {
                continue;
            } else if (entry.ends_with(".service") || entry.ends_with(".socket")) {
                units_.try_emplace(entry, path_in(folder, entry));
            } else if (entry.ends_with(".d")) {
                list_drop_ins(path_in(folder, entry), entry.substr(0, entry.size() - 2));
            }
        }
    }
    void list_wanted(const std::string& folder) {
        files_->dependencies().directories.push_back(folder);
        const auto entries = files_->host().list_directory(below_root(folder));
        if (!entries) {
            return;
        }
        for (const std::string& entry : *entries) {
            if (entry.contains("ssh")) {
                wanted_.push_back(entry);
            }
        }
    }
    void list_drop_ins(const std::string& folder, const std::string& unit) {
        files_->dependencies().directories.push_back(folder);
        const auto entries = files_->host().list_directory(below_root(folder));
        if (!entries) {
            return;
        }
        for (const std::string& entry : *entries) {
            if (entry.ends_with(".conf")) {
                drop_ins_[unit].try_emplace(entry, path_in(folder, entry));
            }
        }
    }
    /// By name, whichever folder each comes from.
    [[nodiscard]] const std::map<std::string, std::string>& drop_ins(
        const std::string& unit) const {
        static const std::map<std::string, std::string> kNone;
        const auto found = drop_ins_.find(unit);
        return found == drop_ins_.end() ? kNone : found->second;
    }

    const ConfigFiles* files_;
    std::map<std::string, std::string> units_;
    std::map<std::string, std::map<std::string, std::string>> drop_ins_;
    std::vector<std::string> wanted_;
};

/// Units that a socket starts when somebody connects, of sockets that are enabled.
std::vector<std::string> started_by_sockets(const Units& units) {
    std::vector<std::string> started;
    for (const std::string& name : units.names(".socket")) {
        const auto socket = units.read(name);
        if (!socket || !units.wanted(name)) {
            continue;
        }
        const auto service = values_of(*socket, "Socket", "Service");
        const auto accept = values_of(*socket, "Socket", "Accept");
        const bool for_each = !accept.empty() && (same_word(accept.back()->value, "yes") ||
                                                  same_word(accept.back()->value, "true"));
        const std::string stem = name.substr(0, name.size() - std::string_view(".socket").size());
        started.push_back(!service.empty() ? service.back()->value
                                           : stem + (for_each ? "@.service" : ".service"));
    }
    return started;
}

}  // namespace

std::vector<std::string> unit_words(std::string_view text) {
    std::vector<std::string> words;
    bool in_word = false;
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && (c == ' ' || c == '\t')) {
            in_word = false;
            continue;
        }
        if (!in_word) {
            words.emplace_back();
            in_word = true;
        }
        if (c == '\\' && i + 1 < text.size()) {
            words.back() += text[++i];
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        } else {
            words.back() += c;
        }
    }
    return words;
}

std::vector<UnitCommand> unit_commands(const ConfigFiles& files) {
    const Units units(files);
    const auto by_socket = started_by_sockets(units);
    std::vector<UnitCommand> commands;
    for (const std::string& name : units.names(".service")) {
        const auto unit = units.read(name);
        if (!unit) {
            continue;
        }
        for (const Assignment* start : values_of(*unit, "Service", "ExecStart")) {
            auto words = unit_words(start->value);
            if (words.empty()) {
                continue;
            }
            words[0].erase(0, words[0].find_first_not_of("@-:+!|"));
            if (!words[0].ends_with("/sshd") && words[0] != "sshd") {
                continue;
            }
            UnitCommand command{name, start->source, words[0], {}, {}, false};
            const Variables variables = environment_of(files, *unit);
            for (std::size_t i = 1; i < words.size(); ++i) {
                append_expanded(words[i], variables, command);
            }
            command.enabled =
                units.wanted(name) || std::ranges::find(by_socket, name) != by_socket.end();
            commands.push_back(std::move(command));
        }
    }
    return commands;
}

bool started_by_run_level(const ConfigFiles& files) {
    for (const char level : {'2', '3', '4', '5'}) {
        for (const std::string_view pattern : {"/S??ssh", "/S??sshd"}) {
            const auto scripts =
                files.expand("/etc/rc" + std::string(1, level) + ".d" + std::string(pattern));
            if (scripts && !scripts->empty()) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace assay::sensors::sshd
