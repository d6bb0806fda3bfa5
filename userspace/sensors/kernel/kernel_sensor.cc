// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/kernel_sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <expected>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/host_root.h"
#include "sensors/kernel/bpf_objects.h"
#include "sensors/kernel/byte_reader.h"
#include "sensors/kernel/counted_losses.h"
#include "sensors/kernel/hook_table.h"
#include "sensors/kernel/kernel_features.h"
#include "sensors/kernel/libbpf_handles.h"
#include "sensors/kernel/map_entries.h"
#include "sensors/kernel/process_files.h"
#include "sensors/kernel/socket_tables.h"
#include "sensors/kernel/wire_decoder.h"

namespace assay::sensors {
namespace {

using facts::Hook;

constexpr std::size_t kHookCount = facts::kHooks.size();
constexpr std::size_t kBatchBytes = 1024 * 1024;
constexpr int kWaitMs = 20;
constexpr std::size_t kSnapshotBytesMax = 256 * 1024 * 1024;
// An endpoint unchanged so long may go: all its connections closed; closes not counted; and either
// of these while the map is crowded.
constexpr std::uint64_t kQuietNs = 30'000'000'000;
constexpr std::uint64_t kLongQuietNs = 300'000'000'000;
constexpr std::uint64_t kCrowdedQuietNs = 3'000'000'000;
constexpr std::size_t kCrowdedEndpoints = 10'000;
constexpr std::size_t kMostToldListeners = 32'768;

constexpr std::size_t index_of(Hook hook) { return static_cast<std::size_t>(hook); }
constexpr std::size_t index_of(Family family) { return static_cast<std::size_t>(family); }

/// One hook of a run: how it is served, or why not.
struct ServedHook {
    const HookPoint* point = nullptr;
    const Candidate* chosen = nullptr;
    HookState::State state = HookState::State::not_needed;
    std::string reason;  ///< why it is missing
    std::vector<BpfLink> links;
    std::uint64_t told_lost = 0;
    std::uint64_t told_beside = 0;

    void miss(std::string why) {
        links.clear();
        chosen = nullptr;
        state = HookState::State::missing;
        reason = std::move(why);
    }
};

using ServedHooks = std::array<ServedHook, kHookCount>;

/// Chooses how to serve a hook; `refused` are candidates that looked usable and were not.
void choose_for(ServedHook& hook, const KernelFeatures& features,
                std::vector<const Candidate*>& refused) {
    std::string why = hook.reason;
    hook.chosen = choose(*hook.point, [&](const Candidate& candidate) {
        if (std::ranges::find(refused, &candidate) != refused.end()) {
            return false;
        }
        const auto tried = features.try_candidate(candidate);
        if (!tried) {
            why += why.empty() ? "" : "; ";
            why += tried.error().message;
        }
        return tried.has_value();
    });
    if (hook.chosen == nullptr) {
        hook.miss(std::move(why));
    } else {
        hook.state = HookState::State::attached;
    }
}

std::uint64_t read_counter(int counters, std::uint32_t index, std::vector<std::uint64_t>& values) {
    if (bpf_map_lookup_elem(counters, &index, values.data()) != 0) {
        return 0;
    }
    std::uint64_t sum = 0;
    for (const std::uint64_t value : values) {
        sum += value;
    }
    return sum;
}

/// Runs of a program that the kernel skipped because the program was running already on that
/// processor (Linux 5.12; older ones skip and do not count).
std::uint64_t skipped_runs(int program) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) != 0) {
        return 0;
    }
    return info.recursion_misses;
}

void add_reason(std::string& reason, std::string_view what, std::uint64_t count) {
    if (count != 0) {
        reason += reason.empty() ? "" : ", ";
        reason += what;
        reason += ": ";
        reason += std::to_string(count);
    }
}

Result<std::string> run_iterator(const BpfLink& link) {
    const int fd = bpf_iter_create(bpf_link__fd(link.get()));
    if (fd < 0) {
        return std::unexpected(errno_error("starting an iterator", -fd));
    }
    const UniqueFd iterator(fd);
    return read_all(iterator.get(), kSnapshotBytesMax);
}

