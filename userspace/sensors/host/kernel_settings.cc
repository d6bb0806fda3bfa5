// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/kernel_settings.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "sensors/host/process_status.h"
#include "sensors/host/sysctl_config.h"

namespace assay::sensors {
namespace {

struct KernelValue {
    std::string_view name;
    std::string_view path;  ///< below /proc/sys
    /// Every kernel that we run on has it: where it is missing something hides it.
    bool always;
    bool number;
};
constexpr std::array kKernelValues{
    KernelValue{"kernel.randomize_va_space", "kernel/randomize_va_space", true, true},
    KernelValue{"kernel.kptr_restrict", "kernel/kptr_restrict", true, true},
    KernelValue{"kernel.dmesg_restrict", "kernel/dmesg_restrict", true, true},
    KernelValue{"kernel.perf_event_paranoid", "kernel/perf_event_paranoid", false, true},
    KernelValue{"kernel.yama.ptrace_scope", "kernel/yama/ptrace_scope", false, true},
    KernelValue{"kernel.unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled", false,
                true},
    KernelValue{"vm.mmap_min_addr", "vm/mmap_min_addr", false, true},
};
constexpr std::size_t kLongestValue = 4096;

constexpr std::string_view kLockdownFile = "sys/kernel/security/lockdown";
constexpr std::string_view kProcessorFile = "proc/cpuinfo";
constexpr std::string_view kCommandLineFile = "proc/cmdline";

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view next_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n"), rest.size()));
    const std::size_t end = std::min(rest.find_first_of(" \t\n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
        if (next_word(text) == word) {
            return true;
        }
    }
    return false;
}

bool is_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    return problem == std::errc{} && end == text.data() + text.size();
}

void tell_setting(const TellFact& tell, std::string_view setting, std::string_view value,
                  std::string_view source, std::string_view effective_by,
                  std::string_view problem = {}) {
    facts::Setting fact;
    fact.setting = setting;
    fact.value = value;
    fact.source = source;
    fact.effective_by = effective_by;
    fact.problem = problem;
    tell(facts::FactView(fact));
}

/// The value of the first line "KEY : …"; nullopt when there is none.
std::optional<std::string> processor_words(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key &&
            end != std::string_view::npos) {
            return std::string(line.substr(colon + 1));
        }
    }
    return std::nullopt;
}

/// noexec=off was taken out of the x86 kernel in 5.19 (commit 76ea0025a214); later ones ignore it.
bool heeds_noexec(std::string_view release) {
    unsigned major = 0;
    unsigned minor = 0;
    const char* const begin = release.data();
    const char* const end = begin + release.size();
    const auto first = std::from_chars(begin, end, major);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') {
        return true;
    }
    std::from_chars(first.ptr + 1, end, minor);
    return major < 5 || (major == 5 && minor < 19);
}

std::string running_machine() {
    utsname about{};
    return ::uname(&about) == 0 ? std::string(&about.machine[0]) : std::string();
}

bool is_x86_32(std::string_view machine) {
    return machine.size() == 4 && machine.starts_with('i') && machine.ends_with("86");
}

void read_lockdown(const HostRoot& host, const TellFact& tell) {
    const std::string source = "/" + std::string(kLockdownFile);
    if (!host.exists(kLockdownFile)) {
        return;  // this kernel has no lockdown, or securityfs is not mounted
    }
    const auto text = host.read_file(kLockdownFile, kLongestValue);
    if (!text) {
        tell_setting(tell, "kernel.lockdown", {}, source, {}, source + ": " + text.error().message);
        return;
    }
    const std::size_t open = text->find('[');
    const std::size_t close = text->find(']', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) {
        tell_setting(tell, "kernel.lockdown", {}, source, {},
                     source + ": no state is marked in it");
        return;
    }
    tell_setting(tell, "kernel.lockdown",
                 std::string_view(*text).substr(open + 1, close - open - 1), source, "kernel");
}

}  // namespace

std::vector<std::string> watched_sysctls() {
    std::vector<std::string> paths;
    for (const KernelValue& value : kKernelValues) {
        paths.emplace_back(value.path);
    }
    return paths;
}

KernelSettingsTopic::KernelSettingsTopic(std::string machine)
    : machine_(machine.empty() ? running_machine() : std::move(machine)) {}

