/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names that programs asked for: queries to port 53, and the answers that come back on the sockets that asked. Only
 * when settings.dns_answers says so; else the verifier drops all of it. */
#ifndef ASSAY_DNS_BPF_H
#define ASSAY_DNS_BPF_H

#include "lib/current.bpf.h"
#include "lib/packet.bpf.h"
#include "lib/ring.bpf.h"
#include "wire/records.h"

/* A TCP connection to port 53 may be the transfer of a zone: its first segments are enough for a question. */
#define DNS_STREAM_SEGMENTS 64

struct dns_socket {
    struct wire_process asker;
    __u64 image_inode;
    __u32 image_device;
    __u32 query_told;
    __u32 segments; /* TCP: handed over */
    __u32 reserved;
};

/* Sockets that were connected to port 53, or sent there. By cookie. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64);
    __type(value, struct dns_socket);
} dns_sockets SEC(".maps");

/* The current process connects a socket to a DNS server, or sends there. `key` says what it runs. */
static __always_inline void remember_asker(__u64 cookie, const struct wire_endpoint_key *key)
{
    struct dns_socket *known = bpf_map_lookup_elem(&dns_sockets, &cookie);
    struct dns_socket socket = {.image_inode = key->image_inode, .image_device = key->image_device};

    fill_current(&socket.asker);
    if (known) {
        socket.query_told = known->query_told;
        socket.segments = known->segments;
    }
    bpf_map_update_elem(&dns_sockets, &cookie, &socket, BPF_ANY);
}

#define FILL_DNS_MESSAGE(ROOM)                                                                              \
    do {                                                                                                    \
        struct {                                                                                            \
            struct wire_dns_message message;                                                                \
            __u8 bytes[ROOM];                                                                               \
        } *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);                                         \
        __u32 captured = packet->payload_length;                                                            \
                                                                                                            \
        if (!record) {                                                                                      \
            give_up(COUNTER_PACKET_RING_FULL);                                                              \
            return;                                                                                         \
        }                                                                                                   \
        if (captured > (ROOM))                                                                              \
            captured = (ROOM);                                                                              \
        fill_header(&record->message.header, WIRE_DNS_MESSAGE, sizeof(struct wire_dns_message) + captured); \
        record->message.asker = socket->asker;                                                              \
        record->message.image_inode = socket->image_inode;                                                  \
        record->message.image_device = socket->image_device;                                                \
        record->message.socket = cookie;                                                                    \
        record->message.netns = netns;                                                                      \
        record->message.length = packet->payload_length;                                                    \
        record->message.captured = captured;                                                                \
        record->message.protocol = packet->protocol;                                                        \
        record->message.flags = flags;                                                                      \
        record->message.reserved = 0;                                                                       \
        record->message.reserved2 = 0;                                                                      \
        SUBMIT_WITH_PAYLOAD(ROOM);                                                                          \
    } while (0)

static __always_inline void tell_dns_message(struct __sk_buff *skb, const struct packet *packet,
                                             struct dns_socket *socket, __u64 cookie, __u32 netns)
{
    __u8 flags = 0;

    if (packet->protocol == WIRE_PROTOCOL_TCP && socket->segments++ >= DNS_STREAM_SEGMENTS)
        return;
    if (packet->egress)
        flags |= WIRE_DNS_QUERY;
    if (socket->query_told)
        flags |= WIRE_DNS_QUERY_TOLD;
    /* Set before the record is sure: an answer to a query that was lost is then not believed. */
    if (packet->egress)
        socket->query_told = 1;
    if (packet->payload_length <= 128)
        FILL_DNS_MESSAGE(128);
    else if (packet->payload_length <= 512)
        FILL_DNS_MESSAGE(512);
    else
        FILL_DNS_MESSAGE(WIRE_DNS_BYTES_MAX);
}

/* A payload to or from port 53. An answer is told when its socket is connected (the kernel lets through what comes from
 * there and nothing else) or `sent_there`: it sent to the very address and port that the answer comes from. Whether it
 * answers a question that was asked is checked in userspace. */
static __always_inline void on_dns_message(struct __sk_buff *skb, struct bpf_sock *sk, const struct packet *packet,
                                           int sent_there)
{
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct dns_socket *socket = bpf_map_lookup_elem(&dns_sockets, &cookie);
    struct dns_socket unknown = {};

    if (!packet->egress && (!socket || !(sk->state == BPF_TCP_ESTABLISHED || sent_there)))
        return;
    if (!socket) {
        /* It was connected before our hooks were there. */
        bpf_map_update_elem(&dns_sockets, &cookie, &unknown, BPF_NOEXIST);
        socket = bpf_map_lookup_elem(&dns_sockets, &cookie);
        if (!socket)
            return;
    }
    tell_dns_message(skb, packet, socket, cookie, socket_netns(kernel_socket(sk)));
}

#endif
