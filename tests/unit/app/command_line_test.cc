// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

#include <gmock/gmock.h>

namespace assay::app {
namespace {

using facts::Kind;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

Asked<RunOptions> run(std::vector<std::string> arguments) { return parse_run_options(arguments); }

std::string run_problem(std::vector<std::string> arguments) {
    const auto asked = run(std::move(arguments));
    return asked ? "no problem" : asked.error().message;
}

std::string facts_problem(std::vector<std::string> arguments) {
    const auto asked = parse_facts_options(arguments);
    return asked ? "no problem" : asked.error().message;
}

TEST(RunOptions, WithoutOptionsAnHourOfTheDefaultPackagesIsJudged) {
    const RunOptions options = run({}).value().value();
    EXPECT_EQ(options.duration, seconds(3600));
    EXPECT_THAT(options.packages.judged, ElementsAre("runtime-behavior", "best-practices"));
    EXPECT_THAT(options.packages.rule_less, IsEmpty());
    EXPECT_FALSE(options.include_loopback);
    EXPECT_EQ(options.format, Format::automatic);
    EXPECT_EQ(options.colour, Colour::automatic);
    EXPECT_FALSE(options.fail_on.has_value());
}

TEST(RunOptions, EveryOptionArrives) {
    const RunOptions options = run({"--duration", "90s",      "--package",   "runtime-behavior,cve",
                                    "--rules",    "a",        "--rules=b",   "--include-loopback",
                                    "--format",   "jsonl",    "--output",    "file:x.jsonl",
                                    "--fail-on",  "medium",   "--tag",       "env=prod",
                                    "--tag",      "note=a=b", "--no-colour", "--log-level",
                                    "debug"})
                                   .value()
                                   .value();
    EXPECT_EQ(options.duration, seconds(90));
    EXPECT_THAT(options.packages.judged, ElementsAre("runtime-behavior"));
    EXPECT_THAT(options.packages.rule_less, ElementsAre("cve"));
    EXPECT_THAT(options.rule_directories, ElementsAre("a", "b"));
    EXPECT_TRUE(options.include_loopback);
    EXPECT_EQ(options.format, Format::jsonl);
    EXPECT_THAT(options.outputs, ElementsAre("file:x.jsonl"));
    EXPECT_EQ(options.fail_on, engine::Level::medium);
    EXPECT_THAT(options.tags, ElementsAre(Pair("env", "prod"), Pair("note", "a=b")));
    EXPECT_EQ(options.colour, Colour::never);
    EXPECT_EQ(options.log_level, "debug");
}

TEST(RunOptions, BothSpellingsOfColourAreUnderstood) {
    EXPECT_EQ(run({"--color"}).value().value().colour, Colour::always);
    EXPECT_EQ(run({"--no-color"}).value().value().colour, Colour::never);
    EXPECT_THAT(run_problem({"--color", "--no-colour"}), HasSubstr("exclude each other"));
}

TEST(RunOptions, AWindowOfNoLengthIsRefusedForRuntimeBehaviour) {
    const RunOptions none = run({"--duration", "0s"}).value().value();
    EXPECT_THAT(check_run_options(none).error().message, HasSubstr("at least 1s"));
    EXPECT_TRUE(check_run_options(run({"--duration", "1s"}).value().value()).has_value());
    EXPECT_EQ(run({"--duration", "1s"}).value().value().duration, seconds(1));
    EXPECT_EQ(run({"--duration", "forever"}).value().value().duration, std::nullopt);
}

TEST(RunOptions, AWindowOfNoLengthJudgesTheSetUpOnce) {
    const RunOptions once =
        run({"--duration", "0s", "--package", "best-practices"}).value().value();
    EXPECT_EQ(once.duration, seconds(0));
    EXPECT_TRUE(check_run_options(once).has_value());
}

TEST(RunOptions, AnotherRootIsJudgedOnceWhateverThePackages) {
    const RunOptions options = run({"--host-root", "/mnt"}).value().value();
    EXPECT_EQ(options.host_root, "/mnt");
    EXPECT_EQ(options.duration, seconds(0));
    EXPECT_TRUE(check_run_options(options).has_value());
    EXPECT_EQ(run({"--host-root=/mnt", "--duration=0s"}).value().value().duration, seconds(0));
    EXPECT_THAT(run_problem({"--host-root", "/mnt", "--duration", "5m"}),
                HasSubstr("leave --duration out"));
}

TEST(RunOptions, BadValuesAreToldWithTheOptionAndWhatIsPossible) {
    EXPECT_THAT(run_problem({"--duration", "soon"}), HasSubstr("--duration: 'soon'"));
    EXPECT_EQ(run_problem({"--format", "xml"}), "--format 'xml': choose one of human, jsonl");
    EXPECT_EQ(run_problem({"--fail-on", "loud"}),
              "--fail-on 'loud': choose one of high, medium, low, informational");
    EXPECT_THAT(run_problem({"--log-level", "loud"}), HasSubstr("choose one of trace"));
    EXPECT_EQ(run_problem({"--tag", "prod"}), "--tag 'prod': write KEY=VALUE");
    EXPECT_EQ(run_problem({"--tag", "=prod"}), "--tag '=prod': write KEY=VALUE");
    EXPECT_EQ(run_problem({"--tag", "a=1", "--tag", "a=2"}), "--tag 'a' is given twice");
    EXPECT_THAT(run_problem({"--tag", "a=" + std::string(300, 'x')}), HasSubstr("longer than"));
}

TEST(RunOptions, AnUnknownPackageIsToldWithTheKnownOnes) {
    EXPECT_EQ(run_problem({"--package", "runtime"}),
              "unknown package 'runtime': known packages are runtime-behavior, best-practices, "
              "cve, cis, custom");
    EXPECT_THAT(run_problem({"--package", "cve,"}), HasSubstr("unknown package ''"));
}

TEST(RunOptions, WhatThisBuildDoesNotDoIsToldAsThat) {
    for (const char* option : {"--state=/tmp", "--drain=3s", "--report=x.html"}) {
        EXPECT_THAT(run_problem({option}), HasSubstr("is not supported in this build")) << option;
    }
}

TEST(RunOptions, HelpIsAskedFor) {
    EXPECT_FALSE(run({"--help"}).value().has_value());
    EXPECT_FALSE(run({"--duration", "5m", "-h"}).value().has_value());
}

TEST(FactsOptions, WithoutOptionsEveryKindButFilesMadeIsStreamedUntilCtrlC) {
    const FactsOptions options = parse_facts_options({}).value().value();
    EXPECT_EQ(options.kinds.size(), facts::kKinds.size() - 1);
    EXPECT_THAT(options.kinds, Contains(Kind::setting));
    EXPECT_THAT(options.kinds, Not(Contains(Kind::file_event)));
    EXPECT_EQ(options.duration, std::nullopt);
}

TEST(FactsOptions, KindsAreChosenByCommaAndByRepetitionOnceEach) {
    const std::vector<std::string> arguments{"--kind",   "listener,coverage", "--kind",
                                             "listener", "--duration",        "5s"};
    const FactsOptions options = parse_facts_options(arguments).value().value();
    EXPECT_THAT(options.kinds, ElementsAre(Kind::listener, Kind::coverage));
    EXPECT_EQ(options.duration, seconds(5));
}

TEST(FactsOptions, AnUnknownKindIsToldWithTheNearestOne) {
    EXPECT_EQ(facts_problem({"--kind", "lisener"}),
              "unknown kind of fact 'lisener', did you mean listener?");
    EXPECT_THAT(facts_problem({"--kind", "dragons"}), HasSubstr("known are process_creation"));
    EXPECT_THAT(facts_problem({"--duration", "0s", "--kind", "listener"}),
                HasSubstr("at least 1s"));
}

TEST(DoctorOptions, TheFormatIsTableOrJson) {
    EXPECT_FALSE(parse_doctor_options({}).value().value().json);
    const std::vector<std::string> json{"--format=json"};
    EXPECT_TRUE(parse_doctor_options(json).value().value().json);
    const std::vector<std::string> other{"--format=yaml"};
    EXPECT_EQ(parse_doctor_options(other).error().message,
              "--format 'yaml': choose one of table, json");
}

}  // namespace
}  // namespace assay::app
