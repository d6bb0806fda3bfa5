/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network family: who connects where, who listens, and the first payloads of every flow.
 *
 * Connections are counted in `endpoints` (a client's program, user and destination; or a listener's address, port and
 * remote address); only the first of an endpoint makes a record. Userspace reads the counters. `sockets` knows the
 * endpoint of each open connection from its connect to its close: a hash by socket cookie, because socket storage costs
 * a connect storm 10 % and is not offered to tp_btf before 5.12. Socket storage is made at the first payload byte only.
 *
 * With settings.dns_answers, queries to port 53 and their answers are handed over whole (lib/dns.bpf.h).
 *
 * Userspace seeds `listeners` with what the snapshot finds (BPF_NOEXIST, zero counters), and writes `settled`.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/current.bpf.h"
#include "lib/dns.bpf.h"
#include "lib/endpoint.bpf.h"
#include "lib/listener.bpf.h"
#include "lib/packet.bpf.h"
#include "lib/ring.bpf.h"
#include "lib/socket.bpf.h"
#include "wire/records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ALLOW 1 /* cgroup programs: let the act go on */

/* An open connection. */
struct connection {
    struct wire_endpoint_key endpoint_key;
    __u64 endpoint;
    __u64 flow;        /* 0: no payload yet */
    __u64 established; /* counted as established */
};

/* Per flow of bytes, in socket storage. */
struct stream {
    __u64 flow;
    __u64 endpoint;
    __u32 base_in; /* sequence number of the first payload byte received, and sent */
    __u32 base_out;
    __u32 segments;
    __u32 flags; /* STREAM_* */
    __u32 late_segments;
    __u32 reserved;
    __u64 client_lengths[4]; /* a bit for each length of the client's segments, modulo 256 */
};

enum stream_flag {
    STREAM_DONE = 1 << 0,
    STREAM_MID = 1 << 1,          /* began before we looked */
    STREAM_SERVER = 1 << 2,       /* the local socket was accepted from a listener */
    STREAM_CLIENT_SPOKE = 1 << 3, /* counted in connections_with_data */
};

struct datagram_key {
    __u64 cookie;
    __u8 remote[16];
    __u16 remote_port;
    __u16 reserved[3];
};

struct datagram_flow {
    struct wire_endpoint_key endpoint_key;
    __u64 flow;
    __u64 endpoint;
    __u32 segments;
    __u32 flags; /* STREAM_*, DATAGRAM_PASSED */
};

#define DATAGRAM_PASSED (1 << 8) /* counted as established */

/* The 4-tuple of a flow whose first payload came before its socket (TCP_DEFER_ACCEPT, data on the third segment of the
 * handshake): the packet is shown with the listener as its socket. */
struct tuple {
    __u8 local[16];
    __u8 remote[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 netns;
};

struct early_stream {
    __u64 flow;
    __u64 endpoint;
    __u32 base_in;
    __u32 segments;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct connection);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct stream);
} streams SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct datagram_key);
    __type(value, struct datagram_flow);
} datagram_flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct tuple);
    __type(value, struct early_stream);
} early_streams SEC(".maps");

/* Flows whose verdict userspace has: written there, looked up only while a stream is not done. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, __u8);
} settled SEC(".maps");

/* Set once a socket had to be keyed by its address (see socket_key), and once a payload came before its socket. */
__u32 address_keys_used;
__u32 early_streams_used;

/* Not 0 once userspace has seeded `listeners`: before, who serves an older connection cannot be told. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} seeded SEC(".maps");

/* --- the end of a connection --- */

/* Tells that the flow of a connection ended, unless its verdict is in already. */
static __always_inline void tell_flow_closed(__u64 flow, __u32 ring_full)
{
    struct wire_flow_closed *record;

    if (flow == 0 || bpf_map_lookup_elem(&settled, &flow))
        return;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record) {
        give_up(ring_full);
        return;
    }
    fill_header(&record->header, WIRE_FLOW_CLOSED, sizeof(*record));
    record->flow = flow;
    bpf_ringbuf_submit(record, wake_flags());
}

static __always_inline void count_established(struct connection *connection, struct wire_endpoint *endpoint)
{
    if (connection->established)
        return;
    connection->established = 1;
    __sync_fetch_and_add(&endpoint->established, 1);
}

