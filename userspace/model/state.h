// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/endpoint_table.h"
#include "model/flow_table.h"
#include "model/host_names.h"
#include "model/listener_table.h"
#include "model/model.h"
#include "model/process_table.h"
#include "model/text_pool.h"

namespace assay::model {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

[[nodiscard]] constexpr std::uint64_t elapsed(std::uint64_t from, std::uint64_t to) {
    return to > from ? to - from : 0;
}

/// The tables, and how facts are made of them. processes.cc, connections.cc and listeners.cc each
/// hold the part that tells their kind.
struct Model::State {
    State(Surroundings of, Window over, Emit to);

    [[nodiscard]] bool wants(facts::Kind kind) const {
        return wanted[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] bool wants_network() const {
        return wants(facts::Kind::network_connection) || wants(facts::Kind::listener);
    }
    void saw(std::uint64_t time_ns) { now = time_ns > now ? time_ns : now; }
    template <class Fact>
    void emit_fact(const Fact& fact) {
        if (!over) {
            emit(facts::FactView(fact));
        }
    }
    [[nodiscard]] facts::FactHeader header(std::uint64_t time_ns, sensors::Origin origin) const {
        facts::FactHeader made;
        made.time = surroundings.wall(time_ns);
        made.origin = origin;
        return made;
    }

    // processes.cc
    void exec(const sensors::ProcessExec& event);
    void tell_exec(const sensors::ProcessExec& event, std::string_view command_line);
    [[nodiscard]] std::string_view capabilities(std::uint64_t mask);
    [[nodiscard]] Owner owner_of(facts::ProcessKey process);
    /// What the process runs now; what was known of it before when it is not known any more.
    void refresh(Owner& owner);
    /// Fills an owner whose process was not known when it was looked at.
    void complete(Owner& owner);
    [[nodiscard]] std::string_view user_of(const Owner& owner) const;
    [[nodiscard]] Ancestor ancestor(facts::ProcessKey key, const Process& process) const;

    // connections.cc
    Endpoint& endpoint_for(std::uint64_t id);
    void opened(const sensors::EndpointOpened& event);
    void established(const sensors::EndpointEstablished& event);
    void counted(const sensors::EndpointCounters& event);
    void accepted(const sensors::EndpointAccepted& event);
    void segment(const sensors::Segment& event);
    void flow_closed(const sensors::FlowClosed& event);
    void judge(Flow& flow, std::uint64_t time_ns);
    void count_verdict(Flow& flow, std::uint64_t time_ns);
    void find_server_owner(Endpoint& endpoint);
    /// So many connections more were made: under names that were asked for since the last one.
    void name_destination(Endpoint& endpoint, facts::ProcessKey process, std::uint64_t connections,
                          std::uint64_t time_ns);
    void touched(Endpoint& endpoint, std::uint64_t time_ns);
    /// Tells what is due of an endpoint; answers whether more will be due later.
    bool tell_endpoint(Endpoint& endpoint, std::uint64_t time_ns, bool final, bool at_close);
    void tell_stream(Endpoint& endpoint, Stream& stream, std::uint64_t time_ns, bool at_close);
    void hold_snapshot_socket(const sensors::SocketHeld& event);
    void take_snapshot_sockets();
    void tell_all_endpoints();
    void tick_connections();
    void open_orphaned_endpoints();
    void close_connections();
    void drop_flow(Flow& flow);
    /// A request after the first segments of a connection that is kept alive.
    void late_segment(const sensors::Segment& event);

    // listeners.cc
    void opened(const sensors::ListenerOpened& event);
    void closed(const sensors::ListenerClosed& event);
    void counted(const sensors::ListenerCounters& event);
    void held(const sensors::SocketHeld& event);
    void begin_pass();
    void end_pass();
    [[nodiscard]] Owner primary_owner(Listener& listener);
    void tell_listener(Listener& listener, std::uint64_t time_ns, bool at_close);
    void tell_listener_if_new(Listener& listener, std::uint64_t time_ns);
    void verdict_changed(Listener& listener, std::uint64_t time_ns);
    void tell_due_listeners();
    void tell_snapshot_listeners();
    void close_listeners();

    // files.cc
    void changed(const sensors::FileChange& event);
    /// Tells the changes that were read until then: all that their processes did is known.
    void tell_files(std::uint64_t read_until_ns);
    void tick_files();

    // coverage.cc
    void hook_state(const sensors::HookState& event);
    [[nodiscard]] std::uint64_t lost_here(facts::Hook hook) const;
    void tell_coverage(facts::Hook hook, bool at_close);
    void tick_coverage();
    void close_coverage();

    TextPool texts;  // first: every Text below must go before it
    Surroundings surroundings;
    Window window;
    Emit emit;
    std::array<bool, facts::kKinds.size()> wanted{};
    std::uint64_t now = 0;
    std::uint64_t next_stream = 1;
    std::uint32_t own_pid = 0;
    bool snapshot_taken = false;
    bool over = false;

    ProcessTable processes;
    std::string command_line_text, capabilities_text, device_text;
    std::unordered_map<std::uint64_t, std::string> capabilities_known;

    struct Deadline {
        std::uint64_t time_ns;
        std::uint64_t flow;
    };
    /// Who was at the ends of a socket of the snapshot.
    struct Ends {
        std::uint32_t netns;
        IpAddress local, remote;
        std::uint16_t local_port, remote_port;
        bool udp;
        auto operator<=>(const Ends&) const = default;
    };
    struct SnapshotSocket {
        Ends ends;
        facts::ProcessKey holder;  ///< the lowest pid
        std::uint32_t uid;
    };
    HostNames host_names{texts};
    EndpointTable endpoints;
    FlowTable flows;
    std::deque<Deadline> deadlines;
    std::vector<std::uint64_t> queue;     ///< endpoints with something to tell later
    std::vector<std::uint64_t> unopened;  ///< endpoints of which only a segment is known
    std::unordered_map<std::uint64_t, sensors::EndpointCounters>
        early_counters;                                                  ///< not opened yet
    std::unordered_map<std::uint64_t, SnapshotSocket> snapshot_sockets;  ///< by inode
    std::map<Ends, std::uint64_t> snapshot_endpoints;
    std::uint64_t next_snapshot_endpoint = 1ULL << 63;

    ListenerTable listeners;
    std::map<sensors::ListenerKey, std::vector<facts::ProcessKey>> pass_holders;
    std::unordered_set<std::uint64_t> closed_before_snapshot;  ///< cookies
    std::vector<sensors::ListenerKey> due_listeners;
    std::uint64_t pass_began_ns = 0;
    bool pass_running = false;
    bool pass_saw_sockets = false;

    struct HeldFile {
        std::uint64_t time_ns;
        std::uint32_t pid;
        std::string path;
        sensors::FileChange::Operation operation;
        bool directory;
    };
    void tell_file(const HeldFile& file);
    std::deque<HeldFile> held_files;  ///< in the order in which they were read

    struct KnownHook {
        bool known = false;
        sensors::HookState::State state{};
        Text mechanism, reason;
        std::uint64_t lost = 0;
        std::uint64_t told_lost = 0;
        std::uint64_t number = 0;
    };
    std::array<KnownHook, facts::kHooks.size()> hooks;
    std::uint64_t coverage_told_ns = 0;
    std::uint64_t flows_dropped = 0;
    std::uint64_t endpoints_dropped = 0;
    std::uint64_t listeners_dropped = 0;
    std::uint64_t binds_dropped = 0;
    std::uint64_t sockets_dropped = 0;
};

}  // namespace assay::model
