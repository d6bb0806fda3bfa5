// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/config_files.h"
#include "sensors/host/sshd/sshd_config.h"

namespace assay::sensors::sshd {

/// Groups of accounts from etc/passwd and etc/group below the host root, read when first asked for.
/// No NSS: an account that is elsewhere is in no group.
class UserGroups {
public:
    explicit UserGroups(const ConfigFiles& files) : files_(&files) {}
    [[nodiscard]] const std::vector<std::string>& of(const std::string& user);

private:
    void read();
    const ConfigFiles* files_;
    bool read_ = false;
    std::map<std::string, std::vector<std::string>> groups_;
};

/// Whether a Match line holds for every connection that meets `known`, as far as that can be told.
/// Of what `known` does not say, only a condition that always holds (`User *`) is met. With `known`
/// naming one user, address and so on, this is what sshd decides for that connection.
class MatchDecision {
public:
    MatchDecision(const OpenSsh& openssh, const Criteria& known, UserGroups& groups);

    [[nodiscard]] bool holds(const Criteria& criteria) const;
    /// No connection can meet `known`: names that exclude each other, or only negations.
    [[nodiscard]] bool impossible() const { return impossible_; }

private:
    struct Known {
        Criterion::Kind kind;
        std::vector<std::string> examples;  ///< of what meets it: each must meet the other too
    };
    [[nodiscard]] const Known* find(Criterion::Kind kind) const;
    [[nodiscard]] bool holds(const Criterion& criterion) const;
    [[nodiscard]] bool group_holds(std::string_view patterns) const;

    const Criteria* criteria_;
    UserGroups* groups_;
    std::vector<Known> known_;
    std::string version_;
    bool impossible_ = false;
};

}  // namespace assay::sensors::sshd
