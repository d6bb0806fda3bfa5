// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "model/endpoint_table.h"
#include "model/flow_table.h"
#include "model_fixture.h"

namespace assay::model {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Connections : public ModelTest {
protected:
    Connections() {
        running(20, "/usr/bin/curl", 1000);
        running(30, "/usr/sbin/nginx");
    }
};

TEST_F(Connections, AreToldAtOnceWhenEstablished) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    EXPECT_THAT(connections(), IsEmpty());
    establish(1, 41234);
    ASSERT_THAT(connections(), SizeIs(1));
    const Told fact = connections()[0];
    EXPECT_EQ(fact["Image"], "/usr/bin/curl");
    EXPECT_EQ(fact["User"], "joe");
    EXPECT_EQ(fact["ProcessId"], "20");
    EXPECT_EQ(fact["Initiated"], "true");
    EXPECT_EQ(fact["Protocol"], "tcp");
    EXPECT_EQ(fact["SourceIp"], "10.0.0.2");
    EXPECT_EQ(fact["SourcePort"], "41234");
    EXPECT_EQ(fact["DestinationIp"], "192.0.2.7");
    EXPECT_EQ(fact["DestinationPort"], "80");
    EXPECT_EQ(fact["ApplicationProtocol"], "unknown");
    EXPECT_EQ(fact["ProtocolEvidence"], "(absent)");
    EXPECT_EQ(fact["Encrypted"], "(absent)");
    EXPECT_EQ(fact["CleartextCredentials"], "(absent)");
    EXPECT_EQ(fact["Count"], "1");
    EXPECT_EQ(fact["Attempts"], "1");
    EXPECT_EQ(fact["Attribution"], "connect");
    EXPECT_EQ(fact["Netns"], "1");
    EXPECT_EQ(fact["Cgroup"], "/system.slice");
    EXPECT_FALSE(fact.header.loopback);
    EXPECT_EQ(fact.header.origin, facts::Origin::runtime);
}

TEST_F(Connections, PlainClearTextIsHeldForTwoSecondsAndThenReplacesTheUnknown) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    pass(1900 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(1));
    pass(200 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(2));
    EXPECT_EQ(connections()[1]["ApplicationProtocol"], "http");
    EXPECT_EQ(connections()[1]["ProtocolEvidence"], "payload");
    EXPECT_EQ(connections()[1]["Encrypted"], "false");
    EXPECT_EQ(connections()[1]["CleartextCredentials"], "false");
    EXPECT_EQ(connections()[1].header.stream, connections()[0].header.stream);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
}

TEST_F(Connections, PlainClearTextIsToldWhenTheFlowCloses) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    flow_closed(100);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
}

TEST_F(Connections, ALoginIsToldAtOnce) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kLoginGet);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
    EXPECT_THAT(connections(), SizeIs(2));
}

TEST_F(Connections, ALoginReplacesThePlainVerdictOfTheSameFlow) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    pass(3 * kSecondNs);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
    payload(100, 1, false, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 0, {});
    sends(100, 1, kLoginGet, static_cast<std::uint32_t>(kPlainGet.size()));
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
}

TEST_F(Connections, OneLoginAmongManyPlainFlowsIsItsOwnStreamAndTheSumIsExact) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    for (std::uint64_t flow = 1; flow <= 501; ++flow) {
        sends(flow, 1, flow == 250 ? kLoginGet : kPlainGet);
        flow_closed(flow);
    }
    counters(1, 505, 501, 501);
    pass(11 * kSecondNs);
    close();
    EXPECT_THAT(newest_counts(), UnorderedElementsAre(Pair("http", 500), Pair("http login", 1)));
    EXPECT_LE(connections().size(), 10U);
}

TEST_F(Connections, TheStreamsOfAnEndpointSumUpToWhatTheKernelCounted) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    for (std::uint64_t flow = 1; flow <= 4; ++flow) {
        sends(flow, 1, kPlainGet);
        flow_closed(flow);
    }
    counters(1, 12, 10, 12);
    close();
    EXPECT_THAT(newest_counts(), UnorderedElementsAre(Pair("http", 4), Pair("unknown", 6)));
    std::map<std::uint64_t, std::string> attempts;
    for (const Told& fact : connections()) {
        attempts[fact.header.stream] = fact["Attempts"];
    }
    EXPECT_THAT(attempts, UnorderedElementsAre(Pair(testing::_, "4"), Pair(testing::_, "8")));
    EXPECT_TRUE(connections().back().header.at_close);
}

