// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/openssh.h"

#include <array>
#include <optional>
#include <utility>

#include "sensors/host/sshd/config_files.h"
#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

constexpr std::size_t kLargestBinary = 16 * 1024 * 1024;
constexpr std::array<std::string_view, 4> kUsualPlaces{"/usr/sbin/sshd", "/usr/bin/sshd",
                                                       "/usr/local/sbin/sshd", "/sbin/sshd"};

struct Release {
    std::string id;       ///< ID of os-release
    std::string like;     ///< ID_LIKE
    std::string version;  ///< VERSION_ID
};

Release read_release(const HostRoot& host, Dependencies& dependencies) {
    dependencies.files.emplace_back("/etc/os-release");
    Release release;
    auto text = host.read_file("etc/os-release", 65536);
    if (!text) {
        text = host.read_file("usr/lib/os-release", 65536);
    }
    if (!text) {
        return release;
    }
    for (const std::string_view line : split(*text, '\n')) {
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            continue;
        }
        std::string_view value = without_trailing_space(line.substr(equals + 1));
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) {
            value = value.substr(1, value.size() - 2);
        }
        const std::string_view key = line.substr(0, equals);
        if (key == "ID") {
            release.id = value;
        } else if (key == "ID_LIKE") {
            release.like = value;
        } else if (key == "VERSION_ID") {
            release.version = value;
        }
    }
    return release;
}

Distribution distribution_of(const Release& release) {
    const std::string all = " " + release.id + " " + release.like + " ";
    const auto named = [&](std::string_view word) { return all.contains(word); };
    if (named(" debian ") || named(" ubuntu ")) {
        return Distribution::debian;
    }
    if (named(" rhel ") || named(" fedora ") || named(" centos ") || named(" amzn ")) {
        return Distribution::red_hat;
    }
    return named(" suse ") || named("sles ") || named("opensuse") ? Distribution::suse
                                                                  : Distribution::unknown;
}

/// Which OpenSSH a release came with: for hosts whose binary does not say.
int version_of_release(const Release& release) {
    struct Shipped {
        std::string_view id;
        std::string_view version;  ///< prefix of VERSION_ID
        int openssh;
    };
    static constexpr std::array kShipped{
        Shipped{"debian", "13", 1000},
        Shipped{"debian", "12", 902},
        Shipped{"debian", "11", 804},
        Shipped{"debian", "10", 709},
        Shipped{"ubuntu", "24.04", 906},
        Shipped{"ubuntu", "22.04", 809},
        Shipped{"ubuntu", "20.04", 802},
        Shipped{"ubuntu", "18.04", 706},
        Shipped{"amzn", "2023", 807},
        Shipped{"amzn", "2", 704},
        Shipped{"sles", "15.7", 906},
        Shipped{"sles", "15.6", 906},
        Shipped{"sles", "15", 804},
        Shipped{"opensuse-leap", "15.6", 906},
        Shipped{"opensuse-leap", "15", 804},
        Shipped{"", "10", 909},
        Shipped{"", "9", 807},
        Shipped{"", "8", 800},
        Shipped{"", "7", 704},
    };
    for (const Shipped& shipped : kShipped) {
        const bool same_id = shipped.id.empty()
                                 ? distribution_of(release) == Distribution::red_hat &&
                                       release.id != "fedora" && release.id != "amzn"
                                 : shipped.id == release.id;
        if (same_id && (release.version == shipped.version ||
                        (release.version.starts_with(shipped.version) &&
                         release.version[shipped.version.size()] == '.'))) {
            return shipped.openssh;
        }
    }
    return 0;
}

/// "1:9.2p1-2+deb12u6" is 902.
int version_number(std::string_view text) {
    int major = 0;
    int minor = 0;
    std::size_t i = 0;
    const auto number = [&](int& value) {
        const std::size_t begin = i;
        for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && i < begin + 3; ++i) {
            value = value * 10 + (text[i] - '0');
        }
        return i > begin;
    };
    if (!number(major) || i == text.size() || text[i] != '.') {
        return 0;
    }
    ++i;
    if (!number(minor) || minor > 99) {
        return 0;
    }
    return major * 100 + minor;
}

