/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs and userspace/sensors/kernel say to each other: ring records, iterator records, map keys and
 * values. Fixed width, never packed, padding named. Both sides include this header; every change of a layout raises
 * WIRE_VERSION. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. Ports are in host order. Times are CLOCK_BOOTTIME ns.
 */
#ifndef ASSAY_WIRE_RECORDS_H
#define ASSAY_WIRE_RECORDS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define WIRE_ASSERT(what) static_assert(what, #what)
#else
#define WIRE_ASSERT(what) _Static_assert(what, #what)
#endif

#define WIRE_VERSION 2

enum wire_kind {
    WIRE_EXEC = 1,
    WIRE_FORK,
    WIRE_EXIT,
    WIRE_ENDPOINT_OPENED,
    WIRE_ENDPOINT_ESTABLISHED,
    WIRE_ENDPOINT_ACCEPTED,
    WIRE_LISTENER_OPENED,
    WIRE_LISTENER_CLOSED,
    WIRE_SEGMENT,
    WIRE_FLOW_CLOSED,
    WIRE_SOCKET_HELD, /* from the iterator, not the ring */
    WIRE_DNS_MESSAGE,
    WIRE_SYSCTL_WRITE,
};

struct wire_header {
    __u16 version;
    __u16 kind; /* enum wire_kind */
    __u32 size; /* bytes of the whole record */
    __u64 time_boot_ns;
};
WIRE_ASSERT(sizeof(struct wire_header) == 16);

struct wire_process {
    __u32 tgid; /* 0: nobody known */
    __u32 uid;
    __u64 start_boot_ns;
};
WIRE_ASSERT(sizeof(struct wire_process) == 16);

/* --- process family --- */

#define WIRE_ARGUMENTS_MAX 16384 /* a power of two; one byte less is kept */
#define WIRE_PATH_MAX      4096  /* bytes of all components of one path */
#define WIRE_PATH_DEPTH    48    /* components of one path */
#define WIRE_CGROUP_DEPTH  16

enum wire_exec_flag {
    WIRE_EXEC_SNAPSHOT = 1 << 0,
    WIRE_EXEC_ARGUMENTS_CUT = 1 << 1,
    WIRE_EXEC_IMAGE_DELETED = 1 << 2,
    WIRE_EXEC_IMAGE_IN_MEMORY = 1 << 3,
    WIRE_EXEC_STACK_EXECUTABLE = 1 << 4,
    WIRE_EXEC_STACK_UNKNOWN = 1 << 5,
    WIRE_EXEC_ASLR_DISABLED = 1 << 6,
    WIRE_EXEC_SECURE = 1 << 7,
    WIRE_EXEC_KERNEL_THREAD = 1 << 8,
    WIRE_EXEC_PATH_CUT = 1 << 9, /* a path had more components or bytes than fit */
    WIRE_EXEC_ARGUMENTS_UNREADABLE = 1 << 10,
};

/* A path or cgroup part is its components from the file towards the root, each ended by a NUL: "ls\0bin\0usr\0".
 * userspace turns them round. Script (bprm->filename) and interpreter (bprm->interp) are NUL-ended texts as the kernel
 * holds them; both are there only when Image interprets a script. */
struct wire_exec {
    struct wire_header header;
    struct wire_process process;
    struct wire_process parent;
    __u32 euid;
    __u32 gid;
    __u32 audit_uid;
    __u32 session_id;
    __u64 effective_capabilities;
    __u64 image_inode;
    __u32 image_device;
    __u32 flags; /* WIRE_EXEC_* */
    __u32 pid_namespace;
    __u32 mount_namespace;
    __u32 net_namespace;
    __u32 reserved;
    __u64 cgroup_id;
    /* Lengths of the parts that follow the fixed part, in this order, without padding between them. */
    __u16 image_length;
    __u16 directory_length;
    __u16 script_length;
    __u16 interpreter_length;
    __u16 cgroup_length;
    __u16 reserved2;
    __u32 arguments_length;
};
WIRE_ASSERT(sizeof(struct wire_exec) == 128);

struct wire_fork {
    struct wire_header header;
    struct wire_process process;
    struct wire_process parent;
};
WIRE_ASSERT(sizeof(struct wire_fork) == 48);

struct wire_exit {
    struct wire_header header;
    struct wire_process process;
};
WIRE_ASSERT(sizeof(struct wire_exit) == 32);

