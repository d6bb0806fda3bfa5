// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/host_sensor.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "sensors/files/file_watch.h"
#include "sensors/host/actor.h"
#include "sensors/host/running_programs.h"
#include "sensors/host/told_facts.h"
#include "sensors/host/topics.h"
#include "sensors/host/user_names.h"
#include "sensors/host/watched_paths.h"

namespace assay::sensors {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMillisecond;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// One change is often several events (made, written, closed, mode set): they are waited for a
/// little, so that what is read is the end of it.
constexpr std::uint64_t kGather = 10 * kMillisecond;
constexpr std::uint64_t kBetweenReadings = 20 * kMillisecond;
/// Somebody else's files in a directory that is watched (/run, /tmp) may change thousands of times
/// a second: events that concern nobody are looked at in bulk.
constexpr std::uint64_t kAfterNoise = 5 * kMillisecond;
constexpr int kWithoutWake = 10;  // ms
/// The hook runs before the value is written.
constexpr std::array kReadBackAfter{0 * kMillisecond,  2 * kMillisecond,  5 * kMillisecond,
                                    10 * kMillisecond, 20 * kMillisecond, 50 * kMillisecond};
/// Reading again and again must not cost more than one part in this of a processor.
constexpr std::uint64_t kPollShare = 50;
constexpr std::size_t kMostTopics = 32;
constexpr std::size_t kMostActors = 1024;
constexpr std::size_t kMostRequests = 1024;
constexpr std::size_t kMostNews = 100'000;
constexpr int kMostSettlingReadings = 3;

struct Request {
    enum class What : std::uint8_t { sysctl, exec } what = What::sysctl;
    std::string name;
    facts::ProcessKey who;
    std::uint64_t time_ns = 0;
};

struct Followed {
    std::unique_ptr<Topic> topic;
    ToldFacts told;
    Dependencies on;
    std::vector<Actor> actors;
    std::uint64_t due_ns = kNever;
    std::vector<std::uint64_t> read_back_ns;  ///< times to read again, unless it has changed
    std::uint64_t read_ns = 0;
    std::uint64_t cost_ns = 0;
    bool was_read = false;
    bool ways_changed = true;
};

bool is_same(const Dependencies& a, const Dependencies& b) {
    return a.files == b.files && a.directories == b.directories;
}

}  // namespace

struct HostSensor::State {
    State(const HostRoot& of, Options with, std::vector<std::unique_ptr<Topic>> topics)
        : host(of), options(std::move(with)), users(of), wake(::eventfd(0, EFD_CLOEXEC)) {
        for (auto& topic : topics) {
            const auto kinds = topic->kinds();
            const bool is_wanted = std::ranges::any_of(kinds, [&](facts::Kind kind) {
                return std::ranges::find(options.kinds, kind) != options.kinds.end();
            });
            if (!is_wanted || followed.size() == kMostTopics) {
                continue;
            }
            for (std::string& program : topic->programs()) {
                program_names.insert(std::move(program));
            }
            followed.emplace_back().topic = std::move(topic);
        }
    }

    // ---- shared with the caller's threads

    const HostRoot& host;
    const Options options;
    std::mutex mutex;
    std::condition_variable first_reading_done;
    bool has_read_once = false;
    bool is_closing = false;
    bool is_stopping = false;
    std::vector<Request> requests;
    bool lost_requests = false;
    HostNews news;
    std::uint64_t lost_news = 0;

    // ---- the sensor's own thread

    UserNames users;
    int wake;
    std::vector<Followed> followed;
    std::set<std::string, std::less<>> program_names;
    std::vector<RunningProgram> programs;
    std::optional<FileWatch> watch;
    std::optional<WatchedPaths> paths;
    std::string no_watch;  ///< why files cannot be watched at all
    std::uint64_t tick_ns = 0;
    bool is_noisy = false;
    std::uint64_t lost = 0;
    std::optional<HostNews::Coverage> told_coverage;
    std::thread thread;

    [[nodiscard]] bool is_followed() const { return options.running && options.watch; }

    void run();
    void read_first();
    void read_last();
    void open_watch();
    void read(std::size_t index);
    /// Reads until what its answer rests on is watched.
    void read_and_follow(std::size_t index);
    /// False: something happened, but nothing that any topic rests on.
    bool take_file_changes();
    bool on_file_change(const WatchedChange& change, std::map<std::uint32_t, Actor>& actors);
    void take_requests();
    void on_request(const Request& request);
    void on_tick(std::uint64_t now);
    void refresh_programs();
    void read_what_is_due(std::uint64_t now);
    void read_everything_again();
    [[nodiscard]] bool cannot_be_watched(std::size_t index) const;
    [[nodiscard]] std::uint64_t next_due() const;
    void tell_coverage();
    void ask(Request request);
};

