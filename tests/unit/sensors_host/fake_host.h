// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/host_root.h"

namespace assay {

/// A folder with a few files, taken for the root of a host. Removed with the object.
class FakeHost {
public:
    FakeHost(std::initializer_list<std::pair<std::string_view, std::string_view>> files)
        : folder_(make_folder()), root_(*HostRoot::open(folder_.string())) {
        for (const auto& [path, text] : files) {
            write(path, text);
        }
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    void write(std::string_view path, std::string_view text) const {
        const auto file = folder_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    /// As package tools do it: a new file takes the old one's name.
    void replace(std::string_view path, std::string_view text) const {
        const std::string next = std::string(path) + ".new";
        write(next, text);
        std::filesystem::rename(folder_ / next, folder_ / path);
    }
    void link(std::string_view path, std::string_view target) const {
        std::filesystem::create_symlink(target, folder_ / path);
    }
    void remove(std::string_view path) const { std::filesystem::remove(folder_ / path); }
    [[nodiscard]] const HostRoot& root() const { return root_; }

private:
    static std::filesystem::path make_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "assay-host-XXXXXX").string();
        return ::mkdtemp(name.data());
    }
    std::filesystem::path folder_;
    HostRoot root_;
};

}  // namespace assay
