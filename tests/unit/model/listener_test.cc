// SPDX-License-Identifier: Apache-2.0
#include "model_fixture.h"

namespace assay::model {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Listeners : public ModelTest {
protected:
    Listeners() {
        running(1, "/usr/lib/systemd/systemd");
        running(30, "/usr/sbin/nginx");
        running(31, "/usr/sbin/nginx", 1000);
        running(40, "/usr/bin/other", 1000);
    }
    void holders_pass(std::initializer_list<std::uint32_t> pids, const sensors::ListenerKey& where,
                      std::uint64_t cookie) {
        model->holders_begin();
        for (const std::uint32_t pid : pids) {
            holds(pid, where, cookie);
        }
        model->holders_done();
    }
    [[nodiscard]] Told last() const {
        const auto all = listeners();
        return all.empty() ? Told{} : all.back();
    }
    void serves(std::uint64_t flow, std::uint16_t port, std::string_view bytes,
                std::string_view local = "10.0.0.2") {
        payload(flow, 1000 + flow, false, bytes, 0, server_at(port, local));
        flow_closed(flow);
    }
};

TEST_F(Listeners, AreToldWhenTheyBegin) {
    snapshot();
    now += kSecondNs;
    listen(at("0.0.0.0", 80), 7, 30);
    ASSERT_THAT(listeners(), SizeIs(1));
    const Told fact = last();
    EXPECT_EQ(fact["Netns"], "1");
    EXPECT_EQ(fact["Protocol"], "tcp");
    EXPECT_EQ(fact["LocalIp"], "0.0.0.0");
    EXPECT_EQ(fact["LocalPort"], "80");
    EXPECT_EQ(fact["Scope"], "any");
    EXPECT_EQ(fact["Image"], "/usr/sbin/nginx");
    EXPECT_EQ(fact["ProcessId"], "30");
    EXPECT_EQ(fact["User"], "root");
    EXPECT_EQ(fact["Owners"], "[\"/usr/sbin/nginx[30]\"]");
    EXPECT_EQ(fact["SocketActivated"], "false");
    EXPECT_EQ(fact["Open"], "true");
    EXPECT_EQ(fact["Connections"], "0");
    EXPECT_EQ(fact["ObservedSeconds"], "0");
    EXPECT_EQ(fact["ObservedEnough"], "false");
    EXPECT_EQ(fact["ApplicationProtocol"], "unknown");
    EXPECT_EQ(fact["ProtocolEvidence"], "(absent)");
    EXPECT_EQ(fact["Encrypted"], "(absent)");
    EXPECT_EQ(fact.header.origin, facts::Origin::runtime);
    EXPECT_FALSE(fact.header.at_close);
}

TEST_F(Listeners, HaveAScope) {
    snapshot();
    listen(at("127.0.0.1", 80), 1, 30);
    EXPECT_EQ(last()["Scope"], "loopback");
    EXPECT_TRUE(last().header.loopback);
    listen(at("::1", 80), 2, 30);
    EXPECT_EQ(last()["Scope"], "loopback");
    listen(at("10.1.2.3", 80), 3, 30);
    EXPECT_EQ(last()["Scope"], "private");
    EXPECT_FALSE(last().header.loopback);
    listen(at("198.51.100.1", 80), 4, 30);
    EXPECT_EQ(last()["Scope"], "any");
    listen(at("::", 80), 5, 30);
    EXPECT_EQ(last()["Scope"], "any");
}

TEST_F(Listeners, OfTheSnapshotNameEveryHolder) {
    holds(31, at("0.0.0.0", 80), 7);
    holds(30, at("0.0.0.0", 80), 7);
    holds(30, at("0.0.0.0", 80), 7);
    EXPECT_THAT(listeners(), IsEmpty());
    snapshot();
    ASSERT_THAT(listeners(), SizeIs(1));
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/nginx[30]\",\"/usr/sbin/nginx[31]\"]");
    EXPECT_EQ(last()["ProcessId"], "30");
    EXPECT_EQ(last().header.origin, facts::Origin::snapshot);
}

TEST_F(Listeners, ThatOpenWhileTheSnapshotIsTakenAreOneAndRuntime) {
    listen(at("0.0.0.0", 80), 7, 30);
    holds(30, at("0.0.0.0", 80), 7);
    EXPECT_THAT(listeners(), IsEmpty());
    snapshot();
    ASSERT_THAT(listeners(), SizeIs(1));
    EXPECT_EQ(last().header.origin, facts::Origin::runtime);
    unlisten(at("0.0.0.0", 80), 7);
    EXPECT_EQ(last()["Open"], "false");
}

