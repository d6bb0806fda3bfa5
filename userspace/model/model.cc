// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <unistd.h>

#include <utility>

#include "model/state.h"

namespace assay::model {
namespace {

constexpr std::size_t kMostAncestors = 16;

}  // namespace

Model::State::State(Surroundings of, Window over_time, Emit to)
    : surroundings(std::move(of)),
      window(over_time),
      emit(std::move(to)),
      now(over_time.start_boot_ns),
      own_pid(static_cast<std::uint32_t>(::getpid())),
      processes(texts) {}

Model::Model(Surroundings surroundings, Window window, Emit emit)
    : state_(std::make_unique<State>(std::move(surroundings), window, std::move(emit))) {}
Model::~Model() = default;

void Model::want(facts::Kind kind, bool wanted) {
    state_->wanted[static_cast<std::size_t>(kind)] = wanted;
}

void Model::on(const sensors::ProcessExec& event) { state_->exec(event); }

void Model::on(const sensors::ProcessFork& event) {
    state_->saw(event.time_ns);
    state_->tell_files(event.time_ns);
    state_->processes.fork(event);
}

void Model::on(const sensors::ProcessExit& event) {
    state_->saw(event.time_ns);
    state_->tell_files(event.time_ns);
    state_->processes.exit(event, !state_->snapshot_taken);
}

void Model::on(const sensors::EndpointOpened& event) { state_->opened(event); }
void Model::on(const sensors::EndpointEstablished& event) { state_->established(event); }
void Model::on(const sensors::EndpointCounters& event) { state_->counted(event); }
void Model::on(const sensors::EndpointAccepted& event) { state_->accepted(event); }
void Model::on(const sensors::ListenerOpened& event) { state_->opened(event); }
void Model::on(const sensors::ListenerClosed& event) { state_->closed(event); }
void Model::on(const sensors::ListenerCounters& event) { state_->counted(event); }
void Model::on(const sensors::Segment& event) { state_->segment(event); }
void Model::on(const sensors::FlowClosed& event) { state_->flow_closed(event); }
void Model::on(const sensors::DnsMessage& event) {
    state_->saw(event.time_ns);
    state_->host_names.heard(event);
}
void Model::on(const sensors::SocketHeld& event) { state_->held(event); }
void Model::on(const sensors::FileChange& event) { state_->changed(event); }
void Model::on(const sensors::HookState& event) { state_->hook_state(event); }

void Model::snapshot_done(std::uint64_t now_boot_ns) {
    state_->saw(now_boot_ns);
    if (state_->snapshot_taken) {
        return;
    }
    state_->take_snapshot_sockets();
    state_->pass_running = true;  // what the snapshot said of holders is a pass of its own
    state_->end_pass();
    state_->snapshot_taken = true;
    state_->tell_snapshot_listeners();
    state_->tell_all_endpoints();
}

void Model::holders_begin() { state_->begin_pass(); }
void Model::holders_done() { state_->end_pass(); }

void Model::tick(std::uint64_t now_boot_ns) {
    state_->saw(now_boot_ns);
    state_->processes.expire(state_->now);
    state_->processes.sweep(state_->now, state_->surroundings.is_running);
    state_->tick_connections();
    state_->tell_due_listeners();
    state_->tick_files();
    state_->tick_coverage();
}

bool Model::wants_holders() const {
    return !state_->due_listeners.empty() && !state_->pass_running &&
           (state_->pass_began_ns == 0 || elapsed(state_->pass_began_ns, state_->now) >= kSecond);
}

void Model::close(std::uint64_t now_boot_ns) {
    state_->saw(now_boot_ns);
    if (!state_->snapshot_taken) {
        snapshot_done(now_boot_ns);
    }
    state_->close_connections();
    state_->close_listeners();
    state_->tell_files(state_->now);
    state_->close_coverage();
    state_->over = true;
}

std::vector<Ancestor> Model::ancestry(facts::ProcessKey process) const {
    std::vector<Ancestor> told;
    const Process* known = state_->processes.find(process);
    while (known != nullptr && told.size() < kMostAncestors) {
        const facts::ProcessKey key = known->parent;
        known = state_->processes.find(key);
        if (known != nullptr) {
            told.push_back(state_->ancestor(key, *known));
        }
    }
    return told;
}

Ancestor Model::process(facts::ProcessKey process) const {
    const Process* known = state_->processes.find(process);
    return known == nullptr ? Ancestor{} : state_->ancestor(process, *known);
}

}  // namespace assay::model
