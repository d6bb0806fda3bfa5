// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"

namespace assay::app {

/// What a command takes besides its options.
enum class Operand : std::uint8_t {
    none,
    files,          ///< any number of files and directories
    rule,           ///< the name of one rule
    rule_and_file,  ///< the name of one rule, then a file
    kinds,          ///< names of kinds of fact
    shell,          ///< bash or zsh
};

/// A command as its parser knows it: completion walks the same rows, so that nothing is offered
/// that is not understood, and nothing forgotten.
struct CommandRow {
    std::string_view name;
    std::string_view meaning;
    std::span<const OptionRow> options;
    Operand operand = Operand::none;
    std::vector<CommandRow> subcommands = {};
};

enum class Shell : std::uint8_t { bash, zsh };

/// A script for the shell that completes `assay` and these commands: subcommands, options, the
/// values that an option knows, packages, names of rules (asked of `assay rules list` at that
/// moment, so that those of --rules are there), files and directories.
[[nodiscard]] std::string completion_script(Shell shell, std::span<const CommandRow> commands);

/// The row of `assay completion` itself.
[[nodiscard]] CommandRow completion_row();
/// `assay completion bash|zsh`: the script for these commands on `out`. Answers the exit code.
int completion_command(std::span<const std::string> arguments, std::span<const CommandRow> commands,
                       std::FILE* out, std::FILE* err);

}  // namespace assay::app
