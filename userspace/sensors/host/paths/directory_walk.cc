// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/directory_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

namespace assay::sensors {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kBufferWords = 32 * 1024 / kWord;
constexpr std::size_t kMostLevels = 128;  // each holds a descriptor

// linux/magic.h does not have these.
constexpr long kFuse = 0x65735546, kCifs = 0xFF534D42, kSmb2 = 0xFE534D42, kCeph = 0x00C36400;

enum class FileSystem : std::uint8_t { local, pseudo, remote };

FileSystem kind_of(long magic) {
    constexpr std::array kPseudo{
        static_cast<long>(PROC_SUPER_MAGIC),   static_cast<long>(SYSFS_MAGIC),
        static_cast<long>(AUTOFS_SUPER_MAGIC), static_cast<long>(DEVPTS_SUPER_MAGIC),
        static_cast<long>(CGROUP_SUPER_MAGIC), static_cast<long>(CGROUP2_SUPER_MAGIC),
        static_cast<long>(DEBUGFS_MAGIC),      static_cast<long>(TRACEFS_MAGIC),
        static_cast<long>(SECURITYFS_MAGIC),   static_cast<long>(BPF_FS_MAGIC),
        static_cast<long>(NSFS_MAGIC)};
    constexpr std::array kRemote{static_cast<long>(NFS_SUPER_MAGIC),
                                 static_cast<long>(SMB_SUPER_MAGIC),
                                 static_cast<long>(AFS_SUPER_MAGIC),
                                 static_cast<long>(V9FS_MAGIC),
                                 kFuse,
                                 kCifs,
                                 kSmb2,
                                 kCeph};
    if (std::ranges::find(kPseudo, magic) != kPseudo.end()) {
        return FileSystem::pseudo;
    }
    return std::ranges::find(kRemote, magic) == kRemote.end() ? FileSystem::local
                                                              : FileSystem::remote;
}

/// By mode and owner alone nobody but root can change it: what nearly every entry is.
bool is_roots_own(const struct stat& status) {
    return status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

void DirectoryWalk::tell_problem(const struct stat* status, std::string_view reason) {
    listener_->on_entry({.path = path_, .status = status, .judgement = nullptr, .problem = reason});
}

void DirectoryWalk::tell_errno(const struct stat* status, int error) {
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
        return;  // gone or replaced since it was listed: the watch tells of what came instead
    }
    tell_problem(status, std::strerror(error));
}

void DirectoryWalk::walk(const std::string& path, const Above& within, unsigned depth) {
    path_ = path;
    const auto directory = host_->open_path(std::string_view(path).substr(1),
                                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    struct stat status{};
    if (!directory) {
        tell_problem(nullptr, directory.error().message);
        return;
    }
    if (::fstat(directory->get(), &status) != 0) {
        tell_errno(nullptr, errno);
        return;
    }
    if (path == "/") {
        path_.clear();  // entries are joined with a slash
    }
    listener_->on_directory(path, within);
    const std::uint64_t entries = read_entries(directory->get(), within, status.st_dev, depth);
    listener_->on_directory_end(path, entries);
}

std::uint64_t DirectoryWalk::read_entries(int directory, const Above& within, std::uint64_t device,
                                          unsigned depth) {
    if (buffers_.size() == level_) {
        buffers_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(kBufferWords));
    }
    std::uint64_t* const buffer = buffers_[level_].get();
    ++level_;
    std::uint64_t entries = 0;
    for (;;) {
        const ssize_t filled = ::getdents64(directory, buffer, kBufferWords * kWord);
        if (filled < 0) {
            tell_errno(nullptr, errno);
        }
        if (filled <= 0 || gave_up_) {
            break;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(filled) && !gave_up_;) {
            // The kernel fills the buffer with whole records whose lengths are multiples of 8.
            const auto* entry = reinterpret_cast<const dirent64*>(buffer + at / kWord);
            at += entry->d_reclen;
            const char* const name = &entry->d_name[0];
            if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) {
                continue;
            }
            if (left_ == 0) {
                gave_up_ = true;
                break;
            }
            --left_;
            ++entries;
            if (entry->d_type == DT_REG && is_plainly_roots(directory, within, name)) {
                continue;
            }
            const std::size_t length = path_.size();
            path_ += '/';
            path_ += name;
            entries += look_at(directory, within, device, depth, name, entry->d_type);
            path_.resize(length);
        }
    }
    --level_;
    return entries;
}

