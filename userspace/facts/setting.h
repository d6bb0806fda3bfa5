// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// How one thing of the host is set up, in effect and not only as written. Identity: Setting,
/// Instance, Criteria. Told when it is first read, and again when anything of it changes.
struct Setting {
    FactHeader header;
    std::string_view setting;
    std::string_view value;
    std::string_view source;
    std::string_view instance;
    std::string_view criteria;
    std::string_view effective_by;
    std::optional<bool> enabled;
    std::string_view problem;
    std::string_view previous_value;
    std::string_view image;
    std::string_view user;
    std::optional<std::uint32_t> process_id;
};

inline constexpr std::array kSettingFields{
    field<&Setting::setting>("Setting", "",
                             "what is set, in lower case: sshd.permitrootlogin, "
                             "login_defs.pass_max_days, kernel.randomize_va_space"),
    field<&Setting::value>(
        "Value", "",
        "the value in effect, as the program that reads it names it; absent when "
        "Problem says why it is not known"),
    field<&Setting::source>("Source", "file:line or path",
                            "where the value in effect was read; for a default what holds it"),
    field<&Setting::instance>("Instance", "",
                              "which program or configuration it belongs to, when there may be "
                              "several (/etc/ssh/sshd_config)"),
    field<&Setting::criteria>("Criteria", "",
                              "for whom it holds, when not for all (User bob Address 10.0.0.0/8)"),
    field<&Setting::effective_by>("EffectiveBy", "",
                                  "how the value came into effect: set, default, drop-in, command "
                                  "line, crypto policy, kernel"),
    field<&Setting::enabled>("Enabled", "",
                             "false: what it belongs to is installed but neither running nor "
                             "started at boot"),
    field<&Setting::problem>("Problem", "", "why the value is not known: file:line: reason"),
    field<&Setting::previous_value>("PreviousValue", "",
                                    "value in effect before the change that this fact tells"),
    field<&Setting::image>("Image", "path", "program that made the change, when it is known"),
    field<&Setting::user>("User", "", "user of that program"),
    field<&Setting::process_id>("ProcessId", "", "its thread group id"),
};

}  // namespace assay::facts
