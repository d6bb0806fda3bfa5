// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace assay::facts {

enum class Origin : std::uint8_t {
    runtime,   ///< it happened in the window
    snapshot,  ///< it existed when the window began
};

/// pid and start time (CLOCK_BOOTTIME, ns): who a process is, though pids come again. pid 0: nobody
/// known.
struct ProcessKey {
    std::uint32_t pid = 0;
    std::uint64_t start_boot_ns = 0;
    auto operator<=>(const ProcessKey&) const = default;
};

/// The part that every fact has besides its fields. Always the first member of a fact, named
/// `header`.
struct FactHeader {
    Timestamp time;
    Origin origin = Origin::runtime;
    /// Facts that tell the same thing again with newer counts carry the same number, so that
    /// whoever sums counts takes the newest of each stream. 0: this fact is told once.
    std::uint64_t stream = 0;
    /// How many acts this fact stands for (connections of a stream so far; 1 for an exec).
    std::uint64_t count = 1;
    /// The process it is about, for ancestry.
    ProcessKey process;
    /// Loopback traffic or a listener bound to loopback: judged only with --include-loopback.
    bool loopback = false;
    /// The subject is no more (an account was deleted, a Match block removed): a finding on it
    /// closes. The fields still name it.
    bool gone = false;
    /// Told at the close of the window: what `judge: at-window-close` rules look at.
    bool at_close = false;
};

}  // namespace assay::facts
