// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

/// A number and where it was said.
struct SourcedNumber {
    std::int64_t value = 0;
    std::string source;  ///< path:line; empty for a default
    bool drop_in = false;
};

/// Settings of libpwquality by name, all as numbers; enforce_for_root and local_users_only are 1
/// where they are set.
class PwqualitySettings {
public:
    [[nodiscard]] const SourcedNumber* find(std::string_view name) const;
    /// The value in effect, libpwquality's default when nothing sets it.
    [[nodiscard]] std::int64_t value(std::string_view name) const;

    /// `name=value` of a module's argument, or a name and a value of a file. False when
    /// libpwquality does not take it; nothing changes then.
    bool set(std::string_view name, std::string_view value, const std::string& source,
             bool drop_in);

    /// A whole file. False when something in it stopped libpwquality: then no later file is read.
    [[nodiscard]] bool add_file(HostReader& reader, const HostText& file, bool drop_in);

private:
    std::map<std::string, SourcedNumber, std::less<>> values_;
};

/// etc/security/pwquality.conf.d/*.conf in the order of their names, then pwquality.conf, which so
/// has the last word; the vendor's files below usr/lib/security where etc has none.
[[nodiscard]] PwqualitySettings read_pwquality(HostReader& reader);

}  // namespace assay::sensors
