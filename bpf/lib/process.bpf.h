/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a task is: the part of wire_exec that exec and the task iterator fill alike. Tasks here are typed by the verifier
 * (tp_btf, iterators), so `task->x->y` is a plain load that the kernel guards.
 */
#ifndef ASSAY_PROCESS_BPF_H
#define ASSAY_PROCESS_BPF_H

#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/kernel_differences.bpf.h"
#include "wire/records.h"

#define TASK_PERSONALITY_NO_RANDOMIZE 0x0040000  /* ADDR_NO_RANDOMIZE of uapi/linux/personality.h */
#define TASK_FLAG_KERNEL_THREAD       0x00200000 /* PF_KTHREAD of include/linux/sched.h */

static __always_inline void fill_process(struct wire_process *process, struct task_struct *task)
{
    process->tgid = task->tgid;
    process->uid = task->cred->uid.val;
    process->start_boot_ns = task->group_leader->start_boottime;
}

/* Who the parent is; its user is known from its own records. */
static __always_inline void fill_parent(struct wire_process *process, struct task_struct *task)
{
    process->tgid = task->real_parent->tgid;
    process->uid = 0;
    process->start_boot_ns = task->real_parent->group_leader->start_boottime;
}

static __always_inline __u32 pid_namespace_of(struct task_struct *task)
{
    /* nsproxy's pid namespace is the one of children to come; the task's own is that of its deepest number. */
    struct pid *pid = BPF_CORE_READ(task, thread_pid); /* untyped: 5.10 lets nobody compute with typed pointers */
    __u64 level = BPF_CORE_READ(pid, level);
    struct pid_namespace *namespace = NULL;

    bpf_probe_read_kernel(&namespace, sizeof(namespace),
                          (void *)pid + bpf_core_field_offset(struct pid, numbers) +
                              level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, ns));
    return BPF_CORE_READ(namespace, ns.inum);
}

/* Everything but the header and the parts that only an exec knows: image, paths, arguments, stack. */
static __always_inline void fill_identity(struct wire_exec *record, struct task_struct *task)
{
    const struct cred *cred = task->cred;
    struct nsproxy *namespaces = task->nsproxy;

    fill_process(&record->process, task);
    fill_parent(&record->parent, task);
    record->euid = cred->euid.val;
    record->gid = cred->gid.val;
    record->audit_uid = 0xFFFFFFFF;
    record->session_id = 0xFFFFFFFF;
    if (bpf_core_field_exists(task->loginuid))
        record->audit_uid = task->loginuid.val;
    if (bpf_core_field_exists(task->sessionid))
        record->session_id = task->sessionid;
    record->effective_capabilities = effective_capabilities(cred);
    record->pid_namespace = pid_namespace_of(task);
    record->mount_namespace = 0;
    record->net_namespace = 0;
    if (namespaces) {
        record->mount_namespace = namespaces->mnt_ns->ns.inum;
        record->net_namespace = namespaces->net_ns->ns.inum;
    }
    record->reserved = 0;
    record->reserved2 = 0;
}

static __always_inline __u32 task_flags(struct task_struct *task)
{
    __u32 flags = 0;

    if (task->personality & TASK_PERSONALITY_NO_RANDOMIZE)
        flags |= WIRE_EXEC_ASLR_DISABLED;
    if (task->flags & TASK_FLAG_KERNEL_THREAD)
        flags |= WIRE_EXEC_KERNEL_THREAD;
    return flags;
}

#endif
