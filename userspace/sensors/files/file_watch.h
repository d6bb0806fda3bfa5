// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/host_root.h"
#include "base/result.h"

namespace assay::sensors {

/// Something happened to a file or directory that is watched.
struct WatchedChange {
    enum class What : std::uint8_t {
        created,     ///< made, or linked to a new name
        renamed_to,  ///< came by rename
        removed,     ///< deleted, or renamed away
        written,     ///< was open for writing and is closed, or was written to
        attributes,  ///< mode, owner, ACL, links, times
    };
    What what = What::written;
    std::string_view
        path;  ///< below the host root, with a leading slash; valid during the callback
    std::uint32_t pid = 0;  ///< thread group id of who did it; 0: not known
    bool directory = false;
    std::uint64_t time_ns = 0;  ///< CLOCK_BOOTTIME when it was read
};

/// Watches files without a cost to anything else on the host: fanotify marks on inodes (Linux 5.9:
/// FAN_REPORT_DFID_NAME), inotify where that is refused (no CAP_SYS_ADMIN, no file handles) and
/// then without the pid. fanotify(7) merges equal unread events: it tells that and who, not how
/// often. Keeps no file or directory open, so that file systems can be unmounted. One thread.
class FileWatch {
public:
    enum class Interest : std::uint8_t {
        all,
        names,  ///< created and renamed_to only: what is written costs nothing then
    };

    /// Borrows `host`.
    [[nodiscard]] static Result<FileWatch> open(const HostRoot& host,
                                                Interest interest = Interest::all);
    FileWatch(FileWatch&&) noexcept;
    FileWatch& operator=(FileWatch&&) noexcept;
    ~FileWatch();

    /// "fanotify", "inotify", or "fanotify, inotify" when some file systems have no handles.
    [[nodiscard]] std::string_view mechanism() const;
    /// Entries directly in this directory, and the directory itself. Watching it again is nothing,
    /// but does put things right when the path leads to another directory by now. Changes are told
    /// under the path that is given here, also when that goes through symbolic links; when several
    /// paths lead to one directory, under each. Must exist.
    [[nodiscard]] Result<void> watch_directory(const std::string& path);
    /// This file, whatever its name becomes; it is told under the path given here. Must exist.
    [[nodiscard]] Result<void> watch_file(const std::string& path);
    /// Everything on the file system that is mounted at `path` (not what is only written to, before
    /// it is closed). Only fanotify can, and only where the file system decodes its file handles.
    [[nodiscard]] Result<void> watch_filesystem(const std::string& path);
    /// Forgets all that is watched.
    void clear();
    /// How many directories and files are watched by their path.
    [[nodiscard]] std::size_t size() const;

    /// Readable when there are changes.
    [[nodiscard]] int fd() const;
    using OnChange = std::function<void(const WatchedChange&)>;
    /// Tells what has happened since; does not wait, and hands over some 65,536 events at most. The
    /// answer is how many times the queue has overflowed since the last call: then anything may
    /// have changed. The callback may watch more.
    [[nodiscard]] std::uint64_t read(const OnChange& on_change);
    /// Changes so far of which the directory could not be named, because it was gone when they were
    /// read. They are told with a path that begins with "…/".
    [[nodiscard]] std::uint64_t unnamed() const;

private:
    struct State;
    explicit FileWatch(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay::sensors
