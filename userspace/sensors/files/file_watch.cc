// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/file_watch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "sensors/files/fanotify_records.h"
#include "sensors/files/file_handle.h"
#include "sensors/files/kernel_path.h"

namespace assay::sensors {
namespace {

constexpr std::uint64_t kNamesMask = FAN_CREATE | FAN_MOVED_TO;
constexpr std::uint64_t kEntriesMask = kNamesMask | FAN_MOVED_FROM | FAN_DELETE;
constexpr std::uint64_t kSelfMask = FAN_DELETE_SELF | FAN_MOVE_SELF;
constexpr std::uint64_t kFileMask = FAN_CLOSE_WRITE | FAN_MODIFY | FAN_ATTRIB;

// inotify has the same numbers, so masks and records of both are treated alike.
static_assert(FAN_CREATE == IN_CREATE && FAN_DELETE == IN_DELETE && FAN_MOVED_TO == IN_MOVED_TO &&
              FAN_MOVED_FROM == IN_MOVED_FROM && FAN_MODIFY == IN_MODIFY &&
              FAN_CLOSE_WRITE == IN_CLOSE_WRITE && FAN_ATTRIB == IN_ATTRIB &&
              FAN_MOVE_SELF == IN_MOVE_SELF && FAN_DELETE_SELF == IN_DELETE_SELF);
constexpr std::uint64_t kInotifyMask = kEntriesMask | kSelfMask | kFileMask;

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::size_t kMostRecordsARead = 65'536;
constexpr std::size_t kMostNamedDirectories = 8'192;

std::string without_end_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) {
        path.pop_back();
    }
    return path;
}

std::string current_value(const char* limit) {
    const int fd = ::open((std::string("/proc/sys/") + limit).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return "";
    }
    const UniqueFd file(fd);
    auto text = read_all(file.get(), 64).value_or("");
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text.empty() ? "" : " (now " + text + ")";
}

Error limit_error(std::string_view what, const char* limit) {
    std::string name(limit);
    std::ranges::replace(name, '/', '.');
    return Error{std::string(what) + ": raise " + name + current_value(limit)};
}

/// Whether a file system that refuses a fanotify mark like this may still be watched by inotify: it
/// has no file handles, no id, several ids, or we lack the privilege.
bool is_for_inotify(int error_number) {
    return error_number == EOPNOTSUPP || error_number == ENODEV || error_number == EXDEV ||
           error_number == EPERM || error_number == EACCES;
}

struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity_of(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return std::nullopt;
    }
    return Identity{status.st_dev, status.st_ino};
}

}  // namespace

struct FileWatch::State {
    State(const HostRoot& of, Interest in, UniqueFd both)
        : host(&of), interest(in), either(std::move(both)) {}

    /// Where a path leads: an inode that is marked, or an inotify watch.
    struct Place {
        FileHandle handle;  ///< empty: watched by inotify
        int watch = -1;
        Identity identity;
    };
    /// What is known of a marked inode.
    struct Watched {
        std::vector<std::string> paths;
        bool directory = false;
    };

    [[nodiscard]] Result<void> watch(const std::string& path, bool directory);
    [[nodiscard]] Result<void> watch_by_inotify(const std::string& path, std::uint64_t mask,
                                                int fd);
    void remember(const std::string& path, Watched& watched, Place place);
    void forget(const std::string& path);
    void forget_moved(const std::vector<std::string>& paths);
    [[nodiscard]] bool still_leads_to(const std::string& path, const Place& place) const;
    void unmark(const FileHandle& handle, bool directory);

    void read_fanotify(const OnChange& on_change);
    void read_inotify(const OnChange& on_change);
    void on_record(const FanotifyRecord& record, const OnChange& on_change);
    void on_record(const InotifyRecord& record, const OnChange& on_change);
    void tell(std::span<const std::string> paths, std::uint64_t mask, std::uint32_t pid,
              bool directory, const OnChange& on_change) const;

    /// Paths of the directory that a record names; none when it is not watched (any more).
    [[nodiscard]] std::vector<std::string> directory_paths(const FileHandle& handle, bool itself);
    [[nodiscard]] std::vector<std::string> child_of_watched(const FileHandle& handle) const;
    [[nodiscard]] std::optional<UniqueFd> open_handle(const std::string& mount,
                                                      const FileHandle& handle, bool& gone) const;
    [[nodiscard]] std::optional<std::string> named(const FileHandle& handle);

