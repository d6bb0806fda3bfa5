// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/host_info.h"

#include <algorithm>
#include <string_view>

namespace assay::sensors {
namespace {

constexpr std::size_t kLongestFile = 64 * 1024;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string first_line(const HostRoot& host, std::string_view path) {
    const auto text = host.read_file(path, kLongestFile);
    if (!text) {
        return {};
    }
    return std::string(trimmed(text->substr(0, text->find('\n'))));
}

/// A value of os-release(5): bare, or quoted as a shell would read it.
std::string unquoted(std::string_view value) {
    value = trimmed(value);
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'') {
        return std::string(value.substr(1, value.size() - 2));
    }
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (quoted) {
        value = value.substr(1, value.size() - 2);
    }
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) {
            ++i;
        }
        plain += value[i];
    }
    return plain;
}

void read_os_release(std::string_view text, HostInfo& info) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || line.front() == '#') {
            continue;
        }
        const std::string_view key = line.substr(0, equals);
        const std::string_view value = line.substr(equals + 1);
        if (key == "ID") {
            info.os_id = unquoted(value);
        } else if (key == "NAME") {
            info.os_name = unquoted(value);
        } else if (key == "VERSION_ID") {
            info.os_version = unquoted(value);
        } else if (key == "PRETTY_NAME") {
            info.os_pretty_name = unquoted(value);
        }
    }
}

}  // namespace

HostInfo read_host_info(const HostRoot& host) {
    HostInfo info;
    // A running host says its name itself; an image has it in a file.
    info.hostname = first_line(host, "proc/sys/kernel/hostname");
    if (info.hostname.empty()) {
        info.hostname = first_line(host, "etc/hostname");
    }
    info.machine_id = first_line(host, "etc/machine-id");
    info.kernel_release = first_line(host, "proc/sys/kernel/osrelease");
    auto release = host.read_file("etc/os-release", kLongestFile);
    if (!release) {
        release = host.read_file("usr/lib/os-release", kLongestFile);
    }
    if (release) {
        read_os_release(*release, info);
    }
    return info;
}

}  // namespace assay::sensors
