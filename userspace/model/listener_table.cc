// SPDX-License-Identifier: Apache-2.0
#include "model/listener_table.h"

#include <algorithm>
#include <utility>

namespace assay::model {
namespace {

const IpAddress kAnyV4 = IpAddress::v4(0, 0, 0, 0);
const IpAddress kAnyV6{};

/// What a cumulative counter grew by; a smaller one was begun anew.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
    return now >= before ? now - before : now;
}

/// Of two clear-text kinds, the one that tells more of the listener.
bool tells_more(const VerdictKind& kind, std::uint64_t count, const VerdictKind& best,
                std::uint64_t best_count) {
    if (kind.encrypted != best.encrypted) {
        return !kind.encrypted;
    }
    if (kind.cleartext_credentials != best.cleartext_credentials) {
        return kind.cleartext_credentials;
    }
    return count > best_count;
}

}  // namespace

std::uint64_t Listener::observed_ns(std::uint64_t now_ns) const {
    const bool running = open() && now_ns > open_since_ns;
    return observed_before_ns + (running ? now_ns - open_since_ns : 0);
}

ListenerVerdict Listener::verdict() const {
    ListenerVerdict merged;
    const Tally* best = nullptr;
    for (const Tally& tally : tallies_) {
        if (tally.count == 0) {
            continue;
        }
        if (best == nullptr || tells_more(tally.kind, tally.count, best->kind, best->count)) {
            best = &tally;
        }
        merged.cleartext_credentials |= tally.kind.cleartext_credentials;
        if (tally.kind.tls_chosen != protocols::TlsVersion::none &&
            (merged.tls_chosen == protocols::TlsVersion::none ||
             tally.kind.tls_chosen < merged.tls_chosen)) {
            merged.tls_chosen = tally.kind.tls_chosen;
        }
    }
    if (best != nullptr) {
        merged.protocol = best->kind.protocol;
        merged.version = best->kind.version;
        merged.encrypted = best->kind.encrypted;
    }
    merged.starttls_offered = starttls_offered_;
    merged.starttls_taken = starttls_taken_;
    return merged;
}

std::uint64_t Listener::flows_counted() const {
    std::uint64_t sum = 0;
    for (const Tally& tally : tallies_) {
        sum += tally.count;
    }
    return sum;
}

void Listener::count_flow(const std::optional<VerdictKind>& former,
                          const protocols::Verdict& verdict) {
    starttls_offered_ |= verdict.starttls_offered;
    starttls_taken_ |= verdict.starttls_taken;
    const VerdictKind kind = VerdictKind::of(verdict);
    if (former && *former == kind) {
        return;
    }
    if (former) {
        const auto old = std::ranges::find(tallies_, *former, &Tally::kind);
        if (old != tallies_.end() && old->count > 0) {
            --old->count;
        }
    }
    auto target = std::ranges::find(tallies_, kind, &Tally::kind);
    if (target == tallies_.end()) {
        target = std::ranges::find(tallies_, 0U, &Tally::count);
        if (target != tallies_.end()) {
            target->kind = kind;
        } else if (tallies_.size() < kMostVerdicts) {
            target = tallies_.insert(tallies_.end(), Tally{kind, 0});
        } else {
            return;
        }
    }
    ++target->count;
}

bool ListenerTable::make_room() {
    if (by_key_.size() < kMostListeners) {
        return true;
    }
    while (!closed_.empty()) {
        const Closed oldest = closed_.front();
        closed_.pop_front();
        if (still_closed(oldest)) {
            by_key_.erase(oldest.key);
            return true;
        }
    }
    return false;
}

bool ListenerTable::still_closed(const Closed& closed) const {
    const auto found = by_key_.find(closed.key);
    return found != by_key_.end() && !found->second.open() &&
           found->second.close_number == closed.number;
}

void ListenerTable::remember_closed(Listener& listener) {
    listener.close_number = ++closes_;
    closed_.push_back({.key = listener.key, .number = closes_});
    // Of listeners that opened again since, entries stay behind.
    if (closed_.size() > 2 * kMostListeners) {
        std::erase_if(closed_, [this](const Closed& entry) { return !still_closed(entry); });
    }
}

