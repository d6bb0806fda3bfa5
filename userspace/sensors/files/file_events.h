// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/host_root.h"
#include "sensors/events.h"

namespace assay::sensors {

/// Files made and files given a new name, for rules on file_event. Watches no more than it is asked
/// for: the directories that a path with one of the prefixes can be in, or else whole file systems.
/// What it cannot watch is told in the state of the hook file_change. One thread.
///
/// Paths are the kernel's: below the host root, without symbolic links. Our own files are not told.
/// What comes with a directory that is moved here, or was made in a new directory before it could
/// be watched, is told as well; who made the latter is not known (pid 0).
class FileEvents {
public:
    struct Options {
        /// Only paths that begin with one of these, compared as rules compare (A to Z without
        /// case); nothing: every path.
        std::optional<std::vector<std::string>> prefixes;
    };
    /// Takes FileChange and HookState.
    using OnEvent = std::function<void(const KernelEvent&)>;

    /// Begins to watch at once. Borrows `host`, which must be the running system's root or a
    /// directory of it.
    FileEvents(const HostRoot& host, Options options);
    ~FileEvents();
    FileEvents(FileEvents&&) noexcept;
    FileEvents& operator=(FileEvents&&) noexcept;

    /// Readable when there is something to read; -1, which poll(2) takes and ignores, when nothing
    /// can be watched.
    [[nodiscard]] int fd() const;
    /// Tells what has happened, and the state of the hook when it has changed. Does not wait. Call
    /// at least every 20 ms: what waits longer may be gone before its directory can be named.
    void read(const OnEvent& on_event);
    /// HookState of file_change.
    void read_hook_state(const OnEvent& on_event);
    /// Changes that could not be told, or not with their whole path, so far.
    [[nodiscard]] std::uint64_t lost() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
