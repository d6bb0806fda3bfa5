// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_check.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What checking a rule warns of, without what loading it says.
std::vector<std::string> warnings_of(const std::string& text) {
    std::vector<Problem> ignored;
    Diagnostics of_load("r.yml", ignored);
    const LoadedRule rule = load_rule_text(text, of_load);
    EXPECT_FALSE(of_load.failed()) << (ignored.empty() ? "" : to_text(ignored.back()));
    std::vector<Problem> problems;
    Diagnostics diagnostics("r.yml", problems);
    check_rule(rule, text, diagnostics);
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
        lines.push_back(to_text(problem));
    }
    return lines;
}

std::vector<std::string> warnings_with(std::string_view detection,
                                       std::string_view category = "process_creation") {
    return warnings_of("level: low\n" + rule_with(detection, category));
}

TEST(RuleCheck, SaysNothingOfRulesThatCanMatch) {
    for (const char* detection : {
             "    s: {Image: /bin/sh}\n    condition: s\n",
             "    s: {Image|endswith: [/sh, /bash], Uid|gte: 1000}\n    condition: s\n",
             "    s: {Uid|gt: 3, Uid|lt: 5}\n    condition: s\n",
             "    s: {Image|startswith: /usr, Image|endswith: /sh}\n    condition: s\n",
             "    s: {Image|re: '^/usr/.*sh$'}\n    condition: s\n",
             "    s: {User: root}\n    f: {User: bin}\n    condition: s and not f\n",
             "    s: {User: root}\n    f: {User: bin}\n    condition: s or f\n",
             "    s: {StackExecutable: true}\n    f: {StackExecutable: false}\n"
             "    condition: s or f\n",
             "    s: {ParentImage: '*', User: root}\n    condition: s\n",
             "    s: {Image: null, CommandLine: x}\n    condition: s\n",
         }) {
        EXPECT_THAT(warnings_with(detection), IsEmpty()) << detection;
    }
}

TEST(RuleCheck, FindsOrdersThatNoNumberMeets) {
    EXPECT_THAT(warnings_with("    s: {Uid|gt: 5, Uid|lt: 3}\n    condition: s\n"),
                ElementsAre("r.yml:5:20: warning: `s` can never match: what it asks of `Uid` "
                            "contradicts itself"));
    EXPECT_THAT(warnings_with("    s: {Uid|gt: 5, Uid|lt: 6}\n    condition: s\n"),
                ElementsAre(HasSubstr("can never match")))
        << "there is no whole number between 5 and 6";
    EXPECT_THAT(warnings_with("    s: {Uid: 0, Uid|gte: 1000}\n    condition: s\n"),
                ElementsAre(HasSubstr("can never match")));
}

TEST(RuleCheck, FindsTwoValuesForOneField) {
    EXPECT_THAT(warnings_with("    a: {User: root}\n    b: {User: bin}\n    condition: a and b\n"),
                ElementsAre("r.yml:6:9: warning: this rule can never match: what it asks of `User` "
                            "contradicts itself (here and in line 5)"));
    EXPECT_THAT(warnings_with("    a: {User|all: [root, bin]}\n    condition: a\n"),
                ElementsAre(HasSubstr("can never match")));
    EXPECT_THAT(warnings_with("    a: {Image: /bin/sh, Image|endswith: /bash}\n    condition: a\n"),
                ElementsAre(HasSubstr("can never match")));
    EXPECT_THAT(warnings_with("    a: {Owners|all: [x, y]}\n    condition: a\n", "listener"),
                IsEmpty())
        << "a list may hold both";
}

TEST(RuleCheck, FindsAFieldThatMustBeAbsentAndHaveAValue) {
    EXPECT_THAT(
        warnings_with("    a: {Image|exists: false, Image|endswith: /sh}\n    condition: a\n"),
        ElementsAre(HasSubstr("`a` can never match: what it asks of `Image` contradicts itself")));
}

