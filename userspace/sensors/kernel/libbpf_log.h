// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace assay::sensors {

/// libbpf tells why it failed only through one callback of the whole process. From here on that
/// text is kept (the last 32 KiB of each thread, for that thread) and nothing of it goes to stderr.
void keep_libbpf_log();
void clear_libbpf_log();

/// The program that could not be loaded, by the log; empty when the log names none.
[[nodiscard]] std::string program_that_failed();
/// The last thing the verifier said before it gave up, or else the last line of the log.
[[nodiscard]] std::string last_libbpf_complaint();

namespace detail {
[[nodiscard]] std::string program_that_failed(std::string_view log);
[[nodiscard]] std::string last_complaint(std::string_view log);
}  // namespace detail

}  // namespace assay::sensors
