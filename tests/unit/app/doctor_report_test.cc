// SPDX-License-Identifier: Apache-2.0
#include "app/doctor_report.h"

#include <gmock/gmock.h>

namespace assay::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

sensors::HookReport::Candidate candidate(std::string mechanism, bool usable, bool is_chosen,
                                         std::string reason = {}) {
    return {.program = "program",
            .mechanism = std::move(mechanism),
            .target = "target",
            .usable = usable,
            .chosen = is_chosen,
            .reason = std::move(reason)};
}

DoctorReport report_of(facts::Hook hook, std::vector<sensors::HookReport::Candidate> candidates) {
    DoctorReport report;
    report.kernel_release = "6.1.0-42-amd64";
    report.machine = "x86_64";
    report.btf = true;
    report.cgroup2_mount = "/sys/fs/cgroup";
    report.hooks.push_back({{hook, std::move(candidates)}, {"unused-listening-port"}});
    return report;
}

TEST(Doctor, AServedHookNamesItsMechanismAndTheOthersWithTheirReasons) {
    const DoctorReport report = report_of(
        facts::Hook::exec, {candidate("fentry", false, false, "Operation not permitted"),
                            candidate("tp_btf", true, true), candidate("kprobe", true, false)});
    EXPECT_TRUE(observes_anything(report));
    const std::string table = doctor_table(report);
    EXPECT_THAT(table, HasSubstr("exec                tp_btf "));
    EXPECT_THAT(table, HasSubstr("not usable fentry target: Operation not permitted\n"));
    EXPECT_THAT(table, HasSubstr("usable     kprobe target\n"));
    EXPECT_THAT(table, HasSubstr("1 of 1 hooks are served"));
    EXPECT_THAT(table, Not(HasSubstr("so unknown")));
}

TEST(Doctor, AMissingEssentialHookNamesWhatBecomesUnknown) {
    const DoctorReport report =
        report_of(facts::Hook::bind, {candidate("cgroup", false, false, "no such program type")});
    EXPECT_FALSE(observes_anything(report));
    EXPECT_THAT(doctor_table(report),
                AllOf(HasSubstr("bind                MISSING"),
                      HasSubstr("so unknown:  listener; rules unused-listening-port\n")));
    EXPECT_THAT(doctor_json(report), HasSubstr(R"("unknown_rules":["unused-listening-port"])"));
}

TEST(Doctor, AMissingHookThatIsNotEssentialMakesNothingUnknown) {
    const DoctorReport report =
        report_of(facts::Hook::accept, {candidate("fexit", false, false, "refused")});
    EXPECT_THAT(doctor_table(report), HasSubstr("nothing becomes unknown"));
    EXPECT_THAT(doctor_json(report), HasSubstr(R"("unknown_rules":[])"));
}

TEST(Doctor, JsonIsOneLineWithEveryCandidate) {
    const DoctorReport report =
        report_of(facts::Hook::exec,
                  {candidate("tp_btf", true, true), candidate("a\"b", false, false, "\n")});
    EXPECT_EQ(doctor_json(report),
              R"({"kernel_release":"6.1.0-42-amd64","machine":"x86_64","btf":true,)"
              R"("cgroup2_mount":"/sys/fs/cgroup","observes":true,"hooks":[{"hook":"exec",)"
              R"("state":"available","mechanism":"tp_btf","essential":true,)"
              R"("kinds":["process_creation","network_connection","listener","file_event"],)"
              R"("unknown_rules":[],"candidates":[{"program":"program","mechanism":"tp_btf",)"
              R"("target":"target","usable":true,"chosen":true},{"program":"program",)"
              R"("mechanism":"a\"b","target":"target","usable":false,"chosen":false,)"
              R"("reason":"\n"}]}]})"
              "\n");
}

TEST(Doctor, AReasonWhyNothingCanBeObservedIsInTheJson) {
    DoctorReport report;
    report.cannot_observe = "run it as root";
    EXPECT_FALSE(observes_anything(report));
    EXPECT_THAT(doctor_json(report), HasSubstr(R"("observes":false,"reason":"run it as root")"));
}

TEST(Doctor, TheCgroup2MountIsFoundAmongOthers) {
    EXPECT_EQ(
        find_cgroup2_mount("22 1 0:21 / /proc rw - proc proc rw\n"
                           "36 35 0:30 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 none rw\n"),
        "/sys/fs/cgroup/unified");
    EXPECT_THAT(find_cgroup2_mount("22 1 0:21 / /proc rw - proc proc rw\n"), IsEmpty());
    EXPECT_THAT(find_cgroup2_mount(""), IsEmpty());
    EXPECT_THAT(find_cgroup2_mount(" - cgroup2 "), IsEmpty());
}

}  // namespace
}  // namespace assay::app
