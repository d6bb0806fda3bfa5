// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/correlation.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr std::int64_t kSecond = 1'000'000'000;

/// A rule on programs of this name, that correlations know by it.
std::string base(const std::string& name, std::string_view more = "") {
    return "---\ntitle: " + name + "\nname: " + name +
           "\nlogsource: {product: linux, category: process_creation}\n"
           "detection: {s: {Image|endswith: /" +
           name + "}, condition: s}\n" + std::string(more);
}

std::string correlation(std::string_view body) {
    return "title: C\nlevel: high\ncorrelation:\n" + std::string(body);
}

/// One run of the rules of one file.
class Replay {
public:
    explicit Replay(const std::string& text) : Replay(load_files({{"c.yml", text}})) {}
    explicit Replay(LoadedFiles loaded)
        : rules_(std::move(loaded.rules)), judge_(rules_, {}, [this](const Match& match) {
              std::string text = match.rule->slug;
              for (const auto& [name, value] : match.subject) {
                  text += " " + std::string(name) + "=" + value;
              }
              told_.push_back(text);
              levels_.push_back(match.level);
          }) {
        EXPECT_THAT(loaded.told, IsEmpty());
    }

    void exec(std::int64_t second, const std::string& name, const std::string& user = "root") {
        facts::RecordedFact fact = process({{"Image", "/bin/" + name}, {"User", user}});
        fact.header.time = Timestamp{second * kSecond};
        judge_.on_fact(facts::FactView(fact));
    }
    void connect(std::int64_t second, const std::string& user, std::uint64_t stream,
                 std::uint64_t count) {
        facts::RecordedFact fact = connection(
            {{"User", user}, {"Initiated", true}, {"DestinationPort", std::uint64_t{22}}});
        fact.header.time = Timestamp{second * kSecond};
        fact.header.stream = stream;
        fact.header.count = count;
        judge_.on_fact(facts::FactView(fact));
    }
    Judge& judge() { return judge_; }
    std::vector<std::string> told() { return std::exchange(told_, {}); }
    [[nodiscard]] const std::vector<Level>& levels() const { return levels_; }
    RuleOutcome outcome() { return judge_.outcomes().front(); }

private:
    RuleSet rules_;
    std::vector<std::string> told_;
    std::vector<Level> levels_;
    Judge judge_;
};

TEST(Correlation, CountsEventsOfEachGroupWithinTheTimeSpan) {
    Replay run(correlation("  type: event_count\n  rules: [su]\n  group-by: [User]\n"
                           "  timespan: 10s\n  condition: {gte: 3}\n") +
               base("su"));
    run.exec(0, "su", "bob");
    run.exec(1, "su", "eve");
    run.exec(5, "su", "bob");
    run.exec(11, "su", "bob");
    EXPECT_THAT(run.told(), IsEmpty()) << "the first is 11 s old";
    run.exec(14, "su", "bob");
    EXPECT_THAT(run.told(), ElementsAre("c User=bob"));
    run.exec(14, "su", "bob");
    EXPECT_THAT(run.told(), IsEmpty()) << "what was told is not counted again";
    EXPECT_THAT(run.levels(), ElementsAre(Level::high));
    EXPECT_EQ(run.outcome().status, RuleStatus::finding);
    EXPECT_EQ(run.outcome().matches, 1U);
}

TEST(Correlation, GoesByTheTimeOfFactsWhateverTheirOrder) {
    Replay run(correlation("  type: event_count\n  rules: [su]\n  timespan: 10s\n"
                           "  condition: {gt: 2}\n") +
               base("su"));
    run.exec(9, "su");
    run.exec(2, "su");
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(5, "su");
    EXPECT_THAT(run.told(), ElementsAre("c"));
}

