// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Tells `setting` facts on passwords: accounts.with_password first, then what PAM asks of a new
/// password (pam.password.*), then how long one may be used (login_defs.*).
class PasswordPolicyTopic final : public Topic {
public:
    [[nodiscard]] std::string_view name() const override { return "password-policy"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::setting}; }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;
};

}  // namespace assay::sensors
