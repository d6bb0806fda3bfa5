// SPDX-License-Identifier: Apache-2.0
#include "app/run_main.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "app/exit_code.h"

namespace assay::app {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

/// A stdio stream into memory.
class Captured {
public:
    Captured() : file_(::open_memstream(&text_, &size_)) {}
    ~Captured() {
        std::fclose(file_);
        std::free(text_);
    }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;
    std::FILE* file() { return file_; }
    std::string text() {
        std::fflush(file_);
        return std::string(text_, size_);
    }

private:
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* file_;
};

struct Ran {
    int exit_code;
    std::string out;
    std::string err;
};

Ran assay(std::vector<std::string> arguments) {
    Captured out;
    Captured err;
    const int exit_code = run_main(arguments, out.file(), err.file());
    return {exit_code, out.text(), err.text()};
}

void expect_one_sentence(const Ran& ran, const std::string& sentence) {
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_EQ(ran.err, sentence + "\n");
}

TEST(RunMain, VersionTellsAssayAndTheKernel) {
    const Ran ran = assay({"--version"});
    EXPECT_EQ(ran.exit_code, kExitDone);
    EXPECT_THAT(ran.out, MatchesRegex("assay [0-9.]+\nkernel [^\n]+\n"));
    EXPECT_THAT(ran.err, IsEmpty());
}

TEST(RunMain, HelpNamesEveryCommand) {
    for (const char* asked : {"--help", "-h", "help"}) {
        const Ran ran = assay({asked});
        EXPECT_EQ(ran.exit_code, kExitDone);
        for (const char* command : {"run", "facts", "doctor", "rules"}) {
            EXPECT_THAT(ran.out, HasSubstr(std::string("\n  assay ") + command + " "));
        }
        EXPECT_THAT(ran.err, IsEmpty());
    }
}

TEST(RunMain, WithoutACommandTheHelpGoesToStderrAndItIsAMistake) {
    const Ran ran = assay({});
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, StartsWith("usage: assay COMMAND"));
}

TEST(RunMain, TheHelpOfRunNamesItsOptions) {
    const Ran ran = assay({"run", "--help"});
    EXPECT_EQ(ran.exit_code, kExitDone);
    EXPECT_THAT(ran.out, StartsWith("usage: assay run [options]\n"));
    for (const char* option :
         {"--duration D", "--package NAMES", "--rules DIR", "--include-loopback", "--format FORMAT",
          "--output URL", "--fail-on LEVEL", "--tag KEY=VALUE", "--colour", "--no-colour",
          "--log-level LEVEL", "--help", "exit: 0 done; 1 "}) {
        EXPECT_THAT(ran.out, HasSubstr(option));
    }
}

TEST(RunMain, TheHelpOfFactsNamesItsOptionsAndWarnsOfSecrets) {
    const Ran ran = assay({"facts", "--help"});
    EXPECT_EQ(ran.exit_code, kExitDone);
    for (const char* text : {"--kind KINDS", "--duration D", "--log-level", "--help", "secrets"}) {
        EXPECT_THAT(ran.out, HasSubstr(text));
    }
}

TEST(RunMain, TheHelpOfDoctorNamesItsOptions) {
    const Ran ran = assay({"doctor", "--help"});
    EXPECT_EQ(ran.exit_code, kExitDone);
    EXPECT_THAT(ran.out, AllOf(HasSubstr("--format FORMAT"), HasSubstr("--help")));
}

TEST(RunMain, RulesHasAHelpToo) { EXPECT_EQ(assay({"rules", "--help"}).exit_code, kExitDone); }

TEST(RunMain, NoLineOfAHelpIsWiderThanAHundredColumns) {
    for (const char* command : {"run", "facts", "doctor"}) {
        const Ran ran = assay({command, "--help"});
        EXPECT_THAT(ran.out, EndsWith("\n"));
        for (std::size_t at = 0; at < ran.out.size();) {
            const std::size_t end = ran.out.find('\n', at);
            EXPECT_LE(end - at, 100U) << ran.out.substr(at, end - at);
            at = end + 1;
        }
    }
}

TEST(RunMain, AnUnknownCommandIsToldWithTheNearestOne) {
    expect_one_sentence(assay({"fcats"}), "assay: unknown command 'fcats', did you mean facts?");
    expect_one_sentence(assay({"conquer"}), "assay: unknown command 'conquer': see assay --help");
    expect_one_sentence(assay({"--verbose"}),
                        "assay: unknown option '--verbose': see assay --help");
}

TEST(RunMain, ACommandOfALaterBuildIsToldAsThat) {
    expect_one_sentence(assay({"daemon"}), "assay: the command 'daemon' is not in this build");
}

TEST(RunMain, AnUnknownOptionIsToldWithTheNearestOneAndTheCommand) {
    expect_one_sentence(assay({"run", "--fail-no", "high"}),
                        "assay run: unknown option '--fail-no', did you mean --fail-on?");
    expect_one_sentence(assay({"facts", "--kinds", "listener"}),
                        "assay facts: unknown option '--kinds', did you mean --kind?");
    expect_one_sentence(assay({"doctor", "now"}), "assay doctor: unexpected argument 'now'");
}

TEST(RunMain, HostileArgumentsReachTheTerminalEscaped) {
    expect_one_sentence(assay({"run", "\x1b[2J"}), "assay run: unexpected argument '\\x1b[2J'");
}

TEST(RunMain, PackagesWithoutRulesAloneLeaveNothingToJudge) {
    const Ran ran = assay({"run", "--package", "cve"});
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, AllOf(HasSubstr("cve"), HasSubstr("nothing to judge")));
}

TEST(RunMain, ARulesDirectoryThatIsNotThereIsAMistake) {
    const Ran ran = assay({"run", "--rules", "/nowhere/at/all"});
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.err, HasSubstr("/nowhere/at/all"));
}

TEST(RunMain, AnOutputThatNobodyKnowsIsAMistake) {
    const Ran ran = assay({"run", "--output", "pigeon:coo"});
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, HasSubstr("pigeon"));
}

}  // namespace
}  // namespace assay::app
