// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/diagnostics.h"
#include "engine/rule_document.h"

namespace assay::engine {

/// True for rules on the records of Linux's audit daemon (`product: linux, service: auditd`).
[[nodiscard]] bool is_about_auditd(const LogSource& source);

/// Such a rule as rules on our facts: one for each kind of record that it asks about and that facts
/// can stand for. What is decided by the kind of record alone (`type: EXECVE`) is decided here.
/// With nothing that facts can stand for the rule is unsupported, which goes to `diagnostics`; when
/// only a part of it is, the documents say so in left_unjudged.
[[nodiscard]] std::vector<RuleDocument> views_of_auditd(const RuleDocument& rule,
                                                        Diagnostics& diagnostics);

}  // namespace assay::engine
