// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/file_watch.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

#include <vector>

#include "gmock/gmock.h"
#include "refused_call.h"
#include "test_directory.h"

namespace assay::sensors {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using What = WatchedChange::What;

struct Seen {
    What what{};
    std::string path;
    std::uint32_t pid = 0;
    bool directory = false;
};
void PrintTo(const Seen& seen, std::ostream* out) {
    constexpr std::array<std::string_view, 5> kNames{"created", "renamed_to", "removed", "written",
                                                     "attributes"};
    *out << kNames.at(static_cast<std::size_t>(seen.what)) << ' ' << seen.path << " by " << seen.pid
         << (seen.directory ? " (directory)" : "");
}

std::vector<Seen> read(FileWatch& watch, std::uint64_t* overflows = nullptr) {
    std::vector<Seen> seen;
    const std::uint64_t lost = watch.read([&](const WatchedChange& change) {
        EXPECT_GT(change.time_ns, 0U);
        if (change.path.starts_with("…") && change.path != "…/entry-of-the-test") {
            return;  // by somebody else, elsewhere on a file system that is watched whole
        }
        seen.push_back({change.what, std::string(change.path), change.pid, change.directory});
    });
    if (overflows != nullptr) {
        *overflows = lost;
    } else {
        EXPECT_EQ(lost, 0U);
    }
    return seen;
}

auto is(What what, std::string_view path) {
    return AllOf(Field(&Seen::what, what), Field(&Seen::path, std::string(path)));
}

bool readable(const FileWatch& watch) {
    pollfd waiting{.fd = watch.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1;
}

class FileWatching : public testing::Test {
protected:
    FileWatching() : root(directory.root()) {
        auto opened = FileWatch::open(root);
        if (opened) {
            watch.emplace(*std::move(opened));
        }
    }
    void SetUp() override { ASSERT_TRUE(watch); }
    /// What the kernel says of who did it: only fanotify, and only to root.
    [[nodiscard]] std::uint32_t known(std::uint32_t pid) const {
        return watch->mechanism() == "fanotify" && ::geteuid() == 0 ? pid : 0;
    }

    TestDirectory directory;
    HostRoot root;
    std::optional<FileWatch> watch;
};

TEST_F(FileWatching, TellsWhatHappensInADirectoryAndWhoDidIt) {
    directory.make_directory("etc");
    ASSERT_TRUE(watch->watch_directory("/etc"));
    EXPECT_FALSE(readable(*watch));
    const std::uint32_t pid = in_another_process([&] { directory.write("etc/passwd"); });
    EXPECT_TRUE(readable(*watch));
    const auto seen = read(*watch);
    EXPECT_THAT(seen, Contains(is(What::created, "/etc/passwd")));
    EXPECT_THAT(seen, Contains(is(What::written, "/etc/passwd")));
    EXPECT_THAT(seen, Each(Field(&Seen::pid, known(pid))));
    EXPECT_THAT(seen, Each(Field(&Seen::directory, false)));
    EXPECT_FALSE(readable(*watch));
}

TEST_F(FileWatching, ReadingIsNoChange) {
    directory.write("file");
    ASSERT_TRUE(watch->watch_directory("/"));
    EXPECT_TRUE(root.read_file("file"));
    EXPECT_TRUE(root.list_directory(""));
    EXPECT_THAT(read(*watch), IsEmpty());
}

TEST_F(FileWatching, TellsBothEndsOfARename) {
    directory.write("before");
    ASSERT_TRUE(watch->watch_directory("/"));
    directory.move("before", "after");
    EXPECT_THAT(read(*watch),
                ElementsAre(is(What::removed, "/before"), is(What::renamed_to, "/after")));
}

TEST_F(FileWatching, TellsAFileThatReplacesAnother) {
    directory.write("new");
    directory.write("config");
    ASSERT_TRUE(watch->watch_directory("/"));
    ASSERT_TRUE(watch->watch_file("/config"));
    directory.move("new", "config");
    EXPECT_THAT(read(*watch), Contains(is(What::renamed_to, "/config")));
    // What was /config is gone, and with it that watch; the directory's goes on.
    directory.write("config", "more");
    EXPECT_THAT(read(*watch), Contains(is(What::written, "/config")));
}

TEST_F(FileWatching, TellsDeletion) {
    directory.write("file");
    directory.make_directory("below");
    ASSERT_TRUE(watch->watch_directory("/"));
    directory.remove("file");
    directory.remove("below");
    const auto seen = read(*watch);
    EXPECT_THAT(seen, Contains(AllOf(is(What::removed, "/file"), Field(&Seen::directory, false))));
    EXPECT_THAT(seen, Contains(AllOf(is(What::removed, "/below"), Field(&Seen::directory, true))));
}

TEST_F(FileWatching, TellsAttributesOfTheDirectoryItsEntriesAndItsSubdirectories) {
    directory.make_directory("etc/below");
    directory.write("etc/file");
    ASSERT_TRUE(watch->watch_directory("/etc"));
    ASSERT_EQ(::chmod((directory / "etc").c_str(), 0700), 0);
    EXPECT_THAT(read(*watch),
                ElementsAre(AllOf(is(What::attributes, "/etc"), Field(&Seen::directory, true))));
    ASSERT_EQ(::chmod((directory / "etc/file").c_str(), 0644), 0);
    EXPECT_THAT(read(*watch), ElementsAre(is(What::attributes, "/etc/file")));
    ASSERT_EQ(::chmod((directory / "etc/below").c_str(), 0711), 0);
    EXPECT_THAT(read(*watch), ElementsAre(is(What::attributes, "/etc/below")));
}

TEST_F(FileWatching, TellsOneFileUnderThePathItWasWatchedBy) {
    directory.write("dir-less");
    directory.write("other");
    ASSERT_TRUE(watch->watch_file("/dir-less"));
    directory.write("other", "not watched");
    EXPECT_THAT(read(*watch), IsEmpty());
    directory.write("dir-less", "more");
    EXPECT_THAT(read(*watch), AllOf(Not(IsEmpty()), Each(is(What::written, "/dir-less"))));
    ASSERT_EQ(::chmod((directory / "dir-less").c_str(), 0644), 0);
    EXPECT_THAT(read(*watch), ElementsAre(is(What::attributes, "/dir-less")));
    directory.move("dir-less", "elsewhere");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::removed, "/dir-less")));
}

