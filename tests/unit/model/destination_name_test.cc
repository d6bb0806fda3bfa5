// SPDX-License-Identifier: Apache-2.0
#include "dns_fixture.h"
#include "model_fixture.h"

namespace assay::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kThere = "192.0.2.7";

class DestinationNames : public ModelTest {
protected:
    DestinationNames() {
        running(20, "/usr/bin/curl", 1000);
        running(21, "/usr/bin/curl", 1000);
        running(22, "/usr/bin/wget", 1000);
        snapshot();
    }

    /// pid asks for a name and is answered with kThere.
    void looks_up(std::uint32_t pid, std::string_view name, std::string_view address = kThere) {
        const DnsAsker asker{.process = key(pid), .uid = 1000, .image_file = image(pid)};
        now += kMsNs;
        const std::string query = dns_query(name);
        model->on(dns_event(asker, now, true, query));
        const std::string answer = dns_answer(name, {std::string(address)});
        model->on(dns_event(asker, now, false, answer));
    }
    void connects(std::uint64_t id, std::uint32_t pid) {
        now += kMsNs;
        sensors::EndpointOpened event;
        event.time_ns = now;
        event.id = id;
        event.key = {.image_file = image(pid),
                     .uid = 1000,
                     .netns = 1,
                     .port = 443,
                     .udp = false,
                     .role = sensors::Role::client,
                     .local = {},
                     .remote = ip(kThere)};
        event.process = key(pid);
        model->on(event);
        establish(id);
    }
    /// What the kernel's counters say a second later; the last connect was just now.
    void connected_in_all(std::uint64_t id, std::uint64_t times) {
        now += kMsNs;
        model->on(sensors::EndpointCounters{id, times, times, 0, now});
        pass(kSecondNs);
    }
    static sensors::FileKey image(std::uint32_t pid) { return {pid == 22 ? 78U : 77U, 8}; }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> told_names;
        for (const Told& fact : connections()) {
            told_names.push_back(fact["DestinationHostname"]);
        }
        return told_names;
    }
};

TEST_F(DestinationNames, AConnectionHasTheNameThatItsProcessAskedFor) {
    looks_up(20, "www.example.org");
    connects(1, 20);
    EXPECT_THAT(names(), ElementsAre("www.example.org"));
}

TEST_F(DestinationNames, AnAnswerThatComesAfterTheConnectNamesNothing) {
    connects(1, 20);
    looks_up(20, "late.example.org");
    sends(100, 1, kPlainGet);
    connected_in_all(1, 1);
    close();
    for (const std::string& name : names()) {
        EXPECT_EQ(name, "(absent)");
    }
    EXPECT_FALSE(names().empty());
}

TEST_F(DestinationNames, AnotherAddressHasNoName) {
    looks_up(20, "www.example.org", "192.0.2.8");
    connects(1, 20);
    EXPECT_THAT(names(), ElementsAre("(absent)"));
}

TEST_F(DestinationNames, OfTwoNamesEachProgramHasItsOwn) {
    looks_up(20, "a.test");
    looks_up(22, "b.test");
    connects(1, 20);
    connects(2, 22);
    EXPECT_THAT(names(), ElementsAre("a.test", "b.test"));
}

TEST_F(DestinationNames, ALaterConnectionUnderAnotherNameIsToldWithinTheSecond) {
    looks_up(20, "a.test");
    connects(1, 20);
    looks_up(21, "b.test");
    connected_in_all(1, 2);
    EXPECT_THAT(names(), ElementsAre("a.test", "b.test"));
    EXPECT_EQ(connections()[1]["Count"], "2");
    EXPECT_EQ(connections()[1].header.stream, connections()[0].header.stream);
}

TEST_F(DestinationNames, SeveralNamesBetweenTwoReadingsAreAllTold) {
    looks_up(20, "a.test");
    connects(1, 20);
    looks_up(21, "b.test");
    looks_up(21, "c.test");
    connected_in_all(1, 3);
    EXPECT_THAT(names(), ElementsAre("a.test", "b.test", "c.test"));
}

TEST_F(DestinationNames, NamesThatWereAskedForButNotUsedAreNotTold) {
    looks_up(20, "a.test");
    connects(1, 20);
    looks_up(21, "unused.test");
    looks_up(21, "used.test");
    connected_in_all(1, 2);
    EXPECT_THAT(names(), ElementsAre("a.test", "used.test"));
    looks_up(21, "never.test");
    connected_in_all(1, 2);
    EXPECT_THAT(names(), SizeIs(2));
}

TEST_F(DestinationNames, ANewNameIsToldOfTheVerdictThatGrewAndNotOfTheOthers) {
    looks_up(20, "a.test");
    connects(1, 20);
    sends(100, 1, kLoginGet);
    connected_in_all(1, 1);
    now += kMsNs;
    looks_up(21, "b.test");
    payload(102, 1, false, "SSH-2.0-OpenSSH_9\r\n", 0, {});
    payload(102, 1, true, "SSH-2.0-OpenSSH_9\r\n", 0, {});
    flow_closed(102);
    connected_in_all(1, 2);
    close();
    for (const Told& fact : connections()) {
        if (fact["ApplicationProtocol"] == "http") {
            EXPECT_EQ(fact["DestinationHostname"], "a.test");
        }
    }
    const auto all = connections();
    const auto under_b = std::ranges::count_if(all, [](const Told& fact) {
        return fact["ApplicationProtocol"] == "ssh" && fact["DestinationHostname"] == "b.test";
    });
    EXPECT_GE(under_b, 1);
}

TEST_F(DestinationNames, ProgramsThatAlternateBetweenTwoNamesAreToldOnceUnderEach) {
    looks_up(20, "a.test");
    connects(1, 20);
    for (std::uint64_t i = 2; i < 8; ++i) {
        looks_up(21, i % 2 == 0 ? "b.test" : "a.test");
        connected_in_all(1, i);
    }
    EXPECT_THAT(names(), ElementsAre("a.test", "b.test"));
}

TEST_F(DestinationNames, MoreNamesThanAStreamRemembersMakeNoFlood) {
    looks_up(20, "n.test");
    connects(1, 20);
    for (std::uint64_t i = 0; i < 100; ++i) {
        looks_up(21, "n" + std::to_string(i) + ".test");
        now += kMsNs;
        model->on(sensors::EndpointCounters{1, i + 2, i + 2, 0, now});
    }
    EXPECT_THAT(names(), SizeIs(16));
}

TEST_F(DestinationNames, AServerSideConnectionHasNone) {
    looks_up(20, "a.test", "198.51.100.9");
    listen(at("0.0.0.0", 80), 5, 30);
    serve(9, "10.0.0.2", 80, "198.51.100.9");
    pass(2 * kSecondNs);
    ASSERT_THAT(connections(), SizeIs(1));
    EXPECT_EQ(connections()[0]["DestinationHostname"], "(absent)");
}

}  // namespace
}  // namespace assay::model
