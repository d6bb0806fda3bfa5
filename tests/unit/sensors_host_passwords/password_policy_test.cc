// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensors/host/passwords/password_checks.h"
#include "sensors/host/passwords/password_policy_topic.h"
#include "told_facts.h"

namespace assay::sensors {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kLength = "pam.password.minimum_length";
constexpr std::string_view kClasses = "pam.password.required_classes";
constexpr std::string_view kUnix = "password required pam_unix.so use_authtok sha512\n";

ToldFacts settings_of(const FakeHost& host) {
    PasswordPolicyTopic topic;
    return {topic, host.root()};
}

FakeHost host_with(std::string_view passwd_stack) {
    return FakeHost{{"etc/passwd", "alice:x:1000:1000::/:/bin/sh\n"},
                    {"etc/shadow", "alice:$6$s$h:1:0:90:7:::\n"},
                    {"etc/login.defs", "PASS_MAX_DAYS 90\nENCRYPT_METHOD SHA512\n"},
                    {"etc/pam.d/passwd", passwd_stack}};
}

TEST(PamLines, AreJoinedAtABackslashAndEndAtAHash) {
    std::string_view rest = "# one\n\n  auth \\\n required # two \\\nlast x\\\n";
    std::string line;
    std::size_t next = 1;
    std::size_t number = 0;
    ASSERT_TRUE(next_pam_line(rest, next, line, number));
    EXPECT_EQ(line, "auth  required ");
    EXPECT_EQ(number, 3u);
    EXPECT_FALSE(next_pam_line(rest, next, line, number));
}

TEST(PamControl, BracketsSetWhatTheyNameAndDefaultTheRest) {
    const PamControl control = parse_pam_control("success=2 new_authtok_reqd=ok default=ignore");
    EXPECT_EQ(control[0], 2);
    EXPECT_EQ(control[12], kPamOk);
    EXPECT_EQ(control[20], kPamIgnore);
    EXPECT_EQ(parse_pam_control("success = done  default = die")[0], kPamDone);
    EXPECT_EQ(parse_pam_control("success=ok")[20], kPamBad);
}

TEST(PamControl, WhatMakesNoSenseFailsAlways) {
    for (const std::string_view text :
         {"nonsense", "success=", "success=0", "success ok", "success=99999999999", "sucess=ok"}) {
        EXPECT_EQ(parse_pam_control(text)[0], kPamBad) << text;
    }
}

TEST(ShortestPassword, FollowsFromCredits) {
    struct Row {
        CreditRules rules;
        std::optional<std::int64_t> shortest;
    };
    for (const Row& row : {
             Row{{.minimum = 8, .credits = {}, .classes = 0}, 8},
             Row{{.minimum = 9, .credits = {1, 1, 1, 1}, .classes = 0}, 5},
             Row{{.minimum = 14, .credits = {3, 2, 0, 0}, .classes = 0}, 9},
             Row{{.minimum = 16, .credits = {0, 0, 12, 0}, .classes = 0}, 8},
             Row{{.minimum = 12, .credits = {-2, 2, 1, 0}, .classes = 0}, 9},
             Row{{.minimum = 8, .credits = {-9, 0, 0, 0}, .classes = 0}, 9},
             Row{{.minimum = 8, .credits = {-1, -1, -1, -1}, .classes = 0}, 8},
             Row{{.minimum = 2, .credits = {-1, -1, -1, -1}, .classes = 0}, 4},
             Row{{.minimum = 10, .credits = {0, 0, 0, 2}, .classes = 3}, 8},
             Row{{.minimum = 6, .credits = {6, 6, 6, 6}, .classes = 0}, 3},
             Row{{.minimum = 6, .credits = {}, .classes = 5}, std::nullopt},
         }) {
        EXPECT_EQ(shortest_by_credits(row.rules), row.shortest) << row.rules.minimum;
    }
}

/// What trying every mix finds is what the formula finds.
TEST(ShortestPassword, AgreesWithTryingEveryMix) {
    const auto by_trial = [](const CreditRules& rules) -> std::optional<std::int64_t> {
        for (std::int64_t n = 2; n <= 12; ++n) {
            for (std::int64_t d = 0; d <= n; ++d) {
                for (std::int64_t u = 0; d + u <= n; ++u) {
                    for (std::int64_t l = 0; d + u + l <= n; ++l) {
                        const std::array<std::int64_t, 4> mix{d, u, l, n - d - u - l};
                        std::int64_t size = rules.minimum;
                        std::int64_t classes = 0;
                        bool taken = true;
                        for (std::size_t i = 0; i < 4; ++i) {
                            const std::int64_t credit = rules.credits[i];
                            classes += mix[i] > 0 ? 1 : 0;
                            taken = taken && mix[i] >= -credit;
                            size -= credit >= 0 ? std::min(mix[i], credit) : 0;
                        }
                        if (taken && classes >= rules.classes && size <= n) {
                            return n;
                        }
                    }
                }
            }
        }
        return std::nullopt;
    };
    std::size_t compared = 0;
    for (const std::int64_t minimum : {1, 6, 9, 12}) {
        for (const std::int64_t classes : {0, 2, 4}) {
            for (std::int64_t code = 0; code < 6 * 6 * 6 * 6; code += 5) {
                CreditRules rules{.minimum = minimum, .credits = {}, .classes = classes};
                std::int64_t rest = code;
                for (std::int64_t& credit : rules.credits) {
                    credit = rest % 6 - 2;
                    rest /= 6;
                }
                ASSERT_EQ(shortest_by_credits(rules), by_trial(rules)) << minimum << " " << code;
                ++compared;
            }
        }
    }
    EXPECT_GT(compared, 3000u);
}

TEST(PasswordPolicy, DebianWithPamAuthUpdateAndPwquality) {
    const FakeHost host{
        {"etc/debian_version", "12.5\n"},
        {"etc/passwd", ""},
        {"etc/shadow", ""},
        {"etc/login.defs", "ENCRYPT_METHOD YESCRYPT\n"},
        {"etc/pam.d/passwd", "@include common-password\n"},
        {"etc/pam.d/login",
         "auth requisite pam_nologin.so\n@include common-auth\n@include common-password\n"},
        {"etc/pam.d/common-auth", "auth [success=1 default=ignore] pam_unix.so nullok\n"},
        {"etc/pam.d/common-password",
         "# pam-auth-update\n"
         "password\trequisite\t\t\tpam_pwquality.so retry=3\n"
         "password\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok try_first_pass "
         "yescrypt\n"
         "password\trequisite\t\t\tpam_deny.so\n"
         "password\trequired\t\t\tpam_permit.so\n"},
        {"etc/security/pwquality.conf", "# minlen = 8\nminlen = 14\nminclass = 3\n"}};
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.value(kLength), "14");
    EXPECT_EQ(told.source(kLength), "/etc/security/pwquality.conf:2");
    EXPECT_EQ(told.effective_by(kLength), "set");
    EXPECT_EQ(told.value(kClasses), "3");
    EXPECT_EQ(told.source(kClasses), "/etc/security/pwquality.conf:3");
    EXPECT_EQ(told.value("pam.password.minclass"), "3");
    EXPECT_EQ(told.value("pam.password.dictionary_check"), "yes");
    EXPECT_EQ(told.value("pam.password.quality_module"), "pwquality");
    EXPECT_EQ(told.value("pam.password.remember"), "0");
    EXPECT_EQ(told.value("pam.password.hash_method"), "yescrypt");
    EXPECT_EQ(told.value("pam.password.enforce_for_root"), "no");
    EXPECT_THAT(told.problems(), IsEmpty());
    // login does the same as passwd: told once.
    EXPECT_EQ(std::ranges::count_if(
                  told.facts,
                  [](const auto& fact) { return ToldFacts::text(fact, "Setting") == kLength; }),
              1);
    EXPECT_THAT(told.dependencies.files,
                AllOf(Contains("/etc/pam.d/common-password"), Contains("/etc/pam.d/login"),
                      Contains("/etc/security/pwquality.conf")));
    EXPECT_THAT(told.dependencies.directories, Contains("/etc/security/pwquality.conf.d"));
}

