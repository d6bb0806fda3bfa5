// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace assay {

/// Why something failed, in the caller's words. `message` reads from the outermost act inwards:
/// "loading rules: rules/x.yml:3:5: expected a map".
struct Error {
    std::string message;

    /// The same failure, told from one act further out.
    [[nodiscard]] Error within(std::string_view act) const {
        std::string told(act);
        told += ": ";
        told += message;
        return Error{std::move(told)};
    }
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
    return std::unexpected<Error>(Error{std::move(message)});
}

/// An Error from errno: "opening /x: Permission denied".
[[nodiscard]] Error errno_error(std::string_view act, int error_number);

}  // namespace assay
