// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/correlation.h"
#include "engine/diagnostics.h"
#include "engine/rule_document.h"
#include "engine/rule_set.h"

namespace assay::engine {

/// A correlation as it was written, and what it came to.
struct LoadedCorrelation {
    RuleDocument document;
    CorrelationPlan plan;
};

/// Rule files on their way to a rule set: first each is read, then all are tied together, as
/// filters and correlations name rules of other files.
class RuleLoader {
public:
    struct Rule {
        LoadedRule rule;     ///< its slug is the file's, with what tells it from others of the file
        std::size_t file{};  ///< in the order in which files were added
        Mark mark;
        std::optional<std::string> unsupported;  ///< why it cannot be judged
    };

    RuleLoader();
    ~RuleLoader();
    RuleLoader(const RuleLoader&) = delete;
    RuleLoader& operator=(const RuleLoader&) = delete;

    /// `diagnostics` must live until finish() has returned.
    void add_file(std::string_view text, std::string slug, Diagnostics& diagnostics);
    /// The rules of all files that have no error.
    [[nodiscard]] std::vector<Rule> finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::engine
