// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

#include "base/result.h"

namespace assay::app {

/// Gives descriptors 0, 1 and 2 a file when we were started without one, so that no file opened
/// later is taken for stdout or stderr. A stdout that was closed stays unwritable.
void hold_standard_streams();

/// An error when `stream` has a descriptor that cannot be written to.
[[nodiscard]] Result<void> check_writable(std::FILE* stream);

}  // namespace assay::app
