// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sysctl_config.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace assay::sensors {
namespace {

constexpr std::size_t kLongestFile = 1024 * 1024;
constexpr std::string_view kTraditionalFile = "/etc/sysctl.conf";

// sysctl.d(5): a file hides those of the same name in the directories after its own.
constexpr std::array<std::string_view, 5> kDirectories{"/etc/sysctl.d", "/run/sysctl.d",
                                                       "/usr/local/lib/sysctl.d",
                                                       "/usr/lib/sysctl.d", "/lib/sysctl.d"};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view below_root(std::string_view path) { return path.substr(1); }

/// With dots between its parts, however it was written: when the first separator is a slash, dots
/// belong to names (net/ipv4/conf/eth0.1/…), and the two change places.
std::string dotted(std::string_view key) {
    std::string name(key);
    const std::size_t first = name.find_first_of("./");
    if (first == std::string::npos || name[first] == '.') {
        return name;
    }
    for (char& c : name) {
        c = c == '/' ? '.' : c == '.' ? '/' : c;
    }
    return name;
}

struct Assignment {
    std::string value;
    std::string source;
};

class Reader {
public:
    Reader(const HostRoot& host, std::span<const std::string_view> names)
        : host_(&host), names_(names) {}

    BootSettings read() {
        for (const auto& [name, path] : drop_ins()) {
            read_file(path);
        }
        settings_.files.emplace_back(kTraditionalFile);
        const bool has_systemd = host_->exists("usr/lib/systemd/systemd-sysctl") ||
                                 host_->exists("lib/systemd/systemd-sysctl");
        if (!has_systemd && host_->exists(below_root(kTraditionalFile))) {
            read_file(std::string(kTraditionalFile));
        }
        for (const std::string_view name : names_) {
            // A line that names the setting counts before any pattern, wherever it stands.
            const auto plain = named_.find(name);
            const auto pattern = matched_.find(name);
            const bool is_excluded = std::ranges::find(excluded_, name) != excluded_.end();
            const Assignment* const found = plain != named_.end() ? &plain->second
                                            : pattern != matched_.end() && !is_excluded
                                                ? &pattern->second
                                                : nullptr;
            if (found != nullptr) {
                settings_.values.push_back(
                    {.name = std::string(name), .value = found->value, .source = found->source});
            }
        }
        return std::move(settings_);
    }

private:
    /// In the order of their names, whatever directory they are in.
    std::map<std::string, std::string> drop_ins() {
        std::map<std::string, std::string> files;
        for (const std::string_view directory : kDirectories) {
            settings_.directories.emplace_back(directory);
            if (!host_->exists(below_root(directory))) {
                continue;
            }
            const auto names = host_->list_directory(below_root(directory));
            if (!names) {
                settings_.problems.push_back(
                    {.path = std::string(directory), .reason = names.error().message});
                continue;
            }
            for (const std::string& name : *names) {
                if (name.ends_with(".conf")) {
                    files.emplace(name, std::string(directory) + "/" + name);
                }
            }
        }
        return files;
    }

    void read_file(const std::string& path) {
        settings_.files.push_back(path);
        if (!host_->exists(below_root(path))) {
            return;  // a dangling link sets nothing
        }
        const auto status = host_->status(below_root(path));
        if (status && S_ISCHR(status->st_mode)) {
            return;  // /dev/null: the files of that name are switched off
        }
        const auto text = host_->read_file(below_root(path), kLongestFile);
        if (!text) {
            settings_.problems.push_back({.path = path, .reason = text.error().message});
            return;
        }
        std::string_view rest = *text;
        for (std::size_t number = 1; !rest.empty(); ++number) {
            const std::size_t end = rest.find('\n');
            read_line(trimmed(rest.substr(0, end)), path + ":" + std::to_string(number));
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
    }

    void read_line(std::string_view line, const std::string& source) {
        if (line.empty() || line.front() == '#' || line.front() == ';') {
            return;
        }
        const bool has_dash = line.front() == '-';
        line.remove_prefix(has_dash ? 1 : 0);
        const std::size_t equals = line.find('=');
        const std::string key = dotted(trimmed(line.substr(0, equals)));
        if (equals == std::string_view::npos) {
            if (has_dash) {
                excluded_.push_back(key);  // "-key": no pattern sets it
            }
            return;
        }
        const std::string value(trimmed(line.substr(equals + 1)));
        const bool is_pattern = key.find_first_of("*?[") != std::string::npos;
        for (const std::string_view name : names_) {
            if (is_pattern && matches(key, name)) {
                matched_.insert_or_assign(std::string(name), Assignment{value, source});
            } else if (!is_pattern && key == name) {
                named_.insert_or_assign(std::string(name), Assignment{value, source});
            }
        }
    }

    /// A wildcard stands for one part of the name: the kernel's names are paths.
    static bool matches(std::string pattern, std::string_view name) {
        std::string path(name);
        std::ranges::replace(pattern, '.', '/');
        std::ranges::replace(path, '.', '/');
        return ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
    }

    const HostRoot* host_;
    std::span<const std::string_view> names_;
    std::map<std::string, Assignment, std::less<>> named_, matched_;
    std::vector<std::string> excluded_;
    BootSettings settings_;
};

}  // namespace

BootSettings read_boot_settings(const HostRoot& host, std::span<const std::string_view> names) {
    return Reader(host, names).read();
}

}  // namespace assay::sensors
