// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/config_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/patterns.h"

namespace assay::sensors::sshd {
namespace {

constexpr std::size_t kLargestFile = 1024 * 1024;
constexpr std::size_t kMostPaths = 4096;

}  // namespace

std::string_view below_root(std::string_view path) {
    const std::size_t begin = path.find_first_not_of('/');
    return begin == std::string_view::npos ? std::string_view() : path.substr(begin);
}

std::string path_in(std::string_view folder, std::string_view name) {
    std::string path(folder);
    path += '/';
    path += name;
    return path;
}

Result<std::string> ConfigFiles::read(const std::string& path) const {
    dependencies_->files.push_back(path);
    const auto status = host_->status(below_root(path));
    if (!status) {
        return std::unexpected(status.error());
    }
    const bool nothing = S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
    if (S_ISDIR(status->st_mode) || nothing) {
        return std::string();
    }
    if (!S_ISREG(status->st_mode)) {
        return fail(path + " is not a file");
    }
    return host_->read_file(below_root(path), kLargestFile);
}

Result<std::vector<std::string>> ConfigFiles::expand(const std::string& pattern) const {
    std::vector<std::string> paths{std::string()};
    const auto components = split(below_root(pattern), '/');
    for (std::size_t i = 0; i < components.size(); ++i) {
        if (components[i].empty() && i + 1 < components.size()) {
            continue;
        }
        auto next = step(paths, components[i], i + 1 == components.size());
        if (!next) {
            return next;
        }
        paths = std::move(*next);
    }
    std::ranges::sort(paths);
    return paths;
}

Result<std::vector<std::string>> ConfigFiles::step(const std::vector<std::string>& from,
                                                   std::string_view component, bool last) const {
    std::vector<std::string> found;
    for (const std::string& path : from) {
        if (!is_glob(component)) {
            std::string next = path_in(path, without_escapes(component));
            // sshd takes a link that leads nowhere for a match, and then cannot read it.
            if (last) {
                dependencies_->files.push_back(next);
            }
            if (!last || host_->status(below_root(next), false)) {
                found.push_back(std::move(next));
            } else if (host_->exists(below_root(next))) {
                return fail("cannot look at " + next);
            }
            continue;
        }
        const std::string directory = path.empty() ? "/" : path;
        dependencies_->directories.push_back(directory);
        const auto status = host_->status(below_root(directory));
        if (!status && host_->exists(below_root(directory))) {
            return fail("cannot look into " + directory);
        }
        if (!status || !S_ISDIR(status->st_mode)) {
            continue;
        }
        const auto names = host_->list_directory(below_root(directory));
        if (!names) {
            return std::unexpected(names.error());
        }
        for (const std::string& name : *names) {
            if (glob_matches(name, component)) {
                found.push_back(path_in(path, name));
            }
        }
        if (found.size() > kMostPaths) {
            return fail("more than " + std::to_string(kMostPaths) + " files");
        }
    }
    return found;
}

}  // namespace assay::sensors::sshd
