// SPDX-License-Identifier: Apache-2.0
// Any bytes as a rule file: they are read, typed and compiled, and what compiles judges a fact that
// holds some of the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/judge.h"
#include "engine/rule_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace assay;
    constexpr std::size_t kLargest = std::size_t{16} * 1024;
    if (size > kLargest) {
        return 0;
    }
    const std::string text(data, data + size);
    std::vector<engine::Problem> problems;
    engine::Diagnostics diagnostics("fuzz.yml", problems);
    engine::LoadedRule rule = engine::load_rule_text(text, diagnostics);
    for (const engine::Problem& problem : problems) {
        (void)engine::to_text(problem);
    }
    if (diagnostics.failed() || diagnostics.unsupported_reason()) {
        return 0;
    }
    const engine::RuleSet rules = engine::RuleSet::of(std::move(rule));
    engine::Judge judge(rules, {}, [](const engine::Match&) {});
    const std::string_view part = std::string_view(text).substr(text.size() / 2);
    facts::ProcessCreation process;
    process.image = "/usr/bin/x";
    process.command_line = part;
    process.arguments = part;
    process.uid = 0;
    facts::NetworkConnection connection;
    connection.image = part;
    connection.destination_ip = "10.0.0.1";
    connection.destination_port = 80;
    connection.initiated = true;
    const std::vector<std::string_view> owners{part, "/sbin/init[1]"};
    facts::Listener listener;
    listener.owners = owners;
    listener.local_port = 80;
    listener.open = true;
    facts::FileEvent file;
    file.target_filename = part;
    std::int64_t hour = 0;
    for (const bool at_close : {false, false, true}) {
        const Timestamp time{++hour * 3'600'000'000'000};
        for (facts::FactHeader* header : {&process.header, &connection.header, &file.header}) {
            header->time = time;
        }
        file.header.at_close = at_close;
        judge.on_fact(facts::FactView(file));
        process.header.at_close = at_close;
        connection.header.at_close = at_close;
        listener.header.at_close = at_close;
        judge.on_fact(facts::FactView(process));
        judge.on_fact(facts::FactView(connection));
        judge.on_fact(facts::FactView(listener));
    }
    (void)judge.outcomes();
    (void)engine::run_tests(rules);
    return 0;
}
