// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/host_root.h"
#include "base/unique_fd.h"
#include "gtest/gtest.h"

namespace assay::sensors {

/// A directory of its own for each test, gone afterwards; the host root of what is tested.
class TestDirectory {
public:
    /// `near`: on which file system.
    explicit TestDirectory(std::string_view near = "/tmp") {
        std::string name = std::string(near) + "/assay-files-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            ADD_FAILURE() << "no directory for the test at " << near;
        }
        path_ = std::filesystem::canonical(name);
    }
    ~TestDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;

    [[nodiscard]] HostRoot root() const { return HostRoot::open(path_).value(); }
    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }
    void make_directory(std::string_view name) const {
        std::filesystem::create_directories(*this / name);
    }
    void write(std::string_view name, std::string_view text = "x") const {
        const int fd = ::open((*this / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ASSERT_GE(fd, 0) << name;
        const UniqueFd file(fd);
        ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void move(std::string_view from, std::string_view to) const {
        std::filesystem::rename(*this / from, *this / to);
    }
    void remove(std::string_view name) const { std::filesystem::remove_all(*this / name); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// Runs something in a process of its own, as another actor; its pid. It must not end badly.
template <class Act>
std::uint32_t in_another_process(Act&& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        act();
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return static_cast<std::uint32_t>(child);
}

}  // namespace assay::sensors
