// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/file_events.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "sensors/files/file_watch.h"
#include "sensors/files/kernel_path.h"
#include "sensors/files/mounts.h"
#include "sensors/files/path_prefixes.h"

namespace assay::sensors {
namespace {

/// With more directories to watch, whole file systems are cheaper to begin and need no care.
constexpr std::size_t kManyDirectories = 2'048;
/// Where a file system cannot be watched whole.
constexpr std::size_t kMostDirectories = 32'768;
constexpr std::size_t kMostContents = 4'096;
constexpr unsigned kMostRounds = 16;
constexpr std::size_t kMostReasons = 3;
constexpr std::size_t kLongestMountinfo = 16 * 1024 * 1024;

struct Entry {
    std::string name;
    bool directory = false;
};

/// Entries of an open directory. What is made meanwhile may be missing.
std::vector<Entry> entries_of(UniqueFd directory) {
    std::vector<Entry> entries;
    const int fd = directory.get();
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
    if (!stream) {
        return entries;
    }
    (void)directory.take();  // the stream closes it
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = &entry->d_name[0];
        if (name == "." || name == "..") {
            continue;
        }
        bool is_directory = entry->d_type == DT_DIR;
        if (entry->d_type == DT_UNKNOWN) {
            struct stat status{};
            is_directory = ::fstatat(fd, &entry->d_name[0], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                           S_ISDIR(status.st_mode);
        }
        entries.push_back({std::string(name), is_directory});
    }
    return entries;
}

bool is_view_of_the_kernel(int fd) {
    struct statfs filesystem{};
    if (::fstatfs(fd, &filesystem) != 0) {
        return false;
    }
    constexpr std::array kMagic{PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
                                CGROUP2_SUPER_MAGIC};
    return std::ranges::any_of(kMagic, [&](auto magic) {
        return static_cast<std::uint64_t>(filesystem.f_type) == static_cast<std::uint64_t>(magic);
    });
}

}  // namespace

struct FileEvents::State {
    explicit State(const HostRoot& of) : host(&of) {}

    /// A change that waits to be told.
    struct Change {
        std::string path;
        FileChange::Operation operation = FileChange::Operation::created;
        std::uint32_t pid = 0;
        bool directory = false;
        std::uint64_t time_ns = 0;
    };

    void begin();
    void watch_as_asked();
    [[nodiscard]] bool wants(std::string_view path) const {
        return !prefixes || prefixes->wants(path);
    }

    // Directories by their prefixes.
    [[nodiscard]] bool watch_tree(const std::string& top, const Change* arrival);
    [[nodiscard]] std::optional<UniqueFd> open_directory(const std::string& path) const;

    // Whole file systems.
    [[nodiscard]] bool watch_filesystems();
    [[nodiscard]] std::vector<Mount> mounts_needed() const;
    [[nodiscard]] std::vector<Mount> host_mounts() const;
    [[nodiscard]] bool mounts_have_changed() const;

    void handle(const Change& change, const OnEvent& on_event);
    void find_contents(const Change& arrival);
    void add_content(const Change& arrival, std::string path, bool directory);
    void tell(const Change& change, const OnEvent& on_event) const;
    [[nodiscard]] std::string reason() const;
    [[nodiscard]] std::uint64_t lost() const;
    void tell_state(const OnEvent& on_event);

    const HostRoot* host;
    std::string root;           ///< how the kernel calls the host root; empty when it is ours
    std::string mountinfo;      ///< the file that tells the mounts
    bool running_host = false;  ///< mount points in it are below the host root
    std::optional<UniqueFd> mount_changes;
    std::optional<PathPrefixes> prefixes;
    std::uint32_t own_pid = static_cast<std::uint32_t>(::getpid());
    std::optional<FileWatch> watch;
    bool whole = false;       ///< file systems are watched, not directories
    bool only_trees = false;  ///< file systems cannot be

    std::string nothing_seen;  ///< why, when nothing at all can be seen
    std::map<std::string, std::string> unseen;
    std::uint64_t overflows = 0;
    std::uint64_t contents_lost = 0;
    std::uint64_t directories_lost = 0;
    std::string told_reason;
    std::uint64_t told_lost = 0;

