// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "engine/yaml_tree.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Problem>& problems) {
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
        lines.push_back(to_text(problem));
    }
    return lines;
}

std::vector<std::string> slugs(const RuleSet& rules) {
    std::vector<std::string> all;
    for (const RuleInfo* rule : rules.rules()) {
        all.push_back(rule->slug);
    }
    return all;
}

RuleSet built_in_rules() {
    const std::vector<RuleSource> sources{
        {.path = std::string(ASSAY_SOURCE_DIR) + "/rules", .package = {}, .custom = false}};
    std::vector<Problem> problems;
    RuleSet rules = RuleSet::load(sources, problems);
    EXPECT_THAT(texts(problems), IsEmpty());
    return rules;
}

const std::string kGood = rule_with("    s: {User: root}\n    condition: s\n");

TEST(BuiltInRules, LoadWithoutAWordAndSayEverythingTheyShould) {
    const RuleSet rules = built_in_rules();
    EXPECT_THAT(rules.unsupported(), IsEmpty());
    EXPECT_THAT(slugs(rules),
                testing::IsSupersetOf({"insecure-client-general", "insecure-client-login",
                                       "insecure-server-protocol", "unsupported-kernel",
                                       "unused-listening-port"}));
    for (const RuleInfo* rule : rules.rules()) {
        EXPECT_EQ(rule->id.size(), 36U) << rule->slug;
        EXPECT_NE(rule->package, "custom") << rule->slug;
        EXPECT_EQ(rule->file, rule->package + "/" + rule->slug + ".yml");
        EXPECT_FALSE(rule->description.empty()) << rule->slug;
        EXPECT_FALSE(rule->remediation.empty()) << rule->slug;
        EXPECT_FALSE(rule->references.empty()) << rule->slug;
    }
}

TEST(BuiltInRules, PassTheirOwnTests) {
    const RuleSet rules = built_in_rules();
    std::set<std::string> tested;
    for (const TestResult& result : run_tests(rules)) {
        EXPECT_TRUE(result.passed)
            << result.rule->file << ":" << result.line << ": " << result.message;
        tested.insert(result.rule->slug);
    }
    EXPECT_EQ(tested.size(), rules.rules().size()) << "a rule has no tests";
}

TEST(BuiltInRules, HaveTheSeveritiesOfTheDesign) {
    const RuleSet rules = built_in_rules();
    const auto level = [&](std::string_view slug) {
        for (const RuleInfo* rule : rules.rules()) {
            if (rule->slug == slug) {
                return rule->level;
            }
        }
        ADD_FAILURE() << slug;
        return Level::critical;
    };
    EXPECT_EQ(level("insecure-client-login"), Level::medium);
    EXPECT_EQ(level("insecure-client-general"), Level::low);
    EXPECT_EQ(level("insecure-server-protocol"), Level::informational);
    EXPECT_EQ(level("unused-listening-port"), Level::informational);
    EXPECT_EQ(level("unsupported-kernel"), Level::informational);
}

TEST(BuiltInRules, CallEveryEssentialHookThatIsMissingAFinding) {
    RuleSet rules = built_in_rules();
    const std::vector<std::string> chosen{"unsupported-kernel"};
    rules.keep_packages(chosen);
    for (const facts::HookInfo& hook : facts::kHooks) {
        Judge judge(rules, {}, {});
        const auto fact = fact_of(facts::Kind::coverage, {{"Hook", std::string(hook.name)},
                                                          {"State", std::string("missing")}});
        judge.on_fact(facts::FactView(fact));
        EXPECT_EQ(judge.outcomes().front().status == RuleStatus::finding, hook.essential)
            << hook.name;
    }
}

TEST(BuiltInRules, NeverJudgeOneConnectionTwice) {
    const RuleSet rules = built_in_rules();
    for (const char* protocol :
         {"telnet", "rlogin", "rsh", "rexec", "http", "ftp", "smtp", "redis", "snmp", "unknown"}) {
        for (const bool credentials : {false, true}) {
            int matched = 0;
            Judge judge(rules, {}, [&](const Match&) { ++matched; });
            const auto fact = connection({{"Initiated", true},
                                          {"ProtocolEvidence", std::string("payload")},
                                          {"Encrypted", false},
                                          {"ApplicationProtocol", std::string(protocol)},
                                          {"ApplicationProtocolVersion", std::string("1")},
                                          {"CleartextCredentials", credentials}});
            judge.on_fact(facts::FactView(fact));
            EXPECT_LE(matched, 1) << protocol;
        }
    }
}

TEST(RuleSet, GoesOnPastBadFilesAndTellsEachProblem) {
    const TemporaryDirectory directory;
    directory.write("b/good.yml", kGood);
    directory.write("a/bad.yml", "title: [\n");
    directory.write("worse.yml", "title: T\n");
    directory.write("no-rule.txt", "hello");
    const std::vector<RuleSource> sources{
        {.path = directory.path(), .package = {}, .custom = true}};
    std::vector<Problem> problems;
    const RuleSet rules = RuleSet::load(sources, problems);
    EXPECT_THAT(slugs(rules), ElementsAre("good"));
    EXPECT_EQ(rules.rules().front()->package, "custom");
    EXPECT_EQ(rules.rules().front()->file, directory.path() + "/b/good.yml");
    EXPECT_EQ(rules.rules().front()->id, "good") << "a rule without an id has its slug";
    ASSERT_EQ(problems.size(), 3U);
    EXPECT_EQ(problems[0].file, directory.path() + "/a/bad.yml");
    EXPECT_EQ(problems[1].file, directory.path() + "/worse.yml");
}