TEST(PasswordPolicy, RedHatWithAuthselectLinksAndTwoStacks) {
    const FakeHost host = host_with(
        "auth include system-auth\npassword substack system-auth\n"
        "-password optional pam_gnome_keyring.so use_authtok\n");
    host.write("etc/pam.d/sshd", "password include password-auth\n");
    const std::string_view stack =
        "password requisite pam_pwquality.so local_users_only\n"
        "password [default=1 ignore=ignore success=ok] pam_localuser.so\n"
        "password requisite pam_pwhistory.so use_authtok\n"
        "password sufficient pam_unix.so sha512 shadow use_authtok\n"
        "password [success=1 default=ignore] pam_localuser.so\n"
        "password sufficient pam_sss.so use_authtok\n"
        "password required pam_deny.so\n";
    host.write("etc/authselect/system-auth", stack);
    host.write("etc/authselect/password-auth", stack);
    const auto pam = host.root().open_path("etc/pam.d", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(pam);
    ASSERT_EQ(::symlinkat("/etc/authselect/system-auth", pam->get(), "system-auth"), 0);
    ASSERT_EQ(::symlinkat("/etc/authselect/password-auth", pam->get(), "password-auth"), 0);
    host.write("etc/security/pwquality.conf.d/50-cis.conf",
               "minlen = 15\ndcredit = -1\nucredit = -1\n");
    host.write("etc/security/pwhistory.conf", "# remember = 10\nremember = 24\nenforce_for_root\n");
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.value(kLength), "15");
    EXPECT_EQ(told.effective_by(kLength), "drop-in");
    EXPECT_EQ(told.value(kClasses), "2");
    EXPECT_EQ(told.value("pam.password.dcredit"), "-1");
    EXPECT_EQ(told.value("pam.password.remember"), "24");
    EXPECT_EQ(told.source("pam.password.remember"), "/etc/security/pwhistory.conf:2");
    EXPECT_EQ(told.value("pam.password.hash_method"), "sha512crypt");
    EXPECT_THAT(told.problems(), IsEmpty());
    // sshd has a stack of its own that asks the same.
    EXPECT_EQ(told.field("Instance", "sshd", "Setting"), "no fact");
}

