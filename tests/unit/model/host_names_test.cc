// SPDX-License-Identifier: Apache-2.0
#include "model/host_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "dns_fixture.h"

namespace assay::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kSecondNs = 1'000'000'000;

const DnsAsker kCurl{.process = {20, 1}, .uid = 1000, .image_file = {77, 8}, .socket = 1};
const DnsAsker kCurlAgain{.process = {21, 2}, .uid = 1000, .image_file = {77, 8}, .socket = 2};
const DnsAsker kWget{.process = {22, 3}, .uid = 1000, .image_file = {78, 8}, .socket = 3};
const DnsAsker kRoot{.process = {23, 4}, .uid = 0, .image_file = {77, 8}, .socket = 4};
const DnsAsker kElsewhere{
    .process = {24, 5}, .uid = 1000, .image_file = {77, 8}, .socket = 5, .netns = 2};

class HostNamesTest : public testing::Test {
protected:
    void asks(const DnsAsker& asker, std::string_view name, unsigned id = 7) {
        const std::string wire = dns_query(name, id);
        names.heard(dns_event(asker, ++now, true, wire));
    }
    void is_answered(const DnsAsker& asker, std::string_view name,
                     const std::vector<std::string>& addresses, unsigned id = 7) {
        const std::string wire = dns_answer(name, addresses, id);
        names.heard(dns_event(asker, ++now, false, wire));
    }
    void learns(const DnsAsker& asker, std::string_view name, std::string_view address) {
        asks(asker, name);
        is_answered(asker, name, {std::string(address)});
    }
    [[nodiscard]] std::vector<std::string_view> of(std::string_view address, const DnsAsker& user,
                                                   std::uint64_t since = 0) const {
        std::vector<std::string_view> found;
        for (const Text& name : names.names(*IpAddress::parse(address),
                                            {.process = user.process,
                                             .image_file = user.image_file,
                                             .uid = user.uid,
                                             .netns = user.netns},
                                            since, now)) {
            found.push_back(name.view());
        }
        return found;
    }

    TextPool texts;
    HostNames names{texts};
    std::uint64_t now = 1000 * kSecondNs;
};

TEST_F(HostNamesTest, AnAnswerNamesEachOfItsAddresses) {
    asks(kCurl, "a.test");
    is_answered(kCurl, "a.test", {"10.0.0.1", "10.0.0.2"});
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test"));
    EXPECT_THAT(of("10.0.0.2", kCurl), ElementsAre("a.test"));
    EXPECT_THAT(of("10.0.0.3", kCurl), IsEmpty());
}

TEST_F(HostNamesTest, AnAnswerToAnotherNumberNameOrSocketIsNotBelieved) {
    asks(kCurl, "a.test", 7);
    is_answered(kCurl, "a.test", {"10.0.0.1"}, 8);
    is_answered(kCurl, "b.test", {"10.0.0.1"}, 7);
    is_answered(kWget, "a.test", {"10.0.0.1"}, 7);
    EXPECT_TRUE(names.empty());
    is_answered(kCurl, "A.Test", {"10.0.0.1"}, 7);
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test"));
}

TEST_F(HostNamesTest, AnAnswerThatNobodyWaitsForAnyMoreIsNotBelieved) {
    asks(kCurl, "a.test");
    now += HostNames::kQuestionLives + kSecondNs;
    is_answered(kCurl, "a.test", {"10.0.0.1"});
    EXPECT_TRUE(names.empty());
}

TEST_F(HostNamesTest, WhereQueriesCannotBeSeenAnAnswerIsBelievedOnASocketThatAsked) {
    const std::string wire = dns_answer("a.test", {"10.0.0.1"});
    auto event = dns_event(kCurl, now, false, wire);
    event.query_told = false;
    names.heard(event);
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test"));
}

TEST_F(HostNamesTest, AQueryThatPretendsToBeAnAnswerAndTheOtherWayRoundSayNothing) {
    const std::string answer = dns_answer("a.test", {"10.0.0.1"});
    names.heard(dns_event(kCurl, now, true, answer));
    EXPECT_EQ(names.questions(), 0U);
    const std::string query = dns_query("a.test");
    names.heard(dns_event(kCurl, now, false, query));
    EXPECT_TRUE(names.empty());
}

TEST_F(HostNamesTest, TheNewestNameComesLast) {
    learns(kCurl, "a.test", "10.0.0.1");
    learns(kCurl, "b.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test", "b.test"));
    learns(kCurl, "a.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("b.test", "a.test"));
}

