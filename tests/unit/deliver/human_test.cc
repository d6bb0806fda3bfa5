// SPDX-License-Identifier: Apache-2.0
#include "deliver/human.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../findings/example.h"
#include "temporary.h"

namespace assay::deliver {
namespace {

using example::at;
using example::match_of;
using findings::Activity;
using findings::Change;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Change change_of(const engine::RuleInfo& rule, const facts::NetworkConnection& fact) {
    Change told;
    findings::Store store(example::host(), example::run(), example::curl_ancestry,
                          [&](const Change& change) { told = change; });
    store.on_match(match_of(rule, fact));
    return told;
}

TEST(HumanView, AFindingTellsSeverityTitleWhoWhatAndWhatToDo) {
    const auto rule = example::client_rule();
    EXPECT_EQ(human_text(change_of(rule, example::connection()), false),
              "15:30:01 MEDIUM        Login over an insecure protocol  insecure-client-login\n"
              "               /usr/bin/curl (joe, pid 4242) to 192.0.2.7:80: http in clear text, "
              "with a readable password\n"
              "               started by /usr/bin/bash[4200] < /usr/sbin/sshd[4100] < "
              "/usr/lib/systemd/systemd[1]\n"
              "               fix: Use TLS.\n");
}

TEST(HumanView, ColoursComeOnlyWhenAskedForAndHostTextHasNone) {
    const auto rule = example::client_rule();
    auto fact = example::connection();
    fact.image = "/tmp/\x1b[31mred\r\nBEL\x07";
    const auto change = change_of(rule, fact);
    EXPECT_THAT(human_text(change, true), HasSubstr("\x1b[1;33mMEDIUM"));
    const std::string plain = human_text(change, false);
    EXPECT_THAT(plain, HasSubstr("\\x1b[31mred\\x0d\\x0aBEL\\x07"));
    EXPECT_EQ(plain.find_first_of("\x1b\r\x07"), std::string::npos);
}

TEST(HumanView, AnUpdateTellsWhyAndTheCount) {
    const auto rule = example::client_rule();
    auto finding = *change_of(rule, example::connection()).finding;
    finding.count = 200'000;
    finding.cause = findings::Cause::count;
    const Change update{Activity::update, std::make_shared<findings::Finding>(finding)};
    EXPECT_THAT(human_text(update, false), HasSubstr("update: count grew"));
    EXPECT_THAT(human_text(update, false), HasSubstr("seen 200,000 times"));
}

TEST(HumanView, TheSummaryTellsEveryRuleAndWhatWasNotSeen) {
    std::vector<engine::RuleInfo> rules(4, example::client_rule());
    rules[0].slug = "d-passes";
    rules[1].slug = "c-found";
    rules[2].slug = "b-unknown";
    rules[3].slug = "a-elsewhere";
    findings::Verdicts verdicts;
    verdicts.host = example::host();
    verdicts.planned_seconds = 300;
    verdicts.seconds = 42;
    verdicts.ended_early = true;
    verdicts.facts = 12345;
    verdicts.outcomes = {
        {&rules[0], engine::RuleStatus::pass, "40 connections, none in clear text", 40, 0, 0, 0},
        {&rules[1], engine::RuleStatus::finding, "", 7, 2, 1200, 3},
        {&rules[2], engine::RuleStatus::unknown, "hook packet is missing", 0, 0, 0, 0},
        {&rules[3], engine::RuleStatus::not_applicable, "no sshd here", 0, 0, 34, 0}};
    verdicts.findings = {{"c-found", {0, 1, 1, 0, 0}}};
    verdicts.coverage = {{"exec", "attached", "tp_btf", "", 0},
                         {"fork", "attached", "tp_btf", "ring full", 5},
                         {"packet", "missing", "", "no cgroup2", 0}};
    EXPECT_EQ(human_text(verdicts, false),
              "\n"
              "Assessment of web-1: 42 s (ended early, planned 5 min), 12,345 facts, 2 findings\n"
              "FINDING        c-found      2 findings: 1 medium, 1 low\n"
              "UNKNOWN        b-unknown    hook packet is missing\n"
              "PASS           d-passes     40 connections, none in clear text\n"
              "NOT APPLICABLE a-elsewhere  no sshd here\n"
              "1 rule with findings, 1 passed, 1 not applicable, 1 unknown.\n"
              "LOST           hook fork: 5 events lost: ring full\n"
              "MISSING        hook packet: no cgroup2\n"
              "               5 events lost in all\n"
              "1,234 judgements of loopback traffic and loopback listeners were left out; "
              "--include-loopback judges them too.\n"
              "3 facts were left out by exceptions of rules.\n"
              "Warning: a window of 42 s shows little of what a host does; 3 minutes are the "
              "least, an hour is better.\n");
}

TEST(HumanView, ACleanRunSaysSo) {
    const auto rule = example::client_rule();
    findings::Verdicts verdicts;
    verdicts.planned_seconds = verdicts.seconds = 3600;
    verdicts.outcomes = {{&rule, engine::RuleStatus::pass, "nothing seen", 4, 0, 0, 0}};
    verdicts.coverage = {{"exec", "attached", "tp_btf", "", 0}};
    const auto text = human_text(verdicts, false);
    EXPECT_THAT(text, HasSubstr("1 h, 0 facts, 0 findings"));
    EXPECT_THAT(text, HasSubstr("no event was lost"));
    EXPECT_THAT(text, Not(HasSubstr("Warning")));
}

TEST(HumanView, TheCountdownIsReadableAtEveryLength) {
    EXPECT_EQ(human_text(Status{41.2, 12345, 2, 0}),
              "[00:42 left] facts 12,345  findings 2  lost 0");
    EXPECT_EQ(human_text(Status{3661, 1, 0, 1000000}),
              "[1:01:01 left] facts 1  findings 0  lost 1,000,000");
    EXPECT_EQ(human_text(Status{-3, 0, 0, 0}), "[00:00 left] facts 0  findings 0  lost 0");
    EXPECT_EQ(human_text(Status{std::nullopt, 0, 0, 0}), "[watching] facts 0  findings 0  lost 0");
}

class View : public testing::Test {
protected:
    View() : out_(std::fopen(directory_.file("out").c_str(), "w")) {}
    ~View() override { std::fclose(out_); }
    std::string shown() { return example::read_text(directory_.file("out")); }