    std::vector<Change> batch;
    std::map<std::string, Change>
        contents;  ///< of directories that came, until an event tells them
};

// --- what is watched -----------------------------------------------------------------------------

void FileEvents::State::begin() {
    const auto top = host->open_path("", O_PATH | O_DIRECTORY);
    const auto path = top ? kernel_path(top->get()) : std::nullopt;
    if (!path) {
        nothing_seen = top ? "/proc/self/fd cannot be read" : top.error().message;
        return;
    }
    root = *path == "/" ? "" : *path;
    const auto first = host->status("proc/1/root");
    const auto here = host->status("");
    running_host = first && here && first->st_dev == here->st_dev && first->st_ino == here->st_ino;
    const HostRoot* const from = running_host ? host : nullptr;
    if (from != nullptr) {
        if (auto file = from->open_file("proc/1/mountinfo")) {
            mount_changes.emplace(*std::move(file));
        }
    } else if (const int fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC); fd >= 0) {
        mount_changes.emplace(fd);
    }
    auto opened = FileWatch::open(*host, FileWatch::Interest::names);
    if (!opened) {
        nothing_seen = opened.error().message;
        return;
    }
    watch.emplace(*std::move(opened));
    watch_as_asked();
}

void FileEvents::State::watch_as_asked() {
    unseen.clear();
    nothing_seen.clear();
    if (!prefixes) {
        whole = true;
        (void)watch_filesystems();
        return;
    }
    if (!whole && (watch_tree("/", nullptr) || only_trees)) {
        return;
    }
    if (!whole) {
        watch->clear();
    }
    if (watch_filesystems() || whole) {
        whole = true;
        return;
    }
    // What cannot be watched whole may still be watched directory by directory.
    only_trees = true;
    watch->clear();
    watch_as_asked();
}

