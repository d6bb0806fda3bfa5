// SPDX-License-Identifier: Apache-2.0
#include "app/exit_code.h"

#include <string>

#include "base/json_text.h"

namespace assay::app {

int complain(std::FILE* err, std::string_view command, std::string_view message, int exit_code) {
    std::string line(command);
    line += ": ";
    append_terminal_text(line, message);
    line += '\n';
    std::fputs(line.c_str(), err);
    std::fflush(err);
    return exit_code;
}

}  // namespace assay::app
