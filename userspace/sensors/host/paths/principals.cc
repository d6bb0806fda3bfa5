// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/principals.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace assay::sensors {
namespace {

void insert_sorted(std::vector<std::uint32_t>& into, std::uint32_t value) {
    const auto at = std::ranges::lower_bound(into, value);
    if (at == into.end() || *at != value) {
        into.insert(at, value);
    }
}

/// All of `who` who are in `among` too, where `who` is not everybody.
void add_common(Principals& common, const Principals& who, const Principals& among,
                const AccountNames& names) {
    for (const std::uint32_t uid : who.users) {
        const bool by_group = std::ranges::any_of(
            among.groups, [&](std::uint32_t gid) { return names.is_member(uid, gid); });
        if (among.other || by_group || std::ranges::binary_search(among.users, uid)) {
            common.add_user(uid);
        }
    }
    for (const std::uint32_t gid : who.groups) {
        if (among.other || std::ranges::binary_search(among.groups, gid)) {
            common.add_group(gid);
            continue;
        }
        for (const std::uint32_t uid : among.users) {
            if (names.is_member(uid, gid)) {
                common.add_user(uid);
            }
        }
        for (const std::uint32_t other : among.groups) {
            for (const std::uint32_t uid : names.members(other)) {
                if (names.is_member(uid, gid)) {
                    common.add_user(uid);
                }
            }
        }
    }
}

std::uint32_t little_endian(std::span<const std::byte> bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
        value = (value << 8U) | std::to_integer<std::uint32_t>(bytes[i - 1]);
    }
    return value;
}

}  // namespace

void Principals::add(const Principals& more) {
    other |= more.other;
    for (const std::uint32_t uid : more.users) {
        add_user(uid);
    }
    for (const std::uint32_t gid : more.groups) {
        add_group(gid);
    }
}

void Principals::add_user(std::uint32_t uid) { insert_sorted(users, uid); }
void Principals::add_group(std::uint32_t gid) { insert_sorted(groups, gid); }

std::vector<std::string> Principals::names(const AccountNames& names) const {
    std::vector<std::string> told;
    if (other) {
        told.emplace_back("other");
    }
    for (const std::uint32_t gid : groups) {
        told.push_back("group:" + names.group(gid));
    }
    for (const std::uint32_t uid : users) {
        told.push_back("user:" + names.user(uid));
    }
    return told;
}

Principals both(const Principals& a, const Principals& b, const AccountNames& names) {
    Principals common{.other = a.other && b.other, .users = {}, .groups = {}};
    add_common(common, a, b, names);
    add_common(common, b, a, names);
    return common;
}

std::optional<AccessList> parse_access_list(std::span<const std::byte> bytes) {
    constexpr std::size_t kHeader = 4;
    constexpr std::size_t kEntry = 8;
    constexpr std::uint32_t kVersion = 2;
    constexpr std::uint32_t kUser = 0x02, kOwningGroup = 0x04, kGroup = 0x08, kMask = 0x10;
    if (bytes.size() < kHeader || (bytes.size() - kHeader) % kEntry != 0 ||
        little_endian(bytes.first(kHeader)) != kVersion) {
        return std::nullopt;
    }
    AccessList list;
    for (auto rest = bytes.subspan(kHeader); !rest.empty(); rest = rest.subspan(kEntry)) {
        const std::uint32_t tag = little_endian(rest.first(2));
        const unsigned bits = little_endian(rest.subspan(2, 2)) & 7U;
        const std::uint32_t id = little_endian(rest.subspan(4, 4));
        if (tag == kUser || tag == kGroup) {
            list.named.push_back({.group = tag == kGroup, .id = id, .bits = bits});
        } else if (tag == kOwningGroup) {
            list.owning_group = bits;
        } else if (tag == kMask) {
            list.mask = bits;
        }
    }
    return list;
}

Principals granted(const struct stat& status, const AccessList* list, unsigned bits,
                   const AccountNames& names) {
    Principals who;
    who.other = (status.st_mode & bits) == bits;
    if (status.st_uid != 0) {
        who.add_user(status.st_uid);
    }
    const auto allows = [&](unsigned given) { return (given & bits) == bits; };
    unsigned group_bits = (status.st_mode >> 3U) & 7U;
    if (list != nullptr) {
        for (const AccessList::Entry& entry : list->named) {
            if (!allows(entry.bits & list->mask)) {
                continue;
            }
            if (entry.group && names.lets_in(entry.id)) {
                who.add_group(entry.id);
            } else if (!entry.group && entry.id != 0) {
                who.add_user(entry.id);
            }
        }
        group_bits = list->owning_group & list->mask;
    }
    if (allows(group_bits) && names.lets_in(status.st_gid)) {
        who.add_group(status.st_gid);
    }
    return who;
}

}  // namespace assay::sensors
