// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "sensors/files/file_handle.h"

namespace assay::sensors {

/// One event of a fanotify group that reports file handles. Texts are borrowed.
struct FanotifyRecord {
    std::uint64_t mask = 0;  ///< FAN_*
    std::uint32_t pid = 0;   ///< thread group id; 0: not in our pid namespace
    FileHandle directory;    ///< empty when not told
    std::string_view name;   ///< entry in `directory`; "." is the directory itself
    FileHandle object;       ///< the file itself; empty when not told
};

/// Takes apart what read(2) on a fanotify group gave. False when the bytes are not what
/// fanotify(7) says; the records before that have been told.
bool decode_fanotify(std::span<const std::byte> bytes,
                     const std::function<void(const FanotifyRecord&)>& on_record);

/// One event of inotify. Borrowed.
struct InotifyRecord {
    int watch = 0;           ///< -1: the queue has overflowed
    std::uint32_t mask = 0;  ///< IN_*
    std::string_view name;   ///< empty: the watched object itself
};

bool decode_inotify(std::span<const std::byte> bytes,
                    const std::function<void(const InotifyRecord&)>& on_record);

}  // namespace assay::sensors
