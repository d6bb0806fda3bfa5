// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/options.h"
#include "engine/nearest_name.h"

namespace assay::app {
namespace {

constexpr OptionRow kHelpRow{.name = "help", .value = "", .meaning = "show this", .letter = 'h'};
constexpr OptionRow kLogLevelRow{
    .name = "log-level",
    .value = "LEVEL",
    .meaning = "what to log on stderr: trace, debug, info, warn, error or off [info]"};

constexpr std::array kRunRows{
    OptionRow{.name = "duration",
              .value = "D",
              .meaning = "how long to watch: 90s, 5m, 1h, 1h30m or forever [1h]; 0s judges how the "
                         "host is set up, once"},
    OptionRow{.name = "package",
              .value = "NAMES",
              .meaning = "packages of rules to judge, by comma or repeated: runtime-behavior, "
                         "best-practices, cve, cis, or custom for those of --rules alone "
                         "[runtime-behavior,best-practices]",
              .repeated = true},
    OptionRow{.name = "rules",
              .value = "DIR",
              .meaning = "judge the Sigma rules under DIR too; may be repeated",
              .repeated = true},
    OptionRow{.name = "template",
              .value = "FILE",
              .meaning = "take packages, rules, thresholds, exceptions, tags and outputs from an "
                         "assessment template; options given here win"},
    OptionRow{.name = "host-root",
              .value = "DIR",
              .meaning = "judge how the host below DIR is set up (a mounted image), once; needs no "
                         "privilege"},
    OptionRow{.name = "include-loopback",
              .value = "",
              .meaning = "judge loopback traffic and loopback listeners too"},
    OptionRow{.name = "format",
              .value = "FORMAT",
              .meaning = "human or jsonl (OCSF) on stdout [human on a terminal, else jsonl]"},
    OptionRow{.name = "output",
              .value = "URL",
              .meaning = "deliver findings there too, such as file:findings.jsonl; may be repeated",
              .repeated = true},
    OptionRow{.name = "fail-on",
              .value = "LEVEL",
              .meaning = "exit 1 when a finding reaches LEVEL: high, medium, low or informational"},
    OptionRow{.name = "tag",
              .value = "KEY=VALUE",
              .meaning = "put a tag on every finding; may be repeated",
              .repeated = true},
    OptionRow{.name = "colour", .value = "", .meaning = "colour although stdout is no terminal"},
    OptionRow{.name = "no-colour", .value = "", .meaning = "no colour on a terminal"},
    OptionRow{.name = "color", .value = "", .meaning = "", .listed = false},
    OptionRow{.name = "no-color", .value = "", .meaning = "", .listed = false},
    kLogLevelRow,
    kHelpRow,
    OptionRow{.name = "report", .value = "FILE", .meaning = "", .listed = false},
    OptionRow{.name = "state", .value = "DIR", .meaning = "", .listed = false},
    OptionRow{.name = "drain", .value = "D", .meaning = "", .listed = false},
};
/// What the design names and this build does not do: told so, not as an unknown option.
constexpr std::array<std::string_view, 3> kNotInThisBuild{"report", "state", "drain"};

constexpr std::array kFactsRows{
    OptionRow{.name = "kind",
              .value = "KINDS",
              .meaning = "kinds of fact, by comma or repeated: process_creation, "
                         "network_connection, listener, file_event, setting, account, directory, "
                         "coverage [all but file_event]",
              .repeated = true},
    OptionRow{.name = "duration",
              .value = "D",
              .meaning = "how long to watch: 90s, 5m, 1h, 1h30m or forever [forever]; 0s reads how "
                         "the host is set up, once"},
    OptionRow{.name = "host-root",
              .value = "DIR",
              .meaning = "read how the host below DIR is set up, once; needs no privilege"},
    kLogLevelRow,
    kHelpRow,
};

constexpr std::array kDoctorRows{
    OptionRow{.name = "format", .value = "FORMAT", .meaning = "table or json [table]"},
    kHelpRow,
};

Result<std::string> one_of(const Options& options, std::string_view option,
                           std::span<const std::string_view> known, std::string_view otherwise) {
    const auto value = options.text(option);
    if (!value) {
        return std::string(otherwise);
    }
    if (std::ranges::find(known, *value) == known.end()) {
        return fail(
            fmt::format("--{} '{}': choose one of {}", option, *value, fmt::join(known, ", ")));
    }
    return *value;
}

Result<std::string> log_level(const Options& options) {
    constexpr std::array<std::string_view, 6> kLevels{"trace", "debug", "info",
                                                      "warn",  "error", "off"};
    return one_of(options, "log-level", kLevels, "info");
}

Result<WindowLength> duration(const Options& options, WindowLength otherwise) {
    const auto text = options.text("duration");
    if (!text) {
        return otherwise;
    }
    auto length = parse_duration(*text);
    if (!length) {
        return std::unexpected(length.error().within("--duration"));
    }
    return length;
}

Result<std::vector<std::pair<std::string, std::string>>> tags(const Options& options) {
    constexpr std::size_t kLongest = 256;
    std::vector<std::pair<std::string, std::string>> tags;
    for (const std::string& tag : options.all("tag")) {
        const std::size_t equals = tag.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(fmt::format("--tag '{}': write KEY=VALUE", tag));
        }
        if (tag.size() > kLongest) {
            return fail(
                fmt::format("--tag '{}…' is longer than {} bytes", tag.substr(0, 20), kLongest));
        }
        std::string key = tag.substr(0, equals);
        if (std::ranges::find(tags, key, &std::pair<std::string, std::string>::first) !=
            tags.end()) {
            return fail(fmt::format("--tag '{}' is given twice", key));
        }
        tags.emplace_back(std::move(key), tag.substr(equals + 1));
    }
    return tags;
}

Result<std::optional<engine::Level>> fail_on(const Options& options) {
    using engine::Level;
    constexpr std::array<std::string_view, 4> kNames{"high", "medium", "low", "informational"};
    constexpr std::array kLevels{Level::high, Level::medium, Level::low, Level::informational};
    if (!options.has("fail-on")) {
        return std::optional<Level>{};
    }
    const auto name = one_of(options, "fail-on", kNames, "");
    if (!name) {
        return std::unexpected(name.error());
    }
    const auto at = std::ranges::find(kNames, *name) - kNames.begin();
    return std::optional(kLevels[static_cast<std::size_t>(at)]);
}

Result<Colour> colour(const Options& options) {
    const bool on = options.has("colour") || options.has("color");
    const bool off = options.has("no-colour") || options.has("no-color");
    if (on && off) {
        return fail("--colour and --no-colour exclude each other");
    }
    return on ? Colour::always : off ? Colour::never : Colour::automatic;
}

Result<std::vector<facts::Kind>> kinds(const Options& options) {
    std::array<std::string_view, facts::kKinds.size()> names;
    std::ranges::transform(facts::kKinds, names.begin(), &facts::KindInfo::name);

    std::vector<facts::Kind> kinds;
    for (const std::string& name : options.list("kind")) {
        const facts::KindInfo* kind = facts::find_kind(name);
        if (kind == nullptr) {
            const std::string_view nearest = engine::nearest_name(name, names);
            return fail(nearest.empty() ? fmt::format("unknown kind of fact '{}': known are {}",
                                                      name, fmt::join(names, ", "))
                                        : fmt::format("unknown kind of fact '{}', did you mean {}?",
                                                      name, nearest));
        }
        if (std::ranges::find(kinds, kind->kind) == kinds.end()) {
            kinds.push_back(kind->kind);
        }
    }
    if (kinds.empty()) {
        // Every file made on the host is much, and watched for only when it is asked for by name.
        for (const facts::KindInfo& kind : facts::kKinds) {
            if (kind.kind != facts::Kind::file_event) {
                kinds.push_back(kind.kind);
            }
        }
    }
    return kinds;
}

/// `target = value`, or false with `problem` set: parsing goes on only while nothing is wrong.
template <class T>
bool take(Result<T> value, T& target, std::optional<Error>& problem) {
    if (!value) {
        problem = std::move(value).error();
        return false;
    }
    target = *std::move(value);
    return true;
}

}  // namespace

