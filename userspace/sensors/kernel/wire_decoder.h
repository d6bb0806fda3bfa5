// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "sensors/events.h"
#include "wire/records.h"

namespace assay::sensors {

/// Paths of cgroups by the kernel side's name for them. The kernel sends a path once and then only
/// the name, so what is dropped here must be dropped there too: see take_forgotten().
class CgroupPaths {
public:
    explicit CgroupPaths(std::size_t limit = 8192) : limit_(limit) {}

    void remember(std::uint64_t id, std::string_view path);
    /// Empty when not known.
    [[nodiscard]] std::string_view find(std::uint64_t id);
    /// Names dropped since the last call: the kernel side is to send their paths again.
    [[nodiscard]] std::vector<std::uint64_t> take_forgotten() { return std::move(forgotten_); }

private:
    using Paths = std::unordered_map<std::uint64_t, std::string>;
    void make_room();

    std::size_t limit_;
    Paths recent_;
    Paths older_;  ///< used again, an entry moves to recent_; else it goes when recent_ is full
    std::vector<std::uint64_t> forgotten_;
};

/// Turns wire records into typed events. Texts of an event are borrowed from the record or from the
/// decoder, and are valid until the next call of decode.
class WireDecoder {
public:
    [[nodiscard]] Result<KernelEvent> decode(std::span<const std::byte> record);
    [[nodiscard]] CgroupPaths& cgroup_paths() { return cgroups_; }

private:
    Result<KernelEvent> decode_exec(std::span<const std::byte> record);

    CgroupPaths cgroups_;
    std::string image_;
    std::string directory_;
    std::string script_;
    std::string cgroup_;
};

/// Turns the components of a path ("ls\0bin\0usr\0": the file first) into "/usr/bin/ls". A path
/// that was cut begins with "…/". False when `components` does not end with a NUL.
[[nodiscard]] bool append_path(std::string& out, std::string_view components, bool cut);

/// A path as a program gave it, made absolute: "./" and "../" at its beginning are resolved against
/// `directory`.
void append_absolute(std::string& out, std::string_view directory, std::string_view path);

/// The hook whose events come as records of this kind; exec for a kind that nobody knows.
[[nodiscard]] facts::Hook hook_of_record(std::uint16_t wire_kind);

}  // namespace assay::sensors
