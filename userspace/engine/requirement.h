// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "engine/compiled_rule.h"
#include "engine/field_test.h"
#include "engine/text_pattern.h"

namespace assay::engine {

/// Something about one field that an index can look up: it holds these bytes, this number or an
/// address of this block.
struct Requirement {
    std::size_t field = 0;  ///< or kAnyField
    std::variant<RequiredText, Integer, IpBlock> what;
};

/// Of these at least one must be true of a fact for something to hold of it.
struct Requirements {
    std::vector<Requirement> any_of;
    double chance = 0;  ///< a guess of how often one is true
};

/// What must be true of each fact on which the document has something to say: that it matches, that
/// it cannot be judged, or that the rule applies at all. nullopt: it has to be asked about every
/// fact.
[[nodiscard]] std::optional<Requirements> requirements_of(const CompiledDocument& document);

}  // namespace assay::engine
