// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/sudo_topic.h"

#include "sensors/host/passwords/sudoers.h"

namespace assay::sensors {

Dependencies SudoTopic::read(const Surroundings& around, const TellFact& tell) {
    constexpr std::string_view kSetting = "sudo.nopasswd_all";
    HostReader reader(around.host);
    const SudoPolicy policy = read_sudo_policy(reader);
    facts::Setting installed;
    installed.setting = "sudo.installed";
    installed.value = policy.installed ? "yes" : "no";
    installed.source = "/etc/sudoers";
    tell(facts::FactView(installed));
    if (policy.installed) {
        bool any = false;
        for (const SudoGrant& grant : policy.grants) {
            if (grant.asks) {
                continue;
            }
            any = true;
            facts::Setting fact;
            fact.setting = kSetting;
            fact.value = "yes";
            fact.criteria = grant.who;
            fact.source = grant.source;
            fact.effective_by = grant.drop_in ? "drop-in" : "set";
            tell(facts::FactView(fact));
        }
        if (!any) {
            facts::Setting fact;
            fact.setting = kSetting;
            fact.value = "no";
            fact.source = "/etc/sudoers";
            fact.effective_by = "default";
            tell(facts::FactView(fact));
        }
    }
    for (const auto& [path, problem] : reader.problems()) {
        facts::Setting fact;
        fact.setting = kSetting;
        fact.instance = path;
        fact.problem = problem;
        tell(facts::FactView(fact));
    }
    return reader.take_dependencies();
}

}  // namespace assay::sensors
