// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

/// Somebody who may run every command as root, and whether sudo asks for a password.
struct SudoGrant {
    std::string who;  ///< "User alice", "Group sudo", "User ALL"
    std::string source;
    bool asks = true;
    bool drop_in = false;
};

struct SudoPolicy {
    bool installed = false;
    /// Of several grants to the same the last, which is the one that sudo follows.
    std::vector<SudoGrant> grants;
};

/// Reads sudoers(5) with what it includes. What cannot be read or makes no sense is a problem of
/// the reader.
[[nodiscard]] SudoPolicy read_sudo_policy(HostReader& reader);

}  // namespace assay::sensors
