// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files that accounts and passwords rest on. The first byte says which file; the
// others of the host are small and valid. The host is a folder of the fuzzer's own.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/host_root.h"
#include "sensors/host/passwords/accounts_topic.h"
#include "sensors/host/passwords/password_policy_topic.h"
#include "sensors/host/passwords/sudo_topic.h"

namespace {

using namespace assay;

enum class ReadBy { policy, accounts, both, sudo };

struct HostFile {
    const char* path;
    std::string_view text;
    ReadBy read_by = ReadBy::policy;
};
constexpr std::array kFiles{
    HostFile{"etc/pam.d/passwd",
             "password include inner\npassword required pam_unix.so minlen=8\n"},
    HostFile{"etc/pam.d/inner", "password requisite pam_pwquality.so minlen=9\n"},
    HostFile{"etc/security/pwquality.conf", "minlen = 12\n"},
    HostFile{"etc/security/pwhistory.conf", "remember = 5\n"},
    HostFile{"etc/login.defs", "PASS_MAX_DAYS 90\n"},
    HostFile{"etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n", ReadBy::both},
    HostFile{"etc/shadow", "alice:$6$salt$hash:19000:0:90:7:::\n", ReadBy::both},
    HostFile{"etc/sudoers", "alice ALL=(ALL) NOPASSWD: ALL\n", ReadBy::sudo},
    HostFile{"home/alice/.ssh/authorized_keys", "ssh-ed25519 AAAA\n", ReadBy::accounts},
};

class FuzzedHost {
public:
    FuzzedHost() : folder_(make()) {
        for (const HostFile& file : kFiles) {
            const auto path = std::filesystem::path(folder_) / file.path;
            std::filesystem::create_directories(path.parent_path());
            write(file, file.text);
        }
        write({.path = "etc/debian_version", .text = {}}, "12\n");
    }
    ~FuzzedHost() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    FuzzedHost(const FuzzedHost&) = delete;
    FuzzedHost& operator=(const FuzzedHost&) = delete;

    void write(const HostFile& file, std::string_view text) const {
        const std::string path = folder_ + "/" + file.path;
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) {
            std::abort();
        }
        ::close(fd);
    }
    [[nodiscard]] const std::string& folder() const { return folder_; }

private:
    static std::string make() {
        std::string name = (std::filesystem::temp_directory_path() / "assay-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            std::abort();
        }
        return name;
    }
    std::string folder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const FuzzedHost host;
    static const auto root = HostRoot::open(host.folder());
    if (size == 0 || !root) {
        return 0;
    }
    const HostFile& file = kFiles[data[0] % kFiles.size()];
    const std::string text(data + 1, data + size);
    host.write(file, text);
    const sensors::Surroundings around{*root, false, {}, {}};
    std::string json;
    const auto tell = [&json](const facts::FactView& fact) {
        json.clear();
        facts::append_json(json, fact);
    };
    sensors::PasswordPolicyTopic policy;
    sensors::AccountsTopic accounts([] { return std::int64_t{20'000}; });
    sensors::SudoTopic sudo;
    if (file.read_by == ReadBy::policy || file.read_by == ReadBy::both) {
        (void)policy.read(around, tell);
    }
    if (file.read_by == ReadBy::accounts || file.read_by == ReadBy::both) {
        (void)accounts.read(around, tell);
    }
    if (file.read_by == ReadBy::sudo) {
        (void)sudo.read(around, tell);
    }
    host.write(file, file.text);
    return 0;
}
