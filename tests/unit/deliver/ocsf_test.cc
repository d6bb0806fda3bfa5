// SPDX-License-Identifier: Apache-2.0
#include "deliver/ocsf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "../findings/example.h"
#include "temporary.h"

namespace assay::deliver {
namespace {

using example::at;
using example::match_of;
using findings::Change;
using findings::Store;
using testing::HasSubstr;
using testing::Not;

/// Everything that this file encodes goes through the schema at the end of each test.
class Ocsf : public testing::Test {
protected:
    void TearDown() override {
        const std::string tool = ASSAY_SOURCE_DIR "/../shared/tools/ocsf_validate.py";
        if (!std::filesystem::exists(tool)) {
            GTEST_SKIP() << "lines are not checked against the schema: " << tool << " is absent";
        }
        const example::TemporaryDirectory directory;
        const std::string file = directory.file("lines.jsonl");
        std::string text;
        for (const auto& line : lines_) {
            text += line + "\n";
        }
        example::write_text(file, text);
        const std::string command =
            "python3 " + tool + " --quiet " + file + " > " + file + ".told 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0) << example::read_text(file + ".told");
    }

    std::string encode(const auto& record) {
        lines_.push_back(ocsf_line(record));
        return lines_.back();
    }
    Store store() {
        return {example::host(), example::run(), example::curl_ancestry,
                [this](const Change& change) {
                    changes_.push_back(change);
                    encode(change);
                }};
    }
    /// Compares with the golden file, in which the product's version is VERSION.
    void expect_golden(const std::string& name, std::string line) {
        const std::string product = R"("vendor_name":"assay","version":")";
        if (const auto begin = line.find(product); begin != std::string::npos) {
            const auto from = begin + product.size();
            line.replace(from, line.find('"', from) - from, "VERSION");
        }
        const std::string path = ASSAY_SOURCE_DIR "/tests/unit/deliver/golden/" + name;
        if (std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr) {
            example::write_text(path, line + "\n");
        }
        EXPECT_EQ(line + "\n", example::read_text(path));
    }

    std::vector<std::string> lines_;
    std::vector<Change> changes_;
    engine::RuleInfo client_ = example::client_rule();
    engine::RuleInfo server_ = example::listener_rule();
};

findings::Verdicts verdicts(const engine::RuleInfo& client, const engine::RuleInfo& server) {
    findings::Verdicts verdicts;
    verdicts.run = example::run();
    verdicts.host = example::host();
    verdicts.end = at(61.5);
    verdicts.planned_seconds = 60;
    verdicts.seconds = 61.5;
    verdicts.outcomes = {
        {&client, engine::RuleStatus::finding, "", 40, 3, 12, 1},
        {&server, engine::RuleStatus::unknown, "the hook packet lost 3 events", 4, 0, 2, 0}};
    verdicts.findings = {{client.slug, {0, 0, 1, 0, 0}}};
    verdicts.coverage = {{"exec", "attached", "tp_btf", "", 0},
                         {"packet", "attached", "cgroup", "ring full", 3}};
    verdicts.facts = 12345;
    return verdicts;
}

TEST_F(Ocsf, ADetectionFindingIsTheGoldenLine) {
    auto findings = store();
    findings.on_match(match_of(client_, example::connection()));
    expect_golden("detection_create.jsonl", lines_.at(0));
    EXPECT_LE(lines_[0].size(), 4096U);
}

TEST_F(Ocsf, AnIdleListenersFindingIsTheGoldenLine) {
    auto findings = store();
    findings.on_match(match_of(server_, example::listener()));
    expect_golden("listener_create.jsonl", lines_.at(0));
}

TEST_F(Ocsf, TheVerdictsOfARunAreTheGoldenLine) {
    expect_golden("verdicts.jsonl", encode(verdicts(client_, server_)));
}

TEST_F(Ocsf, TheSameChangeGivesTheSameBytes) {
    auto findings = store();
    findings.on_match(match_of(client_, example::connection()));
    EXPECT_EQ(ocsf_line(changes_.at(0)), lines_.at(0));
}

TEST_F(Ocsf, UpdatesAndClosesKeepTheFindingsUidAndHaveRecordUidsOfTheirOwn) {
    auto findings = store();
    auto fact = example::listener();
    findings.on_match(match_of(server_, fact));
    auto worse = match_of(server_, fact);
    worse.level = engine::Level::critical;
    findings.on_match(worse);
    auto gone = match_of(server_, fact);
    gone.matched = false;
    findings.on_match(gone);
    ASSERT_EQ(lines_.size(), 3U);
    const std::string uid = R"("uid":")" + changes_[0].finding->uid + "\"";
    for (const auto& line : lines_) {
        EXPECT_THAT(line, HasSubstr(uid));
    }
    EXPECT_THAT(lines_[0], HasSubstr(R"("type_uid":200401)"));
    EXPECT_THAT(lines_[1], HasSubstr(R"("type_uid":200402)"));
    EXPECT_THAT(lines_[1], HasSubstr(R"("severity":"Critical","severity_id":5)"));
    EXPECT_THAT(lines_[1], HasSubstr(R"("numeric_severity":9.5)"));
    EXPECT_THAT(lines_[2], HasSubstr(R"("type_uid":200403)"));
    EXPECT_THAT(lines_[2], HasSubstr(R"("status":"Resolved")"));
    const auto record = [](const std::string& line) {
        return line.substr(line.find(R"("log_name")"), 220);
    };
    EXPECT_NE(record(lines_[0]), record(lines_[1]));
}

