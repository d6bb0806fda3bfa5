// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "facts/kinds.h"
#include "sensors/events.h"

namespace assay::sensors {

/// Records copied out of the ring, waiting to be decoded by the thread that owns the model.
struct RecordBatch {
    std::vector<std::byte> bytes;       ///< records one after the other, each padded to 8 bytes
    std::vector<std::uint32_t> starts;  ///< where each record begins in `bytes`
};

using OnEvent = std::function<void(const KernelEvent&)>;

/// Decodes one wire record. An error means a record that is shorter than it says, or of an unknown
/// kind or version.
[[nodiscard]] Result<KernelEvent> decode_record(std::span<const std::byte> record);

struct SensorOptions {
    /// Kinds of fact that are wanted; hooks that serve none of them are not loaded.
    std::vector<facts::Kind> kinds;
    /// Bytes of the ring buffer: a power of two.
    std::uint32_t ring_bytes = 4 * 1024 * 1024;
    /// Kernel settings whose writes are told (SysctlWrite), below /proc/sys:
    /// kernel/randomize_va_space. At most 128, of at most 63 bytes. None: the hook is not attached.
    std::vector<std::string> sysctls;
    /// Hands over what programs ask of DNS servers and what these answer (DnsMessage).
    bool dns_answers = false;
};

/// What one hook can be served by on this kernel, for `assay doctor`.
struct HookReport {
    facts::Hook hook{};
    struct Candidate {
        std::string program;    ///< name of the BPF program
        std::string mechanism;  ///< tp_btf, cgroup, fexit, iterator, proc
        std::string target;     ///< what it attaches to
        bool usable = false;
        bool chosen = false;
        std::string reason;  ///< why not, when not usable
    };
    std::vector<Candidate> candidates;
};

/// Why the kernel cannot be observed at all (exit code 3), or nothing. A sentence that says what to
/// do.
[[nodiscard]] Result<void> check_can_observe();

/// Tries every candidate of every hook for real (load, attach, detach). Leaves nothing behind.
[[nodiscard]] Result<std::vector<HookReport>> examine_hooks();

/// The eBPF programs of one run: loads and attaches them, reads what they tell, detaches when
/// destroyed. wait_for_records may be called from one thread, everything else from one other.
class KernelSensor {
public:
    [[nodiscard]] static Result<KernelSensor> start(const SensorOptions& options);
    KernelSensor(KernelSensor&&) noexcept;
    KernelSensor& operator=(KernelSensor&&) noexcept;
    ~KernelSensor();

    /// Waits for the timer (20 ms) or until the ring is a quarter full, then moves what is in the
    /// ring into `batch` (at most about 1 MiB). An empty batch is usual. Errors are final.
    [[nodiscard]] Result<void> wait_for_records(RecordBatch& batch);
    /// Moves what is in the ring right now, without waiting. False in `more` when the ring was
    /// emptied.
    [[nodiscard]] Result<bool> take_records(RecordBatch& batch);
    /// Decodes a batch in order. Records that cannot be decoded are counted as lost.
    void decode(const RecordBatch& batch, const OnEvent& on_event);

    /// Processes that run now, then open sockets with their holders (origin snapshot). Call after
    /// start().
    [[nodiscard]] Result<void> snapshot_processes(const OnEvent& on_event);
    [[nodiscard]] Result<void> snapshot_sockets(const OnEvent& on_event);
    /// Counters of endpoints and listeners that have changed since the last call, and HookState of
    /// hooks whose losses have grown.
    void read_counters(const OnEvent& on_event);
    /// HookState of every hook.
    void read_hook_states(const OnEvent& on_event);
    void settle_flow(std::uint64_t flow);
    /// Events that could not be delivered so far, all hooks.
    [[nodiscard]] std::uint64_t lost() const;

private:
    struct State;
    explicit KernelSensor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
