// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/changers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <string>

#include "host_tree.h"

namespace assay::sensors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class WhoCanChange : public testing::Test {
protected:
    void SetUp() override{ASSAY_NEEDS_ROOT}

    Changers ask(std::string_view path) const {
        return who_can_change(tree.root(), path, AccountNames::read(tree.root()));
    }
    HostTree tree;
};

TEST_F(WhoCanChange, NobodyWhenRootOwnsTheFileAndAllAbove) {
    tree.file("usr/bin/tool", 0755);
    const Changers answer = ask("/usr/bin/tool");
    EXPECT_THAT(answer.who, IsEmpty());
    EXPECT_EQ(answer.weakest_path, "");
    EXPECT_EQ(answer.resolved, "/usr/bin/tool");
    EXPECT_EQ(answer.problem, "");
    EXPECT_FALSE(answer.missing);
}

TEST_F(WhoCanChange, TheOwnerWhateverTheModeSays) {
    tree.file("usr/bin/tool", 0500, HostTree::kBob);
    const Changers answer = ask("/usr/bin/tool");
    EXPECT_THAT(answer.who, ElementsAre("user:bob"));
    EXPECT_EQ(answer.weakest_path, "/usr/bin/tool");
}

TEST_F(WhoCanChange, ASystemUserIsNotRoot) {
    tree.file("usr/bin/at", 0755, 1);
    EXPECT_THAT(ask("/usr/bin/at").who, ElementsAre("user:daemon"));
}

TEST_F(WhoCanChange, AnOwnerWithoutNameByNumber) {
    tree.file("usr/bin/tool", 0755, 4711);
    EXPECT_THAT(ask("usr/bin/tool").who, ElementsAre("user:4711"));
}

TEST_F(WhoCanChange, OthersByMode) {
    tree.file("usr/bin/tool", 0757);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("other"));
}

TEST_F(WhoCanChange, AGroupWithMembers) {
    tree.file("usr/bin/tool", 0775, 0, HostTree::kAdmins);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("group:admins"));
}

TEST_F(WhoCanChange, APrimaryGroupHasItsUserAsMember) {
    tree.file("usr/bin/tool", 0775, 0, 1000);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("group:bob"));
}

TEST_F(WhoCanChange, NotAGroupThatLetsNobodyIn) {
    tree.file("usr/local/lib/a", 0664, 0, HostTree::kStaff);
    tree.file("usr/local/lib/b", 0664, 0, HostTree::kWheel);
    tree.file("usr/local/lib/c", 0664, 0, 0);
    EXPECT_THAT(ask("/usr/local/lib/a").who, IsEmpty());
    EXPECT_THAT(ask("/usr/local/lib/b").who, IsEmpty());
    EXPECT_THAT(ask("/usr/local/lib/c").who, IsEmpty());
}

TEST_F(WhoCanChange, AGroupThatNobodyKnowsMayHaveMembers) {
    tree.file("usr/bin/tool", 0775, 0, 4711);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("group:4711"));
}

TEST_F(WhoCanChange, RootsOwnGroupCountsOnceItHasAnotherMember) {
    tree.write("etc/group", "root:x:0:eve\n");
    tree.file("usr/bin/tool", 0775);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("group:root"));
}

TEST_F(WhoCanChange, WhoeverMayWriteInADirectoryAboveReplacesWhatIsInIt) {
    tree.directory("opt", 0777);
    tree.file("opt/app/bin/tool", 0755);
    const Changers answer = ask("/opt/app/bin/tool");
    EXPECT_THAT(answer.who, ElementsAre("other"));
    EXPECT_EQ(answer.weakest_path, "/opt");
}

TEST_F(WhoCanChange, TheOwnerOfADirectoryAboveToo) {
    tree.file("opt/app/tool", 0755);
    tree.set("opt/app", 0555, HostTree::kBob);
    const Changers answer = ask("/opt/app/tool");
    EXPECT_THAT(answer.who, ElementsAre("user:bob"));
    EXPECT_EQ(answer.weakest_path, "/opt/app");
}

TEST_F(WhoCanChange, WritingInADirectoryTakesSearchingIt) {
    tree.file("opt/tool", 0755);
    tree.set("opt", 0752);
    EXPECT_THAT(ask("/opt/tool").who, IsEmpty());
    EXPECT_THAT(ask("/opt").who, IsEmpty());
}

TEST_F(WhoCanChange, TheStickyBitProtectsWhatBelongsToOthers) {
    tree.directory("spool", 01777);
    tree.file("spool/roots", 0644);
    tree.file("spool/bobs", 0644, HostTree::kBob);
    EXPECT_THAT(ask("/spool/roots").who, IsEmpty());
    EXPECT_THAT(ask("/spool/bobs").who, ElementsAre("user:bob"));
    // New entries can be made in it all the same.
    EXPECT_THAT(ask("/spool").who, ElementsAre("other"));
    EXPECT_THAT(ask("/spool/new").who, ElementsAre("other"));
    EXPECT_TRUE(ask("/spool/new").missing);
}

