/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who runs right now. Only for hooks where `current` is the actor: connect, sendmsg, post_bind, a transition to LISTEN
 * or SYN_SENT, accept, sysctl. Reads by CO-RE throughout: bpf_get_current_pid_tgid is not offered to every program type
 * on 5.10. */
#ifndef ASSAY_CURRENT_BPF_H
#define ASSAY_CURRENT_BPF_H

#include "wire/records.h"

static __always_inline __u32 current_tgid(void)
{
    struct task_struct *task = (void *)bpf_get_current_task();

    return BPF_CORE_READ(task, tgid);
}

static __always_inline void fill_current(struct wire_process *process)
{
    struct task_struct *task = (void *)bpf_get_current_task();

    process->tgid = BPF_CORE_READ(task, tgid);
    process->uid = BPF_CORE_READ(task, cred, uid.val);
    process->start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
}

/* The part of an endpoint key that says which program of which user acts. Kernel threads have no image. */
static __always_inline void fill_current_image(struct wire_endpoint_key *key)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct mm_struct *mm = BPF_CORE_READ(task, mm);
    struct inode *inode;

    key->uid = BPF_CORE_READ(task, cred, uid.val);
    if (!mm)
        return;
    inode = BPF_CORE_READ(mm, exe_file, f_inode);
    key->image_inode = BPF_CORE_READ(inode, i_ino);
    key->image_device = BPF_CORE_READ(inode, i_sb, s_dev);
}

#endif