TEST(Correlation, CountsTheActsThatAFactStandsForOnce) {
    Replay run(correlation("  type: event_count\n  rules: [ssh]\n  group-by: [User]\n"
                           "  timespan: 1m\n  condition: {gte: 10}\n") +
               "---\ntitle: S\nname: ssh\nlogsource: {category: network_connection}\n"
               "detection: {s: {DestinationPort: 22}, condition: s}\n");
    run.connect(0, "bob", 7, 4);
    run.connect(10, "bob", 7, 9);
    run.connect(20, "bob", 7, 9);
    EXPECT_THAT(run.told(), IsEmpty()) << "nine connections, told three times";
    run.connect(30, "bob", 8, 1);
    EXPECT_THAT(run.told(), ElementsAre("c User=bob"));
}

TEST(Correlation, CountsDifferentValues) {
    Replay run(correlation("  type: value_count\n  rules: [su]\n  group-by: [Image]\n"
                           "  timespan: 1h\n  condition: {field: User, gte: 3}\n") +
               base("su"));
    for (const char* user : {"a", "b", "a", "b", "b"}) {
        run.exec(1, "su", user);
    }
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(2, "su", "c");
    EXPECT_THAT(run.told(), ElementsAre("c Image=/bin/su"));
}

TEST(Correlation, SumsAndAveragesNumbers) {
    const auto rule = [](std::string_view type, std::string_view condition) {
        return correlation("  type: " + std::string(type) +
                           "\n  rules: [any]\n  timespan: 10s\n  condition: {field: Uid, " +
                           std::string(condition) + "}\n") +
               "---\ntitle: A\nname: any\nlogsource: {category: process_creation}\n"
               "detection: {s: {Image|exists: true}, condition: s}\n";
    };
    const auto exec = [](Replay& run, std::int64_t second, std::uint64_t uid) {
        facts::RecordedFact fact = process({{"Image", std::string("x")}, {"Uid", uid}});
        fact.header.time = Timestamp{second * kSecond};
        run.judge().on_fact(facts::FactView(fact));
    };
    Replay sum(rule("value_sum", "gt: 10"));
    exec(sum, 0, 6);
    exec(sum, 11, 4);
    EXPECT_THAT(sum.told(), IsEmpty());
    exec(sum, 12, 7);
    EXPECT_THAT(sum.told(), ElementsAre("c"));
    Replay average(rule("value_avg", "gt: 10"));
    exec(average, 0, 30);
    exec(average, 1, 0);
    EXPECT_THAT(average.told(), IsEmpty()) << "the time span is not over";
    exec(average, 20, 0);
    EXPECT_THAT(average.told(), ElementsAre("c"));
}

TEST(Correlation, WaitsForTheEndOfTheTimeSpanWhenMoreEventsCanMakeItFalse) {
    Replay run(correlation("  type: event_count\n  rules: [su]\n  group-by: [User]\n"
                           "  timespan: 10s\n  condition: {gt: 1, lte: 3}\n") +
               base("su"));
    for (const std::int64_t second : {0, 1, 2}) {
        run.exec(second, "su", "few");
    }
    for (const std::int64_t second : {0, 1, 2, 3}) {
        run.exec(second, "su", "many");
    }
    EXPECT_THAT(run.told(), IsEmpty());
    EXPECT_EQ(run.outcome().status, RuleStatus::unknown);
    EXPECT_THAT(run.outcome().reason, HasSubstr("the time span was not over for 2 groups"));
    run.exec(11, "other");
    EXPECT_THAT(run.told(), ElementsAre("c User=few"));
}

TEST(Correlation, SeesRulesComeTogetherInAnyOrder) {
    const std::string text = correlation(
                                 "  type: temporal\n  rules: [id, w, ps]\n"
                                 "  group-by: [ComputerName, User]\n  timespan: 5m\n") +
                             base("id") + base("w") + base("ps");
    Replay run(text);
    run.exec(0, "ps", "eve");
    run.exec(100, "id", "bob");
    run.exec(110, "id", "eve");
    run.exec(150, "w", "bob");
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(300, "w", "eve");
    EXPECT_THAT(run.told(), ElementsAre("c ComputerName= User=eve"));
    run.exec(500, "ps", "bob");
    EXPECT_THAT(run.told(), IsEmpty()) << "id was 400 s ago";
    EXPECT_THAT(Replay(text).outcome().reason, HasSubstr("0 facts judged, 0 matched, never as"));
}

