// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "model/endpoint_table.h"
#include "model/verdict_kind.h"
#include "sensors/events.h"

namespace assay::model {

/// What the classified flows of a listener say together.
struct ListenerVerdict {
    protocols::Protocol protocol = protocols::Protocol::unknown;  ///< unknown: nothing classified
    std::string_view version;
    protocols::TlsVersion tls_chosen = protocols::TlsVersion::none;  ///< the lowest
    bool encrypted = false;                                          ///< every classified flow was
    bool cleartext_credentials = false;
    bool starttls_offered = false;
    bool starttls_taken = false;
    bool operator==(const ListenerVerdict&) const = default;
};

/// One socket of a listener: SO_REUSEPORT has many, MPTCP two.
struct ListenerSocket {
    std::uint64_t cookie = 0;  ///< 0: not known
    std::uint64_t inode = 0;   ///< 0: not known
    Owner caller;              ///< who called listen or bind; process.pid 0: not known
    bool before_pass = false;  ///< opened before the newest pass over the holders began
    bool in_pass = false;      ///< opened before the last finished pass began
};

/// A port that is or was listened on.
struct Listener {
    static constexpr std::size_t kMostSockets = 256;
    static constexpr std::size_t kMostHolders = 256;
    static constexpr std::size_t kMostVerdicts = 64;

    sensors::ListenerKey key;
    std::uint64_t number = 0;
    sensors::Origin origin = sensors::Origin::runtime;
    bool ipv6_only = false;
    bool own = false;                        ///< assay's own: never told
    bool served = false;                     ///< UDP: a datagram from a remote has come
    bool told = false;                       ///< its opening was told
    bool activated = false;                  ///< by a socket-activating parent; stays once seen
    std::vector<ListenerSocket> sockets;     ///< the open ones
    Owner last_owner;                        ///< for the time when it is closed
    std::vector<facts::ProcessKey> holders;  ///< of the last pass, by pid, each once
    std::uint64_t open_since_ns = 0;
    std::uint64_t observed_before_ns = 0;  ///< open time of former lives of the same program
    std::uint64_t connections = 0;
    std::uint64_t connections_with_data = 0;
    std::optional<std::uint64_t> due_since_ns;  ///< something has to be told since then
    std::uint64_t close_number = 0;             ///< which close of the table was its last
    ListenerVerdict told_verdict;

    [[nodiscard]] bool open() const { return !sockets.empty(); }
    [[nodiscard]] std::uint64_t observed_ns(std::uint64_t now_ns) const;
    [[nodiscard]] ListenerVerdict verdict() const;
    /// Flows that count_flow was told of.
    [[nodiscard]] std::uint64_t flows_counted() const;
    /// One flow is now judged so; `former` is what it was counted under so far.
    void count_flow(const std::optional<VerdictKind>& former, const protocols::Verdict& verdict);

private:
    friend class ListenerTable;
    struct Tally {
        VerdictKind kind;
        std::uint64_t count = 0;
    };
    std::vector<Tally> tallies_;
    bool starttls_offered_ = false;
    bool starttls_taken_ = false;
};

/// Listeners by key: at most kMostListeners; closed ones are the first to be forgotten.
class ListenerTable {
public:
    static constexpr std::size_t kMostListeners = 8'192;
    static constexpr std::size_t kMostCounted = 16'384;

    /// Opens a socket of a listener. Null when the table is full of open ones.
    Listener* open(const sensors::ListenerKey& key, ListenerSocket socket, std::uint64_t time_ns,
                   sensors::Origin origin, bool ipv6_only);
    /// Answers the listener when its last socket was closed by this.
    Listener* close(const sensors::ListenerClosed& event);
    /// Adds what grew; orphans go to the wildcard listener. Answers the listener that grew.
    Listener* count(const sensors::ListenerCounters& event);
    void erase(const sensors::ListenerKey& key) { by_key_.erase(key); }

    [[nodiscard]] Listener* find(const sensors::ListenerKey& key);
    /// The open listener that takes what comes to a local address: the exact one, else the wildcard
    /// of its family, else a dual-stack wildcard.
    [[nodiscard]] Listener* serving(const sensors::ListenerKey& local);
    [[nodiscard]] std::map<sensors::ListenerKey, Listener>& all() { return by_key_; }

private:
    struct Counted {
        std::uint64_t connections = 0;
        std::uint64_t connections_with_data = 0;
        std::uint64_t waiting = 0;  ///< connections that no listener was found for yet
        std::uint64_t waiting_with_data = 0;
    };
    struct Closed {
        sensors::ListenerKey key;
        std::uint64_t number = 0;
    };
    bool make_room();
    void remember_closed(Listener& listener);
    [[nodiscard]] bool still_closed(const Closed& closed) const;
    Counted* counted(const sensors::ListenerKey& key);
    void adopt_orphans(Listener& listener);

    std::map<sensors::ListenerKey, Listener> by_key_;
    std::map<sensors::ListenerKey, Counted> counted_;
    std::deque<Closed> closed_;  ///< in the order of their closing; see still_closed
    std::uint64_t closes_ = 0;
    bool any_waiting_ = false;  ///< some of counted_ may wait for its listener
};

}  // namespace assay::model