    const HostRoot* host;
    Interest interest;
    std::string root;  ///< how the kernel names the host root; empty when it is ours
    std::optional<UniqueFd> fanotify;
    std::optional<UniqueFd> inotify;
    std::string no_fanotify;  ///< why not
    UniqueFd either;          ///< epoll on both

    std::unordered_map<FileHandle, Watched> by_handle;
    std::unordered_map<int, Watched> by_watch;
    std::unordered_map<std::string, Place> by_path;
    /// File systems that are watched whole, by id: where they are mounted.
    std::unordered_map<std::uint64_t, std::vector<std::string>> filesystems;
    /// A watched directory of each file system, by which handles of others can be opened.
    std::unordered_map<std::uint64_t, std::string> samples;
    /// Directories of file systems that are watched whole, by the path that they have had since the
    /// last rename of a directory. Empty: outside the host root.
    std::unordered_map<FileHandle, std::string> names;

    std::vector<std::byte> buffer = std::vector<std::byte>(kBufferBytes);
    std::uint64_t overflows = 0;
    std::uint64_t unnamed = 0;
    std::uint64_t now = 0;
};

// --- what is watched -----------------------------------------------------------------------------

Result<FileWatch> FileWatch::open(const HostRoot& host, Interest interest) {
    const int both = ::epoll_create1(EPOLL_CLOEXEC);
    if (both < 0) {
        return std::unexpected(errno_error("watching files: epoll_create1", errno));
    }
    auto state = std::make_unique<State>(host, interest, UniqueFd(both));
    const auto root = host.open_path("", O_PATH | O_DIRECTORY);
    if (!root) {
        return std::unexpected(root.error().within("watching files"));
    }
    const auto root_path = kernel_path(root->get());
    if (!root_path) {
        return std::unexpected(
            errno_error("watching files: reading /proc/self/fd (is /proc mounted?)", errno));
    }
    state->root = *root_path == "/" ? "" : *root_path;

    constexpr unsigned kGroup =
        FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID | FAN_REPORT_DFID_NAME;
    // What newer kernels or more privilege give: the handle of a new file (5.17), more than
    // fs.fanotify.max_user_marks. The queue keeps its bound.
    for (const unsigned more : {0U | FAN_REPORT_TARGET_FID | FAN_UNLIMITED_MARKS,
                                0U | FAN_UNLIMITED_MARKS, 0U | FAN_REPORT_TARGET_FID, 0U}) {
        const int fd = ::fanotify_init(kGroup | more, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            state->fanotify.emplace(fd);
            break;
        }
        if (errno != EINVAL && errno != EPERM) {
            break;
        }
    }
    if (!state->fanotify) {
        state->no_fanotify = errno == EMFILE
                                 ? limit_error("fanotify: this user has too many fanotify groups",
                                               "fs/fanotify/max_user_groups")
                                       .message
                                 : errno_error("fanotify", errno).message;
    }
    const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (inotify >= 0) {
        state->inotify.emplace(inotify);
    } else if (!state->fanotify) {
        const Error why = errno == EMFILE
                              ? limit_error("inotify: this user has too many inotify instances",
                                            "fs/inotify/max_user_instances")
                              : errno_error("inotify", errno);
        return fail("watching files: " + state->no_fanotify + "; " + why.message);
    }
    for (const auto* fd : {&state->fanotify, &state->inotify}) {
        epoll_event readable{};
        readable.events = EPOLLIN;
        if (*fd && ::epoll_ctl(both, EPOLL_CTL_ADD, (*fd)->get(), &readable) != 0) {
            return std::unexpected(errno_error("watching files: epoll_ctl", errno));
        }
    }
    return FileWatch(std::move(state));
}

FileWatch::FileWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileWatch::FileWatch(FileWatch&&) noexcept = default;
FileWatch& FileWatch::operator=(FileWatch&&) noexcept = default;
FileWatch::~FileWatch() = default;

std::string_view FileWatch::mechanism() const {
    const bool by_inotify = !state_->by_watch.empty() || !state_->fanotify;
    const bool by_fanotify = state_->fanotify && (!by_inotify || !state_->by_handle.empty() ||
                                                  !state_->filesystems.empty());
    if (by_fanotify) {
        return by_inotify ? "fanotify, inotify" : "fanotify";
    }
    return "inotify";
}

