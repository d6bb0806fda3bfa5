// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/file_events.h"

#include <poll.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/mount.h>

#include <vector>

#include "gmock/gmock.h"
#include "refused_call.h"
#include "test_directory.h"

namespace assay::sensors {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using Operation = FileChange::Operation;

struct Told {
    std::string path;
    Operation operation{};
    std::uint32_t pid = 0;
    bool directory = false;
};
void PrintTo(const Told& told, std::ostream* out) {
    *out << (told.operation == Operation::created ? "created " : "renamed ") << told.path << " by "
         << told.pid << (told.directory ? " (directory)" : "");
}

struct State {
    HookState::State state{};
    std::string mechanism, reason;
    std::uint64_t lost = 0;
};

auto created(std::string_view path) {
    return AllOf(Field(&Told::path, std::string(path)),
                 Field(&Told::operation, Operation::created));
}
auto renamed(std::string_view path) {
    return AllOf(Field(&Told::path, std::string(path)),
                 Field(&Told::operation, Operation::renamed));
}
auto by(std::uint32_t pid) { return Field(&Told::pid, pid); }

class FileEventSensor : public testing::Test {
protected:
    FileEventSensor() : root(directory.root()) {}
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "fanotify tells who did it only to root";
        }
    }
    void watch(std::optional<std::vector<std::string>> prefixes) {
        events.emplace(root, FileEvents::Options{.prefixes = std::move(prefixes)});
    }
    std::vector<Told> read() {
        std::vector<Told> told;
        events->read([&](const KernelEvent& event) {
            if (const auto* change = std::get_if<FileChange>(&event)) {
                if (change->path.starts_with("…") && change->path != cut_path) {
                    return;  // by somebody else, elsewhere on this file system
                }
                told.push_back(
                    {std::string(change->path), change->operation, change->pid, change->directory});
                EXPECT_GT(change->time_ns, 0U);
            } else {
                ++states_told;
            }
        });
        return told;
    }
    State state() {
        State told;
        events->read_hook_state([&](const KernelEvent& event) {
            const auto& hook = std::get<HookState>(event);
            EXPECT_EQ(hook.hook, facts::Hook::file_change);
            told = {hook.state, std::string(hook.mechanism), std::string(hook.reason), hook.lost};
        });
        return told;
    }
    /// False, and said, where no whole file system can be watched.
    bool watches_filesystems() {
        const auto now = state();
        if (now.state == HookState::State::missing) {
            std::cout << "not tried here: " << now.reason << std::endl;
            return false;
        }
        return true;
    }
    /// inotify does not say who it was.
    std::uint32_t known(std::uint32_t pid) { return state().mechanism == "fanotify" ? pid : 0; }
    template <class Act>
    std::uint32_t other(Act&& act) {
        return in_another_process(std::forward<Act>(act));
    }

    TestDirectory directory;
    HostRoot root;
    std::optional<FileEvents> events;
    int states_told = 0;
    std::string_view cut_path;  ///< the one that the test expects
};

TEST_F(FileEventSensor, TellsFilesThatBeginWithAPrefixAndWhoMadeThem) {
    directory.make_directory("etc/cron.d");
    directory.make_directory("etc/other");
    watch({{"/etc/cron.d/", "/etc/sudo"}});
    EXPECT_EQ(state().state, HookState::State::attached);
    const auto pid = other([&] {
        directory.write("etc/cron.d/job");
        directory.write("etc/other/file");
        directory.write("etc/file");
        directory.write("etc/sudoers.new");
        directory.move("etc/sudoers.new", "etc/sudoers");
    });
    EXPECT_THAT(read(), ElementsAre(AllOf(created("/etc/cron.d/job"), by(known(pid))),
                                    AllOf(created("/etc/sudoers.new"), by(known(pid))),
                                    AllOf(renamed("/etc/sudoers"), by(known(pid)))));
    EXPECT_THAT(read(), IsEmpty());
    EXPECT_EQ(events->lost(), 0U);
}

TEST_F(FileEventSensor, OurOwnFilesAreNotTold) {
    watch({{"/etc/"}});
    if (state().mechanism != "fanotify") {
        GTEST_SKIP() << "not this by " << state().mechanism << ": " << state().reason;
    }
    EXPECT_EQ(state().reason, "");
    directory.make_directory("etc");
    directory.write("etc/file");
    EXPECT_THAT(read(), IsEmpty());
    const auto pid = other([&] { directory.write("etc/theirs"); });
    EXPECT_THAT(read(), ElementsAre(AllOf(created("/etc/theirs"), by(known(pid)))));
}

