// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <variant>

#include "record_builder.h"
#include "sensors/kernel/kernel_sensor.h"

namespace assay::sensors {
namespace {

using testing::bytes_of;
using testing::with_header;

void put(__u8 (&wire)[16], const IpAddress& address) {
    std::memcpy(wire, address.bytes.data(), sizeof wire);
}

template <class Event>
Event decoded(const std::vector<std::byte>& record) {
    const auto event = decode_record(record);
    EXPECT_TRUE(event.has_value()) << (event ? "" : event.error().message);
    const auto* typed = event ? std::get_if<Event>(&*event) : nullptr;
    EXPECT_NE(typed, nullptr);
    return typed != nullptr ? *typed : Event{};
}

const IpAddress kLocal = IpAddress::v4(10, 0, 0, 1);
const IpAddress kRemote = IpAddress::v4(192, 0, 2, 7);

wire_segment segment(std::string_view payload) {
    auto wire = with_header<wire_segment>(WIRE_SEGMENT);
    wire.flow = 5;
    wire.endpoint = 6;
    put(wire.local, kLocal);
    put(wire.remote, kRemote);
    wire.local_port = 40000;
    wire.remote_port = 23;
    wire.netns = 9;
    wire.protocol = WIRE_PROTOCOL_TCP;
    wire.role = WIRE_ROLE_CLIENT;
    wire.flags = WIRE_SEGMENT_EGRESS | WIRE_SEGMENT_LAST;
    wire.offset = 100;
    wire.length = 2000;
    wire.captured = static_cast<__u32>(payload.size());
    wire.header.size = static_cast<__u32>(sizeof wire + payload.size());
    return wire;
}

TEST(NetworkRecord, AnOpenedEndpointIsDecodedFieldByField) {
    auto wire = with_header<wire_endpoint_opened>(WIRE_ENDPOINT_OPENED);
    wire.id = 3;
    wire.key.image_inode = 1;
    wire.key.image_device = 2;
    wire.key.uid = 1000;
    wire.key.netns = 4;
    wire.key.port = 53;
    wire.key.protocol = WIRE_PROTOCOL_UDP;
    wire.key.role = WIRE_ROLE_SERVER;
    put(wire.key.local, kLocal);
    put(wire.key.remote, kRemote);
    wire.process = {.tgid = 7, .uid = 1000, .start_boot_ns = 70};
    const auto opened = decoded<EndpointOpened>(bytes_of(wire));
    EXPECT_EQ(opened.time_ns, 77U);
    EXPECT_EQ(opened.id, 3U);
    EXPECT_EQ(opened.key, (EndpointKey{.image_file = {1, 2},
                                       .uid = 1000,
                                       .netns = 4,
                                       .port = 53,
                                       .udp = true,
                                       .role = Role::server,
                                       .local = kLocal,
                                       .remote = kRemote}));
    EXPECT_EQ(opened.process, (ProcessKey{7, 70}));
}

TEST(NetworkRecord, AListenerIsDecodedFieldByField) {
    auto wire = with_header<wire_listener_opened>(WIRE_LISTENER_OPENED);
    put(wire.key.local, kLocal);
    wire.key.netns = 4;
    wire.key.port = 80;
    wire.key.protocol = WIRE_PROTOCOL_TCP;
    wire.process = {.tgid = 7, .uid = 33, .start_boot_ns = 70};
    wire.socket = 8;
    wire.socket_inode = 9;
    wire.ipv6_only = 1;
    const auto opened = decoded<ListenerOpened>(bytes_of(wire));
    EXPECT_EQ(opened.key, (ListenerKey{.local = kLocal, .netns = 4, .port = 80, .udp = false}));
    EXPECT_EQ(opened.cookie, 8U);
    EXPECT_EQ(opened.socket_inode, 9U);
    EXPECT_EQ(opened.process, (ProcessKey{7, 70}));
    EXPECT_EQ(opened.uid, 33U);
    EXPECT_TRUE(opened.ipv6_only);
}

TEST(NetworkRecord, ASegmentCarriesItsCapturedBytes) {
    const auto record = bytes_of(segment("USER joe\r\n"), "USER joe\r\n");
    const auto told = decoded<Segment>(record);
    EXPECT_EQ(told.flow, 5U);
    EXPECT_EQ(told.endpoint, 6U);
    EXPECT_TRUE(told.from_local);
    EXPECT_TRUE(told.last);
    EXPECT_FALSE(told.mid_stream);
    EXPECT_EQ(told.offset, 100U);
    EXPECT_EQ(told.length, 2000U);
    EXPECT_EQ(
        std::string(reinterpret_cast<const char*>(told.captured.data()), told.captured.size()),
        "USER joe\r\n");
}

TEST(NetworkRecord, RoomThatASegmentDidNotUseIsNotPartOfIt) {
    const auto record = bytes_of(segment("abc"), "abc and what the ring held before");
    EXPECT_EQ(decoded<Segment>(record).captured.size(), 3U);
}

TEST(NetworkRecord, ASegmentThatSaysMoreThanItHoldsIsRefused) {
    auto wire = segment("abc");
    wire.captured = 4;
    EXPECT_FALSE(decode_record(bytes_of(wire, "abcdefgh")));
    wire.captured = std::numeric_limits<__u32>::max();
    EXPECT_FALSE(decode_record(bytes_of(wire, "abcdefgh")));
    wire = segment("abc");
    wire.length = 2;
    EXPECT_FALSE(decode_record(bytes_of(wire, "abc"))) << "more captured than was on the wire";
}

TEST(NetworkRecord, UnknownNumbersAreRefused) {
    auto wire = segment("");
    wire.protocol = 132;
    EXPECT_FALSE(decode_record(bytes_of(wire)));
    wire = segment("");
    wire.role = 2;
    EXPECT_FALSE(decode_record(bytes_of(wire)));
    wire = segment("");
    wire.header.version = WIRE_VERSION + 1;
    EXPECT_FALSE(decode_record(bytes_of(wire)));
    wire = segment("");
    wire.header.kind = 999;
    EXPECT_FALSE(decode_record(bytes_of(wire)));
    wire = segment("");
    wire.header.size = 0;
    EXPECT_FALSE(decode_record(bytes_of(wire)));
    EXPECT_TRUE(decode_record(bytes_of(segment(""))));
}

template <class Wire>
class FixedRecord : public ::testing::Test {};

template <class Wire, wire_kind Kind>
struct Sample {
    using Type = Wire;
    static constexpr wire_kind kKind = Kind;
};
using Samples = ::testing::Types<Sample<wire_fork, WIRE_FORK>, Sample<wire_exit, WIRE_EXIT>,
                                 Sample<wire_endpoint_established, WIRE_ENDPOINT_ESTABLISHED>,
                                 Sample<wire_endpoint_accepted, WIRE_ENDPOINT_ACCEPTED>,
                                 Sample<wire_flow_closed, WIRE_FLOW_CLOSED>>;
TYPED_TEST_SUITE(FixedRecord, Samples);

TYPED_TEST(FixedRecord, IsTakenWholeAndRefusedAtEveryShorterLength) {
    auto wire = with_header<typename TypeParam::Type>(TypeParam::kKind);
    EXPECT_TRUE(decode_record(bytes_of(wire)));
    const auto whole = bytes_of(wire);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decode_record(std::span(whole).first(length)));
        if (length >= sizeof(wire_header)) {
            wire.header.size = static_cast<__u32>(length);
            EXPECT_FALSE(decode_record(bytes_of(wire)));
        }
    }
}

