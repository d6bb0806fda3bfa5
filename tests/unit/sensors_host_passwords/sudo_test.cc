// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sensors/host/passwords/sudo_topic.h"
#include "told_facts.h"

namespace assay::sensors {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ToldFacts sudo_of(const FakeHost& host) {
    SudoTopic topic;
    return {topic, host.root()};
}

/// Who needs no password, as "User alice, Group wheel"; "nobody" for the fact that says so.
std::string without_password(const ToldFacts& told) {
    std::string all;
    for (const auto& fact : told.facts) {
        if (ToldFacts::text(fact, "Setting") == "sudo.nopasswd_all" &&
            ToldFacts::text(fact, "Problem") == "-") {
            all += all.empty() ? "" : ", ";
            all += ToldFacts::text(fact, "Value") == "yes" ? ToldFacts::text(fact, "Criteria")
                                                           : "nobody";
        }
    }
    return all;
}

std::string without_password(std::string_view sudoers) {
    const FakeHost host{{"etc/sudoers", sudoers}};
    const ToldFacts told = sudo_of(host);
    EXPECT_THAT(told.problems(), IsEmpty()) << sudoers;
    return without_password(told);
}

TEST(Sudo, WithoutSudoThereIsNothingToTell) {
    const FakeHost host{{"etc/passwd", ""}};
    const ToldFacts told = sudo_of(host);
    EXPECT_EQ(told.value("sudo.installed"), "no");
    EXPECT_EQ(told.facts.size(), 1u);
    EXPECT_THAT(told.dependencies.files, Contains("/etc/sudoers"));
}

TEST(Sudo, InstalledWithoutSudoersIsAProblem) {
    const FakeHost host{{"usr/bin/sudo", ""}};
    EXPECT_EQ(sudo_of(host).value("sudo.installed"), "yes");
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("/etc/sudoers: missing"));
}

TEST(Sudo, GrantsOfEverythingWithoutAPassword) {
    struct Row {
        std::string_view sudoers, who;
    };
    for (const Row& row : {
             Row{"alice ALL=(ALL) NOPASSWD: ALL\n", "User alice"},
             Row{"alice ALL=(ALL:ALL) NOPASSWD:ALL\n", "User alice"},
             Row{"alice ALL = NOPASSWD : ALL # why\n", "User alice"},
             Row{"%sudo\tALL=(ALL:ALL) NOPASSWD: ALL\n", "Group sudo"},
             Row{"%#1000 ALL=NOPASSWD: ALL\n", "Group #1000"},
             Row{"#1000 ALL=NOPASSWD: ALL\n", "User #1000"},
             Row{"+ops ALL=NOPASSWD: ALL\n", "Netgroup ops"},
             Row{"ALL ALL=(ALL) NOPASSWD: ALL\n", "User ALL"},
             Row{"alice, bob ALL=NOPASSWD: ALL\n", "User alice, User bob"},
             Row{"alice web1,web2=NOPASSWD: ALL\n", "User alice Host web1 web2"},
             Row{"\"my user\" ALL=NOPASSWD: ALL\n", "User my user"},
             Row{"alice ALL=NOPASSWD: SETENV: ALL\n", "User alice"},
             Row{"alice ALL=NOPASSWD: /bin/ls, ALL\n", "User alice"},
             Row{"alice ALL=NOPASSWD: ALL, !/bin/su\n", "User alice"},
             Row{"alice ALL=\\\n  NOPASSWD: ALL\n", "User alice"},
             Row{"alice ALL=(root) CWD=/ NOPASSWD: ALL\n", "User alice"},
             Row{"alice web1=/bin/ls : ALL=NOPASSWD: ALL\n", "User alice"},
             Row{"alice ALL=NOPASSWD: ALL", "User alice"},
             // None of it.
             Row{"alice ALL=(ALL) ALL\n", "nobody"},
             Row{"root ALL=(ALL) NOPASSWD: ALL\n", "nobody"},
             Row{"alice ALL=NOPASSWD: /bin/ls\n", "nobody"},
             Row{"alice ALL=NOPASSWD: /bin/ls, PASSWD: ALL\n", "nobody"},
             Row{"alice ALL=(postgres) NOPASSWD: ALL\n", "nobody"},
             Row{"alice ALL=(:adm) NOPASSWD: ALL\n", "nobody"},
             Row{"alice ALL=NOPASSWD: ALL, !ALL\n", "nobody"},
             Row{"# alice ALL=NOPASSWD: ALL\n", "nobody"},
             Row{"", "nobody"},
         }) {
        EXPECT_EQ(without_password(row.sudoers), row.who) << row.sudoers;
    }
}

TEST(Sudo, TheLastGrantToSomebodyCounts) {
    EXPECT_EQ(without_password("%sudo ALL=NOPASSWD: ALL\n%sudo ALL=(ALL) ALL\n"), "nobody");
    EXPECT_EQ(without_password("%sudo ALL=(ALL) ALL\n%sudo ALL=NOPASSWD: ALL\n"), "Group sudo");
}

TEST(Sudo, AliasesAreFollowedWhereverTheyStand) {
    EXPECT_EQ(without_password("ADMINS ALL=(GODS) NOPASSWD: EVERYTHING\n"
                               "User_Alias ADMINS = alice, OTHERS, !bob : OTHERS = bob, %ops\n"
                               "Runas_Alias GODS = root, backup\n"
                               "Cmnd_Alias EVERYTHING = /bin/ls, ALL\n"),
              "Group ops, User alice");
    EXPECT_EQ(without_password("Cmnd_Alias SAFE = ALL, !ALL\nalice ALL=NOPASSWD: SAFE\n"),
              "nobody");
}