TEST_F(Connections, AStormIsToldEveryTenSecondsOnly) {
    snapshot();
    open(1, 20, "192.0.2.7", 9999);
    establish(1);
    for (std::uint64_t second = 1; second <= 60; ++second) {
        counters(1, second * 1000, second * 1000, second * 1000);
        pass(kSecondNs);
    }
    EXPECT_LE(connections().size(), 7U);
    counters(1, 60'001, 60'000, 60'001);
    close();
    EXPECT_EQ(connections().back()["Count"], "60000");
    EXPECT_EQ(connections().back()["Attempts"], "60001");
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("unknown", 60'000)));
}

TEST_F(Connections, ARefusedOneIsToldAtTheFirstCounters) {
    snapshot();
    open(1, 20, "192.0.2.7", 81);
    pass(500 * kMsNs);
    counters(1, 1, 0, 0);
    EXPECT_THAT(connections(), IsEmpty());
    counters(1, 1, 0, 1);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Count"], "0");
    EXPECT_EQ(connections()[0]["Attempts"], "1");
    EXPECT_EQ(connections()[0].header.count, 0U);
    EXPECT_EQ(connections()[0]["SourceIp"], "(absent)");
}

TEST_F(Connections, OneThatHangsIsToldAfterASecond) {
    snapshot();
    open(1, 20, "192.0.2.7", 81);
    counters(1, 1, 0, 0);
    pass(900 * kMsNs);
    EXPECT_THAT(connections(), IsEmpty());
    pass(200 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Count"], "0");
    establish(1);
    ASSERT_THAT(connections(), SizeIs(2));
    EXPECT_EQ(connections()[1]["Count"], "1");
    EXPECT_EQ(connections()[1].header.stream, connections()[0].header.stream);
}

TEST_F(Connections, CountersMayComeBeforeTheirEndpoint) {
    snapshot();
    counters(1, 7, 5, 7);
    open(1, 20, "192.0.2.7", 81);
    close();
    EXPECT_EQ(connections().back()["Count"], "5");
    EXPECT_EQ(connections().back()["Attempts"], "7");
}

TEST_F(Connections, OneThatWasNeverEstablishedIsToldAtTheClose) {
    snapshot();
    open(1, 20, "192.0.2.7", 81);
    close();
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Count"], "0");
    EXPECT_EQ(connections()[0]["Attempts"], "1");
    EXPECT_TRUE(connections()[0].header.at_close);
}

TEST_F(Connections, LoopbackIsMarked) {
    snapshot();
    open(1, 20, "127.0.0.1", 80);
    establish(1);
    EXPECT_TRUE(connections().at(0).header.loopback);
}

TEST_F(Connections, OfAssayItselfAreNeverTold) {
    const auto own = static_cast<std::uint32_t>(::getpid());
    exec(own, "/usr/bin/assay");
    snapshot();
    open(1, own, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kLoginGet);
    listen(at("0.0.0.0", 99), 5, own);
    close();
    EXPECT_THAT(connections(), IsEmpty());
    EXPECT_THAT(listeners(), IsEmpty());
    EXPECT_THAT(settled, ElementsAre(100));
}

TEST_F(Connections, AProcessThatIsGoneStillHasItsNameAtTheClose) {
    snapshot();
    exec(40, "/usr/bin/short", 1000);
    open(1, 40, "192.0.2.7", 80);
    establish(1);
    model->on(sensors::ProcessExit{now, key(40)});
    pass(100 * kSecondNs);
    counters(1, 2, 2, 2);
    close();
    EXPECT_EQ(connections().back()["Image"], "/usr/bin/short");
    EXPECT_EQ(connections().back()["Count"], "2");
}

TEST_F(Connections, ASegmentMayComeBeforeItsEndpoint) {
    snapshot();
    sends(100, 1, kLoginGet);
    EXPECT_THAT(connections(), IsEmpty());
    open(1, 20, "192.0.2.7", 80);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
    EXPECT_EQ(connections().at(0)["Image"], "/usr/bin/curl");
}

TEST_F(Connections, AnEndpointWhoseOpeningWasLostIsToldFromItsSegment) {
    snapshot();
    sends(100, 1, kLoginGet);
    pass(1100 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["DestinationIp"], "192.0.2.7");
    EXPECT_EQ(connections()[0]["DestinationPort"], "80");
    EXPECT_EQ(connections()[0]["Image"], "(absent)");
    EXPECT_EQ(connections()[0]["Attribution"], "(absent)");
}

TEST_F(Connections, SegmentsOutOfOrderArePutInOrder) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    const std::string_view first = kLoginGet.substr(0, 20);
    const std::string_view second = kLoginGet.substr(20);
    sends(100, 1, second, 20);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("unknown", 1)));
    sends(100, 1, first, 0);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
}