TEST(DnsMessageRecord, TellsWhoAskedOnWhichSocket) {
    constexpr std::string_view kMessage = "\x12\x34 anything";
    auto wire = with_header<wire_dns_message>(WIRE_DNS_MESSAGE);
    wire.header.size = static_cast<__u32>(sizeof wire + kMessage.size());
    wire.asker = {.tgid = 7, .uid = 33, .start_boot_ns = 70};
    wire.image_inode = 99;
    wire.image_device = 8U << 20 | 1U;
    wire.socket = 4711;
    wire.netns = 12;
    wire.length = 2000;
    wire.captured = static_cast<__u32>(kMessage.size());
    wire.protocol = WIRE_PROTOCOL_UDP;
    wire.flags = WIRE_DNS_QUERY_TOLD;
    const auto bytes = bytes_of(wire, kMessage);  // the event borrows from it
    const auto event = decoded<DnsMessage>(bytes);
    EXPECT_EQ(event.time_ns, 77U);
    EXPECT_EQ(event.asker, (ProcessKey{7, 70}));
    EXPECT_EQ(event.uid, 33U);
    EXPECT_EQ(event.image_file, (FileKey{99, 8U << 20 | 1U}));
    EXPECT_EQ(event.socket, 4711U);
    EXPECT_EQ(event.netns, 12U);
    EXPECT_TRUE(event.udp);
    EXPECT_FALSE(event.query);
    EXPECT_TRUE(event.query_told);
    EXPECT_EQ(event.length, 2000U);
    EXPECT_EQ(event.captured.size(), kMessage.size());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_record(std::span(bytes).first(length))) << length;
    }
    wire.length = 1;  // less than was captured
    EXPECT_FALSE(decode_record(bytes_of(wire, kMessage)));
    wire.length = 2000;
    wire.protocol = 99;
    EXPECT_FALSE(decode_record(bytes_of(wire, kMessage)));
}

wire_socket_held held(__u8 protocol, __u8 state, __u16 local_port) {
    auto wire = with_header<wire_socket_held>(WIRE_SOCKET_HELD);
    wire.process = {.tgid = 7, .uid = 33, .start_boot_ns = 70};
    wire.protocol = protocol;
    wire.state = state;
    wire.local_port = local_port;
    return wire;
}

TEST(SocketHeldRecord, TellsListenersFromConnections) {
    constexpr __u8 kEstablished = 1;
    constexpr __u8 kSynSent = 2;
    constexpr __u8 kClose = 7;
    constexpr __u8 kCloseWait = 8;
    constexpr __u8 kListen = 10;
    const auto socket = [](__u8 protocol, __u8 state, __u16 port) {
        return decoded<SocketHeld>(bytes_of(held(protocol, state, port)));
    };
    EXPECT_TRUE(socket(WIRE_PROTOCOL_TCP, kListen, 80).listening);
    EXPECT_FALSE(socket(WIRE_PROTOCOL_TCP, kListen, 80).established);
    EXPECT_TRUE(socket(WIRE_PROTOCOL_TCP, kEstablished, 80).established);
    EXPECT_TRUE(socket(WIRE_PROTOCOL_TCP, kCloseWait, 80).established);
    EXPECT_FALSE(socket(WIRE_PROTOCOL_TCP, kSynSent, 80).established);
    EXPECT_FALSE(socket(WIRE_PROTOCOL_TCP, kClose, 80).listening) << "bound only";
    EXPECT_TRUE(socket(WIRE_PROTOCOL_UDP, kClose, 53).listening);
    EXPECT_FALSE(socket(WIRE_PROTOCOL_UDP, kClose, 0).listening) << "not bound";
    EXPECT_TRUE(socket(WIRE_PROTOCOL_UDP, kEstablished, 53).established);
    EXPECT_FALSE(socket(WIRE_PROTOCOL_UDP, kEstablished, 53).listening);
}

}  // namespace
}  // namespace assay::sensors
