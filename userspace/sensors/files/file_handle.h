// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace assay::sensors {

/// How fanotify names a file: file system id and file handle, as opaque bytes to compare.
using FileHandle = std::string;

/// Puts a handle together of what the kernel gives; `handle` are the handle's own bytes.
[[nodiscard]] FileHandle make_file_handle(std::uint64_t filesystem, std::int32_t type,
                                          std::string_view handle);
/// The id of the file system: the first part of a handle.
[[nodiscard]] std::uint64_t filesystem_of(const FileHandle& handle);

/// The handle of an open file (O_PATH will do), the same as in events about it. An error where the
/// file system has none.
[[nodiscard]] Result<FileHandle> file_handle_of(int fd);

/// Opens what a handle names; `mount` is any directory of its file system, open for reading. The
/// usual error is ESTALE: it is gone. Needs CAP_DAC_READ_SEARCH.
[[nodiscard]] Result<UniqueFd> open_file_handle(int mount, const FileHandle& handle);

}  // namespace assay::sensors
