// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/process_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace assay::sensors {
namespace {

TEST(ProcessStat, IsReadBehindANameThatHoldsParenthesesAndBlanks) {
    const auto stat = parse_process_stat(
        "42 (a) b ( 7) S 41 42 42 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 12345 1000 10");
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->parent, 41U);
    EXPECT_EQ(stat->flags, 4194304U);
    EXPECT_EQ(stat->start_ticks, 12345U);
}

TEST(ProcessStat, ThatIsShortOrNoNumberIsRefused) {
    EXPECT_FALSE(parse_process_stat(""));
    EXPECT_FALSE(parse_process_stat("42 (x) S 41"));
    EXPECT_FALSE(parse_process_stat("42 (x) S what 42 42 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 1 1"));
}

TEST(Cgroup, IsTheDeepestOfTheHierarchiesThatSaySomething) {
    EXPECT_EQ(deepest_cgroup("0::/user.slice/a.scope\n"), "/user.slice/a.scope");
    EXPECT_EQ(deepest_cgroup("4:cpu,memory:/docker/ab\n1:name=systemd:/x\n0::/\n"), "/docker/ab");
    EXPECT_EQ(deepest_cgroup("2:pids:/a\n4:memory:/b\n0::/c\n"), "/c") << "v2 first when equal";
    EXPECT_EQ(deepest_cgroup("9:freezer:/deep/er\n0::/\n"), "/");
    EXPECT_EQ(deepest_cgroup("0::/with:colon\n"), "/with:colon");
    EXPECT_EQ(deepest_cgroup(""), "");
}

TEST(ProcessFiles, TellWhoThisVeryProcessIs) {
    auto files = ProcessFiles::open();
    ASSERT_TRUE(files);
    ProcessExec self;
    const auto pid = static_cast<std::uint32_t>(::getpid());
    ASSERT_TRUE(files->read_identity(pid, self));
    EXPECT_EQ(self.process.pid, pid);
    EXPECT_EQ(self.parent.pid, static_cast<std::uint32_t>(::getppid()));
    EXPECT_EQ(self.uid, ::getuid());
    EXPECT_EQ(self.euid, ::geteuid());
    ASSERT_TRUE(files->read(self));
    EXPECT_TRUE(self.image.ends_with("test_sensors_kernel")) << self.image;
    EXPECT_FALSE(self.current_directory.empty());
    EXPECT_TRUE(self.arguments.contains("test_sensors_kernel"));
    EXPECT_TRUE(self.cgroup.empty() || self.cgroup.starts_with('/'));
}

TEST(ProcessFiles, RefuseAProcessWhoseNumberNowBelongsToAnother) {
    auto files = ProcessFiles::open();
    ASSERT_TRUE(files);
    ProcessExec self;
    ASSERT_TRUE(files->read_identity(static_cast<std::uint32_t>(::getpid()), self));
    self.process.start_boot_ns += 1'000'000'000;
    EXPECT_FALSE(files->read(self));
}

}  // namespace
}  // namespace assay::sensors
