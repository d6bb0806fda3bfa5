// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/topics.h"

#include "sensors/host/kernel_settings.h"
#include "sensors/host/passwords/accounts_topic.h"
#include "sensors/host/passwords/password_policy_topic.h"
#include "sensors/host/passwords/sudo_topic.h"
#include "sensors/host/paths/directories_topic.h"
#include "sensors/host/sshd/sshd_topic.h"

namespace assay::sensors {

std::vector<std::unique_ptr<Topic>> every_topic() {
    std::vector<std::unique_ptr<Topic>> topics;
    topics.push_back(std::make_unique<KernelSettingsTopic>());
    topics.push_back(std::make_unique<SshdTopic>());
    topics.push_back(std::make_unique<PasswordPolicyTopic>());
    topics.push_back(std::make_unique<SudoTopic>());
    topics.push_back(std::make_unique<AccountsTopic>());
    topics.push_back(std::make_unique<DirectoriesTopic>());
    return topics;
}

}  // namespace assay::sensors
