// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/login_defs.h"

#include <utility>

namespace assay::sensors {
namespace {

bool is_suse(HostReader& reader) {
    const HostText* release = &reader.read("/etc/os-release");
    if (!release->readable()) {
        release = &reader.read("/usr/lib/os-release");
    }
    std::string_view rest = release->text;
    std::string_view line;
    while (next_line(rest, line)) {
        if (line.starts_with("ID=") || line.starts_with("ID_LIKE=")) {
            const std::string value = lower(line.substr(line.find('=') + 1));
            if (value.contains("suse") || value.contains("sles") || value.contains("sled")) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

const LoginDefs::Entry* LoginDefs::find(std::string_view name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

void LoginDefs::add(std::string_view text, std::string_view path, bool drop_in) {
    std::string_view line;
    for (std::size_t number = 1; next_line(text, line); ++number) {
        line = trimmed(line);
        const auto end = line.find_first_of(" \t");
        // A name without a value changes nothing.
        if (line.empty() || line.starts_with('#') || end == std::string_view::npos) {
            continue;
        }
        // shadow takes quotes off, and lets a value end at the second.
        std::string_view value = trimmed(line.substr(end), " \t\"");
        value = value.substr(0, value.find('"'));
        // Of an entry given twice the later counts (putdef_str replaces).
        entries_.insert_or_assign(std::string(line.substr(0, end)),
                                  Entry{std::string(value), at_line(path, number), drop_in});
    }
}

LoginDefs read_login_defs(HostReader& reader) {
    LoginDefs defs;
    const auto take = [&](std::string_view path, bool drop_in) {
        const HostText& file = reader.read(path);
        if (!file.unreadable.empty() && defs.unreadable_.empty()) {
            defs.unreadable_ = file.unreadable;
        }
        defs.add(file.text, path, drop_in);
        return !file.missing;
    };
    const bool merged = is_suse(reader);
    if (!take(defs.path_, false) && merged && take("/usr/etc/login.defs", false)) {
        defs.path_ = "/usr/etc/login.defs";
    }
    if (merged) {
        std::map<std::string, std::string> drop_ins;  // a name in etc hides that of the vendor
        for (const std::string_view directory : {"/usr/etc/login.defs.d", "/etc/login.defs.d"}) {
            for (const std::string& name : reader.list(directory)) {
                if (name.ends_with(".defs")) {
                    drop_ins[name] = std::string(directory) + "/" + name;
                }
            }
        }
        for (const auto& [name, path] : drop_ins) {
            (void)take(path, true);
        }
    }
    return defs;
}

}  // namespace assay::sensors
