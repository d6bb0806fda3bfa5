// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "model/state.h"

namespace assay::model {
namespace {

std::string_view name(sensors::HookState::State state) {
    switch (state) {
        case sensors::HookState::State::missing:
            return "missing";
        case sensors::HookState::State::not_needed:
            return "not-needed";
        case sensors::HookState::State::attached:
            break;
    }
    return "attached";
}

/// Why the model itself lost what a hook had delivered.
std::string_view bound(facts::Hook hook) {
    switch (hook) {
        case facts::Hook::packet:
            return "too many flows at once: the oldest were classified early";
        case facts::Hook::connect:
            return "too many endpoints: the counts of the oldest end early";
        case facts::Hook::socket_state:
        case facts::Hook::bind:
            return "too many listeners at once: the newest are not told";
        default:
            return "too many sockets: some were left out";
    }
}

}  // namespace

void Model::State::hook_state(const sensors::HookState& event) {
    const auto index = static_cast<std::size_t>(event.hook);
    if (index >= hooks.size()) {
        return;
    }
    KnownHook& hook = hooks[index];
    const bool news = !hook.known || hook.state != event.state || event.lost > hook.lost;
    hook.known = true;
    hook.state = event.state;
    hook.mechanism = texts.intern(event.mechanism);
    hook.reason = texts.intern(event.reason);
    hook.lost = event.lost;
    if (news) {
        tell_coverage(event.hook, false);
    }
}

std::uint64_t Model::State::lost_here(facts::Hook hook) const {
    switch (hook) {
        case facts::Hook::packet:
            return flows_dropped;
        case facts::Hook::connect:
            return endpoints_dropped;
        case facts::Hook::socket_state:
            return listeners_dropped;
        case facts::Hook::bind:
            return binds_dropped;
        case facts::Hook::snapshot_sockets:
            return sockets_dropped;
        default:
            return 0;
    }
}

void Model::State::tell_coverage(facts::Hook which, bool at_close) {
    KnownHook& hook = hooks[static_cast<std::size_t>(which)];
    const facts::HookInfo& row = facts::info(which);
    const std::uint64_t here = lost_here(which);
    hook.told_lost = hook.lost + here;
    if (!wants(facts::Kind::coverage)) {
        return;
    }
    if (hook.number == 0) {
        hook.number = next_stream++;
    }
    std::string reason(hook.reason.view());
    if (here > 0) {
        if (!reason.empty()) {
            reason += "; ";
        }
        reason += bound(which);
        reason += " (" + std::to_string(here) + ")";
    }
    std::array<std::string_view, facts::kKinds.size()> kinds;
    std::size_t count = 0;
    for (const facts::Kind kind : row.kinds) {
        kinds[count++] = facts::info(kind).name;
    }
    facts::Coverage fact;
    fact.header = header(now, sensors::Origin::runtime);
    fact.header.stream = hook.number;
    fact.header.at_close = at_close;
    fact.hook = row.name;
    fact.state = name(hook.state);
    fact.mechanism = hook.mechanism.view();
    fact.reason = reason;
    fact.lost = hook.told_lost;
    fact.kinds = facts::TextList(kinds.data(), count);
    fact.kernel_release = surroundings.kernel_release;
    emit_fact(fact);
}

void Model::State::tick_coverage() {
    if (elapsed(coverage_told_ns, now) < kSecond) {
        return;
    }
    coverage_told_ns = now;
    for (const facts::HookInfo& row : facts::kHooks) {
        const KnownHook& hook = hooks[static_cast<std::size_t>(row.hook)];
        if (hook.lost + lost_here(row.hook) > hook.told_lost) {
            tell_coverage(row.hook, false);
        }
    }
}

void Model::State::close_coverage() {
    for (const facts::HookInfo& row : facts::kHooks) {
        if (hooks[static_cast<std::size_t>(row.hook)].known || lost_here(row.hook) > 0) {
            tell_coverage(row.hook, true);
        }
    }
}

}  // namespace assay::model