Asked<RunOptions> parse_run_options(std::span<const std::string> arguments) {
    const auto options = parse_options(kRunRows, arguments);
    if (!options) {
        return std::unexpected(options.error());
    }
    if (options->has("help")) {
        return std::nullopt;
    }
    for (const std::string_view name : kNotInThisBuild) {
        if (options->has(name)) {
            return fail(fmt::format("--{} is not supported in this build", name));
        }
    }
    constexpr std::array<std::string_view, 2> kFormats{"human", "jsonl"};
    RunOptions run;
    std::string format;
    std::optional<Error> problem;
    if (!take(choose_packages(options->list("package")), run.packages, problem) ||
        !take(duration(*options, run.duration), run.duration, problem) ||
        !take(one_of(*options, "format", kFormats, ""), format, problem) ||
        !take(fail_on(*options), run.fail_on, problem) ||
        !take(tags(*options), run.tags, problem) || !take(colour(*options), run.colour, problem) ||
        !take(log_level(*options), run.log_level, problem)) {
        return std::unexpected(*std::move(problem));
    }
    run.host_root = options->text("host-root");
    if (run.host_root) {
        if (options->has("duration") && run.duration != std::chrono::seconds(0)) {
            return fail("--host-root judges once: leave --duration out, or say 0s");
        }
        run.duration = std::chrono::seconds(0);
    }
    run.template_file = options->text("template");
    run.given = options->names();
    run.rule_directories = options->all("rules");
    run.include_loopback = options->has("include-loopback");
    run.format = format.empty()      ? Format::automatic
                 : format == "human" ? Format::human
                                     : Format::jsonl;
    run.outputs = options->all("output");
    return run;
}