/* --- network family --- */

enum wire_role { WIRE_ROLE_CLIENT = 0, WIRE_ROLE_SERVER = 1 };

#define WIRE_PROTOCOL_TCP 6
#define WIRE_PROTOCOL_UDP 17

/* Key of the map `endpoints`. */
struct wire_endpoint_key {
    __u64 image_inode;  /* client only */
    __u32 image_device; /* client only */
    __u32 uid;          /* client only */
    __u32 netns;
    __u16 port;     /* of the server side */
    __u8 protocol;  /* WIRE_PROTOCOL_* */
    __u8 role;      /* enum wire_role: what the local socket is */
    __u8 local[16]; /* server only */
    __u8 remote[16];
};
WIRE_ASSERT(sizeof(struct wire_endpoint_key) == 56);

/* Value of the map `endpoints`. Counters are cumulative and exact. */
struct wire_endpoint {
    __u64 id;
    __u64 attempts;
    __u64 established;
    __u64 closed;
    __u64 last_boot_ns;
    __u32 told_established; /* the first established connection has been told */
    __u32 told_accepted;
};
WIRE_ASSERT(sizeof(struct wire_endpoint) == 48);

struct wire_endpoint_opened {
    struct wire_header header;
    __u64 id;
    struct wire_endpoint_key key;
    struct wire_process process;
};
WIRE_ASSERT(sizeof(struct wire_endpoint_opened) == 96);

