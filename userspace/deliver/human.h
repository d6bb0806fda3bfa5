// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>

#include "findings/store.h"

namespace assay::deliver {

/// What the countdown line of a terminal shows.
struct Status {
    std::optional<double> seconds_left;  ///< nothing: a run without end
    std::uint64_t facts = 0;
    std::uint64_t findings = 0;
    std::uint64_t lost = 0;
};

/// A change as people read it, some lines with newlines. Host text cannot hold control characters.
[[nodiscard]] std::string human_text(const findings::Change& change, bool colour);

/// The summary of a run: every rule and why, what was not seen, what was left out.
[[nodiscard]] std::string human_text(const findings::Verdicts& verdicts, bool colour);

/// "[00:42 left] facts 12,345  findings 2  lost 0", without a newline.
[[nodiscard]] std::string human_text(const Status& status);

/// Shows findings as a stream, above a status line when `live`. Any thread may call anything.
class TerminalView {
public:
    /// `out` stays the caller's and must outlive the view. `live`: it is a terminal whose last line
    /// may be redrawn; otherwise status() shows nothing.
    TerminalView(std::FILE* out, bool colour, bool live)
        : out_(out), colour_(colour), live_(live) {}

    void show(const findings::Change& change);
    void status(const Status& status);
    /// Ends the status line and shows the summary.
    void summary(const findings::Verdicts& verdicts);
    /// Ends the status line: whoever writes to the same terminal next begins on a clean line.
    void clear_status();

private:
    void write(const std::string& text);

    std::FILE* out_;
    bool colour_;
    bool live_;
    std::mutex mutex_;
    std::string status_line_;
};

}  // namespace assay::deliver
