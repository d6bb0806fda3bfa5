// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/host_root.h"
#include "sensors/files/file_watch.h"
#include "sensors/host/topic.h"

namespace assay::sensors {

/// Which topics a changed path concerns, and the watches that it takes to hear of it. A file is
/// watched through every directory and symbolic link on its way, so that it does not matter which
/// of them is written, replaced, made or removed.
class WatchedPaths {
public:
    /// One bit for each topic.
    using Topics = std::uint32_t;

    /// Borrows both.
    WatchedPaths(const HostRoot& host, FileWatch& watch) : host_(&host), watch_(&watch) {}

    /// From now on `topic` rests on these, and on what it has watched itself. True when something
    /// is watched that was not before: what was read of it before that may be old.
    bool rest_on(std::size_t topic, const Dependencies& on);
    /// Entries of a directory, and the directory, concern `topic`.
    void watch_directory(std::size_t topic, const std::string& path);

    struct Concerned {
        Topics topics = 0;
        /// Their files may be reached on another way now: rest_on() must be told again.
        Topics ways = 0;
    };
    [[nodiscard]] Concerned concerned(const WatchedChange& change);

    /// Topics for which something could not be watched.
    [[nodiscard]] Topics unwatched() const { return unwatched_; }
    [[nodiscard]] std::size_t failures() const { return failures_; }
    [[nodiscard]] const std::string& first_failure() const { return first_failure_; }

private:
    struct Ways {
        std::vector<std::string> paths;
        std::vector<std::string> directories;
    };
    void follow(Topics topic, const std::string& path, Ways& ways,
                std::unordered_set<std::string>& watched_now);
    void watch(Topics topic, const std::string& directory);
    void note_failure(Topics topic, const std::string& path, const Error& error);

    const HostRoot* host_;
    FileWatch* watch_;
    std::unordered_map<std::string, Topics> paths_;
    /// Watched for their entries, because of Dependencies and because a topic asked.
    std::unordered_map<std::string, Topics> directories_, own_directories_;
    std::vector<Ways> ways_;
    Topics unwatched_ = 0;
    std::size_t failures_ = 0;
    std::string first_failure_;
};

}  // namespace assay::sensors
