// SPDX-License-Identifier: Apache-2.0
// What one fact costs the engine: with the built-in rules, and with as many rules as a Sigma
// collection has.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/judge.h"
#include "engine/recorded_facts.h"
#include "engine/rule_set.h"

namespace assay::engine {
namespace {

RuleSet built_in_rules() {
    const std::vector<RuleSource> sources{
        {.path = std::string(ASSAY_SOURCE_DIR) + "/rules", .package = {}, .custom = false}};
    std::vector<Problem> problems;
    return RuleSet::load(sources, problems);
}

facts::NetworkConnection tls_connection() {
    facts::NetworkConnection fact;
    fact.image = "/usr/bin/curl";
    fact.user = "www-data";
    fact.uid = 33;
    fact.initiated = true;
    fact.protocol = "tcp";
    fact.destination_ip = "203.0.113.7";
    fact.destination_port = 443;
    fact.application_protocol = "tls";
    fact.protocol_evidence = "payload";
    fact.encrypted = true;
    return fact;
}

void judge(benchmark::State& state, const RuleSet& rules, const facts::FactView& fact) {
    std::uint64_t matches = 0;
    Judge judge(rules, {}, [&](const Match&) { ++matches; });
    for (auto unused : state) {
        (void)unused;
        judge.on_fact(fact);
    }
    if (matches > 0) {
        state.SkipWithError("the fact was meant to match nothing");
    }
    state.SetItemsProcessed(state.iterations());
}

void built_in_rules_on_a_tls_connection(benchmark::State& state) {
    const RuleSet rules = built_in_rules();
    const auto fact = tls_connection();
    judge(state, rules, facts::FactView(fact));
}
BENCHMARK(built_in_rules_on_a_tls_connection);

/// The dearest miss: clear text of a protocol that is in no list.
void built_in_rules_on_a_clear_dns_connection(benchmark::State& state) {
    const RuleSet rules = built_in_rules();
    auto fact = tls_connection();
    fact.application_protocol = "dns";
    fact.encrypted = false;
    judge(state, rules, facts::FactView(fact));
}
BENCHMARK(built_in_rules_on_a_clear_dns_connection);

void built_in_rules_on_a_listener(benchmark::State& state) {
    const RuleSet rules = built_in_rules();
    facts::Listener fact;
    fact.protocol = "tcp";
    fact.local_ip = "0.0.0.0";
    fact.local_port = 443;
    fact.open = true;
    fact.application_protocol = "tls";
    fact.protocol_evidence = "payload";
    fact.encrypted = true;
    judge(state, rules, facts::FactView(fact));
}
BENCHMARK(built_in_rules_on_a_listener);

/// Numbers that are the same in each run.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    /// 0 to sides - 1
    std::size_t roll(std::size_t sides) {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return static_cast<std::size_t>(state_ % sides);
    }
    template <class Words>
    const auto& pick(const Words& words) {
        return words[roll(std::size(words))];
    }

private:
    std::uint64_t state_;
};

constexpr std::string_view kSharedSigma = ASSAY_SOURCE_DIR "/../shared/data/sigma";

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A rule of the shape most of Sigma's have, for when the corpus is not at hand.
std::string made_up_rule() {
    return R"(title: A tool that is seldom used, with arguments that tell what for
id: 00000000-0000-0000-0000-000000000000
status: test
description: |
    Detects the use of a program with arguments that point to the download and the start of another.
    Such behavior may be associated with privilege escalation or with unauthorized commands.
references:
    - https://example.org/a/page/that/describes/the/technique
author: nobody
date: 2026-01-01
tags:
    - attack.execution
    - attack.t1059
logsource:
    category: process_creation
    product: linux
detection:
    selection_image:
        - Image|endswith:
              - '/curl'
              - '/wget'
        - Image|contains: '/openssl'
    selection_command:
        CommandLine|contains|all:
            - '--output'
            - 'payload.sh'
    selection_other:
        ParentImage|endswith: '/bash'
        CommandLine|contains:
            - 'base64 -d'
            - '/dev/tcp/'
            - 'chmod +x'
    filter_main:
        CommandLine|contains: '--version'
    condition: selection_image and 1 of selection_* and not filter_main
falsepositives:
    - Legitimate administration
level: medium
)";
}

