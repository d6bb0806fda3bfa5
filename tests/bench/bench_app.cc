// SPDX-License-Identifier: Apache-2.0
// What one fact costs from the wire to the verdict on one thread: decode, model, engine with the
// built-in rules. The budget is 500,000 facts a second.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "engine/judge.h"
#include "engine/rule_set.h"
#include "model/model.h"
#include "sensors/kernel/wire_decoder.h"
#include "wire/records.h"

namespace assay {
namespace {

using Record = std::vector<std::byte>;

template <class Wire>
Record record_of(Wire wire, wire_kind kind, std::string_view tail = {}) {
    wire.header = {.version = WIRE_VERSION,
                   .kind = static_cast<__u16>(kind),
                   .size = static_cast<__u32>(sizeof(Wire) + tail.size()),
                   .time_boot_ns = 1'000'000'000'000};
    Record record(wire.header.size);
    std::memcpy(record.data(), &wire, sizeof wire);
    std::memcpy(record.data() + sizeof wire, tail.data(), tail.size());
    return record;
}

wire_process process(std::uint32_t pid) {
    return {.tgid = pid, .uid = 1000, .start_boot_ns = 900'000'000'000ULL + pid};
}

void set_v4(__u8 (&address)[16], std::uint8_t last) {
    const __u8 bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, last};
    std::memcpy(address, bytes, sizeof bytes);
}

Record exec_record(std::uint32_t pid) {
    constexpr std::string_view kTail(
        "python3.11\0bin\0usr\0"
        "project\0work\0"
        "/usr/bin/python3\0-m\0http.server\0--bind\0"
        "127.0.0.1\0008080",
        19 + 13 + 54);
    wire_exec wire{};
    wire.process = process(pid);
    wire.parent = process(1);
    wire.euid = 1000;
    wire.audit_uid = wire.session_id = 0xFFFFFFFF;
    wire.image_length = 19;
    wire.directory_length = 13;
    wire.arguments_length = 54;
    return record_of(wire, WIRE_EXEC, kTail);
}

class Pipeline {
public:
    Pipeline()
        : rules_(load()),
          judge_(rules_, {.include_loopback = true}, [](const auto&) {}),
          model_(surroundings(), {.start_boot_ns = 1, .length_ns = 3'600'000'000'000},
                 [this](const facts::FactView& fact) {
                     ++facts_;
                     judge_.on_fact(fact);
                 }) {
        for (const auto& kind : facts::kKinds) {
            model_.want(kind.kind, true);
        }
        model_.snapshot_done(1);
    }
    void feed(const Record& record) {
        if (const auto event = decoder_.decode(record)) {
            std::visit([&](const auto& plain) { model_.on(plain); }, *event);
        }
    }
    [[nodiscard]] std::uint64_t facts() const { return facts_; }

private:
    static engine::RuleSet load() {
        std::vector<engine::Problem> problems;
        const std::vector<engine::RuleSource> sources{
            {.path = ASSAY_SOURCE_DIR "/rules", .package = "", .custom = false}};
        return engine::RuleSet::load(sources, problems);
    }
    static model::Surroundings surroundings() {
        model::Surroundings around;
        around.user_name = [](std::uint32_t) -> std::string_view { return "joe"; };
        around.settle_flow = [](std::uint64_t) {};
        around.socket_activated = [](facts::ProcessKey) { return false; };
        return around;
    }
    engine::RuleSet rules_;
    engine::Judge judge_;
    model::Model model_;
    sensors::WireDecoder decoder_;
    std::uint64_t facts_ = 0;
};

void an_exec_is_judged(benchmark::State& state) {
    Pipeline pipeline;
    std::vector<Record> records;
    for (std::uint32_t pid = 100; pid < 1100; ++pid) {
        records.push_back(exec_record(pid));
    }
    std::size_t next = 0;
    for (auto _ : state) {
        pipeline.feed(records[next]);
        next = (next + 1) % records.size();
    }
    state.counters["facts/s"] =
        benchmark::Counter(static_cast<double>(pipeline.facts()), benchmark::Counter::kIsRate);
}
BENCHMARK(an_exec_is_judged);

void an_http_login_to_a_new_endpoint_is_judged(benchmark::State& state) {
    Pipeline pipeline;
    constexpr std::string_view kRequest =
        "GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic dXNlcjpub3BlCg==\r\n\r\n";
    std::uint64_t id = 0;
    for (auto _ : state) {
        ++id;
        wire_endpoint_opened opened{};
        opened.id = id;
        opened.key.image_inode = 7;
        opened.key.uid = 1000;
        opened.key.port = 80;
        opened.key.protocol = WIRE_PROTOCOL_TCP;
        set_v4(opened.key.remote, static_cast<std::uint8_t>(id));
        opened.process = process(100);
        pipeline.feed(record_of(opened, WIRE_ENDPOINT_OPENED));
        wire_segment segment{};
        segment.flow = segment.endpoint = id;
        set_v4(segment.local, 1);
        set_v4(segment.remote, static_cast<std::uint8_t>(id));
        segment.local_port = 40000;
        segment.remote_port = 80;
        segment.protocol = WIRE_PROTOCOL_TCP;
        segment.flags = WIRE_SEGMENT_EGRESS;
        segment.length = segment.captured = kRequest.size();
        pipeline.feed(record_of(segment, WIRE_SEGMENT, kRequest));
    }
    state.counters["facts/s"] =
        benchmark::Counter(static_cast<double>(pipeline.facts()), benchmark::Counter::kIsRate);
}
BENCHMARK(an_http_login_to_a_new_endpoint_is_judged);

}  // namespace
}  // namespace assay

BENCHMARK_MAIN();
