// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/process_status.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace assay::sensors {

std::optional<std::string> read_process_file(const HostRoot& host, const std::string& path,
                                             std::size_t limit) {
    const auto file = host.open_file(path);
    if (!file) {
        return std::nullopt;
    }
    std::string text(limit, '\0');
    std::size_t filled = 0;
    while (filled < limit) {
        const ssize_t got = ::read(file->get(), text.data() + filled, limit - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
}

// The 22nd field (proc(5)). The second, the name, may hold blanks and parentheses.
std::optional<std::uint64_t> start_ticks(std::string_view stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    stat.remove_prefix(name_end + 1);
    constexpr int kFieldsAfterName = 20;
    std::string_view field;
    for (int i = 0; i < kFieldsAfterName; ++i) {
        const std::size_t begin = stat.find_first_not_of(' ');
        if (begin == std::string_view::npos) {
            return std::nullopt;
        }
        stat.remove_prefix(begin);
        const std::size_t end = std::min(stat.find_first_of(" \n"), stat.size());
        field = stat.substr(0, end);
        stat.remove_prefix(end);
    }
    std::uint64_t ticks = 0;
    const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), ticks);
    if (problem != std::errc{} || end != field.data() + field.size()) {
        return std::nullopt;
    }
    return ticks;
}

std::uint64_t nanoseconds_in_a_tick() {
    const long per_second = ::sysconf(_SC_CLK_TCK);
    return 1'000'000'000ULL / static_cast<std::uint64_t>(per_second > 0 ? per_second : 100);
}

std::optional<std::uint64_t> process_start_ns(const HostRoot& host, std::uint32_t pid) {
    constexpr std::size_t kLongestStat = 4 * 1024;
    const auto stat =
        read_process_file(host, "proc/" + std::to_string(pid) + "/stat", kLongestStat);
    const auto ticks = stat ? start_ticks(*stat) : std::nullopt;
    if (!ticks) {
        return std::nullopt;
    }
    return *ticks * nanoseconds_in_a_tick();
}

std::string process_image(const HostRoot& host, std::uint32_t pid) {
    std::string image =
        host.read_link("proc/" + std::to_string(pid) + "/exe").value_or(std::string());
    constexpr std::string_view kDeleted = " (deleted)";
    if (image.ends_with(kDeleted)) {
        image.resize(image.size() - kDeleted.size());
    }
    return image;
}

}  // namespace assay::sensors
