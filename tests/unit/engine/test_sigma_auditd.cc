// SPDX-License-Identifier: Apache-2.0
// Rules on auditd's records, judged on facts.
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string auditd(std::string_view detection) {
    return "title: A\nlogsource: {product: linux, service: auditd}\ndetection:\n" +
           std::string(detection);
}

bool matches_rule(const std::string& text, const facts::FactView& fact) {
    const LoadedFiles loaded = load_files({{"a.yml", text}});
    EXPECT_THAT(loaded.told, IsEmpty());
    Judge judge(loaded.rules, {}, {});
    judge.on_fact(fact);
    return !judge.outcomes().empty() && judge.outcomes().front().matches > 0;
}
bool matches_rule(const std::string& text, const facts::RecordedFact& fact) {
    return matches_rule(text, facts::FactView(fact));
}

std::string unsupported_reason(const std::string& text) {
    const LoadedFiles loaded = load_files({{"a.yml", text}});
    return loaded.rules.unsupported().empty() ? "supported"
                                              : loaded.rules.unsupported().front().reason;
}

facts::ProcessCreation exec(std::string_view image, std::string_view arguments) {
    facts::ProcessCreation fact;
    fact.image = image;
    fact.arguments = arguments;
    return fact;
}

TEST(Auditd, ExecveRecordsHaveTheArgumentsAsTheyWereGiven) {
    const std::string rule = auditd(
        "    s: {type: EXECVE, a0: touch, a2|endswith: ' b'}\n"
        "    condition: s\n");
    using namespace std::string_view_literals;
    EXPECT_TRUE(matches_rule(rule, facts::FactView(exec("/bin/touch", "touch\0-a\0a b"sv))));
    EXPECT_FALSE(matches_rule(rule, facts::FactView(exec("/bin/touch", "touch\0-a\0a\0b"sv))));
    EXPECT_TRUE(matches_rule(auditd("    s: {type: execve, a0: cp, a1: ''}\n    condition: s\n"),
                             facts::FactView(exec("/bin/cp", "cp\0\0x"sv))));
}

TEST(Auditd, ExecveRecordsOfRecordedFactsAreSplitAtBlanks) {
    const std::string rule =
        auditd("    s: {type: EXECVE, a0: chmod, a1: 777, argc: 3}\n    condition: s\n");
    EXPECT_TRUE(matches_rule(rule, process({{"CommandLine", std::string("chmod  777 /x")}})));
    EXPECT_FALSE(matches_rule(rule, process({{"CommandLine", std::string("chmod 777")}})));
}

TEST(Auditd, KeywordsAreLookedForInTheArgumentsOnly) {
    const std::string rule = auditd(
        "    s: {type: EXECVE}\n    k: {'|all': [truncate, -s]}\n"
        "    condition: s and k\n");
    EXPECT_TRUE(matches_rule(rule, process({{"CommandLine", std::string("truncate -s 1G f")}})));
    EXPECT_FALSE(matches_rule(
        rule, process({{"CommandLine", std::string("true")},
                       {"ParentCommandLine", std::string("sh -c truncate -s 1 x; true")}})));
}

TEST(Auditd, SyscallRecordsAreThoseOfTheExec) {
    const std::string rule = auditd(
        "    s: {type: SYSCALL, exe|endswith: /useradd, euid: 0}\n"
        "    condition: s\n");
    EXPECT_TRUE(matches_rule(rule, process({{"Image", std::string("/usr/sbin/useradd")},
                                            {"EffectiveUid", std::uint64_t{0}}})));
    EXPECT_FALSE(matches_rule(rule, process({{"Image", std::string("/usr/sbin/useradd")},
                                             {"EffectiveUid", std::uint64_t{5}}})));
    EXPECT_TRUE(
        matches_rule(auditd("    s: {type: SYSCALL, SYSCALL: [execve, execveat], auid: 1000}\n"
                            "    condition: s\n"),
                     process({{"AuditUid", std::uint64_t{1000}}})));
}

TEST(Auditd, CommIsTheNameThatTheProgramWasStartedBy) {
    const std::string rule =
        auditd("    s: {type: SYSCALL, comm: insmod, exe: /usr/bin/kmod}\n    condition: s\n");
    EXPECT_TRUE(matches_rule(rule, process({{"Image", std::string("/usr/bin/kmod")},
                                            {"CommandLine", std::string("/sbin/insmod x.ko")}})));
    EXPECT_FALSE(matches_rule(rule, process({{"Image", std::string("/usr/bin/kmod")},
                                             {"CommandLine", std::string("lsmod")}})));
    EXPECT_TRUE(
        matches_rule(auditd("    s: {type: SYSCALL, comm: a-name-that-is-}\n    condition: s\n"),
                     process({{"Image", std::string("/bin/sh")},
                              {"Script", std::string("/opt/a-name-that-is-longer")}})))
        << "cut as the kernel cuts it";
}

