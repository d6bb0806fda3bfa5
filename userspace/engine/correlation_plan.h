// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/compiled_rule.h"
#include "engine/correlation.h"
#include "engine/diagnostics.h"
#include "engine/rule_document.h"

namespace assay::engine {

/// What a correlation may refer to by id, name or slug.
struct Correlatable {
    const RuleDocument* document = nullptr;  ///< of a correlation
    /// Of a rule: its documents, tied to their kinds.
    std::vector<std::pair<const RuleDocument*, const CompiledDocument*>> compiled;
    std::string file;
    std::string unsupported;  ///< why it cannot be judged; empty when it can
};
using CorrelationScope = std::multimap<std::string, const Correlatable*, std::less<>>;

/// A correlation with copies of all the documents that it is made of.
struct BuiltCorrelation {
    CorrelationPlan plan;
    std::vector<RuleDocument> documents;
    std::vector<CompiledDocument> compiled;  ///< of the documents, in their order
};

/// Finds what a correlation refers to, and binds its fields. What is wrong or not supported goes to
/// `diagnostics`, and then there is no result.
[[nodiscard]] std::optional<BuiltCorrelation> build_correlation(const RuleDocument& document,
                                                                const std::string& file,
                                                                const CorrelationScope& scope,
                                                                Diagnostics& diagnostics);

}  // namespace assay::engine
