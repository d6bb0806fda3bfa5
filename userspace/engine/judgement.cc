// SPDX-License-Identifier: Apache-2.0
#include "engine/judgement.h"

#include <array>

namespace assay::engine {

std::string_view name(Level level) {
    constexpr std::array<std::string_view, 5> kNames{"informational", "low", "medium", "high",
                                                     "critical"};
    return kNames[static_cast<std::size_t>(level)];
}

std::string_view name(RuleStatus status) {
    constexpr std::array<std::string_view, 4> kNames{"pass", "finding", "not applicable",
                                                     "unknown"};
    return kNames[static_cast<std::size_t>(status)];
}

}  // namespace assay::engine
