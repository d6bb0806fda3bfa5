// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace assay::app {

/// One option of a command. The help text and the parser walk the same rows.
struct OptionRow {
    std::string_view name;   ///< without the dashes
    std::string_view value;  ///< what its value is called in the help; empty: a switch
    std::string_view meaning;
    bool repeated = false;  ///< may be given more than once
    bool listed = true;     ///< false: understood, but not in the help
    char letter = 0;        ///< short form: 'h' for -h
};

/// The options of one command line, by name.
class Options {
public:
    [[nodiscard]] bool has(std::string_view name) const { return given_.contains(name); }
    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
    /// Every value, in order.
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
    /// The options that were given.
    [[nodiscard]] std::vector<std::string> names() const;
    /// Every value, split at commas.
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

private:
    friend Result<Options> parse_options(std::span<const OptionRow>, std::span<const std::string>);
    std::map<std::string, std::vector<std::string>, std::less<>> given_;
};

/// The one place that touches Boost.Program_options, and so the one place that catches exceptions.
/// Names are never guessed from their beginnings. An error is a sentence that names the option and
/// the nearest known one.
[[nodiscard]] Result<Options> parse_options(std::span<const OptionRow> rows,
                                            std::span<const std::string> arguments);

/// The rows as an indented table, for --help.
[[nodiscard]] std::string options_help(std::span<const OptionRow> rows);

}  // namespace assay::app