TEST_F(FileWatching, WatchingAgainChangesNothing) {
    ASSERT_TRUE(watch->watch_directory("/"));
    ASSERT_TRUE(watch->watch_directory("/"));
    EXPECT_EQ(watch->size(), 1U);
    directory.make_directory("one");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/one")));
}

TEST_F(FileWatching, TellsEachPathThatLeadsToADirectory) {
    directory.make_directory("usr/bin");
    std::filesystem::create_symlink("usr/bin", directory / "bin");
    ASSERT_TRUE(watch->watch_directory("/bin"));
    ASSERT_TRUE(watch->watch_directory("/usr/bin"));
    directory.make_directory("usr/bin/x");
    EXPECT_THAT(read(*watch), testing::UnorderedElementsAre(is(What::created, "/bin/x"),
                                                            is(What::created, "/usr/bin/x")));
}

TEST_F(FileWatching, ALinkOutOfTheRootStaysInTheRoot) {
    std::filesystem::create_symlink("/tmp", directory / "link");
    const auto watched = watch->watch_directory("/link");
    ASSERT_FALSE(watched);
    EXPECT_THAT(watched.error().message, HasSubstr("/link"));
    std::filesystem::create_symlink("../../../..", directory / "up");
    ASSERT_TRUE(watch->watch_directory("/up"));
    directory.make_directory("here");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/up/here")));
}

