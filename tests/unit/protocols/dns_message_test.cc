// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "dns_wire.h"

namespace assay::protocols {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Address = DnsMessage::Address;
using namespace dns_wire;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

const std::string kWww = name({"www", "example", "org"});
const std::string kFirst = {10, 0, 0, 1};
const std::string kSecond = {10, 0, 0, 2};

TEST(DnsMessage, AnAddressBelongsToTheNameThatWasAskedFor) {
    const std::string wire = header(2) + question(kWww) +
                             record(pointer(kQuestionAt), kA, 300, kFirst) +
                             record(pointer(kQuestionAt), kA, 60, kSecond);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->id, 0x1234);
    EXPECT_TRUE(message->answer);
    EXPECT_EQ(message->question, "www.example.org");
    EXPECT_EQ(message->type, kA);
    EXPECT_THAT(message->aliases, IsEmpty());
    EXPECT_THAT(message->addresses, ElementsAre(Address{IpAddress::v4(10, 0, 0, 1), 300},
                                                Address{IpAddress::v4(10, 0, 0, 2), 60}));
}

TEST(DnsMessage, AnIpv6AddressIsRead) {
    std::string data(16, '\0');
    data[0] = '\x20';
    data[1] = '\x01';
    data[15] = '\x07';
    const std::string wire = header(1) + question(kWww, kAaaa) + record(kWww, kAaaa, 5, data);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->addresses, ElementsAre(Address{*IpAddress::parse("2001::7"), 5}));
}

TEST(DnsMessage, AQueryIsReadWithoutAnAnswer) {
    const std::string wire = header(0, kQuery) + question(kWww, kAaaa);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_FALSE(message->answer);
    EXPECT_EQ(message->question, "www.example.org");
    EXPECT_EQ(message->type, kAaaa);
}

TEST(DnsMessage, AliasesAreFollowedInWhateverOrderTheyCome) {
    const std::string cdn = name({"cdn", "example", "net"});
    const std::string edge = name({"edge", "example", "net"});
    const std::string wire = header(3) + question(kWww) + record(edge, kA, 500, kFirst) +
                             record(cdn, kCname, 40, edge) +
                             record(pointer(kQuestionAt), kCname, 3600, cdn);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->aliases, ElementsAre("cdn.example.net", "edge.example.net"));
    EXPECT_THAT(message->addresses, ElementsAre(Address{IpAddress::v4(10, 0, 0, 1), 40}));
}

TEST(DnsMessage, AnAddressOfAnotherNameIsNotTaken) {
    const std::string bank = name({"bank", "example"});
    const std::string wire = header(2) + question(kWww) + record(bank, kA, 300, kFirst) +
                             record(pointer(kQuestionAt), kA, 300, kSecond);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->addresses, ElementsAre(Address{IpAddress::v4(10, 0, 0, 2), 300}));
}

TEST(DnsMessage, AliasesInARingEnd) {
    const std::string other = name({"other"});
    const std::string wire = header(2) + question(kWww) +
                             record(pointer(kQuestionAt), kCname, 1, other) +
                             record(other, kCname, 1, pointer(kQuestionAt));
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->aliases, ElementsAre("other"));
    EXPECT_THAT(message->addresses, IsEmpty());
}

TEST(DnsMessage, MoreAliasesThanAnybodyNeedsAreNotFollowed) {
    std::string wire = header(20) + question(name("n0"));
    for (int i = 0; i < 20; ++i) {
        wire += record(name("n" + std::to_string(i)), kCname, 1, name("n" + std::to_string(i + 1)));
    }
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->aliases, SizeIs(kMostDnsAliases));
    EXPECT_EQ(message->aliases.back(), "n16");
}

TEST(DnsMessage, NamesAreLowerCaseAndOddBytesEscaped) {
    const std::string odd = name({"WwW", "a.b\\c", std::string_view("\x00 \xC3\xA9\x7F", 5)});
    const std::string wire = header(1) + question(odd) + record(odd, kA, 1, kFirst);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->question, R"(www.a\.b\\c.\000\032\195\169\127)");
    EXPECT_THAT(message->addresses, SizeIs(1));
}

