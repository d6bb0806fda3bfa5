// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../sensors_host/fake_host.h"
#include "facts/kinds.h"
#include "sensors/host/sshd/sshd_topic.h"

namespace assay::sensors {

/// What a reading of the topic told, as text.
struct ToldSettings {
    struct Fact {
        std::map<std::string, std::string> fields;
        [[nodiscard]] std::string at(const std::string& name) const {
            const auto found = fields.find(name);
            return found == fields.end() ? std::string() : found->second;
        }
    };
    std::vector<Fact> facts;
    Dependencies dependencies;

    /// The fact on a setting; one without fields when there is none.
    [[nodiscard]] Fact fact(std::string_view setting, std::string_view criteria = "",
                            std::string_view instance = "") const {
        for (const Fact& fact : facts) {
            if (fact.at("Setting") == setting && fact.at("Criteria") == criteria &&
                (instance.empty() || fact.at("Instance") == instance)) {
                return fact;
            }
        }
        return {};
    }
    [[nodiscard]] std::string value(std::string_view setting,
                                    std::string_view criteria = "") const {
        return fact(setting, criteria).at("Value");
    }
    [[nodiscard]] std::vector<std::string> instances() const {
        std::vector<std::string> names;
        for (const Fact& fact : facts) {
            if (fact.at("Setting") == "sshd.permitrootlogin" && fact.at("Criteria").empty()) {
                names.push_back(fact.at("Instance"));
            }
        }
        return names;
    }
    [[nodiscard]] std::vector<std::string> criteria() const {
        std::vector<std::string> names;
        for (const Fact& fact : facts) {
            const std::string criteria = fact.at("Criteria");
            if (!criteria.empty() && std::ranges::find(names, criteria) == names.end()) {
                names.push_back(criteria);
            }
        }
        return names;
    }
};

inline ToldSettings read_settings(SshdTopic& topic, const Surroundings& around) {
    ToldSettings told;
    told.dependencies = topic.read(around, [&](const facts::FactView& fact) {
        ToldSettings::Fact& copy = told.facts.emplace_back();
        const auto& fields = fact.kind_info().fields;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            std::string text;
            facts::append_value_text(text, fact.get(i));
            if (!text.empty()) {
                copy.fields.emplace(fields[i].name, text);
            }
        }
    });
    return told;
}

inline ToldSettings read_settings(const FakeHost& host, std::vector<RunningProgram> programs = {}) {
    SshdTopic topic;
    return read_settings(topic, {host.root(), !programs.empty(), std::move(programs), {}});
}

}  // namespace assay::sensors
