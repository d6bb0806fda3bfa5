// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace assay::app {

/// A directory that goes when the test ends.
class TemporaryRules {
public:
    TemporaryRules() {
        std::string name = testing::TempDir() + "assay-rules-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        path_ = name;
    }
    ~TemporaryRules() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryRules(const TemporaryRules&) = delete;
    TemporaryRules& operator=(const TemporaryRules&) = delete;

    /// Answers the file's path.
    std::string write(const std::string& name, std::string_view text) const {
        const std::filesystem::path file = std::filesystem::path(path_) / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return file.string();
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// A rule on process_creation facts that looks for this user.
inline std::string rule_for_user(std::string_view user) {
    return "title: T\nlevel: low\nlogsource: {product: linux, category: process_creation}\n"
           "detection:\n    s: {User: " +
           std::string(user) + "}\n    condition: s\n";
}

}  // namespace assay::app
