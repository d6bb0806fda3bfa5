// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/path_prefixes.h"

#include <algorithm>

namespace assay::sensors {
namespace {

std::string folded(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return out;
}

}  // namespace

PathPrefixes::PathPrefixes(std::span<const std::string> prefixes) {
    std::vector<std::string> sorted;
    for (const std::string& prefix : prefixes) {
        everything_ = everything_ || prefix.empty() || prefix == "/";
        sorted.push_back(folded(prefix));
    }
    std::ranges::sort(sorted);
    for (std::string& prefix : sorted) {
        // Whatever covers it stands before it, and nothing that is kept stands between the two.
        if (prefixes_.empty() || !prefix.starts_with(prefixes_.back())) {
            prefixes_.push_back(std::move(prefix));
        }
    }
}

bool PathPrefixes::covers(std::string_view folded_path) const {
    // None is the beginning of another, so only the greatest that is not greater can be.
    const auto after = std::ranges::upper_bound(prefixes_, folded_path, std::less<>());
    return after != prefixes_.begin() && folded_path.starts_with(*std::prev(after));
}

bool PathPrefixes::wants(std::string_view path) const {
    return everything_ || covers(folded(path));
}

bool PathPrefixes::reaches(std::string_view directory) const {
    if (everything_) {
        return true;
    }
    std::string begin = folded(directory);
    if (!begin.ends_with('/')) {
        begin += '/';
    }
    const auto first = std::ranges::lower_bound(prefixes_, begin);
    return (first != prefixes_.end() && first->starts_with(begin)) || covers(begin);
}

}  // namespace assay::sensors
