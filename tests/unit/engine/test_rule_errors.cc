// SPDX-License-Identifier: Apache-2.0
#include "engine/nearest_name.h"
#include "engine/yaml_tree.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kHead =
    "title: T\n"
    "logsource: {product: linux, category: process_creation}\n";

TEST(RuleErrors, SayWhereAKeyIsGivenTwice) {
    EXPECT_THAT(problems_of("title: A\nlogsource: {}\ntitle: B\n"),
                ElementsAre("r.yml:3:1: error: key `title` is given twice: it was given before in "
                            "line 1"));
}

TEST(RuleErrors, SayWhereYamlIsBroken) {
    EXPECT_THAT(problems_of("title: [a, b\nlevel: low\n"),
                ElementsAre(StartsWith("r.yml:2:6: error: not valid YAML: ")));
    EXPECT_THAT(problems_of("a: b\n\tc: d\n"),
                ElementsAre(StartsWith("r.yml:2:1: error: not valid")));
}

TEST(RuleErrors, NameWhatIsExpectedInAnEmptyFile) {
    EXPECT_THAT(problems_of(""),
                ElementsAre("r.yml:1:1: error: expected a rule, found an empty file"));
    EXPECT_THAT(problems_of("---\n---\n"),
                ElementsAre("r.yml:1:1: error: expected a rule, found an empty file"));
}

TEST(RuleErrors, NameEveryMissingKeyAtOnce) {
    EXPECT_THAT(problems_of("level: low\n"),
                ElementsAre("r.yml:1:1: error: expected the key `title` in the rule",
                            "r.yml:1:1: error: expected the key `logsource` in the rule",
                            "r.yml:1:1: error: expected the key `detection` in the rule"));
}

TEST(RuleErrors, NameTheNearestField) {
    const std::string text =
        std::string(kHead) + "detection:\n    s:\n        Imgae|endswith: /sh\n    condition: s\n";
    EXPECT_THAT(problems_of(text),
                ElementsAre("r.yml:5:9: error: unknown field `Imgae`, did you mean `Image`?"));
}

TEST(RuleErrors, SayThatAFieldDoesNotExistWhenNoneIsNear) {
    const std::string text =
        std::string(kHead) + "detection:\n    s: {Frobnicate: 1}\n    condition: s\n";
    EXPECT_THAT(
        problems_of(text),
        ElementsAre("r.yml:4:9: error: unknown field `Frobnicate`: `process_creation` facts "
                    "have no such field"));
}

TEST(RuleErrors, PointIntoTheCondition) {
    const std::string body = "detection:\n    sel: {Image: x}\n    condition: ";
    EXPECT_THAT(
        problems_of(std::string(kHead) + body + "sel and sle\n"),
        ElementsAre("r.yml:5:24: error: no selection is called `sle`, did you mean `sel`?"));
    EXPECT_THAT(problems_of(std::string(kHead) + body + "'sel and (sel or'\n"),
                ElementsAre("r.yml:5:32: error: expected a selection, `not`, `(`, `1 of` or `all "
                            "of`, found the end of the condition"));
    EXPECT_THAT(problems_of(std::string(kHead) + body + "(sel\n"),
                ElementsAre("r.yml:5:20: error: expected `)`, found the end of the condition"));
    EXPECT_THAT(problems_of(std::string(kHead) + body + "sel sel\n"),
                ElementsAre(StartsWith("r.yml:5:20: error: expected `and`, `or` or the end")));
    EXPECT_THAT(problems_of(std::string(kHead) + body + "1 of filter_*\n"),
                ElementsAre("r.yml:5:21: error: no selection matches `filter_*`"));
}

TEST(RuleErrors, TellOfSelectionsThatTheConditionForgets) {
    EXPECT_THAT(problems_of(std::string(kHead) +
                            "detection:\n    a: {Image: x}\n    b: {Image: y}\n    condition: a\n"),
                ElementsAre("r.yml:5:5: warning: the condition does not use the selection `b`"));
}

TEST(RuleErrors, NameTheNearestKeyUnderAssay) {
    EXPECT_THAT(problems_of(std::string(kHead) +
                            "detection: {s: {Image: x}, condition: s}\nassay:\n  remedation: x\n"),
                ElementsAre("r.yml:5:3: error: unknown key `remedation` in `assay`, did you mean "
                            "`remediation`?"));
}

TEST(RuleErrors, NameTheChoices) {
    EXPECT_THAT(
        problems_of(std::string(kHead) +
                    "level: sever\ndetection: {s: {Image: x}, condition: s}\n"),
        ElementsAre("r.yml:3:8: error: expected `informational`, `low`, `medium`, `high` or "
                    "`critical` for `level`, found `sever`"));
}

