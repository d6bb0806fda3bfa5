// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/socket_tables.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace assay::sensors {
namespace {

std::vector<SocketHeld> read(std::string_view text, bool udp) {
    std::vector<SocketHeld> sockets;
    read_socket_table(text, udp, 7, [&](const SocketHeld& socket) { sockets.push_back(socket); });
    return sockets;
}

constexpr std::string_view kHeader =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

TEST(SocketTables, TellWhatListensAndNothingElse) {
    const auto sockets = read(
        std::string(kHeader) +
            "   0: 0100007F:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101     "
            "   0 4711 1 0000000000000000 100 0 0 10 0\n"
            "   1: 0100007F:07E8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0     "
            "   0 4712 1 0000000000000000 20 4 30 10 -1\n",
        false);
    ASSERT_EQ(sockets.size(), 1U);
    EXPECT_EQ(sockets[0].local.text(), "127.0.0.1");
    EXPECT_EQ(sockets[0].local_port, 2024);
    EXPECT_EQ(sockets[0].uid, 101U);
    EXPECT_EQ(sockets[0].socket_inode, 4711U);
    EXPECT_EQ(sockets[0].netns, 7U);
    EXPECT_TRUE(sockets[0].listening);
    EXPECT_EQ(sockets[0].process.pid, 0U);
}

TEST(SocketTables, ReadIpv6Addresses) {
    const auto sockets = read(
        "   0: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000 0 0 9 1\n",
        false);
    ASSERT_EQ(sockets.size(), 1U);
    EXPECT_EQ(sockets[0].local.text(), "2001:db8::1");
    EXPECT_EQ(sockets[0].local_port, 80);
}

TEST(SocketTables, TellUdpSocketsThatAreNotConnected) {
    EXPECT_EQ(read("  9: 00000000:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 "
                   "12 2 0 0\n",
                   true)
                  .size(),
              1U);
    EXPECT_TRUE(read("  9: 0100007F:9C40 0100007F:0035 01 00000000:00000000 00:00000000 00000000 0 "
                     "0 12 2 0 0\n",
                     true)
                    .empty());
}

TEST(SocketTables, SkipWhatIsNoTable) {
    for (const auto* text : {"", "\n\n", "garbage", "0: 0100007F 0A", "0: 0100007F:XX 0:0 0A",
                             "0: 01:1 02:2 0A\n: : :"}) {
        EXPECT_TRUE(read(text, false).empty()) << text;
    }
}

}  // namespace
}  // namespace assay::sensors
