// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "sensors/host/topic.h"

namespace assay::sensors {

/// A configuration file as far as it could be read. Paths are absolute below the host root.
struct HostText {
    std::string path;
    std::string text;
    bool missing = false;  ///< there certainly is no such file
    /// Why nothing of it could be read: "/etc/pam.d/passwd: Permission denied". `text` is empty.
    std::string unreadable;
    /// What is odd about what was read ("/etc/login.defs:3: line ends in CR LF"): programs may see
    /// it otherwise than we do.
    std::string odd;

    [[nodiscard]] bool readable() const { return !missing && unreadable.empty(); }
};

inline constexpr std::size_t kLargestText = std::size_t{1} << 20;

/// Reads below a host, and remembers what it looked at and what was wrong with it: the
/// dependencies and problems of a topic.
class HostReader {
public:
    explicit HostReader(const HostRoot& host) : host_(host) {}

    /// At most kLargestText bytes of a regular file. Reads each file once.
    [[nodiscard]] const HostText& read(std::string_view path);
    /// Names in a directory, sorted; nothing when it is missing. A directory that is there and
    /// cannot be listed is a problem.
    [[nodiscard]] std::vector<std::string> list(std::string_view path);
    [[nodiscard]] bool exists(std::string_view path);
    [[nodiscard]] bool is_directory(std::string_view path) const;

    /// The first counts for each path; more of them are only counted.
    void problem(std::string_view path, std::string text);
    void depends_on_directory(std::string_view path);

    [[nodiscard]] const std::map<std::string, std::string, std::less<>>& problems() const {
        return problems_;
    }
    [[nodiscard]] Dependencies take_dependencies();
    [[nodiscard]] const HostRoot& host() const { return host_; }

private:
    const HostRoot& host_;
    std::map<std::string, HostText, std::less<>> texts_;
    std::map<std::string, std::string, std::less<>> problems_;
    Dependencies dependencies_;
};

/// The path as HostRoot wants it: without leading slashes.
[[nodiscard]] std::string_view below_root(std::string_view path);

/// What went wrong, without what we were doing: the part of an Error after its last ": ".
[[nodiscard]] std::string cause(const Error& error);

/// "path:line".
[[nodiscard]] std::string at_line(std::string_view path, std::size_t line);

/// Splits off the next line, without its newline. False at the end.
bool next_line(std::string_view& rest, std::string_view& line);

/// Words between any of `separators`.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text,
                                                        std::string_view separators = " \t");

[[nodiscard]] std::string_view trimmed(std::string_view text,
                                       std::string_view space = " \t\r\n\v\f");

/// A to Z only.
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// As strtol(3) reads it, all of it: leading white space and a sign are fine, nothing may follow.
/// `base` 0 knows 0x and a leading 0. Nothing when it is no number or does not fit.
[[nodiscard]] std::optional<std::int64_t> to_number(std::string_view text, int base = 10);
/// The same, but whatever follows the digits is left alone.
[[nodiscard]] std::optional<std::int64_t> leading_number(std::string_view text, int base = 10);

}  // namespace assay::sensors