TEST(RuleSet, RefusesTwoRulesOfOneNameOrId) {
    const TemporaryDirectory directory;
    directory.write("a/x.yml", kGood);
    directory.write("b/x.yml", kGood);
    const std::string id = "id: 6f0c5e0e-52ad-4d2c-9a6a-1d1b7c1b2f11\n";
    directory.write("c/y.yml", id + kGood);
    directory.write("c/z.yml", id + kGood);
    const std::vector<RuleSource> sources{
        {.path = directory.path(), .package = {}, .custom = true}};
    std::vector<Problem> problems;
    const RuleSet rules = RuleSet::load(sources, problems);
    EXPECT_THAT(slugs(rules), ElementsAre("x", "y"));
    EXPECT_THAT(texts(problems), ElementsAre(HasSubstr("another rule is called `x`"),
                                             HasSubstr("another rule has the id 6f0c5e0e")));
}

TEST(RuleSet, SaysWhatIsWrongWithASourceThatIsNotThere) {
    const std::vector<RuleSource> sources{
        {.path = "/nonexistent/rules", .package = {}, .custom = true},
        {.path = "/dev/null", .package = {}, .custom = true}};
    std::vector<Problem> problems;
    EXPECT_THAT(slugs(RuleSet::load(sources, problems)), IsEmpty());
    EXPECT_THAT(
        texts(problems),
        ElementsAre("/nonexistent/rules: error: cannot read rules: No such file or directory",
                    "/dev/null: error: expected a rule file or a directory of rules"));
}

TEST(RuleSet, ToldAPackageKeepsItAndTheUsersOwn) {
    const TemporaryDirectory directory;
    directory.write("mine.yml", kGood);
    const std::vector<RuleSource> sources{
        {.path = std::string(ASSAY_SOURCE_DIR) + "/rules", .package = {}, .custom = false},
        {.path = directory.path(), .package = {}, .custom = true}};
    std::vector<Problem> problems;
    RuleSet rules = RuleSet::load(sources, problems);
    RuleSet moved = std::move(rules);
    const auto find_mine = [&] {
        return *std::ranges::find(moved.rules(), "mine", &RuleInfo::slug);
    };
    const RuleInfo* mine = find_mine();
    const std::vector<std::string> chosen{"unused-listening-port"};
    moved.keep_packages(chosen);
    EXPECT_THAT(slugs(moved), ElementsAre("mine", "unused-listening-port"));
    EXPECT_EQ(find_mine(), mine) << "pointers stay valid";
    EXPECT_THAT(moved.kinds_needed(),
                ElementsAre(facts::Kind::process_creation, facts::Kind::listener));
    EXPECT_TRUE(moved.needs_field(facts::Kind::listener, "ConnectionsWithData"));
    EXPECT_TRUE(moved.needs_field(facts::Kind::listener, "LocalIp")) << "part of the subject";
    EXPECT_FALSE(moved.needs_field(facts::Kind::listener, "TlsVersion"));
    EXPECT_FALSE(moved.needs_field(facts::Kind::network_connection, "DestinationHostname"));
    EXPECT_FALSE(moved.needs_field(facts::Kind::listener, "NoSuchField"));
}

TEST_F(SigmaCorpus, LoadsUnchanged) {
    for (const char* category : {"process_creation", "network_connection", "file_event"}) {
        const std::vector<RuleSource> sources{
            {.path = directory_ + "/" + category, .package = {}, .custom = true}};
        std::vector<Problem> problems;
        const RuleSet rules = RuleSet::load(sources, problems);
        EXPECT_THAT(texts(problems), IsEmpty());
        EXPECT_THAT(rules.unsupported(), IsEmpty());
        EXPECT_GT(rules.rules().size(), 2U);
    }
}

TEST_F(SigmaCorpus, MatchesTheEventsThatASecondEvaluatorSays) {
    const std::vector<RuleSource> sources{
        {.path = directory_ + "/process_creation", .package = {}, .custom = true}};
    std::vector<Problem> problems;
    const RuleSet rules = RuleSet::load(sources, problems);
    std::ifstream events(directory_ + "/events-process_creation.jsonl");
    ASSERT_TRUE(events);
    int count = 0;
    for (std::string line; std::getline(events, line); ++count) {
        const auto json = parse_yaml(line);  // a line of JSON is YAML as well
        ASSERT_TRUE(json.has_value()) << line;
        const YamlNode& root = json->front();
        facts::RecordedFact fact(facts::Kind::process_creation);
        for (const YamlEntry& field : root.find("event")->value.entries) {
            const auto index = facts::find_field(facts::info(fact.kind), field.key);
            ASSERT_TRUE(index) << field.key;
            fact.values[*index] = field.value.text;
        }
        fact.freeze();
        std::set<std::string> expected;
        for (const YamlNode& id : root.find("match")->value.items) {
            expected.insert(id.text);
        }
        std::set<std::string> matched;
        Judge judge(rules, {}, [&](const Match& match) { matched.insert(match.rule->id); });
        judge.on_fact(facts::FactView(fact));
        EXPECT_EQ(matched, expected) << line;
    }
    EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace assay::engine