TEST_F(WhoCanChange, TheOwnerOfAStickyDirectoryReplacesWhatHeLikes) {
    tree.directory("spool", 01755, HostTree::kEve);
    tree.file("spool/roots", 0644);
    EXPECT_THAT(ask("/spool/roots").who, ElementsAre("user:eve"));
}

TEST_F(WhoCanChange, NotWhoeverCannotReachIt) {
    tree.directory("root", 0700);
    tree.file("root/bin/tool", 0666);
    EXPECT_THAT(ask("/root/bin/tool").who, IsEmpty());
    tree.set("root", 0750, 0, HostTree::kAdmins);
    const Changers answer = ask("/root/bin/tool");
    EXPECT_THAT(answer.who, ElementsAre("group:admins"));
    EXPECT_EQ(answer.weakest_path, "/root/bin/tool");
}

TEST_F(WhoCanChange, WhoMustBeInTwoGroupsIsNamedAsAUser) {
    tree.directory("data", 0750, 0, HostTree::kAdmins);
    tree.file("data/tool", 0664, 0, 1000);
    EXPECT_THAT(ask("/data/tool").who, ElementsAre("user:bob"));
    tree.set("data/tool", 0664, 0, 1001);
    EXPECT_THAT(ask("/data/tool").who, IsEmpty());
}

TEST_F(WhoCanChange, UsersAndGroupsOfAnAccessList) {
    tree.file("usr/bin/tool", 0755);
    if (!tree.access_list("usr/bin/tool", {{.group = false, .id = HostTree::kEve, .bits = 6},
                                           {.group = true, .id = HostTree::kAdmins, .bits = 6},
                                           {.group = true, .id = HostTree::kStaff, .bits = 6},
                                           {.group = false, .id = HostTree::kBob, .bits = 5}})) {
        GTEST_SKIP() << "the temporary directory's file system has no ACLs";
    }
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("group:admins", "user:eve"));
}

TEST_F(WhoCanChange, TheMaskOfAnAccessListTakesAway) {
    tree.file("usr/bin/tool", 0755);
    if (!tree.access_list("usr/bin/tool", {{.group = false, .id = HostTree::kEve, .bits = 7}}, 5)) {
        GTEST_SKIP() << "the temporary directory's file system has no ACLs";
    }
    EXPECT_THAT(ask("/usr/bin/tool").who, IsEmpty());
}

TEST_F(WhoCanChange, AnAccessListOfADirectoryAbove) {
    tree.file("opt/app/tool", 0755);
    if (!tree.access_list("opt/app", {{.group = false, .id = HostTree::kEve, .bits = 7}})) {
        GTEST_SKIP() << "the temporary directory's file system has no ACLs";
    }
    const Changers answer = ask("/opt/app/tool");
    EXPECT_THAT(answer.who, ElementsAre("user:eve"));
    EXPECT_EQ(answer.weakest_path, "/opt/app");
}

TEST_F(WhoCanChange, TheGroupBitsOfAnAccessListAreItsMaskAndNotTheGroups) {
    tree.file("usr/bin/tool", 0755, 0, HostTree::kAdmins);
    if (!tree.access_list("usr/bin/tool", {{.group = false, .id = HostTree::kEve, .bits = 6}})) {
        GTEST_SKIP() << "the temporary directory's file system has no ACLs";
    }
    struct stat status{};
    ASSERT_EQ(::stat(tree.at("usr/bin/tool").c_str(), &status), 0);
    ASSERT_EQ(status.st_mode & 0777U, 0775U);
    EXPECT_THAT(ask("/usr/bin/tool").who, ElementsAre("user:eve"));
}

TEST_F(WhoCanChange, ALinkIsJudgedByItsDirectoryAndByWhereItLeads) {
    tree.link("etc/alternatives/editor", "/usr/bin/vi");
    tree.link("usr/bin/editor", "/etc/alternatives/editor");
    tree.file("usr/bin/vi", 0755);
    EXPECT_THAT(ask("/usr/bin/editor").who, IsEmpty());
    EXPECT_EQ(ask("/usr/bin/editor").resolved, "/usr/bin/vi");

    tree.set("usr/bin/vi", 0777);
    EXPECT_EQ(ask("/usr/bin/editor").weakest_path, "/usr/bin/vi");
    tree.set("usr/bin/vi", 0755);
    tree.set("etc/alternatives", 0777);
    EXPECT_EQ(ask("/usr/bin/editor").weakest_path, "/etc/alternatives");
}

TEST_F(WhoCanChange, AnAbsoluteLinkStaysBelowTheHostsRoot) {
    tree.link("etc/tool", "/../../../usr/bin/vi");
    tree.file("usr/bin/vi", 0757);
    EXPECT_EQ(ask("/etc/tool").resolved, "/usr/bin/vi");
    EXPECT_THAT(ask("/etc/tool").who, ElementsAre("other"));
}

TEST_F(WhoCanChange, TheOwnerAndModeOfALinkMeanNothing) {
    tree.link("usr/lib/liba.so", "liba.so.1");
    tree.file("usr/lib/liba.so.1", 0644);
    ASSERT_EQ(::lchown(tree.at("usr/lib/liba.so").c_str(), HostTree::kBob, 1000), 0);
    EXPECT_THAT(ask("/usr/lib/liba.so").who, IsEmpty());
}

