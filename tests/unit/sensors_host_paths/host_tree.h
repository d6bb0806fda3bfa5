// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"

namespace assay {

/// A folder taken for the root of a host, with owners and modes of its own. Needs root, for
/// chown(2): tests that use it begin with ASSAY_NEEDS_ROOT. Removed with the object.
class HostTree {
public:
    static constexpr std::string_view kPasswd =
        "root:x:0:0:root:/root:/bin/bash\n"
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "bob:x:1000:1000::/home/bob:/bin/bash\n"
        "eve:x:1001:1001::/home/eve:/bin/bash\n";
    static constexpr std::string_view kGroup =
        "root:x:0:\n"
        "daemon:x:1:\n"
        "staff:x:50:\n"      // nobody
        "admins:x:60:bob\n"  // bob
        "wheel:x:61:root\n"  // root only
        "bob:x:1000:\n"      // bob, by passwd
        "eve:x:1001:\n";
    static constexpr uid_t kBob = 1000, kEve = 1001;
    static constexpr gid_t kStaff = 50, kAdmins = 60, kWheel = 61;

    HostTree() : folder_(make_folder()), root_(*HostRoot::open(folder_.string())) {
        ::umask(022);
        ::chmod(folder_.c_str(), 0755);
        write("etc/passwd", kPasswd);
        write("etc/group", kGroup);
    }
    HostTree(const HostTree&) = delete;
    HostTree& operator=(const HostTree&) = delete;
    ~HostTree() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    void directory(std::string_view path, mode_t mode = 0755, uid_t owner = 0,
                   gid_t group = 0) const {
        std::filesystem::create_directories(folder_ / path);
        set(path, mode, owner, group);
    }
    void write(std::string_view path, std::string_view text) const {
        const auto file = folder_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    void file(std::string_view path, mode_t mode = 0644, uid_t owner = 0, gid_t group = 0) const {
        write(path, "x");
        set(path, mode, owner, group);
    }
    void set(std::string_view path, mode_t mode, uid_t owner = 0, gid_t group = 0) const {
        const std::string file = at(path);
        EXPECT_EQ(::lchown(file.c_str(), owner, group), 0) << file;
        EXPECT_EQ(::chmod(file.c_str(), mode), 0) << file;
    }
    void link(std::string_view path, std::string_view target) const {
        const auto file = folder_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::filesystem::create_symlink(target, file);
    }
    void remove(std::string_view path) const { std::filesystem::remove_all(folder_ / path); }
    void rename(std::string_view from, std::string_view to) const {
        std::filesystem::rename(folder_ / from, folder_ / to);
    }

    struct Grant {
        bool group = false;
        std::uint32_t id = 0;
        unsigned bits = 0;
    };
    /// A POSIX ACL: owner rwx, owning group r-x, mask rwx unless told, others r-x. False when this
    /// file system has none.
    [[nodiscard]] bool access_list(std::string_view path, std::initializer_list<Grant> grants,
                                   unsigned mask = 7) const {
        std::vector<std::byte> bytes;
        const auto put = [&](std::uint32_t value, std::size_t width) {
            for (std::size_t i = 0; i < width; ++i) {
                bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
            }
        };
        const auto entry = [&](std::uint32_t tag, std::uint32_t bits, std::uint32_t id) {
            put(tag, 2);
            put(bits, 2);
            put(id, 4);
        };
        constexpr std::uint32_t kNobody = 0xFFFFFFFF;
        put(2, 4);
        entry(0x01, 7, kNobody);
        for (const Grant& grant : grants) {
            if (!grant.group) {
                entry(0x02, grant.bits, grant.id);
            }
        }
        entry(0x04, 5, kNobody);
        for (const Grant& grant : grants) {
            if (grant.group) {
                entry(0x08, grant.bits, grant.id);
            }
        }
        entry(0x10, mask, kNobody);
        entry(0x20, 5, kNobody);
        return ::setxattr(at(path).c_str(), "system.posix_acl_access", bytes.data(), bytes.size(),
                          0) == 0;
    }

    [[nodiscard]] std::string at(std::string_view path) const { return (folder_ / path).string(); }
    [[nodiscard]] const HostRoot& root() const { return root_; }

private:
    static std::filesystem::path make_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "assay-tree-XXXXXX").string();
        return ::mkdtemp(name.data());
    }
    std::filesystem::path folder_;
    HostRoot root_;
};

}  // namespace assay

#define ASSAY_NEEDS_ROOT                                                     \
    if (::geteuid() != 0) {                                                  \
        GTEST_SKIP() << "needs root: files of other owners are made for it"; \
    }
