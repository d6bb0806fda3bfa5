// SPDX-License-Identifier: Apache-2.0
#include "app/rule_reload.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "engine/compiled_rule.h"
#include "engine/rule_document.h"
#include "temporary_rules.h"

namespace assay::app {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> slugs(const engine::RuleSet& rules) {
    std::vector<std::string> all;
    for (const engine::RuleInfo* rule : rules.rules()) {
        all.push_back(rule->slug);
    }
    return all;
}

class Reload : public testing::Test {
protected:
    void SetUp() override {
        built_in_.write("runtime-behavior/ours.yml",
                        rule_for_user("nobody") + "assay: {package: runtime-behavior}\n");
        one_ = mine_.write("one.yml", rule_for_user("root"));
        mine_.write("below/two.yml", rule_for_user("joe"));
        choice_ = {.built_in_directory = built_in_.path(),
                   .own_directories = {mine_.path()},
                   .packages = {},
                   .enabled = {},
                   .overrides = {}};
        std::vector<engine::Problem> ignored;
        loaded_ = std::make_shared<const engine::RuleSet>(
            load_rules(built_in_.path(), choice_.own_directories, ignored));
    }
    [[nodiscard]] ReloadedRules reload() const { return reload_rules(choice_, *loaded_, kKinds); }

    /// What the next reload brings; fails the test when none comes within ten seconds.
    static std::optional<ReloadedRules> await(RuleReload& rules) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < end) {
            if (auto taken = rules.take(); taken && taken->rules) {
                return taken;
            }
            std::this_thread::yield();
        }
        ADD_FAILURE() << "nothing was reloaded";
        return std::nullopt;
    }

    static constexpr std::array kKinds{facts::Kind::process_creation};
    TemporaryRules built_in_;
    TemporaryRules mine_;
    std::string one_;
    RuleChoice choice_;
    std::shared_ptr<const engine::RuleSet> loaded_;
};

TEST_F(Reload, TakesNewRulesAndLetsGoOfThoseThatAreGone) {
    mine_.write("three.yml", rule_for_user("bin"));
    fs::remove(one_);
    const ReloadedRules reloaded = reload();
    ASSERT_TRUE(reloaded.rules);
    EXPECT_THAT(slugs(*reloaded.rules), ElementsAre("three", "two"));
    EXPECT_THAT(reloaded.kept, IsEmpty());
    EXPECT_THAT(reloaded.waiting, IsEmpty());
}

TEST_F(Reload, KeepsTheEarlierVersionOfARuleThatIsBroken) {
    mine_.write("one.yml",
                "title: T\nlogsource: {category: process_creation}\n"
                "detection: {s: {Usr: x}, condition: s}\n");
    const ReloadedRules reloaded = reload();
    ASSERT_TRUE(reloaded.rules);
    EXPECT_THAT(slugs(*reloaded.rules), ElementsAre("one", "two"));
    EXPECT_THAT(reloaded.kept, ElementsAre("one"));
    EXPECT_THAT(loaded_->rules(), testing::Contains(reloaded.rules->rules()[0]))
        << "the very same rule";
    ASSERT_THAT(reloaded.problems, SizeIs(1));
    EXPECT_THAT(to_text(reloaded.problems[0]), HasSubstr("one.yml:3:17: error: unknown field"));
}

TEST_F(Reload, KeepsAllRulesOfADirectoryThatIsGone) {
    fs::rename(mine_.path(), mine_.path() + ".moved");
    const ReloadedRules reloaded = reload();
    fs::rename(mine_.path() + ".moved", mine_.path());
    ASSERT_TRUE(reloaded.rules);
    EXPECT_THAT(slugs(*reloaded.rules), ElementsAre("one", "two"));
    EXPECT_THAT(reloaded.kept, testing::UnorderedElementsAre("one", "two"));
}