TEST(Sudo, AliasesThatLoopEnd) {
    EXPECT_EQ(without_password("User_Alias A = B : B = A, alice\nCmnd_Alias C = C, ALL\n"
                               "A ALL=NOPASSWD: C\n"),
              "User alice");
}

TEST(Sudo, AliasesThatMultiplyAreWorkedOutOnce) {
    std::string text = "A0 ALL=NOPASSWD: C0\n";
    for (int i = 0; i < 30; ++i) {
        const std::string next = std::to_string(i + 1);
        text +=
            "User_Alias A" + std::to_string(i) + " = A" + next + ", A" + next + ", A" + next + "\n";
        text +=
            "Cmnd_Alias C" + std::to_string(i) + " = C" + next + ", C" + next + ", C" + next + "\n";
    }
    EXPECT_EQ(without_password(text + "User_Alias A30 = alice\nCmnd_Alias C30 = ALL\n"),
              "User alice");
}

TEST(Sudo, DefaultsThatAskNobodyCountForThoseTheyName) {
    EXPECT_EQ(without_password("Defaults !authenticate\nalice ALL=ALL\n"), "User alice");
    EXPECT_EQ(without_password("Defaults !authenticate\nalice ALL=PASSWD: ALL\n"), "nobody");
    EXPECT_EQ(without_password("Defaults env_reset, !authenticate\nDefaults authenticate\n"
                               "alice ALL=ALL\n"),
              "nobody");
    EXPECT_EQ(without_password("Defaults:alice !authenticate\nalice ALL=ALL\nbob ALL=ALL\n"),
              "User alice");
    EXPECT_EQ(without_password("Defaults:%ops !authenticate\n%ops ALL=ALL\n"), "Group ops");
    EXPECT_EQ(without_password("Defaults>root !authenticate\nalice ALL=ALL\n"), "User alice");
    EXPECT_EQ(without_password("Defaults!/bin/ls !authenticate\nalice ALL=ALL\n"), "nobody");
    EXPECT_EQ(without_password("Defaults secure_path=\"/a:/b\", exempt_group=ops\n%ops ALL=ALL\n"),
              "Group ops");
}

TEST(Sudo, DropInsAreReadInOrderAndWithoutLeftovers) {
    const FakeHost host{{"etc/sudoers",
                         "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n"
                         "@includedir /etc/sudoers.d\n"},
                        {"etc/sudoers.d/90-cloud-init-users",
                         "# made by cloud-init\n\n"
                         "debian ALL=(ALL) NOPASSWD:ALL\n"},
                        {"etc/sudoers.d/91-later", "carol ALL=ALL\n"},
                        {"etc/sudoers.d/10-first", "carol ALL=NOPASSWD:ALL\n"},
                        {"etc/sudoers.d/old.dpkg-old", "mallory ALL=NOPASSWD:ALL\n"},
                        {"etc/sudoers.d/copy~", "mallory ALL=NOPASSWD:ALL\n"},
                        {"etc/sudoers.d/folder/x", ""}};
    const ToldFacts told = sudo_of(host);
    EXPECT_EQ(without_password(told), "User debian");
    EXPECT_EQ(told.field("Criteria", "User debian", "Source"),
              "/etc/sudoers.d/90-cloud-init-users:3");
    EXPECT_EQ(told.field("Criteria", "User debian", "EffectiveBy"), "drop-in");
    EXPECT_THAT(told.problems(), IsEmpty());
    EXPECT_THAT(told.dependencies.directories, Contains("/etc/sudoers.d"));
}

TEST(Sudo, IncludesMayBeRelativeQuotedAndOfTheOldKind) {
    const FakeHost host{{"etc/sudoers",
                         "#include sudoers.local\n@include \"/etc/with space\"\n"
                         "#includedir /etc/more\n@include /etc/sudoers.%h\n"},
                        {"etc/hostname", "web1.example.org\n"},
                        {"etc/sudoers.local", "alice ALL=NOPASSWD: ALL\n"},
                        {"etc/with space", "bob ALL=NOPASSWD: ALL\n"},
                        {"etc/more/x", "carol ALL=NOPASSWD: ALL\n"},
                        {"etc/sudoers.web1", "dave ALL=NOPASSWD: ALL\n"}};
    EXPECT_EQ(without_password(sudo_of(host)), "User alice, User bob, User carol, User dave");
}

TEST(Sudo, WhatCannotBeReadIsAProblemWithItsLine) {
    const FakeHost host{{"etc/sudoers", "alice ALL\n@include /etc/nowhere\n"}};
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("/etc/sudoers:1: not understood"));
    host.write("etc/sudoers", "@include /etc/nowhere\n");
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("/etc/sudoers:1: cannot include /etc/nowhere"));
    host.write("etc/sudoers", "@include /etc/sudoers\n");
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("nested deeper than 128"));
    host.write("etc/sudoers", "alice ALL=NOPASSWD: ALL\r\n");
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("/etc/sudoers:1: line ends in CR LF"));
    EXPECT_EQ(without_password(sudo_of(host)), "User alice");
}

TEST(Sudo, IncludesThatMultiplyEnd) {
    const FakeHost host{{"etc/sudoers", "@include /etc/a\n@include /etc/a\n"},
                        {"etc/a", "@include /etc/b\n@include /etc/b\n"},
                        {"etc/b", "@include /etc/sudoers\n@include /etc/sudoers\n"}};
    EXPECT_THAT(sudo_of(host).problems(), HasSubstr("files are included"));
}

}  // namespace
}  // namespace assay::sensors
