// SPDX-License-Identifier: Apache-2.0
#include "app/rules_command.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <vector>

#include "app/exit_code.h"
#include "temporary_rules.h"

namespace assay::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct Ran {
    int exit_code = 0;
    std::string out;
    std::string err;
};

Ran rules(std::vector<std::string> arguments) {
    Ran ran;
    char* texts[2]{};
    std::size_t sizes[2]{};
    std::FILE* out = ::open_memstream(&texts[0], &sizes[0]);
    std::FILE* err = ::open_memstream(&texts[1], &sizes[1]);
    ran.exit_code = rules_command(arguments, ASSAY_SOURCE_DIR "/rules", out, err);
    std::fclose(out);
    std::fclose(err);
    ran.out.assign(texts[0], sizes[0]);
    ran.err.assign(texts[1], sizes[1]);
    std::free(texts[0]);
    std::free(texts[1]);
    return ran;
}

TEST(RulesCommand, ListsRulesWithTheirKindsAndNamesAlone) {
    const Ran table = rules({"list"});
    EXPECT_EQ(table.exit_code, kExitDone) << table.err;
    EXPECT_THAT(table.out, AllOf(HasSubstr("KINDS"), HasSubstr("unused-listening-port"),
                                 HasSubstr("network_connection")));
    EXPECT_THAT(rules({"list", "--format", "names"}).out, HasSubstr("\ninsecure-client-login\n"));
    EXPECT_THAT(rules({"list", "--format=json"}).out, HasSubstr(R"("kinds":["listener"])"));
    EXPECT_THAT(rules({"list", "--package", "custom", "--format", "names"}).out, IsEmpty());
}

TEST(RulesCommand, TellsTheNearestOfWhateverIsMisspelt) {
    EXPECT_THAT(rules({"lsit"}).err, HasSubstr("did you mean `list`?"));
    EXPECT_THAT(rules({"list", "--fromat", "json"}).err, HasSubstr("did you mean `--format`?"));
    EXPECT_THAT(rules({"list", "--package", "best-practice"}).err,
                HasSubstr("did you mean `best-practices`?"));
    EXPECT_THAT(rules({"show", "unused-listening-prot"}).err,
                HasSubstr("did you mean `unused-listening-port`?"));
    EXPECT_THAT(rules({"fields", "listner"}).err, HasSubstr("did you mean `listener`?"));
    EXPECT_THAT(rules({"list", "--strict"}).err, HasSubstr("--strict does not belong to list"));
    for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                       {"explain", "x"},
                                                                       {"list", "x"},
                                                                       {"list", "--format", "xml"},
                                                                       {"check", "--rules"}}) {
        EXPECT_EQ(rules(arguments).exit_code, kExitUsage);
    }
}

TEST(RulesCommand, HasAHelpForEachSubcommand) {
    EXPECT_THAT(rules({"--help"}).out, HasSubstr("assay rules explain RULE FACT"));
    EXPECT_THAT(rules({"check", "-h"}).out,
                AllOf(HasSubstr("--strict"), Not(HasSubstr("--facts"))));
}

TEST(RulesCommand, ShowsFieldsWithTypeUnitAndMeaning) {
    EXPECT_THAT(rules({"fields", "listener"}).out,
                AllOf(HasSubstr("ObservedSeconds"), HasSubstr("integer (s)"),
                      HasSubstr("list of texts"), Not(HasSubstr("process_creation"))));
    EXPECT_THAT(rules({"fields", "--format", "json"}).out,
                HasSubstr(R"({"name":"LocalPort","type":"integer","unit":"","meaning":)"));
}

