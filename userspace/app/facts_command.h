// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <span>
#include <string>

namespace assay::app {

/// `assay facts`: answers the exit code.
int facts_command(std::span<const std::string> arguments, std::FILE* out, std::FILE* err);

}  // namespace assay::app
