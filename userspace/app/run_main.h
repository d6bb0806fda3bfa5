// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <span>
#include <string>

namespace assay::app {

/// The whole program: `arguments` without the program's name. Results go to `out`, everything else
/// to `err`. Answers the exit code.
int run_main(std::span<const std::string> arguments, std::FILE* out, std::FILE* err);

}  // namespace assay::app
