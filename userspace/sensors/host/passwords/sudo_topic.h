// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Tells sudo.installed, and sudo.nopasswd_all for everybody (Criteria) who may run every command
/// as root without a password; one `no` when there is nobody.
class SudoTopic final : public Topic {
public:
    [[nodiscard]] std::string_view name() const override { return "sudo"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::setting}; }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;
};

}  // namespace assay::sensors