TEST(PasswordPolicy, SuseWithCracklibAndVendorFiles) {
    const FakeHost host{
        {"etc/passwd", ""},
        {"etc/shadow", ""},
        {"usr/etc/pam.d/passwd", "password include common-password\n"},
        {"etc/pam.d/common-password-pc",
         "password requisite pam_cracklib.so minlen=12 dcredit=-1\n"
         "password required pam_unix.so use_authtok nullok shadow try_first_pass\n"},
        {"usr/etc/pam.d/common-password", "password required pam_deny.so\n"},
        {"usr/etc/login.defs", "PASS_MAX_DAYS 60\n"},
        {"usr/lib/os-release", "ID=\"sles\"\nID_LIKE=\"suse\"\n"},
        {"etc/login.defs.d/70-days.defs", "PASS_MIN_DAYS 2\n"}};
    const auto pam = host.root().open_path("etc/pam.d", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(pam);
    ASSERT_EQ(::symlinkat("common-password-pc", pam->get(), "common-password"), 0);
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.value(kLength), "9");  // three credits of one
    EXPECT_EQ(told.value(kClasses), "1");
    EXPECT_EQ(told.value("pam.password.quality_module"), "cracklib");
    EXPECT_EQ(told.value("login_defs.pass_max_days"), "60");
    EXPECT_EQ(told.value("login_defs.pass_min_days"), "2");
    EXPECT_EQ(told.effective_by("login_defs.pass_min_days"), "drop-in");
}

