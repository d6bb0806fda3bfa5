/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process family: programs executed, processes made, processes ended. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/cgroup.bpf.h"
#include "lib/path.bpf.h"
#include "lib/process.bpf.h"
#include "lib/ring.bpf.h"
#include "wire/records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAPPING_EXECUTABLE 0x4 /* VM_EXEC of include/linux/mm.h */

/* Where an exec record is put together: far more than a BPF stack holds. */
struct exec_record {
    struct wire_exec fixed;
    char text[TEXT_MAX + TEXT_LAST_MAX];
};

/* One for each CPU (userspace sets max_entries): a per-CPU map cannot hold values of this size. A program cannot
 * interrupt itself on a CPU: the kernel skips it and counts that as a recursion miss. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct exec_record);
} exec_records SEC(".maps");

static __always_inline void fill_image(struct exec_record *record, struct file *file)
{
    struct inode *inode = file->f_inode;

    record->fixed.image_inode = inode->i_ino;
    record->fixed.image_device = inode->i_sb->s_dev;
    if (!BPF_CORE_READ(inode, i_nlink))
        record->fixed.flags |= WIRE_EXEC_IMAGE_DELETED;
    if (file_is_in_memory(file->f_path.mnt, file->f_path.dentry))
        record->fixed.flags |= WIRE_EXEC_IMAGE_IN_MEMORY;
}

/* Appends the arguments out of the new program's memory, where it has not run yet. Returns the new end. */
static __always_inline __u64 append_arguments(struct exec_record *record, __u64 at, struct mm_struct *mm)
{
    const __u64 begin = mm->arg_start;
    __u64 length = mm->arg_end - begin;

    if (length > WIRE_ARGUMENTS_MAX - 1) {
        length = WIRE_ARGUMENTS_MAX - 1;
        record->fixed.flags |= WIRE_EXEC_ARGUMENTS_CUT;
    }
    BOUND_TO_MASK(length, WIRE_ARGUMENTS_MAX - 1);
    BOUND_TO_MASK(at, TEXT_MAX - 1);
    if (bpf_probe_read_user(record->text + at, length, (void *)begin)) {
        record->fixed.flags |= WIRE_EXEC_ARGUMENTS_UNREADABLE;
        length = 0;
    }
    record->fixed.arguments_length = length;
    return at + length;
}

static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *program)
{
    __u32 cpu = bpf_get_smp_processor_id();
    struct exec_record *record;
    struct fs_struct *fs = task->fs;
    struct vm_area_struct *stack = program->vma;
    struct cgroup *cgroup;
    __u64 cgroup_id, at = 0, start;
    long sent;

    if ((__u64)task->tgid == settings.self_tgid)
        return 0;
    record = bpf_map_lookup_elem(&exec_records, &cpu);
    if (!record)
        return 0;

    record->fixed.flags = task_flags(task);
    fill_identity(&record->fixed, task);
    fill_image(record, program->file);
    if (!stack)
        record->fixed.flags |= WIRE_EXEC_STACK_UNKNOWN;
    else if (stack->vm_flags & MAPPING_EXECUTABLE)
        record->fixed.flags |= WIRE_EXEC_STACK_EXECUTABLE;
    if (BPF_CORE_READ_BITFIELD_PROBED(program, secureexec))
        record->fixed.flags |= WIRE_EXEC_SECURE;

    at = append_path(record->text, at, program->file->f_path.mnt, program->file->f_path.dentry, &fs->root,
                     &record->fixed.flags);
    record->fixed.image_length = at;

    start = at;
    at = append_path(record->text, at, fs->pwd.mnt, fs->pwd.dentry, &fs->root, &record->fixed.flags);
    record->fixed.directory_length = at - start;

    start = at;
    if (program->interp != program->filename)
        at = append_text(record->text, at, program->filename, WIRE_PATH_MAX);
    record->fixed.interpreter_length = at - start;

    start = at;
    cgroup = deepest_cgroup(BPF_CORE_READ(task, cgroups));
    cgroup_id = cgroup_identity(cgroup);
    record->fixed.cgroup_id = cgroup_id;
    if (!bpf_map_lookup_elem(&cgroups_told, &cgroup_id))
        at = append_cgroup(record->text, at, cgroup, &record->fixed.flags);
    record->fixed.cgroup_length = at - start;

    at = append_arguments(record, at, task->mm);
    BOUND_TO_MASK(at, TEXT_MAX - 1);
    fill_header(&record->fixed.header, WIRE_EXEC, sizeof(record->fixed) + at);
    sent = bpf_ringbuf_output(&ring, record, sizeof(record->fixed) + at, wake_flags());
    if (sent)
        return give_up(COUNTER_EXEC_RING_FULL);
    /* Only now: a record that was lost must not take the path with it. */
    if (record->fixed.cgroup_length) {
        __u8 told = 1;

        bpf_map_update_elem(&cgroups_told, &cgroup_id, &told, BPF_ANY);
    }
    return 0;
}

static __always_inline int on_fork(struct task_struct *child)
{
    struct wire_fork *record;

    if (child->tgid != child->pid || (__u64)child->tgid == settings.self_tgid)
        return 0; /* a thread */
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(COUNTER_FORK_RING_FULL);
    fill_header(&record->header, WIRE_FORK, sizeof(*record));
    fill_process(&record->process, child);
    fill_process(&record->parent, child->real_parent);
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
    struct wire_exit *record;

    /* do_exit() has already taken this thread off `live`. Two last threads that end at once may both see 0 and tell it
     * twice; a process has one end, so the second changes nothing. */
    if (BPF_CORE_READ(task, signal, live.counter) || (__u64)task->tgid == settings.self_tgid)
        return 0;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(COUNTER_EXIT_RING_FULL);
    fill_header(&record->header, WIRE_EXIT, sizeof(*record));
    fill_process(&record->process, task);
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_tp_btf, struct task_struct *task, pid_t old_pid, struct linux_binprm *program)
{
    return on_exec(task, program);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_tp_btf, struct task_struct *parent, struct task_struct *child)
{
    return on_fork(child);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_tp_btf, struct task_struct *task)
{
    return on_exit(task);
}