static __always_inline void close_connection(__u64 key, int was_established, __u32 ring_full)
{
    struct connection *connection = bpf_map_lookup_elem(&sockets, &key);
    struct wire_endpoint *endpoint;

    if (!connection)
        return;
    endpoint = bpf_map_lookup_elem(&endpoints, &connection->endpoint_key);
    if (endpoint) {
        /* The kernel skips a tracepoint program that interrupts itself; what was missed so is made good here. */
        if (was_established)
            count_established(connection, endpoint);
        __sync_fetch_and_add(&endpoint->closed, 1);
    }
    tell_flow_closed(connection->flow, ring_full);
    bpf_map_delete_elem(&sockets, &key);
}

/* --- connect and unconnected send: who goes where --- */

static __always_inline void open_datagram_flow(__u64 cookie, const struct wire_endpoint_key *key, __u32 map_full,
                                               __u32 ring_full)
{
    struct datagram_key flow_key = {.cookie = cookie, .remote_port = key->port};
    struct datagram_flow flow = {};
    struct wire_endpoint *endpoint;

    __builtin_memcpy(flow_key.remote, key->remote, sizeof(flow_key.remote));
    if (bpf_map_lookup_elem(&datagram_flows, &flow_key))
        return; /* sent to before, or the answer of a server */
    endpoint = endpoint_of(key, 1, map_full, ring_full);
    if (!endpoint)
        return;
    __sync_fetch_and_add(&endpoint->attempts, 1);
    endpoint->last_boot_ns = bpf_ktime_get_boot_ns();
    flow.endpoint_key = *key;
    flow.endpoint = endpoint->id;
    flow.flow = new_id();
    bpf_map_update_elem(&datagram_flows, &flow_key, &flow, BPF_ANY);
    count(COUNTER_DATAGRAM_FLOWS_MADE);
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx, struct wire_endpoint_key *key)
{
    struct sock *sk = kernel_socket(ctx->sk);
    __u64 cookie = bpf_get_socket_cookie(ctx);
    struct connection connection = {};
    struct wire_endpoint *endpoint;

    if (current_tgid() == settings.self_tgid)
        return ALLOW;
    key->netns = socket_netns(sk);
    key->port = bpf_ntohs((__u16)ctx->user_port);
    key->role = WIRE_ROLE_CLIENT;
    fill_current_image(key);
    if (settings.dns_answers && key->port == WIRE_DNS_PORT)
        remember_asker(cookie, key);
    if (ctx->protocol == WIRE_PROTOCOL_UDP) {
        key->protocol = WIRE_PROTOCOL_UDP;
        open_datagram_flow(cookie, key, COUNTER_CONNECT_ENDPOINTS_FULL, COUNTER_CONNECT_RING_FULL);
        return ALLOW;
    }
    key->protocol = WIRE_PROTOCOL_TCP;
    endpoint = endpoint_of(key, 1, COUNTER_CONNECT_ENDPOINTS_FULL, COUNTER_CONNECT_RING_FULL);
    if (!endpoint)
        return ALLOW;
    __sync_fetch_and_add(&endpoint->attempts, 1);
    endpoint->last_boot_ns = bpf_ktime_get_boot_ns();
    connection.endpoint_key = *key;
    connection.endpoint = endpoint->id;
    close_connection(cookie, 0, COUNTER_CONNECT_RING_FULL); /* a try that failed before SYN_SENT */
    if (bpf_map_update_elem(&sockets, &cookie, &connection, BPF_ANY))
        give_up(COUNTER_CONNECT_SOCKETS_FULL);
    return ALLOW;
}

static __always_inline int is_stream_or_datagram(const struct bpf_sock_addr *ctx)
{
    return ctx->protocol == WIRE_PROTOCOL_TCP || ctx->protocol == WIRE_PROTOCOL_UDP ||
           ctx->protocol == ASSAY_IPPROTO_MPTCP;
}

SEC("cgroup/connect4")
int connect4_cgroup(struct bpf_sock_addr *ctx)
{
    struct wire_endpoint_key key = {};

    if (!is_stream_or_datagram(ctx))
        return ALLOW;
    set_v4(key.remote, ctx->user_ip4);
    return on_connect(ctx, &key);
}

SEC("cgroup/connect6")
int connect6_cgroup(struct bpf_sock_addr *ctx)
{
    struct wire_endpoint_key key = {};
    __u32 words[4];

    if (!is_stream_or_datagram(ctx))
        return ALLOW;
    words[0] = ctx->user_ip6[0];
    words[1] = ctx->user_ip6[1];
    words[2] = ctx->user_ip6[2];
    words[3] = ctx->user_ip6[3];
    set_v6(key.remote, words);
    return on_connect(ctx, &key);
}

