// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "model/process_text.h"
#include "model/state.h"

namespace assay::model {
namespace {

constexpr std::uint64_t kHoldForHolders = kSecond;
constexpr std::uint64_t kLeastObserved = 60 * kSecond;
constexpr std::size_t kMostClosedCookies = 65'536;
constexpr std::size_t kMostActivationChecks = 16;

bool holds(const Listener& listener, facts::ProcessKey process) {
    return std::ranges::binary_search(listener.holders, process);
}

std::string_view scope_of(const IpAddress& local) {
    if (local.is_loopback()) {
        return "loopback";
    }
    return !local.is_any() && local.is_private() ? "private" : "any";
}

}  // namespace

void Model::State::opened(const sensors::ListenerOpened& event) {
    saw(event.time_ns);
    closed_before_snapshot.erase(event.cookie);  // cookies come again
    ListenerSocket socket{
        .cookie = event.cookie, .inode = event.socket_inode, .caller = owner_of(event.process)};
    socket.caller.uid = event.uid;
    socket.caller.uid_known = true;
    Listener* listener = listeners.open(event.key, std::move(socket), event.time_ns,
                                        sensors::Origin::runtime, event.ipv6_only);
    if (listener == nullptr) {
        ++(event.key.udp ? binds_dropped : listeners_dropped);
        return;
    }
    listener->own |= event.process.pid == own_pid;
    tell_listener_if_new(*listener, event.time_ns);
}

void Model::State::closed(const sensors::ListenerClosed& event) {
    saw(event.time_ns);
    if (!snapshot_taken && closed_before_snapshot.size() < kMostClosedCookies) {
        closed_before_snapshot.insert(event.cookie);
    }
    Listener* listener = listeners.close(event);
    if (listener == nullptr) {
        return;
    }
    if (event.key.udp && !listener->served) {
        listeners.erase(event.key);  // a client's port: never anybody's listener
        return;
    }
    if (snapshot_taken) {
        tell_listener(*listener, event.time_ns, false);
    }
}

void Model::State::counted(const sensors::ListenerCounters& event) {
    if (Listener* listener = listeners.count(event)) {
        tell_listener_if_new(*listener, now);
    }
}

void Model::State::held(const sensors::SocketHeld& event) {
    if (snapshot_taken && !pass_running) {
        return;
    }
    pass_saw_sockets = true;
    if (!event.listening) {
        if (!snapshot_taken && event.established) {
            hold_snapshot_socket(event);
        }
        return;
    }
    const sensors::ListenerKey key{
        .local = event.local, .netns = event.netns, .port = event.local_port, .udp = event.udp};
    if (!snapshot_taken) {
        if (event.cookie != 0 && closed_before_snapshot.contains(event.cookie)) {
            return;
        }
        ListenerSocket socket{
            .cookie = event.cookie, .inode = event.socket_inode, .caller = {}, .in_pass = true};
        Listener* listener = listeners.open(key, std::move(socket), window.start_boot_ns,
                                            sensors::Origin::snapshot, false);
        if (listener == nullptr) {
            ++sockets_dropped;
            return;
        }
        listener->own |= event.process.pid == own_pid;
    }
    auto& processes_holding = pass_holders[key];
    // pid 0: the socket is open, but nobody is known to hold it.
    if (event.process.pid != 0 && processes_holding.size() < Listener::kMostHolders) {
        processes_holding.push_back(event.process);
    }
}

void Model::State::begin_pass() {
    pass_running = true;
    pass_saw_sockets = false;
    pass_began_ns = now;
    pass_holders.clear();
    for (auto& [key, listener] : listeners.all()) {
        for (ListenerSocket& socket : listener.sockets) {
            socket.before_pass = true;
        }
    }
}

void Model::State::end_pass() {
    const bool complete_pass = std::exchange(pass_running, false) && pass_saw_sockets;
    for (auto& [key, listener] : listeners.all()) {
        if (!complete_pass || !listener.open()) {
            continue;  // where nothing could be read, who called listen is all that is known
        }
        for (ListenerSocket& socket : listener.sockets) {
            socket.in_pass |= socket.before_pass;
        }
        auto found = pass_holders.find(key);
        if (found == pass_holders.end()) {
            listener.holders.clear();
            continue;
        }
        listener.holders = std::move(found->second);
        std::ranges::sort(listener.holders);
        const auto same = std::ranges::unique(listener.holders);
        listener.holders.erase(same.begin(), same.end());
    }
    pass_holders.clear();
    tell_due_listeners();
}

Owner Model::State::primary_owner(Listener& listener) {
    Owner owner = listener.last_owner;
    const ListenerSocket* caller = nullptr;
    for (const ListenerSocket& socket : listener.sockets) {
        const facts::ProcessKey process = socket.caller.process;
        if (process.pid != 0 && (!socket.in_pass || holds(listener, process))) {
            caller = &socket;
            break;
        }
    }
    if (caller != nullptr) {
        owner = caller->caller;
    } else if (listener.open() && !listener.holders.empty()) {
        owner = Owner{};
        owner.process = listener.holders.front();
    } else if (owner.process.pid == 0 && listener.open()) {
        owner = listener.sockets.front().caller;
    }
    // The caller may have executed the service since: systemd-socket-activate does.
    refresh(owner);
    listener.last_owner = owner;
    return owner;
}

void Model::State::tell_listener_if_new(Listener& listener, std::uint64_t time_ns) {
    if (snapshot_taken && !listener.told && (!listener.key.udp || listener.served)) {
        tell_listener(listener, time_ns, false);
    }
}

void Model::State::verdict_changed(Listener& listener, std::uint64_t time_ns) {
    if (!listener.told || listener.due_since_ns || listener.verdict() == listener.told_verdict ||
        !wants(facts::Kind::listener)) {
        return;
    }
    listener.due_since_ns = time_ns;
    due_listeners.push_back(listener.key);
}

void Model::State::tell_due_listeners() {
    std::erase_if(due_listeners, [&](const sensors::ListenerKey& key) {
        Listener* listener = listeners.find(key);
        if (listener == nullptr || !listener->due_since_ns) {
            return true;
        }
        const std::uint64_t since = *listener->due_since_ns;
        const bool fresh = !pass_running && pass_began_ns >= since;
        if (!fresh && elapsed(since, now) < kHoldForHolders) {
            return false;
        }
        tell_listener(*listener, now, false);
        return true;
    });
}

void Model::State::tell_listener(Listener& listener, std::uint64_t time_ns, bool at_close) {
    const ListenerVerdict verdict = listener.verdict();
    listener.told = true;
    listener.told_verdict = verdict;
    listener.due_since_ns.reset();
    const Owner owner = primary_owner(listener);
    if (listener.own || !wants(facts::Kind::listener)) {
        return;
    }
    if (listener.number == 0) {
        listener.number = next_stream++;
    }

    std::vector<facts::ProcessKey> owners = listener.holders;
    for (const ListenerSocket& socket : listener.sockets) {
        if (socket.caller.process.pid != 0 && !socket.in_pass) {
            owners.push_back(socket.caller.process);
        }
    }
    if (owners.empty() && !listener.open() && owner.process.pid != 0) {
        owners.push_back(owner.process);
    }
    std::ranges::sort(owners);
    const auto same = std::ranges::unique(owners);
    owners.erase(same.begin(), same.end());

    std::vector<std::string> owner_texts(owners.size());
    std::vector<std::string_view> owner_views(owners.size());
    std::size_t checks = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        const Process* process = processes.find(owners[i]);
        std::string_view image = process == nullptr ? std::string_view{} : process->image.view();
        if (image.empty() && owners[i] == owner.process) {
            image = owner.image.view();
        }
        append_owner(owner_texts[i], image, owners[i].pid);
        owner_views[i] = owner_texts[i];
        if (!listener.activated && listener.open() && checks++ < kMostActivationChecks) {
            listener.activated = owners[i].pid == 1 || surroundings.socket_activated(owners[i]);
        }
    }