TEST_F(WhoCanChange, WhatADanglingLinkNamesCanBeMadeByWhoeverMayWriteThere) {
    tree.link("etc/config", "/tmp/config");
    tree.directory("tmp", 01777);
    const Changers answer = ask("/etc/config");
    EXPECT_THAT(answer.who, ElementsAre("other"));
    EXPECT_EQ(answer.weakest_path, "/tmp");
    EXPECT_TRUE(answer.missing);
}

TEST_F(WhoCanChange, ALoopOfLinksIsAProblemAndEnds) {
    tree.link("etc/a", "b");
    tree.link("etc/b", "a");
    EXPECT_THAT(ask("/etc/a").problem, HasSubstr("too many symbolic links"));
}

TEST_F(WhoCanChange, ALinkToTheRootAndOneToItsOwnDirectory) {
    tree.link("etc/root", "/");
    tree.link("etc/here", ".");
    EXPECT_EQ(ask("/etc/root").resolved, "/");
    EXPECT_EQ(ask("/etc/here").resolved, "/etc");
    EXPECT_THAT(ask("/etc/here").who, IsEmpty());
    tree.set("etc", 0777);
    EXPECT_THAT(ask("/etc/here").who, ElementsAre("other"));
    EXPECT_THAT(ask("/etc/passwd/..").who, ElementsAre("other"));
}

TEST_F(WhoCanChange, AFileWhereADirectoryIsAskedForEndsTheWay) {
    tree.file("etc/file");
    EXPECT_TRUE(ask("/etc/file/below").missing);
    EXPECT_THAT(ask("/etc/file/below").who, IsEmpty());
}

TEST_F(WhoCanChange, ADeviceIsNotChangedByWritingIntoIt) {
    tree.directory("dev");
    ASSERT_EQ(::mknod(tree.at("dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mkfifo(tree.at("dev/pipe").c_str(), 0666), 0);
    tree.link("etc/systemd/system/a.service", "/dev/null");
    EXPECT_THAT(ask("/etc/systemd/system/a.service").who, IsEmpty());
    EXPECT_THAT(ask("/dev/pipe").who, IsEmpty());
}

TEST_F(WhoCanChange, TheRootItself) {
    tree.file("usr/bin/tool", 0755);
    tree.set("", 0777);
    EXPECT_THAT(ask("/").who, ElementsAre("other"));
    EXPECT_EQ(ask("/usr/bin/tool").weakest_path, "/");
}

TEST_F(WhoCanChange, TheWeakestPathIsTheOneThatLetsMost) {
    tree.file("opt/app/tool", 0757);
    tree.set("opt/app", 0755, HostTree::kBob);
    const Changers answer = ask("/opt/app/tool");
    EXPECT_THAT(answer.who, UnorderedElementsAre("other", "user:bob"));
    EXPECT_EQ(answer.weakest_path, "/opt/app/tool");
}

TEST_F(WhoCanChange, NamesThatAreNoText) {
    const std::string name = std::string("opt/a\nb\x01\xff");
    tree.file(name, 0757);
    EXPECT_THAT(ask("/" + name).who, ElementsAre("other"));
    EXPECT_EQ(ask("/" + name).weakest_path, "/" + name);
}

TEST_F(WhoCanChange, AMissingGroupFileLeavesNumbersAndNoTrust) {
    tree.remove("etc/group");
    tree.remove("etc/passwd");
    tree.file("usr/bin/a", 0775, 0, 50);
    tree.file("usr/bin/b", 0775, 0, 0);
    EXPECT_THAT(ask("/usr/bin/a").who, ElementsAre("group:50"));
    EXPECT_THAT(ask("/usr/bin/b").who, IsEmpty());
}

TEST(ParseAccessList, RefusesWhatIsNone) {
    constexpr std::array<std::byte, 3> kShort{};
    constexpr std::array<std::byte, 12> kVersionZero{};
    EXPECT_FALSE(parse_access_list({}).has_value());
    EXPECT_FALSE(parse_access_list(kShort).has_value());
    EXPECT_FALSE(parse_access_list(kVersionZero).has_value());
}

TEST(PathParts, ParentsAndJoins) {
    EXPECT_EQ(parent_path("/usr/bin"), "/usr");
    EXPECT_EQ(parent_path("/usr"), "/");
    EXPECT_EQ(parent_path("/"), "/");
    EXPECT_EQ(joined_path("/", "usr"), "/usr");
    EXPECT_EQ(joined_path("/usr", "bin"), "/usr/bin");
    EXPECT_TRUE(is_at_or_below("/usr/bin", "/usr"));
    EXPECT_TRUE(is_at_or_below("/usr", "/usr"));
    EXPECT_FALSE(is_at_or_below("/usrlocal", "/usr"));
    EXPECT_TRUE(is_at_or_below("/usr", "/"));
}

}  // namespace
}  // namespace assay::sensors
