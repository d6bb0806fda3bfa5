// SPDX-License-Identifier: Apache-2.0
#include "app/run_main.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "app/completion.h"
#include "app/doctor_command.h"
#include "app/exit_code.h"
#include "app/facts_command.h"
#include "app/rules_command.h"
#include "app/rules_directory.h"
#include "app/run_command.h"
#include "engine/nearest_name.h"

namespace assay::app {
namespace {

using Arguments = std::span<const std::string>;

int rules(Arguments arguments, std::FILE* out, std::FILE* err) {
    const auto directory = built_in_rules_directory();
    if (!directory) {
        return complain(err, "assay rules", directory.error().message, kExitUsage);
    }
    return rules_command(arguments, *directory, out, err);
}

int completion(Arguments arguments, std::FILE* out, std::FILE* err);

struct Command {
    std::string_view name;
    std::string_view meaning;
    int (*run)(Arguments arguments, std::FILE* out, std::FILE* err);
};
constexpr std::array kCommands{
    Command{"run", "watch this host for a window and judge live what it does", &run_command},
    Command{"facts", "stream what is observed as JSON lines, judging nothing", &facts_command},
    Command{"doctor", "say what this kernel offers and what stays unknown", &doctor_command},
    Command{"rules", "list, show, check, test and explain rules", &rules},
    Command{"completion", "print what makes bash or zsh complete these commands", &completion},
};

int completion(Arguments arguments, std::FILE* out, std::FILE* err) {
    std::vector<CommandRow> rows;
    for (const Command& command : kCommands) {
        CommandRow row = command.name == "rules" ? rules_row()
                         : command.name == "completion"
                             ? completion_row()
                             : CommandRow{.name = command.name, .meaning = {}, .options = {}};
        row.options = command.name == "run"      ? run_options()
                      : command.name == "facts"  ? facts_options()
                      : command.name == "doctor" ? doctor_options()
                                                 : row.options;
        row.meaning = command.meaning;
        rows.push_back(std::move(row));
    }
    return completion_command(arguments, rows, out, err);
}

/// Named by the design, not in this build: told so, not as an unknown command.
constexpr std::array<std::string_view, 3> kNotInThisBuild{"inspect", "report", "daemon"};

std::string help() {
    std::string text =
        "usage: assay COMMAND [options]\n\n"
        "Watches a Linux host through eBPF for a window of time and judges live what it does.\n\n";
    for (const Command& command : kCommands) {
        text += fmt::format("  assay {:<10} {}\n", command.name, command.meaning);
    }
    text +=
        "\n  assay COMMAND --help   the options of a command\n"
        "  assay --version        the versions of assay and of this kernel\n\n"
        "exit: 0 done; 1 done, and a finding reached --fail-on; 2 wrong usage or configuration;\n"
        "      3 cannot observe\n";
    return text;
}

int print_version(std::FILE* out) {
    utsname kernel{};
    ::uname(&kernel);
    fmt::print(out, "assay {}\nkernel {} {}\n", ASSAY_VERSION, kernel.release, kernel.machine);
    return kExitDone;
}

int unknown_command(const std::string& typed, std::FILE* err) {
    constexpr std::string_view kName = "assay";
    if (std::ranges::find(kNotInThisBuild, typed) != kNotInThisBuild.end()) {
        return complain(err, kName, fmt::format("the command '{}' is not in this build", typed),
                        kExitUsage);
    }
    std::array<std::string_view, kCommands.size()> names;
    std::ranges::transform(kCommands, names.begin(), &Command::name);
    const std::string_view nearest = engine::nearest_name(typed, names);
    const std::string_view what = typed.starts_with('-') ? "option" : "command";
    return complain(err, kName,
                    nearest.empty()
                        ? fmt::format("unknown {} '{}': see assay --help", what, typed)
                        : fmt::format("unknown {} '{}', did you mean {}?", what, typed, nearest),
                    kExitUsage);
}

int dispatch(Arguments arguments, std::FILE* out, std::FILE* err) {
    if (arguments.empty()) {
        fmt::print(err, "{}", help());
        return kExitUsage;
    }
    const std::string& first = arguments.front();
    if (first == "--help" || first == "-h" || first == "help") {
        fmt::print(out, "{}", help());
        return kExitDone;
    }
    if (first == "--version") {
        return print_version(out);
    }
    const auto command = std::ranges::find(kCommands, first, &Command::name);
    if (command == kCommands.end()) {
        return unknown_command(first, err);
    }
    return command->run(arguments.subspan(1), out, err);
}

}  // namespace

int run_main(std::span<const std::string> arguments, std::FILE* out, std::FILE* err) {
    return dispatch(arguments, out, err);
}

}  // namespace assay::app
