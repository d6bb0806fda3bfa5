// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace assay::engine {

/// True when Sigma's taxonomy (2.1.0) or the Sysmon events it follows know this field for a
/// category. A rule that uses such a field, where assay does not fill it, is right but unsupported.
[[nodiscard]] bool in_sigma_taxonomy(std::string_view category, std::string_view field);

}  // namespace assay::engine
