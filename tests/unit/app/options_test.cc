// SPDX-License-Identifier: Apache-2.0
#include "app/options.h"

#include <gmock/gmock.h>

#include <array>

namespace assay::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array kRows{
    OptionRow{.name = "duration", .value = "D", .meaning = "how long"},
    OptionRow{.name = "kind", .value = "KINDS", .meaning = "which", .repeated = true},
    OptionRow{.name = "quiet", .value = "", .meaning = "say less"},
    OptionRow{.name = "help", .value = "", .meaning = "show this", .letter = 'h'},
    OptionRow{.name = "secret-door", .value = "", .meaning = "not told", .listed = false},
};

Result<Options> parse(std::vector<std::string> arguments) {
    return parse_options(kRows, arguments);
}

std::string problem(std::vector<std::string> arguments) {
    const auto options = parse(std::move(arguments));
    return options ? "no problem" : options.error().message;
}

TEST(Options, ValuesComeAfterABlankOrAnEqualsSign) {
    EXPECT_EQ(parse({"--duration", "5m"})->text("duration"), "5m");
    EXPECT_EQ(parse({"--duration=5m"})->text("duration"), "5m");
    EXPECT_EQ(parse({})->text("duration"), std::nullopt);
}

TEST(Options, ListsGrowByRepetitionAndByComma) {
    EXPECT_THAT(parse({"--kind", "a,b", "--kind=c"})->list("kind"), ElementsAre("a", "b", "c"));
    EXPECT_THAT(parse({"--kind", "a,b", "--kind=c"})->all("kind"), ElementsAre("a,b", "c"));
    EXPECT_THAT(parse({"--kind", "a,"})->list("kind"), ElementsAre("a", ""));
}

TEST(Options, SwitchesAndShortFormsAreSeen) {
    const auto options = parse({"--quiet", "-h"});
    ASSERT_TRUE(options.has_value());
    EXPECT_TRUE(options->has("quiet"));
    EXPECT_TRUE(options->has("help"));
    EXPECT_FALSE(options->has("duration"));
}

TEST(Options, AnUnknownOptionIsToldWithTheNearestOne) {
    EXPECT_EQ(problem({"--duratoin", "5m"}),
              "unknown option '--duratoin', did you mean --duration?");
    EXPECT_EQ(problem({"--dur=5m"}), "unknown option '--dur=5m', did you mean --duration?");
    EXPECT_EQ(problem({"--zzzzzz"}), "unknown option '--zzzzzz'");
    EXPECT_EQ(problem({"-x"}), "unknown option '-x'");
}

TEST(Options, AMissingOrSuperfluousValueIsTold) {
    EXPECT_EQ(problem({"--duration"}), "--duration needs a value");
    EXPECT_EQ(problem({"--duration="}), "--duration needs a value");
    EXPECT_EQ(problem({"--duration", "--quiet"}), "--duration needs a value");
    EXPECT_EQ(problem({"--quiet=yes"}), "--quiet takes no value");
}

TEST(Options, WhatMayComeOnceMayNotComeTwice) {
    EXPECT_EQ(problem({"--duration", "5m", "--duration", "6m"}), "--duration is given twice");
}

TEST(Options, AnArgumentThatIsNoOptionIsRefused) {
    EXPECT_EQ(problem({"5m"}), "unexpected argument '5m'");
    EXPECT_EQ(problem({"--quiet", "--", "--duration"}), "unexpected argument '--duration'");
}

TEST(Options, TheHelpNamesEveryListedOptionAndNoOther) {
    const std::string help = options_help(kRows);
    for (const char* text :
         {"--duration D", "--kind KINDS", "--quiet", "-h [ --help ]", "how long"}) {
        EXPECT_THAT(help, HasSubstr(text));
    }
    EXPECT_THAT(help, testing::Not(HasSubstr("secret-door")));
}

}  // namespace
}  // namespace assay::app
