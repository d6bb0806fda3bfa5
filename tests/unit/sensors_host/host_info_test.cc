// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/host_info.h"

#include <gtest/gtest.h>

#include "fake_host.h"

namespace assay::sensors {
namespace {

TEST(HostInfo, ReadsARunningHost) {
    const FakeHost host{{"proc/sys/kernel/hostname", "web1\n"},
                        {"proc/sys/kernel/osrelease", "6.1.0-44-amd64\n"},
                        {"etc/hostname", "other\n"},
                        {"etc/machine-id", "0123456789abcdef0123456789abcdef\n"},
                        {"etc/os-release",
                         "# a comment\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"
                         "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"}};
    const HostInfo info = read_host_info(host.root());
    EXPECT_EQ(info.hostname, "web1");
    EXPECT_EQ(info.machine_id, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(info.kernel_release, "6.1.0-44-amd64");
    EXPECT_EQ(info.os_id, "debian");
    EXPECT_EQ(info.os_name, "Debian GNU/Linux");
    EXPECT_EQ(info.os_version, "12");
    EXPECT_EQ(info.os_pretty_name, "Debian GNU/Linux 12 (bookworm)");
}

TEST(HostInfo, ReadsAnImageThatDoesNotRun) {
    const FakeHost host{{"etc/hostname", "image\n"},
                        {"usr/lib/os-release", "NAME='It''s'\nVERSION_ID=\"a\\\"b\"\n"}};
    const HostInfo info = read_host_info(host.root());
    EXPECT_EQ(info.hostname, "image");
    EXPECT_EQ(info.os_version, "a\"b");
    EXPECT_EQ(info.kernel_release, "");
}

TEST(HostInfo, IsEmptyWhereNothingIs) {
    const FakeHost host{};
    const HostInfo info = read_host_info(host.root());
    EXPECT_EQ(info.hostname, "");
    EXPECT_EQ(info.os_name, "");
    EXPECT_EQ(info.machine_id, "");
}

}  // namespace
}  // namespace assay::sensors
