// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "facts/kinds.h"

namespace assay::engine {

inline constexpr std::size_t kLongestFactLine = std::size_t{1} << 20;

/// One fact out of JSON, and what of it was of no use.
struct ParsedFact {
    facts::RecordedFact fact;
    std::vector<std::string> ignored;  ///< names that facts of this kind do not have
};

/// Reads a fact as `assay facts` prints it: one flat JSON object with `kind`, `time`, `origin` and
/// fields. Without a `kind` it is one of `otherwise`. An object that has the fact under `event`,
/// beside other things, is read too (event files of Sigma tools). The text is not trusted.
[[nodiscard]] Result<ParsedFact> parse_fact(std::string_view json,
                                            std::optional<facts::Kind> otherwise);

struct FactLines {
    std::uint64_t facts = 0;
    std::uint64_t bad = 0;
};

/// Reads facts from an open file or pipe, one on each line, to its end; empty lines are passed
/// over. A line that is no fact is told and counted, and reading goes on. Memory is bounded by the
/// longest line that is taken, kLongestFactLine. An error when the file cannot be read.
[[nodiscard]] Result<FactLines> read_facts(
    int fd, std::optional<facts::Kind> otherwise,
    const std::function<void(std::uint64_t line, ParsedFact fact)>& on_fact,
    const std::function<void(std::uint64_t line, const std::string& problem)>& on_bad_line);

}  // namespace assay::engine
