// SPDX-License-Identifier: Apache-2.0
#include "app/stop_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace assay::app {
namespace {

bool has_terminal() {
    const int fd = ::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    const UniqueFd terminal(fd);
    return true;
}

}  // namespace

Result<std::unique_ptr<StopSignal>> StopSignal::begin(Hangup hangup) {
    sigset_t asked;
    sigemptyset(&asked);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        // nohup and background jobs of scripts ask to be left alone; a signalfd would hear all the
        // same.
        struct sigaction now{};
        const bool ignored = ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
        if (signal == SIGTERM || !ignored) {
            sigaddset(&asked, signal);
        }
    }
    if (const int problem = pthread_sigmask(SIG_BLOCK, &asked, nullptr); problem != 0) {
        return std::unexpected(errno_error("blocking signals", problem));
    }
    const int signals = signalfd(-1, &asked, SFD_CLOEXEC);
    if (signals < 0) {
        return std::unexpected(errno_error("opening a signalfd", errno));
    }
    UniqueFd owned(signals);
    const int leave = eventfd(0, EFD_CLOEXEC);
    if (leave < 0) {
        return std::unexpected(errno_error("opening an eventfd", errno));
    }
    return std::unique_ptr<StopSignal>(new StopSignal(std::move(owned), UniqueFd(leave), hangup));
}

StopSignal::StopSignal(UniqueFd signals, UniqueFd leave, Hangup hangup)
    : hangup_(hangup),
      had_terminal_(has_terminal()),
      signals_(std::move(signals)),
      leave_(std::move(leave)),
      thread_([this] { listen(); }) {}

bool StopSignal::ends(std::uint32_t signal) const {
    return signal != SIGHUP || hangup_ == Hangup::ends || (had_terminal_ && !has_terminal());
}

StopSignal::~StopSignal() {
    const std::uint64_t one = 1;
    // An eventfd that holds 0 takes a 1 at once.
    [[maybe_unused]] const ssize_t written = ::write(leave_.get(), &one, sizeof one);
    thread_.join();
}

void StopSignal::listen() {
    // timeout(1) signals the process and then its whole group: the same wish, told twice.
    constexpr auto kSameWish = std::chrono::milliseconds(500);
    constexpr int kForcedExit = 130;
    std::chrono::steady_clock::time_point first{};

    std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{leave_.get(), POLLIN, 0}};
    while (true) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            continue;
        }
        if (watched[1].revents != 0) {
            return;
        }
        signalfd_siginfo told{};
        if (::read(signals_.get(), &told, sizeof told) != ssize_t{sizeof told}) {
            continue;
        }
        if (!ends(told.ssi_signo)) {
            reload_.store(true, std::memory_order_relaxed);
            continue;
        }
        const auto now = std::chrono::steady_clock::now();
        if (!requested_.exchange(true)) {
            first = now;
        } else if (told.ssi_signo == SIGINT && now - first > kSameWish) {
            ::_exit(kForcedExit);
        }
    }
}

}  // namespace assay::app
