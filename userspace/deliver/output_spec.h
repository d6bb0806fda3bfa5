// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace assay::deliver {

/// Where findings go: `stdout:` or `file:PATH`, each with `?format=jsonl` or without.
struct OutputSpec {
    enum class Kind : std::uint8_t { standard_output, file };
    enum class Format : std::uint8_t { jsonl };

    Kind kind = Kind::standard_output;
    Format format = Format::jsonl;
    std::string path;  ///< of a file

    /// The value of --output. An error names what is wrong and what would be right.
    [[nodiscard]] static Result<OutputSpec> parse(std::string_view url);
};

}  // namespace assay::deliver