TEST(PasswordPolicy, ModulesThatAreJumpedOverDoNotCount) {
    const FakeHost host = host_with(
        "password [success=1 default=ignore] pam_permit.so\n"
        "password requisite pam_pwquality.so minlen=14\npassword required pam_unix.so\n");
    EXPECT_EQ(settings_of(host).value(kLength), "1");
    EXPECT_EQ(settings_of(host).value("pam.password.quality_module"), "none");
}

TEST(PasswordPolicy, TheOldHashMethodReadsEightBytesAndAsksForNoMore) {
    const FakeHost host = host_with("password required pam_unix.so des minlen=12\n");
    EXPECT_EQ(settings_of(host).value(kLength), "8");
    EXPECT_EQ(settings_of(host).value("pam.password.hash_method"), "descrypt");
}

TEST(PasswordPolicy, AModuleBehindTheOneThatStoresDoesNotCount) {
    const FakeHost host = host_with(
        "password sufficient pam_unix.so\n"
        "password required pam_pwquality.so minlen=14 use_authtok\n");
    EXPECT_EQ(settings_of(host).value(kLength), "1");
}

TEST(PasswordPolicy, AnOptionalModuleCountsOnlyWhenTheNextTakesWhatItPassesOn) {
    EXPECT_EQ(settings_of(
                  host_with("password optional pam_pwquality.so minlen=14\n" + std::string(kUnix)))
                  .value(kLength),
              "14");
    EXPECT_EQ(settings_of(host_with("password optional pam_pwquality.so minlen=14\n"
                                    "password required pam_unix.so\n"))
                  .value(kLength),
              "1");
}

TEST(PasswordPolicy, WhatIsNotEnforcedDoesNotCount) {
    const FakeHost host = host_with("password requisite pam_pwquality.so minlen=14 minclass=4\n" +
                                    std::string(kUnix));
    host.write("etc/security/pwquality.conf", "enforcing = 0\n");
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.value(kLength), "1");
    EXPECT_EQ(told.source(kLength), "/etc/security/pwquality.conf:1");
    EXPECT_EQ(told.value("pam.password.dictionary_check"), "no");
}

TEST(PasswordPolicy, ServicesThatDifferAreToldApart) {
    const FakeHost host =
        host_with("password requisite pam_pwquality.so minlen=14\n" + std::string(kUnix));
    host.write("etc/pam.d/sshd", "password required pam_unix.so minlen=8\n");
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.field("Instance", "passwd", "Value"), "pwquality");
    EXPECT_EQ(told.field("Instance", "sshd", "Value"), "unix");
}

TEST(PasswordPolicy, AServiceWithoutPasswordEntriesTakesThoseOfOther) {
    const FakeHost host = host_with("auth required pam_unix.so\n");
    host.write("etc/pam.d/other", "password required pam_unix.so minlen=9\n");
    EXPECT_EQ(settings_of(host).value(kLength), "9");
}

TEST(PasswordPolicy, PamConfIsReadOnlyWithoutADirectory) {
    const FakeHost host{{"etc/passwd", ""},
                        {"etc/shadow", ""},
                        {"etc/pam.conf",
                         "sshd password required pam_unix.so sha512 minlen=20\n"
                         "PASSWD password required pam_unix.so sha512 minlen=11\n"}};
    EXPECT_EQ(settings_of(host).value(kLength), "11");
    EXPECT_EQ(settings_of(host).source(kLength), "/etc/pam.conf:2");
    host.write("etc/pam.d/passwd", "password required pam_unix.so sha512 minlen=12\n");
    EXPECT_EQ(settings_of(host).value(kLength), "12");
}

TEST(PasswordPolicy, AModuleThatIsNotInstalledFailsAsInPam) {
    const FakeHost host = host_with(
        "-password optional pam_nowhere.so\n"
        "password requisite pam_pwquality.so minlen=14\n" +
        std::string(kUnix));
    host.write("usr/lib/x86_64-linux-gnu/security/pam_unix.so", "");
    const ToldFacts told = settings_of(host);
    EXPECT_THAT(told.problem(kLength), HasSubstr("gets through this stack"));
    EXPECT_THAT(told.problems(),
                HasSubstr("/etc/pam.d/passwd:2: pam_pwquality.so is not installed"));
    EXPECT_THAT(told.problems(), ::testing::Not(HasSubstr("pam_nowhere")));
    host.write("usr/lib/x86_64-linux-gnu/security/pam_pwquality.so", "");
    EXPECT_EQ(settings_of(host).value(kLength), "14");
}

