// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "rule_fixture.h"

namespace assay::engine {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Subject = std::vector<std::pair<std::string_view, std::string>>;

/// A judge over one rule that keeps what it told.
class Court {
public:
    explicit Court(std::string_view rule, JudgeOptions options = {})
        : rules_(rule_set(rule)), judge_(rules_, options, [this](const Match& match) {
              told.emplace_back(match.matched, match.subject);
              levels.push_back(match.level);
          }) {}

    void see(const facts::RecordedFact& fact) { judge_.on_fact(facts::FactView(fact)); }
    void miss(facts::Hook hook, std::uint64_t lost = 0, std::string_view reason = {}) {
        judge_.on_gap({.hook = hook, .lost = lost, .reason = reason});
    }
    [[nodiscard]] RuleOutcome outcome() const { return judge_.outcomes().front(); }

    std::vector<std::pair<bool, Subject>> told;
    std::vector<Level> levels;

private:
    RuleSet rules_;
    Judge judge_;
};

std::string listener_rule(std::string_view assay_keys = "") {
    return rule_with("    s: {Open: true}\n    condition: s\n", "listener") + "assay:\n" +
           "    subject: [Protocol, LocalPort]\n" + std::string(assay_keys);
}
std::string process_rule(std::string_view assay_keys) {
    return rule_with("    s: {User: root}\n    condition: s\n") + "assay:\n" +
           std::string(assay_keys);
}

TEST(Judge, TellsAMatchWithItsSubjectInTheRulesOrder) {
    Court court(listener_rule());
    court.see(listener({{"Open", true}, {"LocalPort", std::uint64_t{22}}}));
    ASSERT_EQ(court.told.size(), 1U);
    EXPECT_TRUE(court.told[0].first);
    EXPECT_THAT(court.told[0].second, ElementsAre(Pair("Protocol", ""), Pair("LocalPort", "22")));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
    EXPECT_EQ(court.outcome().matches, 1U);
    EXPECT_THAT(court.outcome().reason, IsEmpty());
}

TEST(Judge, GivesEachKindASubjectWhenTheRuleNamesNone) {
    Court court(rule_with("    s: {User: root}\n    condition: s\n"));
    court.see(process({{"Image", "/bin/sh"s}, {"CommandLine", "sh -c x"s}, {"User", "root"s}}));
    ASSERT_EQ(court.told.size(), 1U);
    EXPECT_THAT(court.told[0].second,
                ElementsAre(Pair("Image", "/bin/sh"), Pair("CommandLine", "sh -c x"),
                            Pair("User", "root")));
}

TEST(Judge, LooksOnlyAtFactsOfTheRulesKind) {
    Court court(listener_rule());
    court.see(process({{"Image", "/bin/sh"s}}));
    EXPECT_EQ(court.outcome().facts_judged, 0U);
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
    EXPECT_EQ(court.outcome().reason, "no listener facts to judge");
}

TEST(Judge, TellsThatASubjectMatchesNoLongerOnce) {
    Court court(listener_rule());
    const auto port = [](std::uint64_t number, bool open) {
        return listener({{"LocalPort", number}, {"Open", open}});
    };
    court.see(port(22, true));
    court.see(port(80, false));
    court.see(port(22, false));
    court.see(port(22, false));
    ASSERT_EQ(court.told.size(), 2U) << "port 80 never matched, port 22 closes once";
    EXPECT_FALSE(court.told[1].first);
    EXPECT_THAT(court.told[1].second, ElementsAre(Pair("Protocol", ""), Pair("LocalPort", "22")));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding) << "it did happen in this run";
}

TEST(Judge, DoesNotTakeBackWhatWasDone) {
    Court court(process_rule("    subject: [Image]\n"));
    court.see(process({{"Image", "/bin/sh"s}, {"User", "root"s}}));
    court.see(process({{"Image", "/bin/sh"s}, {"User", "joe"s}}));
    EXPECT_EQ(court.told.size(), 1U);
}

TEST(Judge, WaitsForTheCloseWhereTheRuleSaysSo) {
    Court court(listener_rule("    judge: at-window-close\n"));
    auto fact = listener({{"LocalPort", std::uint64_t{22}}, {"Open", true}});
    court.see(fact);
    EXPECT_THAT(court.told, IsEmpty());
    EXPECT_EQ(court.outcome().facts_judged, 0U);
    fact.header.at_close = true;
    court.see(fact);
    EXPECT_EQ(court.told.size(), 1U);
}

