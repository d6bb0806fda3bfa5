// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Every topic there is, the cheap ones first: what they find is told first.
[[nodiscard]] std::vector<std::unique_ptr<Topic>> every_topic();

}  // namespace assay::sensors