TEST(PasswordPolicy, UnknownModulesAreTakenForWhatIsWeaker) {
    const FakeHost host = host_with(
        "password [success=1 default=ignore] pam_ours.so\n"
        "password requisite pam_pwquality.so minlen=14\npassword required pam_unix.so\n");
    EXPECT_EQ(settings_of(host).value(kLength), "1");
}

TEST(PasswordPolicy, PasswdqcAndItsConfiguration) {
    const FakeHost host = host_with(
        "password requisite pam_passwdqc.so config=/etc/passwdqc.conf\n" + std::string(kUnix));
    host.write("etc/passwdqc.conf", "# min=1,1,1,1,1\nmin=disabled,24,15,12,11\nenforce=users\n");
    const ToldFacts told = settings_of(host);
    EXPECT_EQ(told.value(kLength), "11");
    EXPECT_EQ(told.source(kLength), "/etc/passwdqc.conf:2");
    EXPECT_EQ(told.value(kClasses), "2");
    EXPECT_EQ(told.value("pam.password.enforce_for_root"), "no");
}

TEST(PasswordPolicy, ManyUnknownModulesAreAProblemAndNotAFlood) {
    std::string stack;
    for (int i = 0; i < 40; ++i) {
        stack += "password optional pam_ours" + std::to_string(i) + ".so\n";
    }
    const FakeHost host = host_with(stack + std::string(kUnix));
    EXPECT_THAT(settings_of(host).problem(kLength), HasSubstr("more than 10 modules decide"));
}

TEST(PasswordPolicy, NoPamAtAllIsAProblem) {
    const FakeHost host{{"etc/passwd", ""}, {"etc/shadow", ""}};
    EXPECT_EQ(settings_of(host).problem(kLength), "/etc/pam.d: missing");
}

TEST(PasswordPolicy, IncludesThatLoopOrLeadNowhereAreProblems) {
    const FakeHost host = host_with("password include inner\n");
    EXPECT_THAT(settings_of(host).problems(),
                HasSubstr("/etc/pam.d/passwd:1: cannot include inner"));
    host.write("etc/pam.d/inner", "password include inner\n");
    EXPECT_THAT(settings_of(host).problem(kLength), HasSubstr("nested deeper than 16"));
}

TEST(PasswordPolicy, IncludesThatMultiplyAreAProblem) {
    const FakeHost host = host_with("password include d0\n");
    for (int i = 0; i < 14; ++i) {
        const std::string next = "password include d" + std::to_string(i + 1) + "\n";
        host.write("etc/pam.d/d" + std::to_string(i), next + next + next);
    }
    host.write("etc/pam.d/d14", "password optional pam_permit.so\n");
    EXPECT_THAT(settings_of(host).problem(kLength), HasSubstr("more entries than"));
}