TEST_F(Ocsf, RulesOfBestPracticesGiveComplianceFindings) {
    auto findings = store();
    server_.package = "best-practices";
    const auto fact = example::listener();
    findings.on_match(match_of(server_, fact));
    auto gone = match_of(server_, fact);
    gone.matched = false;
    findings.on_match(gone);
    EXPECT_THAT(lines_.at(0), HasSubstr(R"("class_uid":2003)"));
    EXPECT_THAT(lines_.at(0), HasSubstr(R"("status":"Fail","status_id":3)"));
    EXPECT_THAT(lines_.at(1), HasSubstr(R"("status":"Pass","status_id":1)"));
}

TEST_F(Ocsf, HostileTextsStayInsideTheirStrings) {
    using std::string_literals::operator""s;
    const std::string hostile = "/tmp/\"},\"severity_id\":1,\n\x1b[2J\xff\x00 -p hunter2"s;
    auto findings = store();
    auto fact = example::connection();
    fact.image = hostile;
    fact.user = hostile;
    fact.destination_ip = "not an address\n";
    fact.destination_hostname = hostile;
    fact.application_protocol = hostile;
    fact.container_id = hostile;
    findings.on_match(match_of(client_, fact));
    facts::ProcessCreation exec;
    exec.header.process = {7, 8};
    exec.image = hostile;
    exec.command_line = hostile;
    findings.on_match(match_of(client_, facts::FactView(exec), {"Image", "CommandLine"}));
    for (const auto& line : lines_) {
        EXPECT_EQ(line.find_first_of("\n\x1b"), std::string::npos);
        EXPECT_THAT(line, Not(HasSubstr("hunter2")));
        EXPECT_THAT(line, HasSubstr(R"("severity":"Medium","severity_id":3)"));
    }
}

TEST_F(Ocsf, EachKindOfFactAndOddValueIsValid) {
    auto findings = store();
    auto inbound = example::connection();
    inbound.initiated = false;
    inbound.protocol = "udp";
    inbound.source_ip = "2001:db8::1";
    inbound.destination_ip = "2001:db8::2";
    inbound.protocol_evidence = "port";
    findings.on_match(match_of(client_, inbound));

    facts::NetworkConnection bare;
    findings.on_match(match_of(client_, bare));

    facts::Coverage coverage;
    coverage.hook = "packet";
    coverage.state = "missing";
    coverage.reason = "no cgroup2";
    coverage.lost = 0;
    findings.on_match(match_of(server_, facts::FactView(coverage), {"Hook"}));
    EXPECT_THAT(lines_.back(), HasSubstr("packet is missing: no cgroup2"));

    auto exec = facts::ProcessCreation{};
    exec.header.process = {4242, 1};
    exec.header.count = 5'000'000'000;
    exec.image = "/";
    findings.on_match(match_of(client_, facts::FactView(exec), {"Image"}));
    EXPECT_THAT(lines_.back(), HasSubstr(R"("count":2147483647,)"));
    EXPECT_THAT(lines_.back(), HasSubstr(R"("unmapped":{"count":5000000000,)"));

    auto many = example::listener();
    for (std::uint16_t port = 1; port <= 102; ++port) {
        many.local_port = port;
        findings.on_match(match_of(server_, many));
    }
    EXPECT_THAT(lines_.back(), HasSubstr(R"("is_summary":true)"));
}

TEST_F(Ocsf, AHostThatKnowsNothingOfItselfIsValid) {
    Store findings({}, {"", {}, {{"flag", ""}}}, nullptr,
                   [&](const Change& change) { encode(change); });
    engine::RuleInfo bare;
    bare.slug = "bare";
    findings.on_match(match_of(bare, example::connection()));
    EXPECT_EQ(lines_.size(), 1U);
    encode(findings::Verdicts{});
}

TEST_F(Ocsf, ChecksTellPassFailUnknownAndNotApplicable) {
    auto all = verdicts(client_, server_);
    std::vector<engine::RuleInfo> rules(4, client_);
    all.outcomes.clear();
    const engine::RuleStatus statuses[] = {engine::RuleStatus::pass, engine::RuleStatus::finding,
                                           engine::RuleStatus::unknown,
                                           engine::RuleStatus::not_applicable};
    for (std::size_t i = 0; i < 4; ++i) {
        rules[i].slug = "rule-" + std::to_string(i);
        all.outcomes.push_back({&rules[i], statuses[i], "because", 0, 0, 0, 0});
    }
    const auto line = encode(all);
    EXPECT_THAT(line, HasSubstr(R"("status":"Pass","status_id":1,"uid")"));
    EXPECT_THAT(line, HasSubstr(R"("status":"Fail","status_id":3,"uid")"));
    EXPECT_THAT(line, HasSubstr(R"("status":"Unknown","status_id":0,"uid")"));
    EXPECT_THAT(line, HasSubstr(R"("status":"Not applicable","status_id":99,"uid")"));
}

}  // namespace
}  // namespace assay::deliver
