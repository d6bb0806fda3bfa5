// SPDX-License-Identifier: Apache-2.0
// What one fact costs the engine: with the built-in rules, and with as many rules as a Sigma
// collection has.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "engine/judge.h"
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

facts::ProcessCreation shell() {
    facts::ProcessCreation fact;
    fact.image = "/usr/bin/dash";
    fact.command_line = "/bin/sh -c run-parts --report /etc/cron.hourly && echo done > /dev/null";
    fact.user = "root";
    fact.parent_image = "/usr/sbin/cron";
    fact.parent_command_line = "/usr/sbin/CRON -f";
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

/// Rules of the shape most of Sigma's have: the end of Image, and parts of CommandLine.
void sigma_shaped_rules_on_a_process(benchmark::State& state) {
    std::vector<Problem> problems;
    Diagnostics diagnostics("bench", problems);
    LoadedRule rule;
    std::string text;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        const std::string number = std::to_string(i);
        text +=
            "---\ntitle: T\nlogsource: {product: linux, category: process_creation}\n"
            "detection:\n  s: {Image|endswith: [/tool" +
            number + ", /other" + number + "]}\n  t: {CommandLine|contains: [' --evil" + number +
            "', 'base64 -d', '/dev/tcp/" + number +
            "/']}\n  condition: " + (i % 2 == 0 ? "s and t" : "s or t") + "\n";
    }
    const RuleSet rules = RuleSet::of(load_rule_text(text, diagnostics));
    const auto fact = shell();
    judge(state, rules, facts::FactView(fact));
}
BENCHMARK(sigma_shaped_rules_on_a_process)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace assay::engine

BENCHMARK_MAIN();
