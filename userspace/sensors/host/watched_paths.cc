// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/watched_paths.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "sensors/host/paths/changers.h"

namespace assay::sensors {
namespace {

constexpr int kMostLinks = 40;

std::string_view below_root(std::string_view path) { return path.substr(1); }

/// Their files never change on disk; what they say is read again without being watched.
bool is_made_by_kernel(std::string_view path) {
    return path == "/proc" || path.starts_with("/proc/") || path == "/sys" ||
           path.starts_with("/sys/");
}

WatchedPaths::Topics bit(std::size_t topic) { return WatchedPaths::Topics{1} << topic; }

void drop_bit(std::unordered_map<std::string, WatchedPaths::Topics>& map,
              const std::vector<std::string>& keys, WatchedPaths::Topics topic) {
    for (const std::string& key : keys) {
        const auto found = map.find(key);
        if (found == map.end()) {
            continue;
        }
        found->second &= ~topic;
        if (found->second == 0) {
            map.erase(found);
        }
    }
}

}  // namespace

bool WatchedPaths::rest_on(std::size_t topic, const Dependencies& on) {
    ways_.resize(std::max(ways_.size(), topic + 1));
    Ways before = std::exchange(ways_[topic], {});
    drop_bit(paths_, before.paths, bit(topic));
    drop_bit(directories_, before.directories, bit(topic));
    const std::unordered_set<std::string> known(before.directories.begin(),
                                                before.directories.end());
    std::unordered_set<std::string> watched_now;
    Ways& ways = ways_[topic];
    for (const std::string& file : on.files) {
        follow(bit(topic), file, ways, watched_now);
    }
    for (const std::string& directory : on.directories) {
        // Its own way first; then, if it is there, its entries.
        follow(bit(topic), joined_path(directory, "."), ways, watched_now);
    }
    return std::ranges::any_of(watched_now,
                               [&](const std::string& each) { return !known.contains(each); });
}

void WatchedPaths::follow(Topics topic, const std::string& path, Ways& ways,
                          std::unordered_set<std::string>& watched_now) {
    const bool entries_matter = path.ends_with("/.");
    std::deque<std::string> steps;
    put_first(steps, path);
    std::string at = "/";
    for (int links = 0; !steps.empty() && !is_made_by_kernel(at);) {
        const std::string name = std::move(steps.front());
        steps.pop_front();
        if (name == "..") {
            at = parent_path(at);
            continue;
        }
        if (watched_now.insert(at).second) {
            watch(topic, at);
            ways.directories.push_back(at);
        }
        std::string next = joined_path(at, name);
        paths_[next] |= topic;
        ways.paths.push_back(next);
        const auto status = host_->status(below_root(next), false);
        if (!status) {
            return;  // its coming is an entry of what is watched
        }
        if (S_ISLNK(status->st_mode)) {
            const auto target = host_->read_link(below_root(next));
            if (!target || ++links > kMostLinks) {
                return;
            }
            if (target->starts_with('/')) {
                at = "/";
            }
            put_first(steps, *target);
            continue;
        }
        if (!S_ISDIR(status->st_mode)) {
            // Another hard link may be in a directory that nobody watches.
            if (status->st_nlink > 1 && S_ISREG(status->st_mode)) {
                if (const auto watched = watch_->watch_file(next); !watched) {
                    note_failure(topic, next, watched.error());
                }
            }
            return;
        }
        at = std::move(next);
    }
    if (entries_matter && !is_made_by_kernel(at)) {
        if (watched_now.insert(at).second) {
            watch(topic, at);
            ways.directories.push_back(at);
        }
        directories_[at] |= topic;
    }
}

void WatchedPaths::watch(Topics topic, const std::string& directory) {
    if (const auto watched = watch_->watch_directory(directory); !watched) {
        note_failure(topic, directory, watched.error());
    }
}

void WatchedPaths::watch_directory(std::size_t topic, const std::string& path) {
    own_directories_[path] |= bit(topic);
    watch(bit(topic), path);
}

void WatchedPaths::note_failure(Topics topic, const std::string& path, const Error& error) {
    if (!host_->exists(below_root(path))) {
        return;  // gone since: the directory above it tells
    }
    unwatched_ |= topic;
    ++failures_;
    if (first_failure_.empty()) {
        first_failure_ = error.message;
    }
}

WatchedPaths::Concerned WatchedPaths::concerned(const WatchedChange& change) {
    using What = WatchedChange::What;
    Concerned answer;
    const std::string path(change.path);
    if (const auto exact = paths_.find(path); exact != paths_.end()) {
        answer.topics |= exact->second;
        if (change.what != What::written && change.what != What::attributes) {
            answer.ways |= exact->second;
        }
    }
    if (change.what == What::written) {
        return answer;  // of a directory only its entries' names, modes and owners matter
    }
    const std::string parent(parent_path(change.path));
    for (const auto* map : {&directories_, &own_directories_}) {
        for (const std::string* key : {&path, &parent}) {
            if (const auto found = map->find(*key); found != map->end()) {
                answer.topics |= found->second;
            }
        }
    }
    if (change.what == What::removed) {
        own_directories_.erase(path);
    }
    return answer;
}

}  // namespace assay::sensors
