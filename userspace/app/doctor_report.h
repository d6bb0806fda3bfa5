// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/kernel/kernel_sensor.h"

namespace assay::app {

/// What `assay doctor` found out.
struct DoctorReport {
    std::string kernel_release;
    std::string machine;  ///< x86_64, aarch64, …
    bool btf = false;
    std::string cgroup2_mount;                  ///< empty: not mounted where we look
    std::optional<std::string> cannot_observe;  ///< why nothing can be observed
    struct Hook {
        sensors::HookReport report;
        std::vector<std::string> rules;  ///< built-in rules on the kinds that rest on it
    };
    std::vector<Hook> hooks;
};

/// The candidate that serves the hook; nullptr when none does.
[[nodiscard]] const sensors::HookReport::Candidate* chosen(const sensors::HookReport& hook);

/// False when not one essential hook is served: then no fact can be told.
[[nodiscard]] bool observes_anything(const DoctorReport& report);

/// "/sys/fs/cgroup" out of the text of /proc/self/mountinfo; empty when cgroup2 is not there.
[[nodiscard]] std::string find_cgroup2_mount(std::string_view mountinfo);

[[nodiscard]] std::string doctor_table(const DoctorReport& report);
/// One JSON object and a newline.
[[nodiscard]] std::string doctor_json(const DoctorReport& report);

}  // namespace assay::app
