// SPDX-License-Identifier: Apache-2.0
#include "app/template.h"

#include <gmock/gmock.h>

#include "app/chosen_rules.h"
#include "temporary_rules.h"

namespace assay::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

struct Read {
    Result<Template> chosen;
    std::vector<std::string> problems;
};

Read read(std::string_view text) {
    std::vector<engine::Problem> problems;
    Read result{.chosen = parse_template(text, "t.yml", "2026-11-22", problems), .problems = {}};
    for (const engine::Problem& problem : problems) {
        result.problems.push_back(to_text(problem));
    }
    return result;
}

TEST(Template, SaysAllThatARunNeeds) {
    const Read result = read(R"(
name: weekly
packages: [runtime-behavior]
rules:
    enable: [aslr]
    disable: insecure-client-general
rule_directories: [mine]
parameters:
    password-maximum-age: {max_days: 180}
exceptions:
    - rule: [a, b]
      when: {DestinationIp|cidr: 10.0.0.0/8}
      reason: internal
      expires: 2026-11-22
tags: {env: prod}
duration: 1h30m
include_loopback: true
fail_on: high
outputs: ['file:x.jsonl']
)");
    EXPECT_THAT(result.problems, IsEmpty());
    ASSERT_TRUE(result.chosen);
    const Template& chosen = *result.chosen;
    EXPECT_EQ(chosen.name, "weekly");
    EXPECT_THAT(*chosen.packages, ElementsAre("runtime-behavior"));
    EXPECT_EQ(chosen.enabled.front().name, "aslr");
    EXPECT_EQ(chosen.overrides.disabled.front().name, "insecure-client-general");
    EXPECT_EQ(chosen.overrides.parameters.front().values.front().text, "180");
    ASSERT_EQ(chosen.overrides.exceptions.size(), 1U) << "it is in force on its last day";
    EXPECT_EQ(chosen.overrides.exceptions.front().rules.size(), 2U);
    EXPECT_EQ(chosen.overrides.exceptions.front().clause.reason, "internal");
    EXPECT_EQ(**chosen.duration, std::chrono::minutes(90));
    EXPECT_EQ(chosen.fail_on, engine::Level::high);
    EXPECT_THAT(chosen.tags, ElementsAre(Pair("env", "prod")));
}

TEST(Template, TellsEveryMistakeWithItsPlaceAndTheNearestName) {
    const Read result = read(R"(packges: [cve]
packages: [runtime-behaviour]
rules: {enabled: [x]}
exceptions:
    - {rule: x, when: {Image: y}, reason: ''}
    - {rule: x, reason: r, expires: tomorrow}
duration: 1y
fail_on: hihg
tags: [a]
outputs: ['pigeon:x']
include_loopback: maybe
)");
    EXPECT_FALSE(result.chosen);
    EXPECT_THAT(
        result.problems,
        testing::IsSupersetOf(
            {"t.yml:1:1: error: unknown key `packges` in the template, did you mean `packages`?",
             "t.yml:2:12: error: unknown package `runtime-behaviour`, did you mean "
             "`runtime-behavior`?",
             "t.yml:3:9: error: unknown key `enabled` in `rules`, did you mean `enable`?"}));
    for (const char* place : {"t.yml:5:", "t.yml:6:", "t.yml:7:11", "t.yml:8:10", "t.yml:9:7",
                              "t.yml:10:11", "t.yml:11:19"}) {
        EXPECT_THAT(result.problems, testing::Contains(HasSubstr(place))) << place;
    }
}

TEST(Template, AnExpiredExceptionIsToldAndLeftOut) {
    const Read result =
        read("exceptions:\n    - {rule: x, when: {User: y}, reason: r, expires: 2026-11-21}\n");
    ASSERT_TRUE(result.chosen);
    EXPECT_THAT(result.chosen->overrides.exceptions, IsEmpty());
    EXPECT_THAT(result.problems,
                ElementsAre("t.yml:2:54: warning: this exception has expired on 2026-11-21 and is "
                            "not applied"));
}

