// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/host_root.h"
#include "base/result.h"
#include "sensors/host/paths/account_names.h"
#include "sensors/host/paths/principals.h"

namespace assay::sensors {

/// Who besides root can change what a path leads to, and where that is possible.
struct Changers {
    Principals principals;
    /// The same in words: "other", "group:adm", "user:bob".
    std::vector<std::string> who;
    /// What lets most of them: the file, a directory above it, or one on a symbolic link's way.
    std::string weakest_path;
    /// Where the path leads, without symbolic links; as far as it could be followed.
    std::string resolved;
    /// There is nothing there: `who` are those who could make it.
    bool missing = false;
    /// Why the answer may not be whole: "path: reason".
    std::string problem;
};

/// By owner, mode, ACL, every directory above (sticky bit respected) and every symbolic link on the
/// way; somebody who cannot reach the file, because a directory above may not be searched, cannot
/// change it. `path` is absolute below the host root, with or without a leading slash. Mount
/// options and inode flags (read-only, immutable) do not count: they can be lifted without anybody
/// looking at the modes again.
[[nodiscard]] Changers who_can_change(const HostRoot& host, std::string_view path,
                                      const AccountNames& names);

/// Principals, and the path that lets most of them.
struct Weakness {
    Principals who;
    std::string path;
    void add(const Principals& more, std::string_view because_of);
};

/// What holds for the entries of a directory because of it and of those above it.
struct Above {
    Principals reach = Principals::everybody();  ///< who gets to the entries
    Weakness replace;                            ///< who can put another thing in an entry's place
    Weakness create;                             ///< who can make new entries
    Principals sticky_writers;                   ///< who can replace their own entries only
    std::string problem;

    /// Nothing above lets anybody in or shuts anybody out: the usual case, and cheap to ask.
    [[nodiscard]] bool harmless() const {
        return reach.other && replace.who.empty() && sticky_writers.empty();
    }
};

/// Who can change an entry, by what is above it and by what it is itself.
struct EntryJudgement {
    Weakness above;
    Weakness own;
};
[[nodiscard]] EntryJudgement judge_entry(const Above& above, const struct stat& status,
                                         const AccessList* list, std::string_view path,
                                         const AccountNames& names);
/// What holds inside a directory that is an entry below `above`.
[[nodiscard]] Above inside(const Above& above, const struct stat& directory, const AccessList* list,
                           std::string_view path, const AccountNames& names);
/// The ACL matters for what judge_entry or inside would say.
[[nodiscard]] bool needs_access_list(const struct stat& status);
/// Of an open file (O_PATH too) or of an entry of an open directory; nullopt when there is none.
[[nodiscard]] Result<std::optional<AccessList>> read_access_list(int fd,
                                                                 std::string_view entry = {});

/// Judges many paths of one moment: what it found out of a directory it does not ask again.
class PathJudge {
public:
    /// Borrows both.
    PathJudge(const HostRoot& host, const AccountNames& names) : host_(&host), names_(&names) {}

    [[nodiscard]] Changers who_can_change(std::string_view path);
    /// An entry of a directory, by itself: a link is not followed. `problem` says why the answer
    /// may not be whole.
    [[nodiscard]] EntryJudgement judge(const std::string& physical, const struct stat& status,
                                       std::string& problem);
    /// `physical` has a leading slash and no symbolic links; "/" is the root.
    [[nodiscard]] const Above& inside_directory(const std::string& physical);

private:
    [[nodiscard]] Result<std::optional<AccessList>> access_list(const std::string& physical,
                                                                const struct stat& status);

    const HostRoot* host_;
    const AccountNames* names_;
    std::unordered_map<std::string, Above> directories_;
};

/// Puts the names of a path, without empty ones and ".", before those that are there.
void put_first(std::deque<std::string>& steps, std::string_view path);
/// "/usr" and "bin" → "/usr/bin"; "/" and "bin" → "/bin".
[[nodiscard]] std::string joined_path(std::string_view directory, std::string_view name);
/// "/usr/bin" → "/usr"; "/bin" → "/"; "/" → "/".
[[nodiscard]] std::string_view parent_path(std::string_view path);
/// `path` is `directory` or lies below it.
[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view directory);

}  // namespace assay::sensors
