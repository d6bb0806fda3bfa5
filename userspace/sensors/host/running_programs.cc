// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/running_programs.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "sensors/host/process_status.h"

namespace assay::sensors {
namespace {

constexpr std::size_t kMostPrograms = 4096;
constexpr std::size_t kLongestCommandLine = 64 * 1024;

std::optional<std::uint32_t> process_id(std::string_view name) {
    std::uint32_t pid = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (problem != std::errc{} || end != name.data() + name.size()) {
        return std::nullopt;
    }
    return pid;
}

/// A container's program reads other files than the host's, and so does what is shut into a part of
/// the tree. What may not be asked counts as the host's.
bool sees_the_host(const HostRoot& host, const std::string& folder) {
    const auto ours = host.read_link("proc/1/ns/pid");
    const auto its = host.read_link(folder + "ns/pid");
    if (ours && its && *ours != *its) {
        return false;
    }
    const auto root = host.read_link(folder + "root");
    return !root || *root == "/";
}

std::vector<std::string> split_arguments(std::string_view text) {
    std::vector<std::string> arguments;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        arguments.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return arguments;
}

}  // namespace

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::vector<RunningProgram> running_programs(const HostRoot& host,
                                             const std::set<std::string, std::less<>>& names) {
    std::vector<RunningProgram> programs;
    constexpr std::size_t kMostProcesses = 4'194'304;  // PID_MAX_LIMIT
    const auto entries = names.empty() ? Result<std::vector<std::string>>()
                                       : host.list_directory("proc", kMostProcesses);
    if (!entries) {
        return programs;
    }
    for (const std::string& entry : *entries) {
        const auto pid = process_id(entry);
        if (!pid || programs.size() == kMostPrograms) {
            continue;
        }
        std::string image = process_image(host, *pid);
        const std::string folder = "proc/" + entry + "/";
        if (!names.contains(file_name(image)) || !sees_the_host(host, folder)) {
            continue;
        }
        auto arguments = read_process_file(host, folder + "cmdline", kLongestCommandLine);
        programs.push_back({.pid = *pid,
                            .image = std::move(image),
                            .arguments = split_arguments(arguments.value_or(std::string()))});
    }
    std::ranges::sort(programs, {}, &RunningProgram::pid);
    return programs;
}

}  // namespace assay::sensors
