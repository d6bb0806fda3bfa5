// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace assay::findings {

inline constexpr std::string_view kRedacted = "‹redacted›";

/// `text` with what looks like a secret replaced by ‹redacted›. Made for command lines whose
/// arguments are joined by blanks; harmless for other texts. It rather takes too much than too
/// little: the README lists what it takes, tests/unit/findings/redact_test.cc holds the table.
/// Linear in the length of the text; any bytes are safe.
[[nodiscard]] std::string redacted(std::string_view text);

}  // namespace assay::findings
