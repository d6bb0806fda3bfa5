// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "facts/kinds.h"
#include "sensors/host/actor.h"

namespace assay::sensors {

/// What one topic has told so far, by what each fact is about; finds out what is new in the next
/// reading of it.
class ToldFacts {
public:
    struct Reading {
        facts::Origin origin = facts::Origin::runtime;
        Timestamp time;
        BootToWall boot_to_wall;
        std::span<const Actor> actors;  ///< of changes since the last reading, oldest first
    };

    /// Between begin() and end() come all facts of a reading. What is new in it is appended to
    /// `news`: facts that were not told before or read otherwise now, and then, marked `gone`,
    /// those that are no more.
    void begin(const Reading& reading, std::vector<facts::RecordedFact>& news);
    void on_fact(const facts::FactView& fact);
    void end();

private:
    struct Kept {
        facts::RecordedFact fact;
        std::uint64_t reading = 0;
    };
    void tell(const Kept& kept, const facts::RecordedFact* before);

    std::unordered_map<std::string, Kept> kept_;
    std::uint64_t number_ = 0;
    Reading reading_{};
    std::vector<facts::RecordedFact>* news_ = nullptr;
};

/// The one who made a change that shows in `fact`: who touched the file it was read from, or else
/// the only process that touched anything. Null when that is not certain.
[[nodiscard]] const Actor* actor_of(const facts::FactView& fact, std::span<const Actor> actors);

}  // namespace assay::sensors
