/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process family: programs executed, processes made, processes ended; and kernel settings written. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/cgroup.bpf.h"
#include "lib/current.bpf.h"
#include "lib/path.bpf.h"
#include "lib/process.bpf.h"
#include "lib/ring.bpf.h"
#include "wire/records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAPPING_EXECUTABLE 0x4 /* VM_EXEC of include/linux/mm.h */

/* Where an exec record is put together: far more than a BPF stack holds. */
struct exec_record {
    struct wire_exec fixed;
    struct text text;
};

/* One for each CPU (userspace sets max_entries): a per-CPU map cannot hold values of this size. A program cannot
 * interrupt itself on a CPU: the kernel skips it and counts that as a recursion miss. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct exec_record);
} exec_records SEC(".maps");

static __always_inline struct exec_record *record_of_this_cpu(void)
{
    __u32 cpu = bpf_get_smp_processor_id();

    return bpf_map_lookup_elem(&exec_records, &cpu);
}

/* Global functions: the verifier looks at each once, by itself. Inlined into on_exec, their loops multiply to 250,000
 * steps of the verifier and 0.2 s of our start. Their arguments are plain numbers, which is all that 5.10 takes. */
__noinline int append_path_of(__u64 path, __u64 root)
{
    struct exec_record *record = record_of_this_cpu();

    if (record && !append_path(&record->text, (void *)path, (void *)root))
        record->fixed.flags |= WIRE_EXEC_PATH_CUT;
    return 0;
}

__noinline int append_cgroup_of(__u64 node)
{
    struct exec_record *record = record_of_this_cpu();

    if (record && !append_cgroup(&record->text, (void *)node))
        record->fixed.flags |= WIRE_EXEC_PATH_CUT;
    return 0;
}

static __always_inline void fill_image(struct exec_record *record, struct file *file)
{
    struct inode *inode = file->f_inode;

    record->fixed.image_inode = inode->i_ino;
    record->fixed.image_device = inode->i_sb->s_dev;
    if (!inode->i_nlink)
        record->fixed.flags |= WIRE_EXEC_IMAGE_DELETED;
    if (file_is_in_memory(file->f_path.mnt->mnt_flags, file->f_path.dentry, file->f_path.dentry->d_parent))
        record->fixed.flags |= WIRE_EXEC_IMAGE_IN_MEMORY;
}

/* Appends the arguments out of the new program's memory, where it has not run yet. */
static __always_inline void append_arguments(struct exec_record *record, struct mm_struct *mm)
{
    const __u64 begin = mm->arg_start;
    __u64 length = mm->arg_end - begin;
    __u64 at = record->text.end;

    if (length > WIRE_ARGUMENTS_MAX - 1) {
        length = WIRE_ARGUMENTS_MAX - 1;
        record->fixed.flags |= WIRE_EXEC_ARGUMENTS_CUT;
    }
    BOUND_TO_MASK(length, WIRE_ARGUMENTS_MAX - 1);
    BOUND_TO_MASK(at, TEXT_MAX - 1);
    if (bpf_probe_read_user(record->text.bytes + at, length, (void *)begin)) {
        record->fixed.flags |= WIRE_EXEC_ARGUMENTS_UNREADABLE;
        length = 0;
    }
    record->fixed.arguments_length = length;
    record->text.end = at + length;
}

static __always_inline void append_paths(struct exec_record *record, struct linux_binprm *program,
                                         struct task_struct *task)
{
    struct text *text = &record->text;
    struct file *file = BPF_CORE_READ(program, file);
    struct fs_struct *fs = BPF_CORE_READ(task, fs);
    __u64 root = (__u64)fs + bpf_core_field_offset(struct fs_struct, root);
    __u64 start = text->end;

    append_path_of((__u64)file + bpf_core_field_offset(struct file, f_path), root);
    record->fixed.image_length = text->end - start;

    start = text->end;
    if (settings.exec_directory)
        append_path_of((__u64)fs + bpf_core_field_offset(struct fs_struct, pwd), root);
    record->fixed.directory_length = text->end - start;

    start = text->end;
    if (program->interp != program->filename)
        append_text(text, program->filename, WIRE_PATH_MAX);
    record->fixed.script_length = text->end - start;

    start = text->end;
    if (program->interp != program->filename)
        append_text(text, program->interp, PATH_COMPONENT_MAX);
    record->fixed.interpreter_length = text->end - start;
}