TEST(DnsMessage, TheOwnerOfARecordMayBeWrittenInOtherLetters) {
    const std::string wire =
        header(1) + question(kWww) + record(name({"WWW", "Example", "ORG"}), kA, 1, kFirst);
    EXPECT_THAT(read_dns_message(bytes_of(wire))->addresses, SizeIs(1));
}

TEST(DnsMessage, TheRootIsADot) {
    const std::string wire = header(0, kQuery) + question(name({}));
    EXPECT_EQ(read_dns_message(bytes_of(wire))->question, ".");
}

TEST(DnsMessage, APointerToItselfForwardOrInARingEndsTheReading) {
    const auto question_with = [](const std::string& encoded) {
        return header(0, kQuery) + question(encoded);
    };
    EXPECT_FALSE(read_dns_message(bytes_of(question_with(pointer(kQuestionAt)))));
    EXPECT_FALSE(read_dns_message(bytes_of(question_with(pointer(kQuestionAt + 1)))));
    EXPECT_FALSE(read_dns_message(bytes_of(question_with(pointer(0x3FFF)))));
    EXPECT_FALSE(
        read_dns_message(bytes_of(question_with("\x01"
                                                "a" +
                                                pointer(kQuestionAt)))));
    // A ring through the record: its pointer leads to a pointer that leads back to it.
    const std::string start = header(1) + question(kWww);
    const auto place = static_cast<unsigned>(start.size());
    const auto message = read_dns_message(bytes_of(start + record("\x01"
                                                                  "a" +
                                                                      pointer(place),
                                                                  kA, 1, kFirst)));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->addresses, IsEmpty());
}

TEST(DnsMessage, AStaircaseOfPointersIsNotClimbed) {
    std::string steps;
    for (unsigned i = 0; i < 40; ++i) {
        const auto here =
            static_cast<unsigned>(header(0).size() + question(kWww).size() + 12 + steps.size());
        steps += pointer(i == 0 ? kQuestionAt : here - 2);
    }
    const auto last =
        static_cast<unsigned>(header(0).size() + question(kWww).size() + 12 + steps.size() - 2);
    const std::string wire = header(2) + question(kWww) +
                             record(pointer(kQuestionAt), kText, 1, steps) +
                             record(pointer(last), kA, 1, kFirst);
    const auto message = read_dns_message(bytes_of(wire));
    ASSERT_TRUE(message);
    EXPECT_THAT(message->addresses, IsEmpty());
}

TEST(DnsMessage, ANameLongerThan255BytesOrAnExtendedLabelIsRefused) {
    const std::string label(63, 'x');
    const auto with = [&](std::initializer_list<std::string_view> labels) {
        return read_dns_message(bytes_of(header(0, kQuery) + question(name(labels))));
    };
    const std::string_view longest = std::string_view(label).substr(0, 61);
    EXPECT_TRUE(with({label, label, label, longest}));
    EXPECT_FALSE(with({label, label, label, label}));
    EXPECT_FALSE(read_dns_message(bytes_of(header(0, kQuery) + question("\x41"
                                                                        "a"))));
}

TEST(DnsMessage, EveryBeginningOfAMessageIsSafeAndGivesNoMoreThanTheWhole) {
    const std::string cdn = name({"cdn", "example", "net"});
    const std::string wire = header(3) + question(kWww) +
                             record(pointer(kQuestionAt), kCname, 10, cdn) +
                             record(cdn, kA, 20, kFirst) + record(cdn, kA, 20, kSecond);
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        const std::string part = wire.substr(0, cut);
        const auto message = read_dns_message(bytes_of(part));
        if (cut < header(0).size() + question(kWww).size()) {
            EXPECT_FALSE(message) << cut;
        } else {
            ASSERT_TRUE(message) << cut;
            EXPECT_LE(message->addresses.size(), 2U);
        }
    }
    const std::string_view without_last = std::string_view(wire).substr(0, wire.size() - 1);
    EXPECT_THAT(read_dns_message(bytes_of(without_last))->addresses, SizeIs(1));
}

TEST(DnsMessage, CountsThatPromiseMoreThanThereIsAreNotBelieved) {
    const std::string wire =
        header(65535) + question(kWww) + record(pointer(kQuestionAt), kA, 1, kFirst);
    EXPECT_THAT(read_dns_message(bytes_of(wire))->addresses, SizeIs(1));
}