Result<void> FileWatch::watch_directory(const std::string& path) {
    return state_->watch(without_end_slash(path), true);
}

Result<void> FileWatch::watch_file(const std::string& path) {
    return state_->watch(without_end_slash(path), false);
}

Result<void> FileWatch::State::watch(const std::string& path, bool directory) {
    const std::string act = "watching " + path;
    const auto file = host->open_path(without_slash(path), O_PATH | (directory ? O_DIRECTORY : 0));
    if (!file) {
        return std::unexpected(file.error().within(act));
    }
    struct stat status{};
    if (::fstat(file->get(), &status) != 0) {
        return std::unexpected(errno_error(act, errno));
    }
    std::uint64_t mask = kSelfMask;
    if (interest == Interest::names) {
        mask |= directory ? kNamesMask : 0;
    } else if (directory) {
        mask |= kFileMask | kEntriesMask;
    } else {
        // A directory by itself: what is written is written to its entries.
        mask |= S_ISDIR(status.st_mode) ? FAN_ATTRIB : kFileMask;
    }
    auto handle = file_handle_of(file->get());
    if (!fanotify || !handle) {
        return watch_by_inotify(path, mask, file->get());
    }
    if (S_ISDIR(status.st_mode)) {
        mask |= FAN_ONDIR | (directory && interest == Interest::all ? FAN_EVENT_ON_CHILD : 0);
    }
    if (::fanotify_mark(fanotify->get(), FAN_MARK_ADD, mask, AT_FDCWD,
                        link_to(file->get()).c_str()) != 0) {
        if (errno == ENOSPC) {
            return std::unexpected(limit_error(act + ": this user may have no more fanotify marks",
                                               "fs/fanotify/max_user_marks"));
        }
        if (is_for_inotify(errno)) {
            return watch_by_inotify(path, mask & kInotifyMask, file->get());
        }
        return std::unexpected(errno_error(act + ": fanotify_mark", errno));
    }
    if (directory) {
        samples.try_emplace(filesystem_of(*handle), path);
    }
    auto& watched = by_handle[*handle];
    watched.directory = S_ISDIR(status.st_mode);
    remember(
        path, watched,
        {.handle = *std::move(handle), .watch = -1, .identity = {status.st_dev, status.st_ino}});
    return {};
}

Result<void> FileWatch::State::watch_by_inotify(const std::string& path, std::uint64_t mask,
                                                int fd) {
    const std::string act = "watching " + path;
    if (!inotify) {
        return fail(act + ": it takes inotify, which is not to be had" +
                    (no_fanotify.empty() ? "" : " (" + no_fanotify + ")"));
    }
    const int watch = ::inotify_add_watch(inotify->get(), link_to(fd).c_str(),
                                          static_cast<std::uint32_t>(mask) | IN_MASK_ADD);
    if (watch < 0) {
        if (errno == ENOSPC) {
            return std::unexpected(limit_error(act + ": this user may have no more inotify watches",
                                               "fs/inotify/max_user_watches"));
        }
        return std::unexpected(errno_error(act + ": inotify_add_watch", errno));
    }
    remember(path, by_watch[watch],
             {.handle = {}, .watch = watch, .identity = identity_of(fd).value_or(Identity{})});
    return {};
}

void FileWatch::State::remember(const std::string& path, Watched& watched, Place place) {
    if (std::ranges::find(watched.paths, path) != watched.paths.end()) {
        by_path.insert_or_assign(path, std::move(place));
        return;
    }
    // It may have been moved here: then the paths that it had lead to it no more.
    const auto known = watched.paths;
    watched.paths.push_back(path);
    if (by_path.contains(path)) {
        forget(path);  // another file was here before
    }
    by_path.insert_or_assign(path, std::move(place));
    forget_moved(known);
}

bool FileWatch::State::still_leads_to(const std::string& path, const Place& place) const {
    const auto file = host->open_path(without_slash(path), O_PATH);
    if (!file) {
        return false;
    }
    if (place.handle.empty()) {
        return identity_of(file->get()) == place.identity;
    }
    const auto handle = file_handle_of(file->get());
    return handle && *handle == place.handle;
}

