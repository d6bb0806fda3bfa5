// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "sensors/host/paths/account_names.h"
#include "sensors/host/paths/changers.h"

namespace assay::sensors {

/// Looks at every entry below a directory with as few system calls as an exact answer needs: one
/// fstatat(2) for each file, five calls for each directory. Follows no link, and enters neither
/// pseudo nor remote file systems (asking the latter could hang).
class DirectoryWalk {
public:
    /// An entry that somebody else can change, or that could not be looked at (`problem`).
    struct Entry {
        std::string_view path;
        const struct stat* status = nullptr;  ///< null when that is not known
        const EntryJudgement* judgement = nullptr;
        std::string_view problem;
    };
    struct Listener {
        std::function<void(const Entry&)> on_entry;
        /// Before a directory is read.
        std::function<void(const std::string& path, const Above& inside)> on_directory;
        /// Afterwards: how many entries there are at any depth below it.
        std::function<void(const std::string& path, std::uint64_t entries)> on_directory_end;
        /// A link that may lead out of the directory it is in.
        std::function<void(const std::string& path, std::string_view target)> on_link;
    };

    /// Borrows all. `most_entries` bounds all calls of walk() together.
    DirectoryWalk(const HostRoot& host, const AccountNames& names, const Listener& listener,
                  std::size_t most_entries)
        : host_(&host), names_(&names), listener_(&listener), left_(most_entries) {}

    /// `path` is physical; `above` is what holds inside of its parent. `depth` 1 looks at its own
    /// entries only. The directory itself is not told.
    void walk(const std::string& path, const Above& within, unsigned depth);
    /// The bound was reached: not everything was looked at.
    [[nodiscard]] bool gave_up() const { return gave_up_; }

private:
    using Buffer = std::unique_ptr<std::uint64_t[]>;  // records of getdents64 are aligned to 8
    std::uint64_t read_entries(int directory, const Above& within, std::uint64_t device,
                               unsigned depth);
    static bool is_plainly_roots(int directory, const Above& within, const char* name);
    std::uint64_t look_at(int directory, const Above& within, std::uint64_t device, unsigned depth,
                          const char* name, unsigned char type);
    std::uint64_t enter(int parent, const char* name, const struct stat& status,
                        const Above& within, std::uint64_t parent_device, unsigned depth);
    void look_at_link(int directory, const char* name);
    void tell_problem(const struct stat* status, std::string_view reason);
    void tell_errno(const struct stat* status, int error);

    const HostRoot* host_;
    const AccountNames* names_;
    const Listener* listener_;
    std::size_t left_;
    bool gave_up_ = false;
    std::string path_;
    std::vector<Buffer> buffers_;  ///< one for each depth
    std::size_t level_ = 0;
};

}  // namespace assay::sensors