Result<void> check_run_options(const RunOptions& run) {
    const bool once = run.duration && run.duration->count() == 0;
    if (once && !run.host_root &&
        std::ranges::find(run.packages.judged, "runtime-behavior") != run.packages.judged.end()) {
        return fail(
            "--duration 0s judges how the host is set up, but runtime behaviour needs a window: "
            "add --package best-practices, or give at least 1s");
    }
    return {};
}

Asked<FactsOptions> parse_facts_options(std::span<const std::string> arguments) {
    const auto options = parse_options(kFactsRows, arguments);
    if (!options) {
        return std::unexpected(options.error());
    }
    if (options->has("help")) {
        return std::nullopt;
    }
    FactsOptions asked;
    std::optional<Error> problem;
    if (!take(kinds(*options), asked.kinds, problem) ||
        !take(duration(*options, asked.duration), asked.duration, problem) ||
        !take(log_level(*options), asked.log_level, problem)) {
        return std::unexpected(*std::move(problem));
    }
    asked.host_root = options->text("host-root");
    if (asked.host_root) {
        if (options->has("duration") && asked.duration != std::chrono::seconds(0)) {
            return fail("--host-root reads once: leave --duration out, or say 0s");
        }
        asked.duration = std::chrono::seconds(0);
    }
    const auto happens = [](facts::Kind kind) {
        return kind != facts::Kind::setting && kind != facts::Kind::account &&
               kind != facts::Kind::directory;
    };
    if (asked.duration && asked.duration->count() == 0) {
        if (options->has("kind") && std::ranges::any_of(asked.kinds, happens)) {
            return fail(
                "--duration 0s reads how the host is set up, once; for what happens give "
                "at least 1s");
        }
        std::erase_if(asked.kinds, happens);
    }
    return asked;
}

Asked<DoctorOptions> parse_doctor_options(std::span<const std::string> arguments) {
    const auto options = parse_options(kDoctorRows, arguments);
    if (!options) {
        return std::unexpected(options.error());
    }
    if (options->has("help")) {
        return std::nullopt;
    }
    constexpr std::array<std::string_view, 2> kFormats{"table", "json"};
    const auto format = one_of(*options, "format", kFormats, "table");
    if (!format) {
        return std::unexpected(format.error());
    }
    return DoctorOptions{.json = *format == "json"};
}

std::span<const OptionRow> run_options() { return kRunRows; }
std::span<const OptionRow> facts_options() { return kFactsRows; }
std::span<const OptionRow> doctor_options() { return kDoctorRows; }

std::string run_help() {
    return "usage: assay run [options]\n\n"
           "Watches this host for a window of time and judges live what it does. Findings go to\n"
           "stdout, logs to stderr; a line with the word 'watching' on stderr says that every hook "
           "is\nattached. Ctrl-C ends the window early and still judges.\n\n" +
           options_help(kRunRows) +
           "\nexit: 0 done; 1 done, and a finding reached --fail-on; 2 wrong usage, rules or "
           "output,\n      or an output failed; 3 cannot observe\n";
}

std::string facts_help() {
    return "usage: assay facts [options]\n\n"
           "Streams what is observed as flat JSON lines on stdout, judging nothing. CommandLine is "
           "raw:\nit may hold secrets.\n\n" +
           options_help(kFactsRows) +
           "\nexit: 0 done; 2 wrong usage, or stdout failed; 3 cannot observe\n";
}

std::string doctor_help() {
    return "usage: assay doctor [options]\n\n"
           "Tries every hook on this kernel and says which mechanism serves it, why others do not, "
           "and\nwhich facts and rules are unknown without it. Leaves nothing behind.\n\n" +
           options_help(kDoctorRows) + "\nexit: 0 done; 2 wrong usage; 3 nothing can be observed\n";
}

}  // namespace assay::app
