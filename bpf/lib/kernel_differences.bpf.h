/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What kernels from 5.10 on name or lay out differently. Callers see one name. Each difference says when its older
 * branch can go.
 */
#ifndef ASSAY_KERNEL_DIFFERENCES_BPF_H
#define ASSAY_KERNEL_DIFFERENCES_BPF_H

#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Linux 6.15 renamed kernfs_node.parent to __parent (633488947ef6). Drop the old branch when 6.15 is our oldest. */
struct kernfs_node___since_6_15 {
    struct kernfs_node *__parent;
} __attribute__((preserve_access_index));
struct kernfs_node___until_6_14 {
    struct kernfs_node *parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
    struct kernfs_node___since_6_15 *renamed = (void *)node;
    struct kernfs_node___until_6_14 *original = (void *)node;

    if (bpf_core_field_exists(renamed->__parent))
        return BPF_CORE_READ(renamed, __parent);
    return BPF_CORE_READ(original, parent);
}

/* Linux 6.3 made kernel_cap_t one u64 (f122a08b197d); before it was two u32, the low half first. Drop the old branch
 * when 6.3 is our oldest. */
struct kernel_cap_struct___until_6_2 {
    __u32 cap[2];
} __attribute__((preserve_access_index));

static __always_inline __u64 effective_capabilities(const struct cred *cred)
{
    __u64 capabilities = 0;

    /* Both layouts are the same 8 bytes in memory on a little-endian machine. */
    bpf_core_read(&capabilities, sizeof(capabilities), &cred->cap_effective);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    if (bpf_core_field_exists(struct kernel_cap_struct___until_6_2, cap))
        capabilities = capabilities << 32 | capabilities >> 32;
#endif
    return capabilities;
}

/* Controllers are numbered by the kernel's configuration, and one that is not built has no number. */
enum cgroup_subsys_id___any {
    memory_cgrp_id___any,
    pids_cgrp_id___any,
};

#define cgroup_controller_exists(name) bpf_core_enum_value_exists(enum cgroup_subsys_id___any, name##_cgrp_id___any)
#define cgroup_controller_id(name)     bpf_core_enum_value(enum cgroup_subsys_id___any, name##_cgrp_id___any)

#endif
