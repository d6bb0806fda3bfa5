// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sysctl_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "fake_host.h"

namespace assay::sensors {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array<std::string_view, 2> kNames{"kernel.randomize_va_space",
                                                 "kernel.yama.ptrace_scope"};

std::string told(const FakeHost& host) {
    std::string text;
    for (const auto& each : read_boot_settings(host.root(), kNames).values) {
        text += each.name + "=" + each.value + " " + each.source + "\n";
    }
    return text;
}

constexpr std::string_view kSystemd = "usr/lib/systemd/systemd-sysctl";

TEST(BootSettings, NothingIsToldWhereNoFileSetsIt) {
    EXPECT_EQ(told(FakeHost({{"etc/sysctl.d/a.conf", "vm.swappiness = 1\n"}})), "");
}

TEST(BootSettings, BlanksCommentsAndSlashesAreUnderstood) {
    const FakeHost host({{"etc/sysctl.d/a.conf",
                          "# kernel.randomize_va_space = 0\n; kernel.randomize_va_space = 0\r\n"
                          "\n  kernel/randomize_va_space  =  1  \r\nkernel.yama.ptrace_scope=2"}});
    EXPECT_EQ(told(host),
              "kernel.randomize_va_space=1 /etc/sysctl.d/a.conf:4\n"
              "kernel.yama.ptrace_scope=2 /etc/sysctl.d/a.conf:5\n");
}

TEST(BootSettings, TheLastFileByNameWinsWhateverItsDirectory) {
    const FakeHost host({{"etc/sysctl.d/10-a.conf", "kernel.randomize_va_space=0\n"},
                         {"usr/lib/sysctl.d/50-b.conf", "kernel.randomize_va_space=2\n"}});
    EXPECT_EQ(told(host), "kernel.randomize_va_space=2 /usr/lib/sysctl.d/50-b.conf:1\n");
}

TEST(BootSettings, AFileInEtcHidesTheOneOfItsNameInUsr) {
    const FakeHost host({{"etc/sysctl.d/50-b.conf", ""},
                         {"run/sysctl.d/60-c.conf", "kernel.yama.ptrace_scope=1\n"},
                         {"usr/local/lib/sysctl.d/60-c.conf", "kernel.yama.ptrace_scope=3\n"},
                         {"usr/lib/sysctl.d/50-b.conf", "kernel.randomize_va_space=0\n"}});
    EXPECT_EQ(told(host), "kernel.yama.ptrace_scope=1 /run/sysctl.d/60-c.conf:1\n");
}

TEST(BootSettings, OnlyFilesThatEndInConfCount) {
    EXPECT_EQ(told(FakeHost({{"etc/sysctl.d/a.conf.bak", "kernel.randomize_va_space=0\n"}})), "");
}

TEST(BootSettings, SystemdDoesNotReadSysctlConf) {
    EXPECT_EQ(
        told(FakeHost({{"etc/sysctl.conf", "kernel.randomize_va_space=0\n"}, {kSystemd, ""}})), "");
}

TEST(BootSettings, ButDebiansLinkToItCounts) {
    const FakeHost host({{"etc/sysctl.conf", "kernel.randomize_va_space=0\n"},
                         {"etc/sysctl.d/README", ""},
                         {kSystemd, ""}});
    host.link("etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
    EXPECT_EQ(told(host), "kernel.randomize_va_space=0 /etc/sysctl.d/99-sysctl.conf:1\n");
}

TEST(BootSettings, WithoutSystemdSysctlConfCountsLast) {
    const FakeHost host({{"etc/sysctl.conf", "kernel.randomize_va_space=0\n"},
                         {"etc/sysctl.d/99.conf", "kernel.randomize_va_space=2\n"}});
    EXPECT_EQ(told(host), "kernel.randomize_va_space=0 /etc/sysctl.conf:1\n");
}

TEST(BootSettings, ADashOnlySaysThatErrorsDoNotMatter) {
    EXPECT_EQ(told(FakeHost({{"etc/sysctl.d/a.conf", "-kernel.randomize_va_space=1\n"}})),
              "kernel.randomize_va_space=1 /etc/sysctl.d/a.conf:1\n");
}

TEST(BootSettings, APatternSetsWhatNoLineNames) {
    const FakeHost host({{"etc/sysctl.d/a.conf", "kernel.randomize_va_space=2\n"},
                         {"etc/sysctl.d/b.conf", "kernel.*_space=0\nkernel/*/ptrace_scope=0\n"}});
    EXPECT_EQ(told(host),
              "kernel.randomize_va_space=2 /etc/sysctl.d/a.conf:1\n"
              "kernel.yama.ptrace_scope=0 /etc/sysctl.d/b.conf:2\n");
}

TEST(BootSettings, APatternDoesNotReachIntoOtherDirectoriesAndCanBeKeptOut) {
    EXPECT_EQ(told(FakeHost({{"etc/sysctl.d/a.conf", "kernel.*=0\n-kernel.randomize_va_space\n"}})),
              "");
}

TEST(BootSettings, ALinkToNowhereSetsNothing) {
    const FakeHost host({{"usr/lib/sysctl.d/a.conf", "kernel.randomize_va_space=0\n"},
                         {"etc/sysctl.d/README", ""}});
    host.link("etc/sysctl.d/a.conf", "/none");
    EXPECT_EQ(told(host), "");
}

TEST(BootSettings, ADirectoryOrAHugeFileInTheirPlaceIsAProblem) {
    const FakeHost host({{"etc/sysctl.d/a.conf/x", ""},
                         {"etc/sysctl.d/b.conf", std::string(2 * 1024 * 1024, 'x')}});
    const BootSettings settings = read_boot_settings(host.root(), kNames);
    EXPECT_THAT(settings.values, IsEmpty());
    ASSERT_EQ(settings.problems.size(), 2U);
    EXPECT_EQ(settings.problems[0].path, "/etc/sysctl.d/a.conf");
    EXPECT_THAT(settings.problems[1].reason, HasSubstr("longer than"));
}

TEST(BootSettings, BytesThatAreNoTextDoNoHarm) {
    EXPECT_EQ(
        told(FakeHost({{"etc/sysctl.d/a.conf", std::string_view("\0\xff\n=\n-\n[\nkernel.[=1\n"
                                                                "kernel.randomize_va_space=\n",
                                                                47)}})),
        "kernel.randomize_va_space= /etc/sysctl.d/a.conf:6\n");
}

}  // namespace
}  // namespace assay::sensors
