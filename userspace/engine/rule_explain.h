// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rule_set.h"
#include "facts/kinds.h"

namespace assay::engine {

/// One step of a rule and whether it holds for a fact. The verdict of each step is the judge's own
/// (rule_explain_probe), never worked out from those below it.
struct ExplainedStep {
    enum class Op : std::uint8_t {
        all,        ///< `and`, or the fields of a map
        any,        ///< `or`, or the maps of a list
        negate,     ///< one child
        selection,  ///< `text` is its name
        item,       ///< `text` is the key as written: Image|endswith
        value,      ///< `text` is one value of an item
    };

    Op op = Op::all;
    std::string text;
    Mark mark;
    bool holds = false;
    /// Of an item: what the fact has in the field; nullopt when it is absent.
    std::optional<std::string> fact_value;
    std::vector<ExplainedStep> children;
};

struct ExplainedClause {
    std::string_view key;  ///< applies_when, unknown_when, exceptions or level_when
    std::string reason;    ///< or the level
    ExplainedStep when;
};

/// One document of a rule and one fact.
struct ExplainedDocument {
    enum class Outcome : std::uint8_t {
        match,
        no_match,
        excepted,        ///< it would match, but an exception holds
        cannot_judge,    ///< an unknown_when holds
        other_kind,      ///< the document judges another kind of fact
        not_judged_here  ///< a document that judges no single fact, such as a correlation
    };

    Outcome outcome = Outcome::no_match;
    std::string_view kind;  ///< of fact that the document judges; empty when it judges none
    bool at_window_close = false;
    Level level = Level::medium;  ///< of a match, after level_when
    std::optional<ExplainedStep> detection;
    std::vector<ExplainedClause> clauses;
};

/// Why a rule matches a fact or does not; of a correlation, which of the rules that it counts do.
/// `source` is the text of the rule's file: keys are told as
/// they are written there.
[[nodiscard]] std::vector<ExplainedDocument> explain(const LoadedRule& rule,
                                                     std::string_view source,
                                                     const facts::RecordedFact& fact);
/// The rule matches the fact.
[[nodiscard]] bool any_matches(const std::vector<ExplainedDocument>& documents);

}  // namespace assay::engine
