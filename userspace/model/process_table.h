// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "model/text_pool.h"
#include "sensors/events.h"

namespace assay::model {

using facts::ProcessKey;

struct ProcessKeyHash {
    std::size_t operator()(const ProcessKey& key) const noexcept {
        return static_cast<std::size_t>(key.start_boot_ns ^
                                        (std::uint64_t{key.pid} * 0x9E3779B97F4A7C15ULL));
    }
};

/// What is known of one process.
struct Process {
    std::uint64_t start_boot_ns = 0;
    ProcessKey parent;
    Text image;  ///< empty: not known (its exec was never seen)
    Text command_line;
    Text cgroup;
    std::string_view container;     ///< part of `cgroup`
    std::uint64_t image_since = 0;  ///< when the image came into place
    std::uint32_t uid = 0;
    bool executed = false;  ///< a runtime exec was seen
    bool exited = false;
};

/// The 64 hex digits of a container that a cgroup path names; empty when there are none.
[[nodiscard]] std::string_view container_of(std::string_view cgroup);

/// Every process that lives, and those that ended lately, so that facts that come late can still
/// name them.
class ProcessTable {
public:
    static constexpr std::size_t kMostProcesses = 65'536;
    static constexpr std::size_t kMostExited = 8'192;
    static constexpr std::size_t kSweepAt = 16'384;
    static constexpr std::uint64_t kExitedKept = 30'000'000'000;
    static constexpr std::size_t kLongestCommandLine = 2'048;

    explicit ProcessTable(TextPool& texts) : texts_(&texts) {}

    /// An exec, or a process of the snapshot. A snapshot record never overwrites what a runtime
    /// exec has said: answers false then.
    bool exec(const sensors::ProcessExec& event, std::string_view command_line);
    void fork(const sensors::ProcessFork& event);
    /// `remember_unknown`: while the snapshot is taken, an exit may come before the record of its
    /// process.
    void exit(const sensors::ProcessExit& event, bool remember_unknown);
    /// Takes processes that do not run any more as exited, once there are so many that asking pays.
    /// For a window without the exit hook: no rule on connections or listeners needs it.
    void sweep(std::uint64_t now_ns, const std::function<bool(ProcessKey)>& is_running);
    /// Forgets processes that ended more than kExitedKept ago.
    void expire(std::uint64_t now_ns);

    /// start_boot_ns 0 asks for whoever has the pid now. A forked process whose parent became known
    /// later gets the parent's image here.
    [[nodiscard]] const Process* find(ProcessKey key) { return find(key, 0); }
    [[nodiscard]] std::size_t size() const { return current_.size() + former_.size(); }

private:
    struct Exited {
        std::uint64_t time_ns;
        ProcessKey key;
    };
    const Process* find(ProcessKey key, unsigned depth);
    Process& incarnation(ProcessKey key);
    Process* known(ProcessKey key);
    void forget(ProcessKey key);
    void mark_exited(ProcessKey key, Process& process, std::uint64_t time_ns);

    TextPool* texts_;
    std::unordered_map<std::uint32_t, Process> current_;  ///< by pid
    /// Ended processes whose pid has come again.
    std::unordered_map<ProcessKey, Process, ProcessKeyHash> former_;
    std::deque<Exited> exited_;
    std::size_t sweep_at_ = kSweepAt;
};

}  // namespace assay::model
