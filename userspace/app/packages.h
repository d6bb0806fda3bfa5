// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace assay::app {

struct PackageInfo {
    std::string_view name;
    bool by_default;  ///< judged when no package is named
    bool has_rules;   ///< false: this build brings no rules for it
};
inline constexpr std::array kPackages{
    PackageInfo{"runtime-behavior", true, true},
    PackageInfo{"best-practices", true, true},
    PackageInfo{"cve", false, false},
    PackageInfo{"cis", false, false},
    PackageInfo{"custom", false, true},  // the rules of --rules, which are always judged
};

struct PackageChoice {
    std::vector<std::string> judged;     ///< chosen, and there are rules for it
    std::vector<std::string> rule_less;  ///< asked for by name, without rules in this build
};

/// What `--package` chose; the default packages when it named none. An unknown name is an error
/// that lists the known ones.
[[nodiscard]] Result<PackageChoice> choose_packages(std::span<const std::string> named);

}  // namespace assay::app
