// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <span>
#include <string>

#include "app/completion.h"

namespace assay::app {

/// `assay rules list|show|check|test|explain|fields`; `arguments` follow the word `rules`. Results
/// go to `out`, what is wrong to `err`. Exit codes: 0 done, 1 a test inside a rule failed, 2 wrong
/// usage or a rule file with errors.
int rules_command(std::span<const std::string> arguments,
                  const std::string& built_in_rules_directory, std::FILE* out, std::FILE* err);

/// The rows that rules_command parses by.
[[nodiscard]] CommandRow rules_row();

}  // namespace assay::app
