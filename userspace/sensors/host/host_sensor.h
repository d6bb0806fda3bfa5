// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "base/result.h"
#include "facts/hooks.h"
#include "facts/kinds.h"
#include "sensors/events.h"
#include "sensors/host/topic.h"

namespace assay::sensors {

/// What the host sensor has to tell, in order. Owned by whoever took it.
struct HostNews {
    std::vector<facts::RecordedFact> facts;
    /// How the hook host_files stands, when that has changed.
    struct Coverage {
        HookState::State state = HookState::State::attached;
        std::string mechanism;  ///< fanotify, inotify, or polling
        std::string reason;
        std::uint64_t lost = 0;
    };
    std::vector<Coverage> coverage;
};

/// Reads how the host is set up, and reads again what changes, on a thread of its own. Facts are
/// told when they are first read (origin snapshot), when anything of them changes (origin runtime,
/// with PreviousValue and who did it where that is known), and with `gone` when there is no such
/// thing any more. Facts that have not changed are not told again.
class HostSensor {
public:
    struct Options {
        std::vector<facts::Kind> kinds;  ///< topics that tell none of these are not read
        bool running = true;             ///< false: `host` is an image; nothing is watched
        bool watch = true;               ///< false: read once
        bool poll = false;               ///< read again each second instead of watching files
    };

    /// Borrows `host`. Begins the first reading at once.
    HostSensor(const HostRoot& host, Options options);
    /// With these topics instead of every one; at most 32.
    HostSensor(const HostRoot& host, Options options, std::vector<std::unique_ptr<Topic>> topics);
    ~HostSensor();
    HostSensor(const HostSensor&) = delete;
    HostSensor& operator=(const HostSensor&) = delete;

    /// Waits until everything has been read once.
    void wait_for_first_reading();
    /// What is new since the last call; does not wait. Any thread, one at a time.
    [[nodiscard]] HostNews take();
    /// A kernel setting was written or a program of interest was started: what rests on it is read
    /// again. Any thread.
    void on_sysctl(std::string_view name, facts::ProcessKey who);
    void on_exec(std::string_view image, facts::ProcessKey who);
    /// Reads everything once more and ends; what it found is in a last take().
    void close();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