TEST_F(Listeners, ThatCloseBeforeTheirSnapshotRecordAreNotLeftBehind) {
    unlisten(at("0.0.0.0", 80), 7);
    holds(30, at("0.0.0.0", 80), 7);
    snapshot();
    EXPECT_THAT(listeners(), IsEmpty());
}

TEST_F(Listeners, AreToldWhenTheyCloseAndNotAgain) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    pass(5 * kSecondNs);
    unlisten(at("0.0.0.0", 80), 7);
    ASSERT_THAT(listeners(), SizeIs(2));
    EXPECT_EQ(last()["Open"], "false");
    EXPECT_EQ(last()["ObservedSeconds"], "5");
    EXPECT_EQ(last()["Image"], "/usr/sbin/nginx");
    EXPECT_EQ(listeners()[0].header.stream, listeners()[1].header.stream);
    close();
    EXPECT_THAT(listeners(), SizeIs(2));
}

TEST_F(Listeners, OfTheSnapshotCloseThoughTheirCookieWasNotKnown) {
    holds(30, at("0.0.0.0", 80), 0);
    snapshot();
    unlisten(at("0.0.0.0", 80), 4242);
    EXPECT_EQ(last()["Open"], "false");
}

TEST_F(Listeners, ThatShareAPortAreOneUntilTheLastSocketCloses) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    listen(at("0.0.0.0", 80), 8, 31);
    EXPECT_THAT(listeners(), SizeIs(1));
    unlisten(at("0.0.0.0", 80), 7);
    EXPECT_THAT(listeners(), SizeIs(1));
    close();
    EXPECT_EQ(last()["Open"], "true");
    EXPECT_EQ(last()["ProcessId"], "31");
}

TEST_F(Listeners, ThatAreReopenedByTheSameProgramGoOn) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    listener_counters(at("0.0.0.0", 80), 3, 2);
    pass(40 * kSecondNs);
    unlisten(at("0.0.0.0", 80), 7);
    listen(at("0.0.0.0", 80), 8, 31);
    pass(40 * kSecondNs);
    close();
    EXPECT_EQ(last()["ConnectionsWithData"], "2");
    EXPECT_EQ(last()["ObservedSeconds"], "80");
    EXPECT_EQ(last()["ProcessId"], "31");
}

TEST_F(Listeners, ThatAnotherProgramReopensBeginAnew) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    listener_counters(at("0.0.0.0", 80), 3, 2);
    pass(40 * kSecondNs);
    unlisten(at("0.0.0.0", 80), 7);
    listen(at("0.0.0.0", 80), 8, 40);
    listener_counters(at("0.0.0.0", 80), 4, 2);
    pass(5 * kSecondNs);
    close();
    EXPECT_EQ(last()["Image"], "/usr/bin/other");
    EXPECT_EQ(last()["Connections"], "1");
    EXPECT_EQ(last()["ConnectionsWithData"], "0");
    EXPECT_EQ(last()["ObservedSeconds"], "5");
}

TEST_F(Listeners, CountersOfAnExactAddressBelongToTheWildcard) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    listener_counters(at("0.0.0.0", 80), 2, 1);
    listener_counters(at("10.0.0.2", 80), 1, 1);
    listener_counters(at("10.0.0.2", 80), 4, 2);
    listener_counters(at("10.0.0.2", 81), 9, 9);
    close();
    EXPECT_EQ(last()["Connections"], "6");
    EXPECT_EQ(last()["ConnectionsWithData"], "3");
}

TEST_F(Listeners, CountersThatComeBeforeTheirListenerWait) {
    listener_counters(at("10.0.0.2", 80), 3, 2);
    holds(30, at("0.0.0.0", 80), 7);
    snapshot();
    EXPECT_EQ(last()["Connections"], "3");
    listener_counters(at("10.0.0.2", 80), 4, 3);
    close();
    EXPECT_EQ(last()["Connections"], "4");
    EXPECT_EQ(last()["ConnectionsWithData"], "3");
}

TEST_F(Listeners, ADualStackWildcardTakesIpv4) {
    snapshot();
    listen(at("::", 80), 7, 30);
    listener_counters(at("10.0.0.2", 80), 1, 1);
    listener_counters(at("2001:db8::1", 80), 1, 1);
    listen(at("::", 81), 8, 30, true);
    listener_counters(at("10.0.0.2", 81), 1, 1);
    close();
    EXPECT_EQ(listeners()[2]["Connections"], "2");
    EXPECT_EQ(listeners()[3]["Connections"], "0");
}

TEST_F(Listeners, AnIpv4WildcardComesBeforeADualStackOne) {
    snapshot();
    listen(at("::", 80), 7, 30);
    listen(at("0.0.0.0", 80), 8, 40);
    listener_counters(at("10.0.0.2", 80), 1, 1);
    close();
    for (const Told& fact : listeners()) {
        if (fact.header.at_close) {
            EXPECT_EQ(fact["Connections"], fact["LocalIp"] == "0.0.0.0" ? "1" : "0");
        }
    }
}