TEST(RuleErrors, RefuseWrongTypesOfNodes) {
    EXPECT_THAT(
        problems_of("- a\n- b\n"),
        ElementsAre("r.yml:1:1: error: expected a rule: a map with `title`, `logsource` and "
                    "`detection`, found a list"));
    EXPECT_THAT(problems_of(std::string(kHead) + "detection: {s: {Image: {a: b}}, condition: s}\n"),
                ElementsAre("r.yml:3:24: error: expected a value for `Image` or a list of them, "
                            "found a map"));
    EXPECT_THAT(
        problems_of(std::string(kHead) + "detection: {s: {Image: []}, condition: s}\n"),
        ElementsAre("r.yml:3:24: error: expected a value for `Image`, found an empty list"));
}

TEST(RuleErrors, RefuseValuesThatAModifierCannotTake) {
    const auto with = [](std::string_view item, std::string_view category) {
        return problems_of(
            rule_with("    s: {" + std::string(item) + "}\n    condition: s\n", category));
    };
    EXPECT_THAT(
        with("DestinationIp|cidr: 10.0.0.0/40", "network_connection"),
        ElementsAre("r.yml:4:29: error: expected an address block such as 10.0.0.0/8, found "
                    "`10.0.0.0/40`"));
    EXPECT_THAT(with("Uid|gt: many", "process_creation"),
                ElementsAre("r.yml:4:17: error: expected a whole number, found `many`"));
    EXPECT_THAT(
        with("Image|re: '(a'", "process_creation"),
        ElementsAre(StartsWith("r.yml:4:19: error: expected a regular expression that is")));
    EXPECT_THAT(with("Image|exists: maybe", "process_creation"),
                ElementsAre(EndsWith("expected true or false for `exists`, found `maybe`")));
    EXPECT_THAT(with("Image|re|contains: a", "process_creation"), ElementsAre(HasSubstr("cannot")));
    EXPECT_THAT(with("Uid: root", "process_creation"),
                ElementsAre("r.yml:4:14: warning: `Uid` is a number, so `root` never matches"));
}

TEST(RuleErrors, AreToldOfTheTestsInsideARule) {
    const std::string text = std::string(kHead) +
                             "detection: {s: {Image: x}, condition: s}\n"
                             "assay:\n"
                             "  tests:\n"
                             "    - fact: {Imagee: x, Uid: root}\n"
                             "      expect: finding\n"
                             "    - fact: {Image: x}\n"
                             "      lost: [exce]\n";
    EXPECT_THAT(problems_of(text),
                ElementsAre("r.yml:9:14: error: unknown hook `exce`, did you mean `exec`?",
                            "r.yml:8:7: error: expected the key `expect` in this test"));
    const std::string facts_only = text.substr(0, text.find("    - fact: {Image: x}"));
    EXPECT_THAT(problems_of(facts_only),
                ElementsAre("r.yml:6:14: error: unknown field `Imagee`, did you mean `Image`?",
                            "r.yml:6:25: error: expected a whole number for `Uid` in this fact"));
}

TEST(RuleErrors, EscapeWhatTheFileBringsIn) {
    EXPECT_THAT(problems_of("\"a\\e[31m\": 1\n\"a\\e[31m\": 2\n"),
                ElementsAre(HasSubstr("`a\\x1b[31m`")));
}

