/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Payloads of packets: where they are, and handing their start to userspace. */
#ifndef ASSAY_PACKET_BPF_H
#define ASSAY_PACKET_BPF_H

#include "lib/ring.bpf.h"
#include "lib/socket.bpf.h"
#include "wire/records.h"

/* Where a packet's payload is, and whose it is. */
struct packet {
    __u8 local[16];
    __u8 remote[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 sequence;
    __u32 payload_offset;
    __u32 payload_length;
    __u8 protocol;
    __u8 egress;
    __u8 syn;
};

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER     40
#define TCP_HEADER_MIN  20
#define UDP_HEADER      8

/* Finds the payload; 0 when there is none (most packets of a connection storm end here, before any map is looked at).
 * Reads headers in place: they are linear where cgroup_skb runs. Behind more than one IPv6 extension header nothing is
 * looked for. */
static __always_inline int find_payload(struct __sk_buff *skb, struct packet *packet, int egress)
{
    void *data = (void *)(long)skb->data;
    void *end = (void *)(long)skb->data_end;
    __u8 *bytes = data;
    __u32 header, total;
    __u8 protocol;

    if (data + IPV4_HEADER_MIN > end)
        return 0;
    if (bytes[0] >> 4 == 4) {
        header = (bytes[0] & 15) * 4;
        protocol = bytes[9];
        total = bpf_ntohs(*(__u16 *)(bytes + 2));
        if (total == 0 || total > skb->len)
            total = skb->len; /* BIG TCP says 0 */
        if (header < IPV4_HEADER_MIN)
            return 0;
    } else {
        if (data + IPV6_HEADER > end)
            return 0;
        header = IPV6_HEADER;
        protocol = bytes[6];
        total = bpf_ntohs(*(__u16 *)(bytes + 4));
        total = total == 0 ? skb->len : total + IPV6_HEADER;
        if (total > skb->len)
            total = skb->len;
        /* One extension header: hop-by-hop, routing or destination options (RFC 8200 4.2). A fragment is put together
         * before it comes here. */
        if (protocol == 0 || protocol == 43 || protocol == 60) {
            if (data + IPV6_HEADER + 2 > end)
                return 0;
            protocol = bytes[IPV6_HEADER];
            header += (bytes[IPV6_HEADER + 1] + 1) * 8;
        }
    }
    if (protocol == WIRE_PROTOCOL_TCP) {
        struct tcphdr *tcp = data + header;
        __u32 doff;

        if ((void *)tcp + TCP_HEADER_MIN > end) {
            if (total > header + 60)
                count(COUNTER_PACKET_UNREADABLE);
            return 0;
        }
        doff = (((__u8 *)tcp)[12] >> 4) * 4;
        packet->payload_offset = header + doff;
        if (total <= packet->payload_offset)
            return 0;
        packet->sequence = bpf_ntohl(tcp->seq);
        packet->syn = ((__u8 *)tcp)[13] & 2;
        packet->local_port = bpf_ntohs(egress ? tcp->source : tcp->dest);
        packet->remote_port = bpf_ntohs(egress ? tcp->dest : tcp->source);
    } else if (protocol == WIRE_PROTOCOL_UDP) {
        struct udphdr *udp = data + header;

        if ((void *)udp + UDP_HEADER > end) {
            count(COUNTER_PACKET_UNREADABLE);
            return 0;
        }
        packet->payload_offset = header + UDP_HEADER;
        if (total <= packet->payload_offset)
            return 0;
        packet->sequence = 0;
        packet->syn = 0;
        packet->local_port = bpf_ntohs(egress ? udp->source : udp->dest);
        packet->remote_port = bpf_ntohs(egress ? udp->dest : udp->source);
    } else {
        return 0;
    }
    packet->payload_length = total - packet->payload_offset;
    packet->protocol = protocol;
    packet->egress = egress;
    /* Addresses come last: bytes is checked for 20 (IPv4) or 40 (IPv6) bytes only. */
    if (bytes[0] >> 4 == 4) {
        set_v4(packet->local, *(__u32 *)(bytes + (egress ? 12 : 16)));
        set_v4(packet->remote, *(__u32 *)(bytes + (egress ? 16 : 12)));
    } else {
        if (data + IPV6_HEADER > end)
            return 0;
        set_v6(packet->local, (__u32 *)(bytes + (egress ? 8 : 24)));
        set_v6(packet->remote, (__u32 *)(bytes + (egress ? 24 : 8)));
    }
    return 1;
}

/* Puts the first `captured` bytes of the payload behind the record, and hands it over. Verifiers before 6.2 forget the
 * bounds of a spilled 32-bit number, and learn no lower one from "is not 0": they are shown anew, from one below. */
#define SUBMIT_WITH_PAYLOAD(ROOM)                                                                                 \
    do {                                                                                                          \
        captured--;                                                                                               \
        asm volatile("" : "+r"(captured));                                                                        \
        if (captured >= (ROOM) || bpf_skb_load_bytes(skb, packet->payload_offset, record->bytes, captured + 1)) { \
            bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                                        \
            give_up(COUNTER_PACKET_UNREADABLE);                                                                   \
            return;                                                                                               \
        }                                                                                                         \
        bpf_ringbuf_submit(record, wake_flags());                                                                 \
    } while (0)

#define FILL_SEGMENT(ROOM)                                                                          \
    do {                                                                                            \
        struct {                                                                                    \
            struct wire_segment segment;                                                            \
            __u8 bytes[ROOM];                                                                       \
        } *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);                                 \
        __u32 captured = packet->payload_length;                                                    \
                                                                                                    \
        if (!record) {                                                                              \
            give_up(COUNTER_PACKET_RING_FULL);                                                      \
            return;                                                                                 \
        }                                                                                           \
        if (captured > (ROOM))                                                                      \
            captured = (ROOM);                                                                      \
        fill_header(&record->segment.header, WIRE_SEGMENT, sizeof(struct wire_segment) + captured); \
        record->segment.flow = flow;                                                                \
        record->segment.endpoint = endpoint;                                                        \
        __builtin_memcpy(record->segment.local, packet->local, 16);                                 \
        __builtin_memcpy(record->segment.remote, packet->remote, 16);                               \
        record->segment.local_port = packet->local_port;                                            \
        record->segment.remote_port = packet->remote_port;                                          \
        record->segment.netns = netns;                                                              \
        record->segment.protocol = packet->protocol;                                                \
        record->segment.role = server ? WIRE_ROLE_SERVER : WIRE_ROLE_CLIENT;                        \
        record->segment.flags = flags;                                                              \
        record->segment.reserved = 0;                                                               \
        record->segment.offset = offset;                                                            \
        record->segment.length = packet->payload_length;                                            \
        record->segment.captured = captured;                                                        \
        SUBMIT_WITH_PAYLOAD(ROOM);                                                                  \
    } while (0)

/* Hands the start of a payload over. The ring takes constant sizes only, so there are three. */
static __always_inline void tell_segment(struct __sk_buff *skb, const struct packet *packet, __u64 flow, __u64 endpoint,
                                         __u32 netns, int server, __u32 offset, __u8 flags)
{
    if (packet->egress)
        flags |= WIRE_SEGMENT_EGRESS;
    if (packet->payload_length <= 128)
        FILL_SEGMENT(128);
    else if (packet->payload_length <= 512)
        FILL_SEGMENT(512);
    else
        FILL_SEGMENT(WIRE_SEGMENT_BYTES_MAX);
}

#endif
