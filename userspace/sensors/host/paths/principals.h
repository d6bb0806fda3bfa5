// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sensors/host/paths/account_names.h"

namespace assay::sensors {

/// Some of those who are not root: everybody (`other`), or users and the members of groups.
struct Principals {
    bool other = false;
    std::vector<std::uint32_t> users;   ///< sorted
    std::vector<std::uint32_t> groups;  ///< sorted

    [[nodiscard]] static Principals everybody() {
        return {.other = true, .users = {}, .groups = {}};
    }
    [[nodiscard]] bool empty() const { return !other && users.empty() && groups.empty(); }
    void add(const Principals& more);
    void add_user(std::uint32_t uid);
    void add_group(std::uint32_t gid);
    /// "other", "group:NAME", "user:NAME", in this order.
    [[nodiscard]] std::vector<std::string> names(const AccountNames& names) const;
    bool operator==(const Principals&) const = default;
};

/// Those who are in both.
[[nodiscard]] Principals both(const Principals& a, const Principals& b, const AccountNames& names);

/// The entries of a POSIX ACL that name somebody, and its mask.
struct AccessList {
    struct Entry {
        bool group = false;
        std::uint32_t id = 0;
        unsigned bits = 0;  ///< rwx
    };
    std::vector<Entry> named;
    unsigned owning_group = 0;
    unsigned mask = 7;
};
/// Of the bytes of system.posix_acl_access (linux/posix_acl_xattr.h); nullopt when they are none.
[[nodiscard]] std::optional<AccessList> parse_access_list(std::span<const std::byte> bytes);

inline constexpr unsigned kMayWrite = 2;
inline constexpr unsigned kMaySearch = 1;

/// Who besides root may do all of `bits` to it by mode and ACL. The owner always may: chmod(2).
/// Somebody whom the mode shuts out though all others may (0705) counts as other.
[[nodiscard]] Principals granted(const struct stat& status, const AccessList* list, unsigned bits,
                                 const AccountNames& names);
/// An ACL can change who `granted` names: its mask is what the mode shows as the group's bits.
[[nodiscard]] inline bool needs_access_list(const struct stat& status, unsigned bits) {
    return ((status.st_mode >> 3U) & bits) == bits && (status.st_mode & bits) != bits;
}

}  // namespace assay::sensors
