// SPDX-License-Identifier: Apache-2.0
// A configuration of sshd and what stands around it, as an image that somebody gave us may hold
// them. The first bytes choose the version; the rest is cut at NUL bytes into the main file, a file
// that may be included, a command line, a unit and its environment. Whatever comes, the reading
// ends, and what sshd would refuse has no values.
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/host_root.h"
#include "facts/kinds.h"
#include "sensors/host/sshd/sshd_topic.h"

namespace {

constexpr std::array<std::string_view, 6> kVersions{"OpenSSH_6.6p1",  "OpenSSH_7.4p1",
                                                    "OpenSSH_8.4p1",  "OpenSSH_9.2p1",
                                                    "OpenSSH_10.0p1", "no version"};
constexpr std::array<std::string_view, 4> kReleases{"ID=debian\n", "ID=rhel\nVERSION_ID=8\n",
                                                    "ID=sles\nVERSION_ID=15.5\n", ""};

/// One folder for the whole run: taken for the root of a host.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "assay-fuzz-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
        for (const char* folder :
             {"etc/ssh/d", "usr/sbin", "usr/lib/systemd/system", "etc/default"}) {
            std::filesystem::create_directories(path_ / folder);
        }
        write("etc/passwd", "root:x:0:0::/:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n");
        write("etc/group", "root:x:0:\nwheel:x:10:bob\n");
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const char* name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
    }
    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string take_part(std::string_view& text) {
    const std::size_t end = text.find('\0');
    const std::string part(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder kFolder;
    static const auto kRoot = assay::HostRoot::open(kFolder.path());
    if (size < 2 || !kRoot) {
        return 0;
    }
    std::string bytes;
    for (std::size_t i = 2; i < size; ++i) {
        bytes += static_cast<char>(data[i]);
    }
    std::string_view text = bytes;
    kFolder.write("usr/sbin/sshd", kVersions.at(data[0] % kVersions.size()));
    kFolder.write("etc/os-release", kReleases.at(data[1] % kReleases.size()));
    kFolder.write("etc/ssh/sshd_config", take_part(text));
    kFolder.write("etc/ssh/d/a.conf", take_part(text));
    const std::string command_line = take_part(text);
    kFolder.write(
        "usr/lib/systemd/system/ssh.service",
        "[Service]\nEnvironmentFile=/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $OPTS\n" +
            take_part(text));
    kFolder.write("etc/default/ssh", take_part(text));

    assay::sensors::SshdTopic topic;
    const assay::sensors::Surroundings around{
        *kRoot,
        true,
        {{7, "/usr/sbin/sshd", {"sshd: /usr/sbin/sshd " + command_line + " [listener]"}}},
        {}};
    std::size_t facts = 0;
    const auto dependencies = topic.read(around, [&](const assay::facts::FactView& fact) {
        const bool has_value = fact.get("Value").index() != 0;
        const bool has_problem = fact.get("Problem").index() != 0;
        if (has_value && has_problem) {
            std::abort();
        }
        ++facts;
    });
    if (facts == 0 || facts > 1'000'000 || dependencies.files.empty()) {
        std::abort();
    }
    return 0;
}
