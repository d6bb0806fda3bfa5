// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace assay::app {

/// Sends every log line of the process to stderr, from `level` (a name that parse_run_options lets
/// pass) upwards.
void log_to_stderr(const std::string& level);

}  // namespace assay::app