// --- the caller's side
// ----------------------------------------------------------------------------

HostSensor::HostSensor(const HostRoot& host, Options options)
    : HostSensor(host, std::move(options), every_topic()) {}

HostSensor::HostSensor(const HostRoot& host, Options options,
                       std::vector<std::unique_ptr<Topic>> topics)
    : state_(std::make_unique<State>(host, std::move(options), std::move(topics))) {
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

HostSensor::~HostSensor() {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->is_stopping = true;
    }
    (void)::eventfd_write(state_->wake, 1);
    if (state_->thread.joinable()) {
        state_->thread.join();
    }
    ::close(state_->wake);
}

void HostSensor::wait_for_first_reading() {
    std::unique_lock lock(state_->mutex);
    state_->first_reading_done.wait(lock, [this] { return state_->has_read_once; });
}

HostNews HostSensor::take() {
    const std::scoped_lock lock(state_->mutex);
    return std::exchange(state_->news, {});
}

void HostSensor::State::ask(Request request) {
    {
        const std::scoped_lock lock(mutex);
        if (requests.size() >= kMostRequests) {
            lost_requests = true;
        } else {
            requests.push_back(std::move(request));
        }
    }
    (void)::eventfd_write(wake, 1);
}

void HostSensor::on_sysctl(std::string_view name, facts::ProcessKey who) {
    if (state_->is_followed()) {
        state_->ask({.what = Request::What::sysctl,
                     .name = std::string(name),
                     .who = who,
                     .time_ns = boot_clock_now_ns()});
    }
}

void HostSensor::on_exec(std::string_view image, facts::ProcessKey who) {
    // Called for every exec of the host: only a name that some topic asked for may cost anything.
    if (state_->is_followed() && state_->program_names.contains(file_name(image))) {
        state_->ask({.what = Request::What::exec,
                     .name = std::string(file_name(image)),
                     .who = who,
                     .time_ns = boot_clock_now_ns()});
    }
}

void HostSensor::close() {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->is_closing = true;
    }
    (void)::eventfd_write(state_->wake, 1);
    if (state_->thread.joinable()) {
        state_->thread.join();
    }
}

// --- the thread
// -----------------------------------------------------------------------------------

void HostSensor::State::run() {
    ::pthread_setname_np(::pthread_self(), "assay-host");
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are for the main thread
    read_first();
    {
        const std::scoped_lock lock(mutex);
        has_read_once = true;
    }
    first_reading_done.notify_all();
    tick_ns = boot_clock_now_ns() + kSecond;
    for (;;) {
        {
            const std::scoped_lock lock(mutex);
            if (is_stopping) {
                return;
            }
            if (is_closing) {
                break;
            }
        }
        const std::uint64_t now = boot_clock_now_ns();
        const std::uint64_t due = std::min(next_due(), is_noisy ? now + kAfterNoise : kNever);
        const int changes = watch && !is_noisy ? watch->fd() : -1;
        std::array<pollfd, 2> fds{pollfd{.fd = wake, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = changes, .events = POLLIN, .revents = 0}};
        int timeout = due == kNever ? -1
                      : due <= now
                          ? 0
                          : static_cast<int>((due - now + kMillisecond - 1) / kMillisecond);
        if (wake < 0) {
            timeout = kWithoutWake;  // requests are looked for: nothing can wake us for them
        }
        (void)::poll(fds.data(), fds.size(), timeout);
        if ((fds[0].revents & POLLIN) != 0) {
            eventfd_t ignored = 0;
            (void)::eventfd_read(wake, &ignored);
        }
        is_noisy = !take_file_changes();
        take_requests();
        on_tick(boot_clock_now_ns());
        read_what_is_due(boot_clock_now_ns());
        tell_coverage();
    }
    if (is_followed()) {
        read_last();
    }
}

void HostSensor::State::read_first() {
    if (is_followed()) {
        open_watch();
    }
    refresh_programs();
    for (std::size_t i = 0; i < followed.size(); ++i) {
        read_and_follow(i);
        const std::scoped_lock lock(mutex);
        if (is_stopping) {
            return;
        }
    }
    tell_coverage();
}

void HostSensor::State::read_last() {
    (void)take_file_changes();
    take_requests();
    refresh_programs();
    for (std::size_t i = 0; i < followed.size(); ++i) {
        if (cannot_be_watched(i)) {
            followed[i].topic->forget();
        }
        read(i);
    }
    tell_coverage();
}

void HostSensor::State::open_watch() {
    if (options.poll) {
        no_watch = "asked not to watch files";
        return;
    }
    auto opened = FileWatch::open(host);
    if (!opened) {
        no_watch = opened.error().message;
        return;
    }
    watch.emplace(std::move(*opened));
    paths.emplace(host, *watch);
}