TEST_F(Reload, ARuleOnFactsThatAreNotObservedWaitsAndIsTold) {
    mine_.write("port.yml",
                "title: T\nlogsource: {category: listener}\n"
                "detection: {s: {LocalPort: 1}, condition: s}\n");
    const ReloadedRules reloaded = reload();
    ASSERT_TRUE(reloaded.rules);
    EXPECT_THAT(slugs(*reloaded.rules), ElementsAre("one", "two"));
    ASSERT_THAT(reloaded.waiting, SizeIs(1));
    EXPECT_EQ(reloaded.waiting[0].info.slug, "port");
    EXPECT_EQ(reloaded.waiting[0].reason,
              "unknown until the next run: this one does not observe listener facts");
}

TEST_F(Reload, ChangesNothingWhenTheTemplateDoesNotFitAnyMore) {
    choice_.overrides.file = "t.yml";
    choice_.overrides.disabled = {{.name = "one", .mark = {1, 1}}};
    EXPECT_THAT(slugs(*reload().rules), ElementsAre("two"));
    fs::remove(one_);
    const ReloadedRules reloaded = reload();
    EXPECT_FALSE(reloaded.rules);
    EXPECT_THAT(to_text(reloaded.problems.at(0)), HasSubstr("no rule is called `one`"));
}

TEST_F(Reload, ComesWhenItIsAskedFor) {
    const auto rules = RuleReload::begin({.choice = choice_,
                                          .observed = {kKinds.begin(), kKinds.end()},
                                          .choose = {},
                                          .template_file = {},
                                          .settle = std::chrono::hours(1)},
                                         loaded_);
    ASSERT_TRUE(rules);
    (*rules)->request();
    const auto reloaded = await(**rules);
    ASSERT_TRUE(reloaded);
    EXPECT_THAT(slugs(*reloaded->rules), ElementsAre("one", "two"));
    EXPECT_FALSE((*rules)->take()) << "it is taken once";
}

TEST_F(Reload, NoticesChangesHoweverTheyAreMade) {
    const auto rules = RuleReload::begin({.choice = choice_,
                                          .observed = {kKinds.begin(), kKinds.end()},
                                          .choose = {},
                                          .template_file = {},
                                          .settle = std::chrono::milliseconds(20)},
                                         loaded_);
    ASSERT_TRUE(rules);
    // The watches stand once a first reload, which nothing but the request asks for, is done.
    (*rules)->request();
    ASSERT_TRUE(await(**rules));
    const auto expect = [&](std::vector<std::string> names) {
        for (int tries = 0; tries < 20; ++tries) {
            const auto reloaded = await(**rules);
            if (!reloaded || slugs(*reloaded->rules) == names) {
                return reloaded.has_value();
            }
        }
        return false;
    };
    mine_.write("new/deep/three.yml", rule_for_user("bin"));
    EXPECT_TRUE(expect({"one", "three", "two"})) << "in a directory that is new";
    mine_.write("temporary", rule_for_user("sys"));
    fs::rename(mine_.path() + "/temporary", mine_.path() + "/four.yml");
    EXPECT_TRUE(expect({"four", "one", "three", "two"})) << "renamed into place";
    fs::remove(one_);
    EXPECT_TRUE(expect({"four", "three", "two"})) << "removed";
}

TEST_F(Reload, ReadsTheChoiceAnewEachTime) {
    const auto rules =
        RuleReload::begin({.choice = choice_,
                           .observed = {kKinds.begin(), kKinds.end()},
                           .choose =
                               [this](std::vector<engine::Problem>&) {
                                   RuleChoice choice = choice_;
                                   choice.overrides.disabled = {{.name = "two", .mark = {}}};
                                   return std::optional(choice);
                               },
                           .template_file = {},
                           .settle = std::chrono::hours(1)},
                          loaded_);
    ASSERT_TRUE(rules);
    (*rules)->request();
    const auto reloaded = await(**rules);
    ASSERT_TRUE(reloaded);
    EXPECT_THAT(slugs(*reloaded->rules), ElementsAre("one"));
}

}  // namespace
}  // namespace assay::app
