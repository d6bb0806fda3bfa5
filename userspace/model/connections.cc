// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "model/state.h"

namespace assay::model {
namespace {

constexpr std::uint64_t kTellAgain = 10 * kSecond;
constexpr std::uint64_t kHoldVerdict = 2 * kSecond;
constexpr std::uint64_t kHoldGap = 2 * kSecond;
constexpr std::uint64_t kIdleFlow = 60 * kSecond;
constexpr std::uint64_t kRefusedAfter = kSecond;
constexpr std::uint64_t kSourcePortWait = kSecond;
constexpr std::uint64_t kOpenedWait = kSecond;
constexpr std::size_t kMostEarlyCounters = 4'096;
constexpr std::size_t kMostSnapshotSockets = 32'768;
constexpr std::size_t kMostSnapshotEndpoints = EndpointTable::kMostEndpoints / 2;

sensors::ListenerKey local_end(const Flow& flow) {
    return {.local = flow.local, .netns = flow.netns, .port = flow.local_port, .udp = flow.udp};
}

}  // namespace

Endpoint& Model::State::endpoint_for(std::uint64_t id) {
    if (Endpoint* known = endpoints.find(id)) {
        return *known;
    }
    while (endpoints.full()) {
        Endpoint* oldest = endpoints.oldest();
        if (oldest == nullptr) {
            break;
        }
        tell_endpoint(*oldest, now, true, false);
        ++endpoints_dropped;
        endpoints.erase(oldest->id);
    }
    Endpoint& made = endpoints.get(id);
    made.opened_ns = now;
    return made;
}

void Model::State::opened(const sensors::EndpointOpened& event) {
    saw(event.time_ns);
    if (!wants(facts::Kind::network_connection)) {
        return;
    }
    Endpoint& endpoint = endpoint_for(event.id);
    endpoint.key = event.key;
    endpoint.opened = true;
    endpoint.opened_ns = event.time_ns;
    if (event.key.role == sensors::Role::server) {
        endpoint.established_seen = true;
        endpoint.local = event.key.local;
        if (endpoint.attribution == Attribution::unknown) {
            find_server_owner(endpoint);
        }
    } else if (event.process.pid == 0) {
        endpoint.pre_window = true;
        endpoint.origin = sensors::Origin::snapshot;
    } else {
        endpoint.pre_window = false;
        endpoint.owner = owner_of(event.process);
        endpoint.owner.uid = event.key.uid;
        endpoint.owner.uid_known = true;
        endpoint.attribution = Attribution::connect;
        endpoint.own = event.process.pid == own_pid;
        name_destination(endpoint, event.process, 1, event.time_ns);
    }
    if (const auto early = early_counters.extract(event.id)) {
        counted(early.mapped());
    }
    touched(endpoint, event.time_ns);
}

void Model::State::name_destination(Endpoint& endpoint, facts::ProcessKey process,
                                    std::uint64_t connections, std::uint64_t time_ns) {
    if (host_names.empty()) {
        return;
    }
    std::vector<Stream*> grown;
    for (Stream& stream : endpoint.verdicts) {
        if (std::exchange(stream.named_count, stream.count) != stream.count) {
            grown.push_back(&stream);
        }
    }
    if (endpoint.verdicts.empty() && endpoint.rest.number != 0) {
        grown.push_back(&endpoint.rest);
    }
    if (connections == 0) {
        return;
    }
    const NameUser user{.process = process,
                        .image_file = endpoint.key.image_file,
                        .uid = endpoint.key.uid,
                        .netns = endpoint.key.netns};
    auto names = host_names.names(endpoint.key.remote, user, endpoint.named_ns, time_ns);
    endpoint.named_ns = time_ns;
    // More names than connections: the oldest of them were asked for and not used.
    if (names.size() > connections) {
        names.erase(names.begin(), names.end() - static_cast<std::ptrdiff_t>(connections));
    }
    for (Text& name : names) {
        endpoint.host_name = std::move(name);
        for (Stream* stream : grown) {
            stream->name_changed = endpoint.is_new_name(*stream);
        }
        touched(endpoint, now);
    }
}

void Model::State::find_server_owner(Endpoint& endpoint) {
    Listener* listener = listeners.serving({.local = endpoint.key.local,
                                            .netns = endpoint.key.netns,
                                            .port = endpoint.key.port,
                                            .udp = endpoint.key.udp});
    if (listener == nullptr) {
        return;
    }
    endpoint.own = listener->own;
    endpoint.owner = primary_owner(*listener);
    endpoint.attribution = Attribution::listener;
}

void Model::State::established(const sensors::EndpointEstablished& event) {
    saw(event.time_ns);
    if (!wants(facts::Kind::network_connection)) {
        return;
    }
    Endpoint& endpoint = endpoint_for(event.id);
    endpoint.established_seen = true;
    endpoint.local = event.local;
    endpoint.local_port = event.local_port;
    endpoint.remote_port = event.remote_port;
    touched(endpoint, event.time_ns);
}

void Model::State::counted(const sensors::EndpointCounters& event) {
    Endpoint* endpoint = endpoints.find(event.id);
    if (endpoint == nullptr || !endpoint->opened) {
        // Counters are read from a map, past the ring in which the opening still waits; they are
        // not told again before they change.
        if (early_counters.size() >= kMostEarlyCounters) {
            early_counters.clear();  // endpoints that were forgotten: none of them comes back
        }
        early_counters.insert_or_assign(event.id, event);
        return;
    }
    const std::uint64_t known_attempts = std::max<std::uint64_t>(endpoint->attempts, 1);
    endpoint->attempts = event.attempts;
    endpoint->established = event.established;
    endpoint->closed = event.closed;
    if (endpoint->key.role == sensors::Role::client && !endpoint->pre_window) {
        name_destination(*endpoint, {}, event.attempts - std::min(event.attempts, known_attempts),
                         event.last_ns);
    }
    if (endpoint->key.role == sensors::Role::server) {
        endpoint->established = std::max(event.established, event.attempts);
    }
    endpoint->established_seen |= endpoint->established > 0;
    touched(*endpoint, now);
}

void Model::State::accepted(const sensors::EndpointAccepted& event) {
    if (!wants(facts::Kind::network_connection)) {
        return;
    }
    Endpoint& endpoint = endpoint_for(event.id);
    endpoint.owner = owner_of(event.process);
    endpoint.attribution = Attribution::accept;
    endpoint.own |= event.process.pid == own_pid;
}

void Model::State::segment(const sensors::Segment& event) {
    saw(event.time_ns);
    if (event.late) {
        late_segment(event);
        return;
    }
    if (flows.done(event.flow)) {
        return;
    }
    if (!wants_network()) {
        flows.mark_done(event.flow);
        surroundings.settle_flow(event.flow);
        return;
    }
    if (wants(facts::Kind::network_connection)) {
        Endpoint& endpoint = endpoint_for(event.endpoint);
        if (endpoint.own) {
            flows.mark_done(event.flow);
            surroundings.settle_flow(event.flow);
            return;
        }
        if (!endpoint.opened && endpoint.key.port == 0) {
            // The event that opens it is on its way, or lost: then this is all that is known.
            const bool client = event.role == sensors::Role::client;
            endpoint.key = {.image_file = {},
                            .uid = 0,
                            .netns = event.netns,
                            .port = client ? event.remote_port : event.local_port,
                            .udp = event.udp,
                            .role = event.role,
                            .local = client ? IpAddress{} : event.local,
                            .remote = event.remote};
            endpoint.pre_window = client && event.mid_stream;
            unopened.push_back(endpoint.id);
        }
        if (event.mid_stream && endpoint.key.role == sensors::Role::server &&
            endpoint.rest.number == 0 && endpoint.verdicts.empty()) {
            endpoint.origin = sensors::Origin::snapshot;
        }
        endpoint.established_seen = true;
        if (endpoint.local_port == 0) {
            endpoint.local = event.local;
            endpoint.local_port = event.local_port;
            endpoint.remote_port = event.remote_port;
        }
    }
    if (event.udp && event.role == sensors::Role::server && !event.from_local) {
        Listener* listener = listeners.serving(
            {.local = event.local, .netns = event.netns, .port = event.local_port, .udp = true});
        if (listener != nullptr) {
            listener->served = true;
        }
    }

    Flow* flow = flows.find(event.flow);
    if (flow == nullptr) {
        if (Flow* oldest = flows.full() ? flows.least_recent() : nullptr) {
            drop_flow(*oldest);
        }
        flow = &flows.add(event);
    } else {
        flows.touch(*flow);
    }
    flow->last_ns = std::max(flow->last_ns, event.time_ns);
    flow->no_more |= event.last;
    flow->confirmed |= !event.early;
    flow->feed(event);
    judge(*flow, event.time_ns);  // the flow may be gone after this

    if (Endpoint* endpoint = endpoints.find(event.endpoint)) {
        touched(*endpoint, event.time_ns);
    }
    if (event.udp && event.role == sensors::Role::server) {
        Listener* listener = listeners.serving(
            {.local = event.local, .netns = event.netns, .port = event.local_port, .udp = true});
        if (listener != nullptr) {
            tell_listener_if_new(*listener, event.time_ns);
        }
    }
}

void Model::State::late_segment(const sensors::Segment& event) {
    protocols::Classifier classifier(
        {.udp = false,
         .server_port = event.role == sensors::Role::client ? event.remote_port : event.local_port,
         .mid_stream = true});
    protocols::Verdict verdict = classifier.feed(protocols::Side::client, event.captured,
                                                 event.length - event.captured.size());
    if (verdict.protocol != protocols::Protocol::http || !verdict.cleartext_credentials) {
        return;
    }
    surroundings.settle_flow(event.flow);
    verdict.cleartext_credentials = false;
    const VerdictKind before = VerdictKind::of(verdict);
    verdict.cleartext_credentials = true;
    if (Endpoint* endpoint = endpoints.find(event.endpoint);
        endpoint != nullptr && !endpoint->own) {
        endpoint->count_flow(before, VerdictKind::of(verdict));
        touched(*endpoint, event.time_ns);
    }
    if (event.role == sensors::Role::server) {
        if (Listener* listener = listeners.serving({.local = event.local,
                                                    .netns = event.netns,
                                                    .port = event.local_port,
                                                    .udp = false})) {
            listener->count_flow(before, verdict);
            verdict_changed(*listener, event.time_ns);
        }
    }
}

void Model::State::drop_flow(Flow& flow) {
    ++flows_dropped;
    const std::uint64_t id = flow.id;
    flow.finished = true;
    const bool stays = !snapshot_taken || !flow.confirmed;  // judge does not forget it
    judge(flow, now);
    if (stays) {
        flows.finish(id);
    }
}

void Model::State::flow_closed(const sensors::FlowClosed& event) {
    saw(event.time_ns);
    Flow* flow = flows.find(event.flow);
    if (flow == nullptr) {
        return;
    }
    flow->confirmed = true;
    flow->settled = true;  // the kernel has let go of it already
    flow->end();
    judge(*flow, event.time_ns);
}

void Model::State::judge(Flow& flow, std::uint64_t time_ns) {
    const protocols::Verdict& verdict = flow.classifier.verdict();
    if (flow.no_more && !flow.finished && !flow.waiting()) {
        flow.end();
        // A later request on an HTTP connection may carry a password: the kernel goes on to hand
        // over requests that are unlike the first ones (see late_segment).
        flow.settled = verdict.protocol == protocols::Protocol::http && !verdict.encrypted &&
                       !verdict.cleartext_credentials && !flow.udp;
        flow.finished = true;
    }
    flow.finished |= verdict.final;
    if (!flow.confirmed) {
        return;  // a lone packet to a listener is no connection, whatever it carries
    }
    if (flow.finished && !flow.settled) {
        flow.settled = true;
        surroundings.settle_flow(flow.id);
    }
    if (!snapshot_taken) {
        return;  // whose it is may not be known yet
    }
    if (verdict.from_payload) {
        if (flow.finished || flow.held_long || verdict.cleartext_credentials || flow.counted ||
            flow.counted_listener) {
            count_verdict(flow, time_ns);
        } else if (!flow.held) {
            flow.held = true;
            flow.held_since_ns = time_ns;
            deadlines.push_back({time_ns + kHoldVerdict, flow.id});
        }
    }
    if (flow.finished) {
        flows.finish(flow.id);
        return;
    }
    const bool waiting = flow.waiting();
    if (waiting && !flow.gap_timed) {
        flow.gap_since_ns = time_ns;
        deadlines.push_back({time_ns + kHoldGap, flow.id});
    }
    flow.gap_timed = waiting;
}

void Model::State::count_verdict(Flow& flow, std::uint64_t time_ns) {
    const protocols::Verdict& verdict = flow.classifier.verdict();
    const VerdictKind kind = VerdictKind::of(verdict);
    if (flow.mid_stream && flow.role == sensors::Role::client && !flow.counted) {
        const auto known = snapshot_endpoints.find({.netns = flow.netns,
                                                    .local = flow.local,
                                                    .remote = flow.remote,
                                                    .local_port = flow.local_port,
                                                    .remote_port = flow.remote_port,
                                                    .udp = flow.udp});
        if (known != snapshot_endpoints.end()) {
            flow.endpoint = known->second;
        }
    }
    if (Endpoint* endpoint = endpoints.find(flow.endpoint)) {
        if (endpoint->count_flow(flow.counted, kind)) {
            flow.counted = kind;
        }
        touched(*endpoint, time_ns);
    }
    if (flow.role == sensors::Role::server) {
        if (Listener* listener = listeners.serving(local_end(flow))) {
            listener->count_flow(flow.counted_listener, verdict);
            flow.counted_listener = kind;
            verdict_changed(*listener, time_ns);
        }
    }
}

void Model::State::touched(Endpoint& endpoint, std::uint64_t time_ns) {
    const bool more = tell_endpoint(endpoint, time_ns, false, false);
    if (more && !endpoint.queued) {
        endpoint.queued = true;
        queue.push_back(endpoint.id);
    }
}

bool Model::State::tell_endpoint(Endpoint& endpoint, std::uint64_t time_ns, bool final,
                                 bool at_close) {
    if (!snapshot_taken || !endpoint.opened || endpoint.own ||
        !wants(facts::Kind::network_connection)) {
        return false;
    }
    if (endpoint.total() == 0) {
        endpoint.refused |= !endpoint.pre_window && endpoint.attempts > 0 &&
                            (endpoint.closed >= endpoint.attempts ||
                             elapsed(endpoint.opened_ns, time_ns) >= kRefusedAfter);
        if (!endpoint.refused && (!final || endpoint.pre_window)) {
            return endpoint.attempts > 0;
        }
    }
    const bool told = endpoint.rest.number != 0 || !endpoint.verdicts.empty();
    if (!told && !final && endpoint.key.role == sensors::Role::server &&
        endpoint.remote_port == 0 && elapsed(endpoint.opened_ns, time_ns) < kSourcePortWait) {
        return true;  // the first segment names the port it came from
    }
    if (endpoint.key.role == sensors::Role::server &&
        endpoint.attribution == Attribution::unknown) {
        find_server_owner(endpoint);
        if (endpoint.own) {
            return false;
        }
    }
    complete(endpoint.owner);

    bool later = false;
    const auto due = [&](const Stream& stream) {
        const bool changed = stream.told_count != stream.count ||
                             stream.told_attempts != endpoint.attempts_of(stream);
        if (stream.number == 0 ? stream.count > 0
                               : at_close || stream.kind_changed || stream.name_changed) {
            return true;
        }
        if (stream.number != 0 && (stream.count == 0) != (stream.told_count == 0)) {
            return true;  // its flows are told under another verdict now, or the first succeeded
        }
        if (!changed) {
            return false;
        }
        if (endpoint.is_new_name(stream)) {
            return true;
        }
        const bool time_has_come = final || elapsed(stream.told_ns, time_ns) >= kTellAgain;
        later |= !time_has_come;
        return time_has_come;
    };
    for (Stream& stream : endpoint.verdicts) {
        if (due(stream)) {
            tell_stream(endpoint, stream, time_ns, at_close);
        }
    }
    Stream& rest = endpoint.rest;
    rest.count = endpoint.rest_count();
    if (endpoint.verdicts.empty()) {
        if (rest.number == 0 || due(rest)) {
            tell_stream(endpoint, rest, time_ns, at_close);
        }
        return later;
    }
    if (rest.told_ns == 0) {
        rest.told_ns = time_ns;
    }
    const std::uint64_t attempts = endpoint.attempts_of(rest);
    const bool changed = rest.count != rest.told_count || attempts != rest.told_attempts;
    const bool again = at_close && (rest.number != 0 || rest.count > 0 || attempts > 0);
    if (again || (changed && (final || elapsed(rest.told_ns, time_ns) >= kTellAgain))) {
        tell_stream(endpoint, rest, time_ns, at_close);
    } else {
        later |= changed;
    }
    return later;
}

void Model::State::tell_stream(Endpoint& endpoint, Stream& stream, std::uint64_t time_ns,
                               bool at_close) {
    if (stream.number == 0) {
        stream.number = next_stream++;
    }
    const std::uint64_t attempts = endpoint.attempts_of(stream);
    if (stream.told_ns == 0 || stream.name_changed || stream.told_count != stream.count ||
        stream.told_attempts != attempts) {
        if (endpoint.is_new_name(stream)) {
            stream.told_names.push_back(endpoint.host_name);
        }
        stream.host_name = endpoint.host_name;
    }
    stream.told_count = stream.count;
    stream.told_attempts = attempts;
    stream.told_ns = time_ns;
    stream.kind_changed = false;
    stream.name_changed = false;

    const bool client = endpoint.key.role == sensors::Role::client;
    const std::string remote_ip = endpoint.key.remote.text();
    const bool local_known = endpoint.local_port != 0 || !client;
    const std::string local_ip = local_known ? endpoint.local.text() : std::string{};
    const auto known_port = [](std::uint16_t port) {
        return port == 0 ? std::nullopt : std::optional(port);
    };

    facts::NetworkConnection fact;
    fact.header = header(time_ns, endpoint.origin);
    fact.header.stream = stream.number;
    fact.header.count = stream.told_count;
    fact.header.process = endpoint.owner.process;
    fact.header.loopback =
        endpoint.key.remote.is_loopback() || (local_known && endpoint.local.is_loopback());
    fact.header.at_close = at_close;
    fact.image = endpoint.owner.image.view();
    fact.user = user_of(endpoint.owner);
    if (endpoint.owner.uid_known) {
        fact.uid = endpoint.owner.uid;
    }
    if (endpoint.owner.process.pid != 0) {
        fact.process_id = endpoint.owner.process.pid;
    }
    fact.initiated = client;
    fact.protocol = endpoint.key.udp ? "udp" : "tcp";
    fact.source_ip = client ? local_ip : remote_ip;
    fact.source_port = known_port(client ? endpoint.local_port : endpoint.remote_port);
    fact.destination_ip = client ? remote_ip : local_ip;
    fact.destination_port = endpoint.key.port;
    fact.destination_hostname = stream.host_name.view();
    fact.application_protocol = protocols::name(stream.kind.protocol);
    if (stream.kind.protocol != protocols::Protocol::unknown) {
        fact.application_protocol_version = stream.kind.version;
        fact.protocol_evidence = "payload";
        fact.encrypted = stream.kind.encrypted;
        fact.tls_version = protocols::name(stream.kind.tls_chosen);
        fact.tls_version_offered = protocols::name(stream.kind.tls_offered);
        fact.cleartext_credentials = stream.kind.cleartext_credentials;
    }
    fact.count = stream.told_count;
    fact.attempts = stream.told_attempts;
    fact.attribution = name(endpoint.attribution);
    fact.netns = endpoint.key.netns;
    fact.cgroup = endpoint.owner.cgroup.view();
    fact.container_id = endpoint.owner.container;
    emit_fact(fact);
}

void Model::State::hold_snapshot_socket(const sensors::SocketHeld& event) {
    const std::uint64_t socket = event.socket_inode != 0 ? event.socket_inode : event.cookie;
    const auto known = snapshot_sockets.find(socket);
    if (known != snapshot_sockets.end()) {
        if (event.process.pid < known->second.holder.pid) {
            known->second.holder = event.process;
            known->second.uid = event.uid;
        }
        return;
    }
    if (snapshot_sockets.size() >= kMostSnapshotSockets) {
        ++sockets_dropped;
        return;
    }
    snapshot_sockets.emplace(socket, SnapshotSocket{.ends = {.netns = event.netns,
                                                             .local = event.local,
                                                             .remote = event.remote,
                                                             .local_port = event.local_port,
                                                             .remote_port = event.remote_port,
                                                             .udp = event.udp},
                                                    .holder = event.process,
                                                    .uid = event.uid});
}

void Model::State::take_snapshot_sockets() {
    std::set<std::tuple<std::uint32_t, bool, std::uint16_t>> ports;
    for (const auto& [key, listener] : listeners.all()) {
        if (listener.open()) {
            ports.emplace(key.netns, key.udp, key.port);
        }
    }
    struct Destination {
        std::string_view image;
        std::uint32_t uid;
        std::uint32_t netns;
        IpAddress remote;
        std::uint16_t port;
        bool udp;
        auto operator<=>(const Destination&) const = default;
    };
    std::vector<Text> images;  // keeps alive what the keys below look at
    // Connections made after the probes were attached are in the snapshot too; they count once.
    std::map<Destination, std::uint64_t> counted_already;
    for (Endpoint* endpoint : endpoints.in_order()) {
        if (endpoint->opened && endpoint->key.role == sensors::Role::client &&
            !endpoint->pre_window) {
            complete(endpoint->owner);
            images.push_back(endpoint->owner.image);
            counted_already[{endpoint->owner.image.view(), endpoint->key.uid, endpoint->key.netns,
                             endpoint->key.remote, endpoint->key.port, endpoint->key.udp}] +=
                endpoint->total();
        }
    }
    std::map<Destination, std::uint64_t> made;
    std::map<std::uint64_t, const SnapshotSocket*> in_order;  // facts in the same order each time
    for (const auto& [inode, socket] : snapshot_sockets) {
        in_order.emplace(inode, &socket);
    }
    for (const auto& [inode, socket] : in_order) {
        const Ends& ends = socket->ends;
        if (Listener* listener = listeners.serving({.local = ends.local,
                                                    .netns = ends.netns,
                                                    .port = ends.local_port,
                                                    .udp = ends.udp})) {
            // A listener of the window has all its connections counted by the kernel side.
            if (listener->origin == sensors::Origin::snapshot) {
                ++listener->connections;
                ++listener->connections_with_data;
                listener->served = true;
            }
            continue;
        }
        if (ports.contains({ends.netns, ends.udp, ends.local_port}) ||
            socket->holder.pid == own_pid || !wants(facts::Kind::network_connection)) {
            continue;
        }
        Owner owner = owner_of(socket->holder);
        if (!owner.uid_known) {
            owner.uid = socket->uid;
            owner.uid_known = true;
        }
        const Destination destination{owner.image.view(), owner.uid,        ends.netns,
                                      ends.remote,        ends.remote_port, ends.udp};
        if (const auto seen = counted_already.find(destination);
            seen != counted_already.end() && seen->second > 0) {
            --seen->second;
            continue;
        }
        auto place = made.find(destination);
        if (place == made.end()) {
            if (made.size() >= kMostSnapshotEndpoints) {
                ++sockets_dropped;
                continue;
            }
            Endpoint& endpoint = endpoint_for(next_snapshot_endpoint++);
            endpoint.key = {.image_file = {},
                            .uid = owner.uid,
                            .netns = ends.netns,
                            .port = ends.remote_port,
                            .udp = ends.udp,
                            .role = sensors::Role::client,
                            .local = {},
                            .remote = ends.remote};
            endpoint.origin = sensors::Origin::snapshot;
            endpoint.opened = true;
            endpoint.opened_ns = window.start_boot_ns;
            endpoint.established_seen = true;
            endpoint.attribution = Attribution::socket;
            endpoint.local = ends.local;
            endpoint.local_port = ends.local_port;
            endpoint.owner = owner;
            images.push_back(owner.image);
            place = made.emplace(destination, endpoint.id).first;
        }
        if (Endpoint* endpoint = endpoints.find(place->second)) {
            ++endpoint->attempts;
            ++endpoint->established;
            snapshot_endpoints.emplace(ends, endpoint->id);
        }
    }
    snapshot_sockets = {};
}

void Model::State::tell_all_endpoints() {
    std::vector<std::uint64_t> ids;
    for (const Flow& flow : flows.all()) {
        ids.push_back(flow.id);
    }
    for (const std::uint64_t id : ids) {
        if (Flow* flow = flows.find(id)) {
            judge(*flow, flow->last_ns);
        }
    }
    for (Endpoint* endpoint : endpoints.in_order()) {
        touched(*endpoint, now);
    }
}

void Model::State::tick_connections() {
    while (!deadlines.empty() && deadlines.front().time_ns <= now) {
        const std::uint64_t id = deadlines.front().flow;
        deadlines.pop_front();
        Flow* flow = flows.find(id);
        if (flow == nullptr) {
            continue;
        }
        flow->held_long |= flow->held && elapsed(flow->held_since_ns, now) >= kHoldVerdict;
        if (flow->gap_timed && elapsed(flow->gap_since_ns, now) >= kHoldGap) {
            flow->gap_timed = false;
            flow->give_up_gap();
        }
        judge(*flow, now);
    }
    // A person may take minutes to type a password, so silence alone ends no connection's flow. A
    // datagram flow has no other end.
    Flow* oldest = flows.least_recent();
    while (snapshot_taken && oldest != nullptr && elapsed(oldest->last_ns, now) >= kIdleFlow &&
           (oldest->udp || !oldest->confirmed || flows.crowded())) {
        if (oldest->confirmed) {
            oldest->finished = true;
            judge(*oldest, now);
        } else {
            flows.finish(oldest->id);
        }
        oldest = flows.least_recent();
    }
    open_orphaned_endpoints();
    std::vector<std::uint64_t> waiting;
    waiting.swap(queue);
    for (const std::uint64_t id : waiting) {
        if (Endpoint* endpoint = endpoints.find(id)) {
            endpoint->queued = false;
            touched(*endpoint, now);
        }
    }
}

void Model::State::open_orphaned_endpoints() {
    std::erase_if(unopened, [&](std::uint64_t id) {
        Endpoint* endpoint = endpoints.find(id);
        if (endpoint == nullptr || endpoint->opened) {
            return true;
        }
        if (elapsed(endpoint->opened_ns, now) < kOpenedWait) {
            return false;
        }
        // Its opening was lost; the addresses of its segment are known.
        endpoint->opened = true;
        if (endpoint->key.role == sensors::Role::server) {
            find_server_owner(*endpoint);
        }
        touched(*endpoint, now);
        return true;
    });
}

void Model::State::close_connections() {
    std::vector<std::uint64_t> ids;
    for (const Flow& flow : flows.all()) {
        ids.push_back(flow.id);
    }
    for (const std::uint64_t id : ids) {
        if (Flow* flow = flows.find(id)) {
            flow->end();
            judge(*flow, now);
        }
    }
    for (Endpoint* endpoint : endpoints.in_order()) {
        if (!endpoint->opened && endpoint->key.port != 0) {
            endpoint->opened = true;
        }
        tell_endpoint(*endpoint, now, true, true);
    }
}

}  // namespace assay::model
