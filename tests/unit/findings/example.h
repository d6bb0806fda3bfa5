// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "findings/store.h"

/// What the tests of findings and of their delivery share: a rule, a host, and facts to match.
namespace assay::example {

inline constexpr std::int64_t kSecond = 1'000'000'000;
/// 2026-11-22T15:30:00Z
inline constexpr Timestamp kStart{1'795'361'400 * kSecond};

inline Timestamp at(double seconds) {
    return {kStart.ns + static_cast<std::int64_t>(seconds * 1e9)};
}

inline engine::RuleInfo client_rule() {
    engine::RuleInfo rule;
    rule.slug = "insecure-client-login";
    rule.id = "0f5d2a54-1c3e-4b43-9a63-6a1f2f1f6c10";
    rule.title = "Login over an insecure protocol";
    rule.description = "A program of this host sent a password in clear text.";
    rule.package = "runtime-behavior";
    rule.status = "stable";
    rule.level = engine::Level::medium;
    rule.tags = {"attack.credential-access", "attack.t1040", "attack.t1552.001"};
    rule.references = {"https://www.rfc-editor.org/rfc/rfc2617"};
    rule.remediation = "Use TLS. Change the password.";
    return rule;
}

inline engine::RuleInfo listener_rule() {
    engine::RuleInfo rule;
    rule.slug = "unused-listening-port";
    rule.id = "5a1f66ce-58a3-4a0c-8d0c-0a4dfdb0a911";
    rule.title = "Listening port that nobody used";
    rule.package = "runtime-behavior";
    rule.level = engine::Level::informational;
    return rule;
}

inline findings::HostInfo host() {
    return {"web-1", "4f0c1d7b2f6e4f6c8d5b0a9e7c3d2b1a", "Debian GNU/Linux", "12 (bookworm)",
            "6.1.0-28-amd64"};
}

inline findings::RunInfo run() { return {"run-1", kStart, {{"env", "prod"}}}; }

inline std::vector<findings::ProcessSummary> curl_ancestry(facts::ProcessKey) {
    return {{4242, "/usr/bin/curl", "curl -u joe:hunter2 http://192.0.2.7/", "joe", 1000},
            {4200, "/usr/bin/bash", "bash -c curl -u joe:hunter2 http://192.0.2.7/", "joe", 1000},
            {4100, "/usr/sbin/sshd", "sshd: joe@pts/0", "root", 0},
            {1, "/usr/lib/systemd/systemd", "/sbin/init", "root", 0}};
}

inline facts::NetworkConnection connection() {
    facts::NetworkConnection fact;
    fact.header.time = at(1);
    fact.header.stream = 7;
    fact.header.count = 1;
    fact.header.process = {4242, 123456789};
    fact.image = "/usr/bin/curl";
    fact.user = "joe";
    fact.uid = 1000;
    fact.process_id = 4242;
    fact.initiated = true;
    fact.protocol = "tcp";
    fact.source_ip = "192.0.2.1";
    fact.source_port = 40000;
    fact.destination_ip = "192.0.2.7";
    fact.destination_port = 80;
    fact.application_protocol = "http";
    fact.protocol_evidence = "payload";
    fact.encrypted = false;
    fact.cleartext_credentials = true;
    fact.count = 1;
    fact.attempts = 1;
    fact.attribution = "connect";
    fact.netns = 4026531840;
    return fact;
}

inline facts::Listener listener() {
    facts::Listener fact;
    fact.header.time = at(60);
    fact.header.at_close = true;
    fact.header.count = 0;
    fact.header.process = {900, 5};
    fact.netns = 4026531840;
    fact.protocol = "tcp";
    fact.local_ip = "0.0.0.0";
    fact.local_port = 8080;
    fact.scope = "any";
    fact.image = "/usr/sbin/idle";
    fact.process_id = 900;
    fact.user = "root";
    fact.uid = 0;
    fact.open = true;
    fact.connections = 0;
    fact.connections_with_data = 0;
    fact.observed_seconds = 60;
    fact.observed_enough = true;
    return fact;
}

inline engine::Match match_of(const engine::RuleInfo& rule, const facts::FactView& fact,
                              const std::vector<std::string_view>& subject) {
    engine::Match match{&rule, fact, rule.level, {}, true};
    for (const auto field : subject) {
        std::string text;
        facts::append_value_text(text, fact.get(field));
        match.subject.emplace_back(field, std::move(text));
    }
    return match;
}

inline engine::Match match_of(const engine::RuleInfo& rule, const facts::NetworkConnection& fact) {
    return match_of(rule, facts::FactView(fact),
                    {"Image", "ApplicationProtocol", "DestinationIp", "DestinationPort"});
}

inline engine::Match match_of(const engine::RuleInfo& rule, const facts::Listener& fact) {
    return match_of(rule, facts::FactView(fact), {"Netns", "Protocol", "LocalIp", "LocalPort"});
}

}  // namespace assay::example
