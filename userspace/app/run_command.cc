// SPDX-License-Identifier: Apache-2.0
#include "app/run_command.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "app/assessment.h"
#include "app/chosen_rules.h"
#include "app/command_line.h"
#include "app/exit_code.h"
#include "app/hardening.h"
#include "app/log.h"
#include "app/rules_directory.h"
#include "app/run_id.h"
#include "app/running_host.h"
#include "app/standard_streams.h"
#include "app/stop_signal.h"
#include "sensors/host/host_info.h"

namespace assay::app {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kName = "assay run";
/// At most five times a second, and only on a terminal.
constexpr auto kRedraw = std::chrono::milliseconds(200);
/// How long outputs may take for what is queued when the window has ended.
constexpr auto kDrain = std::chrono::milliseconds(4000);

/// The rules to judge, with everything told that is wrong with them; nothing when the run must not
/// begin.
std::optional<engine::RuleSet> choose_rules(const RunOptions& asked, std::FILE* err) {
    for (const std::string& package : asked.packages.rule_less) {
        complain(err, kName, fmt::format("package {} has no rules in this build", package),
                 kExitDone);
    }
    const auto directory = built_in_rules_directory();
    if (!directory) {
        complain(err, kName, directory.error().message, kExitUsage);
        return std::nullopt;
    }
    std::vector<engine::Problem> problems;
    auto rules = load_rules(*directory, asked.rule_directories, problems);
    for (const engine::Problem& problem : problems) {
        fmt::print(err, "{}\n", engine::to_text(problem));
    }
    if (std::ranges::any_of(problems, [](const engine::Problem& problem) {
            return problem.severity == engine::Problem::Severity::error;
        })) {
        return std::nullopt;
    }
    rules.keep_packages(asked.packages.judged);
    for (const auto& [info, reason] : rules.unsupported()) {
        complain(err, kName,
                 fmt::format("rule {} ({}) is not judged: {}", info.slug, info.file, reason),
                 kExitDone);
    }
    if (rules.rules().empty()) {
        complain(err, kName, "nothing to judge: the chosen packages hold no rules", kExitUsage);
        return std::nullopt;
    }
    return rules;
}

Result<std::vector<deliver::OutputSpec>> parse_outputs(const RunOptions& asked, bool human) {
    using Kind = deliver::OutputSpec::Kind;
    std::vector<deliver::OutputSpec> outputs;
    for (const std::string& url : asked.outputs) {
        auto output = deliver::OutputSpec::parse(url);
        if (!output) {
            return std::unexpected(output.error());
        }
        outputs.push_back(*std::move(output));
    }
    const bool has_stdout = std::ranges::find(outputs, Kind::standard_output,
                                              &deliver::OutputSpec::kind) != outputs.end();
    if (has_stdout && human) {
        return fail("--output stdout: and the human view both want stdout: give --format jsonl");
    }
    if (!human && !has_stdout) {
        outputs.push_back({.kind = Kind::standard_output,
                           .format = deliver::OutputSpec::Format::jsonl,
                           .path = {}});
    }
    return outputs;
}

bool use_colour(Colour asked, bool terminal) {
    const char* refused = std::getenv("NO_COLOR");  // no-color.org
    return asked == Colour::always ||
           (asked == Colour::automatic && terminal && (refused == nullptr || *refused == '\0'));
}

findings::HostInfo host_info(const HostRoot& root) {
    sensors::HostInfo read = sensors::read_host_info(root);
    return {.hostname = std::move(read.hostname),
            .machine_id = std::move(read.machine_id),
            .os_name = std::move(read.os_name),
            .os_version = std::move(read.os_version),
            .kernel_release = std::move(read.kernel_release)};
}

std::string watching_line(const RunOptions& asked, const std::string& run_id, std::size_t rules) {
    return fmt::format("assay run: watching {}, run {}, {} rule{}\n",
                       asked.duration ? "for " + duration_text(*asked.duration) : "until Ctrl-C",
                       run_id, rules, rules == 1 ? "" : "s");
}

/// Everything that was asked for is there: what is left is to watch.
struct Prepared {
    const RunOptions& asked;
    const engine::RuleSet& rules;
    const HostRoot& host;
    const StopSignal& stop;
    deliver::Delivery& delivery;
    bool human;
    bool terminal;
};

int conclude(const Prepared& prepared, const findings::Verdicts& verdicts,
             std::optional<engine::Level> worst, std::FILE* out, std::FILE* err) {
    const std::vector<Error> troubles = prepared.delivery.finish();
    bool failed = !troubles.empty();
    if (prepared.delivery.left_a_thread()) {
        // A reader stands still. To flush the stream that it holds, or to take away what its thread
        // looks at, would hang or crash instead of ending.
        for (const Error& trouble : troubles) {
            complain(err, kName, trouble.message, kExitUsage);
        }
        std::fflush(err);
        ::_exit(kExitUsage);
    }
    if (prepared.human) {
        // The human view goes through stdio, which remembers that a write has failed.
        if (std::fflush(out) != 0 || std::ferror(out) != 0) {
            complain(err, kName, "stdout did not take everything that was written", kExitUsage);
            failed = true;
        }
    } else {
        fmt::print(err, "{}",
                   deliver::human_text(
                       verdicts, use_colour(prepared.asked.colour, ::isatty(::fileno(err)) == 1)));
        std::fflush(err);
    }
    for (const Error& trouble : troubles) {
        complain(err, kName, trouble.message, kExitUsage);
    }
    if (failed) {
        return kExitUsage;
    }
    const auto& fail_on = prepared.asked.fail_on;
    return fail_on && worst && *worst >= *fail_on ? kExitFindings : kExitDone;
}

int assess(const Prepared& prepared, AssessmentPlan plan, std::FILE* out, std::FILE* err) {
    const std::string run_id = plan.run.run_id;
    Assessment assessment(std::move(plan), prepared.host, prepared.rules, prepared.delivery);
    auto began = assessment.start();
    if (began) {
        began = give_up_new_privileges();
    }
    if (!began) {
        (void)prepared.delivery.finish();
        return complain(err, kName, began.error().message, kExitCannotObserve);
    }
    fmt::print(err, "{}", watching_line(prepared.asked, run_id, prepared.rules.rules().size()));
    std::fflush(err);

    Clock::time_point next_redraw{};
    const auto watched = assessment.watch([&] {
        if (prepared.human && prepared.terminal && Clock::now() >= next_redraw) {
            next_redraw = Clock::now() + kRedraw;
            prepared.delivery.status(assessment.status());
        }
        return prepared.stop.requested();
    });
    const findings::Verdicts verdicts = assessment.finish();
    const int exit_code = conclude(prepared, verdicts, assessment.worst(), out, err);
    return watched ? exit_code : complain(err, kName, watched.error().message, kExitCannotObserve);
}

int run(const RunOptions& asked, std::FILE* out, std::FILE* err) {
    const bool terminal = ::isatty(::fileno(out)) == 1;
    const bool stdout_asked = std::ranges::any_of(
        asked.outputs, [](const std::string& url) { return url.starts_with("stdout:"); });
    const bool human = asked.format == Format::human ||
                       (asked.format == Format::automatic && terminal && !stdout_asked);

    const auto rules = choose_rules(asked, err);
    if (!rules) {
        return kExitUsage;
    }
    const auto outputs = parse_outputs(asked, human);
    if (!outputs) {
        return complain(err, kName, outputs.error().message, kExitUsage);
    }
    if (const auto writable = check_writable(out); !writable) {
        return complain(err, kName, writable.error().message, kExitUsage);
    }
    auto can = sensors::check_can_observe();
    if (can) {
        can = harden_process();
    }
    if (!can) {
        return complain(err, kName, can.error().message, kExitCannotObserve);
    }
    auto run_id = new_run_id();
    if (!run_id) {
        return complain(err, kName, run_id.error().message, kExitCannotObserve);
    }
    const auto stop = StopSignal::begin();
    if (!stop) {
        return complain(err, kName, stop.error().message, kExitCannotObserve);
    }
    deliver::TerminalView view(out, use_colour(asked.colour, terminal), terminal);
    const auto delivery =
        deliver::Delivery::open(*outputs, {.drain = kDrain, .on_trouble = [](const Error& trouble) {
                                               spdlog::error("{}", trouble.message);
                                           }});
    if (!delivery) {
        return complain(err, kName, delivery.error().message, kExitUsage);
    }
    if (human) {
        (*delivery)->show_on(view);
    }
    const auto host = open_running_host();
    if (!host) {
        return complain(err, kName, host.error().message, kExitCannotObserve);
    }
    AssessmentPlan plan{
        .host = host_info(*host),
        .run = {.run_id = *std::move(run_id), .start = wall_clock_now(), .tags = asked.tags},
        .length = asked.duration,
        .include_loopback = asked.include_loopback};
    return assess({.asked = asked,
                   .rules = *rules,
                   .host = *host,
                   .stop = **stop,
                   .delivery = **delivery,
                   .human = human,
                   .terminal = terminal},
                  std::move(plan), out, err);
}

}  // namespace

int run_command(std::span<const std::string> arguments, std::FILE* out, std::FILE* err) {
    const auto asked = parse_run_options(arguments);
    if (!asked) {
        return complain(err, kName, asked.error().message, kExitUsage);
    }
    if (!*asked) {
        fmt::print(out, "{}", run_help());
        return kExitDone;
    }
    log_to_stderr((*asked)->log_level);
    return run(**asked, out, err);
}

}  // namespace assay::app
