// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/path_prefixes.h"

#include "gmock/gmock.h"

namespace assay::sensors {
namespace {

using testing::ElementsAre;

PathPrefixes of(std::vector<std::string> prefixes) { return PathPrefixes(prefixes); }

TEST(PathPrefixes, WantWhatBeginsWithOneOfThem) {
    const auto prefixes = of({"/etc/cron.d/", "/etc/sudo", "/var/spool/cron/root"});
    EXPECT_TRUE(prefixes.wants("/etc/cron.d/x"));
    EXPECT_TRUE(prefixes.wants("/etc/sudoers.d/x"));
    EXPECT_TRUE(prefixes.wants("/var/spool/cron/root"));
    EXPECT_FALSE(prefixes.wants("/etc/cron.d"));
    EXPECT_FALSE(prefixes.wants("/etc/cron.daily/x"));
    EXPECT_FALSE(prefixes.wants("/"));
    EXPECT_FALSE(prefixes.wants("/zzz"));
    EXPECT_FALSE(prefixes.everything());
}

TEST(PathPrefixes, CompareAsRulesDoWithoutCase) {
    EXPECT_TRUE(of({"/etc/Cron.d/"}).wants("/ETC/cron.D/x"));
    EXPECT_TRUE(of({"/etc/cron.d/"}).reaches("/ETC"));
}

TEST(PathPrefixes, ReachWhatLeadsToThemAndWhatIsBelowThem) {
    const auto prefixes = of({"/etc/cron.d/", "/etc/sudo"});
    for (const char* reached :
         {"/", "/etc", "/etc/cron.d", "/etc/cron.d/below/it", "/etc/sudoers.d", "/etc/sudo"}) {
        EXPECT_TRUE(prefixes.reaches(reached)) << reached;
    }
    for (const char* not_reached : {"/etc/cron.daily", "/etc/sud", "/usr", "/etc/cron", "/e"}) {
        EXPECT_FALSE(prefixes.reaches(not_reached)) << not_reached;
    }
}

TEST(PathPrefixes, DropWhatOthersCover) {
    EXPECT_THAT(of({"/a/b", "/a/", "/a/b", "/c"}).all(), ElementsAre("/a/", "/c"));
    const auto prefixes = of({"/a/", "/a/b/", "/a0"});
    EXPECT_TRUE(prefixes.wants("/a/z"));
    EXPECT_TRUE(prefixes.wants("/a0"));
    EXPECT_TRUE(prefixes.wants("/a/b/c"));
}

TEST(PathPrefixes, AnEmptyOneIsEverything) {
    EXPECT_TRUE(of({"/etc/", ""}).everything());
    EXPECT_TRUE(of({"/"}).everything());
    EXPECT_TRUE(of({""}).wants("/any"));
    EXPECT_TRUE(of({""}).reaches("/any"));
}

TEST(PathPrefixes, NoneWantsNothing) {
    EXPECT_FALSE(of({}).wants("/etc"));
    EXPECT_FALSE(of({}).reaches("/"));
}

}  // namespace
}  // namespace assay::sensors