Dependencies KernelSettingsTopic::read(const Surroundings& around, const TellFact& tell) {
    Dependencies on;
    if (around.running) {
        read_sysctls(around.host, tell);
        read_lockdown(around.host, tell);
        if (!no_execute_) {
            read_no_execute(around.host);
        }
        for (const Told& told : *no_execute_) {
            facts::Setting fact;
            fact.setting = told.setting;
            fact.value = told.value;
            fact.source = told.source;
            fact.criteria = told.criteria;
            fact.problem = told.problem;
            fact.effective_by = told.problem.empty() ? "kernel" : "";
            tell(facts::FactView(fact));
        }
        for (const KernelValue& value : kKernelValues) {
            on.sysctls.emplace_back(value.path);
        }
    }
    std::array<std::string_view, kKernelValues.size()> names{};
    std::ranges::transform(kKernelValues, names.begin(), &KernelValue::name);
    BootSettings boot = read_boot_settings(around.host, names);
    for (const BootSettings::Value& each : boot.values) {
        tell_setting(tell, "sysctl.d." + each.name, each.value, each.source, "at boot");
    }
    for (const BootSettings::Problem& each : boot.problems) {
        facts::Setting fact;
        const std::string problem = each.path + ": " + each.reason;
        fact.setting = "sysctl.d";
        fact.instance = each.path;
        fact.source = each.path;
        fact.problem = problem;
        tell(facts::FactView(fact));
    }
    on.files = std::move(boot.files);
    on.directories = std::move(boot.directories);
    return on;
}

void KernelSettingsTopic::read_sysctls(const HostRoot& host, const TellFact& tell) const {
    for (const KernelValue& each : kKernelValues) {
        const std::string path = "proc/sys/" + std::string(each.path);
        const std::string source = "/" + path;
        const auto text = host.read_file(path, kLongestValue);
        if (!text) {
            // What this kernel was built without is not set up badly: it is not told at all.
            if (each.always || host.exists(path)) {
                tell_setting(tell, each.name, {}, source, {}, source + ": " + text.error().message);
            }
            continue;
        }
        const std::string_view value = trimmed(*text);
        if (each.number && !is_number(value)) {
            tell_setting(tell, each.name, {}, source, {}, source + ": not a number");
            continue;
        }
        tell_setting(tell, each.name, value, source, "kernel");
    }
}

void KernelSettingsTopic::read_no_execute(const HostRoot& host) {
    const std::string processor = "/" + std::string(kProcessorFile);
    const std::string command_line = "/" + std::string(kCommandLineFile);
    std::vector<Told>& told = no_execute_.emplace();
    const auto tell = [&](std::string value, std::string source, std::string problem = {}) {
        told.push_back({.setting = "kernel.nx",
                        .value = std::move(value),
                        .source = std::move(source),
                        .criteria = {},
                        .problem = std::move(problem)});
    };
    constexpr std::array<std::string_view, 5> kAlwaysHas{"aarch64", "riscv64", "ppc64", "ppc64le",
                                                         "loongarch64"};
    const bool is_32 = is_x86_32(machine_);
    if (std::ranges::find(kAlwaysHas, machine_) != kAlwaysHas.end()) {
        tell("yes", "every " + machine_);
        return;
    }
    const bool is_s390 = machine_ == "s390x";
    if (machine_ != "x86_64" && !is_32 && !is_s390) {
        tell({}, processor, processor + ": not known how " + machine_ + " tells of it");
        return;
    }
    constexpr std::size_t kFirstProcessor = 16 * 1024;
    // There is a part for each processor, and the kernel may wake every one of them to write it.
    const auto text = read_process_file(host, std::string(kProcessorFile), kFirstProcessor);
    const auto flags = text ? processor_words(*text, is_s390 ? "features" : "flags") : std::nullopt;
    if (!flags) {
        tell({}, processor,
             processor + (text ? ": it does not say what the processor can" : ": not readable"));
        return;
    }
    const auto arguments = host.read_file(kCommandLineFile, 64 * 1024);
    const auto release = host.read_file("proc/sys/kernel/osrelease", kLongestValue);
    if (!has_word(*flags, is_s390 ? "iep" : "nx")) {
        tell("no", processor);
    } else if (!arguments) {
        tell({}, command_line, command_line + ": " + arguments.error().message);
    } else if (has_word(*arguments, "noexec=off") &&
               (is_s390 || heeds_noexec(release ? trimmed(*release) : std::string_view()))) {
        tell("no", command_line);
    } else if (is_32) {
        // The bit is in page tables of three levels only: a kernel without PAE cannot set it.
        const std::string config =
            "boot/config-" + std::string(release ? trimmed(*release) : std::string_view());
        const auto options = host.read_file(config, 4 * 1024 * 1024);
        if (!options) {
            tell({}, "/" + config, "/" + config + ": " + options.error().message);
        } else {
            tell(has_word(*options, "CONFIG_X86_PAE=y") ? "yes" : "no", "/" + config);
        }
    } else {
        tell("yes", processor);
    }
    if (arguments && has_word(*arguments, "noexec32=off")) {
        told.push_back({.setting = "kernel.nx",
                        .value = "no",
                        .source = command_line,
                        .criteria = "32-bit programs",
                        .problem = {}});
    }
}

}  // namespace assay::sensors
