// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/sshd_topic.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "told_settings.h"

namespace assay::sensors {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kBinary =
    "\x7f"
    "ELF OpenSSH_9.2p1 Debian-2+deb12u6";
constexpr std::string_view kDebian = "ID=debian\nVERSION_ID=\"12\"\n";
constexpr std::string_view kUnit =
    "[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n";

/// A Debian host with this configuration.
ToldSettings with_config(std::string_view config) {
    const FakeHost host{
        {"usr/sbin/sshd", kBinary}, {"etc/os-release", kDebian}, {"etc/ssh/sshd_config", config}};
    return read_settings(host);
}

/// Makes a symbolic link in the folder that is taken for the host's root.
void link(const FakeHost& host, std::string_view path, std::string_view target) {
    const auto root = host.root().open_path("", O_PATH | O_DIRECTORY);
    ASSERT_TRUE(root);
    ASSERT_EQ(::symlinkat(std::string(target).c_str(), root->get(), std::string(path).c_str()), 0);
}

TEST(SshdTopic, TellsOnlyThatThereIsNoSshd) {
    const FakeHost host{{"etc/ssh/sshd_config", "PermitRootLogin yes\n"}};
    const ToldSettings told = read_settings(host);
    ASSERT_EQ(told.facts.size(), 1U);
    EXPECT_EQ(told.value("sshd.installed"), "no");
    EXPECT_THAT(told.dependencies.files, Contains("/usr/sbin/sshd"));
    EXPECT_THAT(told.dependencies.programs, ElementsAre("sshd"));
}

TEST(SshdTopic, TellsThatSshdIsInstalledFirst) {
    const ToldSettings told = with_config("");
    ASSERT_FALSE(told.facts.empty());
    EXPECT_EQ(told.facts[0].at("Setting"), "sshd.installed");
    EXPECT_EQ(told.facts[0].at("Value"), "yes");
}

TEST(SshdTopic, TellsTheDefaultsOfTheInstalledVersion) {
    const ToldSettings told = with_config("");
    EXPECT_EQ(told.value("sshd.permitrootlogin"), "without-password");
    EXPECT_EQ(told.value("sshd.passwordauthentication"), "yes");
    EXPECT_EQ(told.value("sshd.usepam"), "no");
    EXPECT_EQ(told.value("sshd.protocol"), "2");
    EXPECT_EQ(told.value("sshd.logingracetime"), "120");
    EXPECT_EQ(told.value("sshd.authenticationmethods"), "any");
    EXPECT_THAT(told.value("sshd.ciphers"), HasSubstr("chacha20-poly1305@openssh.com,aes128-ctr"));
    EXPECT_EQ(told.fact("sshd.ciphers").at("EffectiveBy"), "default");
    EXPECT_EQ(told.fact("sshd.ciphers").at("Source"), "/usr/sbin/sshd");
    EXPECT_EQ(told.fact("sshd.allowusers").at("Setting"), "");
}

TEST(SshdTopic, NamesTheLineThatCounts) {
    const ToldSettings told =
        with_config("# what follows\nport 22\npermitROOTlogin=no\nPermitRootLogin yes\n");
    const auto fact = told.fact("sshd.permitrootlogin");
    EXPECT_EQ(fact.at("Value"), "no");
    EXPECT_EQ(fact.at("Source"), "/etc/ssh/sshd_config:3");
    EXPECT_EQ(fact.at("EffectiveBy"), "set");
    EXPECT_EQ(fact.at("Instance"), "/etc/ssh/sshd_config");
    EXPECT_EQ(fact.at("Criteria"), "");
}

TEST(SshdTopic, ReadsDropInsInOrderAndNamesThem) {
    const FakeHost host{
        {"usr/sbin/sshd", kBinary},
        {"etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\n"},
        {"etc/ssh/sshd_config.d/50-cloud.conf", "PasswordAuthentication no\n"},
        {"etc/ssh/sshd_config.d/10-local.conf", "\nPasswordAuthentication yes\n"},
        {"etc/ssh/sshd_config.d/.hidden.conf", "PermitRootLogin yes\n"},
        {"etc/ssh/sshd_config.d/readme", "PermitRootLogin yes\n"}};
    const ToldSettings told = read_settings(host);
    const auto password = told.fact("sshd.passwordauthentication");
    EXPECT_EQ(password.at("Value"), "yes");
    EXPECT_EQ(password.at("Source"), "/etc/ssh/sshd_config.d/10-local.conf:2");
    EXPECT_EQ(password.at("EffectiveBy"), "drop-in");
    EXPECT_EQ(told.value("sshd.permitrootlogin"), "no");
    EXPECT_THAT(told.dependencies.directories, Contains("/etc/ssh/sshd_config.d"));
    EXPECT_THAT(told.dependencies.files, Contains("/etc/ssh/sshd_config.d/50-cloud.conf"));
    EXPECT_THAT(told.dependencies.files, Contains("/etc/ssh/sshd_config"));
}

TEST(SshdTopic, WatchesTheFolderOfADropInThatIsNotThereYet) {
    const ToldSettings told = with_config("Include sshd_config.d/*.conf\nInclude local\n");
    EXPECT_THAT(told.dependencies.directories, Contains("/etc/ssh/sshd_config.d"));
    EXPECT_THAT(told.dependencies.files, Contains("/etc/ssh/local"));
    EXPECT_EQ(told.value("sshd.passwordauthentication"), "yes");
}

TEST(SshdTopic, TellsAMatchBlockThatChangesASetting) {
    const ToldSettings told = with_config(
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "Match User bob Address 10.0.0.0/8\n PasswordAuthentication yes\n"
        "Match User carol\n PasswordAuthentication no\n");
    const std::string criteria = "User bob Address 10.0.0.0/8";
    EXPECT_THAT(told.criteria(), ElementsAre(criteria));
    EXPECT_EQ(told.value("sshd.passwordauthentication"), "no");
    EXPECT_EQ(told.value("sshd.passwordauthentication", criteria), "yes");
    EXPECT_EQ(told.fact("sshd.passwordauthentication", criteria).at("Source"),
              "/etc/ssh/sshd_config:4");
    EXPECT_EQ(told.value("sshd.password_login"), "no");
    EXPECT_EQ(told.value("sshd.password_login", criteria), "yes");
}

TEST(SshdTopic, AnEarlierBlockThatAlwaysHoldsTooWins) {
    const ToldSettings told = with_config(
        "PasswordAuthentication no\n"
        "Match User b*\n PasswordAuthentication no\n"
        "Match User bob\n PasswordAuthentication yes\n"
        "Match User alice,bob\n PasswordAuthentication yes\n");
    // bob meets the first block as well, alice does not.
    EXPECT_EQ(told.fact("sshd.passwordauthentication", "User bob").at("Value"), "");
    EXPECT_EQ(told.value("sshd.passwordauthentication", "User alice,bob"), "yes");
}

TEST(SshdTopic, KnowsTheGroupsOfAnAccount) {
    const FakeHost host{{"usr/sbin/sshd", kBinary},
                        {"etc/passwd", "bob:x:1000:1000::/:/bin/sh\nann:x:1001:1001::/:/bin/sh\n"},
                        {"etc/group", "bob:x:1000:\nann:x:1001:\nkeys:x:50:bob\n"},
                        {"etc/ssh/sshd_config",
                         "PasswordAuthentication yes\n"
                         "Match Group keys\n PasswordAuthentication no\n"
                         "Match User bob\n PasswordAuthentication yes\n MaxAuthTries 3\n"}};
    const ToldSettings told = read_settings(host);
    EXPECT_EQ(told.value("sshd.passwordauthentication", "Group keys"), "no");
    EXPECT_EQ(told.value("sshd.passwordauthentication", "User bob"), "no");
    EXPECT_EQ(told.value("sshd.maxauthtries", "User bob"), "3");
    EXPECT_THAT(told.dependencies.files, Contains("/etc/group"));
}

TEST(SshdTopic, MatchAllAndMatchEverybodyAreNoBlocksOfTheirOwn) {
    const ToldSettings told = with_config(
        "Match User nobody-here\nMatch all\nPermitRootLogin yes\nMatch User *\nX11Forwarding "
        "yes\n");
    EXPECT_EQ(told.value("sshd.permitrootlogin"), "yes");
    EXPECT_EQ(told.value("sshd.x11forwarding"), "yes");
    EXPECT_THAT(told.criteria(), IsEmpty());
}

TEST(SshdTopic, LeavesOutBlocksThatNobodyCanMeet) {
    const ToldSettings told = with_config(
        "PermitRootLogin no\n"
        "Match User !root\n PermitRootLogin yes\n"
        "Match User bob User alice\n PermitRootLogin yes\n"
        "Match User *,!root\n X11Forwarding yes\n");
    EXPECT_THAT(told.criteria(), ElementsAre("User *,!root"));
}

TEST(SshdTopic, ABlockInsideAnIncludedFileNeedsTheBlockAroundIt) {
    const FakeHost host{
        {"usr/sbin/sshd", kBinary},
        {"etc/ssh/sshd_config", "PermitRootLogin no\nMatch Address 10.0.0.0/8\nInclude extra\n"},
        {"etc/ssh/extra", "X11Forwarding yes\nMatch User root\nPermitRootLogin yes\n"}};
    const ToldSettings told = read_settings(host);
    EXPECT_THAT(told.criteria(), ElementsAre("Address 10.0.0.0/8", "Address 10.0.0.0/8 User root"));
    EXPECT_EQ(told.value("sshd.permitrootlogin", "Address 10.0.0.0/8 User root"), "yes");
    EXPECT_EQ(told.fact("sshd.permitrootlogin", "Address 10.0.0.0/8").at("Value"), "");
}

TEST(SshdTopic, PasswordsAlsoComeThroughKeyboardInteractiveAndPam) {
    constexpr std::string_view kNoPassword = "PasswordAuthentication no\n";
    const auto login = [](std::string_view config) {
        return with_config(config).value("sshd.password_login");
    };
    EXPECT_EQ(login(std::string(kNoPassword)), "no");  // PAM is off by default
    EXPECT_EQ(login("UsePAM yes\nPasswordAuthentication no\n"), "yes");
    EXPECT_EQ(login("UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"),
              "no");
    EXPECT_EQ(login("UsePAM yes\nPasswordAuthentication no\nChallengeResponseAuthentication no\n"),
              "no");
    EXPECT_EQ(login("UsePAM yes\n"), "yes");
}

TEST(SshdTopic, AuthenticationMethodsDecideWhetherAPasswordIsEnough) {
    const auto login = [](std::string_view methods) {
        return with_config("UsePAM yes\nAuthenticationMethods " + std::string(methods) + "\n")
            .value("sshd.password_login");
    };
    EXPECT_EQ(login("any"), "yes");
    EXPECT_EQ(login("publickey"), "no");
    EXPECT_EQ(login("publickey,password"), "no");
    EXPECT_EQ(login("publickey password"), "yes");
    EXPECT_EQ(login("publickey,keyboard-interactive keyboard-interactive:pam,password"), "yes");
    const auto told = with_config("AuthenticationMethods publickey\n");
    EXPECT_EQ(told.fact("sshd.password_login").at("Source"), "/etc/ssh/sshd_config:1");
}

TEST(SshdTopic, AConfigurationThatSshdRefusesHasNoValues) {
    const ToldSettings told = with_config("PermitRootLogin no\nPasswordAuthentication nope\n");
    for (const auto& fact : told.facts) {
        if (fact.at("Setting") != "sshd.installed") {
            EXPECT_EQ(fact.at("Value"), "") << fact.at("Setting");
            EXPECT_THAT(fact.at("Problem"), HasSubstr("/etc/ssh/sshd_config:2: "))
                << fact.at("Setting");
        }
    }
    EXPECT_EQ(told.fact("sshd.password_login").at("Problem"),
              told.fact("sshd.permitrootlogin").at("Problem"));
}

TEST(SshdTopic, WhatSshdOnlyWarnsAboutIsNoProblem) {
    const ToldSettings told =
        with_config("UsePrivilegeSeparation yes\nProtocol 1\nKeyRegenerationInterval 3600\n");
    EXPECT_EQ(told.fact("sshd.protocol").at("Problem"), "");
    EXPECT_EQ(told.value("sshd.protocol"), "2");
}

TEST(SshdTopic, TellsEveryKindOfUnreadableConfiguration) {
    const auto problem = [](const FakeHost& host) {
        const auto fact = read_settings(host).fact("sshd.permitrootlogin");
        EXPECT_EQ(fact.at("Value"), "");
        return fact.at("Problem");
    };
    EXPECT_THAT(problem(FakeHost{{"usr/sbin/sshd", kBinary}}), HasSubstr("/etc/ssh/sshd_config: "));
    using namespace std::string_literals;
    EXPECT_THAT(problem(FakeHost{{"usr/sbin/sshd", kBinary},
                                 {"etc/ssh/sshd_config", "Port 22\nPermit\0RootLogin no\n"s}}),
                HasSubstr("/etc/ssh/sshd_config:2: a NUL byte"));
    EXPECT_THAT(problem(FakeHost{{"usr/sbin/sshd", kBinary},
                                 {"etc/ssh/sshd_config", std::string(1'100'000, '#')}}),
                HasSubstr("longer than"));
    EXPECT_THAT(problem(FakeHost{{"usr/sbin/sshd", kBinary},
                                 {"etc/ssh/sshd_config", "Port 22\nInclude more\n"},
                                 {"etc/ssh/more", "\nInclude sshd_config\n"}}),
                HasSubstr("include each other"));
    EXPECT_THAT(problem(FakeHost{{"usr/sbin/sshd", kBinary},
                                 {"etc/ssh/sshd_config", "Include d/*\n"},
                                 {"etc/ssh/d/a", "Port 22\n\nMatch Colour red\n"}}),
                HasSubstr("/etc/ssh/d/a:3: "));
    const FakeHost dangling{{"usr/sbin/sshd", kBinary},
                            {"etc/ssh/sshd_config", "Port 22\nInclude d/*\n"},
                            {"etc/ssh/d/a", ""}};
    link(dangling, "etc/ssh/d/b", "/nowhere");
    EXPECT_THAT(problem(dangling), HasSubstr("/etc/ssh/sshd_config:2: cannot read /etc/ssh/d/b"));
    const FakeHost loop{{"usr/sbin/sshd", kBinary}};
    loop.write("etc/ssh/other", "");
    link(loop, "etc/ssh/sshd_config", "sshd_config");
    EXPECT_THAT(problem(loop), HasSubstr("symbolic links"));
}

TEST(SshdTopic, IncludesThatMultiplyComeToAnEnd) {
    FakeHost host{{"usr/sbin/sshd", kBinary}};
    for (int i = 0; i < 14; ++i) {
        const std::string next = "Include f" + std::to_string(i + 1) + "\n";
        host.write(i == 0 ? "etc/ssh/sshd_config" : "etc/ssh/f" + std::to_string(i),
                   next + next + next + next);
    }
    host.write("etc/ssh/f14", "PermitRootLogin no\n");
    EXPECT_THAT(read_settings(host).fact("sshd.permitrootlogin").at("Problem"),
                HasSubstr("too much is included"));
}

TEST(SshdTopic, TellsWhetherSshdIsEnabled) {
    const auto enabled = [](const FakeHost& host) {
        const ToldSettings told = read_settings(host);
        EXPECT_EQ(told.instances().size(), 1U);
        EXPECT_EQ(told.fact("sshd.installed").at("Enabled"),
                  told.fact("sshd.permitrootlogin").at("Enabled"));
        return told.fact("sshd.permitrootlogin").at("Enabled");
    };
    FakeHost host{{"usr/sbin/sshd", kBinary},
                  {"etc/ssh/sshd_config", ""},
                  {"usr/lib/systemd/system/ssh.service", kUnit}};
    EXPECT_EQ(enabled(host), "false");
    host.write("etc/systemd/system/multi-user.target.wants/ssh.service", "");
    EXPECT_EQ(enabled(host), "true");
    host.remove("etc/systemd/system/multi-user.target.wants/ssh.service");
    host.write("usr/lib/systemd/system/ssh.socket", "[Socket]\nListenStream=22\nAccept=no\n");
    EXPECT_EQ(enabled(host), "false");
    host.write("etc/systemd/system/sockets.target.wants/ssh.socket", "");
    EXPECT_EQ(enabled(host), "true");
    host.write("usr/lib/systemd/system/ssh.socket", "[Socket]\nListenStream=22\nAccept=yes\n");
    EXPECT_EQ(enabled(host), "false");
    host.write("usr/lib/systemd/system/ssh@.service", "[Service]\nExecStart=-/usr/sbin/sshd -i\n");
    EXPECT_EQ(enabled(host), "true");
}

TEST(SshdTopic, AMaskedUnitStartsNothing) {
    FakeHost host{{"usr/sbin/sshd", kBinary},
                  {"etc/ssh/sshd_config", ""},
                  {"usr/lib/systemd/system/ssh.service", kUnit},
                  {"etc/systemd/system/multi-user.target.wants/ssh.service", ""}};
    link(host, "etc/systemd/system/ssh.service", "/dev/null");
    EXPECT_EQ(read_settings(host).fact("sshd.installed").at("Enabled"), "false");
}

TEST(SshdTopic, ARunLevelScriptEnablesItWhereThereIsNoUnit) {
    FakeHost host{{"usr/sbin/sshd", kBinary}, {"etc/ssh/sshd_config", ""}};
    EXPECT_EQ(read_settings(host).fact("sshd.installed").at("Enabled"), "false");
    host.write("etc/rc3.d/S02ssh", "");
    EXPECT_EQ(read_settings(host).fact("sshd.installed").at("Enabled"), "true");
}

TEST(SshdTopic, ReadsOptionsFromTheUnitsEnvironment) {
    const FakeHost host{{"usr/sbin/sshd", kBinary},
                        {"etc/ssh/sshd_config", "PermitRootLogin no\n"},
                        {"etc/default/ssh", "# options\nSSHD_OPTS='-o PermitRootLogin=yes'\n"},
                        {"usr/lib/systemd/system/ssh.service", kUnit}};
    const ToldSettings told = read_settings(host);
    EXPECT_THAT(told.instances(), ElementsAre("/etc/ssh/sshd_config -o PermitRootLogin=yes"));
    EXPECT_EQ(told.value("sshd.permitrootlogin"), "yes");
    EXPECT_EQ(told.fact("sshd.permitrootlogin").at("EffectiveBy"), "command line");
    EXPECT_EQ(told.fact("sshd.permitrootlogin").at("Source"),
              "/usr/lib/systemd/system/ssh.service");
    EXPECT_THAT(told.dependencies.files, Contains("/etc/default/ssh"));
}

TEST(SshdTopic, ADropInOfTheUnitReplacesItsCommand) {
    const FakeHost host{{"usr/sbin/sshd", kBinary},
                        {"etc/ssh/sshd_config", ""},
                        {"etc/ssh/other_config", "PermitRootLogin no\n"},
                        {"usr/lib/systemd/system/ssh.service", kUnit},
                        {"etc/systemd/system/ssh.service.d/10.conf",
                         "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n -f "
                         "/etc/ssh/other_config\n"}};
    const ToldSettings told = read_settings(host);
    EXPECT_THAT(told.instances(), ElementsAre("/etc/ssh/other_config"));
    EXPECT_EQ(told.fact("sshd.permitrootlogin").at("Source"), "/etc/ssh/other_config:1");
}

TEST(SshdTopic, TellsEachInstanceThatRuns) {
    const FakeHost host{{"usr/sbin/sshd", kBinary},
                        {"etc/ssh/sshd_config", "PermitRootLogin no\n"},
                        {"srv/sftp_config", "PermitRootLogin yes\n"},
                        {"usr/lib/systemd/system/ssh.service", kUnit}};
    const auto sshd = [](std::uint32_t pid, std::vector<std::string> arguments) {
        return RunningProgram{pid, "/usr/sbin/sshd", std::move(arguments)};
    };
    const ToldSettings told = read_settings(
        host, {sshd(10, {"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"}),
               sshd(11, {"/usr/sbin/sshd", "-Df", "/srv/sftp_config"}),
               sshd(12, {"sshd: /usr/sbin/sshd -D -o PermitRootLogin yes [listener] 1 of 10-100"}),
               sshd(13, {"sshd: root@pts/0"}), sshd(14, {"sshd: bob [priv]"}),
               sshd(15, {"/usr/sbin/sshd", "-T", "-f", "/tmp/test"}),
               sshd(16, {"/usr/sbin/sshd", "-D", "-R"})});
    EXPECT_THAT(told.instances(), ElementsAre("/etc/ssh/sshd_config", "/srv/sftp_config",
                                              "/etc/ssh/sshd_config -o PermitRootLogin yes"));
    EXPECT_EQ(told.fact("sshd.permitrootlogin", "", "/etc/ssh/sshd_config").at("Value"), "no");
    EXPECT_EQ(told.fact("sshd.permitrootlogin", "", "/etc/ssh/sshd_config").at("Enabled"), "true");
    EXPECT_EQ(told.fact("sshd.permitrootlogin", "", "/srv/sftp_config").at("Value"), "yes");
    const auto option =
        told.fact("sshd.permitrootlogin", "", "/etc/ssh/sshd_config -o PermitRootLogin yes");
    EXPECT_EQ(option.at("Value"), "yes");
    EXPECT_EQ(option.at("Source"), "/proc/12/cmdline");
}

TEST(SshdTopic, CryptoPolicyOfRedHat9ComesThroughAnInclude) {
    const FakeHost host{
        {"usr/sbin/sshd", "OpenSSH_8.7p1"},
        {"etc/os-release", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n"},
        {"etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n"},
        {"etc/ssh/sshd_config.d/50-redhat.conf",
         "Include /etc/crypto-policies/back-ends/opensshserver.config\nUsePAM yes\n"
         "ChallengeResponseAuthentication no\nGSSAPIAuthentication yes\n"},
        {"etc/crypto-policies/back-ends/opensshserver.config",
         "Ciphers aes256-gcm@openssh.com,aes256-ctr\nMACs hmac-sha2-256\n"
         "GSSAPIKexAlgorithms gss-curve25519-sha256-\nRequiredRSASize 2048\n"
         "CASignatureAlgorithms ecdsa-sha2-nistp256,rsa-sha2-512\n"}};
    const ToldSettings told = read_settings(host);
    EXPECT_EQ(told.fact("sshd.ciphers").at("Problem"), "");
    EXPECT_EQ(told.value("sshd.ciphers"), "aes256-gcm@openssh.com,aes256-ctr");
    EXPECT_EQ(told.fact("sshd.ciphers").at("EffectiveBy"), "crypto policy");
    EXPECT_EQ(told.fact("sshd.usepam").at("EffectiveBy"), "drop-in");
    EXPECT_EQ(told.value("sshd.kbdinteractiveauthentication"), "no");
}

TEST(SshdTopic, CryptoPolicyOfRedHat8ComesThroughTheEnvironment) {
    const std::string_view unit =
        "[Service]\nEnvironmentFile=-/etc/crypto-policies/back-ends/opensshserver.config\n"
        "EnvironmentFile=-/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS "
        "$CRYPTO_POLICY\n";
    const FakeHost host{
        {"usr/sbin/sshd", "OpenSSH_8.0p1"},
        {"etc/os-release",
         "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\n"},
        {"etc/ssh/sshd_config", "PermitRootLogin yes\nCiphers 3des-cbc\n"},
        {"usr/lib/systemd/system/sshd.service", unit},
        {"etc/crypto-policies/back-ends/opensshserver.config",
         "CRYPTO_POLICY='-oCiphers=aes256-gcm@openssh.com,aes256-ctr -oMACs=hmac-sha2-256'\n"}};
    const ToldSettings told = read_settings(
        host,
        {RunningProgram{20,
                        "/usr/sbin/sshd",
                        {"/usr/sbin/sshd", "-D", "-oCiphers=aes256-gcm@openssh.com,aes256-ctr",
                         "-oMACs=hmac-sha2-256"}}});
    EXPECT_THAT(told.instances(), ElementsAre("/etc/ssh/sshd_config"));
    EXPECT_EQ(told.value("sshd.ciphers"), "aes256-gcm@openssh.com,aes256-ctr");
    EXPECT_EQ(told.fact("sshd.ciphers").at("EffectiveBy"), "crypto policy");
    EXPECT_EQ(told.fact("sshd.ciphers").at("Enabled"), "true");
    EXPECT_EQ(told.value("sshd.kexalgorithms").find("sntrup"), std::string::npos);
}

TEST(SshdTopic, DefaultsFollowTheVersionAndTheDistribution) {
    const auto host = [](std::string_view binary, std::string_view release,
                         std::string_view config = "") {
        const FakeHost fake{{"usr/sbin/sshd", binary},
                            {"etc/os-release", release},
                            {"etc/ssh/sshd_config", config}};
        return read_settings(fake);
    };
    EXPECT_EQ(host("OpenSSH_6.9p1", "ID=x\n").value("sshd.permitrootlogin"), "yes");
    EXPECT_EQ(host("OpenSSH_7.0p1", "ID=x\n").value("sshd.permitrootlogin"), "without-password");
    EXPECT_EQ(
        host("OpenSSH_8.4p1", "ID=\"sles\"\nVERSION_ID=\"15.4\"\n").value("sshd.permitrootlogin"),
        "yes");
    EXPECT_EQ(host("OpenSSH_8.4p1", "ID=\"sles\"\nVERSION_ID=\"15.4\"\n").value("sshd.usepam"),
              "yes");
    EXPECT_EQ(host("OpenSSH_7.3p1", "ID=x\n", "Protocol 1,2\n").value("sshd.protocol"), "2,1");
    EXPECT_EQ(host("OpenSSH_7.4p1", "ID=x\n", "Protocol 1,2\n").value("sshd.protocol"), "2");
    EXPECT_THAT(host("OpenSSH_8.1p1", "ID=x\n").value("sshd.kexalgorithms"),
                HasSubstr("diffie-hellman-group14-sha1"));
    EXPECT_THAT(host("OpenSSH_8.2p1", "ID=x\n").value("sshd.kexalgorithms"),
                Not(HasSubstr("sha1")));
    EXPECT_THAT(host("OpenSSH_9.9p1", "ID=x\n").value("sshd.kexalgorithms"),
                HasSubstr("mlkem768x25519-sha256"));
    EXPECT_THAT(host("OpenSSH_10.0p2", "ID=x\n").value("sshd.ciphers"),
                HasSubstr("chacha20-poly1305@openssh.com,aes128-gcm@openssh.com"));
    EXPECT_THAT(host("OpenSSH_8.7p1", "ID=x\n").value("sshd.hostkeyalgorithms"),
                HasSubstr(",ssh-rsa"));
    // Before 8.7 a comment behind a value is no comment.
    EXPECT_THAT(
        host("OpenSSH_8.4p1", "ID=x\n", "UsePAM yes # x\n").fact("sshd.usepam").at("Problem"),
        HasSubstr("extra arguments"));
    EXPECT_EQ(host("OpenSSH_8.7p1", "ID=x\n", "UsePAM yes # x\n").value("sshd.usepam"), "yes");
    // Two keywords for keyboard-interactive, until 8.6.
    EXPECT_EQ(host("OpenSSH_8.4p1", "ID=x\n", "KbdInteractiveAuthentication no\n")
                  .value("sshd.kbdinteractiveauthentication"),
              "yes");
    EXPECT_EQ(host("OpenSSH_8.4p1", "ID=x\n", "ChallengeResponseAuthentication no\n")
                  .value("sshd.kbdinteractiveauthentication"),
              "no");
}

TEST(SshdTopic, FindsTheVersionWithoutTheBinary) {
    const FakeHost dpkg{
        {"var/lib/dpkg/status",
         "Package: openssh-client\nStatus: install ok installed\nVersion: 1:9.9p1\n\n"
         "Package: openssh-server\nStatus: install ok installed\n"
         "Version: 1:8.4p1-5+deb11u3\n\n"},
        {"etc/ssh/sshd_config", "UsePAM yes # x\n"}};
    EXPECT_EQ(read_settings(dpkg).value("sshd.installed"), "yes");
    EXPECT_THAT(read_settings(dpkg).fact("sshd.usepam").at("Problem"), HasSubstr("extra"));
    const FakeHost removed{{"var/lib/dpkg/status",
                            "Package: openssh-server\nStatus: deinstall ok config-files\n"
                            "Version: 1:8.4p1-5+deb11u3\n\n"}};
    EXPECT_EQ(read_settings(removed).value("sshd.installed"), "no");
    const FakeHost release{{"usr/sbin/sshd", "no version in here"},
                           {"etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n"},
                           {"etc/ssh/sshd_config", ""}};
    EXPECT_THAT(read_settings(release).value("sshd.kexalgorithms"), HasSubstr("sntrup761"));
    const FakeHost unknown{{"usr/sbin/sshd", "no version in here"}, {"etc/ssh/sshd_config", ""}};
    EXPECT_EQ(read_settings(unknown).value("sshd.passwordauthentication"), "yes");
    EXPECT_THAT(read_settings(unknown).fact("sshd.ciphers").at("Problem"), HasSubstr("version"));
}

TEST(SshdTopic, TakesDefaultsThatADistributionPatchedFromTheBinary) {
    using namespace std::string_literals;
    const std::string lists =
        "OpenSSH_9.2p1\0sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,"
        "curve25519-sha256,diffie-hellman-group14-sha256\0"s;
    const FakeHost host{{"usr/sbin/sshd", lists}, {"etc/ssh/sshd_config", ""}};
    EXPECT_EQ(read_settings(host).value("sshd.kexalgorithms"),
              "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,"
              "diffie-hellman-group14-sha256");
}

TEST(SshdTopic, SeesTheSamePathsAgainAfterAChange) {
    FakeHost host{{"usr/sbin/sshd", kBinary}, {"etc/ssh/sshd_config", "PermitRootLogin no\n"}};
    SshdTopic topic;
    EXPECT_EQ(read_settings(topic, {host.root(), false, {}, {}}).value("sshd.permitrootlogin"),
              "no");
    host.replace("etc/ssh/sshd_config", "PermitRootLogin yes\n");
    EXPECT_EQ(read_settings(topic, {host.root(), false, {}, {}}).value("sshd.permitrootlogin"),
              "yes");
    host.replace("usr/sbin/sshd", "OpenSSH_10.0p1");
    EXPECT_THAT(read_settings(topic, {host.root(), false, {}, {}}).value("sshd.ciphers"),
                HasSubstr("aes256-gcm@openssh.com,aes128-ctr"));
}

TEST(SshdTopic, NothingOfAConfigurationThatIsNotUtf8IsLost) {
    const ToldSettings told = with_config(
        "AllowUsers b\xf6"
        "b\nBanner /\xff\n");
    EXPECT_EQ(told.value("sshd.allowusers"),
              "b\xf6"
              "b");
}

}  // namespace
}  // namespace assay::sensors