TEST(Correlation, AsksForTheOrderWhenItIsTemporalOrdered) {
    const std::string text = correlation(
                                 "  type: temporal_ordered\n  rules: [id, w, ps]\n"
                                 "  group-by: [User]\n  timespan: 10s\n") +
                             base("id") + base("w") + base("ps");
    Replay wrong(text);
    wrong.exec(0, "w");
    wrong.exec(1, "id");
    wrong.exec(2, "ps");
    EXPECT_THAT(wrong.told(), IsEmpty());
    wrong.exec(3, "w");
    EXPECT_THAT(wrong.told(), IsEmpty());
    wrong.exec(4, "ps");
    EXPECT_THAT(wrong.told(), ElementsAre("c User=root"));
    Replay late(text);
    late.exec(0, "id");
    late.exec(9, "w");
    late.exec(11, "ps");
    EXPECT_THAT(late.told(), IsEmpty());
}

TEST(Correlation, TakesOneFactForOneStepOfAnOrder) {
    const std::string twice =
        "---\ntitle: X\nname: other\nlogsource: {category: process_creation}\n"
        "detection: {s: {Image|endswith: /id}, condition: s}\n";
    Replay run(correlation("  type: temporal_ordered\n  rules: [id, other]\n  timespan: 10s\n") +
               base("id") + twice);
    run.exec(1, "id");
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(1, "id");
    EXPECT_THAT(run.told(), ElementsAre("c"));
}

TEST(Correlation, IsMadeOfCorrelationsToo) {
    Replay run(
        "title: many, then one\ncorrelation:\n  type: temporal_ordered\n"
        "  rules: [many_failed, login]\n  group-by: [User]\n  timespan: 10m\n"
        "---\ntitle: many\nname: many_failed\ncorrelation:\n  type: event_count\n"
        "  rules: [su]\n  group-by: [User]\n  timespan: 10m\n  condition: {gte: 3}\n" +
        base("su") + base("login"));
    run.exec(0, "login", "bob");
    run.exec(1, "su", "bob");
    run.exec(2, "su", "bob");
    run.exec(3, "login", "bob");
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(4, "su", "bob");
    run.exec(5, "login", "eve");
    EXPECT_THAT(run.told(), IsEmpty());
    run.exec(6, "login", "bob");
    EXPECT_THAT(run.told(), ElementsAre("c User=bob"));
}

TEST(Correlation, KnowsTheSameThingByOtherNames) {
    Replay run(correlation("  type: temporal\n  rules: [curl, out]\n  group-by: [program]\n"
                           "  timespan: 10s\n  aliases:\n    program:\n      curl: ParentImage\n"
                           "      out: Image\n") +
               base("curl") +
               "---\ntitle: O\nname: out\nlogsource: {category: network_connection}\n"
               "detection: {s: {Initiated: true}, condition: s}\n");
    const auto exec =
        process({{"Image", std::string("/bin/curl")}, {"ParentImage", std::string("/bin/evil")}});
    const auto other = connection({{"Image", std::string("/bin/good")}, {"Initiated", true}});
    const auto same = connection({{"Image", std::string("/bin/evil")}, {"Initiated", true}});
    run.judge().on_fact(facts::FactView(exec));
    run.judge().on_fact(facts::FactView(other));
    EXPECT_THAT(run.told(), IsEmpty());
    run.judge().on_fact(facts::FactView(same));
    EXPECT_THAT(run.told(), ElementsAre("c program=/bin/evil"));
}

TEST(Correlation, LeavesItsRulesToThemselvesOnlyWhenAsked) {
    const std::string body =
        "  type: event_count\n  rules: [su]\n  timespan: 10s\n"
        "  condition: {gte: 2}\n";
    Replay alone(correlation(body) + base("su"));
    alone.exec(0, "su");
    EXPECT_THAT(alone.told(), IsEmpty());
    Replay both(correlation(body + "  generate: true\n") + base("su"));
    both.exec(0, "su");
    both.exec(1, "su");
    EXPECT_THAT(both.told(),
                testing::UnorderedElementsAre("c.su Image=/bin/su CommandLine= User=root", "c",
                                              "c.su Image=/bin/su CommandLine= User=root"));
}

