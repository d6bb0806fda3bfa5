// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/openssh.h"
#include "sensors/host/sshd/sshd_config.h"

namespace assay::sensors::sshd {

/// One setting as it is in effect.
struct EffectiveSetting {
    std::string_view name;  ///< sshd.permitrootlogin
    std::string value;
    std::string source;
    std::string_view effective_by;
    std::string problem;  ///< then there is no value
    bool operator==(const EffectiveSetting&) const = default;
};

/// Names of every setting that is told of each instance, in the order in which they are.
[[nodiscard]] const std::vector<std::string_view>& told_settings();

/// From what was set when sshd started and what Match blocks set, with the defaults of this
/// version. Lists of users and groups are there only when they are set.
[[nodiscard]] std::vector<EffectiveSetting> effective_settings(const OpenSsh& openssh,
                                                               const KeptValues& startup,
                                                               const KeptValues& matched);

}  // namespace assay::sensors::sshd
