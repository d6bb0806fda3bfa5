// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule_set.h"
#include "facts/kinds.h"

namespace assay::engine {

/// Texts such that a fact of this kind can only matter to a rule (match it, be a reason for
/// `unknown`, make it apply) when its `field` begins with one of them; for sensors that can look at
/// less then. Nothing: some rule is not bounded so. Empty: no rule is on that kind.
///
/// Compare without the case of A to Z, as the engine does: `/etc/cron.d/` in a rule also matches
/// /ETC/cron.d/x, which is another directory. A text with a wildcard in its middle bounds nothing.
/// The texts are in lower case, sorted, none begins with another, at most 4096.
[[nodiscard]] std::optional<std::vector<std::string>> literal_prefixes(const RuleSet& rules,
                                                                       facts::Kind kind,
                                                                       std::string_view field);

}  // namespace assay::engine
