// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/account_names.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace assay::sensors {
namespace {

constexpr std::size_t kLongestFile = 16 * 1024 * 1024;

std::string_view next_part(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

void insert_sorted(std::vector<std::uint32_t>& into, std::uint32_t value) {
    const auto at = std::ranges::lower_bound(into, value);
    if (at == into.end() || *at != value) {
        into.insert(at, value);
    }
}

}  // namespace

AccountNames AccountNames::read(const HostRoot& host) {
    AccountNames names;
    if (const auto passwd = host.read_file("etc/passwd", kLongestFile)) {
        names.read_users(*passwd);
    }
    if (const auto group = host.read_file("etc/group", kLongestFile)) {
        names.read_groups(*group);
    }
    return names;
}

void AccountNames::read_users(std::string_view passwd) {
    while (!passwd.empty()) {
        std::string_view line = next_part(passwd, '\n');
        const std::string_view name = next_part(line, ':');
        next_part(line, ':');
        const auto uid = number(next_part(line, ':'));
        const auto gid = number(next_part(line, ':'));
        if (name.empty() || name.front() == '#' || !uid || !gid) {
            continue;
        }
        users_.emplace(*uid, name);  // the first of several names, as getpwuid(3) does
        uids_.emplace(name, *uid);
        if (*uid != 0) {
            insert_sorted(primary_[*gid], *uid);
        }
    }
}

void AccountNames::read_groups(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = next_part(text, '\n');
        const std::string_view name = next_part(line, ':');
        next_part(line, ':');
        const auto gid = number(next_part(line, ':'));
        if (name.empty() || name.front() == '#' || !gid) {
            continue;
        }
        // Two groups of one number are one group to the kernel: their members add up.
        Group& group = groups_[*gid];
        if (group.name.empty()) {
            group.name = name;
            if (const auto primary = primary_.find(*gid); primary != primary_.end()) {
                group.members = primary->second;
            }
        }
        while (!line.empty()) {
            const auto member = uids_.find(next_part(line, ','));
            // A name that passwd does not know can belong to nobody who logs in here.
            if (member != uids_.end() && member->second != 0) {
                insert_sorted(group.members, member->second);
            }
        }
    }
}

std::string AccountNames::user(std::uint32_t uid) const {
    const auto found = users_.find(uid);
    return found == users_.end() ? std::to_string(uid) : found->second;
}

std::string AccountNames::group(std::uint32_t gid) const {
    const auto found = groups_.find(gid);
    return found == groups_.end() ? std::to_string(gid) : found->second.name;
}

bool AccountNames::lets_in(std::uint32_t gid) const {
    const auto found = groups_.find(gid);
    if (found != groups_.end()) {
        return !found->second.members.empty();
    }
    // Group 0 is root's own wherever etc/group is missing.
    return gid != 0 || primary_.contains(gid);
}

bool AccountNames::is_member(std::uint32_t uid, std::uint32_t gid) const {
    return std::ranges::binary_search(members(gid), uid);
}

const std::vector<std::uint32_t>& AccountNames::members(std::uint32_t gid) const {
    static const std::vector<std::uint32_t> kNobody;
    if (const auto group = groups_.find(gid); group != groups_.end()) {
        return group->second.members;
    }
    const auto primary = primary_.find(gid);
    return primary == primary_.end() ? kNobody : primary->second;
}

}  // namespace assay::sensors
