/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Endpoints: where connections are counted. One entry for each program, user and destination, or for each listener and
 * remote address; only the first connection of an entry makes a record. */
#ifndef ASSAY_ENDPOINT_BPF_H
#define ASSAY_ENDPOINT_BPF_H

#include "lib/current.bpf.h"
#include "lib/ring.bpf.h"
#include "wire/records.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct wire_endpoint_key);
    __type(value, struct wire_endpoint);
} endpoints SEC(".maps");

/* Unique in a run: no two acts on one CPU share a nanosecond. (BPF atomics that fetch need 5.12.) */
static __always_inline __u64 new_id(void)
{
    return bpf_ktime_get_boot_ns() * 1024 + bpf_get_smp_processor_id();
}

static __always_inline void tell_endpoint(const struct wire_endpoint_key *key, __u64 id,
                                          const struct wire_process *process, __u32 ring_full)
{
    struct wire_endpoint_opened *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

    if (!record) {
        give_up(ring_full);
        return;
    }
    fill_header(&record->header, WIRE_ENDPOINT_OPENED, sizeof(*record));
    record->id = id;
    record->key = *key;
    record->process = *process;
    bpf_ringbuf_submit(record, wake_flags());
}

/* The endpoint of `key`, made and told if it is new. `by_current`: the actor is the current process. */
static __always_inline struct wire_endpoint *endpoint_of(const struct wire_endpoint_key *key, int by_current,
                                                         __u32 map_full, __u32 ring_full)
{
    struct wire_endpoint *endpoint = bpf_map_lookup_elem(&endpoints, key);
    struct wire_endpoint fresh = {};
    struct wire_process process = {};

    if (endpoint)
        return endpoint;
    fresh.id = new_id();
    if (bpf_map_update_elem(&endpoints, key, &fresh, BPF_NOEXIST)) {
        endpoint = bpf_map_lookup_elem(&endpoints, key); /* another CPU was first */
        if (!endpoint)
            give_up(map_full);
        return endpoint;
    }
    if (by_current)
        fill_current(&process);
    tell_endpoint(key, fresh.id, &process, ring_full);
    return bpf_map_lookup_elem(&endpoints, key);
}

#endif
