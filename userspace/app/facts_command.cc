// SPDX-License-Identifier: Apache-2.0
#include "app/facts_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "app/command_line.h"
#include "app/exit_code.h"
#include "app/hardening.h"
#include "app/line_output.h"
#include "app/log.h"
#include "app/observation.h"
#include "app/running_host.h"
#include "app/standard_streams.h"
#include "app/stop_signal.h"
#include "sensors/kernel/kernel_sensor.h"

namespace assay::app {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kName = "assay facts";
constexpr auto kFlush = std::chrono::milliseconds(100);

std::string watching_line(const FactsOptions& asked) {
    std::string kinds;
    for (const facts::Kind kind : asked.kinds) {
        kinds += kinds.empty() ? "" : ", ";
        kinds += facts::info(kind).name;
    }
    return fmt::format("assay facts: watching {}: {}\n",
                       asked.duration ? "for " + duration_text(*asked.duration) : "until Ctrl-C",
                       kinds);
}

int stream(const FactsOptions& asked, const HostRoot& host, const StopSignal& stop, std::FILE* out,
           std::FILE* err) {
    // Asked every 100 ms while stdout takes nothing: after Ctrl-C a slow reader gets 2 s more.
    int patience = 20;
    LineOutput lines(::fileno(out), [&] { return stop.requested() && --patience < 0; });
    Observation observation(host, {.on_fact =
                                       [&](const facts::FactView& fact) {
                                           facts::append_json(lines.buffer(), fact);
                                           lines.buffer() += '\n';
                                           lines.line_added();
                                       },
                                   .on_hook_state = [](const sensors::HookState&) {}});
    const ObservationPlan plan{.kinds = asked.kinds,
                               .length = asked.duration,
                               .running = !asked.host_root,
                               .file_prefixes = std::nullopt,
                               .host_names = true};
    if (const auto started = observation.start(plan); !started) {
        return complain(err, kName, started.error().message, kExitCannotObserve);
    }
    if (const auto given_up = give_up_new_privileges(); !given_up) {
        return complain(err, kName, given_up.error().message, kExitCannotObserve);
    }
    if (!asked.duration || asked.duration->count() > 0) {
        fmt::print(err, "{}", watching_line(asked));
        std::fflush(err);
    }

    Clock::time_point next_flush{};
    const auto watched = observation.watch([&] {
        const auto now = Clock::now();
        if (now >= next_flush) {
            lines.flush();
            next_flush = now + kFlush;
        }
        return !stop.requested() && !lines.reader_gone() && !lines.problem() &&
               (!asked.duration || now < observation.began() + *asked.duration);
    });
    observation.close();
    lines.flush();
    if (!watched) {
        return complain(err, kName, watched.error().message, kExitCannotObserve);
    }
    if (lines.problem()) {
        return complain(err, kName, lines.problem()->message, kExitUsage);
    }
    return kExitDone;
}

}  // namespace

int facts_command(std::span<const std::string> arguments, std::FILE* out, std::FILE* err) {
    const auto asked = parse_facts_options(arguments);
    if (!asked) {
        return complain(err, kName, asked.error().message, kExitUsage);
    }
    if (!*asked) {
        fmt::print(out, "{}", facts_help());
        return kExitDone;
    }
    log_to_stderr((*asked)->log_level);
    if (const auto writable = check_writable(out); !writable) {
        return complain(err, kName, writable.error().message, kExitUsage);
    }
    if (std::ranges::any_of((*asked)->kinds, is_behaviour)) {
        if (const auto can = sensors::check_can_observe(); !can) {
            return complain(err, kName, can.error().message, kExitCannotObserve);
        }
    }
    if (const auto hard = harden_process(); !hard) {
        return complain(err, kName, hard.error().message, kExitCannotObserve);
    }
    const auto& root = (*asked)->host_root;
    const auto host = root ? HostRoot::open(*root) : open_running_host();
    if (!host) {
        return complain(err, kName, host.error().message, root ? kExitUsage : kExitCannotObserve);
    }
    const auto stop = StopSignal::begin();
    if (!stop) {
        return complain(err, kName, stop.error().message, kExitCannotObserve);
    }
    const auto& kinds = (*asked)->kinds;
    if (std::ranges::find(kinds, facts::Kind::process_creation) != kinds.end()) {
        fmt::print(err,
                   "assay facts: CommandLine is printed raw: it may hold secrets of other users\n");
    }
    return stream(**asked, *host, **stop, out, err);
}

}  // namespace assay::app