TEST_F(FileEventSensor, ADirectoryThatComesLaterIsWatched) {
    watch({{"/etc/cron.d/"}});
    other([&] { directory.make_directory("etc"); });
    EXPECT_THAT(read(), IsEmpty());
    other([&] { directory.make_directory("etc/cron.d"); });
    EXPECT_THAT(read(), IsEmpty());
    const auto pid = other([&] { directory.make_directory("etc/cron.d/sub"); });
    EXPECT_THAT(read(), ElementsAre(AllOf(created("/etc/cron.d/sub"), by(known(pid)),
                                          Field(&Told::directory, true))));
    other([&] { directory.write("etc/cron.d/sub/job"); });
    EXPECT_THAT(read(), ElementsAre(created("/etc/cron.d/sub/job")));
}

TEST_F(FileEventSensor, WhatWasMadeInANewDirectoryBeforeItWasWatchedIsToldWithoutWho) {
    watch({{"/etc/cron.d/"}});
    const auto pid = other([&] {
        directory.make_directory("etc/cron.d/a/b");
        directory.write("etc/cron.d/a/b/job");
        directory.write("etc/unrelated");
    });
    EXPECT_NE(pid, 0U);
    EXPECT_THAT(read(), UnorderedElementsAre(AllOf(created("/etc/cron.d/a"), by(0)),
                                             AllOf(created("/etc/cron.d/a/b"), by(0)),
                                             AllOf(created("/etc/cron.d/a/b/job"), by(0))));
    EXPECT_THAT(read(), IsEmpty());
}

TEST_F(FileEventSensor, WhatComesWithADirectoryThatIsMovedHereIsTold) {
    directory.make_directory("etc/cron.d");
    directory.make_directory("home/jobs/below");
    directory.write("home/jobs/below/job");
    watch({{"/etc/cron.d/"}});
    const auto pid = other([&] { directory.move("home/jobs", "etc/cron.d/jobs"); });
    EXPECT_THAT(read(),
                UnorderedElementsAre(AllOf(renamed("/etc/cron.d/jobs"), by(known(pid))),
                                     AllOf(renamed("/etc/cron.d/jobs/below"), by(known(pid))),
                                     AllOf(renamed("/etc/cron.d/jobs/below/job"), by(known(pid)))));
    other([&] { directory.write("etc/cron.d/jobs/below/more"); });
    EXPECT_THAT(read(), ElementsAre(created("/etc/cron.d/jobs/below/more")));
}

TEST_F(FileEventSensor, ADirectoryThatWasMovedAwayIsNotToldAnyMore) {
    directory.make_directory("etc/cron.d/below");
    directory.make_directory("home");
    watch({{"/etc/cron.d/"}});
    other([&] { directory.move("etc/cron.d", "home/cron.d"); });
    EXPECT_THAT(read(), IsEmpty());
    other([&] {
        directory.write("home/cron.d/file");
        directory.write("home/cron.d/below/file");
    });
    EXPECT_THAT(read(), IsEmpty());
    other([&] { directory.move("home/cron.d", "etc/cron.d"); });
    EXPECT_THAT(read(),
                UnorderedElementsAre(renamed("/etc/cron.d/below"), renamed("/etc/cron.d/file"),
                                     renamed("/etc/cron.d/below/file")));
    other([&] { directory.write("etc/cron.d/below/again"); });
    EXPECT_THAT(read(), ElementsAre(created("/etc/cron.d/below/again")));
}

TEST_F(FileEventSensor, CaseOfAPrefixDoesNotCount) {
    directory.make_directory("ETC/Cron.D");
    directory.make_directory("etc");
    watch({{"/etc/cron.d/"}});
    other([&] {
        directory.write("ETC/Cron.D/job");
        directory.make_directory("etc/CRON.D");
    });
    EXPECT_THAT(read(), ElementsAre(created("/ETC/Cron.D/job")));
    other([&] { directory.write("etc/CRON.D/job"); });
    EXPECT_THAT(read(), ElementsAre(created("/etc/CRON.D/job")));
}

TEST_F(FileEventSensor, ALinkIsNotFollowed) {
    directory.make_directory("usr/lib/systemd");
    std::filesystem::create_symlink("usr/lib", directory / "lib");
    watch({{"/lib/systemd/"}});
    other([&] { directory.write("usr/lib/systemd/unit"); });
    EXPECT_THAT(read(), IsEmpty());
    watch({{"/usr/lib/systemd/"}});
    other([&] { directory.write("lib/systemd/unit2"); });
    EXPECT_THAT(read(), ElementsAre(created("/usr/lib/systemd/unit2")));
}

