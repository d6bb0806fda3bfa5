// SPDX-License-Identifier: Apache-2.0
// The real sshd judges what we make of a configuration. `sshd -T` computes it and prints it; it
// opens no socket. Run as nobody, so that it asks for nothing that belongs to a service.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/config_files.h"
#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/effective_settings.h"
#include "sensors/host/sshd/match_blocks.h"
#include "sensors/host/sshd/openssh.h"
#include "sensors/host/sshd/sshd_config.h"

namespace assay::sensors::sshd {
namespace {

constexpr const char* kSshd = "/usr/sbin/sshd";
constexpr const char* kKeygen = "/usr/bin/ssh-keygen";
constexpr unsigned kNobody = 65534;

struct Output {
    int status = -1;
    std::string text;    ///< standard output
    std::string errors;  ///< standard error
};

/// Runs a program to its end, as nobody when we are root.
Output run(const std::vector<std::string>& command) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) {
        return {};
    }
    std::vector<char*> argv;
    for (const std::string& word : command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(out[1], STDOUT_FILENO);
        ::dup2(err[1], STDERR_FILENO);
        if (::getuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
            ::_exit(126);
        }
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    Output output;
    std::array<pollfd, 2> ends{pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
    for (int open = 2; open > 0;) {
        if (::poll(ends.data(), ends.size(), 30'000) <= 0) {
            break;
        }
        for (std::size_t i = 0; i < ends.size(); ++i) {
            std::array<char, 65536> buffer{};
            if (ends[i].revents == 0) {
                continue;
            }
            const ssize_t got = ::read(ends[i].fd, buffer.data(), buffer.size());
            if (got <= 0) {
                ends[i].fd = -1;
                --open;
            } else {
                (i == 0 ? output.text : output.errors)
                    .append(buffer.data(), static_cast<std::size_t>(got));
            }
        }
    }
    ::close(out[0]);
    ::close(err[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
}

struct Connection {
    std::string user, host, address, local_address, local_port, rdomain;

    [[nodiscard]] std::string option() const {
        return "user=" + user + ",host=" + host + ",addr=" + address + ",laddr=" + local_address +
               ",lport=" + local_port + ",rdomain=" + rdomain;
    }
    [[nodiscard]] Criteria criteria() const {
        using Kind = Criterion::Kind;
        return {{Kind::user, user},
                {Kind::host, host},
                {Kind::address, address},
                {Kind::local_address, local_address},
                {Kind::local_port, local_port},
                {Kind::rdomain, rdomain}};
    }
};

using Values = std::map<std::string, std::string>;

/// What `sshd -T` prints, one value for each name.
Values values_of(const std::string& text) {
    Values values;
    for (const std::string_view line : split(text, '\n')) {
        const std::size_t space = line.find(' ');
        const std::string name(line.substr(0, space));
        const std::string value(space == std::string_view::npos ? "" : line.substr(space + 1));
        auto& known = values["sshd." + name];
        known += known.empty() ? value : " " + value;
    }
    return values;
}

class SshdOracle : public ::testing::Test {
protected:
    void SetUp() override {
        if (::access(kSshd, X_OK) != 0 || ::access(kKeygen, X_OK) != 0) {
            GTEST_SKIP() << "openssh-server is not installed: there is no sshd to ask";
        }
        std::string name = (std::filesystem::temp_directory_path() / "assay-sshd-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        if (::getuid() == 0) {
            ASSERT_EQ(::chown(folder_.c_str(), kNobody, kNobody), 0);
        }
        const Output made =
            run({kKeygen, "-q", "-t", "ed25519", "-N", "", "-f", folder_ + "/host_key"});
        ASSERT_EQ(made.status, 0) << made.errors;
        ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
        Dependencies unused;
        openssh_ = finder_.find(root_, {}, unused);
        ASSERT_NE(openssh_.version, 0);
    }
    void TearDown() override {
        if (!folder_.empty()) {
            std::error_code ignored;
            std::filesystem::remove_all(folder_, ignored);
            std::printf(
                "compared with %s: %d configurations, %d readings, %d values; %d refused by "
                "both\n",
                kSshd, configurations_, readings_, values_, refused_);
        }
    }

    void write(const std::string& name, std::string_view text) const {
        const auto path = std::filesystem::path(folder_) / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }
    void clear() const {
        for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
            if (!entry.path().filename().string().starts_with("host_key")) {
                std::filesystem::remove_all(entry.path());
            }
        }
    }

    /// Compares one configuration, for each connection. Returns false at the first difference.
    void compare(const std::vector<Connection>& connections,
                 const std::vector<std::string>& options = {}) {
        ++configurations_;
        for (const Connection& connection : connections) {
            compare_one(connection, options);
            if (HasFailure()) {
                return;
            }
        }
    }

    [[nodiscard]] std::string shown() const {
        std::string text;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
            if (entry.is_regular_file() &&
                !entry.path().filename().string().starts_with("host_key")) {
                std::ifstream file(entry.path(), std::ios::binary);
                text += "--- " + entry.path().string() + "\n" +
                        std::string(std::istreambuf_iterator<char>(file), {}) + "\n";
            }
        }
        return text;
    }

    std::string folder_;
    int configurations_ = 0, readings_ = 0, values_ = 0, refused_ = 0;

private:
    void compare_one(const Connection& connection, const std::vector<std::string>& options) {
        ++readings_;
        const std::string config_path = folder_ + "/sshd_config";
        std::vector<std::string> command{
            kSshd, "-T", "-f", config_path, "-h", folder_ + "/host_key", "-C", connection.option()};
        std::vector<CommandLineOption> our_options;
        for (const std::string& option : options) {
            command.insert(command.end(), {"-o", option});
            our_options.push_back({option, "command line", "command line"});
        }
        const Output theirs = run(command);

        Dependencies dependencies;
        const ConfigFiles files(root_, dependencies);
        SshdConfig config(openssh_, files);
        std::string problem;
        std::vector<EffectiveSetting> settings;
        const auto startup = config.read(config_path, our_options);
        if (!startup) {
            problem = startup.error().message;
        } else {
            UserGroups groups(files);
            const Criteria known = connection.criteria();
            const MatchDecision decision(openssh_, known, groups);
            const auto matched = config.for_connection(
                [&](const Criteria& criteria) { return decision.holds(criteria); });
            if (!matched) {
                problem = matched.error().message;
            } else {
                settings = effective_settings(openssh_, *startup, *matched);
            }
        }
        for (const EffectiveSetting& setting : settings) {
            problem = problem.empty() ? setting.problem : problem;
        }
        EXPECT_EQ(theirs.status != 0, !problem.empty())
            << "we: " << problem << "\nsshd: " << theirs.errors << "for " << connection.option()
            << "\n"
            << shown();
        if (theirs.status != 0) {
            ++refused_;
            return;
        }
        const Values told = values_of(theirs.text);
        Values ours;
        for (const EffectiveSetting& setting : settings) {
            if (setting.name != "sshd.password_login" && setting.name != "sshd.protocol") {
                ours.emplace(setting.name, setting.value);
            }
        }
        for (const auto& [name, value] : ours) {
            ++values_;
            const auto there = told.find(name);
            EXPECT_EQ(there == told.end() ? "(none)" : there->second, value)
                << name << " for " << connection.option() << "\n"
                << shown();
        }
        for (const char* list :
             {"sshd.allowusers", "sshd.denyusers", "sshd.allowgroups", "sshd.denygroups"}) {
            EXPECT_EQ(told.contains(list), ours.contains(list)) << list << "\n" << shown();
        }
    }

    HostRoot root_ = *HostRoot::open("/");
    OpenSshFinder finder_;
    OpenSsh openssh_;
};

const Connection kAnybody{"zz",  "client.invalid", "203.0.113.250", "203.0.113.251", "65000",
                          "vrf9"};

/// Writes configurations. The same numbers give the same ones on every machine.
class Generator {
public:
    explicit Generator(std::uint32_t seed) : engine_(seed) {}

    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(engine_() % limit);
    }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    template <std::size_t N>
    std::string any(const std::array<std::string_view, N>& of) {
        return std::string(of[below(N)]);
    }

    Connection connection() {
        static constexpr std::array<std::string_view, 6> kUsers{"root",   "bob",   "alice",
                                                                "daemon", "dev12", "nobody"};
        static constexpr std::array<std::string_view, 4> kHosts{
            "host.example.com", "EVIL.example.org", "localhost", "client.invalid"};
        static constexpr std::array<std::string_view, 6> kAddresses{
            "10.1.2.3", "192.168.7.9", "127.0.0.1", "2001:db8::17", "::1", "203.0.113.250"};
        static constexpr std::array<std::string_view, 3> kPorts{"22", "2222", "65000"};
        static constexpr std::array<std::string_view, 2> kDomains{"vrf1", "vrf9"};
        return {any(kUsers),     any(kHosts), any(kAddresses),
                any(kAddresses), any(kPorts), any(kDomains)};
    }

    /// The lines of one file. Files that it includes are written by the caller.
    std::string lines(std::uint32_t count, int depth) {
        std::string text;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (one_in(7)) {
                text += match_line();
                in_match_ = true;
            } else if (depth < 3 && one_in(9)) {
                text += include_line();
            } else {
                text += setting_line();
            }
            text += end_of_line();
        }
        return text;
    }
    void begin_file(bool in_match) { in_match_ = in_match; }
    [[nodiscard]] bool in_match() const { return in_match_; }
    std::string folder;

    std::string algorithm_list(int kind) {
        static constexpr std::array<std::string_view, 9> kCiphers{"aes128-ctr",
                                                                  "aes256-ctr",
                                                                  "aes128-cbc",
                                                                  "3des-cbc",
                                                                  "aes256-gcm@openssh.com",
                                                                  "chacha20-poly1305@openssh.com",
                                                                  "aes192-ctr",
                                                                  "aes256-cbc",
                                                                  "aes128-ctr"};
        static constexpr std::array<std::string_view, 8> kMacs{"hmac-sha1",
                                                               "hmac-md5",
                                                               "hmac-sha2-256",
                                                               "hmac-sha2-512-etm@openssh.com",
                                                               "umac-64@openssh.com",
                                                               "hmac-sha1-96",
                                                               "umac-128-etm@openssh.com",
                                                               "hmac-md5-96"};
        static constexpr std::array<std::string_view, 9> kKex{"curve25519-sha256",
                                                              "diffie-hellman-group1-sha1",
                                                              "diffie-hellman-group14-sha1",
                                                              "ecdh-sha2-nistp256",
                                                              "diffie-hellman-group16-sha512",
                                                              "sntrup761x25519-sha512@openssh.com",
                                                              "diffie-hellman-group-exchange-sha1",
                                                              "curve25519-sha256@libssh.org",
                                                              "ecdh-sha2-nistp521"};
        static constexpr std::array<std::string_view, 11> kKeys{"ssh-ed25519",
                                                                "ssh-rsa",
                                                                "rsa-sha2-512",
                                                                "rsa-*",
                                                                "*-cert-v01@openssh.com",
                                                                "ssh-dss",
                                                                "ecdsa-sha2-nistp256",
                                                                "sk-*",
                                                                "ssh-???",
                                                                "rsa-sha2-256",
                                                                "*"};
        static constexpr std::array<std::string_view, 7> kRemoved{
            "aes*", "*cbc", "hmac-*", "*sha1*", "nothing-here", "*nistp*", "*-etm@openssh.com"};
        static constexpr std::array<std::string_view, 4> kPrefixes{"", "", "+", "^"};
        std::string list;
        if (one_in(4)) {
            list = "-";
            for (std::uint32_t i = 0, n = 1 + below(3); i < n; ++i) {
                list += (i == 0 ? "" : ",") + any(kRemoved);
            }
            return list;
        }
        list = any(kPrefixes);
        for (std::uint32_t i = 0, n = 1 + below(4); i < n; ++i) {
            list += i == 0 ? "" : ",";
            list += kind == 0   ? any(kCiphers)
                    : kind == 1 ? any(kMacs)
                    : kind == 2 ? any(kKex)
                                : any(kKeys);
        }
        return list;
    }

private:
    std::string end_of_line() {
        static constexpr std::array<std::string_view, 9> kEnds{
            "\n", "\n", "\n", "\n", "\r\n", "  \t\n", "\n\n", "\n# a comment\n", " # said so\n"};
        return any(kEnds);
    }
    std::string keyword(std::string_view name) {
        std::string text(name);
        if (one_in(4)) {
            for (char& c : text) {
                if (one_in(2)) {
                    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
                }
            }
        }
        return text;
    }
    std::string separator() {
        static constexpr std::array<std::string_view, 8> kSeparators{" ",  " ",   " ",  " ",
                                                                     "\t", " = ", "  ", "="};
        return any(kSeparators);
    }
    std::string value(std::string text) {
        if (one_in(12)) {
            return "\"" + text + "\"";
        }
        return text;
    }

    std::string setting_line() {
        struct Setting {
            std::string_view name;
            std::array<std::string_view, 6> values;
            bool in_match;
        };
        static constexpr std::array kSettings{
            Setting{"permitrootlogin",
                    {"yes", "no", "prohibit-password", "without-password", "forced-commands-only",
                     "YES"},
                    true},
            Setting{"passwordauthentication", {"yes", "no", "yes", "no", "No", "yes"}, true},
            Setting{"kbdinteractiveauthentication", {"yes", "no", "yes", "no", "no", "yes"}, true},
            Setting{
                "challengeresponseauthentication", {"yes", "no", "yes", "no", "no", "yes"}, true},
            Setting{"usepam", {"yes", "no", "yes", "no", "no", "yes"}, false},
            Setting{"permitemptypasswords", {"yes", "no", "yes", "no", "no", "yes"}, true},
            Setting{"x11forwarding", {"yes", "no", "yes", "no", "no", "yes"}, true},
            Setting{"maxauthtries", {"1", "3", "10", "+4", "0", "2147483647"}, true},
            Setting{"authenticationmethods",
                    {"publickey", "publickey,password", "password keyboard-interactive:pam",
                     "publickey,keyboard-interactive", "keyboard-interactive publickey",
                     "hostbased,publickey password"},
                    true},
            Setting{"pubkeyauthentication", {"yes", "no", "yes", "yes", "yes", "yes"}, true},
            Setting{"hostbasedauthentication", {"yes", "no", "yes", "no", "no", "yes"}, true},
            Setting{"ignorerhosts", {"yes", "no", "shosts-only", "no", "yes", "shosts-only"}, true},
            Setting{
                "permituserenvironment", {"yes", "no", "LANG,LC_*", "no", "yes", "PATH"}, false},
            Setting{"logingracetime", {"30", "2m", "1h30m", "0", "1d", "90s"}, false},
            Setting{
                "allowusers", {"bob", "alice root", "dev*@10.0.0.0/8", "a b c", "*", "bob"}, true},
            Setting{"denyusers", {"bob", "mallory", "x y", "root@192.168.*", "?", "bob"}, true},
            Setting{"allowgroups", {"wheel", "staff users", "*", "daemon", "g*", "root"}, true},
            Setting{"denygroups", {"wheel", "staff users", "*", "daemon", "g*", "root"}, true},
            Setting{"protocol", {"2", "1", "2,1", "nonsense", "2", "2"}, false},
            Setting{"loglevel", {"INFO", "verbose", "DEBUG3", "quiet", "ERROR", "info"}, true},
            Setting{"clientaliveinterval", {"30", "5m", "0", "1h", "15", "7"}, true},
            Setting{"banner", {"none", "/etc/issue", "/etc/issue.net", "x", "none", "y"}, true},
            Setting{"forcecommand",
                    {"internal-sftp", "/bin/true -x", "none", "a \"b c\"", "q", "r"},
                    true},
            Setting{"acceptenv", {"LANG LC_*", "X", "A B C", "Y*", "Z", "W"}, true},
            Setting{"subsystem",
                    {"sftp /usr/lib/sftp-server", "x /bin/x -a b", "y internal-sftp", "z /z",
                     "w /w", "v /v"},
                    false},
            Setting{"printmotd", {"yes", "no", "yes", "no", "no", "yes"}, false},
            Setting{"port", {"22", "2222", "22022", "ssh", "443", "80"}, false},
        };
        static constexpr std::array<std::string_view, 20> kMistakes{
            "PermitRootLogon yes",
            "PermitRootLogin maybe",
            "PermitRootLogin",
            "UsePAM yes no",
            "PasswordAuthentication \"yes",
            "Ciphers aes128-ctr,nonsense",
            "MACs",
            "Port 0",
            "MaxAuthTries six",
            "LoginGraceTime 2x",
            "AllowUsers bob@10.0.0.1/8",
            "AuthenticationMethods telepathy",
            "Match User",
            "Match Colour red",
            "Match all User bob",
            "Match Address 10.0.0.1/8",
            "KexAlgorithms +",
            "Include",
            "Match",
            "PubkeyAcceptedAlgorithms rsa"};
        if (one_in(70)) {
            return any(kMistakes);
        }
        if (one_in(6)) {
            const int kind = static_cast<int>(below(5));
            if (!in_match_ || kind == 4) {
                static constexpr std::array<std::string_view, 5> kNames{
                    "ciphers", "macs", "kexalgorithms", "hostkeyalgorithms",
                    "pubkeyacceptedalgorithms"};
                return keyword(kNames[static_cast<std::size_t>(kind)]) + separator() +
                       value(algorithm_list(kind));
            }
        }
        for (;;) {
            const Setting& setting = kSettings[below(kSettings.size())];
            if (in_match_ && !setting.in_match && !one_in(60)) {
                continue;
            }
            const std::string chosen = any(setting.values);
            const bool words = chosen.contains(' ') || chosen.contains('"');
            return keyword(setting.name) + separator() + (words ? chosen : value(chosen));
        }
    }

    std::string match_line() {
        static constexpr std::array<std::string_view, 9> kUsers{
            "bob", "alice,bob", "root", "*", "*,!root", "dev*", "!bob", "b?b,!x*", "daemon,nobody"};
        static constexpr std::array<std::string_view, 7> kGroups{
            "daemon", "root", "nogroup,daemon", "*", "!daemon,*", "wheel", "d*"};
        static constexpr std::array<std::string_view, 6> kHosts{
            "*.example.com",    "evil.EXAMPLE.org", "localhost",
            "*,!*.example.com", "client.?nvalid",   "*"};
        static constexpr std::array<std::string_view, 10> kAddresses{
            "10.0.0.0/8",    "192.168.0.0/16,127.0.0.1",
            "2001:db8::/32", "10.*",
            "*,!10.1.2.3",   "::1",
            "!10.0.0.0/8,*", "203.0.113.250",
            "0.0.0.0/0",     "2001:db8::17"};
        static constexpr std::array<std::string_view, 3> kPorts{"22", "2222", "ssh"};
        static constexpr std::array<std::string_view, 3> kDomains{"vrf1", "vrf*", "!vrf1,*"};
        if (one_in(8)) {
            return keyword("match") + separator() + keyword("all");
        }
        std::string text = keyword("match");
        for (std::uint32_t i = 0, n = 1 + below(3); i < n; ++i) {
            text += i == 0 ? separator() : std::string(" ");
            switch (below(9)) {
                case 0:
                case 1:
                    text += keyword("user") + separator() + value(any(kUsers));
                    break;
                case 2:
                    text += keyword("group") + separator() + any(kGroups);
                    break;
                case 3:
                    text += keyword("host") + separator() + any(kHosts);
                    break;
                case 4:
                case 5:
                    text += keyword("address") + separator() + value(any(kAddresses));
                    break;
                case 6:
                    text += keyword("localaddress") + separator() + any(kAddresses);
                    break;
                case 7:
                    text += keyword("localport") + separator() + any(kPorts);
                    break;
                default:
                    text += keyword("rdomain") + separator() + any(kDomains);
                    break;
            }
        }
        return text;
    }

    std::string include_line() {
        static constexpr std::array<std::string_view, 12> kTargets{
            "d/*.conf", "d/10.conf",   "d/[12]0.conf", "e/*",       "d/20.conf d/10.conf",
            "missing",  "missing/*.x", "e/?.conf",     "d/*0.conf", "e/[!b].conf",
            "d",        "e/\\a.conf"};
        std::string text = keyword("include");
        const std::string targets = any(kTargets);
        for (const std::string_view target : split(targets, ' ')) {
            text += " " + folder + "/" + std::string(target);
        }
        return text;
    }

    std::mt19937 engine_;
    bool in_match_ = false;
};

TEST_F(SshdOracle, AgreesOnGeneratedConfigurations) {
    constexpr int kConfigurations = 320;
    for (int i = 0; i < kConfigurations; ++i) {
        clear();
        Generator generator(static_cast<std::uint32_t>(i) * 7919 + 17);
        generator.folder = folder_;
        write("sshd_config", generator.lines(3 + generator.below(18), 0));
        const bool in_match = generator.in_match();
        // What is included more deeply includes less, so that most come to an end.
        for (const auto& [name, depth] : {std::pair("d/10.conf", 3),
                                          {"d/20.conf", 3},
                                          {"e/a.conf", 3},
                                          {"e/b.conf", i % 10 == 0 ? 1 : 3}}) {
            if (!generator.one_in(4)) {
                generator.begin_file(in_match && !generator.one_in(3));
                write(name, generator.lines(1 + generator.below(4), depth));
            }
        }
        compare({generator.connection()});
        ASSERT_FALSE(HasFailure()) << "configuration " << i;
    }
}

TEST_F(SshdOracle, AgreesOnCommandLineOptions) {
    constexpr auto kOptions = std::to_array<std::string_view>(
        {"PermitRootLogin=no", "PermitRootLogin yes", "passwordauthentication=no", "UsePAM=yes",
         "Ciphers=+3des-cbc", "MACs -*sha1*", "KbdInteractiveAuthentication no",
         "AllowUsers=bob alice", "LoginGraceTime=1m", "MaxAuthTries=2", "X11Forwarding=yes",
         "Include=/etc/hosts", "Match=all", "Nonsense=1"});
    for (std::uint32_t i = 0; i < 60; ++i) {
        clear();
        Generator generator(i * 104'729 + 3);
        generator.folder = folder_;
        write("sshd_config", generator.lines(2 + generator.below(8), 3));
        std::vector<std::string> options{generator.any(kOptions)};
        if (generator.one_in(2)) {
            options.push_back(generator.any(kOptions));
        }
        compare({generator.connection()}, options);
        ASSERT_FALSE(HasFailure()) << "configuration " << i;
    }
}

// One line each: what sshd takes and what it refuses.
constexpr auto kLines =
    std::to_array<std::string_view>({"Port 22",
                                     "Port 0",
                                     "Port 65536",
                                     "Port ssh",
                                     "Port \"22\"",
                                     "Port 22 23",
                                     "Port -1",
                                     "ListenAddress 0.0.0.0",
                                     "ListenAddress 127.0.0.1:22",
                                     "ListenAddress [::1]:22",
                                     "ListenAddress ::1",
                                     "ListenAddress [::1",
                                     "ListenAddress 127.0.0.1:0",
                                     "ListenAddress 127.0.0.1:x",
                                     "ListenAddress 127.0.0.1 rdomain x",
                                     "AddressFamily inet",
                                     "AddressFamily ipv4",
                                     "AddressFamily ANY",
                                     "LoginGraceTime 0",
                                     "LoginGraceTime 1w2d3h4m5s",
                                     "LoginGraceTime -1",
                                     "LoginGraceTime 5x",
                                     "LoginGraceTime 99999999999",
                                     "LoginGraceTime 1 2",
                                     "LoginGraceTime \"\"",
                                     "SyslogFacility AUTH",
                                     "SyslogFacility nowhere",
                                     "SyslogFacility local7",
                                     "LogLevel DEBUG",
                                     "LogLevel loud",
                                     "LogLevel SILENT",
                                     "LogVerbose none",
                                     "LogVerbose none kex.c",
                                     "LogVerbose kex.c:*",
                                     "StrictModes yes",
                                     "StrictModes true",
                                     "RekeyLimit default",
                                     "RekeyLimit 1G 1h",
                                     "RekeyLimit 8",
                                     "RekeyLimit 0",
                                     "RekeyLimit 512K none",
                                     "RekeyLimit 1X",
                                     "RekeyLimit 1.5G",
                                     "RekeyLimit default none x",
                                     "RekeyLimit 1G 1y",
                                     "MaxStartups 10",
                                     "MaxStartups 10:30:100",
                                     "MaxStartups 100:30:10",
                                     "MaxStartups 10:0:100",
                                     "MaxStartups 10:101:100",
                                     "MaxStartups 0",
                                     "MaxStartups ten",
                                     "MaxStartups 10:30",
                                     "PerSourceMaxStartups none",
                                     "PerSourceMaxStartups 5",
                                     "PerSourceMaxStartups x",
                                     "PerSourceNetBlockSize 32:128",
                                     "PerSourceNetBlockSize 24",
                                     "PerSourceNetBlockSize 33",
                                     "PerSourceNetBlockSize 24:129",
                                     "MaxSessions 10",
                                     "MaxSessions -1",
                                     "MaxSessions 1x",
                                     "MaxAuthTries 0",
                                     "MaxAuthTries \" 7\"",
                                     "MaxAuthTries 0x10",
                                     "ClientAliveInterval 1m",
                                     "ClientAliveCountMax 0",
                                     "ClientAliveCountMax many",
                                     "TCPKeepAlive no",
                                     "KeepAlive no",
                                     "UseDNS yes",
                                     "UseDNS perhaps",
                                     "Compression delayed",
                                     "Compression no",
                                     "Compression fast",
                                     "GatewayPorts clientspecified",
                                     "GatewayPorts sometimes",
                                     "AllowTcpForwarding local",
                                     "AllowTcpForwarding all",
                                     "AllowTcpForwarding both",
                                     "AllowStreamLocalForwarding remote",
                                     "AllowAgentForwarding no",
                                     "DisableForwarding yes",
                                     "PermitTunnel point-to-point",
                                     "PermitTunnel Ethernet",
                                     "PermitTunnel yes",
                                     "PermitTTY no",
                                     "PermitUserRC no",
                                     "PermitUserEnvironment yes",
                                     "PermitUserEnvironment YES",
                                     "PermitUserEnvironment A,B",
                                     "AcceptEnv LANG LC_*",
                                     "AcceptEnv A=B",
                                     "AcceptEnv \"\"",
                                     "SetEnv A=B C=D",
                                     "SetEnv A",
                                     "Banner none",
                                     "Banner",
                                     "Banner \"/a file\"",
                                     "ForceCommand internal-sftp",
                                     "ForceCommand a 'b",
                                     "ForceCommand # x",
                                     "ChrootDirectory /x",
                                     "ChrootDirectory none",
                                     "ChrootDirectory /x /y",
                                     "VersionAddendum hello there",
                                     "VersionAddendum none",
                                     "AuthorizedKeysFile .ssh/a .ssh/b",
                                     "AuthorizedKeysFile none",
                                     "AuthorizedKeysFile \"\"",
                                     "AuthorizedKeysCommand /bin/true",
                                     "AuthorizedKeysCommand true",
                                     "AuthorizedKeysCommand none",
                                     "AuthorizedKeysCommandUser nobody",
                                     "AuthorizedPrincipalsFile /x",
                                     "TrustedUserCAKeys /x",
                                     "RevokedKeys /x",
                                     "HostKey /nowhere/key",
                                     "HostKey",
                                     "HostCertificate /nowhere/cert",
                                     "HostKeyAgent /nowhere",
                                     "PidFile /x",
                                     "ModuliFile /x",
                                     "XAuthLocation /x",
                                     "X11DisplayOffset 10",
                                     "X11DisplayOffset ten",
                                     "X11UseLocalhost no",
                                     "PrintLastLog no",
                                     "PrintMotd maybe",
                                     "Subsystem sftp internal-sftp",
                                     "Subsystem sftp",
                                     "Subsystem sftp /x a b c",
                                     "IPQoS lowdelay throughput",
                                     "IPQoS af21",
                                     "IPQoS 0x10",
                                     "IPQoS 256",
                                     "IPQoS fast",
                                     "IPQoS none",
                                     "IPQoS af21 cs1 ef",
                                     "PermitOpen any",
                                     "PermitOpen none",
                                     "PermitOpen host:22",
                                     "PermitOpen host",
                                     "PermitOpen host:*",
                                     "PermitOpen [::1]:80",
                                     "PermitOpen any host:1",
                                     "PermitListen 8080",
                                     "PermitListen *:80",
                                     "PermitListen localhost:x",
                                     "FingerprintHash sha256",
                                     "FingerprintHash md5",
                                     "FingerprintHash crc",
                                     "StreamLocalBindMask 0177",
                                     "StreamLocalBindMask 9",
                                     "StreamLocalBindMask 1000",
                                     "StreamLocalBindUnlink yes",
                                     "ExposeAuthInfo yes",
                                     "RDomain none",
                                     "RDomain vrf1",
                                     "RequiredRSASize 2048",
                                     "RequiredRSASize big",
                                     "ChannelTimeout session:*=5m",
                                     "ChannelTimeout none",
                                     "ChannelTimeout none x=1",
                                     "ChannelTimeout x",
                                     "ChannelTimeout =5",
                                     "UnusedConnectionTimeout none",
                                     "UnusedConnectionTimeout 5m",
                                     "UnusedConnectionTimeout soon",
                                     "PubkeyAuthOptions none",
                                     "PubkeyAuthOptions touch-required verify-required",
                                     "PubkeyAuthOptions touch",
                                     "SecurityKeyProvider internal",
                                     "GSSAPIAuthentication yes",
                                     "GSSAPICleanupCredentials no",
                                     "GSSAPIKeyExchange yes",
                                     "GSSAPIKexAlgorithms gss-group14-sha256-",
                                     "GSSAPIKexAlgorithms x",
                                     "GSSAPIStrictAcceptorCheck no",
                                     "GSSAPIStoreCredentialsOnRekey yes",
                                     "KerberosAuthentication no",
                                     "KerberosOrLocalPasswd yes",
                                     "KerberosTicketCleanup yes",
                                     "KerberosGetAFSToken yes",
                                     "AFSTokenPassing whatever",
                                     "UseLogin yes",
                                     "ServerKeyBits 1024",
                                     "KeyRegenerationInterval 1h",
                                     "RSAAuthentication yes",
                                     "RhostsRSAAuthentication no",
                                     "RhostsAuthentication no",
                                     "UsePrivilegeSeparation sandbox",
                                     "AuthorizedKeysFile2 x",
                                     "CheckMail yes",
                                     "PAMAuthenticationViaKBDInt yes",
                                     "ReverseMappingCheck yes",
                                     "VerifyReverseMapping yes",
                                     "DSAAuthentication no",
                                     "SkeyAuthentication no",
                                     "DebianBanner no",
                                     "DebianBanner 1",
                                     "Protocol 1",
                                     "Protocol",
                                     "Protocol 2 3 4",
                                     "UseBlacklist yes",
                                     "PermitBlacklistedKeys yes",
                                     "GSSAPIEnablek5users yes",
                                     "RSAMinSize 2048",
                                     "PAMServiceName sshd",
                                     "RefuseConnection yes",
                                     "PerSourcePenalties no",
                                     "SshdSessionPath /x",
                                     "HostbasedAcceptedAlgorithms ssh-rsa",
                                     "HostbasedAcceptedKeyTypes +ssh-rsa",
                                     "HostbasedAcceptedAlgorithms nonsense",
                                     "HostbasedUsesNameFromPacketOnly yes",
                                     "CASignatureAlgorithms ssh-rsa",
                                     "CASignatureAlgorithms ed25519",
                                     "CASignatureAlgorithms -ssh-rsa",
                                     "Ciphers none",
                                     "Ciphers -*",
                                     "Ciphers aes128-ctr,",
                                     "Ciphers ,aes128-ctr",
                                     "Ciphers aes*",
                                     "Ciphers +aes128-cbc",
                                     "MACs hmac-sha1,hmac-sha1",
                                     "KexAlgorithms ^curve25519-sha256",
                                     "KexAlgorithms -*group*",
                                     "KexAlgorithms gss-group14-sha256-",
                                     "KexAlgorithms ecdh-sha2-nistp256,gss-group14-sha256-x",
                                     "HostKeyAlgorithms !ssh-rsa",
                                     "HostKeyAlgorithms *",
                                     "HostKeyAlgorithms RSA",
                                     "HostKeyAlgorithms ssh-*,!ssh-dss",
                                     "PubkeyAcceptedKeyTypes +ssh-dss",
                                     "IgnoreRhosts shosts-only",
                                     "IgnoreUserKnownHosts yes",
                                     "AllowUsers",
                                     "AllowUsers \"\"",
                                     "AllowUsers a@*,!10.0.0.1",
                                     "AllowUsers a@,",
                                     "DenyGroups a b",
                                     "AuthenticationMethods any",
                                     "AuthenticationMethods none",
                                     "AuthenticationMethods hostbased",
                                     "AuthenticationMethods publickey,",
                                     "Match all",
                                     "Match canonical"});

TEST_F(SshdOracle, AgreesOnWhatIsRefusedLineByLine) {
    for (const std::string_view line : kLines) {
        clear();
        write("sshd_config", std::string(line) + "\n");
        compare({kAnybody});
        ASSERT_FALSE(HasFailure()) << line;
    }
}

TEST_F(SshdOracle, AgreesOnHowLinesAreSplit) {
    constexpr auto kTexts = std::to_array<std::string_view>({"",
                                                             "\n\n",
                                                             "   \n\t\n",
                                                             "# only\n",
                                                             "PermitRootLogin no",
                                                             "PermitRootLogin no\r\n",
                                                             "\r\nPermitRootLogin no\r\n",
                                                             "\fPermitRootLogin no\n",
                                                             "PermitRootLogin no\f\n",
                                                             "PermitRootLogin\fno\n",
                                                             "PermitRootLogin=no\n",
                                                             "PermitRootLogin==no\n",
                                                             "PermitRootLogin = no\n",
                                                             "PermitRootLogin = = no\n",
                                                             "=PermitRootLogin no\n",
                                                             "\"PermitRootLogin\" no\n",
                                                             "\"PermitRootLogin no\n",
                                                             "\"PermitRootLogin\"no\n",
                                                             "Permit\"RootLogin\" no\n",
                                                             "PermitRootLogin \"no\"\n",
                                                             "PermitRootLogin 'no'\n",
                                                             "PermitRootLogin n\"o\"\n",
                                                             "PermitRootLogin \"no\"x\n",
                                                             "PermitRootLogin no#x\n",
                                                             "PermitRootLogin no #x\n",
                                                             "PermitRootLogin #no\n",
                                                             "PermitRootLogin no\\\n yes\n",
                                                             "PermitRootLogin \\no\n",
                                                             "PermitRootLogin \"\"\n",
                                                             "PermitRootLogin ''\n",
                                                             "AllowUsers a\\ b c\n",
                                                             "AllowUsers \"a b\" 'c d'\n",
                                                             "AllowUsers \"a\\\"b\"\n",
                                                             "AllowUsers 'a\"b'\n",
                                                             "AllowUsers a\\\\b\n",
                                                             "AllowUsers a\\xb\n",
                                                             "AllowUsers a # b\n",
                                                             "AllowUsers a#b\n",
                                                             "AllowUsers\ta\tb\t\n",
                                                             "AllowUsers = a = b\n",
                                                             "P\n",
                                                             "PermitRootLogin\n",
                                                             "PermitRootLogin=\n",
                                                             "#\nPermitRootLogin no\n",
                                                             "\"\"\n",
                                                             "\xc3\xa9 yes\n"});
    for (const std::string_view text : kTexts) {
        clear();
        write("sshd_config", text);
        compare({kAnybody});
        ASSERT_FALSE(HasFailure()) << text;
    }
}

TEST_F(SshdOracle, AgreesOnMatchLines) {
    constexpr auto kMatches = std::to_array<std::string_view>({"Match User bob",
                                                               "match user=bob",
                                                               "Match User = bob",
                                                               "Match \"User\" \"bob\"",
                                                               "Match User bob,alice",
                                                               "Match User alice,bo?",
                                                               "Match User !alice",
                                                               "Match User *,!bob",
                                                               "Match User *,!alice",
                                                               "Match User BOB",
                                                               "Match User bob User b*",
                                                               "Match User bob User alice",
                                                               "Match User bob # who",
                                                               "Match User bob#who",
                                                               "Match User b'ob",
                                                               "Match User ''",
                                                               "Match User bob Address 10.0.0.0/8",
                                                               "Match User bob Address 11.0.0.0/8",
                                                               "Match Address 10.1.2.3",
                                                               "Match Address 10.*",
                                                               "Match Address 10.1",
                                                               "Match Address 010.1.2.3",
                                                               "Match Address !10.1.2.3,*",
                                                               "Match Address *,!10.1.2.0/24",
                                                               "Match Address 10.1.2.3/33",
                                                               "Match Address 10.1.2.3/",
                                                               "Match Address 10.0.0.0/08",
                                                               "Match Address ::/0",
                                                               "Match Address 0/0",
                                                               "Match Address fe80::1%lo",
                                                               "Match Address 10.0.0.0/8,,",
                                                               "Match Address ::ffff:10.1.2.3",
                                                               "Match Host *.EXAMPLE.com",
                                                               "Match Host host.example.com,!x",
                                                               "Match Host h*,!host*",
                                                               "Match LocalAddress 192.168.7.9",
                                                               "Match LocalPort 2222",
                                                               "Match LocalPort 0",
                                                               "Match LocalPort 22,2222",
                                                               "Match LocalPort 70000",
                                                               "Match RDomain vrf1",
                                                               "Match Group root",
                                                               "Match Group *",
                                                               "Match User root Group root",
                                                               "Match all ",
                                                               "Match all # x",
                                                               "Match All all",
                                                               "Match User bob all"});
    const Connection bob{"bob", "host.example.com", "10.1.2.3", "192.168.7.9", "2222", "vrf1"};
    Connection root = bob;
    root.user = "root";
    for (const std::string_view match : kMatches) {
        clear();
        write("sshd_config", "PasswordAuthentication no\n" + std::string(match) +
                                 "\nPasswordAuthentication yes\nX11Forwarding yes\n"
                                 "Match all\nMaxAuthTries 3\n");
        compare({bob, root, kAnybody});
        ASSERT_FALSE(HasFailure()) << match;
    }
}

TEST_F(SshdOracle, AgreesOnIncludes) {
    const auto in_folder = [&](std::string text) {
        for (std::size_t at = 0; (at = text.find("@", at)) != std::string::npos;) {
            text.replace(at, 1, folder_ + "/");
        }
        return text;
    };
    struct Case {
        std::string_view main, first, second;
    };
    constexpr std::array kCases{
        Case{"Include @d/*\nPermitRootLogin no\n", "PermitRootLogin yes\n", "PermitRootLogin no\n"},
        Case{"PermitRootLogin no\nInclude @d/*\n", "PermitRootLogin yes\n", ""},
        Case{"Include @d/2 @d/1\n", "PermitRootLogin yes\n", "PermitRootLogin no\n"},
        Case{"Include @d/1\n", "Include @d/2\n", "PermitRootLogin yes\n"},
        Case{"Include @d/1\n", "Include @d/1\n", ""},
        Case{"Include @d/1\n", "Include @d/2\n", "Include @d/1\n"},
        Case{"Include @d/*\n", "", "Include @d/*\n"},
        Case{"Include @d/*\n", "Include @d/*\n", ""},
        Case{"Include @sshd_config\n", "", ""},
        Case{"Include @d\nPermitRootLogin yes\n", "Nonsense\n", ""},
        Case{"Include @nothing\nPermitRootLogin yes\n", "", ""},
        Case{"Include @d/3*\n", "", ""},
        Case{"Include /dev/null\n", "", ""},
        Case{"Include @d/link\n", "", ""},
        Case{"Include @d/l*\n", "", ""},
        Case{"Include \"\"\n", "", ""},
        Case{"Include @d/1 # x\n", "PermitRootLogin yes\n", ""},
        Case{"Include @d/1\n", "Bad option\n", ""},
        Case{"Match User bob\nInclude @d/1\n", "PermitRootLogin yes\n", ""},
        Case{"Match User bob\nInclude @d/1\n", "Ciphers aes128-ctr\n", ""},
        Case{"Match User bob\nInclude @d/1\nX11Forwarding yes\n",
             "Match User alice\nPermitRootLogin yes\n", ""},
        Case{"Match User bob\nInclude @d/1\nX11Forwarding yes\n",
             "Match Address 10.0.0.0/8\nPermitRootLogin yes\n", ""},
        Case{"Match User alice\nInclude @d/1\nX11Forwarding yes\n",
             "Match all\nPermitRootLogin yes\n", ""},
        Case{"Match User bob\nInclude @d/1\nX11Forwarding yes\n",
             "Match all\nPermitRootLogin yes\n", ""},
        Case{"Include @d/1\nX11Forwarding yes\n", "Match User bob\nPermitRootLogin yes\n", ""},
        Case{"Include @d/1\nUsePAM yes\n", "Match User bob\nPermitRootLogin yes\n", ""},
        Case{"Include @d/1\nMatch User bob\nX11Forwarding yes\n", "Match User bob\nInclude @d/2\n",
             "Match Host *\nPermitRootLogin yes\n"},
        Case{"Include @d/1\n", "Match User alice\nInclude @d/2\n",
             "Match User bob\nPermitRootLogin yes\n"},
        Case{"Match all\nInclude @d/1\nUsePAM yes\n", "Match User bob\nPermitRootLogin yes\n", ""},
        Case{"Match User zz\nInclude @d/*\nMatch User bob\nInclude @d/*\n", "PermitRootLogin yes\n",
             "MaxAuthTries 2\n"},
        Case{"PermitRootLogin no\nMatch all\nPermitRootLogin yes\n", "", ""},
        Case{"Match all\nPermitRootLogin yes\nMatch User bob\nPermitRootLogin no\n", "", ""},
        Case{"Match all\nCiphers aes128-ctr\nUsePAM yes\n", "", ""},
        Case{"Match User bob\nPermitRootLogin yes\nMatch User b*\nPermitRootLogin no\n", "", ""},
        Case{"AllowUsers a b\nAllowUsers c\nMatch User bob\nAllowUsers d\nAllowUsers e\n", "", ""},
        Case{"AuthenticationMethods publickey\nMatch User bob\nAuthenticationMethods any\n", "",
             ""},
        Case{"Match User bob\nAuthenticationMethods any\n", "", ""},
        Case{"PasswordAuthentication no\nAuthenticationMethods password\n", "", ""},
        Case{"AuthenticationMethods password\nMatch User bob\nPasswordAuthentication no\n", "", ""},
        Case{"AuthorizedKeysCommand /x\nAuthorizedKeysCommandUser nobody\n", "", ""},
        Case{"AuthorizedPrincipalsCommand /x\n", "", ""},
        Case{"AuthorizedKeysCommand none\nAuthorizedPrincipalsCommand /x\n", "", ""},
        Case{"Subsystem a /a\nSubsystem a /b\n", "", ""},
        Case{"Match User bob\nSubsystem a /a\n", "", ""},
        Case{"Match User bob\nPubkeyAcceptedAlgorithms +ssh-rsa\n", "", ""},
        Case{"PubkeyAcceptedAlgorithms ssh-ed25519\nMatch User bob\nPubkeyAcceptedAlgorithms "
             "-ssh*\n",
             "", ""},
    };
    const Connection bob{"bob", "host.example.com", "10.1.2.3", "192.168.7.9", "2222", "vrf1"};
    for (const Case& one : kCases) {
        clear();
        write("sshd_config", in_folder(std::string(one.main)));
        write("d/1", in_folder(std::string(one.first)));
        write("d/2", in_folder(std::string(one.second)));
        std::filesystem::create_symlink("/nowhere/at/all", folder_ + "/d/link");
        if (one.main.contains("@d/*")) {
            std::filesystem::remove(folder_ + "/d/link");
        }
        compare({bob, kAnybody});
        ASSERT_FALSE(HasFailure()) << one.main;
    }
}

TEST_F(SshdOracle, AgreesThatAMissingConfigurationIsRefused) {
    compare({kAnybody});
    ASSERT_FALSE(HasFailure());
    EXPECT_EQ(refused_, 1);
}

}  // namespace
}  // namespace assay::sensors::sshd
