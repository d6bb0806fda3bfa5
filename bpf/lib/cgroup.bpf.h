/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cgroup that says most about a process: the deepest of v2, memory, pids and, where all of these are at their root,
 * systemd's own v1 hierarchy. On hybrid hosts the v2 path is "/" for everyone.
 */
#ifndef ASSAY_CGROUP_BPF_H
#define ASSAY_CGROUP_BPF_H

#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/kernel_differences.bpf.h"
#include "lib/path.bpf.h"

#define CGROUP_HIERARCHIES_MAX 16

/* Cgroups whose path userspace knows. LRU: a path that was forgotten is told again. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, __u8);
} cgroups_told SEC(".maps");

/* Ids are counted in each hierarchy by itself, so the hierarchy is part of what names a cgroup. */
static __always_inline __u64 cgroup_identity(__u64 id, int hierarchy)
{
    return id | (__u64)hierarchy << 48;
}

static __always_inline struct cgroup *deeper_cgroup(struct cgroup *best, struct cgroup *candidate)
{
    return candidate->level > best->level ? candidate : best;
}

/* The deepest of v2, memory and pids. `set` and the result are typed by the verifier. */
static __always_inline struct cgroup *deepest_controlled_cgroup(struct css_set *set)
{
    struct cgroup *best = set->dfl_cgrp;

    if (cgroup_controller_exists(memory))
        best = deeper_cgroup(best, set->subsys[cgroup_controller_id(memory)]->cgroup);
    if (cgroup_controller_exists(pids))
        best = deeper_cgroup(best, set->subsys[cgroup_controller_id(pids)]->cgroup);
    return best;
}

/* The first cgroup below its root in any hierarchy of `set`, or 0. A global function: the verifier looks at it once,
 * by itself, and forgets what it found out. */
__noinline __u64 deepest_linked_cgroup(__u64 set)
{
    struct css_set *links = (void *)set;
    __u64 head = set + bpf_core_field_offset(struct css_set, cgrp_links);
    struct list_head *entry = BPF_CORE_READ(links, cgrp_links.next);

    for (int i = 0; i < CGROUP_HIERARCHIES_MAX && entry && (__u64)entry != head; i++) {
        struct cgrp_cset_link *link = (void *)entry - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
        struct cgroup *candidate = BPF_CORE_READ(link, cgrp);

        if (BPF_CORE_READ(candidate, level) > 0)
            return (__u64)candidate;
        entry = BPF_CORE_READ(entry, next);
    }
    return 0;
}

/* Appends the path of a cgroup. False where it did not fit. */
static __always_inline int append_cgroup(struct text *text, struct kernfs_node *node)
{
    const __u64 start = text->end;

    for (int depth = 0; depth <= WIRE_CGROUP_DEPTH; depth++) {
        struct kernfs_node *parent = kernfs_parent(node);

        if (!parent) {
            if (text->end == start)
                append_nul(text);
            return 1;
        }
        if (depth < WIRE_CGROUP_DEPTH)
            append_text(text, BPF_CORE_READ(node, name), PATH_COMPONENT_MAX);
        node = parent;
    }
    return 0;
}

#endif
