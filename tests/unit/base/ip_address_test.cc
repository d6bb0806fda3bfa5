// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
bool contains(std::string_view block, std::string_view text) {
    return IpBlock::parse(block).value().contains(address(text));
}

TEST(IpAddress, HoldsAMappedAddressAndItsIpv4AddressAsOne) {
    EXPECT_EQ(address("::ffff:10.1.2.3"), address("10.1.2.3"));
    EXPECT_EQ(address("::ffff:10.1.2.3").text(), "10.1.2.3");
    EXPECT_EQ(address("2001:db8:0:0::1").text(), "2001:db8::1");
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
    for (const auto* text : {"", "10.0.0", "10.0.0.256", "1.2.3.4.5", ":::", "host", "10.0.0.1 "}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(IpAddress, KnowsLoopbackPrivateAndWildcard) {
    EXPECT_TRUE(address("127.9.9.9").is_loopback());
    EXPECT_TRUE(address("::1").is_loopback());
    EXPECT_FALSE(address("::2").is_loopback());
    EXPECT_TRUE(address("0.0.0.0").is_any());
    EXPECT_TRUE(address("::").is_any());
    EXPECT_FALSE(address("::1").is_any());
    for (const auto* text : {"10.0.0.1", "172.31.0.1", "192.168.9.9", "169.254.169.254",
                             "100.127.0.1", "fd00::1", "fe80::1"}) {
        EXPECT_TRUE(address(text).is_private()) << text;
    }
    for (const auto* text : {"172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1"}) {
        EXPECT_FALSE(address(text).is_private()) << text;
    }
}

TEST(IpBlock, MatchesToTheBit) {
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.255.255"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(contains("192.168.1.128/25", "192.168.1.129"));
    EXPECT_FALSE(contains("192.168.1.128/25", "192.168.1.127"));
    EXPECT_TRUE(contains("169.254.169.254", "169.254.169.254"));
    EXPECT_FALSE(contains("169.254.169.254", "169.254.169.253"));
    EXPECT_TRUE(contains("0.0.0.0/0", "1.2.3.4"));
    EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1")) << "an IPv4 block holds no IPv6 address";
    EXPECT_TRUE(contains("fe80::/10", "febf::1"));
    EXPECT_FALSE(contains("fe80::/10", "fec0::1"));
    EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.1.1.1"));
}

TEST(IpBlock, RefusesBitsThatDoNotFit) {
    for (const auto* text :
         {"10.0.0.0/33", "fe80::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x"}) {
        EXPECT_FALSE(IpBlock::parse(text)) << text;
    }
}

}  // namespace
}  // namespace assay
