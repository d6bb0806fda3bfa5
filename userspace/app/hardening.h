// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace assay::app {

/// Before anything of the host is read: files that we make are ours alone, payload bytes and
/// arguments can reach no core dump and no debugger of another user, a closed pipe is an error and
/// not our death, and malloc keeps to few arenas.
[[nodiscard]] Result<void> harden_process();

/// After attaching: no exec of ours may gain privileges any more.
[[nodiscard]] Result<void> give_up_new_privileges();

}  // namespace assay::app
