// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "facts/kinds.h"
#include "model/model.h"

namespace assay::model {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kMsNs = 1'000'000;
inline constexpr std::uint64_t kStart = 1000 * kSecondNs;

/// A fact as it left the model: its JSON, taken apart, and its header.
struct Told {
    facts::Kind kind{};
    facts::FactHeader header;
    std::map<std::string, std::string, std::less<>> fields;  ///< raw JSON values, texts bare

    [[nodiscard]] std::string operator[](std::string_view name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? "(absent)" : found->second;
    }
};

/// The fields of a flat JSON object as append_json writes it.
inline std::map<std::string, std::string, std::less<>> fields_of(std::string_view json) {
    std::map<std::string, std::string, std::less<>> fields;
    std::size_t at = 1;
    const auto text = [&] {
        std::string value;
        for (++at; json[at] != '"'; ++at) {
            if (json[at] == '\\') {
                ++at;
            }
            value += json[at];
        }
        ++at;
        return value;
    };
    while (at < json.size() && json[at] != '}') {
        const std::string name = text();
        ++at;  // the colon
        std::string value;
        if (json[at] == '"') {
            value = text();
        } else {
            const bool list = json[at] == '[';
            const auto ends = [&] {
                return list ? value.ends_with(']') : json[at] == ',' || json[at] == '}';
            };
            for (bool quoted = false; quoted || !ends(); ++at) {
                quoted ^= json[at] == '"';
                value += json[at];
            }
        }
        fields[name] = value;
        at += json[at] == ',' ? 1U : 0U;
    }
    return fields;
}

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

class ModelTest : public testing::Test {
protected:
    ModelTest() { start({kStart, 600 * kSecondNs}); }

    void start(Window window) {
        Surroundings around;
        around.user_name = [](std::uint32_t uid) -> std::string_view {
            return uid == 0 ? "root" : uid == 1000 ? "joe" : "4711";
        };
        around.socket_activated = [this](facts::ProcessKey key) {
            return activated.contains(key.pid);
        };
        around.settle_flow = [this](std::uint64_t flow) { settled.push_back(flow); };
        around.wall = BootToWall(0);
        around.kernel_release = "6.1.0-test";
        model = std::make_unique<Model>(std::move(around), window, [this](const auto& fact) {
            std::string json;
            facts::append_json(json, fact);
            told.push_back({fact.kind(), fact.header(), fields_of(json)});
        });
        for (const auto& kind : facts::kKinds) {
            model->want(kind.kind, true);
        }
        now = window.start_boot_ns;
    }

    // Processes.
    static facts::ProcessKey key(std::uint32_t pid) { return {pid, kStart - pid}; }
    void exec(std::uint32_t pid, std::string_view image, std::uint32_t uid = 0,
              std::uint32_t parent = 1, facts::Origin origin = facts::Origin::runtime,
              std::string_view cgroup = "/system.slice") {
        sensors::ProcessExec event;
        event.time_ns = now;
        event.origin = origin;
        event.process = key(pid);
        event.parent = key(parent);
        event.uid = event.euid = uid;
        event.image = image;
        event.arguments = image;
        event.cgroup = cgroup;
        model->on(event);
    }
    void running(std::uint32_t pid, std::string_view image, std::uint32_t uid = 0) {
        exec(pid, image, uid, 1, facts::Origin::snapshot);
    }
    void fork(std::uint32_t parent, std::uint32_t child) {
        model->on(sensors::ProcessFork{now, key(child), key(parent), 0});
    }

    // Clients.
    void open(std::uint64_t id, std::uint32_t pid, std::string_view remote, std::uint16_t port,
              bool udp = false, std::uint32_t uid = 1000) {
        sensors::EndpointOpened event;
        event.time_ns = now;
        event.id = id;
        event.key.uid = uid;
        event.key.netns = 1;
        event.key.port = port;
        event.key.udp = udp;
        event.key.remote = ip(remote);
        event.process = pid == 0 ? facts::ProcessKey{} : key(pid);
        model->on(event);
    }
    void establish(std::uint64_t id, std::uint16_t local_port = 40000) {
        model->on(sensors::EndpointEstablished{now, id, ip("10.0.0.2"), local_port, 0});
    }
    void counters(std::uint64_t id, std::uint64_t attempts, std::uint64_t established,
                  std::uint64_t closed = 0) {
        model->on(sensors::EndpointCounters{id, attempts, established, closed, now});
    }
    /// Servers: one remote address that came to a local port.
    void serve(std::uint64_t id, std::string_view local, std::uint16_t port,
               std::string_view remote, bool udp = false) {
        sensors::EndpointOpened event;
        event.time_ns = now;
        event.id = id;
        event.key.netns = 1;
        event.key.port = port;
        event.key.udp = udp;
        event.key.role = sensors::Role::server;
        event.key.local = ip(local);
        event.key.remote = ip(remote);
        model->on(event);
    }