static __always_inline int on_send(struct bpf_sock_addr *ctx, struct wire_endpoint_key *key)
{
    struct datagram_key flow_key = {};

    if (ctx->protocol != WIRE_PROTOCOL_UDP)
        return ALLOW;
    key->port = bpf_ntohs((__u16)ctx->user_port);
    flow_key.cookie = bpf_get_socket_cookie(ctx);
    flow_key.remote_port = key->port;
    __builtin_memcpy(flow_key.remote, key->remote, sizeof(flow_key.remote));
    if (settings.dns_answers && key->port == WIRE_DNS_PORT) {
        fill_current_image(key);
        remember_asker(flow_key.cookie, key);
    }
    if (bpf_map_lookup_elem(&datagram_flows, &flow_key))
        return ALLOW;
    if (current_tgid() == settings.self_tgid)
        return ALLOW;
    key->netns = socket_netns(kernel_socket(ctx->sk));
    key->protocol = WIRE_PROTOCOL_UDP;
    key->role = WIRE_ROLE_CLIENT;
    fill_current_image(key);
    open_datagram_flow(flow_key.cookie, key, COUNTER_SEND_ENDPOINTS_FULL, COUNTER_SEND_RING_FULL);
    return ALLOW;
}

SEC("cgroup/sendmsg4")
int sendmsg4_cgroup(struct bpf_sock_addr *ctx)
{
    struct wire_endpoint_key key = {};

    set_v4(key.remote, ctx->user_ip4);
    return on_send(ctx, &key);
}

SEC("cgroup/sendmsg6")
int sendmsg6_cgroup(struct bpf_sock_addr *ctx)
{
    struct wire_endpoint_key key = {};
    __u32 words[4];

    words[0] = ctx->user_ip6[0];
    words[1] = ctx->user_ip6[1];
    words[2] = ctx->user_ip6[2];
    words[3] = ctx->user_ip6[3];
    set_v6(key.remote, words);
    return on_send(ctx, &key);
}

/* --- bind and release: UDP sockets that wait for datagrams --- */

static __always_inline int on_bind(struct bpf_sock *ctx, struct wire_listener_key *key)
{
    struct sock *sk;

    if (ctx->protocol != WIRE_PROTOCOL_UDP || ctx->src_port == 0)
        return ALLOW;
    if (current_tgid() == settings.self_tgid)
        return ALLOW;
    sk = kernel_socket(ctx);
    key->port = (__u16)ctx->src_port;
    key->protocol = WIRE_PROTOCOL_UDP;
    key->netns = socket_netns(sk);
    tell_listener_opened(key, sk, COUNTER_BIND_LISTENERS_FULL, COUNTER_BIND_RING_FULL);
    return ALLOW;
}

SEC("cgroup/post_bind4")
int bind4_cgroup(struct bpf_sock *ctx)
{
    struct wire_listener_key key = {};

    set_v4(key.local, ctx->src_ip4);
    return on_bind(ctx, &key);
}

SEC("cgroup/post_bind6")
int bind6_cgroup(struct bpf_sock *ctx)
{
    struct wire_listener_key key = {};
    __u32 words[4];

    words[0] = ctx->src_ip6[0];
    words[1] = ctx->src_ip6[1];
    words[2] = ctx->src_ip6[2];
    words[3] = ctx->src_ip6[3];
    set_v6(key.local, words);
    return on_bind(ctx, &key);
}

SEC("cgroup/sock_release")
int release_cgroup(struct bpf_sock *ctx)
{
    struct wire_listener_key key = {};
    struct sock *sk;
    __u8 remote[16];

    if (ctx->protocol == WIRE_PROTOCOL_TCP) {
        /* A connect that failed before SYN_SENT changes no state: its entry ends here. */
        sk = kernel_socket(ctx);
        if (BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_CLOSE)
            close_connection(bpf_get_socket_cookie(ctx), 0, COUNTER_RELEASE_RING_FULL);
        return ALLOW;
    }
    if (ctx->protocol != WIRE_PROTOCOL_UDP)
        return ALLOW;
    sk = kernel_socket(ctx);
    key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
    if (key.port == 0)
        return ALLOW;
    key.protocol = WIRE_PROTOCOL_UDP;
    key.netns = socket_netns(sk);
    fill_addresses(sk, key.local, remote);
    /* A client's socket, bound by the kernel when it sent, is no listener. A connect() narrows the local address. */
    if (find_listener(&key))
        tell_listener_closed(&key, sk, COUNTER_RELEASE_RING_FULL);
    return ALLOW;
}

