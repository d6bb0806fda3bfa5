// SPDX-License-Identifier: Apache-2.0
#include "base/host_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace assay {
namespace {

class HostRootTest : public testing::Test {
protected:
    HostRootTest() {
        char name[] = "/tmp/assay-host-root-XXXXXX";
        root_ = mkdtemp(name);
        std::filesystem::create_directory(root_ / "etc");
        std::ofstream(root_ / "etc/real") << "inside";
    }
    ~HostRootTest() override { std::filesystem::remove_all(root_); }
    std::filesystem::path root_;
};

TEST_F(HostRootTest, FollowsAnAbsoluteLinkInsideTheRoot) {
    std::filesystem::create_symlink("/etc/real", root_ / "etc/link");
    EXPECT_EQ(HostRoot::open(root_)->read_file("etc/link").value(), "inside");
}

TEST_F(HostRootTest, NeverLeavesTheRoot) {
    std::ofstream(root_.string() + ".outside") << "outside";
    const auto text =
        HostRoot::open(root_)->read_file("../" + root_.filename().string() + ".outside");
    std::filesystem::remove(root_.string() + ".outside");
    EXPECT_FALSE(text);
}

TEST_F(HostRootTest, SaysWhatItCouldNotRead) {
    const auto text = HostRoot::open(root_)->read_file("etc/none");
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().message,
                testing::AllOf(testing::HasSubstr("etc/none"), testing::HasSubstr("No such file")));
}

TEST_F(HostRootTest, RefusesAFileThatIsLongerThanTheLimit) {
    EXPECT_FALSE(HostRoot::open(root_)->read_file("etc/real", 5));
    EXPECT_TRUE(HostRoot::open(root_)->read_file("etc/real", 6));
}

}  // namespace
}  // namespace assay
