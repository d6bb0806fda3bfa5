// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay::engine {

/// Where something stands in a rule file; counted from 1, 0 = not known.
struct Mark {
    int line = 0;
    int column = 0;
};

/// Something to tell the author of a rule.
struct Problem {
    enum class Severity : std::uint8_t { warning, error } severity = Severity::error;
    std::string file;
    int line = 0;
    int column = 0;
    std::string message;
};

/// "rules/x.yml:3:5: error: …", safe for a terminal.
[[nodiscard]] std::string to_text(const Problem& problem);

/// Collects what is wrong with one rule file, so that reading goes on and every mistake is told at
/// once. One file at a time; borrows the list of problems.
class Diagnostics {
public:
    Diagnostics(std::string file, std::vector<Problem>& problems)
        : file_(std::move(file)), problems_(problems) {}

    void error(Mark mark, std::string message);
    void warning(Mark mark, std::string message);
    /// The rule is right, but asks for something that assay does not have. The first reason counts.
    void unsupported(Mark mark, std::string reason);

    /// For a part of the same file that may fail by itself.
    [[nodiscard]] Diagnostics of_part() const { return {file_, problems_}; }
    /// The file has an error when its part has.
    void take_failure(const Diagnostics& part) { failed_ = failed_ || part.failed_; }
    /// The file is unsupported since all that it has is; the parts have told why.
    void take_unsupported(const std::string& reason) {
        if (!unsupported_) {
            unsupported_ = reason;
        }
    }

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] const std::optional<std::string>& unsupported_reason() const {
        return unsupported_;
    }

private:
    void add(Problem::Severity severity, Mark mark, std::string message);

    std::string file_;
    std::vector<Problem>& problems_;
    bool failed_ = false;
    std::optional<std::string> unsupported_;
};

}  // namespace assay::engine
