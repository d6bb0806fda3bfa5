// SPDX-License-Identifier: Apache-2.0
#include "app/completion.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <iostream>

#include "app/exit_code.h"
#include "app/rules_command.h"
#include "temporary_rules.h"

namespace assay::app {
namespace {

using testing::HasSubstr;

constexpr std::array kRunRows{
    OptionRow{.name = "duration", .value = "D", .meaning = "how long: it's [1h]"},
    OptionRow{.name = "package", .value = "NAMES", .meaning = "packages", .repeated = true},
    OptionRow{.name = "format", .value = "FORMAT", .meaning = "human or jsonl [human]"},
    OptionRow{.name = "template", .value = "FILE", .meaning = "a template"},
    OptionRow{.name = "secret", .value = "", .meaning = "", .listed = false},
};

std::vector<CommandRow> commands() {
    return {{.name = "run", .meaning = "watch: judge", .options = kRunRows},
            rules_row(),
            completion_row()};
}

/// What a command printed, and how it ended.
std::pair<int, std::string> shell(const std::string& command) {
    std::string text;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) {
        return {-1, text};
    }
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
        text += static_cast<char>(c);
    }
    return {::pclose(pipe), text};
}

class Completion : public testing::Test {
protected:
    void SetUp() override {
        script_ = files_.write("assay.bash", completion_script(Shell::bash, commands()));
        // Stands for the program, which is asked for the names of rules.
        const std::string program =
            files_.write("assay",
                         "#!/bin/sh\necho \"$@\" >\"$0.asked\"\n"
                         "printf 'alpha\\nbeta-two\\n$(touch hacked)\\n'\n");
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        files_.write("fact.json", "{}");
    }
    /// The candidates for a line whose words are given; the last is completed.
    std::string offered(const std::string& words) {
        const auto [status, text] = shell(
            "cd " + files_.path() + " && bash -c '. ./assay.bash; COMP_WORDS=(./assay " + words +
            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _assay; "
            "echo \"${COMPREPLY[*]}\"'");
        EXPECT_EQ(status, 0) << text;
        return text.empty() ? text : text.substr(0, text.size() - 1);
    }

    TemporaryRules files_;
    std::string script_;
};

TEST_F(Completion, OfBashIsSoundAndOffersWhatTheParserKnows) {
    EXPECT_EQ(shell("bash -n " + script_), std::pair(0, std::string()));
    EXPECT_EQ(offered("\"\""), "run rules completion");
    EXPECT_EQ(offered("rules ex"), "explain");
    EXPECT_EQ(offered("run --"), "--duration --package --format --template");
    EXPECT_EQ(offered("rules check --s"), "--strict");
    EXPECT_EQ(offered("run --format \"\""), "human jsonl");
    EXPECT_EQ(offered("run --format = js"), "jsonl");
    EXPECT_EQ(offered("run --package runtime-behavior,c"),
              "runtime-behavior,cve runtime-behavior,cis runtime-behavior,custom");
    EXPECT_EQ(offered("rules fields lis"), "listener");
    EXPECT_EQ(offered("completion z"), "zsh");
    EXPECT_EQ(offered("run --template fact"), "fact.json");
}

TEST_F(Completion, OffersRulesAndNeverRunsTheirNames) {
    EXPECT_EQ(offered("rules show \"\""), "alpha beta-two");
    EXPECT_EQ(offered("rules explain --rules mine be"), "beta-two");
    const auto [status, asked] = shell("cat " + files_.path() + "/assay.asked");
    EXPECT_EQ(asked, "rules list --format names --rules mine\n");
    EXPECT_FALSE(std::filesystem::exists(files_.path() + "/hacked"));
    EXPECT_EQ(offered("rules explain alpha fact"), "fact.json");
}

TEST_F(Completion, OfZshIsSound) {
    const std::string script = files_.write("_assay", completion_script(Shell::zsh, commands()));
    if (shell("command -v zsh").first != 0) {
        std::cout << "skipped: zsh is not installed\n";
        GTEST_SKIP();
    }
    EXPECT_EQ(shell("zsh -n " + script), std::pair(0, std::string()));
    // Read by source it registers itself.
    EXPECT_EQ(shell("zsh -f -c 'compdef() { print $1 $2 }; source " + script + "'"),
              std::pair(0, std::string("_assay assay\n")));
}

TEST(CompletionCommand, NamesTheShellsThatItKnows) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* err = ::open_memstream(&text, &size);
    const std::vector<std::string> fish{"fish"};
    EXPECT_EQ(completion_command(fish, commands(), stdout, err), kExitUsage);
    std::fclose(err);
    EXPECT_THAT(std::string(text, size), HasSubstr("expected bash or zsh, found 'fish'"));
    std::free(text);
}

}  // namespace
}  // namespace assay::app
