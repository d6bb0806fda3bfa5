// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace assay::app {

/// How long a window lasts; nullopt is without end ("forever").
using WindowLength = std::optional<std::chrono::seconds>;

/// "90s", "5m", "1h", "1h30m", "2d", "0s" or "forever". Units fall (1h30m, not 30m1h), each once;
/// at most 365 days.
[[nodiscard]] Result<WindowLength> parse_duration(std::string_view text);

/// As people write it: "60 s", "5 min", "1 h 30 min".
[[nodiscard]] std::string duration_text(std::chrono::seconds length);

}  // namespace assay::app
