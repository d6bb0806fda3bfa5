// SPDX-License-Identifier: Apache-2.0
// What it costs to read how the host that this runs on is set up: CPU time, system calls and memory
// of one full pass over every topic, as `assay run --duration 0s` makes it, and of watching it all
// besides. The budget is 150 ms of CPU and 20 MiB for a pass.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/host_root.h"
#include "sensors/host/host_sensor.h"
#include "sensors/host/topics.h"

namespace assay::sensors {
namespace {

constexpr double kCpuBudgetMs = 150;
constexpr double kMemoryBudgetMiB = 20;
constexpr int kPasses = 15;

double process_cpu_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double resident_mib() {
    std::ifstream file("/proc/self/statm");
    long pages = 0;
    long resident = 0;
    file >> pages >> resident;
    return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

const std::vector<facts::Kind> kKinds{facts::Kind::setting, facts::Kind::account,
                                      facts::Kind::directory};

struct Cost {
    double cpu_ms = 0;
    double grown_mib = 0;
    std::size_t facts = 0;
};

Cost pass(const HostRoot& host, bool watch) {
    Cost cost;
    const double memory = resident_mib();
    const double cpu = process_cpu_ms();
    HostSensor::Options options;
    options.kinds = kKinds;
    options.watch = watch;
    HostSensor sensor(host, std::move(options));
    sensor.wait_for_first_reading();
    cost.cpu_ms = process_cpu_ms() - cpu;
    cost.grown_mib = resident_mib() - memory;
    cost.facts = sensor.take().facts.size();
    sensor.close();
    return cost;
}

/// In a process of its own, so that memory is measured from the start.
Cost pass_apart(const HostRoot& host, bool watch) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) {
        return {};
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const Cost cost = pass(host, watch);
        ::_exit(::write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
    }
    Cost cost;
    ::close(ends[1]);
    if (::read(ends[0], &cost, sizeof cost) != sizeof cost) {
        cost = {};
    }
    ::close(ends[0]);
    int status = 0;
    (void)::waitpid(child, &status, 0);
    return cost;
}

/// System calls of one pass on one thread, counted by stopping at each.
long count_system_calls(const HostRoot& host) {
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        (void)std::raise(SIGSTOP);
        for (auto& topic : every_topic()) {
            (void)topic->read(
                {.host = host, .running = true, .programs = {}, .watch_directory = {}},
                [](const facts::FactView&) {});
        }
        ::_exit(0);
    }
    int status = 0;
    long stops = 0;
    (void)::waitpid(child, &status, 0);
    while (WIFSTOPPED(status)) {
        if (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0 ||
            ::waitpid(child, &status, 0) != child) {
            return -1;
        }
        ++stops;
    }
    return stops / 2;  // at the entry and at the end of each
}

void print_each_topic(const HostRoot& host) {
    std::printf("topic              CPU ms (best of %d)   facts\n", kPasses);
    std::map<std::string, std::pair<double, std::size_t>> best;
    for (int i = 0; i < kPasses; ++i) {
        for (auto& topic : every_topic()) {
            std::size_t facts = 0;
            const double began = process_cpu_ms();
            (void)topic->read(
                {.host = host, .running = true, .programs = {}, .watch_directory = {}},
                [&](const facts::FactView&) { ++facts; });
            const double cost = process_cpu_ms() - began;
            const auto [known, is_new] = best.try_emplace(std::string(topic->name()), cost, facts);
            known->second.first = std::min(known->second.first, cost);
        }
    }
    for (const auto& [name, cost] : best) {
        std::printf("%-18s %8.2f %21zu\n", name.c_str(), cost.first, cost.second);
    }
}

int run() {
    auto host = HostRoot::running_host();
    if (!host) {
        host = HostRoot::open("/");  // a sandbox may refuse /proc/1/root
    }
    if (!host) {
        std::fprintf(stderr, "%s\n", host.error().message.c_str());
        return 1;
    }
    print_each_topic(*host);
    bool is_within = true;
    for (const bool watch : {false, true}) {
        std::vector<double> cpu;
        double memory = 0;
        std::size_t facts = 0;
        for (int i = 0; i < kPasses; ++i) {
            const Cost cost = pass_apart(*host, watch);
            cpu.push_back(cost.cpu_ms);
            memory = std::max(memory, cost.grown_mib);
            facts = cost.facts;
        }
        std::ranges::sort(cpu);
        std::printf("%-28s CPU best %.1f ms, median %.1f ms; RSS +%.1f MiB; %zu facts\n",
                    watch ? "full pass, all watched:" : "full pass (duration 0s):", cpu.front(),
                    cpu[cpu.size() / 2], memory, facts);
        is_within = is_within && (watch || cpu[cpu.size() / 2] <= kCpuBudgetMs) &&
                    memory <= kMemoryBudgetMiB;
    }
    std::printf("system calls of a pass: %ld\n", count_system_calls(*host));
    std::printf("budget (150 ms, 20 MiB): %s\n", is_within ? "kept" : "MISSED");
    return is_within ? 0 : 1;
}

}  // namespace
}  // namespace assay::sensors

int main() { return assay::sensors::run(); }
