// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/diagnostics.h"
#include "engine/rule_document.h"

namespace assay::engine {

/// A Sigma filter as an exception of the rules that it names. What is wrong with its condition goes
/// to `diagnostics`, and then there is none.
[[nodiscard]] std::optional<Clause> clause_of_filter(const RuleDocument& filter,
                                                     Diagnostics& diagnostics);

/// Whether a filter for this log source is for rules of that one: all that it names must be the
/// same.
[[nodiscard]] bool filter_fits(const LogSource& filter, const LogSource& rule);

}  // namespace assay::engine
