// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay::sensors::sshd {

/// What is left of a line. No `rest`: there is nothing more, which sshd tells from an empty rest.
struct LineCursor {
    std::optional<std::string_view> rest;
};

/// The next word as sshd's oldest splitter sees it: ended by white space, by one `=`, or by the
/// double quotes around it. Nothing at the end of the line and for a quote that is never closed.
[[nodiscard]] std::optional<std::string> take_word(LineCursor& cursor);

/// Arguments as sshd splits them since 8.7: blanks separate, both quotes, backslash escapes, `#`
/// at the start of a word begins a comment. Nothing when a quote is never closed.
[[nodiscard]] std::optional<std::vector<std::string>> split_arguments(std::string_view text);

/// Without blanks, line ends and form feeds at its end; a single character stays, as in sshd.
[[nodiscard]] std::string_view without_trailing_space(std::string_view line);

[[nodiscard]] bool same_word(std::string_view a, std::string_view b);  ///< A to Z fold
[[nodiscard]] std::string lower_case(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace assay::sensors::sshd
