// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/text_pool.h"
#include "model/verdict_kind.h"
#include "sensors/events.h"

namespace assay::model {

/// The process that a connection or a listener belongs to, as it was when it was looked at:
/// outlives the process.
struct Owner {
    facts::ProcessKey process;
    std::uint32_t uid = 0;
    bool uid_known = false;
    Text image;
    Text cgroup;
    std::string_view container;  ///< part of `cgroup`
};

enum class Attribution : std::uint8_t { unknown, connect, accept, listener, socket };
[[nodiscard]] std::string_view name(Attribution attribution);

/// Flows of one endpoint whose verdicts say the same: one fact, told again as its counts grow.
struct Stream {
    VerdictKind kind;
    std::uint64_t number = 0;  ///< FactHeader.stream; 0: not told yet
    std::uint64_t count = 0;
    std::uint64_t told_count = 0;
    std::uint64_t told_attempts = 0;
    std::uint64_t told_ns = 0;
    bool kind_changed = false;      ///< the flows it stood for were judged anew since it was told
    bool name_changed = false;      ///< connections were added to it under another host name
    std::uint64_t named_count = 0;  ///< its count when the host name was last looked for
    Text host_name;                 ///< of the newest connections that were told
    std::vector<Text> told_names;   ///< host names it was told under, at most kMostToldNames
};

/// Connections of one program to one destination, or of one remote address to one local port.
struct Endpoint {
    static constexpr std::size_t kMostStreams = 64;
    static constexpr std::size_t kMostToldNames = 16;

    std::uint64_t id = 0;
    sensors::EndpointKey key;
    sensors::Origin origin = sensors::Origin::runtime;
    bool opened = false;      ///< EndpointOpened has come (or is given up waiting for)
    bool own = false;         ///< assay's own: never told
    bool pre_window = false;  ///< clients older than the window: counted by their flows alone
    bool established_seen = false;
    bool refused = false;  ///< tried without success for long enough to say so
    bool queued = false;   ///< has something that may have to be told
    Attribution attribution = Attribution::unknown;
    Owner owner;
    std::uint64_t opened_ns = 0;
    IpAddress local;
    Text host_name;                 ///< of the destination, for the newest connections
    std::uint64_t named_ns = 0;     ///< names learned until then were looked at
    std::uint16_t local_port = 0;   ///< 0: not known
    std::uint16_t remote_port = 0;  ///< server only; 0: not known
    std::uint64_t attempts = 0, established = 0, closed = 0;  ///< as the kernel counts
    Stream rest;  ///< no payload, or nothing recognised in it, and what was only tried
    std::vector<Stream> verdicts;

    /// Flows counted under a verdict.
    [[nodiscard]] std::uint64_t judged() const;
    /// Connections established; never less than the flows that were judged.
    [[nodiscard]] std::uint64_t total() const;
    [[nodiscard]] std::uint64_t tried() const;
    [[nodiscard]] std::uint64_t rest_count() const { return total() - judged(); }
    [[nodiscard]] std::uint64_t attempts_of(const Stream& stream) const;
    /// The stream was not told under its host name yet, and there is room to remember that it was.
    [[nodiscard]] bool is_new_name(const Stream& stream) const;

    /// One flow is now judged `kind`; `former` is what it was counted under so far. A stream that
    /// is emptied by this hands its number on, so that the new judgement replaces the old one for
    /// whoever sums up. Answers false when there are too many streams: the flow stays in the rest.
    bool count_flow(const std::optional<VerdictKind>& former, const VerdictKind& kind);
};

/// Endpoints by id, at most kMostEndpoints.
class EndpointTable {
public:
    static constexpr std::size_t kMostEndpoints = 16'384;

    [[nodiscard]] Endpoint* find(std::uint64_t id);
    /// Finds or makes it. The caller makes room first (see `full` and `oldest`).
    Endpoint& get(std::uint64_t id);
    [[nodiscard]] bool full() const { return by_id_.size() >= kMostEndpoints; }
    [[nodiscard]] Endpoint* oldest();
    void erase(std::uint64_t id);
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }
    /// In the order of their making.
    [[nodiscard]] std::vector<Endpoint*> in_order();

private:
    std::unordered_map<std::uint64_t, Endpoint> by_id_;
    std::deque<std::uint64_t> order_;
};

}  // namespace assay::model