    // Payload.
    struct Place {
        sensors::Role role = sensors::Role::client;
        std::string_view local = "10.0.0.2", remote = "192.0.2.7";
        std::uint16_t local_port = 40000, remote_port = 80;
        bool udp = false;
        bool mid_stream = false;
        bool last = false;
        bool early = false;
        bool late = false;
    };
    void payload(std::uint64_t flow, std::uint64_t endpoint, bool from_local,
                 std::string_view bytes, std::uint32_t offset, const Place& place) {
        sensors::Segment event;
        event.time_ns = now;
        event.flow = flow;
        event.endpoint = endpoint;
        event.role = place.role;
        event.udp = place.udp;
        event.from_local = from_local;
        event.mid_stream = place.mid_stream;
        event.last = place.last;
        event.early = place.early;
        event.late = place.late;
        event.local = ip(place.local);
        event.remote = ip(place.remote);
        event.local_port = place.local_port;
        event.remote_port = place.remote_port;
        event.netns = 1;
        event.offset = offset;
        event.length = static_cast<std::uint32_t>(bytes.size());
        event.captured = std::as_bytes(std::span(bytes));
        model->on(event);
    }
    void sends(std::uint64_t flow, std::uint64_t endpoint, std::string_view bytes,
               std::uint32_t offset = 0) {
        payload(flow, endpoint, true, bytes, offset, {});
    }
    static Place server_at(std::uint16_t port, std::string_view local = "10.0.0.2",
                           std::string_view remote = "198.51.100.9") {
        return {.role = sensors::Role::server,
                .local = local,
                .remote = remote,
                .local_port = port,
                .remote_port = 50123};
    }
    void flow_closed(std::uint64_t flow) { model->on(sensors::FlowClosed{now, flow}); }

    // Listeners.
    static sensors::ListenerKey at(std::string_view local, std::uint16_t port, bool udp = false) {
        return {ip(local), 1, port, udp};
    }
    void listen(const sensors::ListenerKey& where, std::uint64_t cookie, std::uint32_t pid,
                bool ipv6_only = false) {
        model->on(
            sensors::ListenerOpened{now, where, cookie, cookie + 100'000, key(pid), 0, ipv6_only});
    }
    void unlisten(const sensors::ListenerKey& where, std::uint64_t cookie) {
        model->on(sensors::ListenerClosed{now, where, cookie});
    }
    void listener_counters(const sensors::ListenerKey& where, std::uint64_t connections,
                           std::uint64_t with_data) {
        model->on(sensors::ListenerCounters{where, connections, with_data});
    }
    void holds(std::uint32_t pid, const sensors::ListenerKey& where, std::uint64_t cookie) {
        sensors::SocketHeld event;
        event.process = key(pid);
        event.socket_inode = cookie + 100'000;
        event.cookie = cookie;
        event.netns = where.netns;
        event.udp = where.udp;
        event.listening = true;
        event.local = where.local;
        event.local_port = where.port;
        model->on(event);
    }
    void connected(std::uint32_t pid, std::uint64_t inode, std::string_view local,
                   std::uint16_t local_port, std::string_view remote, std::uint16_t remote_port) {
        sensors::SocketHeld event;
        event.process = key(pid);
        event.uid = 1000;
        event.socket_inode = inode;
        event.netns = 1;
        event.established = true;
        event.local = ip(local);
        event.local_port = local_port;
        event.remote = ip(remote);
        event.remote_port = remote_port;
        model->on(event);
    }

    void snapshot() { model->snapshot_done(now); }
    void pass(std::uint64_t ns) {
        now += ns;
        model->tick(now);
    }
    void close() { model->close(now); }

    [[nodiscard]] std::vector<Told> of(facts::Kind kind) const {
        std::vector<Told> some;
        std::ranges::copy_if(told, std::back_inserter(some),
                             [&](const Told& fact) { return fact.kind == kind; });
        return some;
    }
    [[nodiscard]] std::vector<Told> connections() const {
        return of(facts::Kind::network_connection);
    }
    [[nodiscard]] std::vector<Told> listeners() const { return of(facts::Kind::listener); }
    /// What somebody knows who keeps the newest fact of each stream: protocol → Count.
    [[nodiscard]] std::map<std::string, std::uint64_t> newest_counts() const {
        std::map<std::uint64_t, Told> newest;
        for (const Told& fact : connections()) {
            newest[fact.header.stream] = fact;
        }
        std::map<std::string, std::uint64_t> sums;
        for (const auto& [stream, fact] : newest) {
            if (fact.header.count > 0) {
                const bool login = fact["CleartextCredentials"] == "true";
                sums[fact["ApplicationProtocol"] + (login ? " login" : "")] += fact.header.count;
            }
        }
        return sums;
    }

    std::uint64_t now = kStart;
    std::vector<Told> told;
    std::vector<std::uint64_t> settled;
    std::set<std::uint32_t> activated;
    std::unique_ptr<Model> model;
};

inline constexpr std::string_view kPlainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kLoginGet =
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic am9lOnh5eg==\r\n\r\n";

}  // namespace assay::model
