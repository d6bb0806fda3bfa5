// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/mounts.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace assay::sensors {
namespace {

/// Blank, tab, newline and backslash come as three octal digits.
std::string unescaped(std::string_view text) {
    std::string out;
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
            is_octal(text[i + 2]) && is_octal(text[i + 3])) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                     (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
    std::vector<Mount> mounts;
    for (const auto part : std::views::split(text, '\n')) {
        const std::string_view line(part.begin(), part.end());
        std::vector<std::string_view> words;
        for (const auto word : std::views::split(line, ' ')) {
            words.emplace_back(word.begin(), word.end());
        }
        // "36 35 98:0 /part /point rw,noatime master:1 - ext4 /dev/root rw"
        const auto end = std::ranges::find(words, "-");
        if (words.size() < 5 || end - words.begin() < 5 || words.end() - end < 2) {
            continue;
        }
        mounts.push_back({.device = std::string(words[2]),
                          .root = unescaped(words[3]),
                          .point = unescaped(words[4]),
                          .type = std::string(*std::next(end))});
    }
    return mounts;
}

bool holds_files(const Mount& mount) {
    constexpr std::array<std::string_view, 22> kViewsOfTheKernel{
        "autofs",     "binder",    "binfmt_misc", "bpf",      "cgroup",  "cgroup2",
        "configfs",   "debugfs",   "devpts",      "efivarfs", "fusectl", "hugetlbfs",
        "mqueue",     "nfsd",      "nsfs",        "proc",     "pstore",  "rpc_pipefs",
        "securityfs", "selinuxfs", "sysfs",       "tracefs"};
    return std::ranges::find(kViewsOfTheKernel, mount.type) == kViewsOfTheKernel.end();
}

}  // namespace assay::sensors