TEST_F(FileWatching, ADirectoryThatWasReplacedIsWatchedAnew) {
    directory.make_directory("etc");
    ASSERT_TRUE(watch->watch_directory("/etc"));
    directory.move("etc", "old");
    directory.make_directory("etc");
    (void)read(*watch);
    ASSERT_TRUE(watch->watch_directory("/etc"));
    directory.write("old/x");
    EXPECT_THAT(read(*watch), IsEmpty());
    directory.make_directory("etc/x");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/etc/x")));
}

TEST_F(FileWatching, ADirectoryThatWasMovedIsNotToldUnderItsOldName) {
    directory.make_directory("etc/below");
    ASSERT_TRUE(watch->watch_directory("/etc"));
    ASSERT_TRUE(watch->watch_directory("/etc/below"));
    directory.move("etc", "old");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::removed, "/etc")));
    directory.write("old/x");
    directory.write("old/below/x");
    EXPECT_THAT(read(*watch), IsEmpty());
    EXPECT_EQ(watch->size(), 0U);
}

TEST_F(FileWatching, WhatDoesNotExistIsAnError) {
    const auto watched = watch->watch_directory("/missing");
    ASSERT_FALSE(watched);
    EXPECT_THAT(watched.error().message, HasSubstr("watching /missing: opening missing"));
    directory.write("file");
    EXPECT_FALSE(watch->watch_directory("/file"));
}

TEST_F(FileWatching, ForgetsAll) {
    ASSERT_TRUE(watch->watch_directory("/"));
    directory.write("before");
    watch->clear();
    directory.write("after");
    EXPECT_THAT(read(*watch), IsEmpty());
    ASSERT_TRUE(watch->watch_directory("/"));
    directory.make_directory("again");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/again")));
}

TEST_F(FileWatching, OnlyNamesWhenOnlyNamesAreAskedFor) {
    auto names = FileWatch::open(root, FileWatch::Interest::names);
    ASSERT_TRUE(names);
    ASSERT_TRUE(names->watch_directory("/"));
    directory.write("file");
    directory.write("file", "more");
    ASSERT_EQ(::chmod((directory / "file").c_str(), 0644), 0);
    directory.move("file", "other");
    directory.remove("other");
    EXPECT_THAT(read(*names),
                ElementsAre(is(What::created, "/file"), is(What::renamed_to, "/other")));
}

TEST_F(FileWatching, TheCallbackMayWatchMore) {
    ASSERT_TRUE(watch->watch_directory("/"));
    directory.make_directory("new");
    (void)watch->read([&](const WatchedChange& change) {
        if (change.directory) {
            EXPECT_TRUE(watch->watch_directory(std::string(change.path)));
        }
    });
    directory.make_directory("new/below");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/new/below")));
}

TEST_F(FileWatching, AFullQueueIsCounted) {
    if (watch->mechanism() != "fanotify") {
        GTEST_SKIP() << "no fanotify here: the queue of inotify has another length";
    }
    const auto limit =
        HostRoot::open("/").value().read_file("proc/sys/fs/fanotify/max_queued_events");
    const std::size_t longest = limit ? std::stoul(*limit) : 16'384;  // before 5.13 it is fixed
    if (longest > 65'536) {
        GTEST_SKIP() << "fs.fanotify.max_queued_events is " << longest << ": too many to fill";
    }
    ASSERT_TRUE(watch->watch_directory("/"));
    for (std::size_t i = 0; i < longest + 10; ++i) {
        if (::mknod((directory / std::to_string(i)).c_str(), S_IFREG | 0600, 0) != 0) {
            ASSERT_EQ(errno, ENOSPC);
            GTEST_SKIP() << "no room for " << longest << " files at " << directory.path();
        }
    }
    std::uint64_t overflows = 0;
    const auto seen = read(*watch, &overflows);
    EXPECT_EQ(overflows, 1U);
    EXPECT_GE(seen.size(), longest - 10);
}

