// SPDX-License-Identifier: Apache-2.0
#include "app/observation.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>
#include <variant>

#include "sensors/host/socket_activation.h"

namespace assay::app {
namespace {

constexpr std::size_t kQueuedBatches = 8;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kTick = 50 * kMillisecond;
/// Two turns of the ring thread's timer: what was told before is decoded by then.
constexpr std::uint64_t kSettle = 45 * kMillisecond;
constexpr std::uint64_t kCounters = 1000 * kMillisecond;
constexpr std::uint64_t kHoldersAtLeast = 200 * kMillisecond;
/// A pass over all sockets may take this share of the time, and no more.
constexpr std::uint64_t kHoldersShare = 50;
constexpr std::uint64_t kLastRecords = 1000 * kMillisecond;

std::string kernel_release() {
    utsname names{};
    ::uname(&names);
    return names.release;
}

}  // namespace

Observation::Observation(const HostRoot& host, ObservationHandlers handlers)
    : host_(host),
      handlers_(std::move(handlers)),
      user_names_(host),
      on_event_([this](const sensors::KernelEvent& event) { tell(event); }),
      filled_(kQueuedBatches) {}

Observation::~Observation() {
    stop_ring_thread([](const sensors::RecordBatch&) {});
}

Result<void> Observation::start(std::vector<facts::Kind> kinds, WindowLength length) {
    auto sensor = sensors::KernelSensor::start({.kinds = kinds});
    if (!sensor) {
        return std::unexpected(sensor.error());
    }
    sensor_.emplace(*std::move(sensor));
    began_ = std::chrono::steady_clock::now();
    const std::uint64_t now = boot_clock_now_ns();
    const auto length_ns = length ? std::chrono::nanoseconds(*length).count() : 0;

    model::Surroundings surroundings;
    surroundings.user_name = [this](std::uint32_t uid) { return user_names_(uid); };
    surroundings.socket_activated = [this](facts::ProcessKey process) {
        return sensors::socket_activated(host_, process);
    };
    // EPERM: it runs, and is not ours to signal.
    surroundings.is_running = [](facts::ProcessKey process) {
        return ::kill(static_cast<pid_t>(process.pid), 0) == 0 || errno != ESRCH;
    };
    surroundings.settle_flow = [this](std::uint64_t flow) { sensor_->settle_flow(flow); };
    surroundings.wall = BootToWall();
    surroundings.kernel_release = kernel_release();
    model_.emplace(
        std::move(surroundings),
        model::Window{.start_boot_ns = now, .length_ns = static_cast<std::uint64_t>(length_ns)},
        handlers_.on_fact);
    for (const facts::KindInfo& kind : facts::kKinds) {
        model_->want(kind.kind, std::ranges::find(kinds, kind.kind) != kinds.end());
    }

    ring_thread_ = std::thread([this] { read_ring(); });
    sensor_->read_hook_states(on_event_);
    if (auto taken = sensor_->snapshot_processes(on_event_); !taken) {
        return std::unexpected(taken.error());
    }
    if (auto taken = sensor_->snapshot_sockets(on_event_); !taken) {
        return std::unexpected(taken.error());
    }
    // What happened while the snapshot was taken is in both: the model tells it once if it hears of
    // it before the snapshot is done.
    const std::uint64_t until = boot_clock_now_ns() + kSettle;
    for (std::uint64_t now_ns = boot_clock_now_ns(); now_ns < until; now_ns = boot_clock_now_ns()) {
        if (auto batch = filled_.pop_for(std::chrono::nanoseconds(until - now_ns))) {
            sensor_->decode(*batch, on_event_);
            give_spare(*std::move(batch));
        }
    }
    model_->snapshot_done(boot_clock_now_ns());
    return {};
}

Result<void> Observation::watch(const std::function<bool()>& go_on) {
    while (go_on()) {
        const std::uint64_t before = boot_clock_now_ns();
        const std::uint64_t wait = next_tick_ns_ > before ? next_tick_ns_ - before : 0;
        auto batch = filled_.pop_for(std::chrono::nanoseconds(std::min(wait, kTick)));
        if (batch) {
            sensor_->decode(*batch, on_event_);
            give_spare(*std::move(batch));
        } else if (filled_.closed_and_empty()) {
            return std::unexpected(ring_problem_.value_or(Error{"the ring thread has ended"}));
        }
        turn(boot_clock_now_ns());
    }
    return {};
}

void Observation::turn(std::uint64_t now_boot_ns) {
    if (now_boot_ns < next_tick_ns_) {
        return;
    }
    next_tick_ns_ = now_boot_ns + kTick;
    if (now_boot_ns >= next_counters_ns_) {
        next_counters_ns_ = now_boot_ns + kCounters;
        sensor_->read_counters(on_event_);
    }
    if (model_->wants_holders() && now_boot_ns >= next_holders_ns_) {
        pass_over_holders();
        const std::uint64_t took = boot_clock_now_ns() - now_boot_ns;
        next_holders_ns_ = now_boot_ns + std::max(kHoldersAtLeast, took * kHoldersShare);
    }
    model_->tick(now_boot_ns);
}

void Observation::close() {
    stop_ring_thread(
        [this](const sensors::RecordBatch& batch) { sensor_->decode(batch, on_event_); });
    if (!model_) {
        return;
    }
    const std::uint64_t last = boot_clock_now_ns() + kLastRecords;
    sensors::RecordBatch batch = take_spare();
    for (bool more = true; more && boot_clock_now_ns() < last;) {
        batch.bytes.clear();
        batch.starts.clear();
        const auto taken = sensor_->take_records(batch);
        sensor_->decode(batch, on_event_);
        more = taken.value_or(false);
    }
    sensor_->read_counters(on_event_);
    pass_over_holders();
    sensor_->read_hook_states(on_event_);
    model_->close(boot_clock_now_ns());
}

void Observation::tell(const sensors::KernelEvent& event) {
    std::visit([&](const auto& told) { model_->on(told); }, event);
    if (const auto* state = std::get_if<sensors::HookState>(&event)) {
        handlers_.on_hook_state(*state);
    }
}

void Observation::pass_over_holders() {
    model_->holders_begin();
    if (const auto taken = sensor_->snapshot_sockets(on_event_); !taken) {
        spdlog::warn("holders of sockets are not known: {}", taken.error().message);
    }
    model_->holders_done();
}

void Observation::read_ring() {
    ::pthread_setname_np(::pthread_self(), "assay-ring");
    sensors::RecordBatch batch = take_spare();
    while (!leave_.load(std::memory_order_relaxed)) {
        if (const auto taken = sensor_->wait_for_records(batch); !taken) {
            ring_problem_ = taken.error();
            break;
        }
        if (!batch.starts.empty()) {
            filled_.push(std::exchange(batch, take_spare()));
        }
    }
    if (!batch.starts.empty()) {
        filled_.push(std::move(batch));
    }
    filled_.close();
}

void Observation::stop_ring_thread(const std::function<void(const sensors::RecordBatch&)>& last) {
    if (!ring_thread_.joinable()) {
        return;
    }
    leave_.store(true, std::memory_order_relaxed);
    // It may wait for room, and it closes the queue when it leaves.
    while (auto batch = filled_.pop()) {
        last(*batch);
        give_spare(*std::move(batch));
    }
    ring_thread_.join();
}

sensors::RecordBatch Observation::take_spare() {
    const std::lock_guard lock(spare_mutex_);
    if (spare_.empty()) {
        return {};
    }
    // The last one given is the one whose memory is warm, and a burst's buffers stay few.
    sensors::RecordBatch batch = std::move(spare_.back());
    spare_.pop_back();
    return batch;
}

void Observation::give_spare(sensors::RecordBatch batch) {
    batch.bytes.clear();
    batch.starts.clear();
    const std::lock_guard lock(spare_mutex_);
    if (spare_.size() < kQueuedBatches) {
        spare_.push_back(std::move(batch));
    }
}

}  // namespace assay::app