TEST(RulesCommand, ChecksRulesForMistakesAndForWhatCannotBeMeant) {
    const TemporaryRules directory;
    const std::string good = directory.write(
        "good.yml", rule_for_user("root") +
                        "assay:\n    remediation: Do it.\n    tests: [{fact: {}, expect: pass}]\n");
    const Ran clean = rules({"check", good});
    EXPECT_EQ(clean.exit_code, kExitDone);
    EXPECT_EQ(clean.out, "1 rule sound, 0 unsupported; 0 errors, 0 warnings\n");

    directory.write("never.yml", rule_for_user("root") + "assay: {remediation: x, tests: []}\n");
    const Ran warned = rules({"check", directory.path()});
    EXPECT_EQ(warned.exit_code, kExitDone);
    EXPECT_THAT(warned.out, HasSubstr("never.yml:1:1: warning: no `tests` under `assay`"));
    EXPECT_EQ(rules({"check", "--strict", directory.path()}).exit_code, kExitUsage);

    directory.write("bad.yml",
                    "title: T\nlogsource: {category: process_creation}\n"
                    "detection:\n    s: {Imgae: x}\n    condition: s\n");
    const Ran failed = rules({"check", directory.path(), "--format", "json"});
    EXPECT_EQ(failed.exit_code, kExitUsage);
    EXPECT_THAT(failed.out,
                HasSubstr("bad.yml\",\"line\":4,\"column\":9,\"severity\":\"error\","
                          "\"message\":\"unknown field `Imgae`, did you mean `Image`?\","
                          "\"suggestion\":\"Image\""));
}

TEST(RulesCommand, CheckFindsNamesThatTheBuiltInRulesHaveAlready) {
    const TemporaryRules directory;
    directory.write("unused-listening-port.yml", rule_for_user("root"));
    const Ran ran = rules({"check", directory.path()});
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_THAT(ran.out, HasSubstr("a built-in rule is called `unused-listening-port` too"));
    EXPECT_EQ(rules({"check", ASSAY_SOURCE_DIR "/rules/runtime-behavior/unused-listening-port.yml"})
                  .exit_code,
              kExitDone)
        << "the built-in file itself is no other rule";
}

TEST(RulesCommand, CheckTellsOfFilesThatAreMissingOrNoRules) {
    const TemporaryRules directory;
    const std::string fifo = directory.path() + "/pipe";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path : {directory.path() + "/missing.yml", fifo,
                                    directory.write("huge.yml", std::string(2'000'000, '#')),
                                    directory.write("empty.yml", ""),
                                    directory.write("binary.yml", std::string("\x7f"
                                                                              "ELF\0\1",
                                                                              6))}) {
        const Ran ran = rules({"check", path});
        EXPECT_EQ(ran.exit_code, kExitUsage) << path;
        EXPECT_THAT(ran.out, HasSubstr(path)) << path;
    }
}

TEST(RulesCommand, TestsRulesOverRecordedFacts) {
    const TemporaryRules directory;
    const std::string rule = directory.write("by-root.yml", rule_for_user("root"));
    const std::string facts =
        directory.write("facts.jsonl",
                        "{\"kind\":\"process_creation\",\"User\":\"root\",\"CommandLine\":\"a\"}\n"
                        "broken\n"
                        "{\"kind\":\"process_creation\",\"User\":\"joe\",\"Usr\":\"x\"}\n");
    const Ran ran = rules({"test", rule, "--facts", facts});
    EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("facts.jsonl:1: by-root (low) CommandLine=a User=root\n"),
                               HasSubstr("2 facts, 1 bad line, 1 of 1 rule matched")));
    EXPECT_THAT(ran.err, AllOf(HasSubstr("facts.jsonl:2: no fact: "),
                               HasSubstr("no field `Usr`, it is left out, did you mean `User`?")));
    const Ran json = rules({"test", rule, "--facts", facts, "--format", "json"});
    EXPECT_THAT(json.out,
                AllOf(StartsWith("{\"matches\":["), HasSubstr("\"bad_lines\":1"),
                      HasSubstr("\"subject\":{\"CommandLine\":\"a\",\"User\":\"root\"}")));
    EXPECT_EQ(rules({"test", rule, "--facts", directory.path()}).exit_code, kExitUsage);
    EXPECT_EQ(rules({"test", rule, "--facts", directory.path() + "/no"}).exit_code, kExitUsage);
}

TEST(RulesCommand, JudgesAtTheCloseTheNewestFactOfEachSubject) {
    const TemporaryRules directory;
    const auto line = [](int port, int clients) {
        return "{\"kind\":\"listener\",\"Protocol\":\"tcp\",\"LocalPort\":" + std::to_string(port) +
               ",\"Open\":true,\"ObservedEnough\":true,\"ConnectionsWithData\":" +
               std::to_string(clients) + "}\n";
    };
    const std::string facts =
        directory.write("facts.jsonl", line(80, 0) + line(81, 0) + line(80, 3));
    const Ran ran =
        rules({"test", ASSAY_SOURCE_DIR "/rules/runtime-behavior/unused-listening-port.yml",
               "--facts", facts});
    EXPECT_THAT(ran.out, AllOf(HasSubstr("facts.jsonl:2: unused-listening-port (informational)"),
                               Not(HasSubstr("facts.jsonl:1: unused")),
                               Not(HasSubstr("facts.jsonl:3: unused"))));
}

