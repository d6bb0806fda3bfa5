// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <vector>

#include "app/run_main.h"
#include "app/standard_streams.h"

int main(int argc, char** argv) {
    assay::app::hold_standard_streams();
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return assay::app::run_main(arguments, stdout, stderr);
}
