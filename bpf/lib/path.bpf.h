/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths of files as their process sees them, read from dentries and mounts: bpf_d_path is refused in tracepoints on
 * every kernel we know. A path is written as its components from the file towards the root, each ended by a NUL; the
 * root alone is one NUL, so that nothing at all means "not readable".
 */
#ifndef ASSAY_PATH_BPF_H
#define ASSAY_PATH_BPF_H

#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "wire/records.h"

#define PATH_COMPONENT_MAX         256    /* NAME_MAX and a NUL */
#define PATH_MOUNTS_MAX            12     /* mount points crossed by one path */
#define FILE_MOUNT_INTERNAL        0x4000 /* MNT_INTERNAL of include/linux/mount.h: a mount that no process can name */

/* Keeps `value` below a power of two, right where the verifier of 5.10 must see it: before 5.11 it forgets the bounds
 * of a scalar that the compiler has put on the stack. */
#define BOUND_TO_MASK(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))

/* Text parts of a record under construction: at most TEXT_MAX bytes before the last part, which may add as many as
 * TEXT_LAST_MAX. */
#define TEXT_MAX                   32768
#define TEXT_LAST_MAX              WIRE_ARGUMENTS_MAX

struct text {
    char bytes[TEXT_MAX + TEXT_LAST_MAX];
    /* Kept in memory on purpose: read back, it is a number that the verifier knows nothing of. In a register it would
     * follow every length that every component can have, and refuse the program as too large. */
    volatile __u64 end;
};

/* Appends a NUL-ended kernel text of at most `limit` bytes, NUL included. */
static __always_inline void append_text(struct text *text, const void *source, __u32 limit)
{
    __u64 at = text->end;
    long length;

    BOUND_TO_MASK(at, TEXT_MAX - 1);
    length = bpf_probe_read_kernel_str(text->bytes + at, limit, source);
    if (length > 0)
        text->end = at + (__u64)length;
}

static __always_inline void append_nul(struct text *text)
{
    __u64 at = text->end;

    BOUND_TO_MASK(at, TEXT_MAX - 1);
    text->bytes[at] = 0;
    text->end = at + 1;
}

/* What a path needs of a dentry. */
struct dentry_link {
    struct dentry *parent;
    const unsigned char *name;
};

/* Parent and name are neighbours in every kernel so far, and then one read gets both. */
static __always_inline void read_dentry(struct dentry_link *link, struct dentry *dentry)
{
    struct {
        struct dentry *parent;
        struct qstr name;
    } neighbours = {};

    if (bpf_core_field_offset(struct dentry, d_name) ==
            bpf_core_field_offset(struct dentry, d_parent) + sizeof(neighbours.parent) &&
        bpf_core_field_size(struct dentry, d_name) == sizeof(neighbours.name)) {
        bpf_probe_read_kernel(&neighbours, sizeof(neighbours),
                              (void *)dentry + bpf_core_field_offset(struct dentry, d_parent));
        link->parent = neighbours.parent;
        link->name = neighbours.name.name;
        return;
    }
    link->parent = BPF_CORE_READ(dentry, d_parent);
    link->name = BPF_CORE_READ(dentry, d_name.name);
}

/* Appends `path`, below `root`; both are in kernel memory. False where it did not fit. */
static __always_inline int append_path(struct text *text, const struct path *path, const struct path *root)
{
    const __u64 start = text->end;
    struct path at = {}, root_at = {};
    struct dentry *dentry, *mount_root;
    struct vfsmount *vfsmount;

    bpf_core_read(&at, sizeof(at), path);
    bpf_core_read(&root_at, sizeof(root_at), root);
    vfsmount = at.mnt;
    dentry = at.dentry;
    mount_root = BPF_CORE_READ(vfsmount, mnt_root);

    for (int step = 0; step < WIRE_PATH_DEPTH + PATH_MOUNTS_MAX; step++) {
        struct dentry_link link;

        if (dentry == root_at.dentry && vfsmount == root_at.mnt)
            goto complete;
        if (dentry == mount_root) {
            struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
            struct mount *above = BPF_CORE_READ(mount, mnt_parent);

            if (!above || above == mount)
                goto complete;
            dentry = BPF_CORE_READ(mount, mnt_mountpoint);
            vfsmount = (void *)above + bpf_core_field_offset(struct mount, mnt);
            mount_root = BPF_CORE_READ(vfsmount, mnt_root);
            continue;
        }
        if (text->end - start > WIRE_PATH_MAX - PATH_COMPONENT_MAX)
            return 0;
        read_dentry(&link, dentry);
        append_text(text, link.name, PATH_COMPONENT_MAX);
        /* A dentry of its own that is no mount's root: a memfd, or another file without a directory. */
        if (!link.parent || link.parent == dentry)
            return 1;
        dentry = link.parent;
    }
    return dentry == root_at.dentry && vfsmount == root_at.mnt;

complete:
    if (text->end == start)
        append_nul(text);
    return 1;
}

/* A file that no directory names and whose mount is the kernel's own: memfd_create(2) and its like. A plain file on a
 * tmpfs is not one. */
static __always_inline int file_is_in_memory(int mount_flags, const struct dentry *dentry, const struct dentry *parent)
{
    return (mount_flags & FILE_MOUNT_INTERNAL) && dentry == parent;
}

#endif
