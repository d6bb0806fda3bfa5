// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "sensors/host/passwords/account_files.h"
#include "sensors/host/passwords/accounts_topic.h"
#include "sensors/host/passwords/password_policy_topic.h"
#include "told_facts.h"

namespace assay::sensors {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kToday = 20'000;
constexpr std::string_view kHash =
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";

ToldFacts accounts_of(const FakeHost& host) {
    AccountsTopic topic([] { return kToday; });
    return {topic, host.root()};
}

std::string of(const ToldFacts& told, std::string_view account, std::string_view field) {
    return told.field("Account", account, field);
}

TEST(PasswordField, IsTakenAsTheLoginProgramsTakeIt) {
    struct Row {
        std::string_view field;
        PasswordState state;
        std::string_view method;
    };
    for (const Row& row : {
             Row{"", PasswordState::empty, ""},
             Row{"*", PasswordState::none, ""},
             Row{"!", PasswordState::none, ""},
             Row{"!!", PasswordState::none, ""},
             Row{"!*", PasswordState::none, ""},
             Row{"x", PasswordState::none, ""},
             Row{"*LK*", PasswordState::none, ""},
             Row{"$y$j9T$abc$def", PasswordState::set, "yescrypt"},
             Row{"$gy$j9T$abc$def", PasswordState::set, "gost-yescrypt"},
             Row{"$7$CU..../....abc", PasswordState::set, "scrypt"},
             Row{"$2b$12$abc", PasswordState::set, "bcrypt"},
             Row{"$6$salt$hash", PasswordState::set, "sha512crypt"},
             Row{"$5$salt$hash", PasswordState::set, "sha256crypt"},
             Row{"$1$salt$hash", PasswordState::set, "md5crypt"},
             Row{"$sha1$40000$salt$hash", PasswordState::set, "other"},
             Row{"abJnggxhB/yWI", PasswordState::set, "descrypt"},
             Row{"_J9..rasmBYk8r9AiWNc", PasswordState::set, "other"},
             Row{"!$6$salt$hash", PasswordState::locked, "sha512crypt"},
             Row{"!!$6$salt$hash", PasswordState::locked, "sha512crypt"},
             Row{"!abJnggxhB/yWI", PasswordState::locked, "descrypt"},
         }) {
        const PasswordField field = classify_password_field(row.field);
        EXPECT_EQ(field.state, row.state) << row.field;
        EXPECT_EQ(field.method, row.method) << row.field;
    }
}

TEST(Accounts, TellWhatPasswdAndShadowSayTogether) {
    const FakeHost host{
        {"etc/passwd",
         "root:x:0:0:root:/root:/bin/bash\n"
         "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
         "alice:x:1000:1001:Alice:/home/alice:/bin/bash\n"},
        {"etc/shadow",
         "root:*:19000:0:99999:7:::\n"
         "daemon:!:19000::::::\n"
         "alice:" +
             std::string(kHash) + ":19900:1:90:7::20001:\n"},
        {"bin/bash", ""},
        {"usr/sbin/nologin", ""},
        {"home/alice/.ssh/authorized_keys", "# none\nfrom=\"10.0.0.1\" ssh-ed25519 AAAA alice\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "root", "Password"), "none");
    EXPECT_EQ(of(told, "root", "HasPassword"), "false");
    EXPECT_EQ(of(told, "root", "MaximumDays"), "99999");
    EXPECT_EQ(of(told, "root", "CanLogIn"), "true");
    EXPECT_EQ(of(told, "root", "HasKeys"), "false");
    EXPECT_EQ(of(told, "daemon", "CanLogIn"), "false");
    EXPECT_EQ(of(told, "daemon", "MaximumDays"), "-");
    EXPECT_EQ(of(told, "alice", "Uid"), "1000");
    EXPECT_EQ(of(told, "alice", "Gid"), "1001");
    EXPECT_EQ(of(told, "alice", "Password"), "set");
    EXPECT_EQ(of(told, "alice", "HasPassword"), "true");
    EXPECT_EQ(of(told, "alice", "HashMethod"), "yescrypt");
    EXPECT_EQ(of(told, "alice", "HasKeys"), "true");
    EXPECT_EQ(of(told, "alice", "AgeDays"), "100");
    EXPECT_EQ(of(told, "alice", "MinimumDays"), "1");
    EXPECT_EQ(of(told, "alice", "MaximumDays"), "90");
    EXPECT_EQ(of(told, "alice", "WarningDays"), "7");
    EXPECT_EQ(of(told, "alice", "Expired"), "false");
    EXPECT_EQ(of(told, "alice", "Source"), "/etc/shadow:3");
    EXPECT_THAT(told.problems(), IsEmpty());
}

TEST(Accounts, NoFactHoldsAHash) {
    const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\nold:" + std::string(kHash) +
                                           ":1001:1001::/:/bin/sh\n"},
                        {"etc/shadow", "alice:" + std::string(kHash) + "::bad:::::\n"}};
    PasswordPolicyTopic policy;
    const std::string told = accounts_of(host).json() + ToldFacts(policy, host.root()).json();
    EXPECT_THAT(told, HasSubstr("yescrypt"));
    EXPECT_THAT(told, Not(HasSubstr("F5Jx5f")));
    EXPECT_THAT(told, Not(HasSubstr("$y$")));
}

TEST(Accounts, AHashInPasswdItselfCountsAndKnowsNoAge) {
    const FakeHost host{
        {"etc/passwd", "alice:$6$s$h:1000:1000::/:/bin/sh\nbob::1001:1001::/:/bin/sh\n"},
        {"etc/shadow", "alice:*:1:2:3:4:::\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "alice", "Password"), "set");
    EXPECT_EQ(of(told, "alice", "MaximumDays"), "-");
    EXPECT_EQ(of(told, "alice", "Source"), "/etc/passwd:1");
    EXPECT_EQ(of(told, "bob", "Password"), "empty");
    EXPECT_EQ(of(told, "bob", "HasPassword"), "true");
}

TEST(Accounts, WithoutAShadowEntryNoPasswordMatches) {
    const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\n"},
                        {"etc/shadow", "bob:$6$s$h:1:::::: \n"}};
    EXPECT_EQ(of(accounts_of(host), "alice", "Password"), "none");
}

TEST(Accounts, AMissingShadowIsAProblemOfEachThatNeedsIt) {
    const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\nbob:*:1:1::/:/bin/sh\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "alice", "Problem"), "/etc/shadow: No such file or directory");
    EXPECT_EQ(of(told, "alice", "Password"), "-");
    EXPECT_EQ(of(told, "alice", "HasPassword"), "-");
    EXPECT_EQ(of(told, "alice", "Uid"), "1000");
    EXPECT_EQ(of(told, "bob", "Problem"), "-");
    EXPECT_THAT(told.dependencies.files, Contains("/etc/shadow"));
    PasswordPolicyTopic policy;
    const ToldFacts settings(policy, host.root());
    EXPECT_EQ(settings.value("accounts.with_password"), "-");
    EXPECT_EQ(settings.problem("accounts.with_password"), "/etc/shadow: No such file or directory");
}