/// The process_creation rules of the corpus, or one of our own when it is not at hand.
std::vector<std::string> model_rules() {
    std::vector<std::filesystem::path> files;
    std::error_code absent;
    const auto folder = std::filesystem::path(kSharedSigma) / "process_creation";
    for (const auto& entry : std::filesystem::directory_iterator(folder, absent)) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<std::string> rules;
    for (const auto& file : files) {
        rules.push_back(content_of(file));
    }
    return rules.empty() ? std::vector{made_up_rule()} : rules;
}

/// Another rule of the same shape and size: three of four words that it looks for become others.
std::string varied(const std::string& rule, Dice& dice) {
    std::string out;
    bool in_detection = false;
    std::istringstream lines(rule);
    for (std::string line; std::getline(lines, line); out += line + '\n') {
        if (!line.empty() && line.front() != ' ') {
            in_detection = line.starts_with("detection:");
            if (line.starts_with("id:")) {
                line = "id: ";
                for (int i = 0; i < 36; ++i) {
                    line += i == 8 || i == 13 || i == 18 || i == 23
                                ? '-'
                                : "0123456789abcdef"[dice.roll(16)];
                }
            }
        }
        const std::size_t start = line.find('\'');
        if (!in_detection || start == std::string::npos || line.contains("|re")) {
            continue;
        }
        for (std::size_t at = start; at < line.size();) {
            std::size_t end = at;
            while (end < line.size() && line[end] >= 'a' && line[end] <= 'z') {
                ++end;
            }
            const std::size_t shift = dice.roll(4) == 0 ? 0 : dice.roll(26);
            for (; at < end; ++at) {
                line[at] = static_cast<char>(
                    'a' + (static_cast<std::size_t>(line[at] - 'a') + shift) % 26);
            }
            ++at;
        }
    }
    return out;
}

/// A folder of rule files that is gone when it is no longer needed.
class RuleFolder {
public:
    explicit RuleFolder(std::size_t count) {
        std::string name = (std::filesystem::temp_directory_path() / "bench-rules-XXXXXX").string();
        path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
        const std::vector<std::string> models = model_rules();
        Dice dice(count + 1);
        for (std::size_t i = 0; i < count; ++i) {
            std::ofstream(path_ + "/rule_" + std::to_string(i) + ".yml")
                << varied(models[i % models.size()], dice);
        }
    }
    RuleFolder(const RuleFolder&) = delete;
    RuleFolder& operator=(const RuleFolder&) = delete;
    ~RuleFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] RuleSet load() const {
        std::vector<Problem> problems;
        const std::vector<RuleSource> sources{{.path = path_, .package = {}, .custom = true}};
        return RuleSet::load(sources, problems);
    }

private:
    std::string path_;
};

