// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "facts/kinds.h"
#include "sensors/events.h"

namespace assay::model {

/// What the model needs of the outside.
struct Surroundings {
    /// Name of a host uid; must answer the number as text when it has no name. The view lives as
    /// long as the model.
    std::function<std::string_view(std::uint32_t uid)> user_name;
    /// True when the process was started by socket activation (LISTEN_PID in its environment names
    /// it).
    std::function<bool(facts::ProcessKey)> socket_activated;
    /// False when the process has certainly ended. Asked only when very many processes are known.
    std::function<bool(facts::ProcessKey)> is_running;
    /// Tells the kernel side that it need not hand over more bytes of a flow.
    std::function<void(std::uint64_t flow)> settle_flow;
    BootToWall wall{0};
    std::string kernel_release;
};

struct Window {
    std::uint64_t start_boot_ns = 0;
    std::uint64_t length_ns = 0;  ///< planned; 0 = without end
};

/// One entry of a process's ancestry, nearest first.
struct Ancestor {
    facts::ProcessKey process;
    std::string image;
    std::string command_line;
    std::string user;
    std::uint32_t uid = 0;
};

/// Who is who: joins kernel events into facts. One thread owns it. Events may come in any order
/// that the kernel's per-CPU ordering allows (an exit before the counters that name the process, a
/// segment before its endpoint).
class Model {
public:
    using Emit = std::function<void(const facts::FactView&)>;

    Model(Surroundings surroundings, Window window, Emit emit);
    ~Model();

    /// Only kinds asked for are built and emitted.
    void want(facts::Kind kind, bool wanted);

    void on(const sensors::ProcessExec&);
    void on(const sensors::ProcessFork&);
    void on(const sensors::ProcessExit&);
    void on(const sensors::EndpointOpened&);
    void on(const sensors::EndpointEstablished&);
    void on(const sensors::EndpointCounters&);
    void on(const sensors::EndpointAccepted&);
    void on(const sensors::ListenerOpened&);
    void on(const sensors::ListenerClosed&);
    void on(const sensors::ListenerCounters&);
    void on(const sensors::Segment&);
    void on(const sensors::FlowClosed&);
    void on(const sensors::DnsMessage&);
    void on(const sensors::SocketHeld&);
    /// Waits for what the process that did it told before, 45 ms at most, and is told then.
    void on(const sensors::FileChange&);
    /// Settings are the host sensor's business.
    void on(const sensors::SysctlWrite&) {}
    void on(const sensors::HookState&);

    /// The snapshot is complete: listeners and connections found in it are told (origin snapshot).
    void snapshot_done(std::uint64_t now_boot_ns);
    /// A new pass over all open sockets begins: SocketHeld events that follow replace the known
    /// holders.
    void holders_begin();
    void holders_done();
    /// Time has passed (call every 20 to 100 ms): tells what was held back long enough, forgets
    /// what is old.
    void tick(std::uint64_t now_boot_ns);
    /// True when a listener waits for a pass over the sockets to name its holders.
    [[nodiscard]] bool wants_holders() const;
    /// The window ends: call after the last counters and a holders pass. Tells final facts with
    /// at_close set.
    void close(std::uint64_t now_boot_ns);

    /// Nearest ancestor first, at most 16; empty when the process is not known (any more).
    [[nodiscard]] std::vector<Ancestor> ancestry(facts::ProcessKey process) const;
    /// The process itself, as an Ancestor; empty image when not known.
    [[nodiscard]] Ancestor process(facts::ProcessKey process) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::model
