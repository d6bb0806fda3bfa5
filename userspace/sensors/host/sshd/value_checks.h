// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/keywords.h"

namespace assay::sensors::sshd {

/// The arguments of one line, checked as sshd checks them.
struct CheckedValue {
    /// Why sshd would refuse it; empty when it would not.
    std::string problem;
    /// As `sshd -T` names it; lists of users and the like are one word each.
    std::vector<std::string> values;
};

/// `rest` is the line behind the keyword as written, `arguments` the same split into words.
[[nodiscard]] CheckedValue check_value(const Keyword& keyword, std::string_view rest,
                                       const std::vector<std::string>& arguments,
                                       const OpenSsh& openssh);

/// Seconds of a time as sshd reads it: "2m", "1h30m", "90".
[[nodiscard]] std::optional<long> seconds_of(std::string_view text);
/// A port's number, 0 to 65535; also by the few names that stand for one in such places.
[[nodiscard]] std::optional<int> port_of(std::string_view text);

}  // namespace assay::sensors::sshd