/// Opens a directory for reading if that is what the kernel calls it: no link leads to it.
std::optional<UniqueFd> FileEvents::State::open_directory(const std::string& path) const {
    auto directory = host->open_path(without_slash(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) {
        return std::nullopt;
    }
    const auto name = kernel_path(directory->get());
    if (!name || path_below(root, *name) != path) {
        return std::nullopt;
    }
    return *std::move(directory);
}

/// Watches every directory from `top` on that the prefixes reach. With `arrival`, what is there
/// already has come with it. False: there are more than should be watched one by one.
bool FileEvents::State::watch_tree(const std::string& top, const Change* arrival) {
    std::vector<std::string> waiting{top};
    bool few = true;
    while (!waiting.empty()) {
        const std::string path = std::move(waiting.back());
        waiting.pop_back();
        auto directory = open_directory(path);
        if (!directory || is_view_of_the_kernel(directory->get())) {
            continue;
        }
        if (watch->size() >= kMostDirectories) {
            ++directories_lost;
            return false;
        }
        if (watch->size() >= kManyDirectories && arrival == nullptr) {
            few = false;
        }
        // First the mark, then the look: nothing falls between.
        if (const auto watched = watch->watch_directory(path); !watched) {
            if (host->exists(without_slash(path))) {
                unseen.insert_or_assign(path, watched.error().message);
            }
            continue;
        }
        for (const Entry& entry : entries_of(*std::move(directory))) {
            auto child = entry_path(path, entry.name);
            if (entry.directory && prefixes->reaches(child)) {
                waiting.push_back(child);
            }
            if (arrival != nullptr) {
                add_content(*arrival, std::move(child), entry.directory);
            }
        }
    }
    return few;
}

std::vector<Mount> FileEvents::State::host_mounts() const {
    if (!mount_changes || ::lseek(mount_changes->get(), 0, SEEK_SET) != 0) {
        return {};
    }
    const auto text = read_all(mount_changes->get(), kLongestMountinfo);
    if (!text) {
        return {};
    }
    auto mounts = parse_mountinfo(*text);
    if (running_host || root.empty()) {
        return mounts;
    }
    // A directory of ours: the mount that it lies on is its root.
    std::vector<Mount> below;
    const Mount* carrier = nullptr;
    for (Mount& mount : mounts) {
        const std::string point = mount.point == "/" ? "" : mount.point;
        if (path_below(point, root) &&
            (carrier == nullptr || mount.point.size() >= carrier->point.size())) {
            carrier = &mount;
        }
    }
    for (const Mount& mount : mounts) {
        if (&mount == carrier) {
            continue;
        }
        if (auto point = path_below(root, mount.point); point && *point != "/") {
            below.push_back(mount);
            below.back().point = *std::move(point);
        }
    }
    if (carrier != nullptr) {
        Mount top = *carrier;
        const std::string point = top.point == "/" ? "" : top.point;
        top.root = entry_path(top.root, without_slash(std::string_view(root).substr(point.size())));
        top.point = "/";
        below.insert(below.begin(), std::move(top));
    }
    return below;
}

/// Those that hold what the prefixes reach, one for each part of a file system.
std::vector<Mount> FileEvents::State::mounts_needed() const {
    auto mounts = host_mounts();
    std::erase_if(mounts, [](const Mount& mount) { return !holds_files(mount); });
    if (prefixes && !prefixes->everything()) {
        std::set<const Mount*> needed;
        for (const Mount& mount : mounts) {
            if (prefixes->wants(entry_path(mount.point, ""))) {
                needed.insert(&mount);
            }
        }
        for (const std::string& prefix : prefixes->all()) {
            const Mount* deepest = nullptr;
            for (const Mount& mount : mounts) {
                const std::string begin = entry_path(mount.point, "");
                const bool holds = PathPrefixes(std::span(&begin, 1)).wants(prefix);
                if (holds && (deepest == nullptr || mount.point.size() >= deepest->point.size())) {
                    deepest = &mount;
                }
            }
            if (deepest != nullptr) {
                needed.insert(deepest);
            }
        }
        std::vector<Mount> kept;
        for (const Mount& mount : mounts) {
            if (needed.contains(&mount)) {
                kept.push_back(mount);
            }
        }
        mounts = std::move(kept);
    }
    // A mount of a part of what another one shows whole adds nothing.
    std::ranges::stable_sort(mounts, {}, [](const Mount& mount) { return mount.root.size(); });
    std::vector<Mount> chosen;
    for (Mount& mount : mounts) {
        const bool shown = std::ranges::any_of(chosen, [&](const Mount& other) {
            return other.device == mount.device &&
                   path_below(other.root == "/" ? "" : other.root, mount.root);
        });
        if (!shown) {
            chosen.push_back(std::move(mount));
        }
    }
    return chosen;
}

/// False when the file system of the host root, or all of them, cannot be watched.
bool FileEvents::State::watch_filesystems() {
    bool any = false;
    for (const Mount& mount : mounts_needed()) {
        const auto watched = watch->watch_filesystem(mount.point);
        any = any || watched;
        if (watched) {
            continue;
        }
        unseen.insert_or_assign(mount.point, watched.error().message + " (" + mount.type + ")");
        if (mount.point == "/") {
            nothing_seen = watched.error().message + " (" + mount.type + ")";
        }
    }
    if (!any && nothing_seen.empty()) {
        nothing_seen =
            unseen.empty() ? "no mounted file system could be found" : unseen.begin()->second;
    }
    return nothing_seen.empty();
}

bool FileEvents::State::mounts_have_changed() const {
    if (!mount_changes) {
        return false;
    }
    pollfd changed{.fd = mount_changes->get(), .events = POLLPRI, .revents = 0};
    return ::poll(&changed, 1, 0) > 0 && (changed.revents & (POLLPRI | POLLERR)) != 0;
}

// --- what happens --------------------------------------------------------------------------------

void FileEvents::State::add_content(const Change& arrival, std::string path, bool directory) {
    if (arrival.pid == own_pid || !wants(path)) {
        return;
    }
    if (contents.size() >= kMostContents) {
        ++contents_lost;
        return;
    }
    const bool moved = arrival.operation == FileChange::Operation::renamed;
    Change content{.path = path,
                   .operation = arrival.operation,
                   .pid = moved ? arrival.pid : 0,
                   .directory = directory,
                   .time_ns = arrival.time_ns};
    contents.insert_or_assign(std::move(path), std::move(content));
}

/// A directory was moved to where its file system is watched whole: the kernel tells of it alone.
void FileEvents::State::find_contents(const Change& arrival) {
    std::vector<std::string> waiting{arrival.path};
    const std::uint64_t lost_before = contents_lost;
    while (!waiting.empty() && contents_lost == lost_before) {
        const std::string path = std::move(waiting.back());
        waiting.pop_back();
        auto directory = open_directory(path);
        if (!directory) {
            continue;
        }
        for (const Entry& entry : entries_of(*std::move(directory))) {
            auto child = entry_path(path, entry.name);
            if (entry.directory && (!prefixes || prefixes->reaches(child))) {
                waiting.push_back(child);
            }
            add_content(arrival, std::move(child), entry.directory);
        }
    }
}

void FileEvents::State::tell(const Change& change, const OnEvent& on_event) const {
    on_event(FileChange{.time_ns = change.time_ns,
                        .pid = change.pid,
                        .path = change.path,
                        .operation = change.operation,
                        .directory = change.directory});
}

void FileEvents::State::handle(const Change& change, const OnEvent& on_event) {
    if (change.directory && !whole && prefixes->reaches(change.path)) {
        (void)watch_tree(change.path, &change);
    } else if (change.directory && whole && change.operation == FileChange::Operation::renamed) {
        find_contents(change);
    }
    if (change.pid != own_pid && wants(change.path)) {
        contents.erase(change.path);  // this one says who it was
        tell(change, on_event);
    }
}

std::uint64_t FileEvents::State::lost() const {
    return overflows + contents_lost + directories_lost + (watch ? watch->unnamed() : 0);
}

std::string FileEvents::State::reason() const {
    std::string reason = nothing_seen;
    const auto add = [&](const std::string& what) {
        reason += reason.empty() ? "" : "; ";
        reason += what;
    };
    std::size_t told = 0;
    for (const auto& [path, why] : unseen) {
        if (why == nothing_seen) {
            continue;
        }
        if (told++ == kMostReasons) {
            add("and more not seen, " + std::to_string(unseen.size()) + " in all");
            break;
        }
        add("not seen: " + why);
    }
    if (watch && !whole && watch->mechanism().find("inotify") != std::string_view::npos) {
        add("where inotify is used, who did it is not known");
    }
    const auto add_count = [&](std::uint64_t count, std::string_view what) {
        if (count > 0) {
            add(std::string(what) + ": " + std::to_string(count));
        }
    };
    add_count(overflows, "queue full (fs.fanotify.max_queued_events)");
    add_count(watch ? watch->unnamed() : 0,
              "directory gone before its name could be read, path cut");
    add_count(contents_lost, "files in directories that were moved here, too many at once");
    add_count(directories_lost, "directories not watched, too many");
    return reason;
}

void FileEvents::State::tell_state(const OnEvent& on_event) {
    told_reason = reason();
    told_lost = lost();
    const bool seen = watch && nothing_seen.empty();
    on_event(HookState{
        .hook = facts::Hook::file_change,
        .state = seen ? HookState::State::attached : HookState::State::missing,
        .mechanism = !seen ? std::string_view{} : (whole ? "fanotify" : watch->mechanism()),
        .reason = told_reason,
        .lost = told_lost});
}

FileEvents::FileEvents(const HostRoot& host, Options options)
    : state_(std::make_unique<State>(host)) {
    if (options.prefixes) {
        PathPrefixes prefixes(*options.prefixes);
        if (!prefixes.everything()) {
            state_->prefixes.emplace(std::move(prefixes));
        }
    }
    state_->begin();
}

FileEvents::~FileEvents() = default;
FileEvents::FileEvents(FileEvents&&) noexcept = default;
FileEvents& FileEvents::operator=(FileEvents&&) noexcept = default;

int FileEvents::fd() const { return state_->watch ? state_->watch->fd() : -1; }

void FileEvents::read(const OnEvent& on_event) {
    State& state = *state_;
    if (!state.watch) {
        return;
    }
    // New directories that are watched because of one round may have news in the next.
    for (unsigned round = 0; round < kMostRounds; ++round) {
        state.batch.clear();
        const std::uint64_t overflows = state.watch->read([&](const WatchedChange& change) {
            state.batch.push_back({.path = std::string(change.path),
                                   .operation = change.what == WatchedChange::What::renamed_to
                                                    ? FileChange::Operation::renamed
                                                    : FileChange::Operation::created,
                                   .pid = change.pid,
                                   .directory = change.directory,
                                   .time_ns = change.time_ns});
        });
        for (const State::Change& change : state.batch) {
            state.handle(change, on_event);
        }
        state.overflows += overflows;
        if (overflows > 0 || state.mounts_have_changed()) {
            state.watch_as_asked();
        }
        if (state.batch.empty()) {
            break;
        }
    }
    for (const auto& [path, change] : std::exchange(state.contents, {})) {
        state.tell(change, on_event);
    }
    if (state.lost() > state.told_lost || state.reason() != state.told_reason) {
        state.tell_state(on_event);
    }
}

void FileEvents::read_hook_state(const OnEvent& on_event) { state_->tell_state(on_event); }

std::uint64_t FileEvents::lost() const { return state_->lost(); }

}  // namespace assay::sensors
