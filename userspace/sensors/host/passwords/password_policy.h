// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/passwords/password_checks.h"

namespace assay::sensors {

/// What the passwords that a stack lets through have in common at the least.
struct PasswordPolicy {
    std::string problem;  ///< why the rest is not known

    std::int64_t minimum_length = 0;  ///< bytes of the shortest password that gets through
    std::int64_t required_classes = 0;
    bool dictionary_check = false;
    std::int64_t remember = 0;
    bool enforce_for_root = false;
    std::string_view quality_module = "none";
    std::string hash_method;
    Said length_said, classes_said, dictionary_said, remember_said, root_said, module_said,
        hash_said;
    std::vector<PasswordCheck::Written> written;
};

/// Finds by trial what a stack lets through: for each subset of its checks, would a password that
/// satisfies just these be set by a user who answers every question with it? The policy is the
/// weakest of the subsets that get through, each setting for itself. So a check that is jumped
/// over, that comes after the password was set, or whose refusal the next module overcomes by
/// asking again, does not count.
[[nodiscard]] PasswordPolicy effective_policy(const PamStack& stack, ModuleSurroundings& around);

}  // namespace assay::sensors
