// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/rule_overrides.h"
#include "engine/rule_set.h"

namespace assay::app {

/// Which rules a run judges: where they are, which of them, and what is changed about them.
struct RuleChoice {
    std::string built_in_directory;
    std::vector<std::string> own_directories;
    std::vector<std::string> packages;     ///< PackageChoice::judged; the user's own are always on
    std::vector<engine::NameUse> enabled;  ///< by name, whatever their package
    engine::RuleOverrides overrides;       ///< of the template
};

/// The built-in rules below `built_in_directory` and those of the user's own directories. Problems
/// are added; rules with errors are left out.
[[nodiscard]] engine::RuleSet load_rules(const std::string& built_in_directory,
                                         std::span<const std::string> own_directories,
                                         std::vector<engine::Problem>& problems);

/// The rules of the choice. Problems are added; when the overrides have an error none of them is
/// applied.
[[nodiscard]] engine::RuleSet choose_rules(const RuleChoice& choice,
                                           std::vector<engine::Problem>& problems);
/// The part of it that follows loading.
[[nodiscard]] engine::RuleSet chosen_of(const engine::RuleSet& loaded, const RuleChoice& choice,
                                        std::vector<engine::Problem>& problems);

/// Where the file of a rule is: RuleInfo::file of built-in rules is relative.
[[nodiscard]] std::string path_of(const engine::RuleInfo& rule,
                                  const std::string& built_in_directory);

/// Any of them is an error.
[[nodiscard]] bool has_error(std::span<const engine::Problem> problems);

}  // namespace assay::app