TEST_F(FileEventSensor, EverythingIsSeenWhereNoPrefixBoundsIt) {
    directory.make_directory("a/b");
    watch(std::nullopt);
    if (!watches_filesystems()) {
        return;
    }
    EXPECT_EQ(state().mechanism, "fanotify");
    const TestDirectory elsewhere;
    const auto pid = other([&] {
        elsewhere.write("outside");
        directory.write("a/b/file");
        directory.make_directory("a/new/new");
        directory.write("a/new/new/file");
    });
    EXPECT_THAT(read(), ElementsAre(AllOf(created("/a/b/file"), by(known(pid))), created("/a/new"),
                                    created("/a/new/new"),
                                    AllOf(created("/a/new/new/file"), by(known(pid)))));
    directory.make_directory("ours");
    EXPECT_THAT(read(), IsEmpty());
}

TEST_F(FileEventSensor, AMovedTreeIsToldWhereTheWholeFileSystemIsWatched) {
    directory.make_directory("tree/below");
    directory.write("tree/below/file");
    watch(std::nullopt);
    if (!watches_filesystems()) {
        return;
    }
    const auto pid = other([&] { directory.move("tree", "moved"); });
    EXPECT_THAT(read(), UnorderedElementsAre(AllOf(renamed("/moved"), by(known(pid))),
                                             AllOf(renamed("/moved/below"), by(known(pid))),
                                             AllOf(renamed("/moved/below/file"), by(known(pid)))));
}

TEST_F(FileEventSensor, AnEmptyPrefixIsEverything) {
    watch({{"/etc/", ""}});
    if (!watches_filesystems()) {
        return;
    }
    other([&] { directory.write("file"); });
    EXPECT_THAT(read(), ElementsAre(created("/file")));
}

TEST_F(FileEventSensor, VeryManyDirectoriesAreWatchedAsAWhole) {
    directory.make_directory("etc");
    for (int i = 0; i < 2'100; ++i) {
        ASSERT_EQ(::mkdir((directory / ("etc/" + std::to_string(i))).c_str(), 0700), 0);
    }
    watch({{"/etc/"}});
    other([&] {
        directory.write("etc/2000/file");
        directory.write("not-asked-for");
    });
    EXPECT_THAT(read(), ElementsAre(created("/etc/2000/file")));
}

TEST_F(FileEventSensor, APrefixThatNothingCanHaveIsNoTrouble) {
    watch({{"relative", "/proc/1/x", "…/"}});
    EXPECT_EQ(state().state, HookState::State::attached);
    other([&] { directory.write("relative"); });
    EXPECT_THAT(read(), IsEmpty());
}

TEST_F(FileEventSensor, ADirectoryThatIsGoneTooSoonIsCountedAndItsFilesAreToldWithACutPath) {
    directory.make_directory("old");
    watch(std::nullopt);
    if (!watches_filesystems()) {
        return;
    }
    other([&] {
        directory.write("old/file-of-the-test");
        directory.remove("old");
    });
    cut_path = "…/file-of-the-test";
    EXPECT_THAT(read(), Contains(created(cut_path)));
    EXPECT_GE(events->lost(), 1U);
    EXPECT_GE(states_told, 1);
    EXPECT_THAT(state().reason, HasSubstr("directory gone before its name could be read"));
}

TEST_F(FileEventSensor, IsReadableWhenThereIsNews) {
    watch({{"/etc/"}});
    pollfd waiting{.fd = events->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 0);
    other([&] { directory.make_directory("etc"); });
    EXPECT_EQ(::poll(&waiting, 1, 0), 1);
    (void)read();
    EXPECT_EQ(::poll(&waiting, 1, 0), 0);
}

TEST_F(FileEventSensor, WithoutFanotifyFilesAreSeenAndWhoMadeThemIsNot) {
    directory.make_directory("etc");
    other([&] {
        refuse_call(SYS_fanotify_init, EPERM);
        watch({{"/etc/"}});
        EXPECT_EQ(state().state, HookState::State::attached);
        EXPECT_EQ(state().mechanism, "inotify");
        EXPECT_THAT(state().reason, HasSubstr("who did it is not known"));
        other([&] { directory.write("etc/file"); });
        EXPECT_THAT(read(), ElementsAre(AllOf(created("/etc/file"), by(0))));
        watch(std::nullopt);
        EXPECT_EQ(state().state, HookState::State::missing);
        EXPECT_EQ(state().mechanism, "");
        EXPECT_THAT(state().reason, HasSubstr("fanotify: Operation not permitted"));
    });
}

