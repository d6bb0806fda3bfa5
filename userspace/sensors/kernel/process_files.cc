// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/process_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <ranges>

#include "wire/records.h"

namespace assay::sensors {
namespace {

constexpr std::uint64_t kNsPerTick = 10'000'000;  // USER_HZ is 100 on every architecture we build
constexpr std::string_view kDeleted = " (deleted)";
constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD
constexpr std::size_t kArgumentsMax = WIRE_ARGUMENTS_MAX - 1;

void read_link(int directory, const char* name, std::string& out) {
    out.resize(WIRE_PATH_MAX);
    const ssize_t length = ::readlinkat(directory, name, out.data(), out.size());
    out.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
}

template <class Number>
bool parse_number(std::string_view text, Number& out, int base = 10) {
    const char* begin = text.data();
    const char* end = begin + text.size();
    const auto parsed = std::from_chars(begin, end, out, base);
    return parsed.ec == std::errc{} && parsed.ptr == end;
}

/// "Uid:\t1000\t1001\t…": the number in this column.
std::optional<std::uint32_t> status_number(std::string_view status, std::string_view name,
                                           std::size_t column) {
    auto at = status.find(name);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    auto line = status.substr(at + name.size());
    line = line.substr(0, line.find('\n'));
    for (const auto part : std::views::split(line, '\t')) {
        const std::string_view word(part.begin(), part.end());
        if (word.empty()) {
            continue;
        }
        if (column == 0) {
            std::uint32_t number = 0;
            return parse_number(word, number) ? std::optional(number) : std::nullopt;
        }
        --column;
    }
    return std::nullopt;
}

std::ptrdiff_t depth(std::string_view path) {
    return path == "/" ? 0 : std::ranges::count(path, '/');
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    text = text.substr(name_end + 1);
    ProcessStat stat;
    std::size_t field = 2;  // the next word is field 3, after one empty split before it
    for (const auto part : std::views::split(text, ' ')) {
        const std::string_view word(part.begin(), part.end());
        if (word.empty()) {
            continue;
        }
        ++field;
        if (field == 4 && !parse_number(word, stat.parent)) {
            return std::nullopt;
        }
        if (field == 9 && !parse_number(word, stat.flags)) {
            return std::nullopt;
        }
        if (field == 22) {
            return parse_number(word, stat.start_ticks) ? std::optional(stat) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::string_view deepest_cgroup(std::string_view text) {
    // "9:name=systemd:/user.slice", "4:memory:/x", "4:cpu,memory:/x", "0::/v2"
    std::array<std::string_view, 4> paths{};  // in the order of preference
    for (const auto part : std::views::split(text, '\n')) {
        const std::string_view line(part.begin(), part.end());
        const auto first = line.find(':');
        const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) {
            continue;
        }
        const auto controllers = line.substr(first + 1, second - first - 1);
        const auto path = line.substr(second + 1);
        const auto has = [&](std::string_view wanted) {
            return std::ranges::any_of(std::views::split(controllers, ','), [&](auto controller) {
                return std::string_view(controller.begin(), controller.end()) == wanted;
            });
        };
        if (controllers.empty()) {
            paths[0] = path;
        } else if (has("memory")) {
            paths[1] = path;
        } else if (has("pids")) {
            paths[2] = path;
        } else if (has("name=systemd")) {
            paths[3] = path;
        }
    }
    std::string_view best;
    for (const auto path : paths) {
        if (!path.empty() && (best.empty() || depth(path) > depth(best))) {
            best = path;
        }
    }
    return best;
}

Result<ProcessFiles> ProcessFiles::open() {
    const int fd = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("opening /proc", errno));
    }
    return ProcessFiles(UniqueFd(fd));
}

std::optional<UniqueFd> ProcessFiles::open_process(std::uint32_t pid) const {
    const int fd =
        ::openat(proc_.get(), std::to_string(pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? std::nullopt : std::optional<UniqueFd>(UniqueFd(fd));
}

/// Reads at most `limit` bytes into text_.
bool ProcessFiles::read_file(int directory, const char* name, std::size_t limit) {
    text_.clear();
    const int fd = ::openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const UniqueFd file(fd);
    text_.resize(limit);
    std::size_t filled = 0;
    while (filled < limit) {
        const ssize_t got = ::read(file.get(), text_.data() + filled, limit - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    text_.resize(filled);
    return filled > 0;
}

bool ProcessFiles::read(ProcessExec& process) {
    const auto opened = open_process(process.process.pid);
    if (!opened) {
        return false;
    }
    // The directory stays that of this very process; what must be checked once is whether it is
    // the process we mean.
    const int directory = opened->get();
    if (!read_file(directory, "stat", 4096)) {
        return false;
    }
    const auto stat = parse_process_stat(text_);
    if (!stat || stat->start_ticks != process.process.start_boot_ns / kNsPerTick) {
        return false;
    }
    read_link(directory, "exe", image_);
    if (process.image_deleted && image_.ends_with(kDeleted)) {
        image_.resize(image_.size() - kDeleted.size());
    }
    read_link(directory, "cwd", directory_);
    arguments_.clear();
    if (read_file(directory, "cmdline", kArgumentsMax + 1)) {
        process.arguments_truncated = text_.size() > kArgumentsMax;
        text_.resize(std::min(text_.size(), kArgumentsMax));
        // A program that wrote its title over its arguments fills the rest with NULs.
        text_.resize(text_.find_last_not_of('\0') + 1);
        arguments_ = text_;
    }
    cgroup_.clear();
    if (read_file(directory, "cgroup", 65536)) {
        cgroup_ = deepest_cgroup(text_);
    }
    process.image = image_;
    process.current_directory = directory_;
    process.arguments = arguments_;
    process.cgroup = cgroup_;
    return true;
}

std::vector<std::uint32_t> ProcessFiles::process_numbers() const {
    std::vector<std::uint32_t> numbers;
    const int fd = ::openat(proc_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return numbers;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
        std::uint32_t number = 0;
        if (parse_number(std::string_view(entry->d_name), number)) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

bool ProcessFiles::read_identity(std::uint32_t pid, ProcessExec& process) {
    const auto opened = open_process(pid);
    if (!opened || !read_file(opened->get(), "stat", 4096)) {
        return false;
    }
    const auto stat = parse_process_stat(text_);
    if (!stat || !read_file(opened->get(), "status", 65536)) {
        return false;
    }
    process.origin = Origin::snapshot;
    process.stack_known = false;
    process.process = {pid, stat->start_ticks * kNsPerTick};
    process.uid = status_number(text_, "\nUid:", 0).value_or(0);
    process.euid = status_number(text_, "\nUid:", 1).value_or(0);
    process.gid = status_number(text_, "\nGid:", 0).value_or(0);
    process.kernel_thread = (stat->flags & kKernelThread) != 0;
    if (read_file(opened->get(), "loginuid", 64)) {
        parse_number(std::string_view(text_), process.audit_uid);
    }
    struct stat image{};
    if (::fstatat(opened->get(), "exe", &image, 0) == 0) {
        process.image_file = {image.st_ino, major(image.st_dev) << 20 | minor(image.st_dev)};
        process.image_deleted = image.st_nlink == 0;
    }
    if (const auto parent = open_process(stat->parent); parent && stat->parent != 0) {
        if (read_file(parent->get(), "stat", 4096)) {
            if (const auto its = parse_process_stat(text_)) {
                process.parent = {stat->parent, its->start_ticks * kNsPerTick};
            }
        }
    }
    return true;
}

}  // namespace assay::sensors
