// SPDX-License-Identifier: Apache-2.0
#include "app/run_id.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace assay::app {

Result<std::string> new_run_id() {
    std::array<std::uint8_t, 16> bytes{};
    // Up to 256 bytes come whole once the pool is seeded (getrandom(2)).
    if (::getrandom(bytes.data(), bytes.size(), 0) != ssize_t{bytes.size()}) {
        return std::unexpected(errno_error("making a run id", errno));
    }
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);
    std::string id;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            id += '-';
        }
        id += fmt::format("{:02x}", bytes[i]);
    }
    return id;
}

}  // namespace assay::app
