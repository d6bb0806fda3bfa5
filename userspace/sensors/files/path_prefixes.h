// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace assay::sensors {

/// Which paths are asked for: those that begin with one of some texts. Compares as rules do: A to Z
/// without case. Immutable.
class PathPrefixes {
public:
    explicit PathPrefixes(std::span<const std::string> prefixes);

    /// Every path is: one of the texts is empty or a slash.
    [[nodiscard]] bool everything() const { return everything_; }
    [[nodiscard]] bool wants(std::string_view path) const;
    /// Something in this directory, or anywhere below it, may be wanted.
    [[nodiscard]] bool reaches(std::string_view directory) const;
    /// The texts, in lower case, without those that others cover; sorted.
    [[nodiscard]] std::span<const std::string> all() const { return prefixes_; }

private:
    [[nodiscard]] bool covers(std::string_view folded_path) const;

    std::vector<std::string> prefixes_;
    bool everything_ = false;
};

}  // namespace assay::sensors