TEST(Unsupported, AreRulesThatAskForWhatAssayDoesNotHave) {
    const auto warning = [](std::string_view text) {
        const auto lines = problems_of(text);
        return lines.size() == 1 ? lines.front() : "problems: " + std::to_string(lines.size());
    };
    const std::string end = "detection: {s: {Image: x}, condition: s}\n";
    EXPECT_EQ(
        warning("title: T\nlogsource: {product: linux, category: file_access}\n" + end),
        "r.yml:2:39: warning: unsupported rule: logsource category `file_access` is no kind of "
        "fact");
    EXPECT_THAT(
        warning("title: T\nlogsource: {product: windows, category: process_creation}\n" + end),
        HasSubstr("`windows` is not linux"));
    EXPECT_THAT(warning("title: T\nlogsource: {product: linux, service: sshd}\n" + end),
                HasSubstr("`sshd`: assay reads no log files"));
    EXPECT_EQ(warning(std::string(kHead) +
                      "detection:\n    s: {IntegrityLevel: High}\n    condition: s\n"),
              "r.yml:4:9: warning: unsupported rule: assay does not fill the field "
              "`IntegrityLevel`");
    EXPECT_THAT(warning(std::string(kHead) + "detection: {s: {Image|endwith: x}, condition: s}\n"),
                HasSubstr("unknown modifier `endwith`, did you mean `endswith`?"));
    EXPECT_EQ(warning(std::string(kHead) +
                      "detection:\n    s: {Image: x}\n    condition: s | count() > 5\n"),
              "r.yml:5:18: warning: unsupported rule: aggregations (`|` in a condition) are not "
              "supported");
    EXPECT_THAT(
        warning(std::string(kHead) + "detection: {s: {Image: x}, timeframe: 5m, condition: s}\n"),
        HasSubstr("`timeframe` is not supported"));
    EXPECT_THAT(warning("title: T\ncorrelation: {type: temporal, rules: [other], timespan: 5m}\n"),
                HasSubstr("no rule that is loaded is called `other`"));
    EXPECT_THAT(warning(std::string(kHead) +
                        "detection: {s: {User|expand: '%Administrators%'}, condition: s}\n"),
                HasSubstr("`%Administrators%` is not among the rule's `parameters`"));
    EXPECT_THAT(
        warning(std::string(kHead) + "detection: {s: {Image|re: 'a(?!b)'}, condition: s}\n"),
        HasSubstr("regular expression outside RE2"));
}

TEST(Yaml, KeepsWhereEverythingStands) {
    const auto documents = parse_yaml("a: 1\nb:\n  - x\n  - {c: 'd e'}\n---\ne: f\n");
    ASSERT_TRUE(documents.has_value());
    ASSERT_EQ(documents->size(), 2U);
    const YamlNode& item = documents->front().find("b")->value.items[1];
    EXPECT_EQ(item.mark.line, 4);
    const YamlNode& value = item.find("c")->value;
    EXPECT_EQ(value.text, "d e");
    EXPECT_EQ(value.mark.column, 9);
    EXPECT_EQ(value.mark_at(2).column, 12) << "behind the quote";
    EXPECT_EQ(documents->back().find("e")->mark.line, 6);
}

TEST(Yaml, ReplacesAliasesByWhatTheyName) {
    const auto documents = parse_yaml("a: &x [1, 2]\nb: *x\n");
    ASSERT_TRUE(documents.has_value());
    EXPECT_EQ(documents->front().find("b")->value.items.size(), 2U);
}

TEST(Yaml, BoundsWhatAliasesMultiply) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string before = std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) {
            text += (j == 0 ? "*a" : ", *a") + before;
        }
        text += "]\n";
    }
    const auto documents = parse_yaml(text);
    ASSERT_FALSE(documents.has_value());
    EXPECT_THAT(documents.error().message, StartsWith("too large"));
}

TEST(Yaml, BoundsDepth) {
    const auto nested = [](int levels) {
        return std::string(static_cast<std::size_t>(levels), '[') +
               std::string(static_cast<std::size_t>(levels), ']');
    };
    EXPECT_TRUE(parse_yaml(nested(32)).has_value());
    for (const int levels : {33, 400, 5000, 100'000}) {
        EXPECT_FALSE(parse_yaml(nested(levels)).has_value()) << levels;
    }
}

TEST(Yaml, RefusesLargeFilesAndTags) {
    EXPECT_FALSE(parse_yaml(std::string(kLargestRuleFile + 1, ' ')).has_value());
    EXPECT_FALSE(parse_yaml("a: !!binary aGVsbG8=\n").has_value());
}

TEST(Placeholders, CannotMultiplyWithoutBound) {
    std::string names = "[";
    for (int i = 0; i < 100; ++i) {
        names += (i == 0 ? "n" : ", n") + std::to_string(i);
    }
    EXPECT_THAT(problems_of(rule_with("    s: {User|expand: '%a%%a%%a%%a%'}\n    condition: s\n"
                                      "assay: {parameters: {a: " +
                                      names + "]}}\n")),
                ElementsAre(HasSubstr("the placeholders stand for too much")));
}

TEST(NearestName, KnowsSwappedLettersAndOtherCase) {
    constexpr std::array<std::string_view, 3> kNames{"Image", "User", "CommandLine"};
    EXPECT_EQ(nearest_name("Iamge", kNames), "Image");
    EXPECT_EQ(nearest_name("commandline", kNames), "CommandLine");
    EXPECT_EQ(nearest_name("Port", kNames), "");
    EXPECT_EQ(nearest_name("", kNames), "");
}

}  // namespace
}  // namespace assay::engine
