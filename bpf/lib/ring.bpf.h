/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring, the loss counters and the settings that every object shares. Userspace makes `ring` and `counters` once and
 * gives the same maps to each object (bpf_map__reuse_fd); `settings` is written to each object before load. */
#ifndef ASSAY_RING_BPF_H
#define ASSAY_RING_BPF_H

#include "wire/records.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 * 1024 * 1024);
} ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTER_MAX);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

const volatile struct wire_settings settings = {
    .self_tgid = 0, .wake_bytes = 1024 * 1024, .flow_segments = WIRE_FLOW_SEGMENTS_MAX};

static __always_inline void count(__u32 counter)
{
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);

    /* Atomic: a cgroup program may be preempted in the middle of it. */
    if (value)
        __sync_fetch_and_add(value, 1);
}

/* Leaves a program that could not tell what it saw; the one place where a loss is counted. */
static __always_inline int give_up(__u32 counter)
{
    count(counter);
    return 0;
}

/* A wake-up costs 3 to 17 us, so the reader looks on a timer and is woken only while the ring passes the mark. The band
 * above the mark is wider than any record: two CPUs that submit at once may both see the other's bytes. */
#define WAKE_BAND (64 * 1024)

static __always_inline __u64 wake_flags(void)
{
    __u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

    if (waiting >= settings.wake_bytes && waiting < (__u64)settings.wake_bytes + WAKE_BAND)
        return BPF_RB_FORCE_WAKEUP;
    return BPF_RB_NO_WAKEUP;
}

static __always_inline void fill_header(struct wire_header *header, __u16 kind, __u32 size)
{
    header->version = WIRE_VERSION;
    header->kind = kind;
    header->size = size;
    header->time_boot_ns = bpf_ktime_get_boot_ns();
}

#endif
