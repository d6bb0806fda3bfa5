// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <span>
#include <string>

namespace assay::app {

/// `assay rules list|show|test …`; `arguments` are those after `rules`. Answers the exit code: 0
/// done, 1 a rule's test failed, 2 usage or broken rule files.
[[nodiscard]] int rules_command(std::span<const std::string> arguments,
                                const std::string& built_in_rules_directory, std::FILE* out,
                                std::FILE* err);

}  // namespace assay::app
