// SPDX-License-Identifier: Apache-2.0
#include "model/endpoint_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::model {
namespace {

using protocols::Protocol;

VerdictKind kind(Protocol protocol, bool login = false) {
    VerdictKind made;
    made.protocol = protocol;
    made.cleartext_credentials = login;
    return made;
}

Endpoint told_as_unknown() {
    Endpoint endpoint;
    endpoint.opened = true;
    endpoint.established_seen = true;
    endpoint.rest.number = 7;
    return endpoint;
}

TEST(Endpoint, TheFirstVerdictTakesOverTheNumberThatWasToldAsUnknown) {
    Endpoint endpoint = told_as_unknown();
    endpoint.count_flow({}, kind(Protocol::http));
    EXPECT_EQ(endpoint.verdicts.at(0).number, 7U);
    EXPECT_EQ(endpoint.rest.number, 0U);
    EXPECT_EQ(endpoint.rest_count(), 0U);
}

TEST(Endpoint, TheSecondVerdictIsAnotherStream) {
    Endpoint endpoint = told_as_unknown();
    endpoint.count_flow({}, kind(Protocol::http));
    endpoint.count_flow({}, kind(Protocol::redis));
    endpoint.count_flow({}, kind(Protocol::redis));
    ASSERT_EQ(endpoint.verdicts.size(), 2U);
    EXPECT_EQ(endpoint.verdicts[1].number, 0U);
    EXPECT_EQ(endpoint.verdicts[1].count, 2U);
}

TEST(Endpoint, AFlowThatIsJudgedAnewMovesAndTheSumStays) {
    Endpoint endpoint = told_as_unknown();
    endpoint.established = 10;
    for (int i = 0; i < 5; ++i) {
        endpoint.count_flow({}, kind(Protocol::http));
    }
    endpoint.count_flow(kind(Protocol::http), kind(Protocol::http, true));
    EXPECT_EQ(endpoint.verdicts.at(0).count, 4U);
    EXPECT_EQ(endpoint.verdicts.at(1).count, 1U);
    EXPECT_EQ(endpoint.rest_count(), 5U);
    endpoint.count_flow(kind(Protocol::http), kind(Protocol::http, true));
    EXPECT_EQ(endpoint.verdicts.at(0).count + endpoint.verdicts.at(1).count, 5U);
}

TEST(Endpoint, AStreamThatIsEmptiedHandsItsNumberOn) {
    Endpoint endpoint = told_as_unknown();
    endpoint.count_flow({}, kind(Protocol::ftp));
    endpoint.count_flow(kind(Protocol::ftp), kind(Protocol::ftp, true));
    ASSERT_EQ(endpoint.verdicts.size(), 1U);
    EXPECT_EQ(endpoint.verdicts[0].number, 7U);
    EXPECT_TRUE(endpoint.verdicts[0].kind.cleartext_credentials);
}

TEST(Endpoint, FailedAttemptsBelongToTheUnknownPart) {
    Endpoint endpoint = told_as_unknown();
    endpoint.attempts = 12;
    endpoint.established = 10;
    EXPECT_EQ(endpoint.attempts_of(endpoint.rest), 12U);
    endpoint.count_flow({}, kind(Protocol::http));
    EXPECT_EQ(endpoint.attempts_of(endpoint.verdicts[0]), 1U);
    EXPECT_EQ(endpoint.attempts_of(endpoint.rest), 11U);
}

TEST(Endpoint, AttemptsAllBelongToAVerdictThatStandsAlone) {
    Endpoint endpoint = told_as_unknown();
    endpoint.attempts = 3;
    endpoint.established = 1;
    endpoint.count_flow({}, kind(Protocol::http));
    EXPECT_EQ(endpoint.attempts_of(endpoint.verdicts[0]), 3U);
    EXPECT_EQ(endpoint.attempts_of(endpoint.rest), 0U);
}

TEST(Endpoint, CountersThatLagBehindTheFlowsDoNotGoBelowZero) {
    Endpoint endpoint = told_as_unknown();
    endpoint.established = 1;
    for (int i = 0; i < 3; ++i) {
        endpoint.count_flow({}, kind(Protocol::http));
    }
    EXPECT_EQ(endpoint.total(), 3U);
    EXPECT_EQ(endpoint.rest_count(), 0U);
}

TEST(Endpoint, HasABoundedNumberOfStreams) {
    Endpoint endpoint = told_as_unknown();
    endpoint.established = 200;
    constexpr std::string_view kNames =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!$%&/()=?+*";
    int refused = 0;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        VerdictKind other = kind(Protocol::ssh);
        other.version = kNames.substr(i, 1);
        refused += endpoint.count_flow({}, other) ? 0 : 1;
    }
    EXPECT_EQ(endpoint.verdicts.size(), Endpoint::kMostStreams);
    EXPECT_EQ(refused, static_cast<int>(kNames.size() - Endpoint::kMostStreams));
    EXPECT_EQ(endpoint.rest_count() + endpoint.judged(), 200U);
}

}  // namespace
}  // namespace assay::model
