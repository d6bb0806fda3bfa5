// SPDX-License-Identifier: Apache-2.0
// What app does to the process itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "app/hardening.h"
#include "app/standard_streams.h"
#include "app/stop_signal.h"

namespace assay::app {
namespace {

constexpr int kAsExpected = 7;

/// What the process looks like after `act`, seen in a child so that the tests stay as they are.
template <class Act>
void expect_in_child(Act act) {
    EXPECT_EXIT(std::_Exit(act() ? kAsExpected : EXIT_FAILURE),
                testing::ExitedWithCode(kAsExpected), "");
}

TEST(Hardening, MakesTheProcessUndumpableWithoutCores) {
    expect_in_child([] {
        rlimit cores{};
        return harden_process() && ::getrlimit(RLIMIT_CORE, &cores) == 0 && cores.rlim_max == 0 &&
               ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    });
}

TEST(Hardening, KeepsNewFilesToTheirOwner) {
    expect_in_child([] { return harden_process() && ::umask(0) == 077; });
}

TEST(Hardening, MakesABrokenPipeAnErrorOfTheWrite) {
    expect_in_child([] {
        int ends[2];
        const bool ready = harden_process() && ::pipe(ends) == 0 && ::close(ends[0]) == 0;
        return ready && ::write(ends[1], "x", 1) == -1 && errno == EPIPE;
    });
}

TEST(Hardening, GivesUpNewPrivileges) {
    expect_in_child(
        [] { return give_up_new_privileges() && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; });
}

TEST(StandardStreams, AClosedStdoutIsHeldButNotWritable) {
    expect_in_child([] {
        ::close(STDOUT_FILENO);
        hold_standard_streams();
        return ::fcntl(STDOUT_FILENO, F_GETFD) != -1 && !check_writable(stdout);
    });
}

TEST(StandardStreams, OpenOnesStayAsTheyAre) {
    expect_in_child([] {
        struct stat before{};
        struct stat after{};
        ::fstat(STDOUT_FILENO, &before);
        hold_standard_streams();
        ::fstat(STDOUT_FILENO, &after);
        return before.st_ino == after.st_ino && check_writable(stdout).has_value();
    });
}

bool becomes_requested(const StopSignal& stop) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!stop.requested() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    return stop.requested();
}

TEST(StopSignal, TermAndInterruptAskForAnEnd) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        expect_in_child([&] {
            const auto stop = StopSignal::begin();
            return stop && !(*stop)->requested() && ::kill(::getpid(), signal) == 0 &&
                   becomes_requested(**stop);
        });
    }
}

TEST(StopSignal, AHangupMayAskForAReloadInstead) {
    expect_in_child([] {
        ::setsid();  // no terminal whose loss it could mean
        const auto stop = StopSignal::begin(Hangup::reloads);
        if (!stop || (*stop)->take_reload() || ::kill(::getpid(), SIGHUP) != 0) {
            return false;
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        bool reload = false;
        while (!reload && std::chrono::steady_clock::now() < deadline) {
            reload = (*stop)->take_reload();
            std::this_thread::yield();
        }
        return reload && !(*stop)->take_reload() && !(*stop)->requested();
    });
}

}  // namespace
}  // namespace assay::app
