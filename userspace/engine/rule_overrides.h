// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/diagnostics.h"
#include "engine/rule_document.h"

namespace assay::engine {

/// What an assessment changes about rules without touching their files: RuleSet::with. Everything
/// is checked there against the rules that are loaded.
struct RuleOverrides {
    /// Another value for one of a rule's `parameters`.
    struct Parameter {
        NameUse rule;
        NameUse parameter;
        std::vector<Scalar> values;
    };
    /// Facts that these rules leave out, and count, as they do with exceptions of their own. Of a
    /// rule with several documents those take it whose kind of fact has the fields.
    struct Exception {
        std::vector<NameUse> rules;
        Clause clause;  ///< its `level` says nothing
        Mark mark;
    };

    std::string file;  ///< where they were read, for problems
    std::vector<Parameter> parameters;
    std::vector<Exception> exceptions;
    std::vector<NameUse> disabled;  ///< rules that are not judged

    [[nodiscard]] bool empty() const {
        return parameters.empty() && exceptions.empty() && disabled.empty();
    }
};

}  // namespace assay::engine
