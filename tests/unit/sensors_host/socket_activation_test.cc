// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/socket_activation.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "fake_host.h"

namespace assay::sensors {
namespace {

using namespace std::string_literals;

std::uint64_t tick_ns() {
    return 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
}

/// proc/77/stat of a process with a nasty name that started 5000 ticks after boot.
constexpr std::string_view kStat =
    "77 (a) b (c) S 1 77 77 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 5000 1000000 200 1 2 3\n";

facts::ProcessKey started_at(std::uint64_t ticks) { return {77, ticks * tick_ns() + 12345}; }

TEST(SocketActivation, IsSeenInTheEnvironment) {
    const FakeHost host{{"proc/77/environ", "HOME=/\0LISTEN_PID=77\0LISTEN_FDS=1\0"s},
                        {"proc/77/stat", kStat}};
    EXPECT_TRUE(socket_activated(host.root(), started_at(5000)));
}

TEST(SocketActivation, IsNotThatOfAParentWhoseEnvironmentWasInherited) {
    const FakeHost host{{"proc/77/environ", "LISTEN_PID=76\0LISTEN_FDS=1\0"s},
                        {"proc/77/stat", kStat}};
    EXPECT_FALSE(socket_activated(host.root(), started_at(5000)));
}

TEST(SocketActivation, NeedsAtLeastOneSocket) {
    const FakeHost none{{"proc/77/environ", "LISTEN_PID=77\0LISTEN_FDS=0\0"s},
                        {"proc/77/stat", kStat}};
    EXPECT_FALSE(socket_activated(none.root(), started_at(5000)));
    const FakeHost absent{{"proc/77/environ", "LISTEN_PID=77\0"s}, {"proc/77/stat", kStat}};
    EXPECT_FALSE(socket_activated(absent.root(), started_at(5000)));
}

TEST(SocketActivation, IsNotToldOfAnotherProcessWithTheSamePid) {
    const FakeHost host{{"proc/77/environ", "LISTEN_PID=77\0LISTEN_FDS=1\0"s},
                        {"proc/77/stat", kStat}};
    EXPECT_FALSE(socket_activated(host.root(), started_at(4000)));
    EXPECT_FALSE(socket_activated(host.root(), started_at(6000)));
    EXPECT_TRUE(socket_activated(host.root(), {77, 0}));
}

TEST(SocketActivation, IsFalseWhenNothingCanBeRead) {
    const FakeHost host{};
    EXPECT_FALSE(socket_activated(host.root(), {77, 1}));
    EXPECT_FALSE(socket_activated(host.root(), {0, 0}));
    const FakeHost torn{{"proc/77/environ", "LISTEN_PID=77\0LISTEN_FDS=1\0"s},
                        {"proc/77/stat", "77 (x S"}};
    EXPECT_FALSE(socket_activated(torn.root(), {77, 1}));
}

TEST(SocketActivation, AnEndlessEnvironmentIsReadUpToALimit) {
    std::string environment = "LISTEN_PID=77\0LISTEN_FDS=2\0"s;
    environment.append(1'000'000, 'x');
    const FakeHost host{{"proc/77/environ", environment}, {"proc/77/stat", kStat}};
    EXPECT_TRUE(socket_activated(host.root(), started_at(5000)));
}

}  // namespace
}  // namespace assay::sensors
