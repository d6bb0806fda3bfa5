// SPDX-License-Identifier: Apache-2.0
#include "app/running_host.h"

#include <spdlog/spdlog.h>

namespace assay::app {

Result<HostRoot> open_running_host() {
    auto host = HostRoot::running_host();
    if (host) {
        return host;
    }
    spdlog::warn(
        "{}: the host's files (its set-up, names of users) are read below our own / instead",
        host.error().message);
    return HostRoot::open("/");
}

}  // namespace assay::app
