// SPDX-License-Identifier: Apache-2.0
#include "model/endpoint_table.h"

#include <algorithm>
#include <utility>

namespace assay::model {

std::string_view name(Attribution attribution) {
    switch (attribution) {
        case Attribution::connect:
            return "connect";
        case Attribution::accept:
            return "accept";
        case Attribution::listener:
            return "listener";
        case Attribution::socket:
            return "socket";
        case Attribution::unknown:
            break;
    }
    return {};
}

std::uint64_t Endpoint::judged() const {
    std::uint64_t sum = 0;
    for (const Stream& stream : verdicts) {
        sum += stream.count;
    }
    return sum;
}

std::uint64_t Endpoint::total() const {
    if (pre_window) {
        return judged();
    }
    const std::uint64_t least = established_seen ? 1 : 0;
    return std::max({established, least, judged()});
}

std::uint64_t Endpoint::tried() const {
    if (pre_window) {
        return judged();
    }
    const std::uint64_t least = opened ? 1 : 0;
    return std::max({attempts, least, total()});
}

std::uint64_t Endpoint::attempts_of(const Stream& stream) const {
    const bool alone = rest_count() == 0 && std::ranges::count_if(verdicts, [](const Stream& s) {
                                                return s.count > 0;
                                            }) == 1;
    if (&stream == &rest) {
        return alone ? 0 : tried() - judged();
    }
    return alone && stream.count > 0 ? tried() : stream.count;
}

bool Endpoint::is_new_name(const Stream& stream) const {
    return !host_name.empty() && stream.told_names.size() < kMostToldNames &&
           std::ranges::find(stream.told_names, host_name) == stream.told_names.end();
}

bool Endpoint::count_flow(const std::optional<VerdictKind>& former, const VerdictKind& kind) {
    if (former && *former == kind) {
        return true;
    }
    const auto target = std::ranges::find(verdicts, kind, &Stream::kind);
    const auto old = former ? std::ranges::find(verdicts, *former, &Stream::kind) : verdicts.end();
    if (target != verdicts.end()) {
        ++target->count;
        if (old != verdicts.end() && old->count > 0) {
            --old->count;
        }
        return true;
    }
    if (old != verdicts.end() && old->count == 1) {
        old->kind = kind;
        old->kind_changed = true;
        return true;
    }
    if (verdicts.size() >= kMostStreams) {
        return false;
    }
    if (old != verdicts.end() && old->count > 0) {
        --old->count;
    }
    Stream made;
    if (verdicts.empty() && rest.number != 0) {
        // What was told as unknown is now known.
        made = std::exchange(rest, Stream{});
        rest.told_ns = made.told_ns;
        made.kind_changed = true;
    }
    made.kind = kind;
    made.count = 1;
    verdicts.push_back(made);
    return true;
}

Endpoint* EndpointTable::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
}

Endpoint& EndpointTable::get(std::uint64_t id) {
    const auto [place, made] = by_id_.try_emplace(id);
    if (made) {
        place->second.id = id;
        order_.push_back(id);
    }
    return place->second;
}

Endpoint* EndpointTable::oldest() { return order_.empty() ? nullptr : find(order_.front()); }

void EndpointTable::erase(std::uint64_t id) {
    if (by_id_.erase(id) == 0) {
        return;
    }
    if (!order_.empty() && order_.front() == id) {
        order_.pop_front();
    } else {
        std::erase(order_, id);
    }
}

std::vector<Endpoint*> EndpointTable::in_order() {
    std::vector<Endpoint*> all;
    all.reserve(order_.size());
    for (const std::uint64_t id : order_) {
        if (Endpoint* endpoint = find(id)) {
            all.push_back(endpoint);
        }
    }
    return all;
}

}  // namespace assay::model
