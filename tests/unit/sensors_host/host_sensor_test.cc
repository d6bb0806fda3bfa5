// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/host_sensor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../sensors_host_paths/host_tree.h"
#include "base/clock.h"
#include "sensors/host/paths/directories_topic.h"

namespace assay::sensors {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kDeadline = std::chrono::seconds(20);

/// Tells one setting for each file: its first line.
class FilesTopic final : public Topic {
public:
    FilesTopic(std::vector<std::string> files, std::string directory = {})
        : files_(std::move(files)), directory_(std::move(directory)) {}

    [[nodiscard]] std::string_view name() const override { return "files"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::setting}; }
    [[nodiscard]] std::vector<std::string> programs() const override {
        return {"assay-test-sleep"};
    }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override {
        Dependencies on{
            .files = files_, .directories = {}, .sysctls = {"kernel/fake"}, .programs = {}};
        if (!directory_.empty()) {
            on.directories.push_back(directory_);
            for (const std::string& name : around.host.list_directory(directory_.substr(1))
                                               .value_or(std::vector<std::string>())) {
                on.files.push_back(directory_ + "/" + name);
            }
        }
        for (const std::string& file : on.files) {
            const auto text = around.host.read_file(file.substr(1));
            if (!text) {
                continue;
            }
            facts::Setting fact;
            const std::string source = file + ":1";
            const std::string value = text->substr(0, text->find('\n'));
            fact.setting = file;
            fact.value = value;
            fact.source = source;
            tell(facts::FactView(fact));
        }
        for (const RunningProgram& program : around.programs) {
            facts::Setting fact;
            const std::string instance = std::to_string(program.pid);
            fact.setting = "program";
            fact.instance = instance;
            fact.value = program.arguments.empty() ? "" : program.arguments.back();
            tell(facts::FactView(fact));
        }
        return on;
    }

private:
    std::vector<std::string> files_;
    std::string directory_;
};

std::string text_of(const facts::RecordedFact& fact, std::string_view field) {
    std::string text;
    facts::append_value_text(text, facts::FactView(fact).get(field));
    return text;
}

class HostSensorTest : public testing::Test {
protected:
    void SetUp() override { ASSAY_NEEDS_ROOT }

    void start(std::unique_ptr<Topic> topic, HostSensor::Options more = {}) {
        more.kinds = {facts::Kind::setting, facts::Kind::directory};
        std::vector<std::unique_ptr<Topic>> topics;
        topics.push_back(std::move(topic));
        sensor.emplace(tree.root(), std::move(more), std::move(topics));
        sensor->wait_for_first_reading();
        take();
    }
    void start_files(std::vector<std::string> files, std::string directory = {}) {
        start(std::make_unique<FilesTopic>(std::move(files), std::move(directory)));
        facts.clear();
    }
    void take() {
        HostNews news = sensor->take();
        for (auto& fact : news.facts) {
            facts.push_back(std::move(fact));
        }
        for (auto& each : news.coverage) {
            coverage.push_back(std::move(each));
        }
    }
    /// Takes until there is a fact like this; null when the deadline has passed.
    const facts::RecordedFact* wait_for(
        const std::function<bool(const facts::RecordedFact&)>& is_it) {
        const auto end = std::chrono::steady_clock::now() + kDeadline;
        do {
            take();
            for (const auto& fact : facts) {
                if (is_it(fact)) {
                    return &fact;
                }
            }
            std::this_thread::yield();
        } while (std::chrono::steady_clock::now() < end);
        return nullptr;
    }
    const facts::RecordedFact* wait_for_value(std::string_view setting, std::string_view value) {
        return wait_for([&](const facts::RecordedFact& fact) {
            return text_of(fact, "Setting") == setting && text_of(fact, "Value") == value &&
                   !fact.header.gone;
        });
    }
    void expect_me(const facts::RecordedFact& fact) {
        if (!coverage.empty() && !coverage.front().mechanism.starts_with("fanotify")) {
            return;  // inotify does not tell who
        }
        EXPECT_EQ(text_of(fact, "ProcessId"), std::to_string(::getpid()));
        // The tree has no proc of its own: what only that tells is absent.
        EXPECT_EQ(fact.header.process.pid, static_cast<std::uint32_t>(::getpid()));
    }

    HostTree tree;
    std::optional<HostSensor> sensor;
    std::vector<facts::RecordedFact> facts;
    std::vector<HostNews::Coverage> coverage;
};

