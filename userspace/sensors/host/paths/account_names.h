// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace assay::sensors {

/// Users and groups of a host by number, from etc/passwd and etc/group below its root. No NSS: a
/// name service could make assay talk to the network. A snapshot: read again when they change.
class AccountNames {
public:
    [[nodiscard]] static AccountNames read(const HostRoot& host);

    /// The name, or the number as text when it has none.
    [[nodiscard]] std::string user(std::uint32_t uid) const;
    [[nodiscard]] std::string group(std::uint32_t gid) const;

    /// A group lets somebody in: it has a member other than root, by etc/group or as a primary
    /// group. Also true when the group is not known here: its members are not known either.
    [[nodiscard]] bool lets_in(std::uint32_t gid) const;
    /// False also when the members of the group are not known.
    [[nodiscard]] bool is_member(std::uint32_t uid, std::uint32_t gid) const;
    /// Members other than root, sorted.
    [[nodiscard]] const std::vector<std::uint32_t>& members(std::uint32_t gid) const;

    bool operator==(const AccountNames&) const = default;

private:
    struct Group {
        std::string name;
        std::vector<std::uint32_t> members;
        bool operator==(const Group&) const = default;
    };
    void read_users(std::string_view passwd);
    void read_groups(std::string_view text);

    std::map<std::uint32_t, std::string> users_;
    std::map<std::string, std::uint32_t, std::less<>> uids_;
    std::map<std::uint32_t, Group> groups_;
    /// Primary groups that etc/group does not name, too.
    std::map<std::uint32_t, std::vector<std::uint32_t>> primary_;
};

}  // namespace assay::sensors
