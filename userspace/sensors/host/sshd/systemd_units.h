// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sensors/host/sshd/config_files.h"

namespace assay::sensors::sshd {

/// How systemd would start an sshd.
struct UnitCommand {
    std::string unit;    ///< ssh.service
    std::string source;  ///< the file that says so
    std::string program;
    std::vector<std::string> arguments;  ///< without the program; variables replaced
    /// Arguments that come from the system's crypto policy.
    std::vector<std::string> from_crypto_policy;
    bool enabled = false;  ///< wanted by something, itself or its socket; and not masked
};

/// Units whose names have to do with ssh and that start an sshd.
[[nodiscard]] std::vector<UnitCommand> unit_commands(const ConfigFiles& files);

/// Whether scripts of System V run levels 2 to 5 start an sshd.
[[nodiscard]] bool started_by_run_level(const ConfigFiles& files);

/// Words as systemd splits them: blanks, both quotes, backslashes.
[[nodiscard]] std::vector<std::string> unit_words(std::string_view text);

}  // namespace assay::sensors::sshd
