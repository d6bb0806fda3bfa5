// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sensors/kernel/hook_table.h"
#include "sensors/kernel/libbpf_handles.h"
#include "wire/records.h"

namespace assay::sensors {

/// A map made by us rather than by an object, so that every object uses the same one.
[[nodiscard]] Result<UniqueFd> make_ring(std::uint32_t bytes);
[[nodiscard]] Result<UniqueFd> make_counters();

struct SharedMaps {
    int ring;
    int counters;
};

/// Why a family could not be loaded. `program` is empty when no single one is to blame.
struct LoadFailure {
    std::string program;
    Error error;
};

/// One BPF object in the kernel, with the programs that were asked for and their links.
class LoadedFamily {
public:
    /// Loads `programs` of the family and nothing else.
    [[nodiscard]] static std::expected<LoadedFamily, LoadFailure> load(
        Family family, std::span<const std::string_view> programs, const SharedMaps& shared,
        const wire_settings& settings);

    [[nodiscard]] Result<BpfLink> attach(const ProgramPoint& point, int cgroup_root) const;
    /// File descriptor of a program or map of this object; negative when there is none.
    [[nodiscard]] int program_fd(std::string_view program) const;
    [[nodiscard]] int map_fd(const char* map) const;

private:
    explicit LoadedFamily(BpfObject object) : object_(std::move(object)) {}
    BpfObject object_;
};

}  // namespace assay::sensors
