// SPDX-License-Identifier: Apache-2.0
#include "app/observation.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <utility>
#include <variant>

#include "sensors/host/kernel_settings.h"
#include "sensors/host/socket_activation.h"

namespace assay::app {
namespace {

constexpr std::size_t kQueuedBatches = 8;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kTick = 50 * kMillisecond;
/// How long what happened to a file may wait: as long as what is in the ring.
constexpr std::uint64_t kFiles = 20 * kMillisecond;
/// Two turns of the ring thread's timer: what was told before is decoded by then.
constexpr std::uint64_t kSettle = 45 * kMillisecond;
constexpr std::uint64_t kCounters = 1000 * kMillisecond;
constexpr std::uint64_t kHoldersAtLeast = 200 * kMillisecond;
/// A pass over all sockets may take this share of the time, and no more.
constexpr std::uint64_t kHoldersShare = 50;
constexpr std::uint64_t kLastRecords = 1000 * kMillisecond;

bool in_first_pid_namespace() {
    constexpr ino_t kFirst = 0xEFFF'FFFC;  // PROC_PID_INIT_INO, the same on every kernel
    struct stat own{};
    return ::stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == kFirst;
}

void set_text(facts::RecordedFact& fact, std::string_view field, std::string value) {
    if (const auto at = facts::find_field(facts::info(fact.kind), field); at && !value.empty()) {
        fact.values[*at] = std::move(value);
    }
}

std::string kernel_release() {
    utsname names{};
    ::uname(&names);
    return names.release;
}

}  // namespace

bool is_set_up(facts::Kind kind) {
    return kind == facts::Kind::setting || kind == facts::Kind::account ||
           kind == facts::Kind::directory;
}

bool is_behaviour(facts::Kind kind) {
    return kind == facts::Kind::process_creation || kind == facts::Kind::network_connection ||
           kind == facts::Kind::listener;
}

Observation::Observation(const HostRoot& host, ObservationHandlers handlers)
    : host_(host),
      handlers_(std::move(handlers)),
      has_kernel_pids_(in_first_pid_namespace()),
      user_names_(host),
      on_event_([this](const sensors::KernelEvent& event) { tell(event); }),
      filled_(kQueuedBatches) {}

Observation::~Observation() {
    stop_ring_thread([](const sensors::RecordBatch&) {});
}

Result<void> Observation::start(const ObservationPlan& plan) {
    const bool once = plan.length && plan.length->count() == 0;
    begin_host_sensors(plan, once);
    if (plan.running && !once) {
        if (auto attached = attach(plan); !attached) {
            return attached;
        }
    }
    began_ = std::chrono::steady_clock::now();
    make_model(plan);
    if (sensor_) {
        ring_thread_ = std::thread([this] { read_ring(); });
        sensor_->read_hook_states(on_event_);
        if (auto taken = take_snapshot(); !taken) {
            return taken;
        }
    }
    if (file_events_) {
        file_events_->read_hook_state(on_event_);
    }
    for (const auto& sensor : host_sensors_) {
        sensor->wait_for_first_reading();
    }
    take_host_news();
    return {};
}

void Observation::begin_host_sensors(const ObservationPlan& plan, bool once) {
    for (const bool walks : {false, true}) {
        std::vector<facts::Kind> kinds;
        std::ranges::copy_if(plan.kinds, std::back_inserter(kinds), [&](facts::Kind kind) {
            return is_set_up(kind) && (kind == facts::Kind::directory) == walks;
        });
        if (!kinds.empty()) {
            // They read while the hooks are attached.
            host_sensors_.push_back(std::make_unique<sensors::HostSensor>(
                host_, sensors::HostSensor::Options{
                           .kinds = std::move(kinds), .running = plan.running, .watch = !once}));
        }
    }
    host_coverage_.resize(host_sensors_.size());
}

Result<void> Observation::attach(const ObservationPlan& plan) {
    std::vector<facts::Kind> kinds;
    std::ranges::copy_if(plan.kinds, std::back_inserter(kinds), is_behaviour);
    const bool behaviour = !kinds.empty();
    if (std::ranges::any_of(plan.kinds, is_set_up)) {
        kinds.push_back(facts::Kind::setting);
        // Who changed it is named from the processes that are known.
        kinds.push_back(facts::Kind::process_creation);
    }
    if (std::ranges::find(plan.kinds, facts::Kind::file_event) != plan.kinds.end()) {
        file_events_.emplace(host_, sensors::FileEvents::Options{.prefixes = plan.file_prefixes});
        kinds.push_back(facts::Kind::process_creation);
    }
    if (kinds.empty()) {
        return {};
    }
    sensors::SensorOptions options;
    options.kinds = std::move(kinds);
    options.sysctls = sensors::watched_sysctls();
    options.dns_answers = plan.host_names;
    auto sensor = sensors::KernelSensor::start(options);
    if (sensor) {
        sensor_.emplace(*std::move(sensor));
        return {};
    }
    if (behaviour || file_events_) {
        return std::unexpected(sensor.error());
    }
    // Only the writing of kernel settings would be seen sooner.
    handlers_.on_hook_state({.hook = facts::Hook::sysctl,
                             .state = sensors::HookState::State::missing,
                             .mechanism = {},
                             .reason = sensor.error().message,
                             .lost = 0});
    return {};
}

void Observation::make_model(const ObservationPlan& plan) {
    const auto length_ns = plan.length ? std::chrono::nanoseconds(*plan.length).count() : 0;
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
    model_.emplace(std::move(surroundings),
                   model::Window{.start_boot_ns = boot_clock_now_ns(),
                                 .length_ns = static_cast<std::uint64_t>(length_ns)},
                   handlers_.on_fact);
    for (const facts::KindInfo& kind : facts::kKinds) {
        model_->want(kind.kind, std::ranges::find(plan.kinds, kind.kind) != plan.kinds.end());
    }
}

Result<void> Observation::take_snapshot() {
    if (auto taken = sensor_->snapshot_processes(on_event_); !taken) {
        return taken;
    }
    if (auto taken = sensor_->snapshot_sockets(on_event_); !taken) {
        return taken;
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
        const std::uint64_t most = !host_sensors_.empty() || file_events_ ? kFiles : kTick;
        auto batch = filled_.pop_for(std::chrono::nanoseconds(std::min(wait, most)));
        if (batch) {
            sensor_->decode(*batch, on_event_);
            give_spare(*std::move(batch));
        } else if (filled_.closed_and_empty()) {
            return std::unexpected(ring_problem_.value_or(Error{"the ring thread has ended"}));
        }
        read_files();
        take_host_news();
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
        if (sensor_) {
            sensor_->read_counters(on_event_);
        }
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
    if (sensor_) {
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
    }
    read_files();
    for (const auto& sensor : host_sensors_) {
        sensor->close();
    }
    take_host_news();
    model_->close(boot_clock_now_ns());
}

void Observation::tell(const sensors::KernelEvent& event) {
    if (const auto* change = std::get_if<sensors::FileChange>(&event);
        change != nullptr && change->pid != 0 && !has_kernel_pids_) {
        sensors::FileChange nameless = *change;
        nameless.pid = 0;
        model_->on(nameless);
        return;
    }
    std::visit([&](const auto& told) { model_->on(told); }, event);
    if (const auto* state = std::get_if<sensors::HookState>(&event)) {
        handlers_.on_hook_state(*state);
    }
    const auto* write = std::get_if<sensors::SysctlWrite>(&event);
    const auto* exec = std::get_if<sensors::ProcessExec>(&event);
    for (const auto& sensor : host_sensors_) {
        if (write != nullptr) {
            sensor->on_sysctl(write->name, write->process);
        } else if (exec != nullptr && exec->origin == facts::Origin::runtime) {
            sensor->on_exec(exec->image, exec->process);
        }
    }
}

void Observation::read_files() {
    if (file_events_) {
        file_events_->read(on_event_);
    }
}

void Observation::take_host_news() {
    for (std::size_t i = 0; i < host_sensors_.size(); ++i) {
        sensors::HostNews news = host_sensors_[i]->take();
        if (!news.coverage.empty()) {
            host_coverage_[i] = std::move(news.coverage.back());
            tell_host_coverage();
        }
        for (facts::RecordedFact& fact : news.facts) {
            name_actor(fact);
            handlers_.on_fact(facts::FactView(fact));
        }
    }
}

void Observation::name_actor(facts::RecordedFact& fact) const {
    const facts::ProcessKey who = fact.header.process;
    const auto image = facts::FactView(fact).get("Image");
    if (who.pid == 0 || !std::holds_alternative<std::monostate>(image)) {
        return;
    }
    model::Ancestor known = model_->process(who);
    if (known.image.empty() && has_kernel_pids_) {
        // Its start is known to a clock tick only, or not at all.
        known = model_->process({.pid = who.pid, .start_boot_ns = 0});
    }
    fact.header.process = known.image.empty() ? who : known.process;
    set_text(fact, "Image", std::move(known.image));
    set_text(fact, "User", std::move(known.user));
    fact.freeze();
}

/// One hook: as bad as the worse of the sensors, with what both have lost.
void Observation::tell_host_coverage() {
    using State = sensors::HookState::State;
    sensors::HostNews::Coverage worst;
    for (const auto& each : host_coverage_) {
        if (!each) {
            continue;  // it has not said yet
        }
        const std::uint64_t lost = worst.lost + each->lost;
        if (each->state == State::missing || worst.reason.empty()) {
            worst = *each;
        }
        worst.lost = lost;
    }
    tell(sensors::HookState{.hook = facts::Hook::host_files,
                            .state = worst.state,
                            .mechanism = worst.mechanism,
                            .reason = worst.reason,
                            .lost = worst.lost});
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