TEST(Correlation, RefersToRulesOfOtherFilesByIdNameAndSlug) {
    const std::string id = "6f0c5e0e-52ad-4d2c-9a6a-1d1b7c1b2f11";
    const std::string head = "  type: temporal\n  timespan: 1m\n  rules: ";
    Replay run(load_files({{"c.yml", correlation(head + "[" + id + ", w, third]\n")},
                           {"first.yml", base("id", "id: " + id + "\n").substr(4)},
                           {"second.yml", base("w").substr(4)},
                           {"third.yml",
                            "title: T\nlogsource: {category: process_creation}\n"
                            "detection: {s: {Image: /bin/ps}, condition: s}\n"}}));
    run.exec(0, "id");
    run.exec(1, "w");
    run.exec(2, "ps");
    EXPECT_THAT(run.told(), testing::Contains("c"))
        << "rules of other files stay rules of their own";
}

TEST(Correlation, KeepsABoundedStateAndIsUnknownWhenItDroppedSome) {
    Replay run(correlation("  type: event_count\n  rules: [su]\n  group-by: [User]\n"
                           "  timespan: 1d\n  condition: {gte: 2}\n") +
               base("su"));
    for (int i = 0; i < 5000; ++i) {
        run.exec(i, "su", "user" + std::to_string(i));
    }
    EXPECT_EQ(run.outcome().status, RuleStatus::unknown);
    EXPECT_THAT(run.outcome().reason, HasSubstr("what was known of 904 groups was dropped"));
    run.exec(5000, "su", "user4999");
    EXPECT_THAT(run.told(), ElementsAre("c User=user4999")) << "the newest are kept";
    EXPECT_EQ(run.outcome().status, RuleStatus::finding);
}

TEST(Correlation, ForgetsWhatIsOlderThanItsTimeSpanWithoutAWord) {
    Replay run(correlation("  type: event_count\n  rules: [su]\n  group-by: [User]\n"
                           "  timespan: 10s\n  condition: {gte: 2}\n") +
               base("su"));
    for (int i = 0; i < 5000; ++i) {
        run.exec(i, "su", "user" + std::to_string(i));
    }
    EXPECT_EQ(run.outcome().status, RuleStatus::pass) << run.outcome().reason;
}

TEST(Correlation, IsUnknownWhenAHookOfItsRulesLostEvents) {
    Replay run(correlation("  type: temporal\n  rules: [id, w]\n  timespan: 5m\n") + base("id") +
               base("w"));
    run.judge().on_gap({.hook = facts::Hook::exec, .lost = 3, .reason = "full"});
    EXPECT_EQ(run.outcome().status, RuleStatus::unknown);
    EXPECT_THAT(run.outcome().reason, HasSubstr("hook exec lost 3 events"));
}

TEST(Correlation, KeepsWhatItKnowsWhenRulesAreReadAgain) {
    const std::string text = correlation("  type: temporal\n  rules: [id, w]\n  timespan: 5m\n") +
                             base("id") + base("w");
    Replay run(text);
    run.exec(0, "id");
    const LoadedFiles again = load_files({{"c.yml", text}});
    run.judge().replace_rules(again.rules);
    run.exec(1, "w");
    EXPECT_THAT(run.told(), ElementsAre("c"));
}

TEST(Correlation, RunsTheTestsInsideIt) {
    const LoadedFiles loaded =
        load_files({{"c.yml", correlation("  type: event_count\n  rules: [su]\n  group-by: [User]\n"
                                          "  timespan: 1m\n  condition: {gte: 2}\n") +
                                  "assay:\n  remediation: Ask them.\n  tests:\n"
                                  "    - facts:\n"
                                  "        - {Image: /bin/su, User: bob}\n"
                                  "        - {Image: /bin/su, User: bob, time: 30s}\n"
                                  "      expect: finding\n      severity: high\n"
                                  "    - facts:\n"
                                  "        - {Image: /bin/su, User: bob}\n"
                                  "        - {Image: /bin/su, User: bob, time: 2m}\n"
                                  "        - {kind: network_connection, User: bob}\n"
                                  "      expect: pass\n" +
                                  base("su")}});
    EXPECT_THAT(loaded.told, IsEmpty());
    const auto results = run_tests(loaded.rules);
    ASSERT_EQ(results.size(), 2U);
    for (const TestResult& result : results) {
        EXPECT_TRUE(result.passed) << result.message;
    }
}

