// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Tells sshd.installed, and of each sshd (the usual one, those of systemd's units, those that run)
/// the configuration in effect: setting facts sshd.<keyword in lower case> and
/// sshd.password_login. Instance is the configuration file, with the -o options of the command
/// line when it has some. A Match block that changes a setting gives a fact of its own, with
/// Criteria.
class SshdTopic : public Topic {
public:
    SshdTopic();
    ~SshdTopic() override;

    [[nodiscard]] std::string_view name() const override { return "sshd"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::setting}; }
    [[nodiscard]] std::vector<std::string> programs() const override { return {"sshd"}; }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
