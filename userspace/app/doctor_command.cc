// SPDX-License-Identifier: Apache-2.0
#include "app/doctor_command.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/chosen_rules.h"
#include "app/command_line.h"
#include "app/doctor_report.h"
#include "app/exit_code.h"
#include "app/log.h"
#include "app/rules_directory.h"
#include "base/host_root.h"
#include "engine/compiled_rule.h"
#include "sensors/files/file_watch.h"

namespace assay::app {
namespace {

constexpr std::string_view kName = "assay doctor";

/// The rules that judge a kind which rests on the hook.
std::vector<std::string> rules_on(const facts::HookInfo& hook, const engine::RuleSet& rules) {
    std::vector<std::string> slugs;
    for (const engine::LoadedRule* rule : rules.loaded()) {
        const bool rests_on_it =
            std::ranges::any_of(rule->compiled, [&](const engine::CompiledDocument& document) {
                return std::ranges::find(hook.kinds, document.kind) != hook.kinds.end();
            });
        if (rests_on_it) {
            slugs.push_back(rule->info.slug);
        }
    }
    return slugs;
}

std::string own_mountinfo() {
    std::ifstream file("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Tries for real to watch a directory that every host has.
sensors::HookReport examine_watch(facts::Hook hook) {
    sensors::HookReport report;
    report.hook = hook;
    sensors::HookReport::Candidate candidate;
    candidate.mechanism = "fanotify";
    candidate.target = "marks on files and directories";
    const auto host = HostRoot::open("/");
    auto watch = host ? sensors::FileWatch::open(*host)
                      : Result<sensors::FileWatch>(std::unexpected(host.error()));
    const auto watched =
        watch ? watch->watch_directory("/etc") : Result<void>(std::unexpected(watch.error()));
    if (watched) {
        candidate.mechanism = watch->mechanism();
        candidate.usable = candidate.chosen = true;
    } else {
        candidate.reason = watched.error().message;
    }
    report.candidates.push_back(std::move(candidate));
    return report;
}

DoctorReport examine(const engine::RuleSet& rules) {
    utsname kernel{};
    ::uname(&kernel);
    DoctorReport report;
    report.kernel_release = kernel.release;
    report.machine = kernel.machine;
    report.btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
    report.cgroup2_mount = find_cgroup2_mount(own_mountinfo());
    if (const auto can = sensors::check_can_observe(); !can) {
        report.cannot_observe = can.error().message;
        return report;
    }
    auto examined = sensors::examine_hooks();
    if (!examined) {
        report.cannot_observe = examined.error().message;
        return report;
    }
    examined->push_back(examine_watch(facts::Hook::file_change));
    examined->push_back(examine_watch(facts::Hook::host_files));
    for (sensors::HookReport& hook : *examined) {
        auto slugs = rules_on(facts::info(hook.hook), rules);
        report.hooks.push_back({std::move(hook), std::move(slugs)});
    }
    return report;
}

}  // namespace

int doctor_command(std::span<const std::string> arguments, std::FILE* out, std::FILE* err) {
    const auto asked = parse_doctor_options(arguments);
    if (!asked) {
        return complain(err, kName, asked.error().message, kExitUsage);
    }
    if (!*asked) {
        fmt::print(out, "{}", doctor_help());
        return kExitDone;
    }
    log_to_stderr("warn");
    const auto directory = built_in_rules_directory();
    if (!directory) {
        return complain(err, kName, directory.error().message, kExitUsage);
    }
    std::vector<engine::Problem> problems;
    const DoctorReport report = examine(load_rules(*directory, {}, problems));
    for (const engine::Problem& problem : problems) {
        complain(err, kName, engine::to_text(problem), kExitUsage);
    }
    fmt::print(out, "{}", (*asked)->json ? doctor_json(report) : doctor_table(report));
    std::fflush(out);
    if (report.cannot_observe) {
        return complain(err, kName, *report.cannot_observe, kExitCannotObserve);
    }
    if (!observes_anything(report)) {
        return complain(err, kName, "no hook that facts rest on is served by this kernel",
                        kExitCannotObserve);
    }
    return kExitDone;
}

}  // namespace assay::app