std::vector<std::string> told_of(std::string_view body, const std::string& rest = base("su")) {
    return load_files({{"c.yml", correlation(body) + rest}}).told;
}

TEST(Correlation, SaysWhatIsWrongWithIt) {
    EXPECT_THAT(told_of("  type: event_cuont\n  rules: [su]\n  timespan: 1m\n"
                        "  condition: {gte: 1}\n"),
                ElementsAre(HasSubstr("c.yml:4:9: error: expected `event_count`, `value_count`")));
    EXPECT_THAT(told_of("  type: event_count\n  rules: [su]\n  timespan: 1w\n"
                        "  condition: {gte: 1}\n"),
                ElementsAre(HasSubstr("c.yml:6:13: error: expected a time such as 30s")));
    EXPECT_THAT(told_of("  type: event_count\n  rules: [su]\n  timespan: 1m\n"),
                ElementsAre(HasSubstr("expected the key `condition`")));
    EXPECT_THAT(told_of("  type: value_count\n  rules: [su]\n  timespan: 1m\n"
                        "  condition: {gte: 1}\n"),
                ElementsAre(HasSubstr("expected the key `field`")));
    EXPECT_THAT(told_of("  type: temporal\n  rules: [su]\n  group-by: [Usre]\n  timespan: 1m\n"),
                ElementsAre(HasSubstr("c.yml:6:14: error: unknown field `Usre` of")));
    EXPECT_THAT(told_of("  type: temporal\n  rules: [su]\n  timespan: 1m\n"
                        "  condition: {gte: 3}\n"),
                ElementsAre(HasSubstr("never true")));
    EXPECT_THAT(load_files({{"c.yml",
                             "title: C\nname: me\ncorrelation:\n  type: temporal\n"
                             "  rules: [me]\n  timespan: 1m\n"}})
                    .told,
                ElementsAre(HasSubstr("c.yml:5:11: error: this correlation is made of itself")));
}

TEST(Correlation, IsUnsupportedWithTheReasonWhenItsRulesAre) {
    EXPECT_THAT(told_of("  type: temporal\n  rules: [sus]\n  timespan: 1m\n"),
                ElementsAre(HasSubstr("unsupported rule: no rule that is loaded is called `sus`, "
                                      "did you mean `su`?")));
    const LoadedFiles loaded =
        load_files({{"c.yml", correlation("  type: temporal\n  rules: [dns]\n  timespan: 1m\n") +
                                  "---\ntitle: D\nname: dns\nlogsource: {category: dns}\n"
                                  "detection: {s: {a: b}, condition: s}\n"}});
    EXPECT_THAT(loaded.rules.rules(), IsEmpty());
    ASSERT_EQ(loaded.rules.unsupported().size(), 1U);
    EXPECT_THAT(loaded.rules.unsupported().front().reason,
                HasSubstr("the rule `dns` that it is made of is unsupported: logsource category"));
    EXPECT_THAT(told_of("  type: value_percentile\n  rules: [su]\n  timespan: 1m\n"
                        "  condition: {field: Image, lte: 1}\n"),
                ElementsAre(HasSubstr("unsupported rule: `value_percentile`")));
}

TEST(Timespan, IsANumberAndAUnit) {
    EXPECT_EQ(parse_timespan("90m"), 5400 * kSecond);
    EXPECT_EQ(parse_timespan("2d"), 172'800 * kSecond);
    for (const char* wrong : {"", "m", "5", "5M", "-5m", "0s", "1.5h", "99999999999999999d"}) {
        EXPECT_FALSE(parse_timespan(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace assay::engine
