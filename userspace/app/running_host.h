// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_root.h"
#include "base/result.h"

namespace assay::app {

/// The root of the running host. Where pid 1's root may not be looked into (a container, a
/// restricted root), our own root takes its place, and a warning says so.
[[nodiscard]] Result<HostRoot> open_running_host();

}  // namespace assay::app
