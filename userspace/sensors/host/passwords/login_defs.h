// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

/// The entries of login.defs(5) in effect.
class LoginDefs {
public:
    struct Entry {
        std::string value;
        std::string source;  ///< path:line
        bool drop_in = false;
    };

    [[nodiscard]] const Entry* find(std::string_view name) const;
    /// Where a default is read from: the file, even when it is missing.
    [[nodiscard]] std::string_view path() const { return path_; }
    /// Why the file in effect could not be read; empty when it could, or is missing.
    [[nodiscard]] const std::string& unreadable() const { return unreadable_; }

    void add(std::string_view text, std::string_view path, bool drop_in);

private:
    friend LoginDefs read_login_defs(HostReader& reader);
    std::map<std::string, Entry, std::less<>> entries_;
    std::string path_ = "/etc/login.defs";
    std::string unreadable_;
};

/// etc/login.defs. On SUSE, whose shadow is built with libeconf, also usr/etc/login.defs when there
/// is none in etc, and the drop-ins of login.defs.d.
[[nodiscard]] LoginDefs read_login_defs(HostReader& reader);

}  // namespace assay::sensors