/// Things that only a namespace of our own makes possible; the host's mounts stay as they are.
class InOwnMounts : public FileWatching {
protected:
    void SetUp() override {
        FileWatching::SetUp();
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root for a mount namespace";
        }
    }
    /// In a process of its own: a mount namespace cannot be left.
    template <class Body>
    void in_own_mounts(Body&& body) {
        (void)in_another_process([&] {
            ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
            ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
            root = directory.root();  // as it is in this namespace
            watch = FileWatch::open(root).value();
            body();
        });
    }
};

TEST_F(InOwnMounts, ATmpfsIsWatchedByEitherMechanism) {
    in_own_mounts([&] {
        directory.make_directory("mem");
        ASSERT_EQ(::mount("mem", (directory / "mem").c_str(), "tmpfs", 0, nullptr), 0);
        ASSERT_TRUE(watch->watch_directory("/mem"));
        directory.make_directory("mem/x");
        EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/mem/x")));
    });
}

TEST_F(InOwnMounts, AnOverlayIsWatchedByEitherMechanism) {
    in_own_mounts([&] {
        for (const char* part : {"lower", "upper", "work", "merged"}) {
            directory.make_directory(part);
        }
        const std::string options = "lowerdir=" + (directory / "lower") +
                                    ",upperdir=" + (directory / "upper") +
                                    ",workdir=" + (directory / "work");
        if (::mount("overlay", (directory / "merged").c_str(), "overlay", 0, options.c_str()) !=
            0) {
            std::cout << "not tried: this kernel mounts no overlay here" << std::endl;
            return;
        }
        ASSERT_TRUE(watch->watch_directory("/merged"));
        directory.make_directory("merged/x");
        EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/merged/x")));
    });
}

TEST_F(InOwnMounts, WhatIsWatchedCanBeUnmounted) {
    in_own_mounts([&] {
        directory.make_directory("mem");
        ASSERT_EQ(::mount("mem", (directory / "mem").c_str(), "tmpfs", 0, nullptr), 0);
        ASSERT_TRUE(watch->watch_directory("/mem"));
        (void)watch->watch_filesystem("/mem");
        directory.make_directory("mem/x");
        EXPECT_THAT(read(*watch), Not(IsEmpty()));
        EXPECT_EQ(::umount((directory / "mem").c_str()), 0) << "somebody keeps it busy";
    });
}

/// What other kernels and sandboxes refuse.
class RefusedFileWatching : public FileWatching {
protected:
    template <class Body>
    void with_refused(std::uint32_t call, int error_number, Body&& body) {
        (void)in_another_process([&] {
            refuse_call(call, error_number);
            directory.remove("etc");
            directory.remove("old");
            auto opened = FileWatch::open(root);
            ASSERT_TRUE(opened);
            watch.emplace(*std::move(opened));
            body();
        });
    }
    /// The acts of a day, as inotify tells them.
    void expect_inotify() {
        EXPECT_EQ(watch->mechanism(), "inotify");
        directory.make_directory("etc");
        ASSERT_TRUE(watch->watch_directory("/etc"));
        EXPECT_EQ(watch->mechanism(), "inotify");
        directory.write("etc/file");
        EXPECT_THAT(read(*watch),
                    AllOf(Contains(AllOf(is(What::created, "/etc/file"), Field(&Seen::pid, 0U))),
                          Contains(is(What::written, "/etc/file"))));
        ASSERT_TRUE(watch->watch_file("/etc/file"));
        ASSERT_EQ(::chmod((directory / "etc/file").c_str(), 0644), 0);
        EXPECT_THAT(read(*watch), Each(is(What::attributes, "/etc/file")));
        directory.move("etc/file", "etc/other");
        EXPECT_THAT(read(*watch), AllOf(Contains(is(What::removed, "/etc/file")),
                                        Contains(is(What::renamed_to, "/etc/other"))));
        directory.move("etc", "old");
        EXPECT_THAT(read(*watch), Contains(AllOf(is(What::removed, "/etc"))));
        directory.write("old/x");
        EXPECT_THAT(read(*watch), IsEmpty());
        EXPECT_EQ(watch->size(), 0U);
        EXPECT_FALSE(watch->watch_filesystem("/"));
    }
    void expect_inotify_mechanism() {
        EXPECT_EQ(watch->mechanism(), "inotify");
        directory.make_directory("etc/x");
        EXPECT_THAT(read(*watch), ElementsAre(is(What::created, "/etc/x")));
    }
};