TEST_F(Listeners, ConnectionsOfTheSnapshotAreUse) {
    holds(30, at("0.0.0.0", 80), 7);
    connected(31, 600, "10.0.0.2", 80, "198.51.100.9", 50000);
    connected(31, 601, "10.0.0.2", 80, "198.51.100.9", 50001);
    snapshot();
    EXPECT_EQ(last()["Connections"], "2");
    EXPECT_EQ(last()["ConnectionsWithData"], "2");
    EXPECT_THAT(connections(), IsEmpty());
}

TEST_F(Listeners, UdpIsToldOnlyOnceADatagramHasCome) {
    snapshot();
    listen(at("0.0.0.0", 161, true), 7, 30);
    listen(at("0.0.0.0", 162, true), 8, 30);
    listener_counters(at("0.0.0.0", 162, true), 0, 0);
    EXPECT_THAT(listeners(), IsEmpty());
    auto place = server_at(161);
    place.udp = true;
    payload(100, 5, false, "x", 0, place);
    ASSERT_THAT(listeners(), SizeIs(1));
    EXPECT_EQ(last()["Protocol"], "udp");
    EXPECT_EQ(last()["LocalPort"], "161");
    listener_counters(at("0.0.0.0", 162, true), 1, 1);
    EXPECT_THAT(listeners(), SizeIs(2));
}

TEST_F(Listeners, UdpPortsOfClientsAreNeverTold) {
    holds(40, at("0.0.0.0", 5353, true), 6);
    snapshot();
    listen(at("0.0.0.0", 40000, true), 7, 30);
    unlisten(at("0.0.0.0", 40000, true), 7);
    close();
    EXPECT_THAT(listeners(), IsEmpty());
}

TEST_F(Listeners, ChangeOfProtocolWaitsForItsHolders) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    EXPECT_FALSE(model->wants_holders());
    pass(10 * kMsNs);
    serves(1, 80, kPlainGet);
    EXPECT_THAT(listeners(), SizeIs(1));
    EXPECT_TRUE(model->wants_holders());
    holders_pass({30, 31}, at("0.0.0.0", 80), 7);
    ASSERT_THAT(listeners(), SizeIs(2));
    EXPECT_FALSE(model->wants_holders());
    EXPECT_EQ(last()["ApplicationProtocol"], "http");
    EXPECT_EQ(last()["ProtocolEvidence"], "payload");
    EXPECT_EQ(last()["Encrypted"], "false");
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/nginx[30]\",\"/usr/sbin/nginx[31]\"]");
}

TEST_F(Listeners, ChangeOfProtocolIsToldWithoutHoldersAfterASecond) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    serves(1, 80, kPlainGet);
    pass(900 * kMsNs);
    EXPECT_THAT(listeners(), SizeIs(1));
    pass(200 * kMsNs);
    ASSERT_THAT(listeners(), SizeIs(2));
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/nginx[30]\"]");
}

TEST_F(Listeners, PassesAreWantedAtMostOnceASecond) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    listen(at("0.0.0.0", 81), 8, 30);
    pass(10 * kMsNs);
    serves(1, 80, kPlainGet);
    holders_pass({30}, at("0.0.0.0", 80), 7);
    pass(10 * kMsNs);
    serves(2, 81, kPlainGet);
    EXPECT_FALSE(model->wants_holders());
    pass(995 * kMsNs);
    EXPECT_TRUE(model->wants_holders());
}

TEST_F(Listeners, ClearTextWinsOverEncryptedAndLoginsOverBoth) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    payload(1, 900, true, "SSH-2.0-x\r\n", 0, server_at(80));
    payload(1, 900, false, "SSH-2.0-y\r\n", 0, server_at(80));
    flow_closed(1);
    pass(1100 * kMsNs);
    EXPECT_EQ(last()["ApplicationProtocol"], "ssh");
    EXPECT_EQ(last()["Encrypted"], "true");
    serves(2, 80, kPlainGet);
    pass(1100 * kMsNs);
    EXPECT_EQ(last()["ApplicationProtocol"], "http");
    EXPECT_EQ(last()["Encrypted"], "false");
    EXPECT_EQ(last()["CleartextCredentials"], "false");
    serves(3, 80, kLoginGet);
    pass(1100 * kMsNs);
    EXPECT_EQ(last()["CleartextCredentials"], "true");
    const std::size_t before = listeners().size();
    serves(4, 80, kPlainGet);
    pass(1100 * kMsNs);
    EXPECT_THAT(listeners(), SizeIs(before));
}

