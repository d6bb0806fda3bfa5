// SPDX-License-Identifier: Apache-2.0
#include "findings/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example.h"

namespace assay::findings {
namespace {

using example::at;
using example::match_of;
using testing::HasSubstr;
using testing::Not;

class StoreTest : public testing::Test {
protected:
    StoreTest() : store_(make(example::host())) {}

    Store make(HostInfo host) {
        return {std::move(host), example::run(), example::curl_ancestry,
                [this](const Change& change) { told_.push_back(change); }};
    }
    const Finding& last() const { return *told_.back().finding; }

    engine::RuleInfo client_ = example::client_rule();
    engine::RuleInfo server_ = example::listener_rule();
    std::vector<Change> told_;
    Store store_;
};

TEST_F(StoreTest, TheFirstMatchCreatesAFindingWithEvidenceAndAncestry) {
    store_.on_match(match_of(client_, example::connection()));
    ASSERT_EQ(told_.size(), 1U);
    EXPECT_EQ(told_[0].activity, Activity::create);
    EXPECT_EQ(last().rule, &client_);
    EXPECT_EQ(last().count, 1U);
    EXPECT_EQ(last().confidence, Confidence::high);
    EXPECT_EQ(last().first_seen, at(1));
    EXPECT_EQ(last().subject.at(3), (std::pair<std::string, std::string>("DestinationPort", "80")));
    ASSERT_EQ(last().evidence.size(), 1U);
    EXPECT_EQ(last().evidence[0]->processes.size(), 4U);
    EXPECT_EQ(sentence(last()),
              "/usr/bin/curl (joe, pid 4242) to 192.0.2.7:80: http in clear text, with a readable "
              "password");
}

TEST_F(StoreTest, SecretsOfCommandLinesReachNoFinding) {
    store_.on_match(match_of(client_, example::connection()));
    for (const auto& process : last().evidence[0]->processes) {
        EXPECT_THAT(process.command_line, Not(HasSubstr("hunter2")));
    }
    facts::ProcessCreation exec;
    exec.image = "/usr/bin/redis-cli";
    exec.command_line = "redis-cli -a hunter2 PING";
    exec.parent_command_line = "sh -c redis-cli -a hunter2 PING";
    store_.on_match(match_of(client_, facts::FactView(exec), {"Image", "CommandLine"}));
    std::string json;
    facts::append_json(json, facts::FactView(last().evidence[0]->fact));
    EXPECT_THAT(json, Not(HasSubstr("hunter2")));
    EXPECT_THAT(json, HasSubstr("redis-cli -a ‹redacted› PING"));
    EXPECT_EQ(last().subject.at(1).second, "redis-cli -a ‹redacted› PING");
}

TEST_F(StoreTest, TheIdentityHoldsNoSecretThatCouldBeGuessedFromIt) {
    facts::ProcessCreation exec;
    exec.image = "/usr/bin/redis-cli";
    exec.command_line = "redis-cli -a one PING";
    store_.on_match(match_of(client_, facts::FactView(exec), {"Image", "CommandLine"}));
    exec.command_line = "redis-cli -a two PING";
    store_.on_match(match_of(client_, facts::FactView(exec), {"Image", "CommandLine"}));
    EXPECT_EQ(store_.open_findings(), 1U);
}

TEST_F(StoreTest, TheUidIsTheSameInEveryRunAndDiffersByHost) {
    const auto fact = example::connection();
    store_.on_match(match_of(client_, fact));
    Store again = make(example::host());
    again.on_match(match_of(client_, fact));
    auto other_host = example::host();
    other_host.machine_id = "ffff";
    Store elsewhere = make(other_host);
    elsewhere.on_match(match_of(client_, fact));
    ASSERT_EQ(told_.size(), 3U);
    EXPECT_EQ(told_[0].finding->uid, told_[1].finding->uid);
    EXPECT_NE(told_[0].finding->uid, told_[2].finding->uid);
}

TEST_F(StoreTest, CountsOfAStreamAreTakenFromItsNewestFactAndStreamsAreSummed) {
    auto fact = example::connection();
    for (const std::uint64_t count : {1U, 150'000U, 200'000U, 190'000U}) {
        fact.header.count = count;
        store_.on_match(match_of(client_, fact));
    }
    fact.header.stream = 8;
    fact.header.count = 5;
    store_.on_match(match_of(client_, fact));
    fact.header.stream = 0;
    fact.header.count = 2;
    store_.on_match(match_of(client_, fact));
    store_.on_match(match_of(client_, fact));
    store_.finish(at(10));
    EXPECT_EQ(told_.back().activity, Activity::update);
    EXPECT_EQ(last().count, 200'009U);
    EXPECT_EQ(told_.size(), 2U) << "Create, then one Update at the end";
}

TEST_F(StoreTest, CountsAreToldAtMostOnceAMinute) {
    auto fact = example::connection();
    store_.on_match(match_of(client_, fact));
    for (int second = 2; second <= 59; ++second) {
        fact.header.time = at(second);
        fact.header.count = static_cast<std::uint64_t>(second);
        store_.on_match(match_of(client_, fact));
        store_.tick(at(second));
    }
    EXPECT_EQ(told_.size(), 1U);
    store_.tick(at(61));
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(last().count, 59U);
    EXPECT_EQ(last().cause, Cause::count);
    store_.tick(at(200));
    store_.finish(at(201));
    EXPECT_EQ(told_.size(), 2U) << "nothing grew, so nothing is told";
}

TEST_F(StoreTest, TheEvidenceShowsTheNewestCountsOfItsStream) {
    auto fact = example::connection();
    store_.on_match(match_of(client_, fact));
    fact.header.count = 500;
    fact.count = 500;
    store_.on_match(match_of(client_, fact));
    store_.finish(at(9));
    const auto count = facts::FactView(last().evidence.at(0)->fact).get("Count");
    EXPECT_EQ(std::get<std::uint64_t>(count), 500U);
    EXPECT_EQ(last().evidence.size(), 1U);
}

TEST_F(StoreTest, ANewKindOfEvidenceIsToldAtOnceAndOnlyOnce) {
    auto plain = example::connection();
    plain.cleartext_credentials = false;
    auto login = example::connection();
    login.header.stream = 9;
    store_.on_match(match_of(client_, plain));
    for (int i = 0; i < 5; ++i) {
        store_.on_match(match_of(client_, login));
        store_.on_match(match_of(client_, plain));
    }
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(told_[1].activity, Activity::update);
    EXPECT_EQ(last().cause, Cause::evidence);
    EXPECT_EQ(last().evidence.size(), 2U);
}

TEST_F(StoreTest, EvidenceFromTheWireRaisesTheConfidenceThatAPortAloneGives) {
    auto fact = example::connection();
    fact.protocol_evidence = "port";
    store_.on_match(match_of(client_, fact));
    EXPECT_EQ(last().confidence, Confidence::low);
    fact.protocol_evidence = "payload";
    store_.on_match(match_of(client_, fact));
    EXPECT_EQ(last().confidence, Confidence::high);
}

TEST_F(StoreTest, TheSeverityOfAnActOnlyRisesThatOfAStateFollows) {
    const auto act = example::connection();
    auto match = match_of(client_, act);
    match.level = engine::Level::high;
    store_.on_match(match);
    match.level = engine::Level::low;
    store_.on_match(match);
    EXPECT_EQ(told_.size(), 1U);

    const auto state = example::listener();
    auto judged = match_of(server_, state);
    store_.on_match(judged);
    judged.level = engine::Level::medium;
    store_.on_match(judged);
    EXPECT_EQ(last().cause, Cause::severity);
    EXPECT_EQ(last().level, engine::Level::medium);
    judged.level = engine::Level::low;
    store_.on_match(judged);
    EXPECT_EQ(last().level, engine::Level::low);
    EXPECT_EQ(store_.worst(), engine::Level::high);
}

TEST_F(StoreTest, AStateThatIsJudgedFalseClosesItsFindingAndNoOther) {
    auto fact = example::listener();
    store_.on_match(match_of(server_, fact));
    const std::string uid = last().uid;
    auto other = fact;
    other.local_port = 9090;
    store_.on_match(match_of(server_, other));
    auto gone = match_of(server_, fact);
    gone.matched = false;
    store_.on_match(gone);
    ASSERT_EQ(told_.size(), 3U);
    EXPECT_EQ(told_[2].activity, Activity::close);
    EXPECT_EQ(last().uid, uid);
    EXPECT_FALSE(last().open);
    store_.on_match(gone);
    EXPECT_EQ(told_.size(), 3U);
    EXPECT_EQ(store_.open_findings(), 1U);
    EXPECT_EQ(store_.counts_by_level()[0], 2U) << "a closed finding was one of this run";
}

TEST_F(StoreTest, AnActDoesNotCloseWhenALaterOneWasHarmless) {
    const auto fact = example::connection();
    store_.on_match(match_of(client_, fact));
    auto harmless = match_of(client_, fact);
    harmless.matched = false;
    store_.on_match(harmless);
    EXPECT_EQ(told_.size(), 1U);
    EXPECT_EQ(store_.open_findings(), 1U);
}

facts::Setting root_login(std::string_view value, int second) {
    facts::Setting fact;
    fact.header.time = at(second);
    fact.setting = "sshd.permitrootlogin";
    fact.value = value;
    fact.source = "/etc/ssh/sshd_config:33";
    fact.image = "/usr/bin/sed";
    return fact;
}

TEST_F(StoreTest, AFindingOnASettingShowsTheValueOfNowAndWhatClosedIt) {
    const auto judge = [&](const facts::Setting& fact, bool matched) {
        auto match = match_of(server_, facts::FactView(fact), {"Setting"});
        match.matched = matched;
        store_.on_match(match);
    };
    judge(root_login("yes", 1), true);
    judge(root_login("prohibit-password", 2), true);
    judge(root_login("yes", 3), true);
    judge(root_login("no", 4), false);
    ASSERT_EQ(told_.size(), 4U);
    EXPECT_EQ(told_[1].activity, Activity::update);
    EXPECT_EQ(told_[2].activity, Activity::update);
    EXPECT_EQ(sentence(*told_[2].finding), "sshd.permitrootlogin is yes (/etc/ssh/sshd_config:33)");
    EXPECT_EQ(told_[3].activity, Activity::close);
    ASSERT_EQ(last().evidence.size(), 1U);
    EXPECT_EQ(sentence(last()), "sshd.permitrootlogin is no (/etc/ssh/sshd_config:33)");
}

TEST_F(StoreTest, AFileThatIsNamedAfterPasswordsIsNoSecret) {
    auto fact = root_login("6", 1);
    fact.source = "/etc/pam.d/common-password:25";
    store_.on_match(match_of(server_, facts::FactView(fact), {"Setting"}));
    EXPECT_THAT(sentence(last()), HasSubstr("(/etc/pam.d/common-password:25)"));
}

TEST_F(StoreTest, WhoChangedASettingIsNotWhatAFindingIsAbout) {
    auto fact = root_login("yes", 1);
    store_.on_match(match_of(server_, facts::FactView(fact), {"Setting"}));
    fact = root_login("no", 2);
    fact.image = "/usr/bin/vi";
    auto match = match_of(server_, facts::FactView(fact), {"Setting"});
    match.matched = false;
    store_.on_match(match);
    EXPECT_EQ(store_.open_findings(), 0U);
}

TEST_F(StoreTest, ARuleThatWasReadAgainGoesOnWithItsFindings) {
    const auto fact = root_login("yes", 1);
    store_.on_match(match_of(server_, facts::FactView(fact), {"Setting"}));
    engine::RuleInfo reread = server_;
    reread.title = "A better title";
    const engine::RuleInfo* const rules[] = {&reread};
    store_.replace_rules(rules);
    auto match = match_of(reread, facts::FactView(fact), {"Setting"});
    match.matched = false;
    store_.on_match(match);
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(told_[1].activity, Activity::close);
    EXPECT_EQ(last().rule, &reread);
    EXPECT_EQ(told_[0].finding->uid, told_[1].finding->uid);
}

TEST_F(StoreTest, TheEndOfTheWindowClosesNothing) {
    store_.on_match(match_of(server_, example::listener()));
    store_.finish(at(60));
    EXPECT_EQ(told_.size(), 1U);
    EXPECT_EQ(last().count, 1U) << "a listener without a connection is one finding";
}

TEST_F(StoreTest, BeyondAHundredSubjectsOfAProgramThereIsOneSummary) {
    for (std::uint16_t port = 1; port <= 350; ++port) {
        auto fact = example::connection();
        fact.destination_port = port;
        fact.header.stream = port;
        store_.on_match(match_of(client_, fact));
        store_.on_match(match_of(client_, fact));
    }
    store_.finish(at(5));
    EXPECT_EQ(store_.open_findings(), 100U);
    ASSERT_EQ(told_.size(), 102U) << "100 Creates, the summary's Create and its last Update";
    EXPECT_TRUE(last().is_summary);
    EXPECT_EQ(last().count, 250U);
    EXPECT_EQ(sentence(last()), "and 250 more of this kind: /usr/bin/curl");
    EXPECT_EQ(store_.counts_by_level()[2], 350U);

    auto other = example::connection();
    other.image = "/usr/bin/wget";
    store_.on_match(match_of(client_, other));
    EXPECT_FALSE(last().is_summary) << "another program has room of its own";
}

TEST_F(StoreTest, ASummaryShrinksAndClosesWithItsSubjects) {
    for (std::uint16_t port = 1; port <= 102; ++port) {
        auto fact = example::listener();
        fact.local_port = port;
        store_.on_match(match_of(server_, fact));
    }
    for (const std::uint16_t port : {std::uint16_t{101}, std::uint16_t{102}}) {
        auto fact = example::listener();
        fact.local_port = port;
        auto gone = match_of(server_, fact);
        gone.matched = false;
        store_.on_match(gone);
    }
    EXPECT_EQ(told_.back().activity, Activity::close);
    EXPECT_TRUE(last().is_summary);
    EXPECT_EQ(store_.open_findings(), 100U);
}

TEST_F(StoreTest, HoweverManyProgramsThereAreMemoryIsBounded) {
    for (int i = 0; i < 6000; ++i) {
        const std::string image = "/tmp/program-" + std::to_string(i);
        auto fact = example::connection();
        fact.image = image;
        fact.header.process = {};
        store_.on_match(match_of(client_, fact));
    }
    EXPECT_EQ(store_.open_findings(), Store::kMaxOpen);
    EXPECT_TRUE(last().is_summary);
    EXPECT_EQ(store_.counts_by_level()[2], 6000U);
}

TEST_F(StoreTest, CountsOfMoreStreamsThanAreRememberedAreToldAsAMinimum) {
    auto fact = example::connection();
    for (std::uint64_t stream = 1; stream <= Store::kMaxStreams + 10; ++stream) {
        fact.header.stream = stream;
        store_.on_match(match_of(client_, fact));
    }
    store_.finish(at(2));
    EXPECT_EQ(last().count, Store::kMaxStreams);
    EXPECT_TRUE(last().count_is_minimum);
}

TEST_F(StoreTest, AProcessThatNobodyKnowsIsNamedFromTheFact) {
    Store store({"h", "m", "", "", ""}, example::run(), nullptr,
                [this](const Change& change) { told_.push_back(change); });
    store.on_match(match_of(client_, example::connection()));
    ASSERT_EQ(last().evidence[0]->processes.size(), 1U);
    EXPECT_EQ(last().evidence[0]->processes[0].image, "/usr/bin/curl");
    EXPECT_EQ(last().evidence[0]->processes[0].uid, 1000U);
}

TEST_F(StoreTest, AProgramThatExecutedAnotherSinceKeepsTheNameItHad) {
    auto fact = example::connection();
    fact.image = "/usr/bin/wget";
    store_.on_match(match_of(client_, fact));
    const auto& process = last().evidence[0]->processes.at(0);
    EXPECT_EQ(process.image, "/usr/bin/wget");
    EXPECT_EQ(process.command_line, "") << "the command line is curl's";
}

TEST_F(StoreTest, LongTextsAreCutBetweenCharacters) {
    facts::ProcessCreation exec;
    exec.image = "/bin/x";
    std::string command_line;
    while (command_line.size() < 16000) {
        command_line += "é";
    }
    exec.command_line = command_line;
    store_.on_match(match_of(client_, facts::FactView(exec), {"Image"}));
    std::string told;
    facts::append_value_text(told, facts::FactView(last().evidence[0]->fact).get("CommandLine"));
    EXPECT_LE(told.size(), 1024U);
    EXPECT_THAT(told, testing::EndsWith("é…"));
}

TEST(RuleVerdicts, AFileOfSeveralDocumentsIsAsBadAsTheWorstOfThem) {
    auto rule = example::client_rule();
    Verdicts verdicts;
    verdicts.outcomes.push_back({&rule, engine::RuleStatus::pass, "fine", 5, 0, 1, 2});
    verdicts.outcomes.push_back({&rule, engine::RuleStatus::unknown, "hook missing", 1, 0, 1, 0});
    const auto rules = rule_verdicts(verdicts);
    ASSERT_EQ(rules.size(), 1U);
    EXPECT_EQ(rules[0].status, engine::RuleStatus::unknown);
    EXPECT_EQ(rules[0].reason, "hook missing");
    EXPECT_EQ(rules[0].facts_judged, 6U);
    EXPECT_EQ(rules[0].loopback_left_out, 2U);
}

TEST(RuleVerdicts, AFindingsReasonTellsHowManyAndHowBad) {
    auto rule = example::client_rule();
    Verdicts verdicts;
    verdicts.outcomes.push_back({&rule, engine::RuleStatus::finding, "", 5, 9, 0, 0});
    verdicts.findings.push_back({rule.slug, {0, 1, 2, 0, 0}});
    EXPECT_EQ(rule_verdicts(verdicts).at(0).reason, "3 findings: 2 medium, 1 low");
}

}  // namespace
}  // namespace assay::findings
