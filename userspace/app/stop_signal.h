// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace assay::app {

/// What SIGHUP means. Whoever asks for a reload still ends with the terminal it was started from.
enum class Hangup : std::uint8_t { ends, reloads };

/// SIGINT, SIGTERM and SIGHUP ask for an early end, or SIGHUP for a reload, while this exists. They
/// are blocked in the thread that makes it and in every thread made later, and read by a thread of
/// its own: no system call of ours is ever interrupted. A second SIGINT, half a second or more
/// after the first signal, ends the process at once.
class StopSignal {
public:
    [[nodiscard]] static Result<std::unique_ptr<StopSignal>> begin(Hangup hangup = Hangup::ends);
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    /// Any thread.
    [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_relaxed); }
    /// A reload was asked for since the last call. Any thread.
    [[nodiscard]] bool take_reload() { return reload_.exchange(false, std::memory_order_relaxed); }

private:
    StopSignal(UniqueFd signals, UniqueFd leave, Hangup hangup);
    void listen();
    [[nodiscard]] bool ends(std::uint32_t signal) const;

    Hangup hangup_;
    bool had_terminal_;
    std::atomic<bool> requested_{false};
    std::atomic<bool> reload_{false};
    UniqueFd signals_;
    UniqueFd leave_;
    std::thread thread_;
};

}  // namespace assay::app