TEST_F(Connections, BytesSentTwiceCountOnce) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    sends(100, 1, kPlainGet);
    flow_closed(100);
    sends(100, 1, kPlainGet);
    close();
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
}

TEST_F(Connections, BytesThatNeverComeAreGivenUpAfterTwoSeconds) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    sends(100, 1, kLoginGet, 5000);
    pass(2100 * kMsNs);
    pass(kSecondNs);
    close();
    const auto counts = newest_counts();
    std::uint64_t sum = 0;
    for (const auto& [protocol, count] : counts) {
        sum += count;
    }
    EXPECT_EQ(sum, 1U);
}

TEST_F(Connections, AFinalVerdictSettlesTheFlowOnceAndLateSegmentsDoNotCountTwice) {
    snapshot();
    open(1, 20, "192.0.2.7", 22);
    establish(1);
    const Place place{.remote_port = 22};
    for (int again = 0; again < 3; ++again) {
        payload(100, 1, false, "SSH-2.0-OpenSSH_9.2\r\n", 0, place);
        payload(100, 1, true, "SSH-2.0-OpenSSH_9.2\r\n", 0, place);
    }
    counters(1, 1, 1);
    close();
    EXPECT_THAT(settled, ElementsAre(100));
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("ssh", 1)));
    EXPECT_EQ(connections().back()["Encrypted"], "true");
    EXPECT_EQ(connections().back()["ApplicationProtocolVersion"], "2.0");
}

TEST_F(Connections, ALoginAfterMinutesOfSilenceIsSeen) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    sends(100, 1, kPlainGet);
    pass(300 * kSecondNs);
    EXPECT_THAT(settled, IsEmpty());
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
    sends(100, 1, kLoginGet, static_cast<std::uint32_t>(kPlainGet.size()));
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
}

TEST_F(Connections, AnIdleDatagramFlowIsLetGo) {
    snapshot();
    open(1, 20, "192.0.2.7", 9999, true);
    payload(100, 1, true, "nothing that anybody knows", 0, {.remote_port = 9999, .udp = true});
    pass(61 * kSecondNs);
    EXPECT_THAT(settled, ElementsAre(100));
}

TEST_F(Connections, ALonePacketToAListenerIsNoConnection) {
    snapshot();
    Place place = server_at(80);
    place.early = true;
    payload(100, 1, false, kLoginGet, 0, place);
    pass(5 * kSecondNs);
    EXPECT_THAT(newest_counts(), Not(Contains(Pair("http login", 1))));
    payload(100, 1, true, "HTTP/1.1 200 OK\r\n\r\n", 0, server_at(80));
    EXPECT_THAT(newest_counts(), Contains(Pair("http login", 1)));
}

TEST_F(Connections, WhenTheKernelHandsOverNoMoreTheVerdictStands) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    payload(100, 1, true, kPlainGet, 0, {.last = true});
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
}

