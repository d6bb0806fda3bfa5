// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "sensors/host/passwords/pam_stack.h"

namespace assay::sensors {

/// pam_chauthtok(3) walks a stack twice. In the first pass modules say whether the password may be
/// changed at all, in the second they do it.
enum class PamPass { preliminary, update };

/// What a module answers when it is reached.
using PamModuleCall = std::function<PamResult(std::size_t step, PamPass pass)>;

/// Walks the stack as libpam does, the second time only when the first succeeds.
[[nodiscard]] PamResult change_password(std::span<const PamStep> stack, const PamModuleCall& call);

}  // namespace assay::sensors
