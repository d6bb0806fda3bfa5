// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/system_directories.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "sensors/host/paths/changers.h"

namespace assay::sensors {
namespace {

constexpr std::size_t kLongestFile = 1024 * 1024;
constexpr std::size_t kMostListed = 1024;
constexpr unsigned kWholeTree = 100;

constexpr std::string_view kRootPath = "root-path";
constexpr std::string_view kLibraries = "libraries";

struct Known {
    std::string_view path;
    std::string_view purpose;
};
constexpr std::array kAlways{
    Known{"/bin", "binaries"},
    Known{"/sbin", "binaries"},
    Known{"/usr/bin", "binaries"},
    Known{"/usr/sbin", "binaries"},
    Known{"/usr/libexec", "binaries"},
    Known{"/usr/local/bin", "binaries"},
    Known{"/usr/local/sbin", "binaries"},
    Known{"/lib", kLibraries},
    Known{"/lib32", kLibraries},
    Known{"/lib64", kLibraries},
    Known{"/libx32", kLibraries},
    Known{"/usr/lib", kLibraries},
    Known{"/usr/lib32", kLibraries},
    Known{"/usr/lib64", kLibraries},
    Known{"/usr/libx32", kLibraries},
    Known{"/usr/local/lib", kLibraries},
    Known{"/usr/local/lib64", kLibraries},
    Known{"/etc", "configuration"},
    Known{"/boot", "boot"},
    Known{"/lib/modules", "kernel-modules"},
    Known{"/usr/lib/modules", "kernel-modules"},
    Known{"/etc/systemd", "systemd"},
    Known{"/lib/systemd", "systemd"},
    Known{"/usr/lib/systemd", "systemd"},
    Known{"/usr/local/lib/systemd", "systemd"},
    Known{"/etc/crontab", "cron"},
    Known{"/etc/anacrontab", "cron"},
    Known{"/etc/cron.d", "cron"},
    Known{"/etc/cron.hourly", "cron"},
    Known{"/etc/cron.daily", "cron"},
    Known{"/etc/cron.weekly", "cron"},
    Known{"/etc/cron.monthly", "cron"},
    Known{"/etc/cron.yearly", "cron"},
    Known{"/var/spool/cron", "cron"},
    Known{"/var/spool/anacron", "cron"},
    Known{"/etc/init.d", "init"},
    Known{"/etc/init", "init"},
    Known{"/etc/rc.d", "init"},
    Known{"/etc/rc.local", "init"},
    Known{"/etc/rc0.d", "init"},
    Known{"/etc/rc1.d", "init"},
    Known{"/etc/rc2.d", "init"},
    Known{"/etc/rc3.d", "init"},
    Known{"/etc/rc4.d", "init"},
    Known{"/etc/rc5.d", "init"},
    Known{"/etc/rc6.d", "init"},
    Known{"/etc/rcS.d", "init"},
    Known{"/etc/inittab", "init"},
    Known{"/etc/pam.d", "pam"},
    Known{"/etc/pam.conf", "pam"},
    Known{"/etc/security", "pam"},
    Known{"/usr/lib/pam.d", "pam"},
    Known{"/etc/sudoers", "sudoers"},
    Known{"/etc/sudoers.d", "sudoers"},
};
// Units that systemd made at this boot; systemd.unit(5). An image has nothing there.
constexpr std::array kRunning{
    Known{"/run/systemd/system", "systemd"},
    Known{"/run/systemd/transient", "systemd"},
    Known{"/run/systemd/generator", "systemd"},
    Known{"/run/systemd/generator.early", "systemd"},
    Known{"/run/systemd/generator.late", "systemd"},
};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view next_part(std::string_view& rest, std::string_view separators) {
    const std::size_t end = rest.find_first_of(separators);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

class Finder {
public:
    explicit Finder(const HostRoot& host) : host_(&host) {}

    SystemDirectories find(bool running) {
        for (const Known& known : kAlways) {
            add(known.path, known.purpose, kWholeTree);
        }
        if (running) {
            for (const Known& known : kRunning) {
                add(known.path, known.purpose, kWholeTree);
            }
        }
        read_library_paths("/etc/ld.so.conf", 0);
        const std::string home = root_home();
        // Deeper lies what root works with, not what root's session is made of.
        add(home, "root-home", 2);
        read_search_paths(home);
        return std::move(found_);
    }

private:
    void add(std::string_view path, std::string_view purpose, unsigned depth) {
        while (path.size() > 1 && path.ends_with('/')) {
            path.remove_suffix(1);
        }
        const bool is_known = std::ranges::any_of(found_.list, [&](const SystemDirectory& each) {
            return each.path == path && each.purpose == purpose;
        });
        if (!is_known && found_.list.size() < kMostListed) {
            found_.list.push_back({.path = std::string(path), .purpose = purpose, .depth = depth});
        }
    }

    std::optional<std::string> read(const std::string& path, std::string_view purpose) {
        found_.files.push_back(path);
        const std::string_view relative = std::string_view(path).substr(1);
        if (!host_->exists(relative)) {
            return std::nullopt;
        }
        auto text = host_->read_file(relative, kLongestFile);
        if (!text) {
            found_.problems.push_back(
                {.path = path, .reason = text.error().message, .purpose = purpose});
            return std::nullopt;
        }
        return std::move(*text);
    }

    /// Names in `directory` that match, sorted; nothing when it is not there.
    std::vector<std::string> matching(const std::string& directory, const std::string& pattern,
                                      std::string_view purpose) {
        found_.directories.push_back(directory);
        const std::string_view relative = std::string_view(directory).substr(1);
        std::vector<std::string> names;
        if (!host_->exists(relative)) {
            return names;
        }
        auto all = host_->list_directory(relative);
        if (!all) {
            found_.problems.push_back(
                {.path = directory, .reason = all.error().message, .purpose = purpose});
            return names;
        }
        for (std::string& name : *all) {
            if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0 &&
                names.size() < kMostListed) {
                names.push_back(joined_path(directory, name));
            }
        }
        return names;
    }

    // ldconfig(8): a directory in each line, or `include` with a pattern. Only the last part of a
    // pattern is taken as one: that is what distributions use.
    void read_library_paths(const std::string& path, int depth) {
        constexpr int kDeepestInclude = 8;
        const auto text = read(path, kLibraries);
        if (!text || depth > kDeepestInclude) {
            return;
        }
        std::string_view rest = *text;
        while (!rest.empty()) {
            std::string_view line = next_part(rest, "\n");
            line = trimmed(line.substr(0, line.find('#')));
            constexpr std::string_view kInclude = "include";
            if (line.starts_with(kInclude) && line.size() > kInclude.size() &&
                (line[kInclude.size()] == ' ' || line[kInclude.size()] == '\t')) {
                line.remove_prefix(kInclude.size());
                include_library_paths(path, line, depth);
                continue;
            }
            while (!line.empty()) {
                const std::string_view directory = next_part(line, " \t,:");
                if (directory.starts_with('/')) {
                    add(directory.substr(0, directory.find('=')), kLibraries, 1);
                }
            }
        }
    }

    void include_library_paths(const std::string& from, std::string_view patterns, int depth) {
        while (!patterns.empty()) {
            const std::string_view pattern = next_part(patterns, " \t");
            if (pattern.empty() || found_.files.size() > kMostListed) {
                continue;
            }
            const std::string whole = pattern.starts_with('/')
                                          ? std::string(pattern)
                                          : joined_path(parent_path(from), pattern);
            const std::string directory(parent_path(whole));
            for (const std::string& file :
                 matching(directory, whole.substr(whole.rfind('/') + 1), kLibraries)) {
                read_library_paths(file, depth + 1);
            }
        }
    }

    std::string root_home() {
        const auto passwd = read("/etc/passwd", "root-home");
        std::string_view rest = passwd ? std::string_view(*passwd) : std::string_view();
        while (!rest.empty()) {
            std::string_view line = next_part(rest, "\n");
            next_part(line, ":");
            next_part(line, ":");
            if (next_part(line, ":") != "0") {
                continue;
            }
            next_part(line, ":");
            next_part(line, ":");
            const std::string_view home = next_part(line, ":");
            if (home.starts_with('/') && home.size() > 1) {
                return std::string(home);
            }
        }
        return "/root";
    }

    void read_search_paths(const std::string& home) {
        for (const std::string_view file : {"/etc/login.defs", "/etc/environment", "/etc/profile",
                                            "/etc/bash.bashrc", "/etc/bashrc", "/etc/crontab"}) {
            read_search_path(std::string(file), home);
        }
        for (const std::string& file : matching("/etc/profile.d", "*.sh", kRootPath)) {
            read_search_path(file, home);
        }
        for (const std::string_view file : {".profile", ".bash_profile", ".bash_login", ".bashrc",
                                            ".zshenv", ".zprofile", ".zshrc"}) {
            read_search_path(joined_path(home, file), home);
        }
    }

    void read_search_path(const std::string& file, const std::string& home) {
        const auto text = read(file, kRootPath);
        std::string_view rest = text ? std::string_view(*text) : std::string_view();
        while (!rest.empty()) {
            std::string_view line = trimmed(next_part(rest, "\n"));
            // login.defs(5): ENV_SUPATH is root's, and ENV_ROOTPATH where su(1) asks for it;
            // ENV_PATH is everybody else's.
            for (const std::string_view before : {"export ", "ENV_SUPATH", "ENV_ROOTPATH"}) {
                if (line.starts_with(before)) {
                    line = trimmed(line.substr(before.size()));
                }
            }
            constexpr std::string_view kAssignment = "PATH=";
            if (line.starts_with(kAssignment)) {
                add_search_path(line.substr(kAssignment.size()), file, home);
            }
        }
    }

    /// The value of a PATH assignment as a shell would read it, without what it can only know when
    /// it runs: a place with a variable other than HOME is left out.
    void add_search_path(std::string_view value, const std::string& file, const std::string& home) {
        if (value.starts_with('"') || value.starts_with('\'')) {
            const char quote = value.front();
            value.remove_prefix(1);
            value = value.substr(0, value.find(quote));
        } else {
            value = value.substr(0, value.find_first_of(" \t;&|"));
        }
        if (value.empty()) {
            return;
        }
        for (bool more = true; more;) {
            const std::size_t colon = value.find(':');
            more = colon != std::string_view::npos;
            add_search_place(value.substr(0, colon), file, home);
            value.remove_prefix(more ? colon + 1 : value.size());
        }
    }

    void add_search_place(std::string_view place, const std::string& file,
                          const std::string& home) {
        std::string path(place);
        for (const std::string_view variable : {"${HOME}", "$HOME", "~"}) {
            if (path.starts_with(variable) &&
                (path.size() == variable.size() || path[variable.size()] == '/')) {
                path.replace(0, variable.size(), home);
            }
        }
        std::erase(path, '"');
        if (path.find_first_of("$`(\\") != std::string::npos) {
            return;
        }
        if (path.starts_with('/')) {
            add(path, kRootPath, 1);
        } else if (found_.relative.size() < kMostListed) {
            path = path.empty() ? "." : path;
            const bool is_known = std::ranges::any_of(
                found_.relative, [&](const auto& each) { return each.path == path; });
            if (!is_known) {
                found_.relative.push_back({.path = std::move(path), .source = file});
            }
        }
    }

    const HostRoot* host_;
    SystemDirectories found_;
};

}  // namespace

SystemDirectories find_system_directories(const HostRoot& host, bool running) {
    return Finder(host).find(running);
}

}  // namespace assay::sensors
