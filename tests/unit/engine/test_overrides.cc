// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_overrides.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RuleSet age_rule() {
    std::vector<Problem> problems;
    Diagnostics diagnostics("age.yml", problems);
    LoadedRule rule =
        load_rule_text(rule_with("    s: {Uid|gt|expand: '%max%'}\n    condition: s\n") +
                           "assay:\n    parameters: {max: 100}\n",
                       diagnostics);
    rule.info.slug = "age";
    EXPECT_THAT(problems, IsEmpty());
    return RuleSet::of(std::move(rule));
}

RuleOverrides parameter(std::string rule, std::string name, std::string value) {
    RuleOverrides overrides;
    overrides.file = "t.yml";
    Scalar scalar;
    scalar.type = Scalar::Type::number;
    scalar.text = std::move(value);
    overrides.parameters.push_back({.rule = {.name = std::move(rule), .mark = {1, 1}},
                                    .parameter = {.name = std::move(name), .mark = {2, 3}},
                                    .values = {scalar}});
    return overrides;
}

RuleOverrides exception(const std::string& field, const std::string& value) {
    RuleOverrides overrides;
    overrides.file = "t.yml";
    FieldItem item;
    item.field = field;
    item.mark = {4, 5};
    Scalar scalar;
    scalar.type = Scalar::Type::text;
    scalar.text = value;
    item.values = {scalar};
    RuleOverrides::Exception& added = overrides.exceptions.emplace_back();
    added.rules = {{.name = "age", .mark = {3, 1}}};
    added.clause.reason = "agreed";
    added.clause.when.name = "when";
    added.clause.when.groups = {{item}};
    return overrides;
}

RuleOutcome outcome_of(const RuleSet& rules, const facts::RecordedFact& fact) {
    Judge judge(rules, {}, {});
    judge.on_fact(facts::FactView(fact));
    return judge.outcomes().front();
}

std::vector<std::string> texts(const std::vector<Problem>& problems) {
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
        lines.push_back(to_text(problem));
    }
    return lines;
}

TEST(Overrides, GiveAParameterAnotherValueAndLeaveTheOldSetAlone) {
    const RuleSet before = age_rule();
    std::vector<Problem> problems;
    const RuleSet after = before.with(parameter("age", "max", "50"), problems);
    EXPECT_THAT(texts(problems), IsEmpty());
    const auto fact = process({{"Uid", std::uint64_t{70}}});
    EXPECT_EQ(outcome_of(before, fact).status, RuleStatus::pass);
    EXPECT_EQ(outcome_of(after, fact).status, RuleStatus::finding);
}

TEST(Overrides, AreRefusedWhereTheyDoNotFit) {
    const RuleSet rules = age_rule();
    const auto told = [&](const RuleOverrides& overrides) {
        std::vector<Problem> problems;
        const RuleSet after = rules.with(overrides, problems);
        EXPECT_EQ(after.loaded().front(), rules.loaded().front()) << "nothing is half-applied";
        return texts(problems);
    };
    EXPECT_THAT(told(parameter("aeg", "max", "5")),
                ElementsAre("t.yml:1:1: error: no rule is called `aeg`, did you mean `age`?"));
    EXPECT_THAT(told(parameter("age", "mxa", "5")),
                ElementsAre("t.yml:2:3: error: the rule `age` has no parameter `mxa`, did you mean "
                            "`max`?"));
    EXPECT_THAT(
        told(parameter("age", "max", "many")),
        ElementsAre(HasSubstr("t.yml:2:3: error: this does not fit the rule `age`: expected "
                              "a whole number, found `many`")));
    EXPECT_THAT(told(exception("Usr", "root")),
                ElementsAre("t.yml:4:5: error: unknown field `Usr`: the rule `age` judges "
                            "process_creation facts, did you mean `User`?"));
}

TEST(Overrides, AddExceptionsThatAreCountedAsTheRulesOwn) {
    const RuleSet before = age_rule();
    std::vector<Problem> problems;
    const RuleSet after = before.with(exception("User", "joe"), problems);
    EXPECT_THAT(texts(problems), IsEmpty());
    const auto fact = process({{"Uid", std::uint64_t{170}}, {"User", std::string("joe")}});
    EXPECT_EQ(outcome_of(before, fact).status, RuleStatus::finding);
    EXPECT_EQ(outcome_of(after, fact).status, RuleStatus::pass);
    EXPECT_EQ(outcome_of(after, fact).excepted, 1U);
}

TEST(Overrides, SwitchRulesOff) {
    const RuleSet before = age_rule();
    RuleOverrides overrides;
    overrides.disabled = {{.name = "age", .mark = {}}};
    std::vector<Problem> problems;
    EXPECT_THAT(before.with(overrides, problems).rules(), IsEmpty());
    EXPECT_EQ(before.rules().size(), 1U);
}

TEST(Overrides, AndAnExceptionTogetherWithAParameterBothHold) {
    RuleOverrides overrides = exception("User", "joe");
    overrides.parameters = parameter("age", "max", "50").parameters;
    std::vector<Problem> problems;
    const RuleSet after = age_rule().with(overrides, problems);
    EXPECT_EQ(outcome_of(after, process({{"Uid", std::uint64_t{70}}})).status, RuleStatus::finding);
    EXPECT_EQ(outcome_of(after, process({{"Uid", std::uint64_t{70}}, {"User", std::string("joe")}}))
                  .excepted,
              1U);
}

TEST(Overrides, RulesTakenOverFromAnOlderSetAreTheSameRules) {
    const RuleSet older = age_rule();
    RuleSet newer;
    const std::vector<std::string> slugs{"age", "not-there"};
    EXPECT_THAT(newer.take_over(older, slugs), ElementsAre("age"));
    ASSERT_EQ(newer.rules().size(), 1U);
    EXPECT_EQ(newer.rules().front(), older.rules().front()) << "pointers to it stay valid";
    EXPECT_THAT(newer.take_over(older, slugs), IsEmpty()) << "it is there already";
}

}  // namespace
}  // namespace assay::engine
