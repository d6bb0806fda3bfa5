// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/directories_topic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "host_tree.h"

namespace assay::sensors {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Fact {
    std::string purpose, type, owner, group, mode, weakest, target, problem;
    std::vector<std::string> writable_by;
    std::string entries;
};

std::string text_of(const facts::FactView& fact, std::string_view field) {
    std::string text;
    facts::append_value_text(text, fact.get(field));
    return text;
}

class Directories : public testing::Test {
protected:
    void SetUp() override {
        ASSAY_NEEDS_ROOT
        for (const char* path :
             {"usr/bin", "usr/sbin", "usr/lib", "usr/local/bin", "root", "boot"}) {
            tree.directory(path);
        }
        tree.set("root", 0700);
    }

    std::map<std::string, Fact> read() {
        std::map<std::string, Fact> facts;
        Surroundings around{
            .host = tree.root(), .running = false, .programs = {}, .watch_directory = {}};
        if (watching) {
            around.watch_directory = [this](const std::string& path) { watched.insert(path); };
        }
        rests_on = topic.read(around, [&](const facts::FactView& view) {
            Fact fact{.purpose = text_of(view, "Purpose"),
                      .type = text_of(view, "Type"),
                      .owner = text_of(view, "Owner"),
                      .group = text_of(view, "Group"),
                      .mode = text_of(view, "Mode"),
                      .weakest = text_of(view, "WeakestPath"),
                      .target = text_of(view, "Target"),
                      .problem = text_of(view, "Problem"),
                      .writable_by = {},
                      .entries = text_of(view, "Entries")};
            const facts::FieldValue who = view.get("WritableBy");
            if (const auto* list = std::get_if<facts::TextList>(&who)) {
                fact.writable_by.assign(list->begin(), list->end());
            }
            const auto [_, is_new] = facts.emplace(text_of(view, "Path"), std::move(fact));
            EXPECT_TRUE(is_new) << "told twice: " << text_of(view, "Path");
        });
        return facts;
    }
    static std::vector<std::string> weak(const std::map<std::string, Fact>& facts) {
        std::vector<std::string> paths;
        for (const auto& [path, fact] : facts) {
            if (!fact.writable_by.empty()) {
                paths.push_back(path);
            }
        }
        return paths;
    }