IpAddress to_address(const __u8 (&wire)[16]) {
    IpAddress out;
    std::memcpy(out.bytes.data(), wire, sizeof wire);
    return out;
}

wire_listener_key to_wire(const ListenerKey& key) {
    wire_listener_key wire{};
    std::memcpy(wire.local, key.local.bytes.data(), sizeof wire.local);
    wire.netns = key.netns;
    wire.port = key.port;
    wire.protocol = key.udp ? WIRE_PROTOCOL_UDP : WIRE_PROTOCOL_TCP;
    return wire;
}

ListenerKey to_key(const wire_listener_key& wire) {
    return {.local = to_address(wire.local),
            .netns = wire.netns,
            .port = wire.port,
            .udp = wire.protocol == WIRE_PROTOCOL_UDP};
}

struct ToldEndpoint {
    std::uint64_t attempts = 0;
    std::uint64_t established = 0;
    std::uint64_t closed = 0;
    std::uint64_t changed_at_ns = 0;
    bool operator==(const ToldEndpoint&) const = default;
};

ListenerKey listener_key(const SocketHeld& socket) {
    return {
        .local = socket.local, .netns = socket.netns, .port = socket.local_port, .udp = socket.udp};
}

/// What the map's entry said last, and what entries of the same key said before it was deleted.
struct ToldListener {
    std::uint64_t connections = 0;
    std::uint64_t with_data = 0;
    std::uint64_t connections_before = 0;
    std::uint64_t with_data_before = 0;
};

}  // namespace

// Torn down from the last member to the first: links, ring, objects, shared maps.
struct KernelSensor::State {
    State(UniqueFd ring_made, UniqueFd counters_made, UniqueFd wakeups)
        : ring_map(std::move(ring_made)),
          counters(std::move(counters_made)),
          wakeup(std::move(wakeups)) {}

    UniqueFd ring_map;
    UniqueFd counters;
    UniqueFd wakeup;  ///< epoll on the ring
    std::array<std::optional<LoadedFamily>, kFamilies.size()> families;
    RingBuffer ring;
    std::mutex ring_mutex;
    RecordBatch* filling = nullptr;  ///< guarded by ring_mutex
    ServedHooks hooks;

    WireDecoder decoder;
    std::array<std::atomic<std::uint64_t>, kHookCount> undecodable{};
    std::unordered_map<std::uint64_t, ToldEndpoint> told_endpoints;
    std::map<ListenerKey, ToldListener> told_listeners;

    using FirstTries =
        std::array<std::optional<std::expected<LoadedFamily, LoadFailure>>, kFamilies.size()>;
    [[nodiscard]] std::vector<std::string_view> programs_of(Family family) const;
    [[nodiscard]] FirstTries load_side_by_side(const wire_settings& settings) const;
    void load_family(Family family, const KernelFeatures& features, const wire_settings& settings,
                     std::array<std::vector<const Candidate*>, kHookCount>& refused,
                     std::optional<std::expected<LoadedFamily, LoadFailure>> first_try);
    void attach(ServedHook& hook, const KernelFeatures& features);
    /// Tells the kernel side which settings count. An error: not all of them fit.
    [[nodiscard]] Result<void> name_sysctls(std::span<const std::string> names) const;

    static int on_record(void* state, void* data, std::size_t size);
    [[nodiscard]] Result<bool> consume(RecordBatch& batch);

    [[nodiscard]] int network_map(const char* name) const;
    struct Losses {
        std::uint64_t lost = 0;
        std::uint64_t beside = 0;  ///< told in the reason, but no event that a verdict rests on
        std::string reason;
    };
    [[nodiscard]] Losses losses_of(const ServedHook& hook) const;
    [[nodiscard]] std::uint64_t evicted_datagram_flows(std::vector<std::uint64_t>& values) const;
    void tell(ServedHook& hook, const Losses& losses, const OnEvent& on_event);
    void read_endpoints(const OnEvent& on_event);
    void read_listeners(const OnEvent& on_event);
    void seed_listeners(const std::map<ListenerKey, std::set<std::uint64_t>>& held);
    bool listeners_seeded = false;
    bool left_behind = false;  ///< of the thread that waits for records
    void forget_cgroups();
};

