// SPDX-License-Identifier: Apache-2.0
#include "app/run_command.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "app/assessment.h"
#include "app/chosen_rules.h"
#include "app/command_line.h"
#include "app/exit_code.h"
#include "app/hardening.h"
#include "app/log.h"
#include "app/rule_reload.h"
#include "app/rules_directory.h"
#include "app/run_id.h"
#include "app/running_host.h"
#include "app/standard_streams.h"
#include "app/stop_signal.h"
#include "app/template.h"
#include "sensors/host/host_info.h"

namespace assay::app {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kName = "assay run";
/// At most five times a second, and only on a terminal.
constexpr auto kRedraw = std::chrono::milliseconds(200);
/// How long outputs may take for what is queued when the window has ended.
constexpr auto kDrain = std::chrono::milliseconds(4000);

/// Every rule set of the run, the newest last: what was found points into those before, too.
using RuleSets = std::vector<std::shared_ptr<const engine::RuleSet>>;

void tell(std::span<const engine::Problem> problems, std::FILE* err) {
    for (const engine::Problem& problem : problems) {
        fmt::print(err, "{}\n", engine::to_text(problem));
    }
}

/// What the template says goes into `asked`, and what it says of rules is the answer.
Result<Template> take_template(RunOptions& asked, std::FILE* err) {
    if (!asked.template_file) {
        return Template{};
    }
    std::vector<engine::Problem> problems;
    auto chosen = read_template(*asked.template_file, today_utc(), problems);
    tell(problems, err);
    if (chosen) {
        apply(
            *chosen,
            [&](std::string_view option) {
                return std::ranges::find(asked.given, option) != asked.given.end();
            },
            asked);
    }
    return chosen;
}

/// Which rules to judge; nothing when the run must not begin.
std::optional<RuleChoice> make_choice(const RunOptions& asked, const Template& chosen,
                                      std::FILE* err) {
    for (const std::string& package : asked.packages.rule_less) {
        complain(err, kName, fmt::format("package {} has no rules in this build", package),
                 kExitDone);
    }
    auto directory = built_in_rules_directory();
    if (!directory) {
        complain(err, kName, directory.error().message, kExitUsage);
        return std::nullopt;
    }
    return RuleChoice{.built_in_directory = *std::move(directory),
                      .own_directories = asked.rule_directories,
                      .packages = asked.packages.judged,
                      .enabled = chosen.enabled,
                      .overrides = chosen.overrides};
}

/// The rules to judge, with everything told that is wrong with them; nullptr when the run must not
/// begin. `loaded` are all that were read.
std::shared_ptr<const engine::RuleSet> take_rules(const RuleChoice& choice,
                                                  std::shared_ptr<const engine::RuleSet>& loaded,
                                                  std::FILE* err) {
    std::vector<engine::Problem> problems;
    loaded = std::make_shared<const engine::RuleSet>(
        load_rules(choice.built_in_directory, choice.own_directories, problems));
    auto rules = std::make_shared<const engine::RuleSet>(chosen_of(*loaded, choice, problems));
    tell(problems, err);
    if (has_error(problems)) {
        return nullptr;
    }
    for (const auto& [info, reason] : rules->unsupported()) {
        complain(err, kName,
                 fmt::format("rule {} ({}) is not judged: {}", info.slug, info.file, reason),
                 kExitDone);
    }
    if (rules->rules().empty()) {
        complain(err, kName, "nothing to judge: the chosen packages hold no rules", kExitUsage);
        return nullptr;
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
    if (asked.duration && asked.duration->count() == 0) {
        return fmt::format("assay run: judging the set-up of {}, run {}, {} rule{}\n",
                           asked.host_root ? *asked.host_root : "this host", run_id, rules,
                           rules == 1 ? "" : "s");
    }
    return fmt::format("assay run: watching {}, run {}, {} rule{}\n",
                       asked.duration ? "for " + duration_text(*asked.duration) : "until Ctrl-C",
                       run_id, rules, rules == 1 ? "" : "s");
}

/// Everything that was asked for is there: what is left is to watch.
struct Prepared {
    const RunOptions& asked;
    const RuleChoice& choice;
    std::shared_ptr<const engine::RuleSet> loaded;  ///< before the choice
    RuleSets& rule_sets;
    const HostRoot& host;
    StopSignal& stop;
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

/// Reads the rules again when they change and when SIGHUP asks for it. Without inotify only the
/// latter; a run that judges once has no use for either.
std::unique_ptr<RuleReload> begin_reload(const Prepared& prepared, const Assessment& assessment) {
    const auto& length = prepared.asked.duration;
    if (length && length->count() == 0) {
        return nullptr;
    }
    RuleReload::Options options;
    options.choice = prepared.choice;
    options.observed = assessment.observed();
    if (prepared.asked.template_file) {
        options.template_file = *prepared.asked.template_file;
        options.choose = [choice = prepared.choice, file = options.template_file](
                             std::vector<engine::Problem>& problems) -> std::optional<RuleChoice> {
            const auto chosen = read_template(file, today_utc(), problems);
            if (!chosen) {
                return std::nullopt;
            }
            RuleChoice again = choice;
            again.enabled = chosen->enabled;
            again.overrides = chosen->overrides;
            return again;
        };
    }
    auto reload = RuleReload::begin(std::move(options), prepared.loaded);
    if (!reload) {
        spdlog::warn("{}", reload.error().within("rules are not read again").message);
        return nullptr;
    }
    return *std::move(reload);
}

void take_reload(RuleReload& reload, const Prepared& prepared, Assessment& assessment,
                 std::FILE* err) {
    if (prepared.stop.take_reload()) {
        reload.request();
    }
    auto reloaded = reload.take();
    if (!reloaded) {
        return;
    }
    tell(reloaded->problems, err);
    for (const std::string& slug : reloaded->kept) {
        fmt::print(err, "{}: rule {} is broken now: its earlier version still judges\n", kName,
                   slug);
    }
    for (const auto& [info, reason] : reloaded->waiting) {
        fmt::print(err, "{}: rule {} is unknown in this run: {}\n", kName, info.slug, reason);
    }
    if (reloaded->rules) {
        prepared.rule_sets.push_back(reloaded->rules);
        assessment.replace_rules(reloaded->rules, std::move(reloaded->waiting));
        fmt::print(err, "{}: rules read again: {} judge\n", kName, reloaded->rules->rules().size());
    }
    std::fflush(err);
}

int assess(const Prepared& prepared, AssessmentPlan plan, std::FILE* out, std::FILE* err) {
    const std::string run_id = plan.run.run_id;
    const auto& rules = prepared.rule_sets.front();
    Assessment assessment(std::move(plan), prepared.host, rules, prepared.delivery);
    auto began = assessment.start();
    if (began) {
        began = give_up_new_privileges();
    }
    if (!began) {
        (void)prepared.delivery.finish();
        return complain(err, kName, began.error().message, kExitCannotObserve);
    }
    fmt::print(err, "{}", watching_line(prepared.asked, run_id, rules->rules().size()));
    std::fflush(err);

    const auto reload = begin_reload(prepared, assessment);
    Clock::time_point next_redraw{};
    const auto watched = assessment.watch([&] {
        if (reload) {
            take_reload(*reload, prepared, assessment, err);
        }
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

int run(RunOptions asked, std::FILE* out, std::FILE* err) {
    const auto chosen = take_template(asked, err);
    if (!chosen) {
        return complain(err, kName, chosen.error().message, kExitUsage);
    }
    if (asked.host_root) {
        asked.duration = std::chrono::seconds(0);  // whatever the template says
    }
    if (const auto fits = check_run_options(asked); !fits) {
        return complain(err, kName, fits.error().message, kExitUsage);
    }
    const bool terminal = ::isatty(::fileno(out)) == 1;
    const bool stdout_asked = std::ranges::any_of(
        asked.outputs, [](const std::string& url) { return url.starts_with("stdout:"); });
    const bool human = asked.format == Format::human ||
                       (asked.format == Format::automatic && terminal && !stdout_asked);

    const auto choice = make_choice(asked, *chosen, err);
    std::shared_ptr<const engine::RuleSet> loaded;
    RuleSets rule_sets;
    if (choice) {
        rule_sets.push_back(take_rules(*choice, loaded, err));
    }
    if (rule_sets.empty() || !rule_sets.front()) {
        return kExitUsage;
    }
    const auto outputs = parse_outputs(asked, human);
    if (!outputs) {
        return complain(err, kName, outputs.error().message, kExitUsage);
    }
    if (const auto writable = check_writable(out); !writable) {
        return complain(err, kName, writable.error().message, kExitUsage);
    }
    const bool once = asked.duration && asked.duration->count() == 0;
    const auto kinds = rule_sets.front()->kinds_needed();
    Result<void> can;
    if (!once && (std::ranges::any_of(kinds, is_behaviour) ||
                  std::ranges::find(kinds, facts::Kind::file_event) != kinds.end())) {
        can = sensors::check_can_observe();
    }
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
    const auto stop = StopSignal::begin(Hangup::reloads);
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
    const auto host = asked.host_root ? HostRoot::open(*asked.host_root) : open_running_host();
    if (!host) {
        return complain(err, kName, host.error().message,
                        asked.host_root ? kExitUsage : kExitCannotObserve);
    }
    AssessmentPlan plan{
        .host = host_info(*host),
        .run = {.run_id = *std::move(run_id), .start = wall_clock_now(), .tags = asked.tags},
        .length = asked.duration,
        .running = !asked.host_root,
        .include_loopback = asked.include_loopback};
    return assess({.asked = asked,
                   .choice = *choice,
                   .loaded = loaded,
                   .rule_sets = rule_sets,
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
