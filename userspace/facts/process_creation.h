// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "facts/field.h"
#include "facts/header.h"

namespace assay::facts {

/// A program was executed (execve, execveat), or was already running when the window began (origin
/// snapshot). Source: the kernel at sched_process_exec, after the new image is in place and before
/// it has run an instruction.
struct ProcessCreation {
    FactHeader header;
    std::string_view image;
    std::string_view command_line;
    /// The arguments as they were given, separated by NUL; empty when only CommandLine is known. No
    /// field: what must keep them apart (rules on auditd's a0, a1, …) splits them when asked.
    std::string_view arguments;
    std::optional<bool> command_line_truncated;
    std::string_view current_directory;
    std::string_view user;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> effective_uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::uint32_t> audit_uid;
    std::optional<std::uint32_t> logon_id;
    std::optional<std::uint32_t> process_id;
    std::string_view parent_image;
    std::string_view parent_command_line;
    std::optional<std::uint32_t> parent_process_id;
    std::string_view cgroup;
    std::string_view container_id;
    std::string_view interpreter;
    std::string_view script;
    std::optional<bool> image_deleted;
    std::optional<bool> image_in_memory;
    std::optional<bool> stack_executable;
    std::optional<bool> aslr_disabled;
    std::optional<bool> secure_exec;
    std::string_view capabilities;
    std::optional<std::uint64_t> image_inode;
    std::string_view image_device;
    std::optional<std::uint32_t> pid_namespace;
    std::optional<std::uint32_t> mount_namespace;
    std::optional<std::uint32_t> net_namespace;
};

inline constexpr std::array kProcessCreationFields{
    field<&ProcessCreation::image>("Image", "path",
                                   "program file, by the kernel's path in the process's own mount "
                                   "namespace; for a script the interpreter"),
    field<&ProcessCreation::command_line>(
        "CommandLine", "",
        "arguments joined by blanks, read at exec before the program could change them; cut at "
        "16383 bytes, then ending in …"),
    field<&ProcessCreation::command_line_truncated>("CommandLineTruncated", "",
                                                    "true when CommandLine was cut"),
    field<&ProcessCreation::current_directory>("CurrentDirectory", "path",
                                               "working directory at exec"),
    field<&ProcessCreation::user>("User", "",
                                  "name of Uid in the host's passwd; the number when it has none"),
    field<&ProcessCreation::uid>("Uid", "", "real user id, in the host's user namespace"),
    field<&ProcessCreation::effective_uid>("EffectiveUid", "",
                                           "effective user id after exec (set-uid applied)"),
    field<&ProcessCreation::gid>("Gid", "", "real group id"),
    field<&ProcessCreation::audit_uid>(
        "AuditUid", "", "login uid (audit); absent when the process belongs to no login"),
    field<&ProcessCreation::logon_id>(
        "LogonId", "", "audit session id; absent when the process belongs to no login"),
    field<&ProcessCreation::process_id>("ProcessId", "",
                                        "thread group id in the host's pid namespace"),
    field<&ProcessCreation::parent_image>("ParentImage", "path", "program file of the parent"),
    field<&ProcessCreation::parent_command_line>("ParentCommandLine", "",
                                                 "arguments of the parent"),
    field<&ProcessCreation::parent_process_id>("ParentProcessId", "",
                                               "thread group id of the parent"),
    field<&ProcessCreation::cgroup>("Cgroup", "path",
                                    "deepest cgroup of v2, memory, pids, systemd"),
    field<&ProcessCreation::container_id>(
        "ContainerId", "", "64 hex digits named by the cgroup (docker, containerd, cri-o, podman)"),
    field<&ProcessCreation::interpreter>(
        "Interpreter", "path",
        "of a script: the interpreter that it asks for, as written after #! (or by binfmt_misc)"),
    field<&ProcessCreation::script>("Script", "path",
                                    "the script file that Image was started to interpret"),
    field<&ProcessCreation::image_deleted>(
        "ImageDeleted", "", "the program file had no name any more when it was executed"),
    field<&ProcessCreation::image_in_memory>(
        "ImageInMemory", "",
        "the program file is a memfd or another file that lives in memory only"),
    field<&ProcessCreation::stack_executable>(
        "StackExecutable", "", "the kernel mapped the new stack executable (VM_EXEC at exec)"),
    field<&ProcessCreation::aslr_disabled>("AslrDisabled", "",
                                           "personality ADDR_NO_RANDOMIZE is set"),
    field<&ProcessCreation::secure_exec>("SecureExec", "",
                                         "the kernel runs it in secure-execution mode (AT_SECURE: "
                                         "set-uid, set-gid, file capabilities)"),
    field<&ProcessCreation::capabilities>(
        "Capabilities", "",
        "effective capabilities after exec: none, all, or names joined by commas"),
    field<&ProcessCreation::image_inode>("ImageInode", "", "inode of the program file"),
    field<&ProcessCreation::image_device>("ImageDevice", "major:minor",
                                          "device of the program file"),
    field<&ProcessCreation::pid_namespace>("PidNamespace", "", "inode of the pid namespace"),
    field<&ProcessCreation::mount_namespace>("MountNamespace", "", "inode of the mount namespace"),
    field<&ProcessCreation::net_namespace>("NetNamespace", "", "inode of the network namespace"),
};

}  // namespace assay::facts