void HostSensor::State::read(std::size_t index) {
    Followed& each = followed[index];
    Surroundings around{
        .host = host, .running = options.running, .programs = programs, .watch_directory = {}};
    if (paths && !cannot_be_watched(index)) {
        around.watch_directory = [this, index](const std::string& path) {
            paths->watch_directory(index, path);
        };
    }
    const std::uint64_t began = boot_clock_now_ns();
    std::vector<facts::RecordedFact> fresh;
    each.told.begin({.origin = each.was_read ? facts::Origin::runtime : facts::Origin::snapshot,
                     .time = wall_clock_now(),
                     .boot_to_wall = BootToWall(),
                     .actors = each.actors},
                    fresh);
    Dependencies on =
        each.topic->read(around, [&](const facts::FactView& fact) { each.told.on_fact(fact); });
    each.told.end();
    each.read_ns = boot_clock_now_ns();
    each.cost_ns = each.read_ns - began;
    each.was_read = true;
    each.due_ns = kNever;
    each.ways_changed |= !is_same(each.on, on);
    each.on = std::move(on);
    if (!fresh.empty()) {
        each.read_back_ns.clear();
    }
    std::erase_if(each.read_back_ns, [&](std::uint64_t at) { return at <= each.read_ns; });
    if (each.read_back_ns.empty()) {
        each.actors.clear();
    }
    const std::scoped_lock lock(mutex);
    for (facts::RecordedFact& fact : fresh) {
        if (news.facts.size() < kMostNews) {
            news.facts.push_back(std::move(fact));
        } else {
            ++lost_news;
        }
    }
}

void HostSensor::State::read_and_follow(std::size_t index) {
    read(index);
    if (!paths) {
        return;
    }
    for (int i = 0; i < kMostSettlingReadings && followed[index].ways_changed; ++i) {
        followed[index].ways_changed = false;
        if (!paths->rest_on(index, followed[index].on)) {
            return;
        }
        read(index);  // it may have changed before it was watched
    }
}

// --- what happens
// ---------------------------------------------------------------------------------

bool HostSensor::State::take_file_changes() {
    if (!watch) {
        return true;
    }
    // Who did it may be gone in a moment: asked at once, and once for each process.
    std::map<std::uint32_t, Actor> actors;
    std::size_t changes = 0;
    bool is_concerned = false;
    const std::uint64_t overflows = watch->read([&](const WatchedChange& change) {
        ++changes;
        is_concerned = on_file_change(change, actors) || is_concerned;
    });
    if (overflows > 0) {
        lost += overflows;
        read_everything_again();
    }
    return changes == 0 || is_concerned;
}

bool HostSensor::State::on_file_change(const WatchedChange& change,
                                       std::map<std::uint32_t, Actor>& actors) {
    using What = WatchedChange::What;
    const WatchedPaths::Concerned concerned = paths->concerned(change);
    if (concerned.topics == 0) {
        return false;
    }
    const bool is_replaced = change.what != What::written && change.what != What::attributes;
    Actor actor;
    if (change.pid != 0) {
        const auto known = actors.find(change.pid);
        actor = known != actors.end()
                    ? known->second
                    : actors.emplace(change.pid, read_actor(host, change.pid, users)).first->second;
    }
    actor.path = change.path;
    actor.time_ns = change.time_ns;
    const std::uint64_t now = boot_clock_now_ns();
    for (std::size_t i = 0; i < followed.size(); ++i) {
        const auto bit = WatchedPaths::Topics{1} << i;
        if ((concerned.topics & bit) == 0) {
            continue;
        }
        Followed& each = followed[i];
        each.topic->on_change(change.path, is_replaced);
        each.ways_changed |= (concerned.ways & bit) != 0;
        each.due_ns =
            std::min(each.due_ns, std::max(now + kGather, each.read_ns + kBetweenReadings));
        // Only who is known can be named; who comes after so many is not looked for.
        if (change.pid != 0 && each.actors.size() < kMostActors) {
            each.actors.push_back(actor);
        }
    }
    return true;
}

void HostSensor::State::take_requests() {
    std::vector<Request> taken;
    bool all = true;
    {
        const std::scoped_lock lock(mutex);
        taken = std::exchange(requests, {});
        all = !std::exchange(lost_requests, false);
    }
    for (const Request& request : taken) {
        on_request(request);
    }
    if (!all) {
        refresh_programs();
        read_everything_again();
    }
}

