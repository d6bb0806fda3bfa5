// SPDX-License-Identifier: Apache-2.0
#include "app/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "app/exit_code.h"
#include "app/packages.h"
#include "facts/kinds.h"

namespace assay::app {
namespace {

constexpr OptionRow kHelpRow{.name = "help", .value = "", .meaning = "show this", .letter = 'h'};
constexpr std::array kCompletionRows{kHelpRow};
constexpr std::array<std::string_view, 2> kShells{"bash", "zsh"};

/// Values that options know by name. Which of them an option takes, its help says.
constexpr std::array<std::string_view, 20> kNamedValues{
    "human",         "jsonl", "ecs",    "cef", "asff",   "table", "json",
    "names",         "high",  "medium", "low", "trace",  "debug", "info",
    "informational", "warn",  "error",  "off", "always", "never"};

/// How the value of an option is completed.
struct ValueRow {
    enum class How : std::uint8_t { anything, words, list, files, directories } how;
    std::vector<std::string_view> words;
};

std::vector<std::string_view> named_in(std::string_view meaning) {
    std::vector<std::string_view> words;
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_-";
    while (!meaning.empty()) {
        const std::size_t length = std::min(meaning.find_first_not_of(kLetters), meaning.size());
        const std::string_view word = meaning.substr(0, length);
        if (std::ranges::find(kNamedValues, word) != kNamedValues.end() &&
            std::ranges::find(words, word) == words.end()) {
            words.push_back(word);
        }
        meaning.remove_prefix(std::min(length + 1, meaning.size()));
    }
    return words;
}

ValueRow value_of(const OptionRow& option) {
    using How = ValueRow::How;
    const bool is_list = option.value.ends_with('S');  // NAMES, KINDS: split at commas
    ValueRow row{.how = How::anything, .words = {}};
    if (option.value == "DIR") {
        row.how = How::directories;
    } else if (option.value == "FILE") {
        row.how = How::files;
    } else if (option.name == "package") {
        for (const PackageInfo& package : kPackages) {
            row.words.push_back(package.name);
        }
    } else if (option.name == "kind") {
        for (const facts::KindInfo& kind : facts::kKinds) {
            row.words.push_back(kind.name);
        }
    } else if (option.value == "FORMAT" || option.value == "LEVEL") {
        row.words = named_in(option.meaning);
    }
    if (!row.words.empty()) {
        row.how = is_list ? How::list : How::words;
    }
    return row;
}

std::string joined(std::span<const std::string_view> words) {
    return fmt::format("{}", fmt::join(words, " "));
}

/// Calls on_command(path, row) for each command and subcommand; the path of `rules list` is
/// "rules list".
void each_command(std::span<const CommandRow> commands, const std::string& above,
                  const auto& on_command) {
    for (const CommandRow& command : commands) {
        const std::string path =
            above.empty() ? std::string(command.name) : above + " " + std::string(command.name);
        on_command(path, command);
        each_command(command.subcommands, path, on_command);
    }
}

std::string names_of(std::span<const CommandRow> commands) {
    std::vector<std::string_view> names;
    std::ranges::transform(commands, std::back_inserter(names), &CommandRow::name);
    return joined(names);
}

std::string bash_case(std::string_view pattern, std::string_view words) {
    return words.empty() ? std::string{}
                         : fmt::format("        {}) echo '{}' ;;\n", pattern, words);
}

std::string_view operand_name(Operand operand) {
    switch (operand) {
        case Operand::none:
            return "";
        case Operand::files:
            return "files";
        case Operand::rule:
            return "rule";
        case Operand::rule_and_file:
            return "rule-and-file";
        case Operand::kinds:
            return "kinds";
        case Operand::shell:
            return "shell";
    }
    return "";
}

std::string kind_names() {
    std::array<std::string_view, facts::kKinds.size()> names;
    std::ranges::transform(facts::kKinds, names.begin(), &facts::KindInfo::name);
    return joined(names);
}

/// The tables of the script, as functions: bash before version 4.0 has no maps.
std::string bash_tables(std::span<const CommandRow> commands) {
    std::string subcommands = bash_case("''", names_of(commands));
    std::string options = bash_case("''", "--help --version");
    std::string values;
    std::string operands;
    each_command(commands, "", [&](const std::string& path, const CommandRow& command) {
        const std::string pattern = "'" + path + "'";
        subcommands += bash_case(pattern, names_of(command.subcommands));
        operands += bash_case(pattern, operand_name(command.operand));
        std::string names;
        for (const OptionRow& option : command.options) {
            if (!option.listed) {
                continue;
            }
            names += (names.empty() ? "--" : " --") + std::string(option.name);
            if (option.value.empty()) {
                continue;
            }
            constexpr std::array<std::string_view, 5> kHows{"anything", "words", "list", "files",
                                                            "directories"};
            const ValueRow value = value_of(option);
            values += bash_case(fmt::format("'{} --{}'", path, option.name),
                                fmt::format("{} {}", kHows[static_cast<std::size_t>(value.how)],
                                            joined(value.words)));
        }
        options += bash_case(pattern, names);
    });
    std::string text;
    for (const auto& [name, meaning, cases] :
         {std::tuple{"subcommands", "COMMAND", &subcommands},
          {"options", "COMMAND", &options},
          {"value", "'COMMAND --OPTION': how its value is completed", &values},
          {"operand", "COMMAND", &operands}}) {
        text += fmt::format("# {}\n_assay_{}() {{\n    case $1 in\n{}    esac\n}}\n\n", meaning,
                            name, *cases);
    }
    return text;
}

constexpr std::string_view kBashBody =
    R"bash(# Candidates, one on a line, that begin with $1. Names are compared and never expanded: rule files
# may be called anything.
_assay_offer() {
    local name
    while IFS= read -r name; do
        if [[ $name == "$1"* && $name =~ ^[A-Za-z0-9._-]+$ ]]; then
            COMPREPLY+=("$2$name")
        fi
    done
}

_assay_paths() {
    compopt -o filenames 2>/dev/null
    local path
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen "$1" -- "$2")
}

# The names of all rules, of those directories too that the line gives.
_assay_rules() {
    "${COMP_WORDS[0]/#\~/$HOME}" rules list --format names "$@" 2>/dev/null
}

_assay() {
    COMPREPLY=()
    local current=${COMP_WORDS[COMP_CWORD]} path='' pending='' word value i operands=0
    local -a rules=()
    # bash makes three words of --name=value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -* ]]; then
            value=$(_assay_value "$path $word")
            if [[ -n $value ]]; then
                if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then
                    ((i++))
                fi
                ((i++))
                if ((i >= COMP_CWORD)); then
                    pending=$value
                elif [[ $word == --rules ]]; then
                    rules+=(--rules "${COMP_WORDS[i]/#\~/$HOME}")
                fi
            fi
        elif [[ -n $(_assay_subcommands "$path") ]]; then
            path="${path:+$path }$word"
        else
            ((operands++))
        fi
    done
    if [[ $current == '=' ]]; then
        current=''
    fi
    if [[ -n $pending ]]; then
        case $pending in
        files*) _assay_paths -f "$current" ;;
        directories*) _assay_paths -d "$current" ;;
        words*) _assay_offer "$current" '' < <(printf '%s\n' ${pending#words}) ;;
        list*)
            local before=''
            if [[ $current == *,* ]]; then
                before=${current%,*},
            fi
            _assay_offer "${current##*,}" "$before" < <(printf '%s\n' ${pending#list})
            ;;
        esac
    elif [[ $current == -* ]]; then
        _assay_offer "$current" '' < <(printf '%s\n' $(_assay_options "$path"))
    elif [[ -n $(_assay_subcommands "$path") ]]; then
        _assay_offer "$current" '' < <(printf '%s\n' $(_assay_subcommands "$path"))
    else
        case $(_assay_operand "$path") in
        files) _assay_paths -f "$current" ;;
        rule)
            if ((operands == 0)); then
                _assay_offer "$current" '' < <(_assay_rules "${rules[@]}")
            fi
            ;;
        rule-and-file)
            if ((operands == 0)); then
                _assay_offer "$current" '' < <(_assay_rules "${rules[@]}")
            fi
            _assay_paths -f "$current"
            ;;
        kinds) _assay_offer "$current" '' < <(printf '%s\n' $(_assay_kinds)) ;;
        shell) _assay_offer "$current" '' < <(printf '%s\n' bash zsh) ;;
        esac
    fi
}
complete -F _assay assay
)bash";

