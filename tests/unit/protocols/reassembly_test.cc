// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/classifier.h"
#include "transcripts.h"

namespace assay::protocols::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Delivered {
    std::string bytes;
    std::size_t hole = 0;
    bool operator==(const Delivered&) const = default;
};

void add(Reassembly& reassembly, std::uint32_t offset, std::string_view bytes,
         std::uint32_t missing = 0) {
    reassembly.add(offset, static_cast<std::uint32_t>(bytes.size()) + missing, bytes_of(bytes));
}

std::vector<Delivered> drain(Reassembly& reassembly) {
    std::vector<Delivered> runs;
    reassembly.drain([&](std::span<const std::byte> bytes, std::size_t hole) {
        const auto* text = reinterpret_cast<const char*>(bytes.data());
        runs.push_back({bytes.empty() ? std::string() : std::string(text, bytes.size()), hole});
    });
    return runs;
}

TEST(Reassembly, DeliversWhatComesInOrder) {
    Reassembly reassembly;
    add(reassembly, 0, "one ");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"one "}));
    add(reassembly, 4, "two");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"two"}));
    EXPECT_FALSE(reassembly.waiting());
}

TEST(Reassembly, PutsSegmentsThatComeOutOfOrderInOrder) {
    Reassembly reassembly;
    add(reassembly, 8, "three");
    add(reassembly, 4, "two ");
    EXPECT_THAT(drain(reassembly), IsEmpty());
    EXPECT_TRUE(reassembly.waiting());
    add(reassembly, 0, "one ");
    EXPECT_THAT(drain(reassembly),
                ElementsAre(Delivered{"one "}, Delivered{"two "}, Delivered{"three"}));
    EXPECT_FALSE(reassembly.waiting());
}

TEST(Reassembly, DropsBytesGivenTwice) {
    Reassembly reassembly;
    add(reassembly, 0, "abcdef");
    add(reassembly, 0, "abcdef");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"abcdef"}));
    add(reassembly, 0, "abc");
    add(reassembly, 3, "defgh");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"gh"}));
    add(reassembly, 8, "ijkl");
    add(reassembly, 10, "klmn");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"ijkl"}, Delivered{"mn"}));
    EXPECT_FALSE(reassembly.waiting());
}

TEST(Reassembly, TellsBytesThatWereNotCapturedAsAHole) {
    Reassembly reassembly;
    add(reassembly, 0, "start", 95);
    add(reassembly, 100, "next");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"start", 95}, Delivered{"next"}));
    add(reassembly, 90, "0123456789abcdefgh", 10);
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"efgh", 10}));
    add(reassembly, 104, "abcd", 30);
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"", 20}))
        << "only uncaptured bytes are new";
}

TEST(Reassembly, GoesOnBehindTheEndOfTheNumbers) {
    Reassembly reassembly;
    constexpr std::uint32_t kStep = 0x70000000;
    for (std::uint32_t offset = 0; offset != 0xE0000000; offset += kStep) {
        reassembly.add(offset, kStep, {});
        EXPECT_EQ(drain(reassembly).size(), 1U);
    }
    reassembly.add(0xE0000000, 0x1FFFFFFE, {});
    EXPECT_EQ(drain(reassembly).size(), 1U);
    add(reassembly, 2, "later");
    add(reassembly, 0xFFFFFFFE, "wrap");
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"wrap"}, Delivered{"later"}));
    add(reassembly, 0xFFFFFFFE, "wrap");
    EXPECT_THAT(drain(reassembly), IsEmpty());
}

TEST(Reassembly, GivesUpAGapWhenTold) {
    Reassembly reassembly;
    add(reassembly, 10, "b");
    add(reassembly, 20, "c");
    EXPECT_THAT(drain(reassembly), IsEmpty());
    reassembly.skip_gap();
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"b"}));
    EXPECT_TRUE(reassembly.waiting());
    reassembly.skip_gap();
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"c"}));
    EXPECT_FALSE(reassembly.waiting());
}

TEST(Reassembly, KeepsTheEarliestSixteenSegments) {
    Reassembly reassembly;
    for (std::uint32_t i = 20; i > 0; --i) {
        add(reassembly, i, std::string(1, static_cast<char>('a' + i)));
    }
    add(reassembly, 0, "a");
    std::string delivered;
    for (const Delivered& run : drain(reassembly)) {
        delivered += run.bytes;
    }
    EXPECT_EQ(delivered, "abcdefghijklmnop");
    EXPECT_FALSE(reassembly.waiting());
}

TEST(Reassembly, BoundsWhatIsKeptOfASegment) {
    Reassembly reassembly;
    add(reassembly, 0, std::string(5000, 'x'));
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{std::string(1024, 'x'), 3976}));
}

TEST(Reassembly, IgnoresEmptyAndContradictorySegments) {
    Reassembly reassembly;
    reassembly.add(0, 0, {});
    reassembly.add(5, 0, {});
    EXPECT_FALSE(reassembly.waiting());
    reassembly.add(0, 2, bytes_of("longer than told"));
    EXPECT_THAT(drain(reassembly), ElementsAre(Delivered{"lo"}));
}

TEST(Reassembly, FeedsAClassifierWithALoginThatCameOutOfOrder) {
    Reassembly reassembly;
    Classifier classifier(FlowInfo{.server_port = 21});
    classifier.feed(Side::server, bytes_of("220 FTP\r\n"));
    const auto deliver = [&](std::span<const std::byte> bytes, std::size_t hole) {
        classifier.feed(Side::client, bytes, hole);
    };
    add(reassembly, 10, "PASS x1\r\n");
    reassembly.drain(deliver);
    EXPECT_FALSE(classifier.verdict().cleartext_credentials);
    add(reassembly, 0, "USER joe\r\n");
    reassembly.drain(deliver);
    EXPECT_TRUE(classifier.verdict().cleartext_credentials);
}

}  // namespace
}  // namespace assay::protocols::test
