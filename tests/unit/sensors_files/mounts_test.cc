// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/mounts.h"

#include "gmock/gmock.h"

namespace assay::sensors {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(Mountinfo, IsReadLineByLine) {
    const auto mounts = parse_mountinfo(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "36 35 98:0 /sub /mnt/a\\040b rw master:1 propagate_from:2 - btrfs /dev/sda rw\n");
    ASSERT_THAT(mounts, SizeIs(2));
    EXPECT_EQ(mounts[0].device, "254:0");
    EXPECT_EQ(mounts[0].root, "/");
    EXPECT_EQ(mounts[0].point, "/");
    EXPECT_EQ(mounts[0].type, "ext4");
    EXPECT_EQ(mounts[1].root, "/sub");
    EXPECT_EQ(mounts[1].point, "/mnt/a b");
    EXPECT_EQ(mounts[1].type, "btrfs");
}

TEST(Mountinfo, WithoutOptionalFieldsIsReadToo) {
    const auto mounts = parse_mountinfo("22 1 0:5 / /dev rw - devtmpfs dev rw");
    ASSERT_THAT(mounts, SizeIs(1));
    EXPECT_EQ(mounts[0].type, "devtmpfs");
}

TEST(Mountinfo, BrokenLinesAreLeftOut) {
    EXPECT_THAT(parse_mountinfo("\n22\n22 1 0:5 / - ext4\n- - - - - - -\n22 1 0:5 / /dev rw -\n"),
                IsEmpty());
    EXPECT_EQ(parse_mountinfo("1 1 0:5 / /a\\04 rw - t x")[0].point, "/a\\04");
}

TEST(Mountinfo, ViewsOfTheKernelHoldNoFiles) {
    EXPECT_FALSE(holds_files({.device = "", .root = "/", .point = "/proc", .type = "proc"}));
    EXPECT_FALSE(holds_files({.device = "", .root = "/", .point = "/x", .type = "cgroup2"}));
    EXPECT_TRUE(holds_files({.device = "", .root = "/", .point = "/dev", .type = "devtmpfs"}));
    EXPECT_TRUE(holds_files({.device = "", .root = "/", .point = "/", .type = "overlay"}));
}

}  // namespace
}  // namespace assay::sensors