std::string bash_script(std::span<const CommandRow> commands) {
    return "# Completion of assay for bash, printed by `assay completion bash`.\n"
           "# shellcheck shell=bash disable=SC2046,SC2086 # words of our own tables are split\n\n" +
           bash_tables(commands) +
           fmt::format("_assay_kinds() {{\n    echo '{}'\n}}\n\n", kind_names()) +
           std::string(kBashBody);
}

/// Inside single quotes, as a description in a specification of _arguments.
std::string zsh_description(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
            continue;
        }
        if (c == '[' || c == ']' || c == ':' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string zsh_action(const ValueRow& value) {
    switch (value.how) {
        case ValueRow::How::anything:
            return " ";
        case ValueRow::How::words:
            return fmt::format("({})", joined(value.words));
        case ValueRow::How::list:
            return "_values -s , name " + joined(value.words);
        case ValueRow::How::files:
            return "_files";
        case ValueRow::How::directories:
            return "_files -/";
    }
    return " ";
}

std::string zsh_option(const OptionRow& option) {
    std::string spec = option.repeated ? "'*--" : "'--";
    spec += option.name;
    spec += option.value.empty() ? "" : "=";
    spec += "[" + zsh_description(option.meaning) + "]";
    if (!option.value.empty()) {
        spec += ":" + std::string(option.value) + ":" + zsh_action(value_of(option));
    }
    return spec + "'";
}

std::string_view zsh_operands(Operand operand) {
    switch (operand) {
        case Operand::none:
            return "";
        case Operand::files:
            return " '*:file or directory:_files'";
        case Operand::rule:
            return " '1:rule:_assay_rules'";
        case Operand::rule_and_file:
            return " '1:rule:_assay_rule_or_file' '2:fact:_files'";
        case Operand::kinds:
            return " '*:kind of fact:_assay_kinds'";
        case Operand::shell:
            return " '1:shell:(bash zsh)'";
    }
    return "";
}

std::string zsh_function_name(std::string_view path) {
    std::string name = "_assay_command";
    for (const char c : path) {
        name += c == ' ' || c == '-' ? '_' : c;
    }
    return name;
}

/// The function that completes a command: its options and operands, or which of its subcommands.
std::string zsh_function(const std::string& path, std::span<const OptionRow> options,
                         Operand operand, std::span<const CommandRow> subcommands) {
    std::string specs;
    for (const OptionRow& option : options) {
        if (option.listed) {
            specs += " \\\n        " + zsh_option(option);
        }
    }
    const std::string name = zsh_function_name(path.empty() ? "" : "_" + path);
    if (subcommands.empty()) {
        return fmt::format("{}() {{\n    _arguments -s{}{}\n}}\n\n", name, specs,
                           zsh_operands(operand));
    }
    std::string described;
    std::string dispatched;
    for (const CommandRow& each : subcommands) {
        described += fmt::format("            '{}:{}'\n", each.name, zsh_description(each.meaning));
        dispatched += fmt::format(
            "        {}) {} ;;\n", each.name,
            zsh_function_name("_" + (path.empty() ? "" : path + " ") + std::string(each.name)));
    }
    return fmt::format(
        "{}() {{\n"
        "    local curcontext=$curcontext state line\n"
        "    local -a commands\n"
        "    typeset -A opt_args\n"
        "    _arguments -C{} \\\n        '1:command:->command' '*::argument:->argument'\n"
        "    case $state in\n"
        "    command)\n"
        "        commands=(\n{}        )\n"
        "        _describe -t commands command commands\n"
        "        ;;\n"
        "    argument)\n"
        "        case $words[1] in\n{}        esac\n"
        "        ;;\n"
        "    esac\n"
        "}}\n\n",
        name, specs, described, dispatched);
}

constexpr std::string_view kZshEnd = R"zsh(_assay_rules() {
    local -a names asked
    local i
    for ((i = 1; i < CURRENT; i++)); do
        [[ $words[i] == --rules ]] && asked+=(--rules ${(Q)words[i + 1]})
        [[ $words[i] == --rules=* ]] && asked+=(--rules ${(Q)words[i]#--rules=})
    done
    names=(${(f)"$(_call_program rules assay rules list --format names ${(q)asked} 2>/dev/null)"})
    compadd -a names
}

_assay_rule_or_file() {
    _assay_rules
    _files
}

_assay() {
    _assay_command "$@"
}

# Autoloaded from $fpath it completes at once; read with `source` it registers itself.
if [[ $funcstack[1] == _assay ]]; then
    _assay "$@"
else
    compdef _assay assay
fi
)zsh";

std::string zsh_script(std::span<const CommandRow> commands) {
    constexpr std::array kTopRows{
        kHelpRow,
        OptionRow{.name = "version", .value = "", .meaning = "the versions of assay and kernel"}};
    std::string text =
        "#compdef assay\n# Completion of assay for zsh, printed by `assay completion zsh`.\n\n";
    each_command(commands, "", [&](const std::string& path, const CommandRow& command) {
        text += zsh_function(path, command.options, command.operand, command.subcommands);
    });
    text += zsh_function("", kTopRows, Operand::none, commands);
    text += fmt::format("_assay_kinds() {{\n    compadd {}\n}}\n\n", kind_names());
    return text + std::string(kZshEnd);
}

std::string help() {
    return "usage: assay completion bash|zsh\n\n"
           "Prints a script that completes commands, options, packages, rules and files.\n\n"
           "  source <(assay completion bash)    in ~/.bashrc\n"
           "  source <(assay completion zsh)     in ~/.zshrc, after compinit\n\n" +
           options_help(kCompletionRows) + "\nexit: 0 done; 2 wrong usage\n";
}

}  // namespace

