// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/host_root.h"

namespace assay::sensors {

/// Names of user ids, from etc/passwd below a host root. No NSS: a name service could make assay
/// talk to the network in the middle of an event. One thread. The host root must outlive this.
class UserNames {
public:
    using Clock = std::function<std::uint64_t()>;

    explicit UserNames(const HostRoot& host, Clock clock = boot_clock_now_ns);

    /// The name, or the number as text when it has none. The view is valid as long as this object,
    /// even when the file changes. The file is looked at again at most once a second, and read
    /// again when its inode, size or modification time has changed.
    [[nodiscard]] std::string_view operator()(std::uint32_t uid);

private:
    struct FileState {
        std::uint64_t device = 0, inode = 0;
        std::int64_t size = -1, modified_s = 0, modified_ns = 0;
        bool operator==(const FileState&) const = default;
    };
    void read_again();
    std::string_view keep(std::string_view text);

    const HostRoot* host_;
    Clock clock_;
    std::uint64_t looked_ns_ = 0;
    bool looked_ = false;
    FileState file_;
    std::unordered_map<std::uint32_t, std::string_view> names_;
    std::unordered_set<std::string> kept_;  ///< never shrinks: views of it are out
};

}  // namespace assay::sensors
