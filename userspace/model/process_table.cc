// SPDX-License-Identifier: Apache-2.0
#include "model/process_table.h"

namespace assay::model {
namespace {

constexpr std::size_t kContainerDigits = 64;

constexpr unsigned kDeepestLookup = 16;

void inherit(Process& child, const Process& parent) {
    child.image = parent.image;
    child.command_line = parent.command_line;
    child.cgroup = parent.cgroup;
    child.container = parent.container;
    child.image_since = parent.image_since;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// A cut that leaves no half of a UTF-8 character behind.
std::string_view cut(std::string_view text, std::size_t longest) {
    if (text.size() <= longest) {
        return text;
    }
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return text.substr(0, end);
}

}  // namespace

std::string_view container_of(std::string_view cgroup) {
    std::size_t run = 0;
    for (std::size_t end = cgroup.size(); end > 0 && end + run >= kContainerDigits; --end) {
        run = is_hex(cgroup[end - 1]) ? run + 1 : 0;
        if (run == kContainerDigits && (end == 1 || !is_hex(cgroup[end - 2]))) {
            return cgroup.substr(end - 1, kContainerDigits);
        }
    }
    return {};
}

Process* ProcessTable::known(ProcessKey key) {
    const auto found = current_.find(key.pid);
    if (found != current_.end() && found->second.start_boot_ns == key.start_boot_ns) {
        return &found->second;
    }
    const auto former = former_.find(key);
    return former == former_.end() ? nullptr : &former->second;
}

Process& ProcessTable::incarnation(ProcessKey key) {
    if (Process* process = known(key)) {
        return *process;
    }
    const auto found = current_.find(key.pid);
    if (found != current_.end()) {
        // The pid came again: whoever had it is gone, though its exit may have been lost.
        const ProcessKey before{key.pid, found->second.start_boot_ns};
        if (!found->second.exited) {
            mark_exited(before, found->second, key.start_boot_ns);
        }
        if (Process* still = known(before)) {
            former_.emplace(before, std::move(*still));
            current_.erase(key.pid);
        }
    }
    while (current_.size() >= kMostProcesses) {
        forget(exited_.empty()
                   ? ProcessKey{current_.begin()->first, current_.begin()->second.start_boot_ns}
                   : exited_.front().key);
        if (!exited_.empty()) {
            exited_.pop_front();
        }
    }
    Process& process = current_[key.pid];
    process.start_boot_ns = key.start_boot_ns;
    return process;
}

bool ProcessTable::exec(const sensors::ProcessExec& event, std::string_view command_line) {
    Process& process = incarnation(event.process);
    if (event.origin == sensors::Origin::snapshot) {
        if (process.executed) {
            return false;
        }
        process.image_since = event.process.start_boot_ns;
    } else {
        process.executed = true;
        process.image_since = event.time_ns;
    }
    process.parent = event.parent;
    process.uid = event.uid;
    process.image = texts_->intern(event.image);
    process.command_line = texts_->intern(cut(command_line, kLongestCommandLine));
    if (process.cgroup.view() != event.cgroup) {
        process.cgroup = texts_->intern(event.cgroup);
        process.container = container_of(process.cgroup.view());
    }
    return true;
}

void ProcessTable::fork(const sensors::ProcessFork& event) {
    if (known(event.process) != nullptr) {
        return;  // its exec overtook the fork
    }
    Process& child = incarnation(event.process);
    child.parent = event.parent;
    child.uid = event.uid;
    if (const Process* parent = find(event.parent)) {
        inherit(child, *parent);
    }
}

void ProcessTable::exit(const sensors::ProcessExit& event, bool remember_unknown) {
    Process* process = known(event.process);
    if (process == nullptr) {
        if (!remember_unknown) {
            return;
        }
        process = &incarnation(event.process);
    }
    if (!process->exited) {
        mark_exited(event.process, *process, event.time_ns);
    }
}

void ProcessTable::mark_exited(ProcessKey key, Process& process, std::uint64_t time_ns) {
    process.exited = true;
    exited_.push_back({time_ns, key});
    while (exited_.size() > kMostExited) {
        forget(exited_.front().key);
        exited_.pop_front();
    }
}

void ProcessTable::forget(ProcessKey key) {
    const auto found = current_.find(key.pid);
    if (found != current_.end() && found->second.start_boot_ns == key.start_boot_ns) {
        current_.erase(found);
        return;
    }
    former_.erase(key);
}

void ProcessTable::sweep(std::uint64_t now_ns, const std::function<bool(ProcessKey)>& is_running) {
    if (!is_running || current_.size() < sweep_at_) {
        return;
    }
    std::vector<ProcessKey> gone;
    for (const auto& [pid, process] : current_) {
        const ProcessKey key{pid, process.start_boot_ns};
        if (!process.exited && !is_running(key)) {
            gone.push_back(key);
        }
    }
    for (const ProcessKey& key : gone) {
        if (Process* process = known(key)) {
            mark_exited(key, *process, now_ns);
        }
    }
    sweep_at_ = std::max(kSweepAt, current_.size() * 2);
}

void ProcessTable::expire(std::uint64_t now_ns) {
    while (!exited_.empty() && exited_.front().time_ns + kExitedKept <= now_ns) {
        forget(exited_.front().key);
        exited_.pop_front();
    }
}

const Process* ProcessTable::find(ProcessKey key, unsigned depth) {
    if (key.pid == 0) {
        return nullptr;
    }
    Process* process = known(key);
    if (process == nullptr && key.start_boot_ns == 0) {
        const auto now = current_.find(key.pid);
        process = now == current_.end() ? nullptr : &now->second;
    }
    if (process != nullptr && process->image.empty() && depth < kDeepestLookup) {
        // Forked while the snapshot was being taken: its parent was not known yet.
        const Process* parent = find(process->parent, depth + 1);
        if (parent != nullptr && parent->image_since <= process->start_boot_ns) {
            inherit(*process, *parent);
        }
    }
    return process;
}

}  // namespace assay::model
