// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace assay::app {

/// A new random UUID (RFC 9562, version 4): what a run is known by.
[[nodiscard]] Result<std::string> new_run_id();

}  // namespace assay::app
