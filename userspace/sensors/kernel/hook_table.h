// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "facts/hooks.h"

/// How each hook can be served on a kernel: data, and the choice among them.
namespace assay::sensors {

/// BPF objects: one for each family of programs (bpf/programs).
enum class Family : std::uint8_t { process, network, snapshot };
inline constexpr std::array kFamilies{Family::process, Family::network, Family::snapshot};

enum class Mechanism : std::uint8_t { tp_btf, cgroup, fexit, iterator, proc };
[[nodiscard]] std::string_view name(Mechanism mechanism);

struct ProgramPoint {
    std::string_view program;  ///< name of the BPF program
    std::string_view target;   ///< what it attaches to
    bpf_prog_type type{};
    bpf_attach_type attach{};
};

/// One way to serve a hook. It needs all of its programs; `proc` needs none.
struct Candidate {
    Mechanism mechanism{};
    Family family{};
    std::span<const ProgramPoint> programs;
};

struct HookPoint {
    facts::Hook hook{};
    std::span<const Candidate> candidates;  ///< the best first
};

/// Every hook that the kernel sensor serves, in the order of enum facts::Hook.
[[nodiscard]] std::span<const HookPoint> hook_points();

/// The first candidate that can be used.
[[nodiscard]] const Candidate* choose(const HookPoint& hook,
                                      const std::function<bool(const Candidate&)>& usable);

/// Whether a fact of one of these kinds rests on the hook.
[[nodiscard]] bool is_needed(facts::Hook hook, std::span<const facts::Kind> kinds);

}  // namespace assay::sensors