TEST_F(Listeners, StarttlsOffersAreNoted) {
    snapshot();
    listen(at("0.0.0.0", 25), 7, 30);
    const auto place = server_at(25);
    payload(1, 900, true, "220 mx ESMTP ready\r\n", 0, place);
    payload(1, 900, false, "EHLO a\r\n", 0, place);
    payload(1, 900, true, "250-mx\r\n250 STARTTLS\r\n", 20, place);
    flow_closed(1);
    pass(1100 * kMsNs);
    EXPECT_EQ(last()["ApplicationProtocol"], "smtp");
    EXPECT_EQ(last()["StartTlsOffered"], "true");
    EXPECT_EQ(last()["StartTlsTaken"], "false");
}

TEST_F(Listeners, TheOwnerIsTheCallerWhileItHoldsTheSocket) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 31);
    pass(10 * kMsNs);
    holders_pass({30, 31}, at("0.0.0.0", 80), 7);
    close();
    EXPECT_EQ(last()["ProcessId"], "31");
}

TEST_F(Listeners, TheOwnerIsTheLowestHolderWhenTheCallerHasLetGo) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    pass(10 * kMsNs);
    holders_pass({40, 31}, at("0.0.0.0", 80), 7);
    close();
    EXPECT_EQ(last()["ProcessId"], "31");
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/nginx[31]\",\"/usr/bin/other[40]\"]");
    EXPECT_EQ(last()["User"], "joe");
}

TEST_F(Listeners, ASocketActivatorThatExecutesTheServiceIsNamedByTheService) {
    snapshot();
    exec(50, "/usr/bin/systemd-socket-activate");
    listen(at("0.0.0.0", 80), 7, 50);
    EXPECT_EQ(last()["Image"], "/usr/bin/systemd-socket-activate");
    exec(50, "/usr/sbin/service");
    activated.insert(50);
    pass(10 * kMsNs);
    holders_pass({50}, at("0.0.0.0", 80), 7);
    close();
    EXPECT_EQ(last()["Image"], "/usr/sbin/service");
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/service[50]\"]");
    EXPECT_EQ(last()["SocketActivated"], "true");
}

TEST_F(Listeners, OfPidOneAreSocketActivated) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 1);
    EXPECT_EQ(last()["SocketActivated"], "true");
}

TEST_F(Listeners, OfAProcessThatIsGoneAreStillNamed) {
    snapshot();
    exec(60, "/usr/bin/starter");
    listen(at("0.0.0.0", 80), 7, 60);
    model->on(sensors::ProcessExit{now, key(60)});
    pass(60 * kSecondNs);
    unlisten(at("0.0.0.0", 80), 7);
    EXPECT_EQ(last()["Image"], "/usr/bin/starter");
}

TEST_F(Listeners, APassThatReadsNothingChangesNothing) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    model->holders_begin();
    model->holders_done();
    close();
    EXPECT_EQ(last()["Owners"], "[\"/usr/sbin/nginx[30]\"]");
}

TEST_F(Listeners, AreObservedEnoughAfterHalfTheWindow) {
    snapshot();
    listen(at("0.0.0.0", 80), 7, 30);
    pass(299 * kSecondNs);
    listen(at("0.0.0.0", 81), 8, 30);
    pass(2 * kSecondNs);
    close();
    ASSERT_THAT(listeners(), SizeIs(4));
    EXPECT_EQ(listeners()[2]["ObservedEnough"], "true");
    EXPECT_EQ(listeners()[2]["ObservedSeconds"], "301");
    EXPECT_EQ(listeners()[3]["ObservedEnough"], "false");
    EXPECT_TRUE(listeners()[3].header.at_close);
}

TEST_F(Listeners, OfTheSnapshotAreObservedEnoughAtTheCloseOfAShortWindow) {
    told.clear();
    start({kStart, 10 * kSecondNs});
    running(30, "/usr/sbin/nginx");
    holds(30, at("0.0.0.0", 80), 7);
    snapshot();
    listen(at("0.0.0.0", 81), 8, 30);
    EXPECT_EQ(listeners()[0]["ObservedEnough"], "false");
    pass(10 * kSecondNs);
    close();
    EXPECT_EQ(listeners()[2]["ObservedEnough"], "true");
    EXPECT_EQ(listeners()[2]["LocalPort"], "80");
    EXPECT_EQ(listeners()[3]["ObservedEnough"], "false");
}

TEST_F(Listeners, NothingIsToldAfterTheClose) {
    snapshot();
    close();
    const std::size_t before = told.size();
    listen(at("0.0.0.0", 81), 8, 30);
    pass(kSecondNs);
    EXPECT_THAT(told, SizeIs(before));
}

}  // namespace
}  // namespace assay::model
