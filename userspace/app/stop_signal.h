// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace assay::app {

/// SIGINT, SIGTERM and SIGHUP ask for an early end while this exists. They are blocked in the
/// thread that makes it and in every thread made later, and read by a thread of its own: no system
/// call of ours is ever interrupted. A second SIGINT, half a second or more after the first signal,
/// ends the process at once.
class StopSignal {
public:
    [[nodiscard]] static Result<std::unique_ptr<StopSignal>> begin();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    /// Any thread.
    [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_relaxed); }

private:
    StopSignal(UniqueFd signals, UniqueFd leave);
    void listen();

    std::atomic<bool> requested_{false};
    UniqueFd signals_;
    UniqueFd leave_;
    std::thread thread_;
};

}  // namespace assay::app