/// Checks these paths, and those below them, and forgets the ones that lead elsewhere now.
void FileWatch::State::forget_moved(const std::vector<std::string>& paths) {
    if (paths.empty()) {
        return;
    }
    std::vector<std::string> stale;
    for (const auto& [path, place] : by_path) {
        const bool concerned = std::ranges::any_of(paths, [&](const std::string& moved) {
            return path == moved || (path.starts_with(moved) && path.size() > moved.size() &&
                                     path[moved.size()] == '/');
        });
        if (concerned && !still_leads_to(path, place)) {
            stale.push_back(path);
        }
    }
    std::ranges::for_each(stale, [this](const std::string& path) { forget(path); });
}

void FileWatch::State::forget(const std::string& path) {
    const auto found = by_path.find(path);
    if (found == by_path.end()) {
        return;
    }
    const Place place = std::move(found->second);
    by_path.erase(found);
    const auto let_go = [&](auto& table, const auto& key, const auto& unwatch) {
        const auto watched = table.find(key);
        if (watched == table.end()) {
            return;
        }
        std::erase(watched->second.paths, path);
        if (watched->second.paths.empty()) {
            unwatch(watched->second);
            table.erase(watched);
        }
    };
    if (!place.handle.empty()) {
        if (const auto sample = samples.find(filesystem_of(place.handle));
            sample != samples.end() && sample->second == path) {
            samples.erase(sample);  // the next directory that is watched takes its place
        }
        let_go(by_handle, place.handle,
               [&](const Watched& watched) { unmark(place.handle, watched.directory); });
    } else {
        let_go(by_watch, place.watch, [&](const Watched&) {
            ::inotify_rm_watch(inotify->get(), place.watch);  // or it is gone by itself
        });
    }
}

/// Takes the mark off an inode that is not where it was. When it cannot be opened it is gone, and
/// the mark with it.
void FileWatch::State::unmark(const FileHandle& handle, bool directory) {
    const auto sample = samples.find(filesystem_of(handle));
    bool gone = false;
    if (sample == samples.end()) {
        return;
    }
    if (const auto file = open_handle(sample->second, handle, gone)) {
        const std::uint64_t mask =
            directory ? kEntriesMask | kSelfMask | kFileMask | FAN_ONDIR | FAN_EVENT_ON_CHILD
                      : kSelfMask | kFileMask;
        ::fanotify_mark(fanotify->get(), FAN_MARK_REMOVE, mask, AT_FDCWD,
                        link_to(file->get()).c_str());
    }
}

Result<void> FileWatch::watch_filesystem(const std::string& path) {
    const std::string act = "watching the file system at " + path;
    if (!state_->fanotify) {
        return fail(act + ": " + state_->no_fanotify);
    }
    const auto file = state_->host->open_path(without_slash(path), O_PATH | O_DIRECTORY);
    if (!file) {
        return std::unexpected(file.error().within(act));
    }
    const auto handle = file_handle_of(file->get());
    if (!handle) {
        return std::unexpected(handle.error().within(act));
    }
    const std::uint64_t mask = FAN_ONDIR | (state_->interest == Interest::names
                                                ? kNamesMask
                                                : kEntriesMask | FAN_CLOSE_WRITE | FAN_ATTRIB);
    if (::fanotify_mark(state_->fanotify->get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD,
                        link_to(file->get()).c_str()) != 0) {
        if (errno == ENOSPC) {
            return std::unexpected(limit_error(act + ": this user may have no more fanotify marks",
                                               "fs/fanotify/max_user_marks"));
        }
        return std::unexpected(errno_error(act, errno));
    }
    auto& mounts = state_->filesystems[filesystem_of(*handle)];
    auto mount = without_end_slash(path);
    if (std::ranges::find(mounts, mount) == mounts.end()) {
        mounts.push_back(std::move(mount));
    }
    return {};
}

