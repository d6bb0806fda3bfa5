// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/judgement.h"

namespace assay::app {

void print(std::FILE* to, std::string_view text);
/// Safe for a terminal.
[[nodiscard]] std::string for_terminal(std::string_view text);

/// Rows of cells in columns as wide as their widest cell; the last column is not filled up.
class TextTable {
public:
    explicit TextTable(std::vector<std::string> headings);
    /// Cells are made safe for a terminal.
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

/// Columns that text takes on a terminal: characters of UTF-8.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// Text broken into lines of at most `width` columns.
[[nodiscard]] std::string wrapped(std::string_view text, std::string_view indent,
                                  std::size_t width);
/// "1 rule", "2 rules".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view thing);

/// One rule as a JSON object, without a newline.
[[nodiscard]] std::string rule_json(const engine::RuleInfo& rule,
                                    const std::vector<std::string>& kinds,
                                    std::string_view unsupported_reason);

/// A whole file, or stdin for `-`; at most `limit` bytes.
[[nodiscard]] Result<std::string> read_input(const std::string& path, std::size_t limit);

}  // namespace assay::app
