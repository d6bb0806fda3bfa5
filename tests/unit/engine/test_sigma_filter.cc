// SPDX-License-Identifier: Apache-2.0
// Sigma filters, and the actions that make several rules of one.
#include "engine/rule_document.h"
#include "engine/yaml_tree.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kId = "6f0c5e0e-52ad-4d2c-9a6a-1d1b7c1b2f11";

const std::string kRule = "title: R\nid: " + std::string(kId) +
                          "\nlogsource: {product: linux, category: process_creation}\n"
                          "detection: {s: {Image|endswith: /rar}, condition: s}\n";

std::string filter(const std::string& rules, const std::string& condition,
                   const std::string& category = "process_creation") {
    return "title: Administrators\nlogsource: {product: linux, category: " + category +
           "}\nfilter:\n  rules: " + rules +
           "\n  selection: {User|startswith: adm_}\n  condition: " + condition + "\n";
}

/// Which users' facts match the set's one rule, and how it stands.
struct Matched {
    std::vector<std::string> users;
    RuleOutcome outcome;
};
Matched matched(const RuleSet& rules) {
    Matched matched;
    Judge judge(rules, {},
                [&](const Match& match) { matched.users.push_back(match.subject[2].second); });
    for (const char* user : {"adm_bob", "eve"}) {
        const auto fact =
            process({{"Image", std::string("/bin/rar")}, {"User", std::string(user)}});
        judge.on_fact(facts::FactView(fact));
    }
    matched.outcome = judge.outcomes().front();
    return matched;
}

TEST(SigmaFilter, TakesWhatItSelectsOutOfTheRulesThatItNames) {
    const LoadedFiles loaded = load_files(
        {{"f.yml", filter("[" + std::string(kId) + "]", "selection")}, {"r.yml", kRule}});
    EXPECT_THAT(loaded.told, IsEmpty());
    EXPECT_EQ(loaded.rules.rules().size(), 1U) << "a filter is no rule";
    const Matched result = matched(loaded.rules);
    EXPECT_THAT(result.users, ElementsAre("eve"));
    EXPECT_EQ(result.outcome.excepted, 1U);
}

TEST(SigmaFilter, WrittenAsWhatStaysSaysTheSame) {
    for (const char* condition : {"not selection", "not (selection)", "NOT 1 of selection*"}) {
        const LoadedFiles loaded =
            load_files({{"f.yml", filter("[r]", condition)}, {"r.yml", kRule}});
        EXPECT_THAT(loaded.told, IsEmpty());
        EXPECT_THAT(matched(loaded.rules).users, ElementsAre("eve")) << condition;
    }
}

TEST(SigmaFilter, AppliesToAnyRuleOfItsLogSource) {
    const std::string other =
        "title: O\nlogsource: {category: network_connection}\n"
        "detection: {s: {User: adm_bob}, condition: s}\n";
    const LoadedFiles loaded =
        load_files({{"f.yml", filter("any", "selection")}, {"r.yml", kRule}, {"s.yml", other}});
    EXPECT_THAT(loaded.told, IsEmpty());
    Judge judge(loaded.rules, {}, {});
    const auto fact = connection({{"User", std::string("adm_bob")}});
    judge.on_fact(facts::FactView(fact));
    EXPECT_EQ(judge.outcomes()[1].matches, 1U);
}

TEST(SigmaFilter, SaysWhatItDoesNotApplyTo) {
    EXPECT_THAT(load_files({{"f.yml", filter("[nobody]", "selection")}, {"r.yml", kRule}}).told,
                ElementsAre("f.yml:4:11: warning: no rule that is loaded is called `nobody`",
                            "f.yml:4:3: warning: the filter applies to no rule that is loaded"));
    EXPECT_THAT(
        load_files({{"f.yml", filter("[r]", "selection", "file_event")}, {"r.yml", kRule}}).told,
        testing::Contains(HasSubstr("another logsource than the rule `r`")));
    EXPECT_THAT(load_files({{"f.yml", filter("[r]", "selektion")}, {"r.yml", kRule}}).told,
                ElementsAre(HasSubstr("f.yml:6:14: error: no selection is called `selektion`, did "
                                      "you mean `selection`?")));
    const LoadedFiles wrong =
        load_files({{"f.yml",
                     "title: F\nlogsource: {category: process_creation}\nfilter:\n"
                     "  rules: [r]\n  s: {Usr: x}\n  condition: s\n"},
                    {"r.yml", kRule}});
    EXPECT_THAT(wrong.told, testing::Contains(HasSubstr("f.yml:5:7: error: unknown field `Usr`")));
    EXPECT_EQ(wrong.rules.rules().size(), 1U) << "the rule goes on without it";
}

