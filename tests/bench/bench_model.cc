// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/model.h"

namespace {

using namespace assay;

constexpr std::uint64_t kStart = 1'000'000'000'000;

model::Surroundings surroundings() {
    model::Surroundings around;
    around.user_name = [](std::uint32_t) { return std::string_view("root"); };
    around.socket_activated = [](facts::ProcessKey) { return false; };
    around.settle_flow = [](std::uint64_t) {};
    around.wall = BootToWall(0);
    around.kernel_release = "6.1";
    return around;
}

std::uint64_t facts_told = 0;

struct WatchingModel : model::Model {
    WatchingModel()
        : Model(surroundings(), {kStart, 0},
                [](const facts::FactView& fact) { facts_told += fact.header().count != 0; }) {
        for (const auto& kind : facts::kKinds) {
            want(kind.kind, true);
        }
        snapshot_done(kStart);
    }
};

/// What a shell script does to us: fork, exec, exit, over and over.
void fork_exec_exit(benchmark::State& state) {
    WatchingModel model;
    sensors::ProcessExec shell;
    shell.process = {1, 1};
    shell.image = "/usr/bin/bash";
    shell.arguments = std::string_view("bash\0script.sh", 14);
    shell.cgroup = "/system.slice/cron.service";
    model.on(shell);
    sensors::ProcessExec exec = shell;
    exec.parent = shell.process;
    exec.image = "/usr/bin/grep";
    exec.image_file = {123456, 8U << 20 | 1U};
    exec.current_directory = "/srv/data";
    std::string arguments("grep\0-rn\0--include=*.conf\0pattern000000\0/etc", 44);
    std::uint64_t now = kStart;
    std::uint32_t pid = 2;
    for (auto _ : state) {
        now += 10'000;
        pid = pid == 4'000'000 ? 2 : pid + 1;
        const std::string digits = std::to_string(pid % 1000);
        arguments.replace(30, digits.size(), digits);
        exec.arguments = arguments;
        exec.time_ns = now;
        exec.process = {pid, now};
        model.on(sensors::ProcessFork{now, exec.process, shell.process, 0});
        model.on(exec);
        model.on(sensors::ProcessExit{now, exec.process});
        if (pid % 1024 == 0) {
            model.tick(now);
        }
    }
    state.SetItemsProcessed(state.iterations() * 3);
}
BENCHMARK(fork_exec_exit);

/// A plain HTTP request on a connection of its own, to one endpoint.
void http_connection(benchmark::State& state) {
    WatchingModel model;
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    sensors::EndpointOpened opened;
    opened.id = 1;
    opened.key.port = 80;
    opened.key.remote = IpAddress::v4(192, 0, 2, 1);
    opened.process = {1, 1};
    model.on(opened);
    sensors::Segment segment;
    segment.endpoint = 1;
    segment.remote = opened.key.remote;
    segment.remote_port = 80;
    segment.local = IpAddress::v4(10, 0, 0, 1);
    std::uint64_t now = kStart;
    std::uint64_t flow = 0;
    for (auto _ : state) {
        now += 10'000;
        segment.time_ns = now;
        segment.flow = ++flow;
        for (const bool from_local : {true, false}) {
            const std::string_view text = from_local ? kRequest : kAnswer;
            segment.from_local = from_local;
            segment.captured = std::as_bytes(std::span(text));
            segment.length = static_cast<std::uint32_t>(text.size());
            model.on(segment);
        }
        model.on(sensors::FlowClosed{now, flow});
        if (flow % 1024 == 0) {
            model.on(sensors::EndpointCounters{1, flow, flow, flow, now});
            model.tick(now);
        }
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(http_connection);

/// A program that listens and closes, over and over.
void listen_close(benchmark::State& state) {
    WatchingModel model;
    std::uint64_t cookie = 0;
    for (auto _ : state) {
        ++cookie;
        const sensors::ListenerKey key{IpAddress::v4(0, 0, 0, 0), 1,
                                       static_cast<std::uint16_t>(cookie % 60'000 + 1), false};
        model.on(sensors::ListenerOpened{kStart + cookie, key, cookie, cookie, {1, 1}, 0, false});
        model.on(sensors::ListenerClosed{kStart + cookie, key, cookie});
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(listen_close);

}  // namespace

BENCHMARK_MAIN();