struct wire_endpoint_established {
    struct wire_header header;
    __u64 id;
    __u8 local[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 reserved;
};
WIRE_ASSERT(sizeof(struct wire_endpoint_established) == 48);

struct wire_endpoint_accepted {
    struct wire_header header;
    __u64 id;
    struct wire_process process;
};
WIRE_ASSERT(sizeof(struct wire_endpoint_accepted) == 40);

/* Key of the map `listeners`. */
struct wire_listener_key {
    __u8 local[16];
    __u32 netns;
    __u16 port;
    __u8 protocol;
    __u8 reserved;
};
WIRE_ASSERT(sizeof(struct wire_listener_key) == 24);

/* Value of the map `listeners`. An entry without open sockets is userspace's to delete, once its counters are read. */
struct wire_listener {
    __u64 connections;
    __u64 connections_with_data;
    __u64 open_sockets;
    __u64 known; /* a socket was told or seeded; 0: only connections were seen */
};
WIRE_ASSERT(sizeof(struct wire_listener) == 32);

struct wire_listener_opened {
    struct wire_header header;
    struct wire_listener_key key;
    struct wire_process process;
    __u64 socket; /* kernel address: tells sockets apart while they are open */
    __u64 socket_inode;
    __u32 ipv6_only;
    __u32 reserved;
};
WIRE_ASSERT(sizeof(struct wire_listener_opened) == 80);

struct wire_listener_closed {
    struct wire_header header;
    struct wire_listener_key key;
    __u64 socket;
};
WIRE_ASSERT(sizeof(struct wire_listener_closed) == 48);

#define WIRE_SEGMENT_BYTES_MAX 1024
#define WIRE_FLOW_SEGMENTS_MAX 16
#define WIRE_FLOW_LATE_MAX     256

enum wire_segment_flag {
    WIRE_SEGMENT_EGRESS = 1 << 0,
    WIRE_SEGMENT_MID_STREAM = 1 << 1,
    WIRE_SEGMENT_LAST = 1 << 2,  /* the flow's WIRE_FLOW_SEGMENTS_MAX are used up */
    WIRE_SEGMENT_EARLY = 1 << 4, /* came before its socket: whether there is a connection is not known */
    WIRE_SEGMENT_LATE = 1 << 3,  /* after the last: a client's segment of a length (modulo 256) not seen before */
};

struct wire_segment {
    struct wire_header header;
    __u64 flow;
    __u64 endpoint;
    __u8 local[16];
    __u8 remote[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 netns;
    __u8 protocol;
    __u8 role;
    __u8 flags; /* WIRE_SEGMENT_* */
    __u8 reserved;
    __u32 offset;
    __u32 length;
    __u32 captured; /* bytes that follow */
};
WIRE_ASSERT(sizeof(struct wire_segment) == 88);

struct wire_flow_closed {
    struct wire_header header;
    __u64 flow;
};
WIRE_ASSERT(sizeof(struct wire_flow_closed) == 24);

#define WIRE_DNS_PORT      53
#define WIRE_DNS_BYTES_MAX 1280 /* the size that resolvers ask for is 1232 */

enum wire_dns_flag {
    WIRE_DNS_QUERY = 1 << 0,      /* sent by this host, else an answer that it received */
    WIRE_DNS_QUERY_TOLD = 1 << 1, /* an answer on a socket of which a query was told */
};

/* A query to port 53, or an answer from there on a socket that asked. TCP: one segment of the stream. */
struct wire_dns_message {
    struct wire_header header;
    struct wire_process asker; /* who connected the socket or sent from it; tgid 0: older than our hooks */
    __u64 image_inode;         /* what the asker runs */
    __u64 socket;              /* cookie */
    __u32 image_device;
    __u32 netns;
    __u32 length;   /* payload bytes on the wire */
    __u32 captured; /* bytes that follow */
    __u8 protocol;  /* WIRE_PROTOCOL_* */
    __u8 flags;     /* WIRE_DNS_* */
    __u16 reserved;
    __u32 reserved2;
};
WIRE_ASSERT(sizeof(struct wire_dns_message) == 72);

/* One for each process that holds a TCP or UDP socket; written by the iterator. */
struct wire_socket_held {
    struct wire_header header;
    struct wire_process process;
    __u64 socket_inode;
    __u64 socket;
    __u8 local[16];
    __u8 remote[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 netns;
    __u8 protocol;
    __u8 state; /* TCP_* of the kernel (include/net/tcp_states.h), stable since 2.6 */
    __u16 reserved;
    __u32 reserved2;
};
WIRE_ASSERT(sizeof(struct wire_socket_held) == 96);

/* --- kernel settings --- */

#define WIRE_SYSCTL_NAME_MAX 64 /* with its NUL; longer names are not watched */
#define WIRE_SYSCTLS_MAX     128

/* Key of the map `sysctls`: below /proc/sys, the rest of it NUL. */
struct wire_sysctl_name {
    char text[WIRE_SYSCTL_NAME_MAX];
};
WIRE_ASSERT(sizeof(struct wire_sysctl_name) == 64);

/* A kernel setting is about to be written: the program runs before the write. */
struct wire_sysctl_write {
    struct wire_header header;
    struct wire_process process;
    struct wire_sysctl_name name;
};
WIRE_ASSERT(sizeof(struct wire_sysctl_write) == 96);

/* --- what was lost, and why --- */

/* Index into the per-CPU array `counters`. One row for each hook and reason. */
enum wire_counter {
    COUNTER_EXEC_RING_FULL,
    COUNTER_FORK_RING_FULL,
    COUNTER_EXIT_RING_FULL,
    COUNTER_CONNECT_RING_FULL,
    COUNTER_CONNECT_ENDPOINTS_FULL,
    COUNTER_CONNECT_SOCKETS_FULL,
    COUNTER_SEND_RING_FULL,
    COUNTER_SEND_ENDPOINTS_FULL,
    COUNTER_BIND_RING_FULL,
    COUNTER_BIND_LISTENERS_FULL,
    COUNTER_STATE_RING_FULL,
    COUNTER_STATE_ENDPOINTS_FULL,
    COUNTER_STATE_LISTENERS_FULL,
    COUNTER_RELEASE_RING_FULL,
    COUNTER_ACCEPT_RING_FULL,
    COUNTER_PACKET_RING_FULL,
    COUNTER_PACKET_STORAGE_FULL,
    COUNTER_PACKET_ENDPOINTS_FULL,
    COUNTER_PACKET_UNREADABLE,
    COUNTER_DATAGRAM_FLOWS_MADE, /* not a loss: made - alive - deleted = evicted */
    COUNTER_DATAGRAM_FLOWS_DELETED,
    COUNTER_SYSCTL_RING_FULL,
    COUNTER_MAX,
};

/* Constants that userspace writes before load (.rodata of each object). */
struct wire_settings {
    __u64 self_tgid;      /* assay's own process: never told */
    __u32 wake_bytes;     /* the ring wakes its reader when this many bytes wait */
    __u32 flow_segments;  /* at most WIRE_FLOW_SEGMENTS_MAX */
    __u32 exec_directory; /* exec records carry the working directory: a fifth of what they cost */
    __u32 dns_answers;    /* queries and answers of DNS are told */
};
WIRE_ASSERT(sizeof(struct wire_settings) == 24);

#endif
