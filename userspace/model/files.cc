// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/state.h"

namespace assay::model {
namespace {

/// How long a change waits for records of its process that are still in the ring: two turns of the
/// thread that reads it.
constexpr std::uint64_t kHold = 45'000'000;
constexpr std::size_t kMostHeld = 16'384;

std::string_view name(sensors::FileChange::Operation operation) {
    return operation == sensors::FileChange::Operation::renamed ? "renamed" : "created";
}

}  // namespace

void Model::State::changed(const sensors::FileChange& event) {
    saw(event.time_ns);
    if (!wants(facts::Kind::file_event) || (event.pid != 0 && event.pid == own_pid)) {
        return;
    }
    HeldFile file{.time_ns = event.time_ns,
                  .pid = event.pid,
                  .path = std::string(event.path),
                  .operation = event.operation,
                  .directory = event.directory};
    if (event.pid == 0) {
        tell_file(file);
        return;
    }
    if (held_files.size() >= kMostHeld) {
        tell_file(held_files.front());
        held_files.pop_front();
    }
    held_files.push_back(std::move(file));
}

void Model::State::tell_files(std::uint64_t read_until_ns) {
    while (!held_files.empty() && held_files.front().time_ns <= read_until_ns) {
        tell_file(held_files.front());
        held_files.pop_front();
    }
}

void Model::State::tick_files() {
    if (now >= kHold) {
        tell_files(now - kHold);
    }
}

void Model::State::tell_file(const HeldFile& file) {
    facts::FileEvent fact;
    fact.header = header(file.time_ns, sensors::Origin::runtime);
    fact.target_filename = file.path;
    fact.operation = name(file.operation);
    fact.directory = file.directory;
    if (file.pid != 0) {
        fact.process_id = file.pid;
    }
    const Process* process = processes.find({.pid = file.pid, .start_boot_ns = 0});
    if (process != nullptr && process->start_boot_ns <= file.time_ns) {
        fact.header.process = {file.pid, process->start_boot_ns};
        fact.image = process->image.view();
        fact.command_line = process->command_line.view();
        fact.uid = process->uid;
        fact.user = surroundings.user_name(process->uid);
        fact.cgroup = process->cgroup.view();
        fact.container_id = process->container;
        if (const Process* parent = processes.find(process->parent)) {
            fact.parent_image = parent->image.view();
        }
    }
    emit_fact(fact);
}

}  // namespace assay::model