std::vector<std::string> titles(const std::string& text, std::vector<Problem>& problems) {
    Diagnostics diagnostics("r.yml", problems);
    auto trees = parse_yaml(text);
    EXPECT_TRUE(trees.has_value());
    std::vector<std::string> all;
    for (const YamlNode& document : expand_actions(std::move(*trees), diagnostics)) {
        std::string line;
        for (const YamlEntry& entry : document.entries) {
            line += entry.key + "=" + entry.value.text + " ";
        }
        all.push_back(line);
    }
    return all;
}

TEST(Actions, GiveWhatIsGlobalToTheDocumentsThatFollow) {
    std::vector<Problem> problems;
    EXPECT_THAT(
        titles("action: global\na: 1\n---\nb: 2\n---\na: 3\n---\naction: reset\n---\nc: 4\n",
               problems),
        ElementsAre("b=2 a=1 ", "a=3 ", "c=4 "));
    EXPECT_THAT(problems, IsEmpty());
}

TEST(Actions, RepeatTheDocumentBeforeWithWhatIsNew) {
    std::vector<Problem> problems;
    EXPECT_THAT(
        titles("a: 1\nb: 2\n---\naction: repeat\nb: 3\n---\naction: repeat\nc: 4\n", problems),
        ElementsAre("a=1 b=2 ", "b=3 a=1 ", "c=4 b=3 a=1 "));
}

TEST(Actions, MakeOneRuleOfTwoLogSources) {
    const LoadedFiles loaded =
        load_files({{"r.yml",
                     "action: global\ntitle: T\ndetection: {condition: 1 of them}\n"
                     "---\nlogsource: {category: process_creation}\n"
                     "detection: {s: {Image: /bin/a}}\n"
                     "---\nlogsource: {category: network_connection}\n"
                     "detection: {s: {Image: /bin/b}}\n"}});
    EXPECT_THAT(loaded.told, IsEmpty());
    Judge judge(loaded.rules, {}, {});
    const auto first = process({{"Image", std::string("/bin/a")}});
    const auto second = connection({{"Image", std::string("/bin/b")}});
    judge.on_fact(facts::FactView(first));
    judge.on_fact(facts::FactView(second));
    EXPECT_EQ(judge.outcomes().front().matches, 2U);
}

TEST(Actions, AreKnownByName) {
    EXPECT_THAT(
        problems_of("action: globl\ntitle: T\n"),
        ElementsAre("r.yml:1:9: error: expected `global`, `reset` or `repeat` for `action`, "
                    "found `globl`"));
}

TEST(Actions, CannotMultiplyWithoutBound) {
    std::string text = "action: global\nlist: [";
    for (int i = 0; i < 400; ++i) {
        text += "x, ";
    }
    text += "x]\n";
    for (int i = 0; i < 400; ++i) {
        text += "---\ntitle: T\n";
    }
    EXPECT_THAT(problems_of(text),
                testing::Contains(HasSubstr("the actions of this file make too")));
}

TEST(RuleFile, WithADocumentThatIsUnsupportedJudgesTheRestAndNeverPasses) {
    const LoadedFiles loaded =
        load_files({{"r.yml", kRule + "---\ntitle: W\nlogsource: {product: windows, category: "
                                      "process_creation}\n"
                                      "detection: {s: {Image: x}, condition: s}\n"}});
    ASSERT_EQ(loaded.rules.rules().size(), 1U);
    Judge judge(loaded.rules, {}, {});
    const RuleOutcome outcome = judge.outcomes().front();
    EXPECT_EQ(outcome.status, RuleStatus::unknown);
    EXPECT_THAT(outcome.reason,
                HasSubstr("the document in line 6 is unsupported: logsource product "
                          "`windows` is not linux"));
}

}  // namespace
}  // namespace assay::engine
