// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/openssh.h"

namespace assay::sensors::sshd {

enum class AlgorithmKind : std::uint8_t { cipher, mac, kex, key, ca_signature };

/// What the installed version offers of a kind when nothing is configured; empty when the version
/// is not known.
[[nodiscard]] std::string default_algorithms(AlgorithmKind kind, const OpenSsh& openssh);
/// Whether sshd accepts what is written: a list, or one with + - ^ before it.
[[nodiscard]] bool algorithms_valid(AlgorithmKind kind, std::string_view written,
                                    const OpenSsh& openssh);
/// The list in effect. Nothing when sshd would end with an error because nothing is left.
[[nodiscard]] std::optional<std::string> effective_algorithms(AlgorithmKind kind,
                                                              std::string_view written,
                                                              const OpenSsh& openssh);

}  // namespace assay::sensors::sshd