TEST_F(HostSensorTest, TheFirstReadingIsASnapshotAndComesOnce) {
    tree.write("etc/a", "1\n");
    start(std::make_unique<FilesTopic>(std::vector<std::string>{"/etc/a"}));
    ASSERT_THAT(facts, SizeIs(1));
    EXPECT_EQ(text_of(facts.front(), "Value"), "1");
    EXPECT_EQ(facts.front().header.origin, facts::Origin::snapshot);
    EXPECT_NE(facts.front().header.time.ns, 0);
    ASSERT_THAT(coverage, SizeIs(1));
    EXPECT_EQ(coverage.front().state, HookState::State::attached);
    sensor->close();
    facts.clear();
    take();
    EXPECT_THAT(facts, IsEmpty());
}

TEST_F(HostSensorTest, AFileThatIsWritten) {
    tree.write("etc/a", "1\n");
    start_files({"/etc/a"});
    const std::uint64_t began = boot_clock_now_ns();
    tree.write("etc/a", "2\n");
    const auto* fact = wait_for_value("/etc/a", "2");
    ASSERT_NE(fact, nullptr);
    RecordProperty("told_after_ms", static_cast<int>((boot_clock_now_ns() - began) / 1'000'000));
    EXPECT_EQ(fact->header.origin, facts::Origin::runtime);
    EXPECT_EQ(text_of(*fact, "PreviousValue"), "1");
    expect_me(*fact);
}

TEST_F(HostSensorTest, AFileThatIsReplacedByRename) {
    tree.write("etc/a", "1\n");
    start_files({"/etc/a"});
    tree.write("etc/a.new", "2\n");
    tree.rename("etc/a.new", "etc/a");
    const auto* fact = wait_for_value("/etc/a", "2");
    ASSERT_NE(fact, nullptr);
    expect_me(*fact);
    tree.write("etc/a", "3\n");  // the new file is watched too
    EXPECT_NE(wait_for_value("/etc/a", "3"), nullptr);
}

TEST_F(HostSensorTest, AFileThatIsDeletedIsToldAsGone) {
    tree.write("etc/a", "1\n");
    start_files({"/etc/a"});
    tree.remove("etc/a");
    const auto* fact = wait_for([](const auto& each) { return each.header.gone; });
    ASSERT_NE(fact, nullptr);
    EXPECT_EQ(text_of(*fact, "Setting"), "/etc/a");
    expect_me(*fact);
}

TEST_F(HostSensorTest, AFileThatWasMissingWithItsDirectories) {
    start_files({"/etc/x/y/a"});
    tree.write("etc/x/y/a", "1\n");
    ASSERT_NE(wait_for_value("/etc/x/y/a", "1"), nullptr);
    tree.write("etc/x/y/a", "2\n");
    EXPECT_NE(wait_for_value("/etc/x/y/a", "2"), nullptr);
}

TEST_F(HostSensorTest, ADropInThatAppears) {
    tree.directory("etc/d");
    start_files({}, "/etc/d");
    tree.write("etc/d/one", "1\n");
    ASSERT_NE(wait_for_value("/etc/d/one", "1"), nullptr);
    tree.write("etc/d/one", "2\n");
    EXPECT_NE(wait_for_value("/etc/d/one", "2"), nullptr);
}

TEST_F(HostSensorTest, ADirectoryOfDropInsThatAppears) {
    start_files({}, "/etc/d");
    tree.write("etc/d/one", "1\n");
    EXPECT_NE(wait_for_value("/etc/d/one", "1"), nullptr);
}

TEST_F(HostSensorTest, ADropInThatIsALink) {
    tree.directory("etc/d");
    tree.write("opt/settings", "1\n");
    tree.link("etc/d/one", "/opt/settings");
    start_files({}, "/etc/d");
    tree.write("opt/settings", "2\n");
    ASSERT_NE(wait_for_value("/etc/d/one", "2"), nullptr);
    tree.write("opt/settings.new", "3\n");
    tree.rename("opt/settings.new", "opt/settings");
    EXPECT_NE(wait_for_value("/etc/d/one", "3"), nullptr);
}

TEST_F(HostSensorTest, ALinkToNowhereThatComesToLeadSomewhere) {
    tree.link("etc/a", "../opt/later/a");
    start_files({"/etc/a"});
    tree.write("opt/later/a", "1\n");
    EXPECT_NE(wait_for_value("/etc/a", "1"), nullptr);
}

TEST_F(HostSensorTest, ADirectoryOnTheWayThatIsReplaced) {
    tree.write("etc/x/a", "1\n");
    tree.write("opt/x/a", "2\n");
    start_files({"/etc/x/a"});
    tree.rename("etc/x", "opt/old");
    tree.rename("opt/x", "etc/x");
    ASSERT_NE(wait_for_value("/etc/x/a", "2"), nullptr);
    tree.write("etc/x/a", "3\n");
    EXPECT_NE(wait_for_value("/etc/x/a", "3"), nullptr);
}