    const std::uint64_t observed = listener.observed_ns(time_ns);
    const std::uint64_t needed = std::max(kLeastObserved, window.length_ns / 2);
    const bool from_the_start = listener.origin == sensors::Origin::snapshot &&
                                listener.open_since_ns <= window.start_boot_ns;
    const std::string local_ip = listener.key.local.text();

    facts::Listener fact;
    fact.header = header(time_ns, listener.origin);
    fact.header.stream = listener.number;
    fact.header.process = owner.process;
    fact.header.loopback = listener.key.local.is_loopback();
    fact.header.at_close = at_close;
    fact.netns = listener.key.netns;
    fact.protocol = listener.key.udp ? "udp" : "tcp";
    fact.local_ip = local_ip;
    fact.local_port = listener.key.port;
    fact.scope = scope_of(listener.key.local);
    fact.image = owner.image.view();
    if (owner.process.pid != 0) {
        fact.process_id = owner.process.pid;
    }
    fact.user = user_of(owner);
    if (owner.uid_known) {
        fact.uid = owner.uid;
    }
    fact.owners = owner_views;
    fact.socket_activated = listener.activated;
    fact.open = listener.open();
    // A verdict may be told before the counters of its connection were read.
    fact.connections = std::max(listener.connections, listener.flows_counted());
    fact.connections_with_data = std::max(listener.connections_with_data, listener.flows_counted());
    fact.observed_seconds = observed / kSecond;
    fact.observed_enough = observed >= needed || (at_close && from_the_start);
    fact.application_protocol = protocols::name(verdict.protocol);
    if (verdict.protocol != protocols::Protocol::unknown) {
        fact.application_protocol_version = verdict.version;
        fact.protocol_evidence = "payload";
        fact.encrypted = verdict.encrypted;
        fact.tls_version = protocols::name(verdict.tls_chosen);
        fact.starttls_offered = verdict.starttls_offered;
        fact.starttls_taken = verdict.starttls_taken;
        fact.cleartext_credentials = verdict.cleartext_credentials;
    }
    fact.cgroup = owner.cgroup.view();
    fact.container_id = owner.container;
    emit_fact(fact);
}

void Model::State::tell_snapshot_listeners() {
    for (auto& [key, listener] : listeners.all()) {
        tell_listener_if_new(listener, now);
    }
    closed_before_snapshot = {};
}

void Model::State::close_listeners() {
    due_listeners.clear();
    for (auto& [key, listener] : listeners.all()) {
        if (listener.open() && (!key.udp || listener.served)) {
            tell_listener(listener, now, true);
        }
    }
}

}  // namespace assay::model
