// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "model_fixture.h"

namespace assay::model {
namespace {

using Operation = sensors::FileChange::Operation;
using testing::IsEmpty;
using testing::SizeIs;

class FileEvent : public ModelTest {
protected:
    void change(std::uint32_t pid, std::string_view path, Operation operation = Operation::created,
                bool directory = false) {
        model->on(sensors::FileChange{.time_ns = now,
                                      .pid = pid,
                                      .path = path,
                                      .operation = operation,
                                      .directory = directory});
    }
    void exit(std::uint32_t pid) { model->on(sensors::ProcessExit{now, key(pid)}); }
    [[nodiscard]] std::vector<Told> files() const { return of(facts::Kind::file_event); }
};

TEST_F(FileEvent, HoldsEveryField) {
    exec(10, "/usr/bin/bash", 0);
    exec(20, "/usr/bin/touch", 1000, 10, facts::Origin::runtime, "/docker/" + std::string(64, 'a'));
    change(20, "/etc/cron.d/job");
    pass(50 * kMsNs);
    ASSERT_THAT(files(), SizeIs(1));
    const Told fact = files().front();
    EXPECT_EQ(fact["TargetFilename"], "/etc/cron.d/job");
    EXPECT_EQ(fact["Operation"], "created");
    EXPECT_EQ(fact["Image"], "/usr/bin/touch");
    EXPECT_EQ(fact["CommandLine"], "/usr/bin/touch");
    EXPECT_EQ(fact["User"], "joe");
    EXPECT_EQ(fact["Uid"], "1000");
    EXPECT_EQ(fact["ProcessId"], "20");
    EXPECT_EQ(fact["ParentImage"], "/usr/bin/bash");
    EXPECT_EQ(fact["Directory"], "false");
    EXPECT_EQ(fact["Cgroup"], "/docker/" + std::string(64, 'a'));
    EXPECT_EQ(fact["ContainerId"], std::string(64, 'a'));
    EXPECT_EQ(fact.header.process, key(20));
    EXPECT_EQ(fact.header.origin, facts::Origin::runtime);
    EXPECT_FALSE(fact.header.at_close);
}

TEST_F(FileEvent, SaysRenamedAndDirectory) {
    exec(20, "/usr/bin/mv");
    change(20, "/etc/cron.d/jobs", Operation::renamed, true);
    pass(50 * kMsNs);
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Operation"], "renamed");
    EXPECT_EQ(files().front()["Directory"], "true");
}

TEST_F(FileEvent, WaitsForTheExecThatIsStillInTheRing) {
    exec(10, "/usr/bin/bash");
    fork(10, 20);
    now += 10 * kMsNs;
    change(20, "/etc/x");  // by the program that 20 has become, of which nothing was heard yet
    pass(10 * kMsNs);
    EXPECT_THAT(files(), IsEmpty());
    const std::uint64_t later = std::exchange(now, kStart + 5 * kMsNs);
    exec(20, "/usr/bin/touch", 0, 10);
    now = later;
    pass(40 * kMsNs);
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Image"], "/usr/bin/touch");
}

TEST_F(FileEvent, ANewerRecordShowsThatAllOlderOnesAreKnown) {
    exec(20, "/usr/bin/touch");
    change(20, "/etc/x");
    now += kMsNs;
    exec(30, "/usr/bin/true");
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Image"], "/usr/bin/touch");
}

TEST_F(FileEvent, NamesAProcessThatEndedAtOnce) {
    exec(20, "/usr/bin/touch");
    exit(20);
    now += 15 * kMsNs;
    change(20, "/etc/x");
    pass(50 * kMsNs);
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Image"], "/usr/bin/touch");
    EXPECT_EQ(files().front().header.process, key(20));
}

TEST_F(FileEvent, ADoerWhoIsNotKnownIsNotInvented) {
    change(99, "/etc/x");
    change(0, "/etc/y");
    pass(50 * kMsNs);
    ASSERT_THAT(files(), SizeIs(2));
    for (const Told& fact : files()) {
        EXPECT_EQ(fact["Image"], "(absent)");
        EXPECT_EQ(fact["User"], "(absent)");
        EXPECT_EQ(fact.header.process, facts::ProcessKey{});
    }
    EXPECT_EQ(files()[0]["ProcessId"], "(absent)");
    EXPECT_EQ(files()[1]["ProcessId"], "99");
}

TEST_F(FileEvent, AProcessThatBeganLaterDidNotDoIt) {
    change(20, "/etc/x");
    sensors::ProcessExec event;
    event.time_ns = now;
    event.process = {.pid = 20, .start_boot_ns = now + 1};
    event.image = "/usr/bin/later";
    event.origin = facts::Origin::snapshot;
    model->on(event);
    pass(50 * kMsNs);
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Image"], "(absent)");
}

TEST_F(FileEvent, OurOwnFilesAreNotTold) {
    change(static_cast<std::uint32_t>(::getpid()), "/var/lib/assay/spool");
    pass(50 * kMsNs);
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FileEvent, IsToldOnlyWhenItIsWanted) {
    model->want(facts::Kind::file_event, false);
    change(20, "/etc/x");
    close();
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FileEvent, WhatWaitsIsToldAtTheClose) {
    exec(20, "/usr/bin/touch");
    change(20, "/etc/x");
    close();
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_EQ(files().front()["Image"], "/usr/bin/touch");
}

TEST_F(FileEvent, AStormIsToldWhole) {
    exec(20, "/usr/bin/storm");
    for (int i = 0; i < 20'000; ++i) {
        change(20, "/tmp/" + std::to_string(i));
    }
    EXPECT_THAT(files(), SizeIs(20'000 - 16'384));
    pass(50 * kMsNs);
    EXPECT_THAT(files(), SizeIs(20'000));
    EXPECT_EQ(files().back()["TargetFilename"], "/tmp/19999");
}

}  // namespace
}  // namespace assay::model