TEST(Judge, TellsAtTheCloseOfEachSubjectThatDoesNotMatch) {
    Court court(listener_rule("    judge: at-window-close\n"));
    auto fact = listener({{"LocalPort", std::uint64_t{22}}, {"Open", false}});
    fact.header.at_close = true;
    court.see(fact);
    ASSERT_EQ(court.told.size(), 1U);
    EXPECT_FALSE(court.told[0].first);
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
}

TEST(Judge, LetsRulesOnEachFactLookAtTheCloseToo) {
    Court court(listener_rule());
    auto fact = listener({{"LocalPort", std::uint64_t{22}}, {"Open", true}});
    fact.header.at_close = true;
    court.see(fact);
    EXPECT_EQ(court.told.size(), 1U);
}

TEST(Judge, LeavesLoopbackOutAndCountsEachStreamOnce) {
    Court court(rule_with("    s: {Initiated: true}\n    condition: s\n", "network_connection"));
    auto fact = connection({{"Initiated", true}});
    fact.header.loopback = true;
    fact.header.stream = 7;
    court.see(fact);
    court.see(fact);
    fact.header.stream = 8;
    court.see(fact);
    fact.header.stream = 0;
    court.see(fact);
    court.see(fact);
    EXPECT_THAT(court.told, IsEmpty());
    EXPECT_EQ(court.outcome().loopback_left_out, 4U);
    EXPECT_EQ(court.outcome().facts_judged, 0U);
    EXPECT_EQ(court.outcome().reason,
              "no network_connection facts to judge; 4 loopback facts left out");
}

TEST(Judge, CountsLoopbackOfTheCloseForRulesOfTheClose) {
    Court court(listener_rule("    judge: at-window-close\n"));
    auto fact = listener({{"Open", true}});
    fact.header.loopback = true;
    fact.header.stream = 3;
    court.see(fact);
    EXPECT_EQ(court.outcome().loopback_left_out, 0U);
    fact.header.at_close = true;
    court.see(fact);
    EXPECT_EQ(court.outcome().loopback_left_out, 1U);
}

TEST(Judge, JudgesLoopbackWhenAsked) {
    Court court(rule_with("    s: {Initiated: true}\n    condition: s\n", "network_connection"),
                {.include_loopback = true});
    auto fact = connection({{"Initiated", true}});
    fact.header.loopback = true;
    court.see(fact);
    EXPECT_EQ(court.told.size(), 1U);
    EXPECT_EQ(court.outcome().loopback_left_out, 0U);
}

