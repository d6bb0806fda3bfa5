// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/user_names.h"

#include <sys/stat.h>

#include <charconv>
#include <utility>

namespace assay::sensors {
namespace {

constexpr std::uint64_t kLookAgainNs = 1'000'000'000;
constexpr std::size_t kLongestPasswd = 16 * 1024 * 1024;

std::string_view field(std::string_view& rest) {
    const std::size_t colon = rest.find(':');
    const std::string_view found = rest.substr(0, colon);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    return found;
}

}  // namespace

UserNames::UserNames(const HostRoot& host, Clock clock) : host_(&host), clock_(std::move(clock)) {}

std::string_view UserNames::operator()(std::uint32_t uid) {
    const std::uint64_t now = clock_();
    if (!looked_ || now - looked_ns_ >= kLookAgainNs) {
        looked_ = true;
        looked_ns_ = now;
        read_again();
    }
    const auto known = names_.find(uid);
    if (known != names_.end()) {
        return known->second;
    }
    const std::string_view number = keep(std::to_string(uid));
    names_.emplace(uid, number);
    return number;
}

void UserNames::read_again() {
    const auto file = host_->open_file("etc/passwd");
    struct stat status{};
    if (!file || ::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return;  // names known so far are better than none
    }
    const FileState now{.device = status.st_dev,
                        .inode = status.st_ino,
                        .size = status.st_size,
                        .modified_s = status.st_mtim.tv_sec,
                        .modified_ns = status.st_mtim.tv_nsec};
    if (now == file_) {
        return;
    }
    const auto text = read_all(file->get(), kLongestPasswd);
    if (!text) {
        return;
    }
    file_ = now;
    names_.clear();
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const std::string_view name = field(line);
        field(line);
        const std::string_view number = field(line);
        std::uint32_t uid = 0;
        const auto [stop, problem] =
            std::from_chars(number.data(), number.data() + number.size(), uid);
        if (name.empty() || name.front() == '#' || problem != std::errc{} ||
            stop != number.data() + number.size()) {
            continue;
        }
        names_.emplace(uid, keep(name));  // the first of several names, as getpwuid does
    }
}

std::string_view UserNames::keep(std::string_view text) { return *kept_.emplace(text).first; }

}  // namespace assay::sensors