// --- start ---------------------------------------------------------------------------------------

std::vector<std::string_view> KernelSensor::State::programs_of(Family family) const {
    std::vector<std::string_view> programs;
    for (const auto& hook : hooks) {
        if (hook.chosen != nullptr && hook.chosen->family == family) {
            std::ranges::transform(hook.chosen->programs, std::back_inserter(programs),
                                   &ProgramPoint::program);
        }
    }
    return programs;
}

/// The first try of every family: the network family, the largest, beside the others. Half of the
/// time goes into parsing the kernel's types once for each object. (All three at once would take
/// more memory than the whole run does later.)
KernelSensor::State::FirstTries KernelSensor::State::load_side_by_side(
    const wire_settings& settings) const {
    FirstTries tries;
    const auto try_family = [&](Family family) {
        const auto programs = programs_of(family);
        if (!programs.empty()) {
            tries.at(index_of(family))
                .emplace(LoadedFamily::load(family, programs,
                                            {.ring = ring_map.get(), .counters = counters.get()},
                                            settings));
        }
    };
    std::thread network([&] { try_family(Family::network); });
    for (const Family family : kFamilies) {
        if (family != Family::network) {
            try_family(family);
        }
    }
    network.join();
    return tries;
}

void KernelSensor::State::load_family(
    Family family, const KernelFeatures& features, const wire_settings& settings,
    std::array<std::vector<const Candidate*>, kHookCount>& refused,
    std::optional<std::expected<LoadedFamily, LoadFailure>> first_try) {
    const auto served_here = [&](const ServedHook& hook) {
        return hook.chosen != nullptr && hook.chosen->family == family &&
               !hook.chosen->programs.empty();
    };
    // Each turn either loads or takes one candidate away.
    for (;;) {
        const auto programs = programs_of(family);
        if (programs.empty()) {
            return;
        }
        auto loaded = first_try
                          ? std::move(*first_try)
                          : LoadedFamily::load(family, programs,
                                               {.ring = ring_map.get(), .counters = counters.get()},
                                               settings);
        first_try.reset();
        if (loaded) {
            families[index_of(family)].emplace(std::move(*loaded));
            return;
        }
        const auto& failure = loaded.error();
        const auto culprit = std::ranges::find_if(hooks, [&](const ServedHook& hook) {
            return served_here(hook) &&
                   std::ranges::find(hook.chosen->programs, failure.program,
                                     &ProgramPoint::program) != hook.chosen->programs.end();
        });
        if (culprit == hooks.end()) {
            for (auto& hook : hooks) {
                if (served_here(hook)) {
                    hook.miss(failure.error.message);
                }
            }
            return;
        }
        auto& tried = refused[static_cast<std::size_t>(culprit - hooks.begin())];
        tried.push_back(culprit->chosen);
        culprit->reason = failure.error.within(failure.program).message;
        choose_for(*culprit, features, tried);
    }
}

void KernelSensor::State::attach(ServedHook& hook, const KernelFeatures& features) {
    if (hook.chosen == nullptr || hook.chosen->programs.empty()) {
        return;
    }
    const auto& family = families[index_of(hook.chosen->family)];
    const int cgroup_root = features.cgroup_root() ? features.cgroup_root()->get() : -1;
    for (const auto& point : hook.chosen->programs) {
        auto link = family->attach(point, cgroup_root);
        if (!link) {
            hook.miss(link.error().message);
            return;
        }
        hook.links.push_back(std::move(*link));
    }
}