TEST(Accounts, AShadowWithoutPermissionIsAProblem) {
    if (::geteuid() == 0) {
        // Root may read everything; a directory in the file's place cannot be read by anybody.
        const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\n"}, {"etc/shadow/x", ""}};
        EXPECT_EQ(of(accounts_of(host), "alice", "Problem"), "/etc/shadow: not a regular file");
        return;
    }
    const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\n"}, {"etc/shadow", "x"}};
    const auto status = host.root().status("etc/shadow");
    ASSERT_TRUE(status);
    const auto file = host.root().open_file("etc/shadow");
    ASSERT_TRUE(file);
    ASSERT_EQ(::fchmod(file->get(), 0), 0);
    EXPECT_EQ(of(accounts_of(host), "alice", "Problem"), "/etc/shadow: Permission denied");
}

TEST(Accounts, AMissingPasswdIsAProblem) {
    const FakeHost host{{"etc/shadow", ""}};
    const ToldFacts told = accounts_of(host);
    ASSERT_EQ(told.facts.size(), 1u);
    EXPECT_EQ(of(told, "/etc/passwd", "Problem"), "/etc/passwd: No such file or directory");
}

TEST(Accounts, BrokenLinesAreProblemsWithTheirLine) {
    const FakeHost host{{"etc/passwd",
                         "alice:x:1000\n"
                         "bob:x:many:1::/:/bin/sh\n"
                         "carol:x:1:1::/:/bin/sh\r\n"
                         "dave:x:2:2::/:/bin/sh\n"
                         "e\x01:x:3:3::/:/bin/sh\n"},
                        {"etc/shadow", "bob:*:1::::::\ncarol:*:1::::::\ndave:*:soon::::::\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "alice", "Problem"), "/etc/passwd:1: expected 7 fields");
    EXPECT_EQ(of(told, "bob", "Problem"), "/etc/passwd:2: user or group id is no number");
    EXPECT_EQ(of(told, "carol", "Problem"), "/etc/passwd:3: line ends in CR LF");
    EXPECT_EQ(of(told, "dave", "Problem"), "/etc/shadow:3: expected 9 fields, days as numbers");
    EXPECT_THAT(told.problems(), HasSubstr("/etc/passwd:5: name with control"));
}

TEST(Accounts, OfTwoLinesForANameTheFirstCountsAndTheSecondIsToldApart) {
    const FakeHost host{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\nalice:x:0:0::/:/bin/sh\n"},
                        {"etc/shadow", "alice:*:1::::::\nalice::1::::::\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "alice", "Uid"), "1000");
    EXPECT_EQ(of(told, "alice", "Password"), "none");
    EXPECT_EQ(of(told, "alice (line 2)", "Uid"), "0");
    EXPECT_EQ(of(told, "alice (line 2)", "Problem"),
              "/etc/passwd:2: a line before this one has the same name");
}

TEST(Accounts, CompatEntriesCountOnlyWhereTheNameServiceSwitchSaysCompat) {
    const FakeHost host{{"etc/passwd", "root:*:0:0::/root:/bin/sh\n+::::::\n-mallory::::::\n"},
                        {"etc/shadow", ""},
                        {"etc/nsswitch.conf", "# passwd: compat\npasswd: files systemd\n"}};
    EXPECT_EQ(accounts_of(host).facts.size(), 1u);
    host.write("etc/nsswitch.conf", "passwd: compat\n");
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "+", "Problem"), "/etc/passwd:2: accounts of a directory service, not read");
}

TEST(Accounts, ExpiryIsOverOnItsDay) {
    const FakeHost host{{"etc/passwd", "a:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\n"},
                        {"etc/shadow", "a:$6$s$h:1:0:9:7::20000:\nb:$6$s$h:1:0:9:7::20001:\n"}};
    const ToldFacts told = accounts_of(host);
    EXPECT_EQ(of(told, "a", "Expired"), "true");
    EXPECT_EQ(of(told, "b", "Expired"), "false");
}

TEST(Accounts, AFifoOrAHugeOrABinaryFileIsAProblem) {
    const FakeHost host{{"etc/passwd", std::string(kLargestText + 1, 'x')}, {"etc/shadow", ""}};
    EXPECT_THAT(accounts_of(host).problems(), HasSubstr("/etc/passwd: longer than 1048576 bytes"));
    host.replace("etc/passwd", std::string_view("root:x:0:0::/:/bin/sh\n\0", 23));
    EXPECT_THAT(accounts_of(host).problems(), HasSubstr("/etc/passwd: binary data"));
    host.replace("etc/passwd", "alice:x:1:1::/:/bin/sh\n");
    host.remove("etc/shadow");
    const auto etc = host.root().open_path("etc", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(etc);
    ASSERT_EQ(::mkfifoat(etc->get(), "shadow", 0600), 0);
    EXPECT_EQ(of(accounts_of(host), "alice", "Problem"), "/etc/shadow: not a regular file");
}

TEST(Accounts, AKeyFileThatLoopsLeavesKeysUnknown) {
    const FakeHost host{{"etc/passwd", "alice:*:1:1::/home/alice:/bin/sh\n"},
                        {"etc/shadow", ""},
                        {"home/alice/.ssh/x", ""}};
    const auto home = host.root().open_path("home/alice/.ssh", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(home);
    ASSERT_EQ(::symlinkat("authorized_keys", home->get(), "authorized_keys"), 0);
    EXPECT_EQ(of(accounts_of(host), "alice", "HasKeys"), "-");
}

TEST(Accounts, TheNumberOfThoseWithAPasswordIsToldBeforeAnyOtherSetting) {
    const FakeHost host{
        {"etc/passwd",
         "a:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\nc:x:3:3::/:/bin/sh\n"
         "d:x:4:4::/:/bin/sh\n"},
        {"etc/shadow", "a:$6$s$h:1::::::\nb::1::::::\nc:!$6$s$h:1::::::\nd:*:1::::::\n"}};
    PasswordPolicyTopic topic;
    const ToldFacts told(topic, host.root());
    ASSERT_FALSE(told.facts.empty());
    EXPECT_EQ(ToldFacts::text(told.facts.front(), "Setting"), "accounts.with_password");
    EXPECT_EQ(told.value("accounts.with_password"), "2");
}

}  // namespace
}  // namespace assay::sensors
