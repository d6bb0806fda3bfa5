// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../sensors_host/fake_host.h"
#include "facts/kinds.h"
#include "sensors/host/topic.h"

namespace assay::sensors {

/// What a topic told, to be asked by name.
class ToldFacts {
public:
    ToldFacts(Topic& topic, const HostRoot& host) {
        const Surroundings around{host, false, {}, {}};
        dependencies = topic.read(
            around, [this](const facts::FactView& fact) { facts.push_back(facts::copy_of(fact)); });
    }

    /// A field, as text, of the first fact whose field `key` says `name`; "-" when it is absent,
    /// "no fact" when there is none.
    [[nodiscard]] std::string field(std::string_view key, std::string_view name,
                                    std::string_view field) const {
        for (const facts::RecordedFact& fact : facts) {
            if (text(fact, key) == name) {
                return text(fact, field);
            }
        }
        return "no fact";
    }
    /// Of settings.
    [[nodiscard]] std::string value(std::string_view setting) const {
        return field("Setting", setting, "Value");
    }
    [[nodiscard]] std::string source(std::string_view setting) const {
        return field("Setting", setting, "Source");
    }
    [[nodiscard]] std::string effective_by(std::string_view setting) const {
        return field("Setting", setting, "EffectiveBy");
    }
    [[nodiscard]] std::string problem(std::string_view setting) const {
        return field("Setting", setting, "Problem");
    }
    /// Every problem that was told, each on a line.
    [[nodiscard]] std::string problems() const {
        std::string all;
        for (const facts::RecordedFact& fact : facts) {
            if (const std::string problem = text(fact, "Problem"); problem != "-") {
                all += problem + "\n";
            }
        }
        return all;
    }
    /// Everything, as JSON lines.
    [[nodiscard]] std::string json() const {
        std::string all;
        for (const facts::RecordedFact& fact : facts) {
            facts::append_json(all, facts::FactView(fact));
            all += '\n';
        }
        return all;
    }

    [[nodiscard]] static std::string text(const facts::RecordedFact& fact, std::string_view field) {
        std::string out;
        facts::append_value_text(out, facts::FactView(fact).get(field));
        return out.empty() ? "-" : out;
    }

    std::vector<facts::RecordedFact> facts;
    Dependencies dependencies;
};

}  // namespace assay::sensors