TEST(PasswordPolicy, FilesThatCannotBeReadAsTextAreProblems) {
    const FakeHost host = host_with("password required pam_unix.so\n");
    host.replace("etc/pam.d/passwd", std::string(kLargestText + 1, '#'));
    EXPECT_THAT(settings_of(host).problem(kLength), HasSubstr("/etc/pam.d/passwd: longer than"));
    host.replace("etc/pam.d/passwd", std::string_view("password required\n\0", 19));
    EXPECT_EQ(settings_of(host).problem(kLength), "/etc/pam.d/passwd:2: binary data");
    host.remove("etc/pam.d/passwd");
    const auto pam = host.root().open_path("etc/pam.d", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(pam);
    ASSERT_EQ(::mkfifoat(pam->get(), "passwd", 0600), 0);
    EXPECT_EQ(settings_of(host).problem(kLength), "/etc/pam.d/passwd: not a regular file");
    host.remove("etc/pam.d/passwd");
    ASSERT_EQ(::symlinkat("passwd", pam->get(), "passwd"), 0);
    EXPECT_EQ(settings_of(host).problem(kLength),
              "/etc/pam.d/passwd: Too many levels of symbolic links");
}

TEST(PasswordPolicy, OddFilesAreToldBesideTheValue) {
    const FakeHost host = host_with("password requisite pam_pwquality.so\n" + std::string(kUnix));
    host.write("etc/security/pwquality.conf", "minlen = 15\r\n");
    EXPECT_EQ(settings_of(host).value(kLength), "15");
    EXPECT_EQ(settings_of(host).problem("pam.password.configuration"),
              "/etc/security/pwquality.conf:1: line ends in CR LF");
    host.write("etc/security/pwquality.conf", "minlen = 15\n# \xFF\xFE\n");
    EXPECT_EQ(settings_of(host).problem("pam.password.configuration"),
              "/etc/security/pwquality.conf:2: bytes that are not UTF-8");
    host.write("etc/security/pwquality.conf", "minlen = fifteen\nminclass = 4\n");
    EXPECT_EQ(settings_of(host).value(kLength), "8");
    EXPECT_EQ(settings_of(host).value(kClasses), "1");
    EXPECT_THAT(settings_of(host).problem("pam.password.configuration"),
                HasSubstr("/etc/security/pwquality.conf:1: no setting"));
}

TEST(LoginDefs, NumbersAreReadAsShadowReadsThem) {
    struct Row {
        std::string_view text, value, effective_by;
    };
    for (const Row& row : {
             Row{"PASS_MAX_DAYS 90\n", "90", "set"},
             Row{"PASS_MAX_DAYS\t 99999  \n", "99999", "set"},
             Row{"PASS_MAX_DAYS 90\nPASS_MAX_DAYS 60\n", "60", "set"},
             Row{"PASS_MAX_DAYS 0365\n", "245", "set"},
             Row{"PASS_MAX_DAYS 0x10\n", "16", "set"},
             Row{"PASS_MAX_DAYS \"90\"\n", "90", "set"},
             Row{"PASS_MAX_DAYS -1\n", "-1", "set"},
             Row{"PASS_MAX_DAYS 90 # days\n", "-1", "default"},
             Row{"PASS_MAX_DAYS=90\n", "-1", "default"},
             Row{"#PASS_MAX_DAYS 90\n", "-1", "default"},
             Row{"pass_max_days 90\n", "-1", "default"},
             Row{"PASS_MAX_DAYS\n", "-1", "default"},
             Row{"PASS_MAX_DAYS 99999999999\n", "-1", "default"},
             Row{"", "-1", "default"},
         }) {
        const FakeHost host = host_with(kUnix);
        host.write("etc/login.defs", row.text);
        const ToldFacts told = settings_of(host);
        EXPECT_EQ(told.value("login_defs.pass_max_days"), row.value) << row.text;
        EXPECT_EQ(told.effective_by("login_defs.pass_max_days"), row.effective_by) << row.text;
    }
}

TEST(LoginDefs, AMissingFileMeansDefaultsAndAnUnreadableOneAProblem) {
    const FakeHost host = host_with(kUnix);
    host.remove("etc/login.defs");
    EXPECT_EQ(settings_of(host).value("login_defs.pass_max_days"), "-1");
    host.write("etc/login.defs/x", "");
    EXPECT_EQ(settings_of(host).problem("login_defs.pass_max_days"),
              "/etc/login.defs: not a regular file");
}

TEST(LoginDefs, WhatIsNoNumberIsTold) {
    const FakeHost host = host_with(kUnix);
    host.write("etc/login.defs", "# x\nPASS_MAX_DAYS soon\n");
    EXPECT_EQ(settings_of(host).problem("login_defs.configuration"),
              "/etc/login.defs:2: PASS_MAX_DAYS is no number of days");
}

}  // namespace
}  // namespace assay::sensors
