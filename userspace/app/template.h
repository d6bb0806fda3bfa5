// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "app/duration.h"
#include "base/result.h"
#include "engine/diagnostics.h"
#include "engine/judgement.h"
#include "engine/rule_overrides.h"

namespace assay::app {

/// An assessment template (`--template FILE`): what to judge, how, and where to. Its keys are told
/// in README.md. Nothing is set that the file does not say.
struct Template {
    std::string file;
    std::string name;
    std::optional<std::vector<std::string>> packages;
    std::vector<std::string> rule_directories;  ///< relative ones stand below the template's own
    std::vector<engine::NameUse> enabled;       ///< rules that are judged whatever their package
    engine::RuleOverrides overrides;            ///< rules off, parameters, exceptions in force
    std::optional<WindowLength> duration;
    std::optional<bool> include_loopback;
    std::optional<engine::Level> fail_on;
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::string> outputs;
};

/// Reads a template. Every mistake is told as a problem with its place; when one is an error there
/// is no template, so that nothing is half-applied. An exception that has expired is a warning, and
/// is left out. `today` is the day in UTC: 2026-11-22.
[[nodiscard]] Result<Template> read_template(const std::string& path, const std::string& today,
                                             std::vector<engine::Problem>& problems);
/// The same from text; relative directories are left as they are.
[[nodiscard]] Result<Template> parse_template(std::string_view text, const std::string& file,
                                              const std::string& today,
                                              std::vector<engine::Problem>& problems);
/// Today in UTC.
[[nodiscard]] std::string today_utc();

/// Puts what the template says into `run`, where the command line does not say it: `given(name)` is
/// true for an option that was on it. Rule directories and tags are added to those of the command
/// line, whose tags win; all else is replaced.
void apply(const Template& chosen, const std::function<bool(std::string_view option)>& given,
           RunOptions& run);

}  // namespace assay::app
