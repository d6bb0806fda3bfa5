// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/rule_set.h"

namespace assay::app {

/// The built-in rules below `built_in_directory` and those of the user's own directories. Problems
/// are added; rules with errors are left out.
[[nodiscard]] engine::RuleSet load_rules(const std::string& built_in_directory,
                                         std::span<const std::string> own_directories,
                                         std::vector<engine::Problem>& problems);

}  // namespace assay::app