TEST(Auditd, PathRecordsAreFilesThatAreMadeOrRenamed) {
    const std::string made = auditd(
        "    s: {type: PATH, nametype: CREATE, name|startswith: "
        "/etc/systemd/}\n    condition: s\n");
    const auto fact = fact_of(facts::Kind::file_event,
                              {{"TargetFilename", std::string("/etc/systemd/x.service")}});
    EXPECT_TRUE(matches_rule(made, fact));
    const LoadedFiles loaded = load_files(
        {{"a.yml", auditd("    s: {type: PATH, name: /etc/ld.so.preload}\n    condition: s\n")}});
    Judge partial(loaded.rules, {}, {});
    EXPECT_EQ(partial.outcomes().front().status, RuleStatus::unknown)
        << "what is opened or changed in place is not seen";
    EXPECT_THAT(partial.outcomes().front().reason, HasSubstr("those that are made or renamed"));
}

TEST(Auditd, OneRuleMayAskForRecordsOfSeveralKinds) {
    const LoadedFiles loaded =
        load_files({{"a.yml", auditd("    s_path: {type: PATH, name: /etc/issue}\n"
                                     "    s_exec: {type: EXECVE, a0: [uname, uptime]}\n"
                                     "    condition: 1 of s_*\n")}});
    EXPECT_THAT(loaded.told, IsEmpty());
    EXPECT_THAT(loaded.rules.kinds_needed(),
                ElementsAre(facts::Kind::process_creation, facts::Kind::file_event));
    Judge judge(loaded.rules, {}, {});
    const auto run = process({{"CommandLine", std::string("uname -a")}});
    const auto made =
        fact_of(facts::Kind::file_event, {{"TargetFilename", std::string("/etc/issue")}});
    judge.on_fact(facts::FactView(run));
    judge.on_fact(facts::FactView(made));
    EXPECT_EQ(judge.outcomes().front().matches, 2U);
}

TEST(Auditd, IsUnsupportedWithTheReasonWhenNoFactsStandForIt) {
    EXPECT_EQ(
        unsupported_reason(auditd("    s: {type: SERVICE_STOP, unit: ufw}\n    condition: s\n")),
        "logsource service `auditd`: no facts stand for records of type `SERVICE_STOP`");
    EXPECT_EQ(
        unsupported_reason(auditd("    s: {type: SYSCALL, SYSCALL: mknod}\n    condition: s\n")),
        "logsource service `auditd`: no facts stand for the system call `mknod`");
    EXPECT_EQ(unsupported_reason(auditd("    s: {key: susp_activity}\n    condition: s\n")),
              "auditd's SYSCALL records: `key` is not known");
    EXPECT_EQ(unsupported_reason(auditd("    s: {type: SYSCALL, exe: /bin/x}\n    f: {key: mine}\n"
                                        "    condition: s and not f\n")),
              "auditd's SYSCALL records: `key` is not known")
        << "without the filter it would match too much";
}

TEST(Auditd, JudgesThePartThatItCanAndNeverPassesForTheRest) {
    const LoadedFiles loaded =
        load_files({{"a.yml", auditd("    s_1: {type: EXECVE, a0: arecord}\n"
                                     "    s_2: {type: SYSCALL, SYSCALL: memfd_create}\n"
                                     "    condition: 1 of s_*\n")}});
    Judge judge(loaded.rules, {}, {});
    EXPECT_EQ(judge.outcomes().front().status, RuleStatus::unknown);
    EXPECT_THAT(judge.outcomes().front().reason, HasSubstr("the system call `memfd_create`"));
    const auto run = process({{"CommandLine", std::string("arecord")}});
    judge.on_fact(facts::FactView(run));
    EXPECT_EQ(judge.outcomes().front().status, RuleStatus::finding);
}

TEST(Auditd, RulesKeepTheirTests) {
    const LoadedFiles loaded =
        load_files({{"a.yml", auditd("    s: {type: EXECVE, a0: chage}\n    condition: s\n") +
                                  "assay:\n  tests:\n    - fact: {CommandLine: chage -l}\n"
                                  "      expect: finding\n"
                                  "    - fact: {CommandLine: ls}\n      expect: pass\n"}});
    const auto results = run_tests(loaded.rules);
    ASSERT_EQ(results.size(), 2U);
    EXPECT_TRUE(results[0].passed) << results[0].message;
    EXPECT_TRUE(results[1].passed) << results[1].message;
}

}  // namespace
}  // namespace assay::engine
