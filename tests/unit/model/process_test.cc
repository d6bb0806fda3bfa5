// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "model/process_table.h"
#include "model/process_text.h"
#include "model_fixture.h"

namespace assay::model {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::IsEmpty;
using testing::SizeIs;

std::string line(std::string_view arguments, bool truncated = false) {
    std::string out;
    append_command_line(out, arguments, truncated);
    return out;
}

std::string capabilities(std::uint64_t mask) {
    std::string out;
    append_capabilities(out, mask);
    return out;
}

TEST(CommandLine, JoinsArgumentsByBlanks) {
    EXPECT_EQ(line("ls\0-l\0a b"sv), "ls -l a b");
    EXPECT_EQ(line("sh"), "sh");
    EXPECT_EQ(line(""), "");
}

TEST(CommandLine, ShowsEmptyArguments) {
    EXPECT_EQ(line("a\0\0b"sv), "a '' b");
    EXPECT_EQ(line("a\0"sv), "a ''");
    EXPECT_EQ(line("\0a"sv), "'' a");
}

TEST(CommandLine, MarksACutWithoutInventingAnArgument) {
    EXPECT_EQ(line("a\0bc"sv, true), "a bc…");
    EXPECT_EQ(line("a\0"sv, true), "a …");
}

TEST(Capabilities, AreNoneAllOrNames) {
    EXPECT_EQ(capabilities(0), "none");
    EXPECT_EQ(capabilities((1ULL << 41) - 1), "all");
    EXPECT_EQ(capabilities(~0ULL), "all");
    EXPECT_EQ(capabilities(1ULL << 12 | 1ULL << 19), "cap_net_admin,cap_sys_ptrace");
    EXPECT_EQ(capabilities(1ULL << 40 | 1ULL << 50), "cap_checkpoint_restore,cap_50");
}

class ProcessCreation : public ModelTest {};

TEST_F(ProcessCreation, HoldsEveryField) {
    exec(10, "/usr/bin/bash");
    sensors::ProcessExec event;
    event.time_ns = kStart + 5;
    event.process = key(20);
    event.parent = key(10);
    event.uid = 1000;
    event.euid = 0;
    event.gid = 100;
    event.effective_capabilities = 1;
    event.image_file = {77, 8U << 20 | 3U};
    event.image = "/usr/bin/perl";
    event.script = "/opt/x.pl";
    event.interpreter = "/usr/bin/perl5";
    event.current_directory = "/home/joe";
    event.arguments = "perl\0/opt/x.pl"sv;
    const std::string container(64, 'a');
    const std::string cgroup = "/docker/" + container;
    event.cgroup = cgroup;
    event.image_deleted = true;
    event.secure_exec = true;
    event.pid_namespace = 5;
    event.net_namespace = 7;
    model->on(event);

    const Told& fact = told.back();
    EXPECT_EQ(fact["Image"], "/usr/bin/perl");
    EXPECT_EQ(fact["CommandLine"], "perl /opt/x.pl");
    EXPECT_EQ(fact["CommandLineTruncated"], "false");
    EXPECT_EQ(fact["User"], "joe");
    EXPECT_EQ(fact["Uid"], "1000");
    EXPECT_EQ(fact["EffectiveUid"], "0");
    EXPECT_EQ(fact["AuditUid"], "(absent)");
    EXPECT_EQ(fact["LogonId"], "(absent)");
    EXPECT_EQ(fact["ProcessId"], "20");
    EXPECT_EQ(fact["ParentImage"], "/usr/bin/bash");
    EXPECT_EQ(fact["ParentCommandLine"], "/usr/bin/bash");
    EXPECT_EQ(fact["ParentProcessId"], "10");
    EXPECT_EQ(fact["ContainerId"], container);
    EXPECT_EQ(fact["Interpreter"], "/usr/bin/perl5");
    EXPECT_EQ(fact["Script"], "/opt/x.pl");
    EXPECT_EQ(fact["ImageDeleted"], "true");
    EXPECT_EQ(fact["StackExecutable"], "false");
    EXPECT_EQ(fact["SecureExec"], "true");
    EXPECT_EQ(fact["Capabilities"], "cap_chown");
    EXPECT_EQ(fact["ImageInode"], "77");
    EXPECT_EQ(fact["ImageDevice"], "8:3");
    EXPECT_EQ(fact["PidNamespace"], "5");
    EXPECT_EQ(fact["MountNamespace"], "(absent)");
    EXPECT_EQ(fact["NetNamespace"], "7");
    EXPECT_EQ(fact.header.process, key(20));
    EXPECT_EQ(fact.header.stream, 0U);
}

TEST_F(ProcessCreation, TellsALoginOfAudit) {
    sensors::ProcessExec event;
    event.process = key(20);
    event.image = "/bin/sh";
    event.audit_uid = 1000;
    event.session_id = 3;
    event.stack_known = false;
    model->on(event);
    EXPECT_EQ(told.back()["AuditUid"], "1000");
    EXPECT_EQ(told.back()["LogonId"], "3");
    EXPECT_EQ(told.back()["StackExecutable"], "(absent)");
}

TEST_F(ProcessCreation, IsNotToldOfKernelThreadsNorOfAssayItself) {
    sensors::ProcessExec event;
    event.process = key(2);
    event.kernel_thread = true;
    model->on(event);
    exec(static_cast<std::uint32_t>(::getpid()), "/usr/bin/assay");
    EXPECT_THAT(told, IsEmpty());
}

TEST_F(ProcessCreation, IsToldOnlyWhenWanted) {
    model->want(facts::Kind::process_creation, false);
    exec(10, "/usr/bin/bash");
    EXPECT_THAT(told, IsEmpty());
    EXPECT_EQ(model->process(key(10)).image, "/usr/bin/bash");
}

TEST_F(ProcessCreation, AForkHasTheImageOfItsParentUntilItExecs) {
    exec(10, "/usr/sbin/sshd");
    fork(10, 11);
    EXPECT_EQ(model->process(key(11)).image, "/usr/sbin/sshd");
    exec(11, "/usr/bin/bash", 1000, 10);
    EXPECT_EQ(model->process(key(11)).image, "/usr/bin/bash");
    EXPECT_EQ(model->process(key(10)).image, "/usr/sbin/sshd");
    EXPECT_EQ(told.back()["ParentImage"], "/usr/sbin/sshd");
}

TEST_F(ProcessCreation, AForkBeforeItsParentsSnapshotRecordGetsTheImageLater) {
    now += kSecondNs;
    model->on(sensors::ProcessFork{now, {50, now}, key(10), 0});
    EXPECT_EQ(model->process({50, now}).image, "");
    running(10, "/usr/sbin/cron");
    EXPECT_EQ(model->process({50, now}).image, "/usr/sbin/cron");
}

TEST_F(ProcessCreation, ASnapshotRecordDoesNotUndoAnExecThatOvertookIt) {
    exec(10, "/usr/bin/new");
    running(10, "/usr/bin/old");
    EXPECT_EQ(model->process(key(10)).image, "/usr/bin/new");
    EXPECT_THAT(told, SizeIs(1));
}

TEST_F(ProcessCreation, AnExecThatOvertookItsForkIsKept) {
    exec(10, "/usr/bin/a");
    exec(11, "/usr/bin/b", 0, 10);
    fork(10, 11);
    EXPECT_EQ(model->process(key(11)).image, "/usr/bin/b");
}

TEST_F(ProcessCreation, AProcessThatEndedIsStillNamedForAWhile) {
    exec(10, "/usr/bin/short");
    model->on(sensors::ProcessExit{now, key(10)});
    pass(29 * kSecondNs);
    EXPECT_EQ(model->process(key(10)).image, "/usr/bin/short");
    pass(2 * kSecondNs);
    EXPECT_EQ(model->process(key(10)).image, "");
}

TEST_F(ProcessCreation, APidThatComesAgainIsAnotherProcess) {
    exec(10, "/usr/bin/first");
    model->on(sensors::ProcessExit{now, key(10)});
    sensors::ProcessExec again;
    again.time_ns = now;
    again.process = {10, now};
    again.image = "/usr/bin/second";
    model->on(again);
    EXPECT_EQ(model->process(key(10)).image, "/usr/bin/first");
    EXPECT_EQ(model->process({10, now}).image, "/usr/bin/second");
}

TEST_F(ProcessCreation, AProcessThatEndedBeforeItsSnapshotRecordIsForgottenToo) {
    model->on(sensors::ProcessExit{now, key(10)});
    running(10, "/usr/bin/gone");
    snapshot();
    EXPECT_EQ(model->process(key(10)).image, "/usr/bin/gone");
    pass(31 * kSecondNs);
    EXPECT_EQ(model->process(key(10)).image, "");
}

TEST_F(ProcessCreation, AncestryIsNearestFirstAndBounded) {
    for (std::uint32_t pid = 1; pid <= 30; ++pid) {
        exec(pid, "/bin/p" + std::to_string(pid), 0, pid - 1);
    }
    const auto ancestors = model->ancestry(key(30));
    ASSERT_THAT(ancestors, SizeIs(16));
    EXPECT_EQ(ancestors[0].image, "/bin/p29");
    EXPECT_EQ(ancestors[15].image, "/bin/p14");
    EXPECT_EQ(ancestors[0].user, "root");
    EXPECT_THAT(model->ancestry(key(1)), IsEmpty());
    EXPECT_THAT(model->ancestry(key(999)), IsEmpty());
}

TEST_F(ProcessCreation, ALoopOfParentsEnds) {
    exec(1, "/bin/a", 0, 2);
    exec(2, "/bin/b", 0, 1);
    EXPECT_THAT(model->ancestry(key(1)), SizeIs(16));
    exec(3, "", 0, 4);
    exec(4, "", 0, 3);
    EXPECT_EQ(model->process(key(3)).image, "");
}

TEST(ProcessTable, StaysWithinItsBounds) {
    TextPool texts;
    {
        ProcessTable table(texts);
        sensors::ProcessExec event;
        event.image = "/bin/true";
        for (std::uint32_t i = 1; i <= 100'000; ++i) {
            event.process = {i, i};
            const std::string arguments = "true " + std::to_string(i);
            table.exec(event, arguments);
            table.exit({i, {i, i}}, false);
        }
        EXPECT_LE(table.size(), ProcessTable::kMostExited);
        EXPECT_LE(texts.size(), ProcessTable::kMostExited + 1);
        for (std::uint32_t i = 1; i <= 100'000; ++i) {
            table.fork({.time_ns = 1, .process = {200'000 + i, 1}, .parent = {i, i}, .uid = 0});
        }
        EXPECT_LE(table.size(), ProcessTable::kMostProcesses + ProcessTable::kMostExited);
    }
    EXPECT_EQ(texts.size(), 0U);
}

TEST(ProcessTable, KeepsABoundedPartOfACommandLine) {
    TextPool texts;
    ProcessTable table(texts);
    sensors::ProcessExec event;
    event.process = {1, 1};
    event.image = "/bin/x";
    std::string longest(ProcessTable::kLongestCommandLine - 1, 'a');
    longest += "…tail";
    table.exec(event, longest);
    EXPECT_EQ(table.find({1, 1})->command_line.view(),
              std::string(ProcessTable::kLongestCommandLine - 1, 'a'));
}

TEST(Container, IsNamedBySixtyFourHexDigits) {
    const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    EXPECT_EQ(container_of("/system.slice/docker-" + id + ".scope"), id);
    EXPECT_EQ(container_of("/kubepods/pod1/" + id), id);
    EXPECT_EQ(container_of(id), id);
    EXPECT_EQ(container_of("/x/" + id + "0"), "");
    EXPECT_EQ(container_of("/user.slice"), "");
    EXPECT_EQ(container_of(""), "");
}

}  // namespace
}  // namespace assay::model
