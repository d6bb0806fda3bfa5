// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/changers.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <ranges>
#include <utility>

namespace assay::sensors {
namespace {

constexpr int kMostLinks = 40;  // the kernel's own MAXSYMLINKS
constexpr std::size_t kMostDepth = 4096;
constexpr const char* kAccessListName = "system.posix_acl_access";

int breadth(const Principals& who) {
    return who.other ? 3 : !who.groups.empty() ? 2 : who.users.empty() ? 0 : 1;
}

/// What holds for the root: there is nothing above it.
const Above kOutside;

/// HostRoot's paths have no leading slash.
std::string_view below_root(std::string_view path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    return path;
}

Principals owner_of(const struct stat& status) {
    Principals owner;
    if (status.st_uid != 0) {
        owner.add_user(status.st_uid);
    }
    return owner;
}

bool has_contents(const struct stat& status) {
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

unsigned change_bits(const struct stat& status) {
    return S_ISDIR(status.st_mode) ? kMayWrite | kMaySearch : kMayWrite;
}

}  // namespace

void Weakness::add(const Principals& more, std::string_view because_of) {
    if (breadth(more) > breadth(who)) {
        path = because_of;
    }
    who.add(more);
}

bool needs_access_list(const struct stat& status) {
    if (!has_contents(status)) {
        return false;
    }
    return needs_access_list(status, change_bits(status)) ||
           (S_ISDIR(status.st_mode) && needs_access_list(status, kMaySearch));
}

EntryJudgement judge_entry(const Above& above, const struct stat& status, const AccessList* list,
                           std::string_view path, const AccountNames& names) {
    EntryJudgement judged{.above = above.replace, .own = {}};
    if (!above.sticky_writers.empty()) {
        judged.own.add(both(owner_of(status), above.sticky_writers, names), parent_path(path));
    }
    // What is written into a device, a pipe or a socket changes nothing that is kept there, and the
    // mode of a symbolic link means nothing.
    if (has_contents(status)) {
        const Principals own = granted(status, list, change_bits(status), names);
        if (!own.empty()) {
            judged.own.add(both(own, above.reach, names), path);
        }
    }
    return judged;
}

Above inside(const Above& above, const struct stat& directory, const AccessList* list,
             std::string_view path, const AccountNames& names) {
    const EntryJudgement judged = judge_entry(above, directory, list, path, names);
    Above within;
    within.problem = above.problem;
    const Principals searchers = granted(directory, list, kMaySearch, names);
    within.reach = searchers.other ? above.reach : both(above.reach, searchers, names);
    within.replace = judged.above;
    within.create = judged.above;
    within.create.add(judged.own.who, judged.own.path);
    if ((directory.st_mode & S_ISVTX) != 0) {
        within.sticky_writers = judged.own.who;
        within.replace.add(both(owner_of(directory), above.reach, names), path);
    } else {
        within.replace.add(judged.own.who, judged.own.path);
    }
    return within;
}

Result<std::optional<AccessList>> read_access_list(int fd, std::string_view entry) {
    // Through proc: fgetxattr(2) does not take an O_PATH descriptor, and opening a file to ask
    // about it could wake a device or wait on a pipe.
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    if (!entry.empty()) {
        path += '/';
        path += entry;
    }
    std::array<std::byte, 4096> bytes{};
    const ssize_t size =
        entry.empty() ? ::getxattr(path.c_str(), kAccessListName, bytes.data(), bytes.size())
                      : ::lgetxattr(path.c_str(), kAccessListName, bytes.data(), bytes.size());
    if (size < 0) {
        if (errno == ENODATA || errno == EOPNOTSUPP) {
            return std::nullopt;
        }
        return std::unexpected(errno_error("reading its access list", errno));
    }
    auto list = parse_access_list(std::span(bytes).first(static_cast<std::size_t>(size)));
    if (!list) {
        return fail("its access list is not understood");
    }
    return list;
}

Result<std::optional<AccessList>> PathJudge::access_list(const std::string& physical,
                                                         const struct stat& status) {
    if (!needs_access_list(status)) {
        return std::nullopt;
    }
    const auto file = host_->open_path(below_root(physical), O_PATH | O_NOFOLLOW);
    if (!file) {
        return std::unexpected(file.error());
    }
    return read_access_list(file->get());
}

const Above& PathJudge::inside_directory(const std::string& physical) {
    // Not recursive: a path may be as deep as somebody likes.
    std::vector<std::string> unknown;
    std::string path = physical;
    while (!directories_.contains(path)) {
        unknown.push_back(path);
        if (path == "/") {
            break;
        }
        path = parent_path(path);
    }
    for (const std::string& next : std::views::reverse(unknown)) {
        const Above outside =
            next == "/" ? kOutside : directories_.at(std::string(parent_path(next)));
        Above within = outside;
        const auto status = host_->status(below_root(next), false);
        if (!status) {
            within.problem = next + ": " + status.error().message;
        } else {
            const auto list = access_list(next, *status);
            within = inside(outside, *status, list && *list ? &**list : nullptr, next, *names_);
            if (!list) {
                within.problem = next + ": " + list.error().message;
            }
        }
        directories_.emplace(next, std::move(within));
    }
    return directories_.at(physical);
}

EntryJudgement PathJudge::judge(const std::string& physical, const struct stat& status,
                                std::string& problem) {
    const Above& above =
        physical == "/" ? kOutside : inside_directory(std::string(parent_path(physical)));
    const auto list = access_list(physical, status);
    if (problem.empty()) {
        problem = list ? above.problem : physical + ": " + list.error().message;
    }
    return judge_entry(above, status, list && *list ? &**list : nullptr, physical, *names_);
}

Changers PathJudge::who_can_change(std::string_view path) {
    Changers answer;
    Weakness weakness;
    std::deque<std::string> steps;
    put_first(steps, path);
    std::string at = "/";
    const auto give_problem = [&](std::string_view where, std::string_view reason) {
        if (answer.problem.empty()) {
            answer.problem = std::string(where) + ": " + std::string(reason);
        }
    };
    const auto judge_last = [&](const struct stat& status, const std::string& physical) {
        const EntryJudgement judged = judge(physical, status, answer.problem);
        weakness.add(judged.above.who, judged.above.path);
        weakness.add(judged.own.who, judged.own.path);
    };
    bool judged = false;
    for (int links = 0; !steps.empty();) {
        const std::string name = std::move(steps.front());
        steps.pop_front();
        if (name == "..") {
            at = parent_path(at);
            continue;
        }
        const Above& above = inside_directory(at);
        if (!above.problem.empty() && answer.problem.empty()) {
            answer.problem = above.problem;
        }
        const std::string next = joined_path(at, name);
        if (next.size() > kMostDepth) {
            give_problem(path, "longer than a path may be");
            judged = true;
            break;
        }
        const auto status = host_->status(below_root(next), false);
        if (!status) {
            if (host_->exists(below_root(next))) {
                give_problem(next, status.error().message);
            } else {
                answer.missing = true;
                weakness.add(above.create.who, above.create.path);
            }
            at = next;
            judged = true;
            break;
        }
        if (S_ISLNK(status->st_mode)) {
            judge_last(*status, next);
            const auto target = host_->read_link(below_root(next));
            if (!target) {
                give_problem(next, target.error().message);
                judged = true;
                break;
            }
            if (++links > kMostLinks) {
                give_problem(next, "too many symbolic links");
                judged = true;
                break;
            }
            if (target->starts_with('/')) {
                at = "/";
            }
            put_first(steps, *target);
            continue;
        }
        at = next;
        if (steps.empty()) {
            judge_last(*status, next);
            judged = true;
        } else if (!S_ISDIR(status->st_mode)) {
            answer.missing = true;
            judge_last(*status, next);
            judged = true;
            break;
        }
    }
    if (!judged) {  // the path ended in "..", or in a link to "." or "/"
        if (const auto status = host_->status(below_root(at), false)) {
            judge_last(*status, at);
        } else {
            give_problem(at, status.error().message);
        }
    }
    answer.resolved = std::move(at);
    answer.who = weakness.who.names(*names_);
    answer.principals = std::move(weakness.who);
    answer.weakest_path = std::move(weakness.path);
    return answer;
}

Changers who_can_change(const HostRoot& host, std::string_view path, const AccountNames& names) {
    return PathJudge(host, names).who_can_change(path);
}

void put_first(std::deque<std::string>& steps, std::string_view path) {
    std::deque<std::string> more;
    while (!path.empty()) {
        const std::size_t end = path.find('/');
        const std::string_view name = path.substr(0, end);
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
        if (!name.empty() && name != ".") {
            more.emplace_back(name);
        }
    }
    steps.insert(steps.begin(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
}

std::string joined_path(std::string_view directory, std::string_view name) {
    std::string path(directory);
    if (!path.ends_with('/')) {
        path += '/';
    }
    path += name;
    return path;
}

std::string_view parent_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos || slash == 0 ? "/" : path.substr(0, slash);
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
    if (directory == "/" || path == directory) {
        return true;
    }
    return path.size() > directory.size() && path.starts_with(directory) &&
           path[directory.size()] == '/';
}

}  // namespace assay::sensors
