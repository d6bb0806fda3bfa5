// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/rule_document.h"
#include "facts/kinds.h"

namespace assay::engine {

/// A part of a rule made into a rule of its own, so that the judge itself says whether the part
/// holds for a fact: nothing that explains or checks rules has a second opinion on what they mean.
class Probe {
public:
    /// A rule like `document` with these selections and this condition, and nothing else of it but
    /// its parameters. Nothing when that does not compile.
    [[nodiscard]] static std::optional<Probe> of(const RuleDocument& document,
                                                 std::vector<Selection> selections,
                                                 const std::string& condition);
    /// Of items joined by `and`.
    [[nodiscard]] static std::optional<Probe> of(const RuleDocument& document, FieldGroup items);
    ~Probe();
    Probe(Probe&&) noexcept;
    Probe& operator=(Probe&&) noexcept;

    [[nodiscard]] facts::Kind kind() const;
    [[nodiscard]] bool holds(const facts::RecordedFact& fact) const;

private:
    struct State;
    explicit Probe(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay::engine