TEST_F(HostSensorTest, AWriteThroughAnotherNameOfTheFile) {
    tree.write("etc/a", "1\n");
    tree.directory("opt");
    ASSERT_EQ(::link(tree.at("etc/a").c_str(), tree.at("opt/other").c_str()), 0);
    start_files({"/etc/a"});
    tree.write("opt/other", "2\n");
    EXPECT_NE(wait_for_value("/etc/a", "2"), nullptr);
}

TEST_F(HostSensorTest, WhatIsReadAgainAndIsTheSameIsNotTold) {
    tree.write("etc/a", "1\n");
    tree.write("etc/b", "1\n");
    start_files({"/etc/a", "/etc/b"});
    tree.write("etc/a", "1\nmore\n");
    tree.write("etc/b", "2\n");
    ASSERT_NE(wait_for_value("/etc/b", "2"), nullptr);
    sensor->close();
    take();
    for (const auto& fact : facts) {
        EXPECT_EQ(text_of(fact, "Setting"), "/etc/b");
    }
}

TEST_F(HostSensorTest, CloseReadsWhatNobodyHasToldOfYet) {
    tree.write("etc/a", "1\n");
    start_files({"/etc/a"});
    tree.write("etc/a", "2\n");
    sensor->close();
    take();
    ASSERT_THAT(facts, SizeIs(1));
    EXPECT_EQ(text_of(facts.front(), "Value"), "2");
    sensor->close();  // a second time is nothing
}

TEST_F(HostSensorTest, AnImageIsReadOnceAndNotWatched) {
    tree.write("etc/a", "1\n");
    start(std::make_unique<FilesTopic>(std::vector<std::string>{"/etc/a"}),
          {.kinds = {}, .running = false, .watch = true, .poll = false});
    EXPECT_THAT(facts, SizeIs(1));
    EXPECT_THAT(coverage, IsEmpty());
    tree.write("etc/a", "2\n");
    facts.clear();
    sensor->close();
    take();
    EXPECT_THAT(facts, IsEmpty());
}

TEST_F(HostSensorTest, ATopicOfOtherKindsIsNotRead) {
    tree.write("etc/a", "1\n");
    std::vector<std::unique_ptr<Topic>> topics;
    topics.push_back(std::make_unique<FilesTopic>(std::vector<std::string>{"/etc/a"}));
    HostSensor other(
        tree.root(),
        {.kinds = {facts::Kind::account}, .running = true, .watch = true, .poll = false},
        std::move(topics));
    other.close();
    EXPECT_THAT(other.take().facts, IsEmpty());
}

TEST_F(HostSensorTest, WhereFilesCannotBeWatchedTheyAreReadAgain) {
    tree.write("etc/a", "1\n");
    start(std::make_unique<FilesTopic>(std::vector<std::string>{"/etc/a"}),
          {.kinds = {}, .running = true, .watch = true, .poll = true});
    ASSERT_THAT(coverage, SizeIs(1));
    EXPECT_EQ(coverage.front().state, HookState::State::missing);
    EXPECT_EQ(coverage.front().mechanism, "polling");
    EXPECT_NE(coverage.front().reason, "");
    tree.write("etc/a", "2\n");
    EXPECT_NE(wait_for_value("/etc/a", "2"), nullptr);
}

TEST_F(HostSensorTest, AKernelSettingIsReadBackAfterTheWrite) {
    tree.write("etc/a", "1\n");
    start(std::make_unique<FilesTopic>(std::vector<std::string>{"/etc/a"}),
          {.kinds = {}, .running = true, .watch = true, .poll = true});
    facts.clear();
    // The hook comes first, then the value: nothing but it tells of the change within a second.
    const auto who =
        facts::ProcessKey{.pid = static_cast<std::uint32_t>(::getpid()), .start_boot_ns = 5};
    sensor->on_sysctl("kernel/fake", who);
    tree.write("etc/a", "2\n");
    const auto* fact = wait_for_value("/etc/a", "2");
    ASSERT_NE(fact, nullptr);
    EXPECT_EQ(fact->header.process, who);
    EXPECT_EQ(text_of(*fact, "PreviousValue"), "1");
}

/// The host that runs this test, with a folder of its own on it.
class RunningHost : public HostSensorTest {
protected:
    void start_here(std::vector<std::string> files) {
        auto opened = HostRoot::open("/");
        ASSERT_TRUE(opened.has_value());
        here.emplace(std::move(*opened));
        std::vector<std::unique_ptr<Topic>> topics;
        topics.push_back(std::make_unique<FilesTopic>(std::move(files)));
        HostSensor::Options options;
        options.kinds = {facts::Kind::setting};
        sensor.emplace(*here, std::move(options), std::move(topics));
        sensor->wait_for_first_reading();
        take();
        facts.clear();
    }
    void TearDown() override { sensor.reset(); }
    std::optional<HostRoot> here;
};

