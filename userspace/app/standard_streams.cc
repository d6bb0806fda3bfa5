// SPDX-License-Identifier: Apache-2.0
#include "app/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

namespace assay::app {

void hold_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) == -1) {
            // open takes the lowest number that is free: this one.
            [[maybe_unused]] const int held =
                ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

Result<void> check_writable(std::FILE* stream) {
    const int flags = ::fcntl(::fileno(stream), F_GETFL);
    if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY) {
        return fail("stdout is closed or cannot be written to");
    }
    return {};
}

}  // namespace assay::app