TEST(Template, OfHostileTextIsRefused) {
    EXPECT_FALSE(read("").chosen);
    EXPECT_FALSE(read("[]").chosen);
    EXPECT_FALSE(read("name: a\nname: b\n").chosen);
    EXPECT_FALSE(read("name: a\n---\nname: b\n").chosen);
    EXPECT_FALSE(read("name: \xff\n").chosen && false);
    EXPECT_FALSE(read("parameters: 7\nexceptions: {a: b}\n").chosen);
    EXPECT_FALSE(read(std::string(3'000'000, ' ') + "name: a\n").chosen);
    EXPECT_FALSE(read("exceptions: [{rule: x, when: {A|nonsense: b}, reason: r}]").chosen);
    EXPECT_FALSE(read("exceptions: [{rule: x, when: {}, reason: r}]").chosen);
    EXPECT_FALSE(read("rules: {enable: [x], disable: [x]}").chosen);
}

TEST(Template, GivesWayToTheCommandLine) {
    const Read result = read(
        "duration: 5m\nfail_on: low\ntags: {env: prod, team: a}\n"
        "packages: [runtime-behavior]\nrule_directories: [theirs]\n"
        "outputs: ['file:t.jsonl']\n");
    ASSERT_TRUE(result.chosen);
    RunOptions run;
    run.duration = std::chrono::seconds(10);
    run.tags = {{"env", "test"}};
    run.rule_directories = {"mine"};
    apply(*result.chosen, [](std::string_view option) { return option == "duration"; }, run);
    EXPECT_EQ(*run.duration, std::chrono::seconds(10));
    EXPECT_EQ(run.fail_on, engine::Level::low);
    EXPECT_THAT(run.tags, ElementsAre(Pair("env", "test"), Pair("team", "a")));
    EXPECT_THAT(run.rule_directories, ElementsAre("mine", "theirs"));
    EXPECT_THAT(run.packages.judged, ElementsAre("runtime-behavior"));
    EXPECT_THAT(run.outputs, ElementsAre("file:t.jsonl"));
}

TEST(Template, DirectoriesStandBesideItsFile) {
    const TemporaryRules directory;
    std::vector<engine::Problem> problems;
    const auto chosen = read_template(directory.write("t.yml", "rule_directories: [mine, /abs]\n"),
                                      "2026-11-22", problems);
    ASSERT_TRUE(chosen);
    EXPECT_THAT(chosen->rule_directories, ElementsAre(directory.path() + "/mine", "/abs"));
    EXPECT_FALSE(read_template(directory.path(), "2026-11-22", problems));
    EXPECT_FALSE(read_template(directory.path() + "/none", "2026-11-22", problems));
    EXPECT_EQ(problems.size(), 2U);
}

TEST(ChosenRules, FollowTheTemplateAndRefuseNamesThatNobodyHas) {
    const TemporaryRules directory;
    directory.write("mine.yml", rule_for_user("root"));
    const auto choose = [&](std::string_view text) {
        const Read result = read(text);
        EXPECT_TRUE(result.chosen);
        RuleChoice choice{.built_in_directory = ASSAY_SOURCE_DIR "/rules",
                          .own_directories = {directory.path()},
                          .packages = {},
                          .enabled = result.chosen->enabled,
                          .overrides = result.chosen->overrides};
        std::vector<engine::Problem> problems;
        const engine::RuleSet rules = choose_rules(choice, problems);
        std::vector<std::string> names;
        for (const engine::RuleInfo* rule : rules.rules()) {
            names.push_back(rule->slug);
        }
        for (const engine::Problem& problem : problems) {
            names.push_back(to_text(problem));
        }
        return names;
    };
    EXPECT_THAT(choose("rules: {enable: [unused-listening-port]}"),
                ElementsAre("mine", "unused-listening-port"));
    EXPECT_THAT(choose("rules: {disable: [mine]}"), IsEmpty());
    EXPECT_THAT(choose("rules: {enable: [unused-listening-prot]}"),
                ElementsAre("mine",
                            "t.yml:1:18: error: no rule is called `unused-listening-prot`, "
                            "did you mean `unused-listening-port`?"));
}

}  // namespace
}  // namespace assay::app