TEST(RulesCommand, FactsWithoutAKindAreOfTheOneThatIsNamed) {
    const TemporaryRules directory;
    const std::string rule = directory.write("by-root.yml", rule_for_user("root"));
    const std::string facts =
        directory.write("events.jsonl", "{\"event\": {\"User\": \"root\"}, \"match\": []}\n");
    const Ran without = rules({"test", rule, "--facts", facts});
    EXPECT_EQ(without.exit_code, kExitUsage);
    EXPECT_THAT(without.err, HasSubstr("has no `kind`"));
    EXPECT_THAT(rules({"test", rule, "--facts", facts, "--kind", "process_creation"}).out,
                HasSubstr("events.jsonl:1: by-root"));
}

TEST(RulesCommand, ExplainsAMatchAndAMissWithTheSameExitCode) {
    const TemporaryRules directory;
    const std::string rule = directory.write("by-root.yml", rule_for_user("root"));
    const std::string match = directory.write("match.json", R"({"User": "root"})");
    const std::string miss = directory.write("miss.json", R"({"User": "joe"})");
    ::setenv("LC_ALL", "C", 1);
    const Ran matched = rules({"explain", rule, match});
    EXPECT_EQ(matched.exit_code, kExitDone) << matched.err;
    EXPECT_THAT(matched.out, AllOf(HasSubstr("+ User: root"), HasSubstr("fact: root"),
                                   HasSubstr("The rule matches this fact, level low.")));
    ::setenv("LC_ALL", "C.UTF-8", 1);
    const Ran missed = rules({"explain", rule, miss});
    EXPECT_EQ(missed.exit_code, kExitDone);
    EXPECT_THAT(missed.out,
                AllOf(HasSubstr("✗ User: root"), HasSubstr("The rule does not match this fact.")));
    ::unsetenv("LC_ALL");
    EXPECT_THAT(rules({"explain", rule, match, "--format", "json"}).out,
                HasSubstr(R"("match":true,"documents":[{"outcome":"match")"));
    const std::string other = directory.write("other.json", R"({"CommandLine": "x"})");
    EXPECT_THAT(rules({"explain", "unused-listening-port", other}).err,
                HasSubstr("listener facts have no field `CommandLine`"));
    EXPECT_EQ(rules({"explain", rule, directory.write("bad.json", "{")}).exit_code, kExitUsage);
    EXPECT_EQ(rules({"explain", rule, directory.path()}).exit_code, kExitUsage);
    EXPECT_EQ(rules({"explain", "nobody", match}).exit_code, kExitUsage);
}

TEST(RulesCommand, CountsSupportedRulesForEachLogSource) {
    const TemporaryRules directory;
    directory.write("a.yml", rule_for_user("root"));
    directory.write("b.yml",
                    "title: T\nlogsource: {product: windows, category: driver_load}\n"
                    "detection: {s: {Image: x}, condition: s}\n");
    const Ran ran = rules({"list", "--by-log-source", "--rules", directory.path()});
    EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
    EXPECT_THAT(ran.out, testing::ContainsRegex("windows/driver_load +0 +1 +"));
    EXPECT_THAT(ran.out, testing::ContainsRegex("linux/process_creation +[1-9]"));
}

TEST(RulesCommand, SaysThatStdoutIsFull) {
    std::FILE* full = std::fopen("/dev/full", "w");
    ASSERT_NE(full, nullptr);
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* err = ::open_memstream(&text, &size);
    const std::vector<std::string> arguments{"fields"};
    EXPECT_EQ(rules_command(arguments, ASSAY_SOURCE_DIR "/rules", full, err), kExitUsage);
    std::fclose(full);
    std::fclose(err);
    EXPECT_THAT(std::string(text, size), HasSubstr("stdout did not take everything"));
    std::free(text);
}

}  // namespace
}  // namespace assay::app