/* Appends the path of the task's cgroup if userspace does not know it. */
static __always_inline void append_new_cgroup(struct exec_record *record, struct task_struct *task)
{
    struct cgroup *cgroup = deepest_controlled_cgroup(task->cgroups);
    struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);
    __u64 id = cgroup_identity(cgroup->kn->id, cgroup->root->hierarchy_id);
    __u64 start = record->text.end;

    if (cgroup->level == 0) {
        struct cgroup *linked = (void *)deepest_linked_cgroup((__u64)BPF_CORE_READ(task, cgroups));

        if (linked) {
            node = BPF_CORE_READ(linked, kn);
            id = cgroup_identity(BPF_CORE_READ(node, id), BPF_CORE_READ(linked, root, hierarchy_id));
        }
    }
    record->fixed.cgroup_id = id;
    if (!bpf_map_lookup_elem(&cgroups_told, &id))
        append_cgroup_of((__u64)node);
    record->fixed.cgroup_length = record->text.end - start;
}

static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *program)
{
    struct vm_area_struct *stack = program->vma;
    struct exec_record *record;
    __u64 text_length;

    if ((__u64)task->tgid == settings.self_tgid)
        return 0;
    record = record_of_this_cpu();
    if (!record)
        return 0;
    record->text.end = 0;
    record->fixed.flags = task_flags(task);
    fill_identity(&record->fixed, task);
    fill_image(record, program->file);
    if (!stack)
        record->fixed.flags |= WIRE_EXEC_STACK_UNKNOWN;
    else if (stack->vm_flags & MAPPING_EXECUTABLE)
        record->fixed.flags |= WIRE_EXEC_STACK_EXECUTABLE;
    if (BPF_CORE_READ_BITFIELD_PROBED(program, secureexec))
        record->fixed.flags |= WIRE_EXEC_SECURE;
    append_paths(record, program, task);
    append_new_cgroup(record, task);
    append_arguments(record, task->mm);

    text_length = record->text.end;
    BOUND_TO_MASK(text_length, TEXT_MAX - 1);
    fill_header(&record->fixed.header, WIRE_EXEC, sizeof(record->fixed) + text_length);
    if (bpf_ringbuf_output(&ring, record, sizeof(record->fixed) + text_length, wake_flags()))
        return give_up(COUNTER_EXEC_RING_FULL);
    /* Only now: a record that was lost must not take the path with it. */
    if (record->fixed.cgroup_length) {
        __u64 id = record->fixed.cgroup_id;
        __u8 told = 1;

        bpf_map_update_elem(&cgroups_told, &id, &told, BPF_ANY);
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
    fill_parent(&record->parent, child);
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
    struct wire_exit *record;

    /* do_exit() has already taken this thread off `live`. Two last threads that end at once may both see 0 and tell it
     * twice; a process has one end, so the second changes nothing. */
    if (task->signal->live.counter || (__u64)task->tgid == settings.self_tgid)
        return 0;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return give_up(COUNTER_EXIT_RING_FULL);
    fill_header(&record->header, WIRE_EXIT, sizeof(*record));
    fill_process(&record->process, task);
    bpf_ringbuf_submit(record, wake_flags());
    return 0;
}

#define ALLOW 1 /* cgroup programs: let the act go on */

/* Names of settings whose writes are told; userspace fills it before it attaches. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WIRE_SYSCTLS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct wire_sysctl_name);
    __type(value, __u8);
} sysctls SEC(".maps");

/* Before the write: whether it succeeds, and what it makes of the value, only reading it again tells. */
static __always_inline int on_sysctl(struct bpf_sysctl *ctx)
{
    struct wire_sysctl_name name = {}; /* 5.10 takes no uninitialised buffer */
    struct wire_sysctl_write *record;

    if (!ctx->write)
        return ALLOW;
    /* The whole name, and not a longer one that begins so. */
    if (bpf_sysctl_get_name(ctx, name.text, sizeof(name.text), 0) < 0)
        return ALLOW;
    if (!bpf_map_lookup_elem(&sysctls, &name) || current_tgid() == settings.self_tgid)
        return ALLOW;
    record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record) {
        give_up(COUNTER_SYSCTL_RING_FULL);
        return ALLOW;
    }
    fill_header(&record->header, WIRE_SYSCTL_WRITE, sizeof(*record));
    fill_current(&record->process);
    record->name = name;
    bpf_ringbuf_submit(record, wake_flags());
    return ALLOW;
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

SEC("cgroup/sysctl")
int sysctl_cgroup(struct bpf_sysctl *ctx)
{
    return on_sysctl(ctx);
}
