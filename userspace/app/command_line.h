// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/duration.h"
#include "app/options.h"
#include "app/packages.h"
#include "base/result.h"
#include "engine/judgement.h"
#include "facts/kinds.h"

namespace assay::app {

enum class Format : std::uint8_t { automatic, human, jsonl };
enum class Colour : std::uint8_t { automatic, always, never };

struct RunOptions {
    WindowLength duration = std::chrono::hours(1);
    PackageChoice packages;
    std::vector<std::string> rule_directories;
    std::optional<std::string> template_file;
    std::vector<std::string> given;        ///< names of the options on the command line
    std::optional<std::string> host_root;  ///< judge the set-up below it, once, and nothing else
    bool include_loopback = false;
    Format format = Format::automatic;
    std::vector<std::string> outputs;  ///< URLs, not yet checked
    std::optional<engine::Level> fail_on;
    std::vector<std::pair<std::string, std::string>> tags;
    Colour colour = Colour::automatic;
    std::string log_level = "info";
};

struct FactsOptions {
    std::vector<facts::Kind> kinds;  ///< never empty
    WindowLength duration;           ///< without end unless given; 0 s: the set-up, once
    std::optional<std::string> host_root;
    std::string log_level = "info";
};

struct DoctorOptions {
    bool json = false;
};

/// What one command was asked to do; nullopt: to print its help.
template <class T>
using Asked = Result<std::optional<T>>;

/// Nothing outside the process is looked at: files, rules and outputs are checked later.
[[nodiscard]] Asked<RunOptions> parse_run_options(std::span<const std::string> arguments);
/// What was asked for fits together; call it once the template is applied.
[[nodiscard]] Result<void> check_run_options(const RunOptions& run);
[[nodiscard]] Asked<FactsOptions> parse_facts_options(std::span<const std::string> arguments);
[[nodiscard]] Asked<DoctorOptions> parse_doctor_options(std::span<const std::string> arguments);

/// The options of each command, as its parser knows them.
[[nodiscard]] std::span<const OptionRow> run_options();
[[nodiscard]] std::span<const OptionRow> facts_options();
[[nodiscard]] std::span<const OptionRow> doctor_options();

[[nodiscard]] std::string run_help();
[[nodiscard]] std::string facts_help();
[[nodiscard]] std::string doctor_help();

}  // namespace assay::app
