// SPDX-License-Identifier: Apache-2.0
#include "model/flow_table.h"

#include <algorithm>

namespace assay::model {
namespace {

protocols::Side sender(const sensors::Segment& segment) {
    const bool client = (segment.role == sensors::Role::client) == segment.from_local;
    return client ? protocols::Side::client : protocols::Side::server;
}

protocols::FlowInfo flow_info(const sensors::Segment& segment) {
    const bool client = segment.role == sensors::Role::client;
    return {.udp = segment.udp,
            .server_port = client ? segment.remote_port : segment.local_port,
            .mid_stream = segment.mid_stream};
}

/// True when the 32-bit sequence position `position` is not after `limit`.
bool not_after(std::uint32_t position, std::uint32_t limit) {
    constexpr std::uint32_t kHalf = 0x8000'0000;
    return limit - position < kHalf;
}

}  // namespace

Flow::Flow(const sensors::Segment& first)
    : id(first.flow),
      endpoint(first.endpoint),
      first_ns(first.time_ns),
      last_ns(first.time_ns),
      role(first.role),
      udp(first.udp),
      mid_stream(first.mid_stream),
      netns(first.netns),
      local(first.local),
      remote(first.remote),
      local_port(first.local_port),
      remote_port(first.remote_port),
      classifier(flow_info(first)) {}

void Flow::feed(const sensors::Segment& segment) {
    const protocols::Side side = sender(segment);
    FlowDirection& direction = directions[static_cast<std::size_t>(side)];
    const auto captured =
        segment.captured.first(std::min<std::size_t>(segment.captured.size(), segment.length));
    const std::size_t hole = segment.length - captured.size();
    if (segment.udp) {
        classifier.feed(side, captured, hole);
        return;
    }
    if (!direction.begun) {
        direction.begun = true;
        if (mid_stream) {
            direction.expected = segment.offset;  // what came before is nobody's to know
        }
    }
    if (!direction.reassembly) {
        if (segment.offset == direction.expected) {
            direction.expected += segment.length;
            classifier.feed(side, captured, hole);
            return;
        }
        if (not_after(segment.offset + segment.length, direction.expected)) {
            return;  // sent again
        }
        direction.base = direction.expected;
        direction.reassembly = std::make_unique<protocols::Reassembly>();
    }
    direction.reassembly->add(segment.offset - direction.base, segment.length, captured);
    drain(side);
}

void Flow::drain(protocols::Side side) {
    FlowDirection& direction = directions[static_cast<std::size_t>(side)];
    direction.reassembly->drain([&](std::span<const std::byte> bytes, std::size_t hole) {
        classifier.feed(side, bytes, hole);
    });
}

bool Flow::waiting() const {
    return std::ranges::any_of(directions, [](const FlowDirection& direction) {
        return direction.reassembly && direction.reassembly->waiting();
    });
}

void Flow::give_up_gap() {
    for (const auto side : {protocols::Side::client, protocols::Side::server}) {
        FlowDirection& direction = directions[static_cast<std::size_t>(side)];
        // Each turn frees at least one waiting segment, of which there are at most 16.
        for (int turn = 0; turn < 16 && direction.reassembly && direction.reassembly->waiting();
             ++turn) {
            direction.reassembly->skip_gap();
            classifier.gap(side);
            drain(side);
        }
    }
}

void Flow::end() {
    give_up_gap();
    classifier.end();
    finished = true;
}

Flow* FlowTable::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &*found->second;
}

Flow& FlowTable::add(const sensors::Segment& first) {
    flows_.emplace_back(first);
    by_id_.emplace(first.flow, std::prev(flows_.end()));
    return flows_.back();
}

void FlowTable::touch(const Flow& flow) {
    const auto found = by_id_.find(flow.id);
    if (found != by_id_.end()) {
        flows_.splice(flows_.end(), flows_, found->second);
    }
}

void FlowTable::finish(std::uint64_t id) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) {
        flows_.erase(found->second);
        by_id_.erase(found);
    }
    mark_done(id);
}

void FlowTable::mark_done(std::uint64_t id) {
    if (!done_.insert(id).second) {
        return;
    }
    done_order_.push_back(id);
    while (done_order_.size() > kMostDone) {
        done_.erase(done_order_.front());
        done_order_.pop_front();
    }
}

}  // namespace assay::model
