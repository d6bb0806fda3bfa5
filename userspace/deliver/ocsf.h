// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "findings/store.h"

namespace assay::deliver {

/// The version of OCSF that every line follows.
inline constexpr char kOcsfVersion[] = "1.8.0";

/// One line of OCSF JSON without its newline: a Detection Finding (2004) for what was seen to
/// happen, a Compliance Finding (2003) for the packages best-practices and cis. The same change
/// always gives the same bytes.
[[nodiscard]] std::string ocsf_line(const findings::Change& change);

/// The last line of a run: a Compliance Finding (2003) with one check for each rule.
[[nodiscard]] std::string ocsf_line(const findings::Verdicts& verdicts);

}  // namespace assay::deliver