    example::TemporaryDirectory directory_;
    std::FILE* out_;
    engine::RuleInfo rule_ = example::client_rule();
};

TEST_F(View, FindingsAppearAboveTheCountdown) {
    TerminalView view(out_, false, true);
    view.status({60, 0, 0, 0});
    view.show(change_of(rule_, example::connection()));
    view.status({59, 5, 1, 0});
    const std::string text = shown();
    EXPECT_THAT(text, testing::StartsWith("[01:00 left] facts 0  findings 0  lost 0\r\x1b[K15:30"));
    EXPECT_THAT(text, EndsWith("fix: Use TLS.\n[01:00 left] facts 0  findings 0  lost 0"
                               "\r\x1b[K[00:59 left] facts 5  findings 1  lost 0"));
}

TEST_F(View, TheSummaryTakesTheCountdownAway) {
    TerminalView view(out_, false, true);
    view.status({1, 0, 0, 0});
    view.summary(findings::Verdicts{});
    EXPECT_THAT(shown(), HasSubstr("lost 0\r\x1b[K\nAssessment"));
    EXPECT_THAT(shown(), EndsWith(".\n"));
}

TEST_F(View, WhereNothingCanBeRedrawnThereIsNoCountdown) {
    TerminalView view(out_, false, false);
    view.status({60, 0, 0, 0});
    view.clear_status();
    EXPECT_EQ(shown(), "");
}

}  // namespace
}  // namespace assay::deliver
