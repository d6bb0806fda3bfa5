// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnostics.h"

#include "base/json_text.h"

namespace assay::engine {

std::string to_text(const Problem& problem) {
    std::string text;
    append_terminal_text(text, problem.file);
    if (problem.line > 0) {
        text += ':' + std::to_string(problem.line);
        if (problem.column > 0) {
            text += ':' + std::to_string(problem.column);
        }
    }
    text += problem.severity == Problem::Severity::error ? ": error: " : ": warning: ";
    append_terminal_text(text, problem.message);
    return text;
}

void Diagnostics::error(Mark mark, std::string message) {
    failed_ = true;
    add(Problem::Severity::error, mark, std::move(message));
}

void Diagnostics::warning(Mark mark, std::string message) {
    add(Problem::Severity::warning, mark, std::move(message));
}

void Diagnostics::unsupported(Mark mark, std::string reason) {
    if (!unsupported_) {
        add(Problem::Severity::warning, mark, "unsupported rule: " + reason);
        unsupported_ = std::move(reason);
    }
}

void Diagnostics::add(Problem::Severity severity, Mark mark, std::string message) {
    problems_.push_back(Problem{.severity = severity,
                                .file = file_,
                                .line = mark.line,
                                .column = mark.column,
                                .message = std::move(message)});
}

}  // namespace assay::engine