TEST(RuleCheck, FindsAConditionThatTakesBackWhatItAsks) {
    EXPECT_THAT(warnings_with("    a: {CommandLine|contains: x}\n    condition: a and not a\n"),
                ElementsAre(HasSubstr("this rule can never match")));
    EXPECT_THAT(warnings_with("    a: {CommandLine|contains: x}\n    condition: a or not a\n"),
                ElementsAre(HasSubstr("this rule always matches")));
    EXPECT_THAT(warnings_with("    a: {ParentImage: '*'}\n    condition: a\n"),
                ElementsAre(HasSubstr(
                    "this rule matches every process_creation fact that has `ParentImage`")));
}

TEST(RuleCheck, FindsPatternsThatMatchEverything) {
    for (const char* item :
         {"CommandLine|contains: ''", "CommandLine|re: '.*'", "CommandLine|re: 'x*'",
          "CommandLine|startswith: '*'", "CommandLine: ['*', 'ls']"}) {
        EXPECT_THAT(warnings_with(std::string("    s:\n        ") + item +
                                  "\n        Image: /bin/sh\n    condition: s\n"),
                    ElementsAre(HasSubstr("this matches whatever `CommandLine` holds: write "
                                          "`CommandLine|exists: true`")))
            << item;
    }
    for (const char* item : {"CommandLine|re: '^.$'", "CommandLine|re: '[^a]'",
                             "CommandLine|re: '^.{1,200}$'", "CommandLine: '?'"}) {
        EXPECT_THAT(warnings_with(std::string("    s:\n        ") + item + "\n    condition: s\n"),
                    IsEmpty())
            << item;
    }
}

TEST(RuleCheck, FindsTheNegationOfWhatAlwaysHolds) {
    EXPECT_THAT(warnings_with("    s: {Image: /bin/sh}\n    f: {CommandLine|contains: ''}\n"
                              "    condition: s and not f\n"),
                ElementsAre(HasSubstr("this matches whatever `CommandLine` holds"),
                            HasSubstr("this rule can never match a fact that has `CommandLine`: "
                                      "`not` of what always holds")));
}

TEST(RuleCheck, LooksIntoExceptionsToo) {
    EXPECT_THAT(warnings_with("    s: {Image: /bin/sh}\n    condition: s\n"
                              "assay:\n    exceptions:\n"
                              "        - {when: {Uid|gt: 5, Uid|lt: 3}, reason: r}\n"),
                ElementsAre(HasSubstr("`when` can never match")));
}

TEST(RuleCheck, TellsOfAMissingLevel) {
    EXPECT_THAT(warnings_of(rule_with("    s: {Image: /bin/sh}\n    condition: s\n")),
                ElementsAre(HasSubstr("no `level`")));
}

TEST(RuleCheck, KnowsWhatARuleLeavesOut) {
    const std::string bare = rule_with("    s: {Image: /bin/sh}\n    condition: s\n");
    std::vector<Problem> ignored;
    Diagnostics diagnostics("r.yml", ignored);
    Omissions omitted = omissions_of(load_rule_text(bare, diagnostics), bare);
    EXPECT_TRUE(omitted.level && omitted.remediation && omitted.tests);
    EXPECT_FALSE(omitted.written_for_assay);
    const std::string whole =
        "level: low\n" + bare +
        "assay:\n    remediation: Do it.\n    tests: [{fact: {}, expect: pass}]\n";
    omitted = omissions_of(load_rule_text(whole, diagnostics), whole);
    EXPECT_FALSE(omitted.level || omitted.remediation || omitted.tests);
    EXPECT_TRUE(omitted.written_for_assay);
}

TEST(RuleCheck, EndsInTimeForConditionsThatMultiply) {
    std::string detection;
    std::string condition;
    for (int i = 0; i < 40; ++i) {
        const std::string n = std::to_string(i);
        detection +=
            "    s" + n + ":\n        - {User: a" + n + "}\n        - {User: b" + n + "}\n";
        condition += (i == 0 ? "" : " and ") + std::string("s") + n;
    }
    const auto warnings = warnings_with(detection + "    condition: " + condition + "\n");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("this rule can never match")));
}

TEST(RuleCheck, TakesTheSuggestionOutOfAMessage) {
    Problem problem;
    problem.message = "unknown field `Imgae`, did you mean `Image`?";
    EXPECT_EQ(suggestion_of(problem), "Image");
    problem.message = "unknown field `x`: no such field";
    EXPECT_EQ(suggestion_of(problem), "");
}

}  // namespace
}  // namespace assay::engine