TEST_F(FileEventSensor, WhereNoWholeFileSystemCanBeWatchedManyDirectoriesAre) {
    directory.make_directory("etc");
    for (int i = 0; i < 2'100; ++i) {
        ASSERT_EQ(::mkdir((directory / ("etc/" + std::to_string(i))).c_str(), 0700), 0);
    }
    other([&] {
        refuse_call(SYS_fanotify_mark, EOPNOTSUPP, FAN_MARK_FILESYSTEM);
        watch({{"/etc/"}});
        EXPECT_EQ(state().state, HookState::State::attached);
        EXPECT_THAT(state().reason, Not(HasSubstr("not seen")));
        const auto pid = other([&] { directory.write("etc/2000/file"); });
        EXPECT_THAT(read(), ElementsAre(AllOf(created("/etc/2000/file"), by(known(pid)))));
        watch(std::nullopt);
        EXPECT_EQ(state().state, HookState::State::missing);
        EXPECT_THAT(state().reason, HasSubstr("watching the file system at /"));
    });
}

TEST_F(FileEventSensor, WithNothingToWatchByItSaysSo) {
    other([&] {
        refuse_call(SYS_fanotify_init, EPERM);
        refuse_call(SYS_inotify_init1, ENOSYS);
        watch({{"/etc/"}});
        EXPECT_EQ(events->fd(), -1);
        EXPECT_EQ(state().state, HookState::State::missing);
        EXPECT_THAT(state().reason, HasSubstr("inotify: Function not implemented"));
        EXPECT_THAT(read(), IsEmpty());
    });
}

class FileEventSensorInOwnMounts : public FileEventSensor {
protected:
    template <class Body>
    void in_own_mounts(Body&& body) {
        (void)in_another_process([&] {
            ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
            ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
            root = directory.root();
            body();
        });
    }
    /// False, and said, where a tmpfs has no file handles (before 5.13).
    bool sees_tmpfs() {
        const std::string why = state().reason;
        if (why.contains("No such device (tmpfs)")) {
            std::cout << "not tried here: " << why << std::endl;
            return false;
        }
        return true;
    }
    void mount_tmpfs(std::string_view at) {
        ASSERT_EQ(::mount("test", (directory / at).c_str(), "tmpfs", 0, nullptr), 0);
    }
};

TEST_F(FileEventSensorInOwnMounts, EveryMountedFileSystemIsSeen) {
    directory.make_directory("mem");
    in_own_mounts([&] {
        mount_tmpfs("mem");
        watch(std::nullopt);
        if (!watches_filesystems() || !sees_tmpfs()) {
            return;
        }
        other([&] {
            directory.write("mem/x");
            directory.write("y");
        });
        EXPECT_THAT(read(), UnorderedElementsAre(created("/mem/x"), created("/y")));
    });
}

TEST_F(FileEventSensorInOwnMounts, AMountThatComesLaterIsSeen) {
    directory.make_directory("etc/mem");
    in_own_mounts([&] {
        for (const bool everything : {false, true}) {
            watch(everything ? std::nullopt : std::optional(std::vector<std::string>{"/etc/"}));
            if (!watches_filesystems()) {
                return;
            }
            EXPECT_THAT(read(), IsEmpty());
            mount_tmpfs("etc/mem");
            EXPECT_THAT(read(), IsEmpty());
            if (!sees_tmpfs()) {
                return;
            }
            other([&] { directory.write("etc/mem/x"); });
            EXPECT_THAT(read(), ElementsAre(created("/etc/mem/x")));
            ASSERT_EQ(::umount((directory / "etc/mem").c_str()), 0);
        }
    });
}

TEST_F(FileEventSensorInOwnMounts, AnotherNamespacesOwnMountsAreNotSeenButWhatItWritesHereIs) {
    directory.make_directory("shared");
    directory.make_directory("own");
    watch(std::nullopt);
    if (!watches_filesystems()) {
        return;
    }
    in_own_mounts([&] {
        mount_tmpfs("own");
        directory.write("own/hidden");
        directory.write("shared/visible");
    });
    EXPECT_THAT(read(), ElementsAre(created("/shared/visible")));
}

TEST_F(FileEventSensorInOwnMounts, AFileMadeInAContainersOverlayIsSeenInItsUpperDirectory) {
    for (const char* part : {"lower/etc", "upper", "work", "merged"}) {
        directory.make_directory(part);
    }
    watch(std::nullopt);
    if (!watches_filesystems()) {
        return;
    }
    in_own_mounts([&] {
        const std::string options = "lowerdir=" + (directory / "lower") +
                                    ",upperdir=" + (directory / "upper") +
                                    ",workdir=" + (directory / "work");
        if (::mount("overlay", (directory / "merged").c_str(), "overlay", 0, options.c_str()) !=
            0) {
            std::cout << "not tried: this kernel mounts no overlay here" << std::endl;
            directory.write("upper/file");
            return;
        }
        directory.write("merged/file");
    });
    EXPECT_THAT(read(), Contains(created("/upper/file")));
}

}  // namespace
}  // namespace assay::sensors
