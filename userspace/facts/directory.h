// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// A system directory, or something below one that others than root can change. Identity: Path.
/// Every system directory is told; of what is below them only what somebody else can change, what
/// could not be read, and what was told before and has changed.
struct Directory {
    FactHeader header;
    std::string_view path;
    std::string_view purpose;
    std::string_view type;
    std::string_view owner;
    std::string_view group;
    std::string_view mode;
    TextList writable_by;
    std::string_view weakest_path;
    std::string_view target;
    std::optional<std::uint64_t> entries;
    std::string_view problem;
    std::string_view image;
    std::string_view user;
    std::optional<std::uint32_t> process_id;
};

inline constexpr std::array kDirectoryFields{
    field<&Directory::path>("Path", "path", "the directory, or the entry below it"),
    field<&Directory::purpose>(
        "Purpose", "",
        "why it matters: binaries, libraries, configuration, boot, kernel-modules, systemd, cron, "
        "init, pam, sudoers, root-home, root-path"),
    field<&Directory::type>("Type", "", "directory, file or link"),
    field<&Directory::owner>("Owner", "", "name of the owner; the number when it has none"),
    field<&Directory::group>("Group", "", "name of the group; the number when it has none"),
    field<&Directory::mode>("Mode", "octal", "permission bits, four digits"),
    field<&Directory::writable_by>(
        "WritableBy", "",
        "who besides root can change it: user:NAME, group:NAME, other; by mode, owner or ACL, of "
        "itself or of a directory above it (sticky bit respected)"),
    field<&Directory::weakest_path>(
        "WeakestPath", "path", "the path that lets them: itself, a parent, or a link's target"),
    field<&Directory::target>("Target", "path", "what it leads to, when it is a symbolic link"),
    field<&Directory::entries>("Entries", "",
                               "of a system directory: how many entries below it were looked at"),
    field<&Directory::problem>("Problem", "", "why it is not wholly known: path: reason"),
    field<&Directory::image>("Image", "path", "program that made the change, when it is known"),
    field<&Directory::user>("User", "", "user of that program"),
    field<&Directory::process_id>("ProcessId", "", "its thread group id"),
};

}  // namespace assay::facts