Listener* ListenerTable::open(const sensors::ListenerKey& key, ListenerSocket socket,
                              std::uint64_t time_ns, sensors::Origin origin, bool ipv6_only) {
    Listener* listener = find(key);
    if (listener == nullptr) {
        if (!make_room()) {
            return nullptr;
        }
        listener = &by_key_[key];
        listener->key = key;
        listener->origin = origin;
        listener->open_since_ns = time_ns;
        listener->ipv6_only = ipv6_only;
    } else if (!listener->open()) {
        if (!(socket.caller.image == listener->last_owner.image)) {
            // Another program has taken the port: nothing of the former one counts for it.
            *listener = Listener{};
            listener->key = key;
        }
        listener->origin = origin;
        listener->open_since_ns = time_ns;
        listener->ipv6_only = ipv6_only;
        listener->holders.clear();
        listener->told = false;
    }
    const auto known = std::ranges::find_if(listener->sockets, [&](const auto& other) {
        return (socket.cookie != 0 && other.cookie == socket.cookie) ||
               (socket.inode != 0 && other.inode == socket.inode);
    });
    if (known == listener->sockets.end()) {
        if (listener->sockets.size() < Listener::kMostSockets) {
            listener->sockets.push_back(std::move(socket));
        }
    } else if (socket.caller.process.pid != 0) {
        known->caller = std::move(socket.caller);
    }
    adopt_orphans(*listener);
    return listener;
}

Listener* ListenerTable::close(const sensors::ListenerClosed& event) {
    Listener* listener = find(event.key);
    if (listener == nullptr || !listener->open()) {
        return nullptr;
    }
    auto& sockets = listener->sockets;
    auto gone = std::ranges::find(sockets, event.cookie, &ListenerSocket::cookie);
    if (gone == sockets.end()) {
        // A socket of the snapshot may have got its cookie only later.
        gone = std::ranges::find(sockets, 0U, &ListenerSocket::cookie);
    }
    if (gone == sockets.end()) {
        return nullptr;
    }
    const std::uint64_t observed = listener->observed_ns(event.time_ns);
    if (listener->last_owner.process.pid == 0) {
        listener->last_owner = gone->caller;
    }
    sockets.erase(gone);
    if (listener->open()) {
        return nullptr;
    }
    listener->observed_before_ns = observed;
    remember_closed(*listener);
    return listener;
}

Listener* ListenerTable::count(const sensors::ListenerCounters& event) {
    Counted* known = counted(event.key);
    if (known == nullptr) {
        return nullptr;
    }
    Counted& counted = *known;
    const std::uint64_t more = growth(counted.connections, event.connections);
    const std::uint64_t more_with_data =
        growth(counted.connections_with_data, event.connections_with_data);
    counted.connections = event.connections;
    counted.connections_with_data = event.connections_with_data;
    if (more == 0 && more_with_data == 0) {
        return nullptr;
    }
    Listener* listener = find(event.key);
    if (listener == nullptr) {
        listener = serving(event.key);
    }
    if (listener == nullptr) {
        counted.waiting += more;
        counted.waiting_with_data += more_with_data;
        any_waiting_ = true;
        return nullptr;
    }
    listener->connections += more;
    listener->connections_with_data += more_with_data;
    listener->served |= more > 0;
    return listener;
}

ListenerTable::Counted* ListenerTable::counted(const sensors::ListenerKey& key) {
    const auto known = counted_.find(key);
    if (known != counted_.end()) {
        return &known->second;
    }
    if (counted_.size() >= kMostCounted) {
        std::erase_if(counted_, [&](const auto& entry) { return find(entry.first) == nullptr; });
        if (counted_.size() >= kMostCounted) {
            return nullptr;
        }
    }
    return &counted_[key];
}

void ListenerTable::adopt_orphans(Listener& listener) {
    if (!any_waiting_) {
        return;
    }
    any_waiting_ = false;
    for (auto& [key, counted] : counted_) {
        if (counted.waiting == 0 && counted.waiting_with_data == 0) {
            continue;
        }
        if (key.netns != listener.key.netns || key.port != listener.key.port ||
            key.udp != listener.key.udp || serving(key) != &listener) {
            any_waiting_ = true;
            continue;
        }
        listener.served |= counted.waiting > 0;
        listener.connections += std::exchange(counted.waiting, 0U);
        listener.connections_with_data += std::exchange(counted.waiting_with_data, 0U);
    }
}

Listener* ListenerTable::find(const sensors::ListenerKey& key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &found->second;
}

Listener* ListenerTable::serving(const sensors::ListenerKey& local) {
    const auto open_at = [&](const IpAddress& address) -> Listener* {
        sensors::ListenerKey key = local;
        key.local = address;
        Listener* listener = find(key);
        return listener != nullptr && listener->open() ? listener : nullptr;
    };
    if (Listener* exact = open_at(local.local)) {
        return exact;
    }
    if (!local.local.is_v4()) {
        return open_at(kAnyV6);
    }
    if (Listener* any = open_at(kAnyV4)) {
        return any;
    }
    Listener* dual = open_at(kAnyV6);
    return dual != nullptr && !dual->ipv6_only ? dual : nullptr;
}

}  // namespace assay::model
