// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/hook_table.h"

#include <algorithm>
#include <array>

namespace assay::sensors {
namespace {

using facts::Hook;

constexpr ProgramPoint tracepoint(std::string_view program, std::string_view target) {
    return {program, target, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP};
}
constexpr ProgramPoint iterator(std::string_view program, std::string_view target) {
    return {program, target, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER};
}
constexpr ProgramPoint address_hook(std::string_view program, std::string_view target,
                                    bpf_attach_type attach) {
    return {program, target, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach};
}
constexpr ProgramPoint socket_hook(std::string_view program, std::string_view target,
                                   bpf_attach_type attach) {
    return {program, target, BPF_PROG_TYPE_CGROUP_SOCK, attach};
}
constexpr ProgramPoint packet_hook(std::string_view program, std::string_view target,
                                   bpf_attach_type attach) {
    return {program, target, BPF_PROG_TYPE_CGROUP_SKB, attach};
}

constexpr std::array kExec{tracepoint("exec_tp_btf", "sched_process_exec")};
constexpr std::array kFork{tracepoint("fork_tp_btf", "sched_process_fork")};
constexpr std::array kExit{tracepoint("exit_tp_btf", "sched_process_exit")};
constexpr std::array kConnect{
    address_hook("connect4_cgroup", "connect4", BPF_CGROUP_INET4_CONNECT),
    address_hook("connect6_cgroup", "connect6", BPF_CGROUP_INET6_CONNECT)};
constexpr std::array kSend{address_hook("sendmsg4_cgroup", "sendmsg4", BPF_CGROUP_UDP4_SENDMSG),
                           address_hook("sendmsg6_cgroup", "sendmsg6", BPF_CGROUP_UDP6_SENDMSG)};
constexpr std::array kBind{socket_hook("bind4_cgroup", "post_bind4", BPF_CGROUP_INET4_POST_BIND),
                           socket_hook("bind6_cgroup", "post_bind6", BPF_CGROUP_INET6_POST_BIND)};
constexpr std::array kState{tracepoint("state_tp_btf", "inet_sock_set_state")};
constexpr std::array kRelease{
    socket_hook("release_cgroup", "sock_release", BPF_CGROUP_INET_SOCK_RELEASE)};
constexpr std::array kAccept{
    ProgramPoint{"accept_fexit", "inet_csk_accept", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT}};
constexpr std::array kPacket{packet_hook("egress_cgroup", "skb/egress", BPF_CGROUP_INET_EGRESS),
                             packet_hook("ingress_cgroup", "skb/ingress", BPF_CGROUP_INET_INGRESS)};
constexpr std::array kSysctl{
    ProgramPoint{"sysctl_cgroup", "sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL}};
constexpr std::array kTasks{iterator("snapshot_processes_iter", "task")};
constexpr std::array kTaskFiles{iterator("snapshot_sockets_iter", "task_file")};

constexpr std::array kExecBy{Candidate{Mechanism::tp_btf, Family::process, kExec}};
constexpr std::array kForkBy{Candidate{Mechanism::tp_btf, Family::process, kFork}};
constexpr std::array kExitBy{Candidate{Mechanism::tp_btf, Family::process, kExit}};
constexpr std::array kConnectBy{Candidate{Mechanism::cgroup, Family::network, kConnect}};
constexpr std::array kSendBy{Candidate{Mechanism::cgroup, Family::network, kSend}};
constexpr std::array kBindBy{Candidate{Mechanism::cgroup, Family::network, kBind}};
constexpr std::array kStateBy{Candidate{Mechanism::tp_btf, Family::network, kState}};
constexpr std::array kReleaseBy{Candidate{Mechanism::cgroup, Family::network, kRelease}};
constexpr std::array kAcceptBy{Candidate{Mechanism::fexit, Family::network, kAccept}};
constexpr std::array kPacketBy{Candidate{Mechanism::cgroup, Family::network, kPacket}};
constexpr std::array kProcessesBy{Candidate{Mechanism::iterator, Family::snapshot, kTasks},
                                  Candidate{Mechanism::proc, Family::snapshot, {}}};
constexpr std::array kSocketsBy{Candidate{Mechanism::iterator, Family::snapshot, kTaskFiles}};
constexpr std::array kSysctlBy{Candidate{Mechanism::cgroup, Family::process, kSysctl}};

constexpr std::array kHookPoints{
    HookPoint{Hook::exec, kExecBy},
    HookPoint{Hook::fork, kForkBy},
    HookPoint{Hook::exit, kExitBy},
    HookPoint{Hook::connect, kConnectBy},
    HookPoint{Hook::send, kSendBy},
    HookPoint{Hook::bind, kBindBy},
    HookPoint{Hook::socket_state, kStateBy},
    HookPoint{Hook::socket_release, kReleaseBy},
    HookPoint{Hook::accept, kAcceptBy},
    HookPoint{Hook::packet, kPacketBy},
    HookPoint{Hook::snapshot_processes, kProcessesBy},
    HookPoint{Hook::snapshot_sockets, kSocketsBy},
    HookPoint{Hook::sysctl, kSysctlBy},
};
// The hooks after these are served by other sensors.
static_assert(kHookPoints.size() == static_cast<std::size_t>(Hook::file_change));

}  // namespace

std::string_view name(Mechanism mechanism) {
    switch (mechanism) {
        case Mechanism::tp_btf:
            return "tp_btf";
        case Mechanism::cgroup:
            return "cgroup";
        case Mechanism::fexit:
            return "fexit";
        case Mechanism::iterator:
            return "iterator";
        case Mechanism::proc:
            return "proc";
    }
    return "";
}

std::span<const HookPoint> hook_points() { return kHookPoints; }

const Candidate* choose(const HookPoint& hook,
                        const std::function<bool(const Candidate&)>& usable) {
    const auto best = std::ranges::find_if(hook.candidates, usable);
    return best == hook.candidates.end() ? nullptr : &*best;
}

bool is_needed(facts::Hook hook, std::span<const facts::Kind> kinds) {
    return std::ranges::any_of(facts::info(hook).kinds, [&](facts::Kind kind) {
        return std::ranges::find(kinds, kind) != kinds.end();
    });
}

}  // namespace assay::sensors