void HostSensor::State::on_request(const Request& request) {
    const bool is_exec = request.what == Request::What::exec;
    if (is_exec) {
        refresh_programs();
    }
    const std::uint64_t now = boot_clock_now_ns();
    std::optional<Actor> actor;
    for (Followed& each : followed) {
        const auto programs_of = is_exec ? each.topic->programs() : std::vector<std::string>{};
        const auto& names = is_exec ? programs_of : each.on.sysctls;
        if (std::ranges::find(names, request.name) == names.end()) {
            continue;
        }
        if (!actor) {
            actor = read_actor(host, request.who.pid, users);
            // The pid may be another process's by now.
            const std::uint64_t tolerance = 100 * kMillisecond;
            const std::uint64_t start = actor->process.start_boot_ns;
            if (request.who.start_boot_ns != 0 && start != 0 &&
                (start > request.who.start_boot_ns + tolerance ||
                 start + tolerance < request.who.start_boot_ns)) {
                *actor = Actor{};
            }
            actor->process = request.who;
            actor->time_ns = request.time_ns;
        }
        if (request.who.pid != 0 && each.actors.size() < kMostActors) {
            each.actors.push_back(*actor);
        }
        if (is_exec) {
            each.due_ns = std::min(each.due_ns, std::max(now, each.read_ns + kBetweenReadings));
            continue;
        }
        each.read_back_ns.clear();
        for (const std::uint64_t after : kReadBackAfter) {
            each.read_back_ns.push_back(now + after);
        }
    }
}

void HostSensor::State::on_tick(std::uint64_t now) {
    if (!is_followed() || now < tick_ns) {
        return;
    }
    tick_ns = now + kSecond;
    const bool has_ended = std::ranges::any_of(programs, [&](const RunningProgram& program) {
        return !host.exists("proc/" + std::to_string(program.pid));
    });
    if (has_ended) {
        refresh_programs();
    }
    for (std::size_t i = 0; i < followed.size(); ++i) {
        Followed& each = followed[i];
        const bool wants_programs = has_ended && !each.topic->programs().empty();
        // Cheap, and it does not rest on a hook that may be missing.
        const bool has_sysctls = !each.on.sysctls.empty();
        const bool is_polled =
            cannot_be_watched(i) && now - std::min(now, each.read_ns) >= kPollShare * each.cost_ns;
        if (is_polled) {
            each.topic->forget();
        }
        if (wants_programs || has_sysctls || is_polled) {
            each.due_ns = std::min(each.due_ns, now);
        }
    }
}

void HostSensor::State::refresh_programs() {
    if (options.running) {
        programs = running_programs(host, program_names);
    }
}

bool HostSensor::State::cannot_be_watched(std::size_t index) const {
    return !paths || (paths->unwatched() & (WatchedPaths::Topics{1} << index)) != 0;
}

void HostSensor::State::read_everything_again() {
    for (Followed& each : followed) {
        each.topic->forget();
        each.ways_changed = true;
        each.due_ns = boot_clock_now_ns();
    }
}

void HostSensor::State::read_what_is_due(std::uint64_t now) {
    for (std::size_t i = 0; i < followed.size(); ++i) {
        Followed& each = followed[i];
        const bool is_due = each.due_ns <= now;
        const bool reads_back =
            std::ranges::any_of(each.read_back_ns, [&](std::uint64_t at) { return at <= now; });
        if (is_due || reads_back) {
            read_and_follow(i);
        }
    }
}

std::uint64_t HostSensor::State::next_due() const {
    std::uint64_t due = kNever;
    bool ticks = !programs.empty();
    for (std::size_t i = 0; i < followed.size(); ++i) {
        due = std::min(due, followed[i].due_ns);
        for (const std::uint64_t at : followed[i].read_back_ns) {
            due = std::min(due, at);
        }
        ticks = ticks || !followed[i].on.sysctls.empty() || cannot_be_watched(i);
    }
    return is_followed() && ticks ? std::min(due, tick_ns) : due;
}

void HostSensor::State::tell_coverage() {
    if (!is_followed()) {
        return;
    }
    HostNews::Coverage now;
    if (!watch) {
        now.state = HookState::State::missing;
        now.mechanism = "polling";
        now.reason = no_watch;
    } else {
        now.mechanism = watch->mechanism();
        if (paths->failures() > 0) {
            now.mechanism += ", polling";
            now.reason = std::to_string(paths->failures()) +
                         " could not be watched: " + paths->first_failure();
        }
    }
    const std::scoped_lock lock(mutex);
    now.lost = lost + lost_news;
    const bool is_known = told_coverage && told_coverage->state == now.state &&
                          told_coverage->mechanism == now.mechanism &&
                          told_coverage->reason == now.reason && told_coverage->lost == now.lost;
    if (!is_known) {
        told_coverage = now;
        news.coverage.push_back(std::move(now));
    }
}

}  // namespace assay::sensors