/* --- TCP states --- */

/* The key of a socket in `sockets`: its cookie, which connect4/6 has made. MPTCP's subflows are connected by the kernel
 * without that hook and have none: they go by address. */
static __always_inline __u64 socket_key(const struct sock *sk)
{
    __u64 cookie = sk->__sk_common.skc_cookie.counter;

    return cookie ? cookie : (__u64)sk;
}

static __always_inline struct connection *find_connection(const struct sock *sk)
{
    __u64 cookie = sk->__sk_common.skc_cookie.counter;
    __u64 address = (__u64)sk;
    struct connection *connection = 0;

    if (cookie)
        connection = bpf_map_lookup_elem(&sockets, &cookie);
    if (!connection && address_keys_used)
        connection = bpf_map_lookup_elem(&sockets, &address);
    return connection;
}

static __always_inline void fill_socket_listener_key(struct wire_listener_key *key, const struct sock *sk)
{
    __u8 remote[16];

    fill_addresses(sk, key->local, remote);
    key->port = sk->__sk_common.skc_num;
    key->protocol = WIRE_PROTOCOL_TCP;
    key->netns = sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline int on_syn_sent(const struct sock *sk)
{
    struct connection connection = {};
    struct wire_endpoint *endpoint;
    __u8 local[16];
    __u64 key;

    if (find_connection(sk))
        return 0;
    if (current_tgid() == settings.self_tgid)
        return 0;
    fill_addresses(sk, local, connection.endpoint_key.remote);
    connection.endpoint_key.port = bpf_ntohs(sk->__sk_common.skc_dport);
    connection.endpoint_key.netns = sk->__sk_common.skc_net.net->ns.inum;
    connection.endpoint_key.protocol = WIRE_PROTOCOL_TCP;
    connection.endpoint_key.role = WIRE_ROLE_CLIENT;
    fill_current_image(&connection.endpoint_key);
    endpoint = endpoint_of(&connection.endpoint_key, 1, COUNTER_STATE_ENDPOINTS_FULL, COUNTER_STATE_RING_FULL);
    if (!endpoint)
        return 0;
    __sync_fetch_and_add(&endpoint->attempts, 1);
    endpoint->last_boot_ns = bpf_ktime_get_boot_ns();
    connection.endpoint = endpoint->id;
    key = socket_key(sk);
    if (key == (__u64)sk)
        address_keys_used = 1;
    if (bpf_map_update_elem(&sockets, &key, &connection, BPF_ANY))
        give_up(COUNTER_CONNECT_SOCKETS_FULL);
    return 0;
}

static __always_inline int on_client_established(const struct sock *sk, struct connection *connection)
{
    struct wire_endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &connection->endpoint_key);
    struct wire_endpoint_established *record;
    __u8 remote[16];

    if (!endpoint)
        return 0;
    count_established(connection, endpoint);
    if (endpoint->told_established)
        return 0;
    endpoint->told_established = 1;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(COUNTER_STATE_RING_FULL);
    fill_header(&record->header, WIRE_ENDPOINT_ESTABLISHED, sizeof(*record));
    record->id = endpoint->id;
    fill_addresses(sk, record->local, remote);
    record->local_port = sk->__sk_common.skc_num;
    record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    record->reserved = 0;
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

/* `current` is whoever the kernel worked for when the last packet of the handshake came in: not the server. */
static __always_inline int on_server_established(const struct sock *sk)
{
    struct wire_endpoint_key key = {};
    struct wire_endpoint *endpoint;

    fill_addresses(sk, key.local, key.remote);
    key.port = sk->__sk_common.skc_num;
    key.netns = sk->__sk_common.skc_net.net->ns.inum;
    key.protocol = WIRE_PROTOCOL_TCP;
    key.role = WIRE_ROLE_SERVER;
    count_at_listener(&key, 0, COUNTER_STATE_LISTENERS_FULL);
    if (early_streams_used) {
        struct tuple tuple = {.local_port = key.port, .netns = key.netns};

        /* Only now is the payload that came before its handshake was over known to be a client's. */
        __builtin_memcpy(tuple.local, key.local, 16);
        __builtin_memcpy(tuple.remote, key.remote, 16);
        tuple.remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
        if (bpf_map_lookup_elem(&early_streams, &tuple))
            count_at_listener(&key, 1, COUNTER_STATE_LISTENERS_FULL);
    }
    endpoint = endpoint_of(&key, 0, COUNTER_STATE_ENDPOINTS_FULL, COUNTER_STATE_RING_FULL);
    if (!endpoint)
        return 0;
    __sync_fetch_and_add(&endpoint->attempts, 1);
    __sync_fetch_and_add(&endpoint->established, 1);
    endpoint->last_boot_ns = bpf_ktime_get_boot_ns();
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_tp_btf, const struct sock *sk, int old_state, int new_state)
{
    __u16 protocol = sk->sk_protocol;

    if (protocol != WIRE_PROTOCOL_TCP && protocol != ASSAY_IPPROTO_MPTCP)
        return 0;
    if (new_state == BPF_TCP_LISTEN) {
        struct wire_listener_key key = {};

        if (current_tgid() == settings.self_tgid)
            return 0;
        fill_socket_listener_key(&key, sk);
        return tell_listener_opened(&key, sk, COUNTER_STATE_LISTENERS_FULL, COUNTER_STATE_RING_FULL);
    }
    if (old_state == BPF_TCP_LISTEN) {
        struct wire_listener_key key = {};

        if (new_state != BPF_TCP_CLOSE)
            return 0; /* a child just copied from its listener: LISTEN to SYN_RECV */
        fill_socket_listener_key(&key, sk);
        /* A port that the kernel chose is given back before the state is told; inet_sport keeps it. */
        if (!key.port)
            key.port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
        return tell_listener_closed(&key, sk, COUNTER_STATE_RING_FULL);
    }
    if (protocol == ASSAY_IPPROTO_MPTCP)
        return 0; /* connections are told by the TCP socket inside */
    if (new_state == BPF_TCP_SYN_SENT)
        return on_syn_sent(sk);
    if (new_state == BPF_TCP_ESTABLISHED) {
        struct connection *connection = find_connection(sk);

        if (connection)
            return on_client_established(sk, connection);
        if (old_state == BPF_TCP_SYN_SENT)
            return 0; /* a client, older than our hooks or counted as lost when it connected */
        return on_server_established(sk);
    }
    if (new_state == BPF_TCP_CLOSE) {
        __u64 cookie = sk->__sk_common.skc_cookie.counter;

        if (cookie)
            close_connection(cookie, old_state != BPF_TCP_SYN_SENT, COUNTER_STATE_RING_FULL);
        if (address_keys_used)
            close_connection((__u64)sk, old_state != BPF_TCP_SYN_SENT, COUNTER_STATE_RING_FULL);
    }
    return 0;
}

/* --- accept: optional, names the process that takes a server-side connection --- */

struct proto_accept_arg___since_6_10 {
    int flags;
} __attribute__((preserve_access_index));

/* The barrier keeps the compiler from computing an address from both branches: the verifier wants ctx unchanged. */
static __always_inline struct sock *accept_result(const __u64 *ctx, int index)
{
    __u64 result = ctx[index];

    asm volatile("" : "+r"(result));
    return (struct sock *)result;
}

SEC("fexit/inet_csk_accept")
int accept_fexit(__u64 *ctx)
{
    struct wire_endpoint_accepted *record;
    struct wire_endpoint_key key = {};
    struct wire_endpoint *endpoint;
    struct sock *sk;

    /* Linux 6.10 folded three arguments into struct proto_accept_arg; the result follows the arguments. */
    if (bpf_core_type_exists(struct proto_accept_arg___since_6_10))
        sk = accept_result(ctx, 2);
    else
        sk = accept_result(ctx, 4);
    if (!sk)
        return 0;
    fill_addresses(sk, key.local, key.remote);
    key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
    key.netns = socket_netns(sk);
    key.protocol = WIRE_PROTOCOL_TCP;
    key.role = WIRE_ROLE_SERVER;
    endpoint = bpf_map_lookup_elem(&endpoints, &key);
    if (!endpoint || endpoint->told_accepted)
        return 0;
    endpoint->told_accepted = 1;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(COUNTER_ACCEPT_RING_FULL);
    fill_header(&record->header, WIRE_ENDPOINT_ACCEPTED, sizeof(*record));
    record->id = endpoint->id;
    fill_current(&record->process);
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

/* --- first payloads --- */

static __always_inline void fill_server_key(struct wire_endpoint_key *key, const struct packet *packet, __u32 netns)
{
    __builtin_memset(key, 0, sizeof(*key));
    __builtin_memcpy(key->local, packet->local, 16);
    __builtin_memcpy(key->remote, packet->remote, 16);
    key->port = packet->local_port;
    key->netns = netns;
    key->protocol = packet->protocol;
    key->role = WIRE_ROLE_SERVER;
}

static __always_inline void fill_tuple(struct tuple *tuple, const struct packet *packet, __u32 netns)
{
    __builtin_memcpy(tuple->local, packet->local, 16);
    __builtin_memcpy(tuple->remote, packet->remote, 16);
    tuple->local_port = packet->local_port;
    tuple->remote_port = packet->remote_port;
    tuple->netns = netns;
}

/* A payload that came before its socket. */
static __always_inline int on_early_payload(struct __sk_buff *skb, struct bpf_sock *listener,
                                            const struct packet *packet)
{
    __u32 netns = socket_netns(kernel_socket(listener));
    struct tuple tuple = {};
    struct early_stream *early;
    struct early_stream fresh = {};
    struct wire_endpoint_key key;
    struct wire_endpoint *endpoint;

    if (packet->egress || packet->syn)
        return ALLOW;
    fill_tuple(&tuple, packet, netns);
    early = bpf_map_lookup_elem(&early_streams, &tuple);
    if (!early) {
        fill_server_key(&key, packet, netns);
        endpoint = endpoint_of(&key, 0, COUNTER_PACKET_ENDPOINTS_FULL, COUNTER_PACKET_RING_FULL);
        if (!endpoint)
            return ALLOW;
        fresh.flow = new_id();
        fresh.endpoint = endpoint->id;
        fresh.base_in = packet->sequence;
        bpf_map_update_elem(&early_streams, &tuple, &fresh, BPF_ANY);
        early_streams_used = 1;
        early = &fresh;
    } else if (early->segments >= settings.flow_segments) {
        return ALLOW;
    }
    early->segments++;
    tell_segment(skb, packet, early->flow, early->endpoint, netns, 1, packet->sequence - early->base_in,
                 WIRE_SEGMENT_EARLY);
    return ALLOW;
}

#define BEGIN_LATER 2

/* Fills a new stream: which endpoint it belongs to, which side we are, where its bytes begin. */
static __always_inline int begin_stream(struct __sk_buff *skb, struct bpf_sock *sk, struct stream *stream,
                                        const struct packet *packet, __u32 netns)
{
    __u64 cookie = bpf_get_socket_cookie(skb);
    __u64 address = (__u64)kernel_socket(sk);
    struct connection *connection = bpf_map_lookup_elem(&sockets, &cookie);
    struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
    struct wire_endpoint *endpoint;
    struct wire_endpoint_key key;
    int sent_before, received_before;

    if (!tcp)
        return 0;
    if (!connection && address_keys_used)
        connection = bpf_map_lookup_elem(&sockets, &address);
    stream->flow = new_id();
    /* bytes_acked counts the SYN of a client as one. */
    sent_before = tcp->bytes_acked > 1;
    received_before = tcp->bytes_received > 0;
    stream->base_in = tcp->rcv_nxt - (__u32)tcp->bytes_received;
    stream->base_out = tcp->snd_una;
    if (connection) {
        stream->endpoint = connection->endpoint;
        connection->flow = stream->flow;
        if (sent_before || received_before)
            stream->flags |= STREAM_MID;
        return 1;
    }
    fill_server_key(&key, packet, netns);
    endpoint = bpf_map_lookup_elem(&endpoints, &key);
    if (!endpoint) {
        struct wire_listener_key listener_key;

        /* Older than the window, or so long silent that its endpoint was let go. Ours to serve when the port is
         * listened on, else we are its client. */
        fill_listener_key(&listener_key, &key);
        if (find_listener(&listener_key)) {
            stream->flags |= STREAM_SERVER;
        } else {
            __u32 zero = 0;
            __u32 *is_seeded = bpf_map_lookup_elem(&seeded, &zero);

            if (!is_seeded || !*is_seeded)
                return BEGIN_LATER;
            key.role = WIRE_ROLE_CLIENT;
            key.port = packet->remote_port;
            __builtin_memset(key.local, 0, sizeof(key.local));
        }
        endpoint = endpoint_of(&key, 0, COUNTER_PACKET_ENDPOINTS_FULL, COUNTER_PACKET_RING_FULL);
        if (!endpoint)
            return 0;
        if (sent_before || received_before)
            stream->flags |= STREAM_MID | STREAM_CLIENT_SPOKE;
    } else {
        stream->flags |= STREAM_SERVER;
        if (received_before) {
            struct tuple tuple = {};
            struct early_stream *early;

            fill_tuple(&tuple, packet, netns);
            early = bpf_map_lookup_elem(&early_streams, &tuple);
            if (early) {
                stream->flow = early->flow;
                stream->base_in = early->base_in;
                stream->segments = early->segments;
                stream->flags |= STREAM_CLIENT_SPOKE;
                bpf_map_delete_elem(&early_streams, &tuple);
            } else {
                stream->flags |= STREAM_MID;
            }
        }
        if (sent_before)
            stream->flags |= STREAM_MID;
    }
    stream->endpoint = endpoint->id;
    {
        struct connection fresh = {
            .endpoint_key = key, .endpoint = endpoint->id, .flow = stream->flow, .established = 1};

        if (bpf_map_update_elem(&sockets, &cookie, &fresh, BPF_ANY))
            count(COUNTER_PACKET_STORAGE_FULL); /* its close will not be told; the verdict still is */
    }
    return 1;
}

/* Whether a segment after the first ones is worth a look: on a connection that is kept alive, one request among many
 * may carry a password, and then it is longer than the others. Costs one bit test for each of the client's segments. */
static __always_inline int is_late_news(struct stream *stream, const struct packet *packet)
{
    __u32 word = packet->payload_length >> 6 & 3;
    __u64 bit = 1ull << (packet->payload_length & 63);

    if (!packet->egress != !!(stream->flags & STREAM_SERVER))
        return 0; /* sent by the server */
    if (stream->client_lengths[word] & bit)
        return 0;
    stream->client_lengths[word] |= bit;
    return 1;
}

static __always_inline int on_stream_payload(struct __sk_buff *skb, struct bpf_sock *sk, const struct packet *packet)
{
    struct stream *stream = bpf_sk_storage_get(&streams, sk, 0, 0);
    __u8 flags = 0;
    __u32 netns;
    int begun;

    if (stream && stream->flags & STREAM_DONE)
        return ALLOW;
    if (stream && stream->segments >= settings.flow_segments && !is_late_news(stream, packet))
        return ALLOW;
    if (sk->state == BPF_TCP_LISTEN)
        return on_early_payload(skb, sk, packet);
    netns = socket_netns(kernel_socket(sk));
    if (!stream) {
        stream = bpf_sk_storage_get(&streams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
        if (!stream) {
            give_up(COUNTER_PACKET_STORAGE_FULL);
            return ALLOW;
        }
        begun = begin_stream(skb, sk, stream, packet, netns);
        if (begun == BEGIN_LATER) {
            bpf_sk_storage_delete(&streams, sk);
            return ALLOW;
        }
        if (!begun) {
            stream->flags |= STREAM_DONE;
            return ALLOW;
        }
    }
    if (!packet->egress && stream->flags & STREAM_SERVER && !(stream->flags & STREAM_CLIENT_SPOKE)) {
        struct wire_endpoint_key key;

        stream->flags |= STREAM_CLIENT_SPOKE;
        fill_server_key(&key, packet, netns);
        count_at_listener(&key, 1, COUNTER_STATE_LISTENERS_FULL);
    }
    if (stream->late_segments >= WIRE_FLOW_LATE_MAX || bpf_map_lookup_elem(&settled, &stream->flow)) {
        stream->flags |= STREAM_DONE;
        return ALLOW;
    }
    if (stream->segments >= settings.flow_segments) {
        stream->late_segments++;
        flags |= WIRE_SEGMENT_LATE;
    } else {
        is_late_news(stream, packet); /* remembers the lengths */
        stream->segments++;
        if (stream->segments == settings.flow_segments)
            flags |= WIRE_SEGMENT_LAST;
    }
    if (stream->flags & STREAM_MID)
        flags |= WIRE_SEGMENT_MID_STREAM;
    tell_segment(skb, packet, stream->flow, stream->endpoint, netns, !!(stream->flags & STREAM_SERVER),
                 packet->sequence - (packet->egress ? stream->base_out : stream->base_in), flags);
    return ALLOW;
}

/* A datagram on a socket that nobody sent from: the first of a flow that the remote began, if the port is bound. */
static __always_inline struct datagram_flow *begin_datagram_flow(struct bpf_sock *sk, const struct datagram_key *key,
                                                                 const struct packet *packet)
{
    struct datagram_flow fresh = {};
    struct wire_listener_key listener_key;
    struct wire_endpoint *endpoint;

    fill_server_key(&fresh.endpoint_key, packet, socket_netns(kernel_socket(sk)));
    fill_listener_key(&listener_key, &fresh.endpoint_key);
    if (packet->egress || !find_listener(&listener_key)) {
        /* Older than the window, or bound by the kernel for a client: nothing can be said of it. */
        fresh.flags = STREAM_DONE;
    } else {
        fresh.flags = STREAM_SERVER;
        endpoint = endpoint_of(&fresh.endpoint_key, 0, COUNTER_PACKET_ENDPOINTS_FULL, COUNTER_PACKET_RING_FULL);
        if (!endpoint)
            return 0;
        __sync_fetch_and_add(&endpoint->attempts, 1);
        endpoint->last_boot_ns = bpf_ktime_get_boot_ns();
        fresh.endpoint = endpoint->id;
        fresh.flow = new_id();
        count_at_listener(&fresh.endpoint_key, 0, COUNTER_PACKET_ENDPOINTS_FULL);
        count_at_listener(&fresh.endpoint_key, 1, COUNTER_PACKET_ENDPOINTS_FULL);
    }
    bpf_map_update_elem(&datagram_flows, key, &fresh, BPF_ANY);
    count(COUNTER_DATAGRAM_FLOWS_MADE);
    return bpf_map_lookup_elem(&datagram_flows, key);
}

static __always_inline int on_datagram(struct __sk_buff *skb, struct bpf_sock *sk, const struct packet *packet)
{
    struct datagram_key key = {.cookie = bpf_get_socket_cookie(skb), .remote_port = packet->remote_port};
    struct datagram_flow *flow;
    __u8 flags = 0;

    __builtin_memcpy(key.remote, packet->remote, 16);
    flow = bpf_map_lookup_elem(&datagram_flows, &key);
    if (!flow) {
        flow = begin_datagram_flow(sk, &key, packet);
        if (!flow)
            return ALLOW;
    }
    if (settings.dns_answers && packet->remote_port == WIRE_DNS_PORT)
        on_dns_message(skb, sk, packet, flow->flow && !(flow->flags & STREAM_SERVER));
    if (flow->flags & STREAM_DONE)
        return ALLOW;
    if (!(flow->flags & DATAGRAM_PASSED)) {
        struct wire_endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint_key);

        flow->flags |= DATAGRAM_PASSED;
        if (endpoint)
            __sync_fetch_and_add(&endpoint->established, 1);
    }
    if (flow->segments >= settings.flow_segments || bpf_map_lookup_elem(&settled, &flow->flow)) {
        flow->flags |= STREAM_DONE;
        return ALLOW;
    }
    flow->segments++;
    if (flow->segments == settings.flow_segments)
        flags |= WIRE_SEGMENT_LAST;
    tell_segment(skb, packet, flow->flow, flow->endpoint, flow->endpoint_key.netns, !!(flow->flags & STREAM_SERVER), 0,
                 flags);
    return ALLOW;
}

static __always_inline int on_packet(struct __sk_buff *skb, int egress)
{
    struct packet packet;
    struct bpf_sock *sk;

    if (!find_payload(skb, &packet, egress))
        return ALLOW;
    sk = skb->sk;
    if (!sk)
        return ALLOW;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return ALLOW;
    if (packet.protocol == WIRE_PROTOCOL_TCP) {
        if (settings.dns_answers && packet.remote_port == WIRE_DNS_PORT)
            on_dns_message(skb, sk, &packet, 0);
        return on_stream_payload(skb, sk, &packet);
    }
    return on_datagram(skb, sk, &packet);
}

SEC("cgroup_skb/egress")
int egress_cgroup(struct __sk_buff *skb)
{
    return on_packet(skb, 1);
}

SEC("cgroup_skb/ingress")
int ingress_cgroup(struct __sk_buff *skb)
{
    return on_packet(skb, 0);
}
