/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners: their counters, and telling when a socket begins and ends to listen. */
#ifndef ASSAY_LISTENER_BPF_H
#define ASSAY_LISTENER_BPF_H

#include "lib/current.bpf.h"
#include "lib/ring.bpf.h"
#include "lib/socket.bpf.h"
#include "wire/records.h"

#define E2BIG 7 /* asm-generic/errno-base.h; vmlinux.h has no macros */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct wire_listener_key);
    __type(value, struct wire_listener);
} listeners SEC(".maps");

static __always_inline struct wire_listener *find_listener(struct wire_listener_key *key)
{
    struct wire_listener *listener = bpf_map_lookup_elem(&listeners, key);

    if (listener)
        return listener;
    if (is_v4(key->local)) {
        set_v4(key->local, 0);
        listener = bpf_map_lookup_elem(&listeners, key);
        if (listener)
            return listener;
    }
    __builtin_memset(key->local, 0, sizeof(key->local));
    return bpf_map_lookup_elem(&listeners, key);
}

static __always_inline void fill_listener_key(struct wire_listener_key *key, const struct wire_endpoint_key *endpoint)
{
    __builtin_memset(key, 0, sizeof(*key));
    __builtin_memcpy(key->local, endpoint->local, sizeof(key->local));
    key->netns = endpoint->netns;
    key->port = endpoint->port;
    key->protocol = endpoint->protocol;
}

/* Counts a connection, or the first byte of its client, at the listener it belongs to. A listener that is not known yet
 * gets an entry under the connection's own address; userspace adds it to the wildcard one. */
static __always_inline void count_at_listener(const struct wire_endpoint_key *endpoint, int with_data, __u32 map_full)
{
    struct wire_listener_key key;
    struct wire_listener *listener;

    fill_listener_key(&key, endpoint);
    listener = find_listener(&key);
    if (!listener) {
        struct wire_listener fresh = {};

        __builtin_memcpy(key.local, endpoint->local, sizeof(key.local));
        bpf_map_update_elem(&listeners, &key, &fresh, BPF_NOEXIST);
        listener = bpf_map_lookup_elem(&listeners, &key);
        if (!listener) {
            give_up(map_full);
            return;
        }
    }
    if (with_data)
        __sync_fetch_and_add(&listener->connections_with_data, 1);
    else
        __sync_fetch_and_add(&listener->connections, 1);
}

/* A listening socket goes by its kernel address: it may get a cookie at any time, from whoever asks for one. */
static __always_inline int tell_listener_opened(const struct wire_listener_key *key, const struct sock *sk,
                                                __u32 map_full, __u32 ring_full)
{
    struct wire_listener fresh = {};
    struct wire_listener_opened *record;
    struct wire_listener *listener;

    if (bpf_map_update_elem(&listeners, key, &fresh, BPF_NOEXIST) == -E2BIG)
        count(map_full);
    listener = bpf_map_lookup_elem(&listeners, key);
    if (listener) {
        listener->known = 1;
        __sync_fetch_and_add(&listener->open_sockets, 1);
    }
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(ring_full);
    fill_header(&record->header, WIRE_LISTENER_OPENED, sizeof(*record));
    record->key = *key;
    fill_current(&record->process);
    record->socket = (__u64)sk;
    record->socket_inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
    record->ipv6_only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
    record->reserved = 0;
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

static __always_inline int tell_listener_closed(const struct wire_listener_key *key, const struct sock *sk,
                                                __u32 ring_full)
{
    struct wire_listener *listener = bpf_map_lookup_elem(&listeners, key);
    struct wire_listener_closed *record;

    if (listener) {
        __sync_fetch_and_add(&listener->open_sockets, -1);
        if (!listener->open_sockets && !listener->connections)
            bpf_map_delete_elem(&listeners, key); /* nothing to read: a storm of listens must not fill the map */
    }
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(ring_full);
    fill_header(&record->header, WIRE_LISTENER_CLOSED, sizeof(*record));
    record->key = *key;
    record->socket = (__u64)sk;
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

#endif
