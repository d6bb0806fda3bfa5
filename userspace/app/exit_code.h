// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

namespace assay::app {

/// What the process ends with (DESIGN §7).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFindings = 1;  ///< done, and a finding reached --fail-on
inline constexpr int kExitUsage = 2;     ///< also: an output failed during the run
inline constexpr int kExitCannotObserve = 3;

/// One line on `err`, safe for a terminal: "assay run: message". Answers `exit_code`.
int complain(std::FILE* err, std::string_view command, std::string_view message, int exit_code);

}  // namespace assay::app
