// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// A file was made or given a new name. Told only where a rule may ask about it.
struct FileEvent {
    FactHeader header;
    std::string_view target_filename;
    std::string_view operation;
    std::string_view image;
    std::string_view command_line;
    std::string_view user;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> process_id;
    std::string_view parent_image;
    std::optional<bool> directory;
    std::string_view cgroup;
    std::string_view container_id;
};

inline constexpr std::array kFileEventFields{
    field<&FileEvent::target_filename>("TargetFilename", "path", "the file's (new) path"),
    field<&FileEvent::operation>("Operation", "", "created or renamed"),
    field<&FileEvent::image>("Image", "path", "program that did it"),
    field<&FileEvent::command_line>("CommandLine", "", "its arguments"),
    field<&FileEvent::user>("User", "", "name of Uid in the host's passwd"),
    field<&FileEvent::uid>("Uid", "", "real user id of that process"),
    field<&FileEvent::process_id>("ProcessId", "", "its thread group id"),
    field<&FileEvent::parent_image>("ParentImage", "path", "program of its parent"),
    field<&FileEvent::directory>("Directory", "", "it is a directory"),
    field<&FileEvent::cgroup>("Cgroup", "path", "deepest cgroup of that process"),
    field<&FileEvent::container_id>("ContainerId", "", "container named by that cgroup"),
};

}  // namespace assay::facts
