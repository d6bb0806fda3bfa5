/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was there before the window: processes, and sockets with their holders, of every namespace in one pass. Run by
 * userspace after the probes are attached, so that nothing falls between.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/path.bpf.h"
#include "lib/process.bpf.h"
#include "lib/ring.bpf.h"
#include "lib/socket.bpf.h"
#include "wire/records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define FILE_TYPE_MASK   0170000
#define FILE_TYPE_SOCKET 0140000

static __always_inline void fill_running_image(struct wire_exec *record, struct task_struct *task)
{
    struct mm_struct *mm = BPF_CORE_READ(task, mm);
    struct file *file = mm ? BPF_CORE_READ(mm, exe_file) : NULL;
    struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;
    struct dentry *dentry;

    if (!inode)
        return;
    record->image_inode = BPF_CORE_READ(inode, i_ino);
    record->image_device = BPF_CORE_READ(inode, i_sb, s_dev);
    if (!BPF_CORE_READ(inode, i_nlink))
        record->flags |= WIRE_EXEC_IMAGE_DELETED;
    dentry = BPF_CORE_READ(file, f_path.dentry);
    if (file_is_in_memory(BPF_CORE_READ(file, f_path.mnt, mnt_flags), dentry, BPF_CORE_READ(dentry, d_parent)))
        record->flags |= WIRE_EXEC_IMAGE_IN_MEMORY;
}

static __always_inline int on_task(struct bpf_iter_meta *meta, struct task_struct *task)
{
    struct wire_exec record = {};

    if (!task || task->tgid != task->pid || (__u64)task->tgid == settings.self_tgid)
        return 0;
    if (!task->signal->live.counter)
        return 0; /* a zombie */
    fill_header(&record.header, WIRE_EXEC, sizeof(record));
    fill_identity(&record, task);
    record.flags = task_flags(task) | WIRE_EXEC_SNAPSHOT | WIRE_EXEC_STACK_UNKNOWN;
    fill_running_image(&record, task);
    /* Paths, arguments and cgroup are read by userspace: another task's memory cannot be read here before Linux 5.18
     * (bpf_copy_from_user_task). */
    bpf_seq_write(meta->seq, &record, sizeof(record));
    return 0;
}

static __always_inline int on_held_file(struct bpf_iter_meta *meta, struct task_struct *task, struct file *file)
{
    struct wire_socket_held record = {};
    struct socket *socket;
    struct sock *sk;
    __u16 family, protocol;

    if (!task || !file || (__u64)task->tgid == settings.self_tgid)
        return 0;
    /* Threads share their leader's files. */
    if (task->tgid != task->pid && task->files == task->group_leader->files)
        return 0;
    if ((file->f_inode->i_mode & FILE_TYPE_MASK) != FILE_TYPE_SOCKET)
        return 0;
    /* bpf_sock_from_file is Linux 5.11. A socket file opened with O_PATH has no socket here. */
    socket = BPF_CORE_READ(file, private_data);
    sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
    if (!sk)
        return 0;
    family = BPF_CORE_READ(sk, __sk_common.skc_family);
    if (family != ASSAY_AF_INET && family != ASSAY_AF_INET6)
        return 0;
    protocol = BPF_CORE_READ(sk, sk_protocol);
    if (protocol == ASSAY_IPPROTO_MPTCP)
        protocol = WIRE_PROTOCOL_TCP; /* the outer socket of an MPTCP connection */
    if (protocol != WIRE_PROTOCOL_TCP && protocol != WIRE_PROTOCOL_UDP)
        return 0;

    fill_header(&record.header, WIRE_SOCKET_HELD, sizeof(record));
    fill_process(&record.process, task);
    record.socket_inode = file->f_inode->i_ino;
    record.socket = (__u64)sk;
    fill_addresses(sk, record.local, record.remote);
    record.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
    record.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    record.netns = socket_netns(sk);
    record.protocol = protocol;
    record.state = BPF_CORE_READ(sk, __sk_common.skc_state);
    bpf_seq_write(meta->seq, &record, sizeof(record));
    return 0;
}

SEC("iter/task")
int snapshot_processes_iter(struct bpf_iter__task *context)
{
    return on_task(context->meta, context->task);
}

SEC("iter/task_file")
int snapshot_sockets_iter(struct bpf_iter__task_file *context)
{
    return on_held_file(context->meta, context->task, context->file);
}
