// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::sensors::sshd {

inline constexpr std::string_view kUsualConfig = "/etc/ssh/sshd_config";

/// What of an sshd command line bears on its configuration.
struct CommandLine {
    std::string config{kUsualConfig};
    std::vector<std::string> options;  ///< of -o, in order; -g as LoginGraceTime
    bool operator==(const CommandLine&) const = default;
};

/// Arguments without the program's name. Nothing for an sshd that serves nobody: a test run, or the
/// process of one connection.
[[nodiscard]] std::optional<CommandLine> parse_command_line(std::span<const std::string> arguments);

/// Of a process: argv[0] first. A listening sshd since 8.2 writes its command line into its title
/// ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"); what serves one connection has
/// another title.
[[nodiscard]] std::optional<CommandLine> command_line_of_process(
    const std::vector<std::string>& argv);

}  // namespace assay::sensors::sshd
