// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "base/result.h"
#include "sensors/host/topic.h"

namespace assay::sensors::sshd {

/// An absolute path as HostRoot wants it.
[[nodiscard]] std::string_view below_root(std::string_view path);

[[nodiscard]] std::string path_in(std::string_view folder, std::string_view name);

/// Reads what a configuration is made of, and notes all that it looked at. Borrows both.
class ConfigFiles {
public:
    ConfigFiles(const HostRoot& host, Dependencies& dependencies)
        : host_(&host), dependencies_(&dependencies) {}

    /// A file as sshd reads it: a directory is an empty one. Longer than 1 MiB is an error.
    [[nodiscard]] Result<std::string> read(const std::string& path) const;
    /// The paths that an Include names, in sshd's order (byte by byte). None is no error; a
    /// directory that cannot be listed is one.
    [[nodiscard]] Result<std::vector<std::string>> expand(const std::string& pattern) const;

    [[nodiscard]] const HostRoot& host() const { return *host_; }
    [[nodiscard]] Dependencies& dependencies() const { return *dependencies_; }

private:
    [[nodiscard]] Result<std::vector<std::string>> step(const std::vector<std::string>& from,
                                                        std::string_view component,
                                                        bool last) const;

    const HostRoot* host_;
    Dependencies* dependencies_;
};

}  // namespace assay::sensors::sshd