Result<void> KernelSensor::State::name_sysctls(std::span<const std::string> names) const {
    const auto& process = families[index_of(Family::process)];
    if (names.empty() || !process || hooks[index_of(Hook::sysctl)].chosen == nullptr) {
        return {};
    }
    const int map = process->map_fd("sysctls");
    for (const std::string& name : names) {
        wire_sysctl_name key{};
        if (name.empty() || name.size() >= sizeof key.text) {
            return fail("watching the setting " + name + ": its name is too long");
        }
        std::ranges::copy(name, std::begin(key.text));
        const std::uint8_t watched = 1;
        if (const int failed = bpf_map_update_elem(map, &key, &watched, BPF_ANY); failed != 0) {
            return std::unexpected(errno_error("watching the setting " + name, -failed));
        }
    }
    return {};
}

Result<KernelSensor> KernelSensor::start(const SensorOptions& options) {
    if (auto checked = check_can_observe(); !checked) {
        return std::unexpected(checked.error());
    }
    const auto features = KernelFeatures::examine();
    if (!features) {
        return std::unexpected(features.error());
    }
    auto ring_map = make_ring(options.ring_bytes);
    if (!ring_map) {
        return std::unexpected(ring_map.error());
    }
    auto counters = make_counters();
    if (!counters) {
        return std::unexpected(counters.error());
    }
    const int wakeup = ::epoll_create1(EPOLL_CLOEXEC);
    if (wakeup < 0) {
        return std::unexpected(errno_error("epoll_create1", errno));
    }
    auto state =
        std::make_unique<State>(std::move(*ring_map), std::move(*counters), UniqueFd(wakeup));

    std::array<std::vector<const Candidate*>, kHookCount> refused;
    for (const auto& point : hook_points()) {
        auto& hook = state->hooks[index_of(point.hook)];
        hook.point = &point;
        const bool asked_for = point.hook != Hook::sysctl || !options.sysctls.empty();
        if (asked_for && is_needed(point.hook, options.kinds)) {
            choose_for(hook, *features, refused[index_of(point.hook)]);
        }
    }
    const bool tells_processes =
        std::ranges::find(options.kinds, facts::Kind::process_creation) != options.kinds.end();
    const wire_settings settings{.self_tgid = static_cast<__u32>(::getpid()),
                                 .wake_bytes = options.ring_bytes / 4,
                                 .flow_segments = WIRE_FLOW_SEGMENTS_MAX,
                                 .exec_directory = tells_processes ? 1U : 0U,
                                 .dns_answers = options.dns_answers ? 1U : 0U};
    auto tries = state->load_side_by_side(settings);
    for (const Family family : kFamilies) {
        state->load_family(family, *features, settings, refused,
                           std::move(tries.at(index_of(family))));
    }

    state->ring.reset(
        ring_buffer__new(state->ring_map.get(), State::on_record, state.get(), nullptr));
    if (!state->ring) {
        return std::unexpected(errno_error("mapping the ring buffer", errno));
    }
    // Edge-triggered: the kernel side wakes us only when much waits. A level-triggered wait would
    // come back at once whenever anything at all is there, which is always on a busy host.
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;
    if (::epoll_ctl(state->wakeup.get(), EPOLL_CTL_ADD, state->ring_map.get(), &interest) != 0) {
        return std::unexpected(errno_error("waiting on the ring buffer", errno));
    }
    if (auto named = state->name_sysctls(options.sysctls); !named) {
        state->hooks[index_of(Hook::sysctl)].miss(named.error().message);
    }
    for (auto& hook : state->hooks) {
        state->attach(hook, *features);
    }
    // libbpf has parsed the kernel's types several times and given it all back.
    ::malloc_trim(0);
    return KernelSensor(std::move(state));
}