/// The version of openssh-server in dpkg's status: 0 not known, nothing when not installed.
std::optional<int> version_in_dpkg(const HostRoot& host, Dependencies& dependencies) {
    dependencies.files.emplace_back("/var/lib/dpkg/status");
    const auto status = host.read_file("var/lib/dpkg/status", 64 * 1024 * 1024);
    if (!status) {
        return std::nullopt;
    }
    constexpr std::string_view kName = "Package: openssh-server\n";
    const std::string_view text = *status;
    std::size_t begin = text.starts_with(kName) ? 0 : text.find("\nPackage: openssh-server\n");
    if (begin == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view paragraph = text.substr(begin, text.find("\n\n", begin + 1) - begin);
    if (!paragraph.contains("\nStatus: install ok installed\n")) {
        return std::nullopt;
    }
    const std::size_t at = paragraph.find("\nVersion: ");
    if (at == std::string_view::npos) {
        return 0;
    }
    std::string_view version = paragraph.substr(at + 10, 64);
    version = version.substr(0, version.find('\n'));
    if (const std::size_t epoch = version.find(':'); epoch != std::string_view::npos) {
        version.remove_prefix(epoch + 1);
    }
    return version_number(version);
}

bool list_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '@' || c == '.' ||
           c == ',' || c == '_';
}

}  // namespace

int version_in(std::string_view text) {
    constexpr std::string_view kName = "OpenSSH_";
    for (std::size_t at = text.find(kName); at != std::string_view::npos;
         at = text.find(kName, at + 1)) {
        // The tables of peers with bugs hold "OpenSSH_7.4*" and the like: a version of one's own
        // has a p ("portable") and no wildcard.
        const std::string_view after = text.substr(at + kName.size(), 16);
        const int version = version_number(after);
        const std::size_t end = after.find_first_not_of("0123456789.");
        if (version >= 300 && end != std::string_view::npos && after[end] == 'p') {
            return version;
        }
    }
    return 0;
}

std::vector<std::string> algorithm_lists_in(std::string_view text) {
    // Each list of defaults holds one of these, with others before or behind.
    static constexpr std::array<std::string_view, 4> kMarks{
        "diffie-hellman-group14-sha", "aes128-ctr,", "umac-64-etm@openssh.com,",
        "ssh-ed25519-cert-v01@openssh.com,"};
    std::vector<std::string> lists;
    for (const std::string_view mark : kMarks) {
        for (std::size_t at = text.find(mark); at != std::string_view::npos;) {
            std::size_t begin = at;
            std::size_t end = at;
            while (begin > 0 && at - begin < 2048 && list_character(text[begin - 1])) {
                --begin;
            }
            while (end < text.size() && end - at < 2048 && list_character(text[end])) {
                ++end;
            }
            const std::string_view list = text.substr(begin, end - begin);
            if (end < text.size() && text[end] == '\0' && list.contains(',') && lists.size() < 32) {
                lists.emplace_back(list);
            }
            at = text.find(mark, end);
        }
    }
    return lists;
}

const OpenSsh& OpenSshFinder::find(const HostRoot& host, const std::vector<std::string>& also,
                                   Dependencies& dependencies) {
    OpenSsh now;
    std::vector<std::string> places(kUsualPlaces.begin(), kUsualPlaces.end());
    places.insert(places.end(), also.begin(), also.end());
    FileState state;
    for (const std::string& place : places) {
        if (place.size() < 2 || place[0] != '/') {
            continue;
        }
        dependencies.files.push_back(place);
        const auto status = host.status(below_root(place));
        if (status && S_ISREG(status->st_mode)) {
            state = {place,           status->st_dev,         status->st_ino,
                     status->st_size, status->st_ctim.tv_sec, status->st_ctim.tv_nsec};
            break;
        }
        if (state.path.empty() && !status && host.exists(below_root(place))) {
            state.path = place;  // there is one, but we may not look
        }
    }
    const Release release = read_release(host, dependencies);
    now.distribution = distribution_of(release);
    now.installed = !state.path.empty();
    now.binary = state.path;
    if (now.installed && state == binary_ && state.size >= 0) {
        now.version = found_.version;
        now.lists = std::move(found_.lists);
    } else if (now.installed && state.size >= 0) {
        if (const auto text = host.read_file(below_root(now.binary), kLargestBinary)) {
            now.version = version_in(*text);
            now.lists = algorithm_lists_in(*text);
        }
    }
    binary_ = std::move(state);
    if (now.version == 0) {
        if (const auto version = version_in_dpkg(host, dependencies)) {
            now.installed = true;
            now.version = *version;
        }
    }
    if (now.version == 0 && now.installed) {
        now.version = version_of_release(release);
    }
    if (now.installed && now.binary.empty()) {
        now.binary = kUsualPlaces[0];
    }
    // SUSE Linux Enterprise and Leap 15 and Red Hat's 7.x kept `yes` when OpenSSH 7.0 left it;
    // SUSE turns PAM on in the code.
    now.root_login_by_default =
        (now.version != 0 && now.version < 700) ||
        (now.distribution == Distribution::suse && release.version.starts_with("15")) ||
        (now.distribution == Distribution::red_hat && now.version != 0 && now.version < 800);
    now.pam_by_default = now.distribution == Distribution::suse;
    found_ = std::move(now);
    return found_;
}

}  // namespace assay::sensors::sshd