/// Command lines as hosts have them, 100 to 300 bytes long, of many programs.
std::vector<facts::RecordedFact> made_up_processes(std::size_t count) {
    constexpr std::array<std::string_view, 24> kPrograms{
        "/usr/bin/dash",     "/usr/bin/bash",    "/usr/bin/python3.11",  "/usr/bin/grep",
        "/usr/bin/sed",      "/usr/bin/find",    "/usr/bin/curl",        "/usr/bin/git",
        "/usr/bin/gcc",      "/usr/sbin/runc",   "/usr/bin/systemctl",   "/usr/bin/cat",
        "/usr/sbin/sshd",    "/usr/bin/perl",    "/usr/bin/tar",         "/usr/bin/make",
        "/usr/sbin/nginx",   "/usr/bin/java",    "/usr/bin/node",        "/usr/bin/chmod",
        "/usr/sbin/useradd", "/usr/bin/crontab", "/opt/agent/bin/probe", "/usr/bin/rsync"};
    constexpr std::array<std::string_view, 32> kWords{
        "-c",
        "-e",
        "--output=/tmp/build.log",
        "/etc/passwd",
        "2>&1",
        "|",
        "&&",
        "run-parts --report /etc/cron.hourly",
        "-Wall -O2",
        "https://deb.example.org/debian/dists/stable/InRelease",
        "--config",
        "/var/lib/app/data.db",
        "-name '*.so'",
        "import sys; print(sys.version)",
        "/proc/self/status",
        "--quiet",
        "x86_64-linux-gnu",
        "restart nginx.service",
        "/home/joe/.config/app/settings.json",
        "-rf",
        "while true; do sleep 1; done",
        "echo done",
        "/usr/share/doc",
        "-I/usr/include/c++/12",
        "--user www-data",
        "root@203.0.113.7:/srv/backup",
        "HEAD~1",
        "-Xmx512m -jar service.jar",
        "chmod 755",
        "base64",
        "/dev/null",
        "ps aux"};
    Dice dice(7);
    std::vector<facts::RecordedFact> facts;
    for (std::size_t i = 0; i < count; ++i) {
        facts::ProcessCreation fact;
        const std::string_view program = dice.pick(kPrograms);
        std::string command(program);
        const std::size_t length = 100 + dice.roll(200);
        while (command.size() < length) {
            command += ' ';
            command += dice.pick(kWords);
            command += dice.roll(3) == 0 ? std::to_string(dice.roll(100'000)) : "";
        }
        fact.image = program;
        fact.command_line = command;
        fact.current_directory = "/home/joe/src/project";
        fact.user = dice.roll(2) == 0 ? "root" : "joe";
        fact.parent_image = dice.pick(kPrograms);
        fact.parent_command_line = "/bin/sh -c ./configure --prefix=/usr && make -j8 install";
        facts.push_back(facts::copy_of(facts::FactView(fact)));
    }
    return facts;
}

/// Half of the facts are those of the corpus, when it is at hand.
const std::vector<facts::RecordedFact>& processes() {
    static const std::vector<facts::RecordedFact> facts = [] {
        std::vector<facts::RecordedFact> all = made_up_processes(536);
        std::ifstream events{std::string(kSharedSigma) + "/events-process_creation.jsonl"};
        for (std::string line; std::getline(events, line);) {
            if (auto parsed = parse_fact(line, facts::Kind::process_creation)) {
                all.push_back(std::move(parsed->fact));
            }
        }
        for (facts::RecordedFact& fact : all) {
            fact.freeze();
        }
        return all;
    }();
    return facts;
}

void judge_processes(benchmark::State& state, std::size_t index_from) {
    const RuleFolder folder(static_cast<std::size_t>(state.range(0)));
    const RuleSet rules = folder.load();
    std::uint64_t matches = 0;
    Judge judge(rules, {.index_from = index_from}, [&](const Match&) { ++matches; });
    std::vector<facts::FactView> views;
    for (const facts::RecordedFact& fact : processes()) {
        views.emplace_back(fact);
    }
    std::size_t next = 0;
    for (auto unused : state) {
        (void)unused;
        judge.on_fact(views[next]);
        next = next + 1 == views.size() ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["rules"] = static_cast<double>(rules.rules().size());
    state.counters["matches"] =
        benchmark::Counter(static_cast<double>(matches), benchmark::Counter::kAvgIterations);
}

/// The curve: what a fact costs with ever more rules of Sigma's.
void sigma_rules_on_processes(benchmark::State& state) { judge_processes(state, kIndexFrom); }
BENCHMARK(sigma_rules_on_processes)
    ->Arg(10)
    ->Arg(30)
    ->Arg(100)
    ->Arg(300)
    ->Arg(1000)
    ->Arg(3000)
    ->Arg(10'000);

/// The same with each rule asked in turn: what the index is measured against.
void sigma_rules_on_processes_rule_by_rule(benchmark::State& state) {
    judge_processes(state, std::numeric_limits<std::size_t>::max());
}
BENCHMARK(sigma_rules_on_processes_rule_by_rule)
    ->Arg(10)
    ->Arg(30)
    ->Arg(100)
    ->Arg(300)
    ->Arg(1000)
    ->Arg(3000)
    ->Arg(10'000);

/// From files to a judge that is ready.
void loading_sigma_rules(benchmark::State& state) {
    const RuleFolder folder(static_cast<std::size_t>(state.range(0)));
    for (auto unused : state) {
        (void)unused;
        const RuleSet rules = folder.load();
        Judge judge(rules, {}, [](const Match&) {});
        benchmark::DoNotOptimize(judge);
    }
}
BENCHMARK(loading_sigma_rules)->Arg(100)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace assay::engine

BENCHMARK_MAIN();
