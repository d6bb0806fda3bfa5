// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_explain.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Op = ExplainedStep::Op;
using Outcome = ExplainedDocument::Outcome;

std::vector<ExplainedDocument> explained(const std::string& text, const facts::RecordedFact& fact) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("r.yml", problems);
    const LoadedRule rule = load_rule_text(text, diagnostics);
    EXPECT_FALSE(diagnostics.failed()) << (problems.empty() ? "" : to_text(problems.back()));
    return explain(rule, text, fact);
}

/// The verdicts of a step and all below it, as text: "+and(+s(+Image|endswith(+/sh)))".
std::string shape(const ExplainedStep& step) {
    static constexpr std::array<std::string_view, 3> kNames{"and", "or", "not"};
    std::string text = step.holds ? "+" : "-";
    text +=
        step.op <= Op::negate ? std::string(kNames[static_cast<std::size_t>(step.op)]) : step.text;
    for (std::size_t i = 0; i < step.children.size(); ++i) {
        text += (i == 0 ? "(" : " ") + shape(step.children[i]);
    }
    return step.children.empty() ? text : text + ")";
}

const std::string kRule = rule_with(
    "    shell:\n"
    "        Image|endswith: [/sh, /bash]\n"
    "        CommandLine|contains|all: ['-i', 'x']\n"
    "    by_root: {User: root}\n"
    "    condition: shell and not by_root\n");

TEST(Explain, ShowsEachOperandWithItsValueAndVerdict) {
    const auto documents = explained(kRule, process({{"Image", std::string("/bin/bash")},
                                                     {"CommandLine", std::string("bash -i")},
                                                     {"User", std::string("joe")}}));
    ASSERT_THAT(documents, SizeIs(1));
    EXPECT_EQ(documents[0].outcome, Outcome::no_match);
    ASSERT_TRUE(documents[0].detection);
    EXPECT_EQ(shape(*documents[0].detection),
              "-and(-shell(+Image|endswith(-/sh +/bash) -CommandLine|contains|all(+-i -x)) "
              "+not(-by_root(-User(-root))))");
    const ExplainedStep& image = documents[0].detection->children[0].children[0];
    EXPECT_EQ(image.fact_value, "/bin/bash");
    EXPECT_EQ(image.mark.line, 5);
    EXPECT_FALSE(any_matches(documents));
}

TEST(Explain, SaysOfAMatchWhichLevelItHas) {
    const auto documents =
        explained(kRule + "assay:\n    level_when: [{when: {Uid: 0}, level: high}]\n",
                  process({{"Image", std::string("/bin/sh")},
                           {"CommandLine", std::string("sh -i x")},
                           {"Uid", std::uint64_t{0}}}));
    EXPECT_EQ(documents[0].outcome, Outcome::match);
    EXPECT_EQ(documents[0].level, Level::high);
    ASSERT_THAT(documents[0].clauses, SizeIs(1));
    EXPECT_EQ(shape(documents[0].clauses[0].when), "+when(+Uid(+0))");
    EXPECT_TRUE(any_matches(documents));
}

TEST(Explain, TellsAnAbsentFieldFromOneThatDiffers) {
    const auto documents = explained(kRule, process({{"Image", std::string("/bin/bash")}}));
    const ExplainedStep& shell = documents[0].detection->children[0];
    EXPECT_EQ(shell.children[0].fact_value, "/bin/bash");
    EXPECT_FALSE(shell.children[1].fact_value);
}

TEST(Explain, NamesTheExceptionOrTheDoubtThatHolds) {
    const std::string text = kRule +
                             "assay:\n"
                             "    exceptions: [{when: {CurrentDirectory: /srv}, reason: ours}]\n"
                             "    unknown_when: [{when: {Cgroup: /x}, reason: cannot tell}]\n";
    const auto fact = [](const char* field, const char* value) {
        return process({{"Image", std::string("/bin/sh")},
                        {"CommandLine", std::string("sh -i x")},
                        {field, std::string(value)}});
    };
    EXPECT_EQ(explained(text, fact("CurrentDirectory", "/srv"))[0].outcome, Outcome::excepted);
    EXPECT_EQ(explained(text, fact("Cgroup", "/x"))[0].outcome, Outcome::cannot_judge);
    const auto clauses = explained(text, fact("User", "joe"))[0].clauses;
    ASSERT_THAT(clauses, SizeIs(2));
    EXPECT_EQ(clauses[0].reason, "cannot tell");
    EXPECT_EQ(clauses[1].reason, "ours");
}

TEST(Explain, WritesWhatAParameterStandsFor) {
    const auto documents = explained(rule_with("    s: {Uid|expand: '%uid%'}\n    condition: s\n") +
                                         "assay:\n    parameters: {uid: 7}\n",
                                     process({{"Uid", std::uint64_t{7}}}));
    EXPECT_EQ(shape(*documents[0].detection), "+s(+Uid|expand(+%uid% (uid = 7)))");
}

TEST(Explain, OfAnotherKindOfFactSaysThat) {
    const auto documents = explained(kRule, listener({{"Protocol", std::string("tcp")}}));
    EXPECT_EQ(documents[0].outcome, Outcome::other_kind);
    EXPECT_EQ(documents[0].kind, "process_creation");
}

TEST(Explain, JudgesAtTheCloseWhatIsJudgedThere) {
    const auto documents =
        explained(rule_with("    s: {Protocol: tcp}\n    condition: s\n", "listener") +
                      "assay: {judge: at-window-close}\n",
                  listener({{"Protocol", std::string("tcp")}}));
    EXPECT_EQ(documents[0].outcome, Outcome::match);
    EXPECT_TRUE(documents[0].at_window_close);
}

TEST(Explain, AgreesWithTheJudgeOnEveryStepOfAnyShape) {
    // Lists of maps, keywords, 1 of, numbers, neq: the whole is what the judge says of the whole.
    for (const char* detection :
         {"    s:\n        - {User: root}\n        - {Uid|gte: 5}\n    condition: s\n",
          "    keywords: ['-i', nothing]\n    condition: keywords\n",
          "    s1: {User|neq: joe}\n    s2: {Uid: 5}\n    condition: 1 of s*\n",
          "    s1: {User: joe}\n    s2: {Uid: 6}\n    condition: all of them\n",
          "    s: {ParentImage: null, CommandLine|re: 'sh\\s-i'}\n    condition: not (not s)\n"}) {
        const std::string text = rule_with(detection);
        const auto fact = process({{"User", std::string("joe")},
                                   {"Uid", std::uint64_t{5}},
                                   {"CommandLine", std::string("sh -i")}});
        const RuleSet rules = rule_set(text);
        bool matched = false;
        Judge judge(rules, {}, [&](const Match& match) { matched = match.matched; });
        judge.on_fact(facts::FactView(fact));
        const auto documents = explained(text, fact);
        EXPECT_EQ(documents[0].detection->holds, matched) << detection;
        EXPECT_EQ(documents[0].outcome == Outcome::match, matched) << detection;
    }
}

}  // namespace
}  // namespace assay::engine
