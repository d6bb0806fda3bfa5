// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "model/verdict_kind.h"
#include "protocols/classifier.h"
#include "sensors/events.h"

namespace assay::model {

/// One direction of a flow: puts its bytes in order. Nearly every flow comes in order, so the
/// reassembly is made only when one does not.
struct FlowDirection {
    std::uint32_t expected = 0;
    bool begun = false;
    std::uint32_t base = 0;  ///< what the offsets given to `reassembly` count from
    std::unique_ptr<protocols::Reassembly> reassembly;
};

/// A flow whose first bytes are being looked at.
struct Flow {
    std::uint64_t id = 0;
    std::uint64_t endpoint = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    sensors::Role role = sensors::Role::client;
    bool udp = false;
    bool mid_stream = false;
    bool confirmed = false;  ///< there is a connection: a segment came with its socket
    bool no_more = false;    ///< the kernel hands over no more
    bool finished = false;   ///< nothing more comes, or nothing more can change the verdict
    bool settled = false;    ///< the kernel knows that we need no more
    bool held = false;       ///< its verdict is held back since held_since_ns
    bool held_long = false;  ///< its verdict is old enough to be told though it may change
    bool gap_timed = false;  ///< bytes are waited for since gap_since_ns
    std::uint64_t held_since_ns = 0;
    std::uint64_t gap_since_ns = 0;
    std::uint32_t netns = 0;
    IpAddress local, remote;
    std::uint16_t local_port = 0, remote_port = 0;
    std::array<FlowDirection, 2> directions;  ///< by protocols::Side
    protocols::Classifier classifier;
    std::optional<VerdictKind> counted;           ///< what its endpoint counts it under
    std::optional<VerdictKind> counted_listener;  ///< what its listener counts it under

    explicit Flow(const sensors::Segment& first);
    void feed(const sensors::Segment& segment);
    [[nodiscard]] bool waiting() const;
    /// Goes on after the bytes that have not come.
    void give_up_gap();
    void end();

private:
    void drain(protocols::Side side);
};

/// Flows by id, at most kMostFlows, and the ids of those that are done with, so that segments
/// still on their way do not count a flow twice.
class FlowTable {
public:
    static constexpr std::size_t kMostFlows = 16'384;
    static constexpr std::size_t kMostDone = 16'384;

    [[nodiscard]] Flow* find(std::uint64_t id);
    [[nodiscard]] bool done(std::uint64_t id) const { return done_.contains(id); }
    /// Makes a flow. The caller makes room first (see `full` and `least_recent`).
    Flow& add(const sensors::Segment& first);
    void touch(const Flow& flow);
    /// Forgets the flow, but for its being done with.
    void finish(std::uint64_t id);
    void mark_done(std::uint64_t id);
    /// Half full: flows that are silent have to go before the table drops those that speak.
    [[nodiscard]] bool crowded() const { return by_id_.size() >= kMostFlows / 2; }
    [[nodiscard]] bool full() const { return by_id_.size() >= kMostFlows; }
    [[nodiscard]] Flow* least_recent() { return flows_.empty() ? nullptr : &flows_.front(); }
    [[nodiscard]] std::list<Flow>& all() { return flows_; }

private:
    std::list<Flow> flows_;  ///< the least recently heard of first
    std::unordered_map<std::uint64_t, std::list<Flow>::iterator> by_id_;
    std::unordered_set<std::uint64_t> done_;
    std::deque<std::uint64_t> done_order_;
};

}  // namespace assay::model
