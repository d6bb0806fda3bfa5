// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/pwquality_config.h"

#include <algorithm>
#include <array>
#include <limits>

namespace assay::sensors {
namespace {

enum class Type { number, text, flag };

struct Known {
    std::string_view name;
    Type type;
    std::int64_t fallback;
};

/// Defaults of libpwquality 1.4 and later (2017): those before counted credits of 1 and a minimum
/// of 9.
constexpr std::array kKnown{
    Known{"difok", Type::number, 1},          Known{"minlen", Type::number, 8},
    Known{"dcredit", Type::number, 0},        Known{"ucredit", Type::number, 0},
    Known{"lcredit", Type::number, 0},        Known{"ocredit", Type::number, 0},
    Known{"minclass", Type::number, 0},       Known{"maxrepeat", Type::number, 0},
    Known{"maxclassrepeat", Type::number, 0}, Known{"maxsequence", Type::number, 0},
    Known{"gecoscheck", Type::number, 0},     Known{"dictcheck", Type::number, 1},
    Known{"usercheck", Type::number, 1},      Known{"usersubstr", Type::number, 0},
    Known{"enforcing", Type::number, 1},      Known{"badwords", Type::text, 0},
    Known{"dictpath", Type::text, 0},         Known{"retry", Type::number, 1},
    Known{"enforce_for_root", Type::flag, 0}, Known{"local_users_only", Type::flag, 0},
};

constexpr std::int64_t kLowestMinimum = 6;

const Known* known(std::string_view name) {
    const auto* found = std::ranges::find_if(
        kKnown, [&](const Known& each) { return equal_ignoring_case(each.name, name); });
    return found == kKnown.end() ? nullptr : found;
}

}  // namespace

const SourcedNumber* PwqualitySettings::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
}

std::int64_t PwqualitySettings::value(std::string_view name) const {
    if (const SourcedNumber* set = find(name)) {
        return set->value;
    }
    const Known* setting = known(name);
    return setting == nullptr ? 0 : setting->fallback;
}

bool PwqualitySettings::set(std::string_view name, std::string_view value,
                            const std::string& source, bool drop_in) {
    const Known* setting = known(name);
    if (setting == nullptr) {
        return false;
    }
    std::int64_t number = 1;
    if (setting->type == Type::number) {
        const auto parsed = to_number(value);
        if (!parsed || *parsed >= std::numeric_limits<int>::max() ||
            *parsed <= std::numeric_limits<int>::min()) {
            return false;
        }
        number = setting->name == "minlen" ? std::max(*parsed, kLowestMinimum) : *parsed;
    }
    values_.insert_or_assign(std::string(setting->name), SourcedNumber{number, source, drop_in});
    return true;
}

bool PwqualitySettings::add_file(HostReader& reader, const HostText& file, bool drop_in) {
    constexpr std::size_t kLongestLine = 1022;  // without the newline; a longer one ends it
    std::string_view rest = file.text;
    std::string_view line;
    for (std::size_t number = 1; next_line(rest, line); ++number) {
        const std::string source = at_line(file.path, number);
        if (line.size() > kLongestLine) {
            reader.problem(file.path, source + ": line too long, libpwquality stops reading");
            return false;
        }
        line = trimmed(line.substr(0, line.find('#')));
        if (line.empty()) {
            continue;
        }
        const auto end = line.find_first_of("= \t\r\v\f");
        const std::string_view name = line.substr(0, end);
        std::string_view value;
        if (end != std::string_view::npos) {
            value = trimmed(line.substr(end));
            if (value.starts_with('=')) {
                value = trimmed(value.substr(1));
            }
        }
        if (!set(name, value, source, drop_in)) {
            reader.problem(file.path, source +
                                          ": no setting that libpwquality takes; it stops "
                                          "reading here");
            return false;
        }
    }
    return true;
}

PwqualitySettings read_pwquality(HostReader& reader) {
    static constexpr std::string_view kFile = "/etc/security/pwquality.conf";
    static constexpr std::string_view kVendorFile = "/usr/lib/security/pwquality.conf";
    PwqualitySettings settings;
    std::map<std::string, std::string> drop_ins;
    for (const std::string_view file : {kVendorFile, kFile}) {
        const std::string directory = std::string(file) + ".d";
        for (const std::string& name : reader.list(directory)) {
            const auto suffix = name.find(".conf");
            if (suffix != std::string::npos && suffix + 5 == name.size()) {
                drop_ins[name].assign(directory).append("/").append(name);
            }
        }
    }
    for (const auto& [name, path] : drop_ins) {
        if (!settings.add_file(reader, reader.read(path), true)) {
            return settings;
        }
    }
    const HostText* main = &reader.read(kFile);
    if (main->missing) {
        main = &reader.read(kVendorFile);
    }
    (void)settings.add_file(reader, *main, false);
    return settings;
}

}  // namespace assay::sensors
