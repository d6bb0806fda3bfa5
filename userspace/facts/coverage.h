// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// What the sensors can and cannot see: one fact for each hook when the window begins, again when
/// it loses events, and at the close.
struct Coverage {
    FactHeader header;
    std::string_view hook;
    std::string_view state;
    std::string_view mechanism;
    std::string_view reason;
    std::optional<std::uint64_t> lost;
    TextList kinds;
    std::string_view kernel_release;
};

inline constexpr std::array kCoverageFields{
    field<&Coverage::hook>("Hook", "", "name of the hook (assay doctor lists them)"),
    field<&Coverage::state>("State", "",
                            "attached, missing, or not-needed (no chosen rule needs it)"),
    field<&Coverage::mechanism>("Mechanism", "", "what serves it: tp_btf, cgroup, iterator, proc"),
    field<&Coverage::reason>("Reason", "", "why it is missing, or why and where events were lost"),
    field<&Coverage::lost>("Lost", "events",
                           "events that this hook could not deliver since the window began"),
    field<&Coverage::kinds>("Kinds", "", "fact kinds that rest on the hook"),
    field<&Coverage::kernel_release>("KernelRelease", "", "uname -r"),
};

}  // namespace assay::facts