TEST_F(Connections, ALoginLongAfterTheFirstRequestsOfAConnectionIsSeen) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    payload(100, 1, true, kPlainGet, 0, {.last = true});
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
    EXPECT_THAT(settled, IsEmpty()) << "the kernel is to go on handing over unlike requests";
    payload(100, 1, true, "GET /longer/path HTTP/1.1\r\nHost: a\r\n\r\n", 90'000, {.late = true});
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
    payload(100, 1, true, kLoginGet, 100'000, {.late = true});
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http login", 1)));
    EXPECT_THAT(settled, ElementsAre(100));
}

TEST_F(Connections, OfOtherProtocolsNothingIsAskedForAfterTheFirstSegments) {
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    payload(100, 1, true, "no protocol that anybody knows", 0, {.last = true});
    EXPECT_THAT(settled, ElementsAre(100));
}

TEST_F(Connections, TooManyFlowsAtOnceAreCountedAsLost) {
    sensors::HookState hook;
    hook.hook = facts::Hook::packet;
    hook.mechanism = "cgroup";
    model->on(hook);
    snapshot();
    open(1, 20, "192.0.2.7", 80);
    establish(1);
    for (std::uint64_t flow = 1; flow <= FlowTable::kMostFlows + 10; ++flow) {
        sends(flow, 1, kPlainGet);
    }
    pass(1500 * kMsNs);
    const auto coverage = of(facts::Kind::coverage);
    ASSERT_THAT(coverage, SizeIs(2));
    EXPECT_EQ(coverage[1]["Hook"], "packet");
    EXPECT_EQ(coverage[1]["Lost"], "10");
    EXPECT_THAT(coverage[1]["Reason"], testing::HasSubstr("too many flows"));
    EXPECT_EQ(coverage[1].header.stream, coverage[0].header.stream);
    close();
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", FlowTable::kMostFlows + 10)));
}

TEST_F(Connections, TooManyEndpointsAreToldBeforeTheyAreForgotten) {
    snapshot();
    for (std::uint64_t id = 1; id <= EndpointTable::kMostEndpoints + 5; ++id) {
        open(id, 20, "192.0.2.7", static_cast<std::uint16_t>(id));
    }
    EXPECT_THAT(connections(), SizeIs(5));
}

TEST_F(Connections, UdpIsToldWithItsVerdict) {
    snapshot();
    open(1, 20, "192.0.2.7", 161, true);
    const std::string get(
        "\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x01\x02\x03\x04\x02"
        "\x01\x00\x02\x01\x00\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05"
        "\x00",
        40);
    payload(100, 1, true, get, 0, {.remote_port = 161, .udp = true});
    pass(3 * kSecondNs);
    ASSERT_FALSE(connections().empty());
    EXPECT_EQ(connections().back()["Protocol"], "udp");
    EXPECT_EQ(connections().back()["ApplicationProtocol"], "snmp");
    EXPECT_EQ(connections().back()["ApplicationProtocolVersion"], "2c");
    EXPECT_EQ(connections().back()["SourcePort"], "40000");
}

TEST_F(Connections, ServerSideOnesBelongToTheListenersOwner) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    serve(5, "10.0.0.2", 80, "198.51.100.9");
    EXPECT_THAT(connections(), IsEmpty());
    payload(300, 5, false, kPlainGet, 0, server_at(80));
    ASSERT_THAT(connections(), SizeIs(1));
    const Told fact = connections()[0];
    EXPECT_EQ(fact["Initiated"], "false");
    EXPECT_EQ(fact["Image"], "/usr/sbin/nginx");
    EXPECT_EQ(fact["User"], "root");
    EXPECT_EQ(fact["SourceIp"], "198.51.100.9");
    EXPECT_EQ(fact["SourcePort"], "50123");
    EXPECT_EQ(fact["DestinationIp"], "10.0.0.2");
    EXPECT_EQ(fact["DestinationPort"], "80");
    EXPECT_EQ(fact["Attribution"], "listener");
    flow_closed(300);
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("http", 1)));
}

TEST_F(Connections, AServerSideOneWithoutPayloadIsToldAfterASecond) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    serve(5, "10.0.0.2", 80, "198.51.100.9");
    pass(1100 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Count"], "1");
    EXPECT_EQ(connections()[0]["SourcePort"], "(absent)");
}