    HostTree tree;
    DirectoriesTopic topic;
    Dependencies rests_on;
    bool watching = false;
    std::set<std::string> watched;
};

TEST_F(Directories, EverySystemDirectoryIsToldWithItsPurpose) {
    tree.directory("etc/cron.d");
    tree.directory("etc/pam.d");
    tree.file("etc/sudoers", 0440);
    tree.file("etc/pam.d/login");
    const auto facts = read();
    EXPECT_EQ(facts.at("/usr/bin").purpose, "binaries");
    EXPECT_EQ(facts.at("/usr/bin").type, "directory");
    EXPECT_EQ(facts.at("/usr/bin").owner, "root");
    EXPECT_EQ(facts.at("/usr/bin").mode, "0755");
    EXPECT_EQ(facts.at("/usr/lib").purpose, "libraries");
    EXPECT_EQ(facts.at("/etc").purpose, "configuration");
    EXPECT_EQ(facts.at("/etc/cron.d").purpose, "cron");
    EXPECT_EQ(facts.at("/etc/sudoers").purpose, "sudoers");
    EXPECT_EQ(facts.at("/etc/sudoers").type, "file");
    EXPECT_EQ(facts.at("/root").purpose, "root-home");
    EXPECT_EQ(facts.at("/etc/pam.d").entries, "1");
    EXPECT_THAT(weak(facts), IsEmpty());
    EXPECT_FALSE(facts.contains("/usr/libexec"));  // not there, and nobody can make it
}

TEST_F(Directories, AnEntryAtAnyDepthThatSomebodyElseCanChange) {
    tree.file("usr/lib/a/b/c/d/e/f.so", 0646);
    tree.file("usr/bin/tool", 0755, HostTree::kBob);
    const auto facts = read();
    EXPECT_THAT(weak(facts), ElementsAre("/usr/bin/tool", "/usr/lib/a/b/c/d/e/f.so"));
    const Fact& library = facts.at("/usr/lib/a/b/c/d/e/f.so");
    EXPECT_THAT(library.writable_by, ElementsAre("other"));
    EXPECT_EQ(library.purpose, "libraries");
    EXPECT_EQ(library.type, "file");
    EXPECT_EQ(library.mode, "0646");
    EXPECT_EQ(library.weakest, "/usr/lib/a/b/c/d/e/f.so");
    EXPECT_THAT(facts.at("/usr/bin/tool").writable_by, ElementsAre("user:bob"));
}

TEST_F(Directories, ADirectoryThatOthersCanChangeIsToldOnceAndNotForEachEntry) {
    for (int i = 0; i < 50; ++i) {
        tree.file("usr/lib/plugins/" + std::to_string(i));
    }
    tree.set("usr/lib/plugins", 0777);
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/plugins"));
}

TEST_F(Directories, ADirectoryAboveThemMakesEachOneWeak) {
    tree.set("usr", 0777);
    const auto facts = read();
    EXPECT_EQ(facts.at("/usr/bin").weakest, "/usr");
    EXPECT_THAT(facts.at("/usr/lib").writable_by, ElementsAre("other"));
    EXPECT_THAT(facts.at("/etc").writable_by, IsEmpty());
}

TEST_F(Directories, ALinkedDirectoryIsToldAsLinkAndWhereItLeads) {
    tree.link("bin", "usr/bin");
    tree.set("usr/bin", 0777);
    const auto facts = read();
    EXPECT_EQ(facts.at("/bin").type, "link");
    EXPECT_EQ(facts.at("/bin").target, "usr/bin");
    EXPECT_EQ(facts.at("/bin").mode, "");
    EXPECT_THAT(weak(facts), ElementsAre("/usr/bin"));
}

TEST_F(Directories, LinksSocketsPipesAndDevicesAreNotJudgedByTheirMode) {
    tree.directory("usr/lib/x");
    tree.link("usr/lib/liba.so", "liba.so.1");
    tree.file("usr/lib/liba.so.1");
    ASSERT_EQ(::mknod(tree.at("usr/lib/x/device").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mkfifo(tree.at("usr/lib/x/pipe").c_str(), 0666), 0);
    ASSERT_EQ(::mknod(tree.at("usr/lib/x/socket").c_str(), S_IFSOCK | 0666, 0), 0);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(Directories, ALinkOutOfThemIsJudgedByWhereItLeads) {
    tree.directory("run/resolve", 0755, HostTree::kEve);
    tree.file("run/resolve/stub.conf");
    tree.link("etc/resolv.conf", "../run/resolve/stub.conf");
    tree.link("etc/localtime", "/usr/share/zoneinfo/UTC");
    tree.file("usr/share/zoneinfo/UTC");
    const auto facts = read();
    EXPECT_THAT(weak(facts), ElementsAre("/etc/resolv.conf"));
    EXPECT_THAT(facts.at("/etc/resolv.conf").writable_by, ElementsAre("user:eve"));
    EXPECT_EQ(facts.at("/etc/resolv.conf").weakest, "/run/resolve");
    EXPECT_EQ(facts.at("/etc/resolv.conf").target, "../run/resolve/stub.conf");
    EXPECT_THAT(rests_on.files, Contains("/run/resolve/stub.conf"));
}

TEST_F(Directories, ALinkToAnEntryThatIsJudgedAnywayIsNotToldTwice) {
    tree.link("etc/alternatives/vi", "/usr/bin/vim");
    tree.link("etc/rc2.d/S01a", "../init.d/a");
    tree.file("etc/init.d/a", 0757);
    tree.file("usr/bin/vim", 0757);
    EXPECT_THAT(weak(read()), ElementsAre("/etc/init.d/a", "/usr/bin/vim"));
}

TEST_F(Directories, ALinkThatLeadsNowhereIsOnlyWeakWhereSomebodyCanMakeItsTarget) {
    tree.link("etc/a", "/var/lib/none");
    tree.link("etc/b", "/tmp/none");
    tree.directory("tmp", 01777);
    EXPECT_THAT(weak(read()), ElementsAre("/etc/b"));
}

TEST_F(Directories, LoopsOfLinksEnd) {
    tree.link("etc/a", "./b");
    tree.link("etc/b", "./a");
    tree.link("usr/lib/self", "../lib");
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(Directories, WhatDebianMeansIsNotWeak) {
    tree.directory("var/spool/cron/crontabs", 01730, 0, HostTree::kStaff);
    tree.file("var/spool/cron/crontabs/root", 0600);
    tree.directory("usr/local/lib/python3", 02775, 0, HostTree::kStaff);
    tree.file("usr/lib/dbus-1.0/helper", 04754, 0, HostTree::kAdmins);
    tree.file("etc/shadow", 0640, 0, HostTree::kAdmins);
    tree.directory("etc/ssl/private", 0710, 0, HostTree::kAdmins);
    tree.file("etc/ssl/private/key", 0640, 0, HostTree::kAdmins);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(Directories, AStickyDirectoryThatAGroupMayFillIsWeakAndItsEntriesBelongToTheirOwners) {
    tree.directory("var/spool/cron/crontabs", 01730, 0, HostTree::kAdmins);
    tree.file("var/spool/cron/crontabs/root", 0600);
    tree.file("var/spool/cron/crontabs/bob", 0600, HostTree::kBob);
    const auto facts = read();
    EXPECT_THAT(weak(facts),
                ElementsAre("/var/spool/cron/crontabs", "/var/spool/cron/crontabs/bob"));
}

TEST_F(Directories, WhatNobodyCanReachIsNotWeak) {
    tree.file("etc/private/open", 0666);
    tree.set("etc/private", 0700);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(Directories, TheHomeOfRootIsTheOneInPasswd) {
    tree.write("etc/passwd", "root:x:0:0::/home/admin:/bin/sh\n");
    tree.directory("home/admin", 0757);
    EXPECT_EQ(read().at("/home/admin").purpose, "root-home");
}

TEST_F(Directories, DirectoriesOfLdSoConfCount) {
    tree.write("etc/ld.so.conf", "include ld.so.conf.d/*.conf  # all\n");
    tree.write("etc/ld.so.conf.d/a.conf", "# none\n/opt/x/lib:/opt/y/lib, /opt/none\n");
    tree.write("etc/ld.so.conf.d/.hidden.conf", "/opt/hidden\n");
    tree.directory("opt/x/lib");
    tree.directory("opt/hidden");
    tree.file("opt/x/lib/liba.so", 0646);
    tree.file("opt/x/lib/deep/other", 0646);  // the loader does not look deeper
    tree.directory("opt/y/lib", 0777);
    const auto facts = read();
    EXPECT_EQ(facts.at("/opt/x/lib").purpose, "libraries");
    EXPECT_THAT(weak(facts), ElementsAre("/opt/x/lib/liba.so", "/opt/y/lib"));
    EXPECT_FALSE(facts.contains("/opt/hidden"));
}

TEST_F(Directories, AnIncludeOfItselfEnds) {
    tree.write("etc/ld.so.conf", "include /etc/ld.so.conf\n/opt/x\n");
    tree.directory("opt/x", 0777);
    EXPECT_THAT(weak(read()), ElementsAre("/opt/x"));
}

TEST_F(Directories, PlacesOnThePathOfRootCount) {
    tree.write("etc/login.defs", "ENV_SUPATH\tPATH=/opt/su:/usr/bin\nENV_PATH PATH=/opt/users\n");
    tree.write("etc/environment", "PATH=\"/opt/environment:/opt/missing\"\n");
    tree.write("root/.profile", "export PATH=$HOME/bin:~/tools:$GOPATH/bin:${HOME}/x:$PATH\n");
    for (const char* path : {"opt/su", "opt/users", "opt/environment"}) {
        tree.directory(path, 0777);
    }
    for (const char* path : {"root/bin", "root/tools", "root/x"}) {
        tree.directory(path, 0777);
    }
    const auto facts = read();
    EXPECT_EQ(facts.at("/opt/su").purpose, "root-path");
    EXPECT_EQ(facts.at("/usr/bin").purpose, "binaries, root-path");
    EXPECT_THAT(weak(facts), ElementsAre("/opt/environment", "/opt/su"));
    EXPECT_TRUE(facts.contains("/root/bin"));
    EXPECT_TRUE(facts.contains("/root/tools"));
    EXPECT_TRUE(facts.contains("/root/x"));
    EXPECT_FALSE(facts.contains("/opt/users"));
    EXPECT_FALSE(facts.contains("/opt/missing"));
}

TEST_F(Directories, APlaceOnThePathThatAnybodyCanMakeIsWeak) {
    tree.write("etc/environment", "PATH=/opt/app/bin\n");
    tree.directory("opt/app", 0777);
    const auto facts = read();
    EXPECT_THAT(facts.at("/opt/app/bin").writable_by, ElementsAre("other"));
    EXPECT_EQ(facts.at("/opt/app/bin").weakest, "/opt/app");
    EXPECT_EQ(facts.at("/opt/app/bin").type, "");
}

TEST_F(Directories, ThePresentDirectoryOnThePathIsWeakWhereverThatIs) {
    tree.write("etc/environment", "PATH=/usr/bin:\n");
    tree.write("root/.profile", "PATH=tools:$PATH\n");
    const auto facts = read();
    EXPECT_THAT(facts.at(".").writable_by, ElementsAre("other"));
    EXPECT_EQ(facts.at(".").weakest, "/etc/environment");
    EXPECT_EQ(facts.at("tools").weakest, "/root/.profile");
}

TEST_F(Directories, HugeDirectoriesAreLookedAtWhole) {
    for (int i = 0; i < 5'000; ++i) {
        tree.file("usr/lib/many/a-name-that-fills-the-buffer-" + std::to_string(i));
    }
    tree.set("usr/lib/many/a-name-that-fills-the-buffer-4999", 0646);
    const auto facts = read();
    EXPECT_EQ(facts.at("/usr/lib").entries, "5001");
    EXPECT_THAT(weak(facts), ElementsAre("/usr/lib/many/a-name-that-fills-the-buffer-4999"));
}

TEST_F(Directories, MoreThanTheBoundIsAProblemAndNoPass) {
    DirectoriesTopic bounded({.entries = 3, .told = 10});
    tree.file("usr/lib/a");
    tree.file("usr/lib/b");
    std::string problem;
    (void)bounded.read(
        {.host = tree.root(), .running = false, .programs = {}, .watch_directory = {}},
        [&](const facts::FactView& fact) { problem += text_of(fact, "Problem"); });
    EXPECT_THAT(problem, HasSubstr("more than 3 entries"));
}

TEST_F(Directories, MoreWeakEntriesThanTheBoundAreCountedAsAProblem) {
    DirectoriesTopic bounded({.entries = 1000, .told = 5});
    for (int i = 0; i < 9; ++i) {
        tree.file("usr/lib/" + std::to_string(i), 0666);
    }
    std::string problem;
    int weak_entries = 0;
    (void)bounded.read(
        {.host = tree.root(), .running = false, .programs = {}, .watch_directory = {}},
        [&](const facts::FactView& fact) {
            problem += text_of(fact, "Problem");
            weak_entries += text_of(fact, "WritableBy").empty() ? 0 : 1;
        });
    EXPECT_EQ(weak_entries, 5);
    EXPECT_THAT(problem, HasSubstr("more than 5 entries"));
}

TEST_F(Directories, NamesThatAreNoTextAreToldAsTheyAre) {
    const std::string name = "usr/lib/a\nb\x01\xff c";
    tree.file(name, 0646);
    EXPECT_THAT(weak(read()), ElementsAre("/" + name));
}

TEST_F(Directories, ADirectoryThatCannotBeReadIsAProblem) {
    tree.directory("usr/lib/a", 0711);
    tree.file("usr/lib/a/open", 0646);
    // As another user: what everybody gets into but only root may list.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        bool told = false;
        if (::setgid(HostTree::kBob) == 0 && ::setuid(HostTree::kBob) == 0) {
            for (const auto& [path, fact] : read()) {
                told |= path == "/usr/lib/a" &&
                        fact.problem.find("Permission denied") != std::string::npos;
            }
        }
        ::_exit(told ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// ---- looking again at what has changed

class ChangedDirectories : public Directories {
protected:
    void SetUp() override {
        Directories::SetUp();
        watching = true;
    }
};

TEST_F(ChangedDirectories, EveryWalkedDirectoryIsWatchedBeforeItIsRead) {
    tree.directory("usr/lib/a/b");
    tree.directory("etc/private", 0700);
    (void)read();
    EXPECT_THAT(watched, Contains("/usr/lib"));
    EXPECT_THAT(watched, Contains("/usr/lib/a/b"));
    EXPECT_THAT(watched, Contains("/etc"));
    EXPECT_THAT(watched, Not(Contains("/etc/private")));
}

TEST_F(ChangedDirectories, OnlyWhatWasToldIsLookedAtAgain) {
    tree.file("usr/lib/a");
    tree.file("usr/lib/b");
    (void)read();
    tree.set("usr/lib/a", 0666);
    tree.set("usr/lib/b", 0666);
    topic.on_change("/usr/lib/a", false);
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/a"));
    topic.on_change("/usr/lib/b", false);
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/a", "/usr/lib/b"));
}

TEST_F(ChangedDirectories, WhatWasWeakIsStillToldWhenItIsMended) {
    tree.file("usr/lib/a", 0666);
    (void)read();
    tree.set("usr/lib/a", 0644);
    topic.on_change("/usr/lib/a", false);
    const auto facts = read();
    ASSERT_TRUE(facts.contains("/usr/lib/a"));
    EXPECT_THAT(facts.at("/usr/lib/a").writable_by, IsEmpty());
    EXPECT_EQ(facts.at("/usr/lib/a").mode, "0644");
    topic.forget();
    EXPECT_TRUE(read().contains("/usr/lib/a"));
}

TEST_F(ChangedDirectories, WhatWasWeakAndIsGoneIsNotTold) {
    tree.file("usr/lib/d/a", 0666);
    (void)read();
    tree.remove("usr/lib/d");
    topic.on_change("/usr/lib/d/a", true);
    topic.on_change("/usr/lib/d", true);
    EXPECT_FALSE(read().contains("/usr/lib/d/a"));
}

TEST_F(ChangedDirectories, ASystemDirectoryItself) {
    (void)read();
    tree.set("usr/bin", 0757);
    topic.on_change("/usr/bin", false);
    EXPECT_THAT(read().at("/usr/bin").writable_by, ElementsAre("other"));
    tree.set("usr/bin", 0755);
    topic.on_change("/usr/bin", false);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(ChangedDirectories, ADirectoryThatAppearsIsWalkedAndWatched) {
    (void)read();
    tree.file("usr/lib/new/deep/file", 0666);
    topic.on_change("/usr/lib/new", true);
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/new/deep/file"));
    EXPECT_THAT(watched, Contains("/usr/lib/new/deep"));
}

TEST_F(ChangedDirectories, ADirectoryThatTakesTheNameOfAnotherIsWalked) {
    tree.file("usr/lib/plugins/a");
    tree.file("opt/plugins/b", 0666);
    (void)read();
    tree.rename("usr/lib/plugins", "opt/old");
    tree.rename("opt/plugins", "usr/lib/plugins");
    topic.on_change("/usr/lib/plugins", true);
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/plugins/b"));
}

TEST_F(ChangedDirectories, ADirectoryThatOpensShowsWhatIsInIt) {
    tree.file("etc/private/open", 0666);
    tree.set("etc/private", 0700);
    EXPECT_THAT(weak(read()), IsEmpty());
    tree.set("etc/private", 0755);
    topic.on_change("/etc/private", false);
    EXPECT_THAT(weak(read()), ElementsAre("/etc/private/open"));
    tree.set("etc/private", 0700);
    topic.on_change("/etc/private", false);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(ChangedDirectories, ADirectoryAboveThemAll) {
    (void)read();
    tree.set("usr", 0777);
    topic.on_change("/usr", false);
    EXPECT_EQ(read().at("/usr/bin").weakest, "/usr");
    tree.set("usr", 0755);
    topic.on_change("/usr", false);
    EXPECT_THAT(weak(read()), IsEmpty());
}

TEST_F(ChangedDirectories, ASystemDirectoryThatAppears) {
    (void)read();
    tree.file("usr/libexec/tool", 0757);
    topic.on_change("/usr/libexec", true);
    const auto facts = read();
    EXPECT_EQ(facts.at("/usr/libexec").purpose, "binaries");
    EXPECT_THAT(weak(facts), ElementsAre("/usr/libexec/tool"));
}

TEST_F(ChangedDirectories, ALinkThatIsLedElsewhere) {
    tree.file("var/lib/a");
    tree.file("var/lib/b", 0666);
    tree.link("etc/config", "/var/lib/a");
    EXPECT_THAT(weak(read()), IsEmpty());
    tree.remove("etc/config");
    tree.link("etc/config", "/var/lib/b");
    topic.on_change("/etc/config", true);
    EXPECT_THAT(weak(read()), ElementsAre("/etc/config"));
}

TEST_F(ChangedDirectories, WhereALinkLeads) {
    tree.file("var/lib/a");
    tree.link("etc/config", "/var/lib/a");
    (void)read();
    tree.set("var/lib/a", 0666);
    topic.on_change("/var/lib/a", false);
    EXPECT_THAT(weak(read()), ElementsAre("/etc/config"));
    tree.set("var/lib/a", 0644);
    topic.on_change("/var/lib/a", false);
    const auto facts = read();
    EXPECT_THAT(weak(facts), IsEmpty());
    EXPECT_TRUE(facts.contains("/etc/config"));
}

TEST_F(ChangedDirectories, AGroupThatGetsAMember) {
    tree.directory("usr/local/lib", 02775, 0, HostTree::kStaff);
    EXPECT_THAT(weak(read()), IsEmpty());
    tree.write("etc/group", "root:x:0:\nstaff:x:50:eve\n");
    topic.on_change("/etc/group", false);
    EXPECT_THAT(read().at("/usr/local/lib").writable_by, ElementsAre("group:staff"));
}

TEST_F(ChangedDirectories, APlaceThatIsNewOnThePath) {
    tree.file("opt/app/bin/tool", 0757);
    EXPECT_THAT(weak(read()), IsEmpty());
    tree.write("etc/environment", "PATH=/opt/app/bin\n");
    topic.on_change("/etc/environment", false);
    EXPECT_THAT(weak(read()), ElementsAre("/opt/app/bin/tool"));
}

TEST_F(ChangedDirectories, ForgettingWalksEverythingAgain) {
    tree.file("usr/lib/a");
    (void)read();
    tree.set("usr/lib/a", 0666);
    EXPECT_THAT(weak(read()), IsEmpty());  // nobody told of it
    topic.forget();
    EXPECT_THAT(weak(read()), ElementsAre("/usr/lib/a"));
}

}  // namespace
}  // namespace assay::sensors
