// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/kernel_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "fake_host.h"

namespace assay::sensors {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

struct Told {
    std::string value, source, problem;
};

std::map<std::string, Told> read(const FakeHost& host, bool running = true,
                                 std::string machine = "x86_64") {
    std::map<std::string, Told> told;
    KernelSettingsTopic topic(std::move(machine));
    (void)topic.read(
        {.host = host.root(), .running = running, .programs = {}, .watch_directory = {}},
        [&](const facts::FactView& fact) {
            const auto text = [&](std::string_view field) {
                std::string value;
                facts::append_value_text(value, fact.get(field));
                return value;
            };
            const std::string criteria = text("Criteria");
            told[text("Setting") + (criteria.empty() ? "" : " " + criteria)] = {
                .value = text("Value"), .source = text("Source"), .problem = text("Problem")};
        });
    return told;
}

constexpr std::string_view kCpu =
    "processor\t: 0\nmodel name\t: nx\nflags\t\t: fpu vme syscall nx lm\nprocessor\t: 1\n";
constexpr std::string_view kOldCpu = "processor\t: 0\nmodel name\t: nx\nflags\t\t: fpu vme nxx\n";

TEST(KernelSettings, ValuesComeWithTheirFile) {
    const auto told = read(FakeHost({{"proc/sys/kernel/randomize_va_space", "2\n"},
                                     {"proc/sys/kernel/yama/ptrace_scope", "1\n"},
                                     {"proc/sys/vm/mmap_min_addr", "65536\n"}}));
    EXPECT_EQ(told.at("kernel.randomize_va_space").value, "2");
    EXPECT_EQ(told.at("kernel.randomize_va_space").source, "/proc/sys/kernel/randomize_va_space");
    EXPECT_EQ(told.at("kernel.yama.ptrace_scope").value, "1");
    EXPECT_EQ(told.at("vm.mmap_min_addr").value, "65536");
}

TEST(KernelSettings, WhatEveryKernelHasAndIsMissingIsAProblem) {
    const auto told = read(FakeHost({{"proc/version", "Linux"}}));
    EXPECT_THAT(told.at("kernel.randomize_va_space").problem,
                HasSubstr("/proc/sys/kernel/randomize_va_space: "));
    EXPECT_EQ(told.at("kernel.randomize_va_space").value, "");
}

TEST(KernelSettings, WhatThisKernelWasBuiltWithoutIsNotTold) {
    const auto told = read(FakeHost({{"proc/sys/kernel/randomize_va_space", "2\n"}}));
    EXPECT_FALSE(told.contains("kernel.yama.ptrace_scope"));
    EXPECT_FALSE(told.contains("kernel.unprivileged_bpf_disabled"));
    EXPECT_FALSE(told.contains("kernel.lockdown"));
}

TEST(KernelSettings, AValueThatIsNoNumberIsAProblem) {
    const auto told = read(FakeHost({{"proc/sys/kernel/randomize_va_space", "two\n"},
                                     {"proc/sys/kernel/kptr_restrict", "\n"}}));
    EXPECT_THAT(told.at("kernel.randomize_va_space").problem, HasSubstr("not a number"));
    EXPECT_THAT(told.at("kernel.kptr_restrict").problem, HasSubstr("not a number"));
}

TEST(KernelSettings, LockdownIsTheMarkedWord) {
    EXPECT_EQ(
        read(FakeHost({{"sys/kernel/security/lockdown", "none [integrity] confidentiality\n"}}))
            .at("kernel.lockdown")
            .value,
        "integrity");
    EXPECT_THAT(read(FakeHost({{"sys/kernel/security/lockdown", "none ]integrity[\n"}}))
                    .at("kernel.lockdown")
                    .problem,
                HasSubstr("no state"));
}

TEST(KernelSettings, NoExecuteIsAFlagOfTheProcessor) {
    EXPECT_EQ(
        read(FakeHost({{"proc/cpuinfo", kCpu}, {"proc/cmdline", "quiet\n"}})).at("kernel.nx").value,
        "yes");
    const auto old = read(FakeHost({{"proc/cpuinfo", kOldCpu}, {"proc/cmdline", "quiet\n"}}));
    EXPECT_EQ(old.at("kernel.nx").value, "no");
    EXPECT_EQ(old.at("kernel.nx").source, "/proc/cpuinfo");
}

TEST(KernelSettings, TheCommandLineCouldSwitchItOffUntilLinux5_19) {
    const auto told = [](std::string_view release) {
        return read(FakeHost({{"proc/cpuinfo", kCpu},
                              {"proc/cmdline", "ro noexec=off\n"},
                              {"proc/sys/kernel/osrelease", release}}))
            .at("kernel.nx");
    };
    EXPECT_EQ(told("5.10.0-30-amd64\n").value, "no");
    EXPECT_EQ(told("5.10.0-30-amd64\n").source, "/proc/cmdline");
    EXPECT_EQ(told("4.19.0\n").value, "no");
    EXPECT_EQ(told("5.19.0\n").value, "yes");
    EXPECT_EQ(told("6.1.0\n").value, "yes");
    EXPECT_EQ(told("nonsense\n").value, "no");
}

TEST(KernelSettings, For32BitProgramsItCanBeSwitchedOffAlone) {
    const auto told =
        read(FakeHost({{"proc/cpuinfo", kCpu}, {"proc/cmdline", "ro noexec32=off\n"}}));
    EXPECT_EQ(told.at("kernel.nx").value, "yes");
    EXPECT_EQ(told.at("kernel.nx 32-bit programs").value, "no");
}

TEST(KernelSettings, A32BitKernelNeedsPae) {
    const auto told = [](std::string_view config) {
        return read(FakeHost({{"proc/cpuinfo", kCpu},
                              {"proc/cmdline", "ro\n"},
                              {"proc/sys/kernel/osrelease", "6.1.0-686\n"},
                              {"boot/config-6.1.0-686", config}}),
                    true, "i686")
            .at("kernel.nx");
    };
    EXPECT_EQ(told("CONFIG_X86_32=y\nCONFIG_X86_PAE=y\n").value, "yes");
    EXPECT_EQ(told("# CONFIG_X86_PAE is not set\n").value, "no");
    EXPECT_THAT(read(FakeHost({{"proc/cpuinfo", kCpu}, {"proc/cmdline", "ro\n"}}), true, "i686")
                    .at("kernel.nx")
                    .problem,
                HasSubstr("/boot/config-"));
}

TEST(KernelSettings, OtherProcessorsHaveItAlwaysOrSayItInTheirOwnWord) {
    EXPECT_EQ(read(FakeHost({}), true, "aarch64").at("kernel.nx").value, "yes");
    const auto z = [](std::string_view features) {
        return read(FakeHost({{"proc/cpuinfo", features}, {"proc/cmdline", ""}}), true, "s390x")
            .at("kernel.nx")
            .value;
    };
    EXPECT_EQ(z("features\t: esan3 zarch iep\nx\n"), "yes");
    EXPECT_EQ(z("features\t: esan3 zarch\nx\n"), "no");
    EXPECT_THAT(read(FakeHost({}), true, "vax").at("kernel.nx").problem, HasSubstr("vax"));
}

TEST(KernelSettings, AProcessorThatCannotBeReadIsAProblem) {
    EXPECT_THAT(read(FakeHost({})).at("kernel.nx").problem, HasSubstr("/proc/cpuinfo"));
    EXPECT_THAT(read(FakeHost({{"proc/cpuinfo", "flags"}})).at("kernel.nx").problem,
                HasSubstr("/proc/cpuinfo"));
    EXPECT_THAT(read(FakeHost({{"proc/cpuinfo", kCpu}})).at("kernel.nx").problem,
                HasSubstr("/proc/cmdline"));
}

TEST(KernelSettings, AnImageTellsOnlyWhatWillBeSetAtBoot) {
    const auto told = read(FakeHost({{"proc/sys/kernel/randomize_va_space", "2\n"},
                                     {"etc/sysctl.d/a.conf", "kernel.randomize_va_space = 0\n"}}),
                           false);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.at("sysctl.d.kernel.randomize_va_space").value, "0");
    EXPECT_EQ(told.at("sysctl.d.kernel.randomize_va_space").source, "/etc/sysctl.d/a.conf:1");
}

TEST(KernelSettings, ItNamesWhatItRestsOn) {
    KernelSettingsTopic topic("x86_64");
    const FakeHost host({{"etc/sysctl.d/a.conf", ""}});
    const Dependencies on =
        topic.read({.host = host.root(), .running = true, .programs = {}, .watch_directory = {}},
                   [](const facts::FactView&) {});
    EXPECT_THAT(on.sysctls, Contains("kernel/randomize_va_space"));
    EXPECT_THAT(on.files, Contains("/etc/sysctl.d/a.conf"));
    EXPECT_THAT(on.directories, Contains("/etc/sysctl.d"));
    const Dependencies image =
        topic.read({.host = host.root(), .running = false, .programs = {}, .watch_directory = {}},
                   [](const facts::FactView&) {});
    EXPECT_THAT(image.sysctls, IsEmpty());
}

}  // namespace
}  // namespace assay::sensors