TEST_F(Connections, TheAcceptingProcessIsNamedWhereItIsKnown) {
    running(31, "/usr/sbin/worker", 1000);
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    serve(5, "10.0.0.2", 80, "198.51.100.9");
    model->on(sensors::EndpointAccepted{5, key(31)});
    pass(1100 * kMsNs);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Image"], "/usr/sbin/worker");
    EXPECT_EQ(connections()[0]["Attribution"], "accept");
    EXPECT_EQ(connections()[0]["User"], "joe");
}

TEST_F(Connections, OfTheSnapshotAreToldByProgramAndDestination) {
    running(21, "/usr/bin/curl", 1000);
    connected(20, 500, "10.0.0.2", 40001, "192.0.2.7", 5432);
    connected(21, 500, "10.0.0.2", 40001, "192.0.2.7", 5432);
    connected(21, 501, "10.0.0.2", 40002, "192.0.2.7", 5432);
    connected(20, 502, "10.0.0.2", 40003, "192.0.2.8", 5432);
    EXPECT_THAT(connections(), IsEmpty());
    snapshot();
    ASSERT_THAT(connections(), SizeIs(2));
    EXPECT_EQ(connections()[0]["DestinationIp"], "192.0.2.7");
    EXPECT_EQ(connections()[0]["Count"], "2");
    EXPECT_EQ(connections()[0]["Attempts"], "2");
    EXPECT_EQ(connections()[0]["ProcessId"], "20");
    EXPECT_EQ(connections()[0]["Attribution"], "socket");
    EXPECT_EQ(connections()[0].header.origin, facts::Origin::snapshot);
    EXPECT_EQ(connections()[1]["Count"], "1");
}

TEST_F(Connections, AFlowOlderThanTheWindowIsItsHoldersAndReplacesWhatTheSnapshotSaid) {
    connected(20, 500, "10.0.0.2", 40000, "192.0.2.7", 80);
    connected(20, 501, "10.0.0.2", 40009, "192.0.2.7", 80);
    open(1, 0, "192.0.2.7", 80);
    payload(100, 1, true, kLoginGet, 0, {.mid_stream = true});
    EXPECT_THAT(connections(), IsEmpty());
    snapshot();
    const auto counts = newest_counts();
    std::uint64_t sum = 0;
    for (const auto& [protocol, count] : counts) {
        sum += count;
    }
    close();
    EXPECT_THAT(newest_counts(), UnorderedElementsAre(Pair("http login", 1), Pair("unknown", 1)));
    for (const Told& fact : connections()) {
        EXPECT_EQ(fact["Image"], "/usr/bin/curl");
        EXPECT_EQ(fact["Attribution"], "socket");
        EXPECT_EQ(fact.header.origin, facts::Origin::snapshot);
    }
}

TEST_F(Connections, ThatTheSnapshotDidNotShowAreToldWithoutAHolder) {
    snapshot();
    open(1, 0, "192.0.2.7", 80);
    payload(100, 1, true, kLoginGet, 0, {.mid_stream = true});
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["Image"], "(absent)");
    EXPECT_EQ(connections()[0]["Count"], "1");
    EXPECT_EQ(connections()[0].header.origin, facts::Origin::snapshot);
}

TEST_F(Connections, MadeWhileTheSnapshotWasTakenCountOnce) {
    open(1, 20, "192.0.2.7", 5432);
    establish(1, 40001);
    connected(20, 500, "10.0.0.2", 40001, "192.0.2.7", 5432);
    connected(20, 501, "10.0.0.2", 40002, "192.0.2.7", 5432);
    snapshot();
    EXPECT_THAT(newest_counts(), ElementsAre(Pair("unknown", 2)));
    ASSERT_THAT(connections(), SizeIs(2));
    EXPECT_NE(connections()[0].header.origin, connections()[1].header.origin);
}

TEST_F(Connections, NothingIsToldWhenTheyAreNotWanted) {
    model->want(facts::Kind::network_connection, false);
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    serve(5, "10.0.0.2", 80, "198.51.100.9");
    payload(300, 5, false, kLoginGet, 0, server_at(80));
    pass(2 * kSecondNs);
    EXPECT_THAT(connections(), IsEmpty());
    EXPECT_EQ(listeners().back()["ApplicationProtocol"], "http");
}

}  // namespace
}  // namespace assay::model
