// SPDX-License-Identifier: Apache-2.0
#include "model/process_text.h"
#include "model/state.h"

namespace assay::model {
namespace {

constexpr std::size_t kMostCapabilityTexts = 256;
constexpr std::uint32_t kUnset = 0xFFFF'FFFF;

std::optional<std::uint32_t> unless_unset(std::uint32_t id) {
    return id == kUnset ? std::nullopt : std::optional(id);
}

/// Namespaces and inodes are never 0 where they are known.
template <class Number>
std::optional<Number> unless_zero(Number number) {
    return number == 0 ? std::nullopt : std::optional(number);
}

}  // namespace

void Model::State::exec(const sensors::ProcessExec& event) {
    saw(event.time_ns);
    if (event.kernel_thread) {
        return;
    }
    if (event.origin == sensors::Origin::runtime) {
        tell_files(event.time_ns);
    }
    command_line_text.clear();
    append_command_line(command_line_text, event.arguments, event.arguments_truncated);
    const bool news = processes.exec(event, command_line_text);
    if (news && wants(facts::Kind::process_creation) && event.process.pid != own_pid) {
        tell_exec(event, command_line_text);
    }
}

void Model::State::tell_exec(const sensors::ProcessExec& event, std::string_view command_line) {
    facts::ProcessCreation fact;
    fact.header = header(event.time_ns, event.origin);
    fact.header.process = event.process;
    fact.image = event.image;
    fact.command_line = command_line;
    fact.arguments = event.arguments;
    fact.command_line_truncated = event.arguments_truncated;
    fact.current_directory = event.current_directory;
    fact.user = surroundings.user_name(event.uid);
    fact.uid = event.uid;
    fact.effective_uid = event.euid;
    fact.gid = event.gid;
    fact.audit_uid = unless_unset(event.audit_uid);
    fact.logon_id = unless_unset(event.session_id);
    fact.process_id = event.process.pid;
    if (event.parent.pid != 0) {
        fact.parent_process_id = event.parent.pid;
        if (const Process* parent = processes.find(event.parent)) {
            fact.parent_image = parent->image.view();
            fact.parent_command_line = parent->command_line.view();
        }
    }
    fact.cgroup = event.cgroup;
    fact.container_id = container_of(event.cgroup);
    fact.script = event.script;
    fact.interpreter = event.interpreter;
    fact.image_deleted = event.image_deleted;
    fact.image_in_memory = event.image_in_memory;
    if (event.stack_known) {
        fact.stack_executable = event.stack_executable;
    }
    fact.aslr_disabled = event.aslr_disabled;
    fact.secure_exec = event.secure_exec;
    fact.capabilities = capabilities(event.effective_capabilities);
    if (event.image_file.inode != 0) {
        fact.image_inode = event.image_file.inode;
        device_text.clear();
        append_device(device_text, event.image_file.device);
        fact.image_device = device_text;
    }
    fact.pid_namespace = unless_zero(event.pid_namespace);
    fact.mount_namespace = unless_zero(event.mount_namespace);
    fact.net_namespace = unless_zero(event.net_namespace);
    emit_fact(fact);
}

std::string_view Model::State::capabilities(std::uint64_t mask) {
    const auto known = capabilities_known.find(mask);
    if (known != capabilities_known.end()) {
        return known->second;
    }
    if (capabilities_known.size() >= kMostCapabilityTexts) {
        capabilities_known.clear();
    }
    std::string& text = capabilities_known[mask];
    append_capabilities(text, mask);
    return text;
}

Owner Model::State::owner_of(facts::ProcessKey key) {
    Owner owner;
    owner.process = key;
    complete(owner);
    return owner;
}

void Model::State::refresh(Owner& owner) {
    const Process* process = processes.find(owner.process);
    if (process == nullptr || process->image.empty()) {
        return;
    }
    owner.image = process->image;
    owner.cgroup = process->cgroup;
    owner.container = process->container;
    if (!owner.uid_known) {
        owner.uid = process->uid;
        owner.uid_known = true;
    }
}

void Model::State::complete(Owner& owner) {
    if (owner.process.pid != 0 && owner.image.empty()) {
        refresh(owner);
    }
}

std::string_view Model::State::user_of(const Owner& owner) const {
    return owner.uid_known ? surroundings.user_name(owner.uid) : std::string_view{};
}

Ancestor Model::State::ancestor(facts::ProcessKey key, const Process& process) const {
    Ancestor told;
    told.process = {key.pid, process.start_boot_ns};
    told.image = process.image.view();
    told.command_line = process.command_line.view();
    told.uid = process.uid;
    told.user = surroundings.user_name(process.uid);
    return told;
}

}  // namespace assay::model
