// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sensors/kernel/hook_table.h"
#include "sensors/kernel/libbpf_handles.h"

namespace assay::sensors {

/// What this kernel takes, found by trying.
class KernelFeatures {
public:
    [[nodiscard]] static Result<KernelFeatures> examine();

    /// Loads a program of one instruction of the same type and target, attaches it and takes it off
    /// again.
    [[nodiscard]] Result<void> try_program(const ProgramPoint& point) const;
    /// Every program of the candidate.
    [[nodiscard]] Result<void> try_candidate(const Candidate& candidate) const;

    /// The root of the cgroup2 hierarchy, where programs see every process of the host; nothing
    /// when the kernel has none.
    [[nodiscard]] const std::optional<UniqueFd>& cgroup_root() const { return cgroup_root_; }

private:
    KernelFeatures(Btf kernel_types, Result<UniqueFd> cgroup_root);
    [[nodiscard]] Result<std::uint32_t> type_to_attach(const ProgramPoint& point) const;

    Btf kernel_types_;
    std::optional<UniqueFd> cgroup_root_;
    std::string no_cgroup_root_;
};

}  // namespace assay::sensors
