// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/hook_table.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "sensors/kernel/counted_losses.h"
#include "sensors/kernel/libbpf_log.h"

namespace assay::sensors {
namespace {

using facts::Hook;
using facts::Kind;

const HookPoint& point(Hook hook) { return hook_points()[static_cast<std::size_t>(hook)]; }

TEST(HookTable, HasARowForEveryHookInItsOrder) {
    ASSERT_LE(hook_points().size(), facts::kHooks.size());
    for (std::size_t i = 0; i < hook_points().size(); ++i) {
        EXPECT_EQ(hook_points()[i].hook, facts::kHooks[i].hook);
    }
}

TEST(HookTable, NamesEachProgramOnce) {
    std::set<std::string_view> names;
    for (const auto& hook : hook_points()) {
        for (const auto& candidate : hook.candidates) {
            for (const auto& program : candidate.programs) {
                EXPECT_TRUE(names.insert(program.program).second) << program.program;
            }
        }
    }
}

TEST(HookTable, ChoosesTheFirstCandidateThatIsUsable) {
    const auto& hook = point(Hook::snapshot_processes);
    const auto* best = choose(hook, [](const Candidate&) { return true; });
    ASSERT_NE(best, nullptr);
    EXPECT_EQ(best->mechanism, Mechanism::iterator);
    const auto* next =
        choose(hook, [](const Candidate& one) { return one.mechanism != Mechanism::iterator; });
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->mechanism, Mechanism::proc);
    EXPECT_EQ(choose(hook, [](const Candidate&) { return false; }), nullptr);
}

TEST(HookTable, NeedsOnlyTheHooksThatServeAWantedKind) {
    const std::array process{Kind::process_creation};
    EXPECT_TRUE(is_needed(Hook::exec, process));
    EXPECT_TRUE(is_needed(Hook::exit, process));
    EXPECT_FALSE(is_needed(Hook::connect, process));
    EXPECT_FALSE(is_needed(Hook::packet, process));
    const std::array listener{Kind::listener};
    EXPECT_TRUE(is_needed(Hook::exec, listener)) << "who a process is";
    EXPECT_TRUE(is_needed(Hook::bind, listener));
    EXPECT_FALSE(is_needed(Hook::accept, listener));
    EXPECT_FALSE(is_needed(Hook::exec, {}));
}

TEST(CountedLosses, CoverEachCounterOnce) {
    std::set<int> counters;
    for (const auto& loss : kCountedLosses) {
        EXPECT_TRUE(counters.insert(loss.counter).second) << loss.reason;
    }
    EXPECT_FALSE(counters.contains(COUNTER_DATAGRAM_FLOWS_MADE));
    EXPECT_FALSE(counters.contains(COUNTER_DATAGRAM_FLOWS_DELETED));
}

constexpr std::string_view kLog =
    "libbpf: prog 'exec_tp_btf': BPF program load failed: Permission denied\n"
    "libbpf: prog 'exec_tp_btf': -- BEGIN PROG LOAD LOG --\n"
    "0: (79) r1 = *(u64 *)(r10 -8)\n"
    "invalid read from stack off -8+0 size 8\n"
    "processed 1 insns (limit 1000000) max_states_per_insn 0\n"
    "-- END PROG LOAD LOG --\n"
    "libbpf: prog 'exec_tp_btf': failed to load: -13\n"
    "libbpf: failed to load object 'process'\n";

TEST(LibbpfLog, SaysWhichProgramCouldNotBeLoadedAndWhy) {
    EXPECT_EQ(detail::program_that_failed(kLog), "exec_tp_btf");
    EXPECT_EQ(detail::last_complaint(kLog), "invalid read from stack off -8+0 size 8");
}

TEST(LibbpfLog, NamesNoProgramWhenTheObjectIsToBlame) {
    constexpr std::string_view kMap = "libbpf: failed to create map 'ring': -12\n";
    EXPECT_EQ(detail::program_that_failed(kMap), "");
    EXPECT_EQ(detail::last_complaint(kMap), "libbpf: failed to create map 'ring': -12");
    EXPECT_EQ(detail::last_complaint(""), "");
}

}  // namespace
}  // namespace assay::sensors
