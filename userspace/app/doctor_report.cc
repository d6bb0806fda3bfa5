// SPDX-License-Identifier: Apache-2.0
#include "app/doctor_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json_text.h"
#include "deliver/json_writer.h"
#include "facts/hooks.h"

namespace assay::app {
namespace {

using Candidate = sensors::HookReport::Candidate;

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string kinds_text(const facts::HookInfo& hook) {
    std::string names;
    for (const facts::Kind kind : hook.kinds) {
        names += names.empty() ? "" : ", ";
        names += facts::info(kind).name;
    }
    return names;
}

std::string_view standing(const Candidate& candidate) {
    return candidate.chosen ? "chosen" : candidate.usable ? "usable" : "not usable";
}

void append_hook(std::string& out, const DoctorReport::Hook& hook) {
    const facts::HookInfo& info = facts::info(hook.report.hook);
    const Candidate* best = chosen(hook.report);
    auto to = std::back_inserter(out);
    fmt::format_to(to, "{:<20}{:<10} {}\n", info.name,
                   best != nullptr ? best->mechanism : "MISSING", info.meaning);
    for (const Candidate& candidate : hook.report.candidates) {
        std::string line = fmt::format("    {:<11}{} {}", standing(candidate), candidate.mechanism,
                                       candidate.target);
        if (!candidate.usable && !candidate.reason.empty()) {
            line += ": " + candidate.reason;
        }
        append_terminal_text(out, line);
        out += '\n';
    }
    if (best != nullptr) {
        return;
    }
    if (info.essential) {
        fmt::format_to(to, "    so unknown:  {}{}{}\n", kinds_text(info),
                       hook.rules.empty() ? "" : "; rules ", joined(hook.rules));
    } else {
        fmt::format_to(to, "    so:          nothing becomes unknown, some fields are absent\n");
    }
}

void write_candidate(deliver::JsonWriter& json, const Candidate& candidate) {
    json.open('{')
        .field("program", candidate.program)
        .field("mechanism", candidate.mechanism)
        .field("target", candidate.target);
    json.key("usable").boolean(candidate.usable);
    json.key("chosen").boolean(candidate.chosen);
    json.field("reason", candidate.reason).close('}');
}

void write_hook(deliver::JsonWriter& json, const DoctorReport::Hook& hook) {
    const facts::HookInfo& info = facts::info(hook.report.hook);
    const Candidate* best = chosen(hook.report);
    json.open('{').field("hook", info.name);
    json.field("state", best != nullptr ? "available" : "missing");
    json.field("mechanism", best != nullptr ? best->mechanism : "");
    json.key("essential").boolean(info.essential);
    json.key("kinds").open('[');
    for (const facts::Kind kind : info.kinds) {
        json.text(facts::info(kind).name);
    }
    json.close(']').key("unknown_rules").open('[');
    if (best == nullptr && info.essential) {
        for (const std::string& rule : hook.rules) {
            json.text(rule);
        }
    }
    json.close(']').key("candidates").open('[');
    for (const Candidate& candidate : hook.report.candidates) {
        write_candidate(json, candidate);
    }
    json.close(']').close('}');
}

}  // namespace

const Candidate* chosen(const sensors::HookReport& hook) {
    const auto found = std::ranges::find_if(hook.candidates, &Candidate::chosen);
    return found == hook.candidates.end() ? nullptr : &*found;
}

bool observes_anything(const DoctorReport& report) {
    return !report.cannot_observe &&
           std::ranges::any_of(report.hooks, [](const DoctorReport::Hook& hook) {
               return facts::info(hook.report.hook).essential && chosen(hook.report) != nullptr;
           });
}

std::string find_cgroup2_mount(std::string_view mountinfo) {
    // 36 35 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw   (proc(5))
    while (!mountinfo.empty()) {
        const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
        const std::string_view line = mountinfo.substr(0, end);
        mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
        if (line.find(" - cgroup2 ") == std::string_view::npos) {
            continue;
        }
        std::size_t begin = 0;
        for (int field = 0; field < 4 && begin < line.size(); ++field) {
            begin = std::min(line.find(' ', begin), line.size() - 1) + 1;
        }
        return std::string(line.substr(begin, line.find(' ', begin) - begin));
    }
    return {};
}

std::string doctor_table(const DoctorReport& report) {
    std::string out;
    auto to = std::back_inserter(out);
    fmt::format_to(to, "kernel              {} {}\n", report.kernel_release, report.machine);
    fmt::format_to(to, "BTF                 {}\n",
                   report.btf ? "/sys/kernel/btf/vmlinux"
                              : "missing: the kernel was built without CONFIG_DEBUG_INFO_BTF");
    out += "cgroup2             ";
    append_terminal_text(out, report.cgroup2_mount.empty()
                                  ? "not mounted: mounted for assay alone when it is needed"
                                  : report.cgroup2_mount);
    out += '\n';
    if (!report.hooks.empty()) {
        out += '\n';
    }
    for (const DoctorReport::Hook& hook : report.hooks) {
        append_hook(out, hook);
    }
    const auto missing = std::ranges::count_if(
        report.hooks, [](const auto& hook) { return chosen(hook.report) == nullptr; });
    if (!report.hooks.empty()) {
        fmt::format_to(to, "\n{} of {} hooks are served\n",
                       static_cast<std::ptrdiff_t>(report.hooks.size()) - missing,
                       report.hooks.size());
    }
    return out;
}

std::string doctor_json(const DoctorReport& report) {
    std::string out;
    deliver::JsonWriter json(out);
    json.open('{').field("kernel_release", report.kernel_release).field("machine", report.machine);
    json.key("btf").boolean(report.btf);
    json.field("cgroup2_mount", report.cgroup2_mount);
    json.key("observes").boolean(observes_anything(report));
    json.field("reason", report.cannot_observe.value_or(""));
    json.key("hooks").open('[');
    for (const DoctorReport::Hook& hook : report.hooks) {
        write_hook(json, hook);
    }
    json.close(']').close('}');
    out += '\n';
    return out;
}

}  // namespace assay::app