TEST_F(HostNamesTest, WhoAskedItselfIsNotToldWhatOthersAskedFor) {
    learns(kCurl, "mine.test", "10.0.0.1");
    learns(kCurlAgain, "again.test", "10.0.0.1");
    learns(kWget, "wget.test", "10.0.0.1");
    learns(kRoot, "root.test", "10.0.0.1");
    learns(kElsewhere, "elsewhere.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("mine.test"));
    EXPECT_THAT(of("10.0.0.1", kWget), ElementsAre("wget.test"));
    EXPECT_THAT(of("10.0.0.1", kElsewhere), ElementsAre("elsewhere.test"));
}

TEST_F(HostNamesTest, WithoutAnAnswerOfItsOwnTheNearestAskerCounts) {
    learns(kElsewhere, "elsewhere.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("elsewhere.test"));
    learns(kRoot, "root.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("root.test"));
    learns(kWget, "wget.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("wget.test"));
    learns(kCurlAgain, "again.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("again.test"));
}

TEST_F(HostNamesTest, OnlyNamesOfTheTimeBetweenAreAnswered) {
    learns(kCurl, "a.test", "10.0.0.1");
    const std::uint64_t between = now;
    learns(kCurl, "b.test", "10.0.0.1");
    EXPECT_THAT(of("10.0.0.1", kCurl, between), ElementsAre("b.test"));
    EXPECT_THAT(names.names(*IpAddress::parse("10.0.0.1"), {}, 0, between - kSecondNs), IsEmpty());
}

TEST_F(HostNamesTest, ANameOutlivesItsTimeToLiveByTheGraceAndNoLonger) {
    learns(kCurl, "a.test", "10.0.0.1");
    now += HostNames::kGrace;
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test"));
    now += 61 * kSecondNs;
    EXPECT_THAT(of("10.0.0.1", kCurl), IsEmpty());
}

TEST_F(HostNamesTest, AStormOfNamesStaysWithinTheBoundsAndForgetsTheOldest) {
    learns(kCurl, "kept.test", "10.255.0.1");
    learns(kCurl, "lost.test", "10.255.0.2");
    for (unsigned i = 0; i < HostNames::kMostNames; ++i) {
        learns(kCurl, "n" + std::to_string(i) + ".test",
               "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256));
        if (i % 1000 == 0) {
            learns(kCurl, "kept.test", "10.255.0.1");
        }
    }
    EXPECT_EQ(names.size(), HostNames::kMostNames);
    EXPECT_LE(names.questions(), HostNames::kMostQuestions);
    EXPECT_THAT(of("10.255.0.1", kCurl), ElementsAre("kept.test"));
    EXPECT_THAT(of("10.255.0.2", kCurl), IsEmpty());
}

TEST_F(HostNamesTest, ManyNamesOfOneAddressStayWithinTheBoundAndTheNewestStay) {
    for (unsigned i = 0; i < 2 * HostNames::kMostNamesOfAddress; ++i) {
        learns(kCurl, "n" + std::to_string(i) + ".test", "10.0.0.1");
    }
    const auto kept = of("10.0.0.1", kCurl);
    EXPECT_EQ(kept.size(), HostNames::kMostNamesOfAddress);
    EXPECT_EQ(kept.back(), "n63.test");
    EXPECT_EQ(names.size(), HostNames::kMostNamesOfAddress);
}

TEST_F(HostNamesTest, AProgramThatRunsAgainAndAgainIsOneEntry) {
    learns(kCurl, "a.test", "10.0.0.1");
    learns(kCurlAgain, "a.test", "10.0.0.1");
    EXPECT_EQ(names.size(), 1U);
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("a.test"));
}

TEST_F(HostNamesTest, QuestionsThatAreNeverAnsweredStayWithinTheBound) {
    for (unsigned i = 0; i < 3 * HostNames::kMostQuestions; ++i) {
        DnsAsker asker = kCurl;
        asker.socket = i;
        asks(asker, "a.test");
    }
    EXPECT_EQ(names.questions(), HostNames::kMostQuestions);
}

TEST_F(HostNamesTest, ANumberThatIsUsedAgainStandsForTheNewQuestion) {
    asks(kCurl, "a.test", 7);
    asks(kCurl, "b.test", 7);
    is_answered(kCurl, "a.test", {"10.0.0.1"}, 7);
    EXPECT_TRUE(names.empty());
    now += HostNames::kQuestionLives - kSecondNs;
    asks(kCurl, "c.test", 8);  // makes the old one go
    is_answered(kCurl, "b.test", {"10.0.0.1"}, 7);
    EXPECT_THAT(of("10.0.0.1", kCurl), ElementsAre("b.test"));
}

TEST_F(HostNamesTest, AnAnswerOverTcpIsRead) {
    const auto over_tcp = [&](bool query, const std::string& message) {
        const std::string wire = dns_wire::be16(static_cast<unsigned>(message.size())) + message;
        auto event = dns_event(kCurl, ++now, query, wire);
        event.udp = false;
        names.heard(event);
    };
    over_tcp(true, dns_query("a.test"));
    over_tcp(false, dns_answer("a.test", {"10.0.0.1", "2001:db8::1"}));
    EXPECT_THAT(of("2001:db8::1", kCurl), ElementsAre("a.test"));
}

}  // namespace
}  // namespace assay::model