TEST_F(RefusedFileWatching, WithoutFanotifyItIsInotify) {
    with_refused(SYS_fanotify_init, EPERM, [&] { expect_inotify(); });
    with_refused(SYS_fanotify_init, ENOSYS, [&] { expect_inotify(); });
}

TEST_F(RefusedFileWatching, WithoutFileHandlesItIsInotify) {
    with_refused(SYS_name_to_handle_at, EOPNOTSUPP, [&] {
        directory.make_directory("etc");
        ASSERT_TRUE(watch->watch_directory("/etc"));
        expect_inotify_mechanism();
    });
    with_refused(SYS_fanotify_mark, ENODEV, [&] {
        directory.make_directory("etc");
        ASSERT_TRUE(watch->watch_directory("/etc"));
        expect_inotify_mechanism();
    });
}

TEST_F(RefusedFileWatching, ALimitIsCalledByItsName) {
    with_refused(SYS_fanotify_mark, ENOSPC, [&] {
        const auto watched = watch->watch_directory("/");
        ASSERT_FALSE(watched);
        EXPECT_THAT(watched.error().message,
                    AllOf(HasSubstr("watching /"), HasSubstr("raise fs.fanotify.max_user_marks")));
    });
    (void)in_another_process([&] {
        refuse_call(SYS_fanotify_init, EMFILE);
        refuse_call(SYS_inotify_add_watch, ENOSPC);
        auto opened = FileWatch::open(root);
        ASSERT_TRUE(opened);
        const auto watched = opened->watch_directory("/");
        ASSERT_FALSE(watched);
        EXPECT_THAT(watched.error().message, HasSubstr("raise fs.inotify.max_user_watches"));
    });
    (void)in_another_process([&] {
        refuse_call(SYS_fanotify_init, EMFILE);
        refuse_call(SYS_inotify_init1, EMFILE);
        const auto opened = FileWatch::open(root);
        ASSERT_FALSE(opened);
        EXPECT_THAT(opened.error().message, AllOf(HasSubstr("fs.fanotify.max_user_groups"),
                                                  HasSubstr("fs.inotify.max_user_instances")));
    });
}

class WholeFilesystems : public InOwnMounts {};

TEST_F(WholeFilesystems, TellWhatIsBelowTheHostRootAndNothingElse) {
    directory.make_directory("a/b/c");
    if (const auto watched = watch->watch_filesystem("/"); !watched) {
        GTEST_SKIP() << watched.error().message;
    }
    const TestDirectory elsewhere;
    elsewhere.write("outside");
    directory.make_directory("a/b/c/d");
    directory.make_directory("a/b/c/d/e");
    EXPECT_THAT(read(*watch),
                ElementsAre(is(What::created, "/a/b/c/d"), is(What::created, "/a/b/c/d/e")));
    directory.move("a", "z");
    directory.make_directory("z/b/c/d/f");
    EXPECT_THAT(read(*watch), ElementsAre(is(What::removed, "/a"), is(What::renamed_to, "/z"),
                                          is(What::created, "/z/b/c/d/f")));
}

TEST_F(WholeFilesystems, ADirectoryThatWasGoneWhenItWasReadIsToldAsSuch) {
    directory.make_directory("old");
    if (const auto watched = watch->watch_filesystem("/"); !watched) {
        GTEST_SKIP() << watched.error().message;
    }
    directory.make_directory("old/entry-of-the-test");
    directory.remove("old");
    const auto seen = read(*watch);
    EXPECT_THAT(seen, Contains(is(What::created, "…/entry-of-the-test")));
    EXPECT_GE(watch->unnamed(), 1U);
}

}  // namespace
}  // namespace assay::sensors
