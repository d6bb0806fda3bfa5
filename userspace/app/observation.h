// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/duration.h"
#include "base/bounded_queue.h"
#include "base/host_root.h"
#include "base/result.h"
#include "model/model.h"
#include "sensors/files/file_events.h"
#include "sensors/host/host_sensor.h"
#include "sensors/host/user_names.h"
#include "sensors/kernel/kernel_sensor.h"

namespace assay::app {

/// What an observation hands on. Called on the thread that calls start, watch and close.
struct ObservationHandlers {
    model::Model::Emit on_fact;
    std::function<void(const sensors::HookState&)> on_hook_state;
};

/// What an observation is to see.
struct ObservationPlan {
    std::vector<facts::Kind> kinds;
    WindowLength length;  ///< 0 s: how the host is set up, once; nothing that happens
    bool running = true;  ///< false: the host is an image, of which only its set-up can be read
    /// Where files made and renamed are wanted, as directory prefixes; nullopt: everywhere.
    std::optional<std::vector<std::string>> file_prefixes;
    bool host_names = false;  ///< read DNS answers, for DestinationHostname
};

/// Whether facts of this kind are read from files and interfaces of the host, at any time.
[[nodiscard]] bool is_set_up(facts::Kind kind);
/// Whether facts of this kind are told by the kernel as things happen.
[[nodiscard]] bool is_behaviour(facts::Kind kind);

/// The sensors and the model of one window, and the threads that feed them: the ring thread copies
/// records out of the kernel, the host sensor reads files on its own, the caller's thread does
/// everything else. Between ring and caller is a bounded queue that waits: when the caller cannot
/// keep up, records are lost in the kernel's ring, where each loss is counted, and nowhere else.
class Observation {
public:
    /// Borrows `host`.
    Observation(const HostRoot& host, ObservationHandlers handlers);
    ~Observation();
    Observation(const Observation&) = delete;
    Observation& operator=(const Observation&) = delete;

    /// Attaches the hooks that the plan's kinds need, then takes the snapshot. What happens
    /// meanwhile waits in the ring and is told after the snapshot, so that nothing falls between.
    /// Once.
    [[nodiscard]] Result<void> start(const ObservationPlan& plan);

    /// Tells facts until `go_on` says false; it is asked at least every 50 ms. An error means that
    /// the kernel can no longer be read.
    [[nodiscard]] Result<void> watch(const std::function<bool()>& go_on);

    /// Ends the window: what has happened until now is told, then the final facts. Takes 1 s at
    /// most for what is still in the ring.
    void close();

    /// Nearest ancestor first. Only after start has begun to tell facts.
    [[nodiscard]] const model::Model& model() const { return *model_; }
    /// Events that the kernel side could not deliver so far.
    [[nodiscard]] std::uint64_t lost() const { return sensor_ ? sensor_->lost() : 0; }
    /// When the window began.
    [[nodiscard]] std::chrono::steady_clock::time_point began() const { return began_; }

private:
    [[nodiscard]] Result<void> attach(const ObservationPlan& plan);
    void make_model(const ObservationPlan& plan);
    [[nodiscard]] Result<void> take_snapshot();
    void begin_host_sensors(const ObservationPlan& plan, bool once);
    void take_host_news();
    void tell_host_coverage();
    /// Names who changed something of the set-up, where the host sensor knows the pid alone.
    void name_actor(facts::RecordedFact& fact) const;
    void read_files();
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
    /// Pids that files are changed by are those of our own pid namespace; only in the first one are
    /// they the kernel's, by which processes are known.
    bool has_kernel_pids_;
    sensors::UserNames user_names_;
    sensors::OnEvent on_event_;
    std::optional<sensors::KernelSensor> sensor_;
    /// Files are read by two: one walks the directories, which takes a tenth of a second, so that
    /// the other need not wait for it.
    std::vector<std::unique_ptr<sensors::HostSensor>> host_sensors_;
    std::vector<std::optional<sensors::HostNews::Coverage>> host_coverage_;  ///< of each of them
    std::optional<sensors::FileEvents> file_events_;
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