TEST_F(RunningHost, WhoMadeAChangeIsNamedWithProgramUserAndStart) {
    tree.write("etc/a", "1\n");
    start_here({tree.at("etc/a")});
    tree.write("etc/a", "2\n");
    const auto* fact = wait_for_value(tree.at("etc/a"), "2");
    ASSERT_NE(fact, nullptr);
    ASSERT_FALSE(coverage.empty());
    if (!coverage.front().mechanism.starts_with("fanotify")) {
        GTEST_SKIP() << "this sandbox has no fanotify: inotify does not tell who";
    }
    expect_me(*fact);
    EXPECT_THAT(text_of(*fact, "Image"), HasSubstr("test_sensors_host"));
    EXPECT_EQ(text_of(*fact, "User"), "root");
    EXPECT_NE(fact->header.process.start_boot_ns, 0U);
}

// ---- permissions

class WatchedDirectories : public HostSensorTest {
protected:
    void SetUp() override {
        HostSensorTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        tree.directory("usr/bin");
        tree.file("usr/lib/a.so");
        start(std::make_unique<DirectoriesTopic>());
        facts.clear();
    }
    const facts::RecordedFact* wait_for_weak(std::string_view path, std::string_view by) {
        return wait_for([&](const facts::RecordedFact& fact) {
            return text_of(fact, "Path") == path && text_of(fact, "WritableBy") == by;
        });
    }
};

TEST_F(WatchedDirectories, ChmodOfAnEntryAndBack) {
    const std::uint64_t began = boot_clock_now_ns();
    tree.set("usr/lib/a.so", 0666);
    const auto* weak = wait_for_weak("/usr/lib/a.so", "other");
    ASSERT_NE(weak, nullptr);
    RecordProperty("told_after_ms", static_cast<int>((boot_clock_now_ns() - began) / 1'000'000));
    expect_me(*weak);
    tree.set("usr/lib/a.so", 0644);
    EXPECT_NE(wait_for_weak("/usr/lib/a.so", ""), nullptr);
}

TEST_F(WatchedDirectories, ChmodOfASystemDirectory) {
    tree.set("usr/bin", 0777);
    const auto* weak = wait_for_weak("/usr/bin", "other");
    ASSERT_NE(weak, nullptr);
    expect_me(*weak);
    tree.set("usr/bin", 0755);
    EXPECT_NE(wait_for_weak("/usr/bin", ""), nullptr);
}

TEST_F(WatchedDirectories, ChmodOfTheDirectoryAboveThem) {
    tree.set("usr", 0777);
    EXPECT_NE(wait_for_weak("/usr/bin", "other"), nullptr);
    EXPECT_NE(wait_for_weak("/usr/lib", "other"), nullptr);
}

TEST_F(WatchedDirectories, ChownOfAnEntry) {
    tree.set("usr/lib/a.so", 0644, HostTree::kBob);
    EXPECT_NE(wait_for_weak("/usr/lib/a.so", "user:bob"), nullptr);
}

TEST_F(WatchedDirectories, AnAccessListIsGiven) {
    if (!tree.access_list("usr/lib/a.so", {{.group = false, .id = HostTree::kEve, .bits = 6}})) {
        GTEST_SKIP() << "the temporary directory's file system has no ACLs";
    }
    EXPECT_NE(wait_for_weak("/usr/lib/a.so", "user:eve"), nullptr);
}

TEST_F(WatchedDirectories, AFileOfSomebodyElseIsMadeInANewDirectoryAndDeleted) {
    tree.file("usr/lib/new/deep/b.so", 0644, HostTree::kBob);
    EXPECT_NE(wait_for_weak("/usr/lib/new/deep/b.so", "user:bob"), nullptr);
    tree.remove("usr/lib/new");
    EXPECT_NE(wait_for([](const auto& fact) {
                  return fact.header.gone && text_of(fact, "Path") == "/usr/lib/new/deep/b.so";
              }),
              nullptr);
}

TEST_F(WatchedDirectories, AWeakFileTakesTheNameOfAnother) {
    tree.file("opt/b.so", 0666);
    tree.rename("opt/b.so", "usr/lib/a.so");
    EXPECT_NE(wait_for_weak("/usr/lib/a.so", "other"), nullptr);
}

TEST_F(WatchedDirectories, AGroupGetsAMember) {
    tree.set("usr/lib/a.so", 0664, 0, HostTree::kStaff);
    tree.write("etc/group", "root:x:0:\nstaff:x:50:eve\n");
    EXPECT_NE(wait_for_weak("/usr/lib/a.so", "group:staff"), nullptr);
}

}  // namespace
}  // namespace assay::sensors
