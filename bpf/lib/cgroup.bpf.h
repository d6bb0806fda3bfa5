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

static __always_inline void take_if_deeper(struct cgroup **best, int *depth, struct cgroup *candidate)
{
    int level;

    if (!candidate)
        return;
    level = BPF_CORE_READ(candidate, level);
    if (!*best || level > *depth) {
        *best = candidate;
        *depth = level;
    }
}

static __always_inline struct cgroup *controller_cgroup(struct css_set *set, __u64 controller)
{
    struct cgroup_subsys_state *state = NULL;

    bpf_probe_read_kernel(&state, sizeof(state), (void *)set + bpf_core_field_offset(struct css_set, subsys) +
                                                     controller * sizeof(state));
    return state ? BPF_CORE_READ(state, cgroup) : NULL;
}

static __always_inline struct cgroup *deepest_cgroup(struct css_set *set)
{
    struct cgroup *best = NULL;
    int depth = 0;

    take_if_deeper(&best, &depth, BPF_CORE_READ(set, dfl_cgrp));
    if (cgroup_controller_exists(memory))
        take_if_deeper(&best, &depth, controller_cgroup(set, cgroup_controller_id(memory)));
    if (cgroup_controller_exists(pids))
        take_if_deeper(&best, &depth, controller_cgroup(set, cgroup_controller_id(pids)));
    if (depth == 0) {
        struct list_head *head = (void *)set + bpf_core_field_offset(struct css_set, cgrp_links);
        struct list_head *entry = BPF_CORE_READ(head, next);

        for (int i = 0; i < CGROUP_HIERARCHIES_MAX && entry && entry != head; i++) {
            struct cgrp_cset_link *link = (void *)entry - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);

            take_if_deeper(&best, &depth, BPF_CORE_READ(link, cgrp));
            entry = BPF_CORE_READ(entry, next);
        }
    }
    return best;
}

/* Ids are counted in each hierarchy by itself, so the hierarchy is part of what names a cgroup. */
static __always_inline __u64 cgroup_identity(struct cgroup *cgroup)
{
    return BPF_CORE_READ(cgroup, kn, id) | (__u64)BPF_CORE_READ(cgroup, root, hierarchy_id) << 48;
}

static __always_inline __u64 append_cgroup(char *text, __u64 at, struct cgroup *cgroup, __u32 *flags)
{
    const __u64 start = at;
    struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);

    for (int depth = 0; depth < WIRE_CGROUP_DEPTH; depth++) {
        struct kernfs_node *parent = kernfs_parent(node);

        if (!parent)
            return at == start ? append_nul(text, at) : at;
        at = append_text(text, at, BPF_CORE_READ(node, name), PATH_COMPONENT_MAX);
        node = parent;
    }
    if (kernfs_parent(node))
        *flags |= WIRE_EXEC_PATH_CUT;
    return at;
}

#endif
