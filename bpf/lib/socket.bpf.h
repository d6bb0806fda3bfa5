/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets as the wire tells them: 16-byte addresses, host-order ports, network namespace. */
#ifndef ASSAY_SOCKET_BPF_H
#define ASSAY_SOCKET_BPF_H

#include "wire/records.h"

#define ASSAY_AF_INET       2
#define ASSAY_AF_INET6      10
#define ASSAY_IPPROTO_MPTCP 262

/* The verifier types ctx->sk as bpf_sock, whose address is the kernel's struct sock, but lets nobody compute with it.
 * Read back from the stack it is a plain number. */
static __always_inline struct sock *kernel_socket(void *bpf_socket)
{
    void *spilled = bpf_socket;
    struct sock *plain = 0;

    bpf_probe_read_kernel(&plain, sizeof(plain), &spilled);
    return plain;
}

static __always_inline __u32 socket_netns(const struct sock *sk)
{
    return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline void set_v4(__u8 *address, __u32 network_order)
{
    __u32 *words = (__u32 *)address;

    words[0] = 0;
    words[1] = 0;
    words[2] = bpf_htonl(0xffff);
    words[3] = network_order;
}

static __always_inline void set_v6(__u8 *address, const __u32 *network_order)
{
    __u32 *words = (__u32 *)address;

    words[0] = network_order[0];
    words[1] = network_order[1];
    words[2] = network_order[2];
    words[3] = network_order[3];
}

static __always_inline int is_v4(const __u8 *address)
{
    const __u32 *words = (const __u32 *)address;

    return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

/* Addresses of a kernel socket (any pointer: reads by CO-RE). IPv4-mapped IPv6 comes out as IPv4, but the wildcard of
 * an IPv6 socket stays ::. */
static __always_inline void fill_addresses(const struct sock *sk, __u8 *local, __u8 *remote)
{
    if (BPF_CORE_READ(sk, __sk_common.skc_family) == ASSAY_AF_INET6) {
        bpf_core_read(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_core_read(remote, 16, &sk->__sk_common.skc_v6_daddr);
        return;
    }
    set_v4(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
    set_v4(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
}

#endif
