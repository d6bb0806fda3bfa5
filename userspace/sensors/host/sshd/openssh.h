// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "sensors/host/topic.h"

namespace assay::sensors::sshd {

enum class Distribution : std::uint8_t { unknown, debian, red_hat, suse };

/// The installed OpenSSH, as far as its configuration is concerned.
struct OpenSsh {
    bool installed = false;
    std::string binary;  ///< "/usr/sbin/sshd"
    int version = 0;     ///< 902 is 9.2; 0: not known
    Distribution distribution = Distribution::unknown;
    /// Distributions change two defaults in the code itself.
    bool root_login_by_default = false;
    bool pam_by_default = false;
    /// Lists of algorithms that the binary holds as text: its defaults, patches included.
    std::vector<std::string> lists;

    [[nodiscard]] bool at_least(int wanted) const { return version == 0 || version >= wanted; }
};

/// Finds sshd below a host root and its version: from the binary's own text, never by running it;
/// else from dpkg's status, else from which release of a distribution this is. One thread.
class OpenSshFinder {
public:
    /// `also` are paths where a unit or a process says that sshd is.
    [[nodiscard]] const OpenSsh& find(const HostRoot& host, const std::vector<std::string>& also,
                                      Dependencies& dependencies);

private:
    struct FileState {
        std::string path;
        std::uint64_t device = 0, inode = 0;
        std::int64_t size = -1, changed_s = 0, changed_ns = 0;
        bool operator==(const FileState&) const = default;
    };
    OpenSsh found_;
    FileState binary_;
};

/// "OpenSSH_9.2p1 Debian-2" anywhere in text: 902. 0 when there is none.
[[nodiscard]] int version_in(std::string_view text);
/// Lists of algorithms in the text of a binary.
[[nodiscard]] std::vector<std::string> algorithm_lists_in(std::string_view text);

}  // namespace assay::sensors::sshd
