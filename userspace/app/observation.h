// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/duration.h"
#include "base/bounded_queue.h"
#include "base/host_root.h"
#include "base/result.h"
#include "model/model.h"
#include "sensors/host/user_names.h"
#include "sensors/kernel/kernel_sensor.h"

namespace assay::app {

/// What an observation hands on. Called on the thread that calls start, watch and close.
struct ObservationHandlers {
    model::Model::Emit on_fact;
    std::function<void(const sensors::HookState&)> on_hook_state;
};

/// The kernel sensor and the model of one window, and the two threads that feed them: the ring
/// thread copies records out of the kernel, the caller's thread does everything else. Between them
/// a bounded queue that waits: when the caller cannot keep up, records are lost in the kernel's
/// ring, where each loss is counted, and nowhere else.
class Observation {
public:
    /// Borrows `host`.
    Observation(const HostRoot& host, ObservationHandlers handlers);
    ~Observation();
    Observation(const Observation&) = delete;
    Observation& operator=(const Observation&) = delete;

    /// Attaches the hooks that `kinds` need, then takes the snapshot. What happens meanwhile waits
    /// in the ring and is told after the snapshot, so that nothing falls between. Once.
    [[nodiscard]] Result<void> start(std::vector<facts::Kind> kinds, WindowLength length);

    /// Tells facts until `go_on` says false; it is asked at least every 50 ms. An error means that
    /// the kernel can no longer be read.
    [[nodiscard]] Result<void> watch(const std::function<bool()>& go_on);

    /// Ends the window: what has happened until now is told, then the final facts. Takes 1 s at
    /// most for what is still in the ring.
    void close();

    /// Nearest ancestor first. Only after start has begun to tell facts.
    [[nodiscard]] const model::Model& model() const { return *model_; }
    /// Events that the kernel side could not deliver so far.
    [[nodiscard]] std::uint64_t lost() const { return sensor_->lost(); }
    /// When the window began.
    [[nodiscard]] std::chrono::steady_clock::time_point began() const { return began_; }

private:
    void read_ring();
    void tell(const sensors::KernelEvent& event);
    void pass_over_holders();
    void turn(std::uint64_t now_boot_ns);
    /// What the ring thread still holds goes to `last`.
    void stop_ring_thread(const std::function<void(const sensors::RecordBatch&)>& last);

    sensors::RecordBatch take_spare();
    void give_spare(sensors::RecordBatch batch);

    const HostRoot& host_;
    ObservationHandlers handlers_;
    sensors::UserNames user_names_;
    sensors::OnEvent on_event_;
    std::optional<sensors::KernelSensor> sensor_;
    std::optional<model::Model> model_;
    std::chrono::steady_clock::time_point began_{};
    std::uint64_t next_tick_ns_ = 0;
    std::uint64_t next_counters_ns_ = 0;
    std::uint64_t next_holders_ns_ = 0;

    BoundedQueue<sensors::RecordBatch> filled_;
    std::mutex spare_mutex_;
    std::vector<sensors::RecordBatch> spare_;  ///< emptied batches, so that their memory is reused
    std::optional<Error> ring_problem_;        ///< written before filled_ is closed, read after
    std::atomic<bool> leave_{false};
    std::thread ring_thread_;
};

}  // namespace assay::app
