// SPDX-License-Identifier: Apache-2.0
#include "app/hardening.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

namespace assay::app {

Result<void> harden_process() {
    ::umask(077);
    // One arena for each of our few threads would cost memory and buy nothing: one thread works.
    ::mallopt(M_ARENA_MAX, 2);
    // A pipe without a reader and a file at its size limit are errors of a write, not our death.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) {
        return std::unexpected(errno_error("switching core dumps off", errno));
    }
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return std::unexpected(errno_error("making the process undumpable", errno));
    }
    return {};
}

Result<void> give_up_new_privileges() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return std::unexpected(errno_error("giving up new privileges", errno));
    }
    return {};
}

}  // namespace assay::app
