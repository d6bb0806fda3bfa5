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

#define PATH_COMPONENT_MAX 256 /* NAME_MAX and a NUL */
#define PATH_MOUNTS_MAX 12     /* mount points crossed by one path */
#define FILE_MOUNT_INTERNAL 0x4000 /* MNT_INTERNAL of include/linux/mount.h: a mount that no process can name */

/* Keeps `value` below a power of two, right where the verifier of 5.10 must see it: before 5.11 it forgets the bounds
 * of a scalar that the compiler has put on the stack. */
#define BOUND_TO_MASK(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))

/* Text parts of a record under construction: at most TEXT_MAX bytes before the last part, which may add as many as
 * TEXT_LAST_MAX. */
#define TEXT_MAX 32768
#define TEXT_LAST_MAX WIRE_ARGUMENTS_MAX

/* Appends a NUL-ended kernel text of at most `limit` bytes, NUL included. Returns the new end. */
static __always_inline __u64 append_text(char *text, __u64 at, const void *source, __u32 limit)
{
    long length;

    BOUND_TO_MASK(at, TEXT_MAX - 1);
    length = bpf_probe_read_kernel_str(text + at, limit, source);
    return length > 0 ? at + (__u64)length : at;
}

static __always_inline __u64 append_nul(char *text, __u64 at)
{
    BOUND_TO_MASK(at, TEXT_MAX - 1);
    text[at] = 0;
    return at + 1;
}

/* Appends the path of (mount, dentry) below `root`. Sets WIRE_EXEC_PATH_CUT in *flags where it did not fit. */
static __always_inline __u64 append_path(char *text, __u64 at, struct vfsmount *vfsmount, struct dentry *dentry,
                                         struct path *root, __u32 *flags)
{
    const __u64 start = at;
    struct dentry *root_dentry = BPF_CORE_READ(root, dentry);
    struct vfsmount *root_mount = BPF_CORE_READ(root, mnt);
    struct dentry *mount_root = BPF_CORE_READ(vfsmount, mnt_root);

    for (int step = 0; step < WIRE_PATH_DEPTH + PATH_MOUNTS_MAX; step++) {
        struct dentry *parent;

        if (dentry == root_dentry && vfsmount == root_mount)
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
        if (at - start > WIRE_PATH_MAX - PATH_COMPONENT_MAX)
            break;
        at = append_text(text, at, BPF_CORE_READ(dentry, d_name.name), PATH_COMPONENT_MAX);
        parent = BPF_CORE_READ(dentry, d_parent);
        /* A dentry of its own that is no mount's root: a memfd, or another file without a directory. */
        if (!parent || parent == dentry)
            return at;
        dentry = parent;
    }
    *flags |= WIRE_EXEC_PATH_CUT;
    return at;

complete:
    return at == start ? append_nul(text, at) : at;
}

/* A file that no directory names and whose mount is the kernel's own: memfd_create(2) and its like. A plain file on a
 * tmpfs is not one. */
static __always_inline int file_is_in_memory(struct vfsmount *vfsmount, struct dentry *dentry)
{
    return (BPF_CORE_READ(vfsmount, mnt_flags) & FILE_MOUNT_INTERNAL) && BPF_CORE_READ(dentry, d_parent) == dentry;
}

#endif