/// Nearly every file: its path need not even be put together.
bool DirectoryWalk::is_plainly_roots(int directory, const Above& within, const char* name) {
    struct stat status{};
    return within.harmless() &&
           ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
           S_ISREG(status.st_mode) && is_roots_own(status);
}

std::uint64_t DirectoryWalk::look_at(int directory, const Above& within, std::uint64_t device,
                                     unsigned depth, const char* name, unsigned char type) {
    // Owner and mode of a link or a special file say nothing about who can change it, unless it
    // lies in a directory with the sticky bit.
    const bool plain_matters = !within.sticky_writers.empty();
    if (type == DT_LNK) {
        look_at_link(directory, name);
    }
    if (type != DT_REG && type != DT_DIR && type != DT_UNKNOWN && !plain_matters) {
        return 0;
    }
    struct stat status{};
    if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        tell_errno(nullptr, errno);
        return 0;
    }
    if (type == DT_UNKNOWN && S_ISLNK(status.st_mode)) {
        look_at_link(directory, name);
    }
    const bool is_directory = S_ISDIR(status.st_mode);
    const bool everybody_enters = (status.st_mode & S_IXOTH) != 0;
    if (is_roots_own(status) && within.harmless() && (!is_directory || everybody_enters)) {
        static const Above kHarmless;
        return is_directory ? enter(directory, name, status, kHarmless, device, depth) : 0;
    }
    std::optional<AccessList> list;
    if (needs_access_list(status)) {
        auto read = read_access_list(directory, name);
        if (!read) {
            tell_problem(&status, read.error().message);
            return 0;
        }
        list = std::move(*read);
    }
    const AccessList* const acl = list ? &*list : nullptr;
    const EntryJudgement judged = judge_entry(within, status, acl, path_, *names_);
    if (!judged.own.who.empty()) {
        listener_->on_entry(
            {.path = path_, .status = &status, .judgement = &judged, .problem = {}});
    }
    if (!is_directory) {
        return 0;
    }
    const Above inner = inside(within, status, acl, path_, *names_);
    return enter(directory, name, status, inner, device, depth);
}

std::uint64_t DirectoryWalk::enter(int parent, const char* name, const struct stat& status,
                                   const Above& within, std::uint64_t parent_device,
                                   unsigned depth) {
    if (status.st_dev != parent_device) {
        // O_PATH neither mounts what is mounted on demand nor asks a server.
        const int mounted = ::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (mounted < 0) {
            tell_errno(&status, errno);
            return 0;
        }
        const UniqueFd owned(mounted);
        struct statfs about{};
        if (::fstatfs(mounted, &about) != 0) {
            tell_errno(&status, errno);
            return 0;
        }
        const FileSystem kind = kind_of(about.f_type);
        if (kind == FileSystem::remote) {
            tell_problem(&status, "a remote or user-space file system is not looked into");
        }
        if (kind != FileSystem::local) {
            return 0;
        }
    }
    const bool nobody_gets_in = within.reach.empty();
    if (depth <= 1 || nobody_gets_in) {
        // Its own mode is watched by its parent's watch; nobody gets to what is inside.
        return 0;
    }
    if (level_ >= kMostLevels) {
        tell_problem(&status, "deeper than directories are looked into");
        return 0;
    }
    // Watched before it is opened and read, so that nothing falls between.
    listener_->on_directory(path_, within);
    const int opened =
        ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) {
        tell_errno(&status, errno);
        return 0;
    }
    const UniqueFd directory(opened);
    const std::uint64_t entries = read_entries(opened, within, status.st_dev, depth - 1);
    listener_->on_directory_end(path_, entries);
    return entries;
}

void DirectoryWalk::look_at_link(int directory, const char* name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(directory, name, target.data(), target.size());
    if (length < 0) {
        tell_errno(nullptr, errno);
        return;
    }
    const std::string_view text(target.data(), static_cast<std::size_t>(length));
    if (text.find('/') != std::string_view::npos || text == "..") {
        listener_->on_link(path_, text);
    }
}

}  // namespace assay::sensors
