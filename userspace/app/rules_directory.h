// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace assay::app {

/// Where the built-in rules are, beginning at the directory of the program: ../../rules (a build
/// tree), ../share/assay/rules (installed), else the source tree it was built from.
[[nodiscard]] Result<std::string> find_rules_directory(const std::string& program_directory);

/// The same for this very program (/proc/self/exe).
[[nodiscard]] Result<std::string> built_in_rules_directory();

}  // namespace assay::app
