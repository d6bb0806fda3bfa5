// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "engine/diagnostics.h"
#include "engine/rule_set.h"

namespace assay::engine {

/// Warns of what a rule that loads may say but its author cannot mean: conditions that never or
/// always hold, patterns that match everything, and what people miss in a finding. `source` is the
/// text of the rule's file. Says nothing wrong, but does not find everything: whether a condition
/// can hold is a hard question.
void check_rule(const LoadedRule& rule, std::string_view source, Diagnostics& diagnostics);

/// What its author leaves out of a rule.
struct Omissions {
    bool level = false;
    bool remediation = false;
    bool tests = false;
    /// It has the key `assay`, so it was written for us; other rules come from a collection.
    bool written_for_assay = false;
    Mark mark;  ///< where it would stand
};
[[nodiscard]] Omissions omissions_of(const LoadedRule& rule, std::string_view source);

/// The name that a problem's message proposes; empty when it proposes none.
[[nodiscard]] std::string_view suggestion_of(const Problem& problem);

}  // namespace assay::engine