void FileWatch::clear() {
    if (state_->fanotify) {
        ::fanotify_mark(state_->fanotify->get(), FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
        ::fanotify_mark(state_->fanotify->get(), FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD,
                        "/");
    }
    for (const auto& [watch, watched] : state_->by_watch) {
        ::inotify_rm_watch(state_->inotify->get(), watch);
    }
    state_->by_handle.clear();
    state_->by_watch.clear();
    state_->by_path.clear();
    state_->filesystems.clear();
    state_->samples.clear();
    state_->names.clear();
}

// --- whose path it is ----------------------------------------------------------------------------

std::optional<UniqueFd> FileWatch::State::open_handle(const std::string& mount,
                                                      const FileHandle& handle, bool& gone) const {
    const auto directory = host->open_path(without_slash(mount), O_RDONLY | O_DIRECTORY);
    if (!directory) {
        return std::nullopt;
    }
    auto file = open_file_handle(directory->get(), handle);
    if (!file) {
        gone = true;
        return std::nullopt;
    }
    return *std::move(file);
}

/// Names a directory of a file system that is watched whole. Nothing: it is gone. Empty: it cannot
/// be seen below the host root.
std::optional<std::string> FileWatch::State::named(const FileHandle& handle) {
    if (const auto known = names.find(handle); known != names.end()) {
        return known->second;
    }
    bool gone = false;
    std::string found;
    for (const std::string& mount : filesystems[filesystem_of(handle)]) {
        const auto directory = open_handle(mount, handle, gone);
        auto path = directory ? kernel_path(directory->get()) : std::nullopt;
        struct stat status{};
        if (!path || ::fstat(directory->get(), &status) != 0) {
            continue;
        }
        if (status.st_nlink == 0) {
            // The kernel adds this to the last path of a directory that was removed.
            constexpr std::string_view kDeleted = " (deleted)";
            if (path->ends_with(kDeleted)) {
                path->resize(path->size() - kDeleted.size());
            }
            if (auto last = path_below(root, *path)) {
                return last;
            }
            continue;
        }
        // Through a mount of only a part of the file system, a directory outside that part has a
        // path that leads elsewhere; so has one that is hidden below another mount.
        auto told = path_below(root, *path);
        const auto there =
            told ? host->open_path(without_slash(*told), O_PATH | O_DIRECTORY | O_NOFOLLOW)
                 : fail("outside the host root");
        if (there && identity_of(there->get()) == Identity{status.st_dev, status.st_ino}) {
            found = *std::move(told);
            break;
        }
    }
    if (found.empty() && gone) {
        return std::nullopt;
    }
    if (names.size() >= kMostNamedDirectories) {
        names.clear();
    }
    names.emplace(handle, found);
    return found;
}

/// An event of a directory itself that is not watched, but its parent is.
std::vector<std::string> FileWatch::State::child_of_watched(const FileHandle& handle) const {
    std::vector<std::string> paths;
    const auto sample = samples.find(filesystem_of(handle));
    if (sample == samples.end()) {
        return paths;
    }
    bool gone = false;
    const auto directory = open_handle(sample->second, handle, gone);
    const auto path = directory ? kernel_path(directory->get()) : std::nullopt;
    if (!path) {
        return paths;
    }
    const int above = ::openat(directory->get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return paths;
    }
    const UniqueFd parent(above);
    const auto parent_handle = file_handle_of(parent.get());
    const auto watched = parent_handle ? by_handle.find(*parent_handle) : by_handle.end();
    if (watched != by_handle.end()) {
        const std::string_view name = std::string_view(*path).substr(path->rfind('/') + 1);
        for (const std::string& each : watched->second.paths) {
            paths.push_back(entry_path(each, name));
        }
    }
    return paths;
}

std::vector<std::string> FileWatch::State::directory_paths(const FileHandle& handle, bool itself) {
    if (handle.empty()) {
        return {};
    }
    if (const auto watched = by_handle.find(handle); watched != by_handle.end()) {
        return watched->second.paths;
    }
    if (filesystems.contains(filesystem_of(handle))) {
        const auto name = named(handle);
        if (!name) {
            ++unnamed;
            return {"…"};
        }
        return name->empty() ? std::vector<std::string>{} : std::vector{*name};
    }
    return itself ? child_of_watched(handle) : std::vector<std::string>{};
}

// --- what happens --------------------------------------------------------------------------------

void FileWatch::State::tell(std::span<const std::string> paths, std::uint64_t mask,
                            std::uint32_t pid, bool directory, const OnChange& on_change) const {
    using What = WatchedChange::What;
    struct Meaning {
        std::uint64_t mask;
        What what;
    };
    constexpr std::array kMeanings{
        Meaning{FAN_CREATE, What::created},
        Meaning{FAN_MOVED_TO, What::renamed_to},
        Meaning{FAN_MOVED_FROM | FAN_DELETE | FAN_MOVE_SELF | FAN_DELETE_SELF, What::removed},
        Meaning{FAN_MODIFY | FAN_CLOSE_WRITE, What::written},
        Meaning{FAN_ATTRIB, What::attributes},
    };
    for (const Meaning& meaning : kMeanings) {
        if ((mask & meaning.mask) == 0 ||
            (interest == Interest::names && (meaning.mask & kNamesMask) == 0)) {
            continue;
        }
        for (const std::string& path : paths) {
            on_change({.what = meaning.what,
                       .path = path,
                       .pid = pid,
                       .directory = directory,
                       .time_ns = now});
        }
    }
}

void FileWatch::State::on_record(const FanotifyRecord& record, const OnChange& on_change) {
    if ((record.mask & FAN_Q_OVERFLOW) != 0) {
        ++overflows;
        return;
    }
    const bool directory = (record.mask & FAN_ONDIR) != 0;
    if (directory && (record.mask & FAN_MOVED_TO) != 0) {
        names.clear();  // it and all below it are called otherwise now
    }
    const bool itself = record.name.empty() || record.name == ".";
    auto paths = directory_paths(record.directory, itself);
    if (!itself) {
        for (std::string& path : paths) {
            path = entry_path(path, record.name);
        }
    }
    if (directory && (record.mask & kNamesMask) != 0 && paths.size() == 1 &&
        filesystems.contains(filesystem_of(record.object)) &&
        names.size() < kMostNamedDirectories) {
        names.insert_or_assign(record.object, paths.front());
    }
    tell(paths, record.mask & kEntriesMask, record.pid, directory, on_change);
    // It may be watched by itself too, perhaps under a name that it does not have any more.
    const auto found =
        by_handle.find(itself && !record.directory.empty() ? record.directory : record.object);
    const auto own = found == by_handle.end() ? std::vector<std::string>{} : found->second.paths;
    for (const std::string& path : own) {
        if (std::ranges::find(paths, path) == paths.end()) {
            paths.push_back(path);
        }
    }
    tell(paths, record.mask & kFileMask, record.pid, directory, on_change);
    if ((record.mask & kSelfMask) != 0) {
        tell(own, record.mask & kSelfMask, record.pid, directory, on_change);
        forget_moved(own);
    }
}

void FileWatch::State::on_record(const InotifyRecord& record, const OnChange& on_change) {
    if ((record.mask & IN_Q_OVERFLOW) != 0) {
        ++overflows;
        return;
    }
    const auto found = by_watch.find(record.watch);
    if (found == by_watch.end()) {
        return;
    }
    auto paths = found->second.paths;
    if ((record.mask & IN_IGNORED) != 0) {
        for (const std::string& path : paths) {
            by_path.erase(path);
        }
        by_watch.erase(record.watch);
        return;
    }
    const bool self = record.name.empty();
    const auto own = paths;
    if (!self) {
        for (std::string& path : paths) {
            path = entry_path(path, record.name);
        }
    }
    tell(paths, record.mask & kInotifyMask, 0, (record.mask & IN_ISDIR) != 0, on_change);
    if (self && (record.mask & kSelfMask) != 0) {
        forget_moved(own);
    }
}

void FileWatch::State::read_fanotify(const OnChange& on_change) {
    for (std::size_t records = 0; records < kMostRecordsARead;) {
        const ssize_t got = ::read(fanotify->get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return;
        }
        const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
        const bool whole = decode_fanotify(bytes, [&](const FanotifyRecord& record) {
            ++records;
            on_record(record, on_change);
        });
        overflows += whole ? 0 : 1;  // anything may have been in what we cannot read
    }
}

void FileWatch::State::read_inotify(const OnChange& on_change) {
    for (std::size_t records = 0; records < kMostRecordsARead;) {
        const ssize_t got = ::read(inotify->get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return;
        }
        const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
        const bool whole = decode_inotify(bytes, [&](const InotifyRecord& record) {
            ++records;
            on_record(record, on_change);
        });
        overflows += whole ? 0 : 1;
    }
}

int FileWatch::fd() const { return state_->either.get(); }

std::uint64_t FileWatch::read(const OnChange& on_change) {
    state_->now = boot_clock_now_ns();
    if (state_->fanotify) {
        state_->read_fanotify(on_change);
    }
    if (state_->inotify) {
        state_->read_inotify(on_change);
    }
    return std::exchange(state_->overflows, 0);
}

std::size_t FileWatch::size() const { return state_->by_path.size(); }

std::uint64_t FileWatch::unnamed() const { return state_->unnamed; }

}  // namespace assay::sensors