KernelSensor::KernelSensor(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelSensor::KernelSensor(KernelSensor&&) noexcept = default;
KernelSensor& KernelSensor::operator=(KernelSensor&&) noexcept = default;
KernelSensor::~KernelSensor() = default;

// --- records -------------------------------------------------------------------------------------

/// libbpf counts a record as consumed whatever we answer; a negative answer makes it stop there.
int KernelSensor::State::on_record(void* state, void* data, std::size_t size) {
    auto& batch = *static_cast<State*>(state)->filling;
    const std::span record(static_cast<const std::byte*>(data), size);
    // Records that were reserved in steps of size are shorter than their room.
    if (const auto header = ByteReader(record).take<wire_header>(); header && header->size < size) {
        size = std::max<std::size_t>(header->size, sizeof(wire_header));
    }
    const auto told = record.first(size);
    batch.starts.push_back(static_cast<std::uint32_t>(batch.bytes.size()));
    batch.bytes.insert(batch.bytes.end(), told.begin(), told.end());
    batch.bytes.resize((batch.bytes.size() + 7) & ~std::size_t{7});
    return batch.bytes.size() >= kBatchBytes ? -EAGAIN : 0;
}

Result<bool> KernelSensor::State::consume(RecordBatch& batch) {
    const std::unique_lock lock(ring_mutex);
    filling = &batch;
    const int result = ring_buffer__consume(ring.get());
    filling = nullptr;
    if (result < 0 && result != -EAGAIN) {
        return std::unexpected(errno_error("reading the ring buffer", -result));
    }
    return result == -EAGAIN;
}

Result<void> KernelSensor::wait_for_records(RecordBatch& batch) {
    epoll_event event{};
    // A batch that was full has left records behind: nobody may wake us for them.
    const int wait = std::exchange(state_->left_behind, false) ? 0 : kWaitMs;
    if (::epoll_wait(state_->wakeup.get(), &event, 1, wait) < 0 && errno != EINTR) {
        return std::unexpected(errno_error("waiting for kernel events", errno));
    }
    const auto more = take_records(batch);
    if (!more) {
        return std::unexpected(more.error());
    }
    state_->left_behind = *more;
    return {};
}

Result<bool> KernelSensor::take_records(RecordBatch& batch) {
    batch.bytes.clear();
    batch.starts.clear();
    return state_->consume(batch);
}

void KernelSensor::decode(const RecordBatch& batch, const OnEvent& on_event) {
    const std::span bytes(batch.bytes);
    for (std::size_t i = 0; i < batch.starts.size(); ++i) {
        const std::size_t begin = batch.starts[i];
        const std::size_t end = i + 1 < batch.starts.size() ? batch.starts[i + 1] : bytes.size();
        const auto record = bytes.subspan(begin, end - begin);
        const auto event = state_->decoder.decode(record);
        if (event) {
            on_event(*event);
            continue;
        }
        const auto header = ByteReader(record).take<wire_header>();
        ++state_->undecodable[index_of(hook_of_record(header ? header->kind : std::uint16_t{0}))];
    }
    state_->forget_cgroups();
}

void KernelSensor::State::forget_cgroups() {
    const auto forgotten = decoder.cgroup_paths().take_forgotten();
    const auto& process = families[index_of(Family::process)];
    if (forgotten.empty() || !process) {
        return;
    }
    const int told = process->map_fd("cgroups_told");
    for (const std::uint64_t id : forgotten) {
        bpf_map_delete_elem(told, &id);
    }
}

// --- snapshot ------------------------------------------------------------------------------------

Result<void> KernelSensor::snapshot_processes(const OnEvent& on_event) {
    auto& hook = state_->hooks[index_of(Hook::snapshot_processes)];
    if (hook.chosen == nullptr) {
        return {};
    }
    auto files = ProcessFiles::open();
    if (!files) {
        return std::unexpected(files.error().within("reading the processes that run"));
    }
    if (hook.chosen->mechanism == Mechanism::proc) {
        for (const std::uint32_t pid : files->process_numbers()) {
            ProcessExec process;
            process.time_ns = boot_clock_now_ns();
            if (pid != static_cast<std::uint32_t>(::getpid()) &&
                files->read_identity(pid, process) && files->read(process)) {
                on_event(process);
            }
        }
        return {};
    }
    const auto records = run_iterator(hook.links.front());
    if (!records) {
        return std::unexpected(records.error().within("reading the processes that run"));
    }
    WireDecoder decoder;
    ByteReader reader(std::as_bytes(std::span(*records)));
    while (const auto record = reader.take_bytes(sizeof(wire_exec))) {
        auto event = decoder.decode(*record);
        auto* process = event ? std::get_if<ProcessExec>(&*event) : nullptr;
        if (process == nullptr) {
            ++state_->undecodable[index_of(Hook::snapshot_processes)];
        } else if (files->read(*process)) {
            on_event(*process);
        }
    }
    return {};
}

Result<void> KernelSensor::snapshot_sockets(const OnEvent& on_event) {
    auto& hook = state_->hooks[index_of(Hook::snapshot_sockets)];
    if (hook.chosen == nullptr) {
        return {};
    }
    const auto records = run_iterator(hook.links.front());
    if (!records) {
        return std::unexpected(records.error().within("reading open sockets"));
    }
    std::map<ListenerKey, std::set<std::uint64_t>> held;
    WireDecoder decoder;
    ByteReader reader(std::as_bytes(std::span(*records)));
    while (const auto record = reader.take_bytes(sizeof(wire_socket_held))) {
        const auto event = decoder.decode(*record);
        const auto* socket = event ? std::get_if<SocketHeld>(&*event) : nullptr;
        if (socket == nullptr) {
            ++state_->undecodable[index_of(Hook::snapshot_sockets)];
            continue;
        }
        if (socket->listening) {
            held[listener_key(*socket)].insert(socket->cookie);
        }
        on_event(*socket);
    }
    auto tables = read_own_socket_tables([&](const SocketHeld& socket) {
        // What somebody holds has been told, with its holders.
        const auto [entry, nobody_holds] = held.try_emplace(listener_key(socket));
        if (nobody_holds) {
            entry->second.insert(socket.socket_inode);
            on_event(socket);
        }
    });
    state_->seed_listeners(held);
    return tables;
}

/// The kernel side counts connections only at listeners it knows.
void KernelSensor::State::seed_listeners(
    const std::map<ListenerKey, std::set<std::uint64_t>>& held) {
    const int map = network_map("listeners");
    if (listeners_seeded || map < 0) {
        return;  // what came since, the hooks have told
    }
    for (const auto& [key, sockets] : held) {
        const wire_listener_key wire = to_wire(key);
        wire_listener unused{};
        unused.open_sockets = sockets.size();
        unused.known = 1;
        bpf_map_update_elem(map, &wire, &unused, BPF_NOEXIST);
    }
    const std::uint32_t first = 0;
    const std::uint32_t done = 1;
    bpf_map_update_elem(network_map("seeded"), &first, &done, BPF_ANY);
    listeners_seeded = true;
}

// --- counters ------------------------------------------------------------------------------------

int KernelSensor::State::network_map(const char* name) const {
    const auto& network = families[index_of(Family::network)];
    return network ? network->map_fd(name) : -1;
}

void KernelSensor::State::read_endpoints(const OnEvent& on_event) {
    const int map = network_map("endpoints");
    if (map < 0) {
        return;
    }
    const std::uint64_t now = boot_clock_now_ns();
    const auto tell = [&](const wire_endpoint& value) {
        auto& told = told_endpoints[value.id];
        const ToldEndpoint current{value.attempts, value.established, value.closed,
                                   told.changed_at_ns};
        if (current == told && told.changed_at_ns != 0) {
            return false;
        }
        told = current;
        told.changed_at_ns = now;
        on_event(EndpointCounters{.id = value.id,
                                  .attempts = value.attempts,
                                  .established = value.established,
                                  .closed = value.closed,
                                  .last_ns = value.last_boot_ns});
        return true;
    };
    std::size_t entries = 0;
    std::vector<wire_endpoint_key> quiet;
    std::vector<wire_endpoint_key> spare;
    for_each_entry<wire_endpoint_key, wire_endpoint>(
        map, [&](const wire_endpoint_key& key, const wire_endpoint& value) {
            ++entries;
            if (tell(value)) {
                return;
            }
            // The kernel side counts the close of TCP clients only; the others end by being quiet.
            const bool counts_closes =
                key.role == WIRE_ROLE_CLIENT && key.protocol == WIRE_PROTOCOL_TCP;
            const bool over = value.closed >= value.attempts;
            const std::uint64_t idle = now - told_endpoints[value.id].changed_at_ns;
            if ((over && idle >= kQuietNs) || (!counts_closes && idle >= kLongQuietNs)) {
                quiet.push_back(key);
            } else if ((over || !counts_closes) && idle >= kCrowdedQuietNs) {
                spare.push_back(key);
            }
        });
    if (entries > kCrowdedEndpoints) {
        quiet.insert(quiet.end(), spare.begin(), spare.end());
    }
    for (const auto& key : quiet) {
        wire_endpoint last{};
        // Linux 5.14 reads and deletes in one step; before, what happens between the two is lost.
        if (bpf_map_lookup_and_delete_elem(map, &key, &last) != 0 &&
            (bpf_map_lookup_elem(map, &key, &last) != 0 || bpf_map_delete_elem(map, &key) != 0)) {
            continue;
        }
        tell(last);
        told_endpoints.erase(last.id);
    }
}

void KernelSensor::State::read_listeners(const OnEvent& on_event) {
    const int map = network_map("listeners");
    if (map < 0) {
        return;
    }
    const auto tell = [&](const wire_listener_key& wire, const wire_listener& value) {
        const ListenerKey key = to_key(wire);
        if (value.connections == 0 && !told_listeners.contains(key)) {
            return;
        }
        ToldListener& told = told_listeners[key];
        if (value.connections == told.connections &&
            value.connections_with_data == told.with_data) {
            return;
        }
        told.connections = value.connections;
        told.with_data = value.connections_with_data;
        on_event(ListenerCounters{.key = key,
                                  .connections = told.connections_before + told.connections,
                                  .connections_with_data = told.with_data_before + told.with_data});
    };
    std::vector<wire_listener_key> closed;
    for_each_entry<wire_listener_key, wire_listener>(
        map, [&](const wire_listener_key& key, const wire_listener& value) {
            tell(key, value);
            // Nobody listens any more. Entries without a known socket hold connections whose
            // listener is called otherwise; they stay.
            if (value.known != 0 && static_cast<std::int64_t>(value.open_sockets) <= 0) {
                closed.push_back(key);
            }
        });
    for (const auto& key : closed) {
        wire_listener last{};
        if (bpf_map_lookup_and_delete_elem(map, &key, &last) != 0) {
            continue;
        }
        tell(key, last);
        const auto told = told_listeners.find(to_key(key));
        if (told == told_listeners.end()) {
            continue;
        }
        if (told_listeners.size() > kMostToldListeners) {
            told_listeners.erase(told);  // the model takes a smaller counter as begun anew
            continue;
        }
        // An entry that is made again begins at 0.
        told->second.connections_before += std::exchange(told->second.connections, 0);
        told->second.with_data_before += std::exchange(told->second.with_data, 0);
    }
}

/// Flows that the table of datagram flows had to forget: made - deleted - still there.
std::uint64_t KernelSensor::State::evicted_datagram_flows(
    std::vector<std::uint64_t>& values) const {
    const int map = network_map("datagram_flows");
    if (map < 0) {
        return 0;
    }
    const std::uint64_t deleted =
        read_counter(counters.get(), COUNTER_DATAGRAM_FLOWS_DELETED, values);
    const std::uint64_t made = read_counter(counters.get(), COUNTER_DATAGRAM_FLOWS_MADE, values);
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (made < deleted || bpf_obj_get_info_by_fd(map, &info, &size) != 0) {
        return 0;
    }
    // Each processor may hold back 128 free entries; below that nothing can have been forgotten,
    // and the table need not be counted.
    const std::uint64_t held_back = 128 * values.size();
    if (made - deleted + held_back <= info.max_entries) {
        return 0;
    }
    std::vector<std::byte> key(info.key_size);
    std::vector<std::byte> next(info.key_size);
    std::uint64_t alive = 0;
    const std::byte* previous = nullptr;
    while (alive < info.max_entries && bpf_map_get_next_key(map, previous, next.data()) == 0) {
        ++alive;
        key.swap(next);
        previous = key.data();
    }
    return made - deleted > alive ? made - deleted - alive : 0;
}

KernelSensor::State::Losses KernelSensor::State::losses_of(const ServedHook& hook) const {
    Losses losses;
    if (hook.chosen == nullptr) {
        losses.reason = hook.reason;
        return losses;
    }
    const Hook which = hook.point->hook;
    const int processors = libbpf_num_possible_cpus();
    std::vector<std::uint64_t> values(static_cast<std::size_t>(std::max(processors, 1)));
    std::map<std::string_view, std::uint64_t> by_reason;
    for (const auto& counted : kCountedLosses) {
        if (counted.hook == which) {
            by_reason[counted.reason] += read_counter(counters.get(), counted.counter, values);
        }
    }
    std::uint64_t skipped = 0;
    for (const auto& point : hook.chosen->programs) {
        const auto& family = families[index_of(hook.chosen->family)];
        skipped += family ? skipped_runs(family->program_fd(point.program)) : 0;
    }
    // A state change can be skipped only in a softirq that interrupts another one's. There no
    // socket begins to listen or to connect; a client's establishment is made good at its close;
    // what remains is the number of connections of a server. So no verdict rests on it, and it is
    // told beside the losses.
    const bool harmless = which == Hook::socket_state;
    by_reason["skipped while running"] += harmless ? 0 : skipped;
    by_reason["not decodable"] += undecodable[index_of(which)];
    for (const auto& [reason, count] : by_reason) {
        losses.lost += count;
        add_reason(losses.reason, reason, count);
    }
    if (harmless) {
        losses.beside = skipped;
        add_reason(losses.reason,
                   "state changes skipped while running: a server's Connections may be so much low",
                   skipped);
    }
    if (which == Hook::packet) {
        losses.beside = evicted_datagram_flows(values);
        add_reason(losses.reason, "datagram flows told anew because their table was full",
                   losses.beside);
    }
    return losses;
}

void KernelSensor::State::tell(ServedHook& hook, const Losses& losses, const OnEvent& on_event) {
    hook.told_lost = losses.lost;
    hook.told_beside = losses.beside;
    on_event(HookState{
        .hook = hook.point->hook,
        .state = hook.state,
        .mechanism = hook.chosen == nullptr ? std::string_view{} : name(hook.chosen->mechanism),
        .reason = losses.reason,
        .lost = losses.lost});
}

void KernelSensor::read_counters(const OnEvent& on_event) {
    state_->read_endpoints(on_event);
    state_->read_listeners(on_event);
    for (auto& hook : state_->hooks) {
        if (hook.chosen == nullptr) {
            continue;
        }
        const auto losses = state_->losses_of(hook);
        if (losses.lost > hook.told_lost || losses.beside > hook.told_beside) {
            state_->tell(hook, losses, on_event);
        }
    }
}

void KernelSensor::read_hook_states(const OnEvent& on_event) {
    for (auto& hook : state_->hooks) {
        if (hook.point == nullptr) {
            continue;  // another sensor serves it
        }
        state_->tell(hook, state_->losses_of(hook), on_event);
    }
}

void KernelSensor::settle_flow(std::uint64_t flow) {
    const int map = state_->network_map("settled");
    const std::uint8_t settled = 1;
    if (map >= 0) {
        bpf_map_update_elem(map, &flow, &settled, BPF_ANY);
    }
}

std::uint64_t KernelSensor::lost() const {
    std::uint64_t sum = 0;
    for (const auto& hook : state_->hooks) {
        sum += state_->losses_of(hook).lost;
    }
    return sum;
}

}  // namespace assay::sensors