TEST(Judge, LeavesExceptionsOutAndCountsThoseThatWouldMatch) {
    Court court(process_rule(
        "    exceptions:\n      - {when: {Image|startswith: /usr/}, reason: packaged}\n"));
    court.see(process({{"Image", "/usr/bin/x"s}, {"User", "root"s}}));
    court.see(process({{"Image", "/usr/bin/x"s}, {"User", "joe"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
    EXPECT_EQ(court.outcome().excepted, 1U);
    EXPECT_THAT(court.outcome().reason, HasSubstr("1 fact left out by the rule's exceptions"));
    court.see(process({{"Image", "/tmp/x"s}, {"User", "root"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
}

TEST(Judge, IsUnknownWhereAFactCouldNotBeJudgedAndNothingElseMatched) {
    Court court(
        process_rule("    unknown_when:\n      - {when: {Image: /bin/odd}, reason: too odd}\n"));
    court.see(process({{"Image", "/bin/odd"s}, {"User", "root"s}}));
    EXPECT_THAT(court.told, IsEmpty()) << "what cannot be judged is no match";
    EXPECT_EQ(court.outcome().status, RuleStatus::unknown);
    EXPECT_EQ(court.outcome().reason, "too odd (1 fact)");
    court.see(process({{"Image", "/bin/x"s}, {"User", "root"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
}

TEST(Judge, IsNotApplicableUntilAFactSaysOtherwise) {
    Court court(process_rule("    applies_when: {Image: /usr/sbin/sshd}\n"));
    EXPECT_EQ(court.outcome().status, RuleStatus::not_applicable);
    EXPECT_EQ(court.outcome().reason, "no process_creation fact says Image: /usr/sbin/sshd");
    court.see(process({{"Image", "/usr/sbin/sshd"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
    EXPECT_EQ(court.outcome().reason, "1 process_creation fact judged, none matched");
}

TEST(Judge, IsUnknownWhenAnEssentialHookIsMissing) {
    Court court(process_rule("    applies_when: {Image: /usr/sbin/sshd}\n"));
    court.miss(facts::Hook::exec, 0, "no BTF");
    EXPECT_EQ(court.outcome().status, RuleStatus::unknown) << "before not applicable";
    EXPECT_EQ(court.outcome().reason, "hook exec is missing: no BTF");
}

TEST(Judge, NamesTheLargestLossOfEachHook) {
    Court court(process_rule("    subject: [Image]\n"));
    court.miss(facts::Hook::exec, 3, "ring full");
    court.miss(facts::Hook::exec, 12, "ring full");
    court.miss(facts::Hook::exec, 5, "ring full");
    court.miss(facts::Hook::fork, 1);
    EXPECT_EQ(court.outcome().reason,
              "hook exec lost 12 events: ring full; hook fork lost 1 event");
}

TEST(Judge, PassesWhenOnlyHooksAreMissingThatDoNotBearOnTheKind) {
    Court court(process_rule("    subject: [Image]\n"));
    court.miss(facts::Hook::packet);
    court.miss(facts::Hook::exit, 100);
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
}

TEST(Judge, FindsAlthoughEventsWereLost) {
    Court court(process_rule("    subject: [Image]\n"));
    court.miss(facts::Hook::exec, 12);
    court.see(process({{"User", "root"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
}

TEST(Judge, DoesNotLetGapsHideRulesOnCoverage) {
    Court court(rule_with("    s: {State: missing}\n    condition: s\n", "coverage"));
    for (const facts::HookInfo& hook : facts::kHooks) {
        court.miss(hook.hook);
    }
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
}

TEST(Judge, TakesTheLevelOfTheFirstClauseThatHolds) {
    Court court(
        process_rule("    level_when:\n      - {when: {Image: /a}, level: low}\n"
                     "      - {when: {Image|startswith: /}, level: critical}\n"));
    court.see(process({{"Image", "/a"s}, {"User", "root"s}}));
    court.see(process({{"Image", "/b"s}, {"User", "root"s}}));
    court.see(process({{"User", "root"s}}));
    EXPECT_THAT(court.levels, ElementsAre(Level::low, Level::critical, Level::medium));
}

TEST(Judge, TakesTheWorstDocumentOfAFile) {
    const std::string text = rule_with("    s: {User: root}\n    condition: s\n") + "---\n" +
                             rule_with("    s: {Open: true}\n    condition: s\n", "listener");
    Court court(text);
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
    court.miss(facts::Hook::bind);
    EXPECT_EQ(court.outcome().status, RuleStatus::unknown) << "of the listeners";
    EXPECT_THAT(court.outcome().reason, HasSubstr("hook bind is missing"));
    court.see(process({{"User", "root"s}}));
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
    EXPECT_EQ(court.outcome().facts_judged, 1U);
}

TEST(Judge, KeepsSubjectsApartWhateverBytesTheyHold) {
    Court court(rule_with("    s: {Open: true}\n    condition: s\n", "listener") +
                "assay: {subject: [Image, User]}\n");
    court.see(listener({{"Image", "a"s}, {"User", "bc"s}, {"Open", true}}));
    court.see(listener({{"Image", "ab"s}, {"User", "c"s}, {"Open", false}}));
    EXPECT_EQ(court.told.size(), 1U);
}

// Rules on settings: they tell a state, and may wait until it is known that they apply.
class SettingCourt {
public:
    explicit SettingCourt(std::string_view assay_keys)
        : court_(rule_with("    s: {Setting: a.b, Value: bad}\n    condition: s\n", "setting") +
                 "assay:\n    subject: [Instance]\n" + std::string(assay_keys)) {}

    static facts::RecordedFact setting(std::string name, std::string value,
                                       std::string instance = "x") {
        return fact_of(facts::Kind::setting, {{"Setting", std::move(name)},
                                              {"Value", std::move(value)},
                                              {"Instance", std::move(instance)}});
    }
    void see(std::string value, std::string instance = "x") {
        court_.see(setting("a.b", std::move(value), std::move(instance)));
    }
    void install() { court_.see(setting("a.installed", "yes", "installed")); }
    void remove(std::string instance = "x") {
        auto fact = setting("a.b", "bad", std::move(instance));
        fact.header.gone = true;
        court_.see(fact);
    }
    /// "+x -x": what was told of which instance.
    [[nodiscard]] std::string told() const {
        std::string text;
        for (const auto& [matched, subject] : court_.told) {
            text += (text.empty() ? "" : " ") + std::string(matched ? "+" : "-") +
                    subject.front().second;
        }
        return text;
    }
    [[nodiscard]] RuleOutcome outcome() const { return court_.outcome(); }

private:
    Court court_;
};

constexpr std::string_view kWhenInstalled =
    "    applies_when: {Setting: a.installed, Value: 'yes'}\n";
constexpr std::string_view kUnreadable =
    "    unknown_when:\n      - {when: {Value: unreadable}, reason: it cannot be read}\n";

TEST(Judge, HoldsMatchesBackUntilTheRuleApplies) {
    SettingCourt court(kWhenInstalled);
    court.see("bad", "x");
    court.see("bad", "y");
    EXPECT_EQ(court.told(), "");
    EXPECT_EQ(court.outcome().status, RuleStatus::not_applicable);
    EXPECT_EQ(court.outcome().matches, 0U);
    court.install();
    EXPECT_EQ(court.told(), "+x +y");
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
    EXPECT_EQ(court.outcome().matches, 2U);
    EXPECT_EQ(court.outcome().facts_judged, 3U);
}

TEST(Judge, SaysTheSameInWhateverOrderARuleIsFoundToApply) {
    const std::string keys = std::string(kWhenInstalled) + std::string(kUnreadable) +
                             "    exceptions:\n      - {when: {Instance: w}, reason: known}\n";
    std::vector<std::string> told;
    std::vector<std::string> reasons;
    for (int when = 0; when <= 6; ++when) {
        SettingCourt court(keys);
        const auto install_at = [&](int now) {
            if (now == when) {
                court.install();
            }
        };
        install_at(0);
        court.see("bad", "x");
        install_at(1);
        court.see("good", "x");
        install_at(2);
        court.see("bad", "y");
        install_at(3);
        court.remove("y");
        install_at(4);
        court.see("bad", "w");
        install_at(5);
        court.see("unreadable", "z");
        install_at(6);
        told.push_back(court.told());
        reasons.push_back(court.outcome().reason);
        EXPECT_EQ(court.outcome().status, RuleStatus::finding);
        EXPECT_EQ(court.outcome().excepted, 1U);
    }
    EXPECT_THAT(told, testing::Each("+x -x +y -y"));
    EXPECT_THAT(reasons, testing::Each("2 found, both closed again before the end; "
                                       "it cannot be read (1 fact)"));
}

TEST(Judge, NeverTellsMatchesOfARuleThatDoesNotApply) {
    Court court(process_rule("    applies_when: {Image: /usr/sbin/sshd}\n"));
    court.see(process({{"Image", "/bin/sh"s}, {"User", "root"s}}));
    EXPECT_THAT(court.told, IsEmpty());
    EXPECT_EQ(court.outcome().status, RuleStatus::not_applicable);
}

TEST(Judge, HoldsBoundedlyManyMatchesBackAndSaysHowManyMoreThereWere) {
    Court court(process_rule("    applies_when: {Image: /usr/sbin/sshd}\n"));
    for (int i = 0; i < 259; ++i) {
        court.see(process({{"Image", "/bin/sh"s}, {"User", "root"s}}));
    }
    court.see(process({{"Image", "/usr/sbin/sshd"s}}));
    EXPECT_EQ(court.told.size(), 256U);
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
    EXPECT_THAT(court.outcome().reason, HasSubstr("3 more match"));
}

TEST(Judge, ClosesWhatIsGoneWithoutJudgingIt) {
    SettingCourt court("");
    court.remove("never seen");
    court.see("bad", "x");
    court.remove("x");
    court.remove("x");
    EXPECT_EQ(court.told(), "+x -x");
    EXPECT_EQ(court.outcome().facts_judged, 1U);
    EXPECT_EQ(court.outcome().reason, "1 found, closed again before the end");
}

TEST(Judge, TakesGoneForNothingWhereAnActIsTold) {
    Court court(process_rule("    subject: [Image]\n"));
    auto fact = process({{"Image", "/bin/sh"s}, {"User", "root"s}});
    fact.header.gone = true;
    court.see(fact);
    EXPECT_EQ(court.told.size(), 1U) << "it was executed all the same";
}

TEST(Judge, CountsASubjectAsUnknownOnlyWhileItIs) {
    SettingCourt court(kUnreadable);
    court.see("unreadable", "x");
    court.see("unreadable", "x");
    court.see("unreadable", "y");
    EXPECT_EQ(court.outcome().reason, "it cannot be read (2 facts)");
    court.see("good", "x");
    EXPECT_EQ(court.outcome().status, RuleStatus::unknown);
    EXPECT_EQ(court.outcome().reason, "it cannot be read (1 fact)");
    court.remove("y");
    EXPECT_EQ(court.outcome().status, RuleStatus::pass);
    court.see("unreadable", "x");
    court.see("bad", "x");
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
    EXPECT_THAT(court.outcome().reason, IsEmpty());
}

TEST(Judge, LeavesAFindingOpenWhileItsSubjectCannotBeJudged) {
    SettingCourt court(kUnreadable);
    court.see("bad", "x");
    court.see("unreadable", "x");
    EXPECT_EQ(court.told(), "+x");
    court.see("good", "x");
    EXPECT_EQ(court.told(), "+x -x");
}

TEST(Judge, SaysHowManyFindingsWereClosedAgain) {
    SettingCourt court("");
    for (const char* instance : {"x", "y", "z"}) {
        court.see("bad", instance);
    }
    court.see("good", "x");
    EXPECT_EQ(court.outcome().reason, "3 found, 1 of them closed again before the end");
    court.see("good", "y");
    court.see("good", "z");
    EXPECT_EQ(court.outcome().reason, "3 found, all closed again before the end");
    court.see("bad", "y");
    EXPECT_EQ(court.outcome().reason, "3 found, 2 of them closed again before the end");
    EXPECT_EQ(court.outcome().status, RuleStatus::finding);
}

TEST(Judge, ClosesAMatchThatBecameAnException) {
    Court court(listener_rule("    exceptions:\n      - {when: {User: root}, reason: known}\n"));
    const auto owned_by = [](std::string user) {
        return listener({{"LocalPort", std::uint64_t{22}}, {"Open", true}, {"User", user}});
    };
    court.see(owned_by("joe"));
    court.see(owned_by("root"));
    court.see(owned_by("root"));
    ASSERT_EQ(court.told.size(), 2U);
    EXPECT_FALSE(court.told[1].first);
    EXPECT_EQ(court.outcome().excepted, 2U);
}

/// A rule of the slug `r` on settings; `judged` is what it looks for.
RuleSet rule_for(std::string_view judged, std::string_view assay_keys = "") {
    return rule_set(
        rule_with("    s: {Value: " + std::string(judged) + "}\n    condition: s\n", "setting") +
        "assay:\n    subject: [Instance]\n" + std::string(assay_keys));
}

TEST(Judge, KeepsWhatARuleHasLearntWhenRulesAreReadAgain) {
    std::optional<RuleSet> first = rule_for("bad", kUnreadable);
    std::string told;
    Judge judge(*first, {}, [&](const Match& match) {
        told += (match.matched ? "+" : "-") + match.subject.front().second;
    });
    const auto see = [&](std::string value, std::string instance) {
        const auto fact = SettingCourt::setting("a.b", std::move(value), std::move(instance));
        judge.on_fact(facts::FactView(fact));
    };
    see("bad", "x");
    see("bad", "y");
    see("unreadable", "z");
    const RuleSet second = rule_for("worse", kUnreadable);
    judge.replace_rules(second);
    first.reset();  // nothing of it is looked at any more
    EXPECT_EQ(judge.outcomes().front().rule, second.rules().front());
    see("bad", "x");
    see("worse", "z");
    EXPECT_EQ(told, "+x+y-x+z");
    const RuleOutcome outcome = judge.outcomes().front();
    EXPECT_EQ(outcome.facts_judged, 5U);
    EXPECT_EQ(outcome.matches, 3U);
    EXPECT_EQ(outcome.reason, "3 found, 1 of them closed again before the end");
}

TEST(Judge, KeepsThatARuleAppliesAndTheMatchesHeldBackWhenRulesAreReadAgain) {
    const RuleSet first = rule_for("bad", kWhenInstalled);
    const RuleSet second = rule_for("bad", kWhenInstalled);
    int told = 0;
    Judge judge(first, {}, [&](const Match&) { ++told; });
    const auto bad = SettingCourt::setting("a.b", "bad");
    judge.on_fact(facts::FactView(bad));
    judge.replace_rules(second);
    EXPECT_EQ(told, 0);
    const auto installed = SettingCourt::setting("a.installed", "yes", "installed");
    judge.on_fact(facts::FactView(installed));
    EXPECT_EQ(told, 1);
    judge.replace_rules(first);
    judge.on_fact(facts::FactView(bad));
    EXPECT_EQ(told, 2) << "it applied already";
}

TEST(Judge, StartsNewRulesEmptyAndDropsThoseThatAreGone) {
    const auto named = [](std::string slug) {
        std::vector<Problem> problems;
        Diagnostics diagnostics("r.yml", problems);
        LoadedRule rule =
            load_rule_text(rule_with("    s: {User: root}\n    condition: s\n"), diagnostics);
        rule.info.slug = std::move(slug);
        return RuleSet::of(std::move(rule));
    };
    const RuleSet old_rules = named("old");
    const RuleSet new_rules = named("new");
    Judge judge(old_rules, {}, [](const Match&) {});
    const auto fact = process({{"User", "root"s}});
    judge.on_fact(facts::FactView(fact));
    judge.replace_rules(new_rules);
    ASSERT_EQ(judge.outcomes().size(), 1U);
    EXPECT_EQ(judge.outcomes().front().rule->slug, "new");
    EXPECT_EQ(judge.outcomes().front().facts_judged, 0U);
    EXPECT_EQ(judge.outcomes().front().status, RuleStatus::pass);
    judge.on_fact(facts::FactView(fact));
    EXPECT_EQ(judge.outcomes().front().matches, 1U);
}

TEST(RuleTests, SayWhatTheyGotInstead) {
    const RuleSet rules =
        rule_set(process_rule("    parameters: {x: 1}\n"
                              "    tests:\n"
                              "      - {fact: {User: root}, expect: finding, severity: medium}\n"
                              "      - {fact: {User: joe}, expect: finding}\n"
                              "      - {fact: {User: root}, expect: finding, severity: high}\n"
                              "      - {facts: [], lost: [exec], expect: unknown}\n"));
    const auto results = run_tests(rules);
    ASSERT_EQ(results.size(), 4U);
    EXPECT_TRUE(results[0].passed);
    EXPECT_FALSE(results[1].passed);
    EXPECT_EQ(results[1].line, 10);
    EXPECT_EQ(results[1].test_index, 1);
    EXPECT_EQ(results[1].message,
              "expected finding, got pass (1 process_creation fact judged, none matched)");
    EXPECT_EQ(results[2].message, "expected severity high, got medium");
    EXPECT_TRUE(results[3].passed);
}

TEST(RuleTests, MaySetParameters) {
    const RuleSet rules =
        rule_set(rule_with("    s: {Uid|expand|gte: '%least%'}\n    condition: s\n") +
                 "assay:\n"
                 "    parameters: {least: 1000}\n"
                 "    tests:\n"
                 "      - {fact: {Uid: 500}, expect: pass}\n"
                 "      - {fact: {Uid: 500}, parameters: {least: 400}, "
                 "expect: finding}\n");
    for (const TestResult& result : run_tests(rules)) {
        EXPECT_TRUE(result.passed) << result.message;
    }
}

}  // namespace
}  // namespace assay::engine
