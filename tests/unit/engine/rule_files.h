// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/rule_set.h"

namespace assay::engine {

/// A directory that goes when the test ends.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "assay-rules-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    void write(const std::string& name, std::string_view text) const {
        const std::filesystem::path file = std::filesystem::path(path_) / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// Rule files as a set of the user's own, and what was told of them, a line for each.
struct LoadedFiles {
    RuleSet rules;
    std::vector<std::string> told;
};
inline LoadedFiles load_directory(const std::string& path) {
    const std::vector<RuleSource> sources{{.path = path, .package = {}, .custom = true}};
    std::vector<Problem> problems;
    LoadedFiles loaded{RuleSet::load(sources, problems), {}};
    for (Problem& problem : problems) {
        problem.file = std::filesystem::path(problem.file).filename().string();
        loaded.told.push_back(to_text(problem));
    }
    return loaded;
}
inline LoadedFiles load_files(const std::vector<std::pair<std::string, std::string>>& files) {
    const TemporaryDirectory directory;
    for (const auto& [name, text] : files) {
        directory.write(name, text);
    }
    return load_directory(directory.path());
}

/// Sigma's own rules lie beside the repository on the project's machines only.
class SigmaCorpus : public testing::Test {
protected:
    void SetUp() override {
        const char* given = std::getenv("ASSAY_SIGMA_DIR");
        directory_ = given != nullptr ? given : ASSAY_SOURCE_DIR "/../shared/data/sigma";
        if (!std::filesystem::is_directory(directory_)) {
            std::cout << "skipped: no Sigma rules at " << directory_
                      << " (set ASSAY_SIGMA_DIR to a directory that has process_creation/)\n";
            GTEST_SKIP();
        }
    }
    std::string directory_;
};

}  // namespace assay::engine
