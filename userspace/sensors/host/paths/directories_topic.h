// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Who besides root can change the system directories and what is in them. The first read() walks
/// everything; while the directories are watched, later ones look again only at what has changed.
class DirectoriesTopic final : public Topic {
public:
    struct Limits {
        std::size_t entries = 1'000'000;  ///< looked at in one pass
        std::size_t told = 10'000;        ///< entries below system directories that are facts
    };
    DirectoriesTopic() : DirectoriesTopic(Limits{}) {}
    explicit DirectoriesTopic(Limits limits);
    ~DirectoriesTopic() override;

    [[nodiscard]] std::string_view name() const override { return "directories"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override {
        return {facts::Kind::directory};
    }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;
    void on_change(std::string_view path, bool replaced) override;
    void forget() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