TEST(DnsMessage, AnAddressOfAWrongLengthOrClassIsPassedOver) {
    constexpr unsigned kChaos = 3;
    const std::string wire = header(4) + question(kWww) +
                             record(pointer(kQuestionAt), kA, 1, "abc") +
                             record(pointer(kQuestionAt), kAaaa, 1, kFirst) +
                             record(pointer(kQuestionAt), kA, 1, kFirst, kChaos) +
                             record(pointer(kQuestionAt), kA, 1, kSecond);
    EXPECT_THAT(read_dns_message(bytes_of(wire))->addresses,
                ElementsAre(Address{IpAddress::v4(10, 0, 0, 2), 1}));
}

TEST(DnsMessage, AnAliasThatIsLongerOrShorterThanItSaysIsPassedOver) {
    const std::string cdn = name({"cdn"});
    const std::string wire = header(2) + question(kWww) +
                             record(pointer(kQuestionAt), kCname, 1, cdn + "x") +
                             record(cdn, kA, 1, kFirst);
    const auto message = read_dns_message(bytes_of(wire));
    EXPECT_THAT(message->aliases, IsEmpty());
    EXPECT_THAT(message->addresses, IsEmpty());
}

TEST(DnsMessage, NoMoreAddressesThanTheBoundAreTaken) {
    std::string wire = header(100) + question(kWww);
    for (int i = 0; i < 100; ++i) {
        wire += record(pointer(kQuestionAt), kA, 1, kFirst);
    }
    EXPECT_THAT(read_dns_message(bytes_of(wire))->addresses, SizeIs(kMostDnsAddresses));
}

TEST(DnsMessage, ATimeToLiveWithItsHighestBitIsZero) {
    const std::string wire =
        header(1) + question(kWww) + record(pointer(kQuestionAt), kA, 0x80000001U, kFirst);
    EXPECT_EQ(read_dns_message(bytes_of(wire))->addresses.at(0).ttl, 0U);
}

TEST(DnsMessage, UpdatesSeveralQuestionsAndOtherClassesAreNotRead) {
    constexpr unsigned kMulticastUnicastAnswer = 0x8001;
    EXPECT_FALSE(read_dns_message(bytes_of(header(0, kUpdate) + question(kWww))));
    EXPECT_FALSE(read_dns_message(bytes_of(header(0, kQuery, 2) + question(kWww))));
    EXPECT_FALSE(read_dns_message(bytes_of(header(0, kQuery, 0) + question(kWww))));
    EXPECT_FALSE(read_dns_message(
        bytes_of(header(0, kQuery) + question(kWww, kA, kMulticastUnicastAnswer))));
}

TEST(DnsSegment, HoldsMessagesWithTheirLengths) {
    const std::string first = header(0, kQuery) + question(kWww, kA);
    const std::string second = header(0, kQuery) + question(kWww, kAaaa);
    const std::string wire = be16(static_cast<unsigned>(first.size())) + first +
                             be16(static_cast<unsigned>(second.size())) + second;
    const auto messages = read_dns_segment(bytes_of(wire));
    ASSERT_THAT(messages, SizeIs(2));
    EXPECT_EQ(messages[0].type, kA);
    EXPECT_EQ(messages[1].type, kAaaa);
}

TEST(DnsSegment, MayBeginAfterTheLengthOrBeCut) {
    const std::string one =
        header(1) + question(kWww) + record(pointer(kQuestionAt), kA, 1, kFirst);
    EXPECT_THAT(read_dns_segment(bytes_of(one)), SizeIs(1));
    const std::string more_to_come = be16(2000) + one;
    const auto messages = read_dns_segment(bytes_of(more_to_come));
    ASSERT_THAT(messages, SizeIs(1));
    EXPECT_THAT(messages[0].addresses, SizeIs(1));
    EXPECT_THAT(read_dns_segment({}), IsEmpty());
    EXPECT_THAT(read_dns_segment(bytes_of("\x01")), IsEmpty());
}

}  // namespace
}  // namespace assay::protocols