std::string completion_script(Shell shell, std::span<const CommandRow> commands) {
    return shell == Shell::bash ? bash_script(commands) : zsh_script(commands);
}

CommandRow completion_row() {
    return {.name = "completion",
            .meaning = "print a script for bash or zsh that completes assay's commands",
            .options = kCompletionRows,
            .operand = Operand::shell};
}

int completion_command(std::span<const std::string> arguments, std::span<const CommandRow> commands,
                       std::FILE* out, std::FILE* err) {
    constexpr std::string_view kName = "assay completion";
    if (std::ranges::any_of(arguments, [](const std::string& argument) {
            return argument == "--help" || argument == "-h";
        })) {
        fmt::print(out, "{}", help());
        return kExitDone;
    }
    if (arguments.size() != 1 || std::ranges::find(kShells, arguments.front()) == kShells.end()) {
        return complain(err, kName,
                        arguments.size() == 1
                            ? fmt::format("expected bash or zsh, found '{}'", arguments.front())
                            : "expected bash or zsh",
                        kExitUsage);
    }
    const Shell shell = arguments.front() == "bash" ? Shell::bash : Shell::zsh;
    fmt::print(out, "{}", completion_script(shell, commands));
    if (std::fflush(out) != 0) {
        return complain(err, kName, "stdout did not take everything that was written", kExitUsage);
    }
    return kExitDone;
}

}  // namespace assay::app
