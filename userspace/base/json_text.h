// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace assay {

/// Appends `text` as a JSON string with quotes. Host text is hostile: control characters are
/// escaped, and bytes that are not valid UTF-8 become U+FFFD each, so the result is always valid
/// JSON (RFC 8259).
void append_json_string(std::string& out, std::string_view text);

/// Appends `text` for a terminal: control characters (C0, DEL, C1), invalid UTF-8, and characters
/// that show nothing or turn text round (U+202E and its like) become \xNN.
void append_terminal_text(std::string& out, std::string_view text);

}  // namespace assay
