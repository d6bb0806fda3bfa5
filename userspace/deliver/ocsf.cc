// SPDX-License-Identifier: Apache-2.0
#include "deliver/ocsf.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/ip_address.h"
#include "deliver/json_writer.h"
#include "findings/fingerprint.h"

namespace assay::deliver {
namespace {

using engine::Level;
using findings::Activity;
using findings::Finding;

constexpr std::string_view kProduct = "assay";

struct Label {
    int id;
    std::string_view word;
};

Label severity(Level level) {
    switch (level) {
        case Level::informational:
            return {1, "Informational"};
        case Level::low:
            return {2, "Low"};
        case Level::medium:
            return {3, "Medium"};
        case Level::high:
            return {4, "High"};
        case Level::critical:
            return {5, "Critical"};
    }
    return {0, "Unknown"};
}

std::string_view activity_word(Activity activity) {
    switch (activity) {
        case Activity::create:
            return "Create";
        case Activity::update:
            return "Update";
        case Activity::close:
            return "Close";
    }
    return {};
}

/// Of a check and of a whole assessment.
Label check_status(engine::RuleStatus status) {
    switch (status) {
        case engine::RuleStatus::pass:
            return {1, "Pass"};
        case engine::RuleStatus::finding:
            return {3, "Fail"};
        case engine::RuleStatus::not_applicable:
            return {99, "Not applicable"};
        case engine::RuleStatus::unknown:
            return {0, "Unknown"};
    }
    return {0, "Unknown"};
}

std::int64_t milliseconds(Timestamp time) { return time.ns / 1'000'000; }

/// OCSF counts in 32 bits.
std::int64_t count32(std::uint64_t count) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
    return static_cast<std::int64_t>(std::min(count, kMost));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view file_name(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1);
    return name.empty() ? path : name;
}

/// Sigma writes attack.credential-access or attack.credential_access.
struct Tactic {
    std::string_view tag;
    std::string_view uid;
    std::string_view name;
};
constexpr std::array kTactics{
    Tactic{"reconnaissance", "TA0043", "Reconnaissance"},
    Tactic{"resource-development", "TA0042", "Resource Development"},
    Tactic{"initial-access", "TA0001", "Initial Access"},
    Tactic{"execution", "TA0002", "Execution"},
    Tactic{"persistence", "TA0003", "Persistence"},
    Tactic{"privilege-escalation", "TA0004", "Privilege Escalation"},
    Tactic{"defense-evasion", "TA0005", "Defense Evasion"},
    Tactic{"credential-access", "TA0006", "Credential Access"},
    Tactic{"discovery", "TA0007", "Discovery"},
    Tactic{"lateral-movement", "TA0008", "Lateral Movement"},
    Tactic{"collection", "TA0009", "Collection"},
    Tactic{"command-and-control", "TA0011", "Command and Control"},
    Tactic{"exfiltration", "TA0010", "Exfiltration"},
    Tactic{"impact", "TA0040", "Impact"},
};

constexpr std::string_view kAttack = "attack.";

/// t1040 or t1552.001, upper case; empty when the tag names no technique.
std::string technique_id(std::string_view tag) {
    if (!tag.starts_with(kAttack)) {
        return {};
    }
    std::string id(tag.substr(kAttack.size()));
    const bool is_technique = id.size() >= 5 && (id[0] == 't' || id[0] == 'T') &&
                              std::all_of(id.begin() + 1, id.end(), [](char c) {
                                  return (c >= '0' && c <= '9') || c == '.';
                              });
    if (!is_technique) {
        return {};
    }
    id[0] = 'T';
    return id;
}

const Tactic* tactic_of(std::string_view tag) {
    if (!tag.starts_with(kAttack)) {
        return nullptr;
    }
    std::string name(tag.substr(kAttack.size()));
    std::ranges::replace(name, '_', '-');
    const auto* found = std::ranges::find(kTactics, name, &Tactic::tag);
    return found == kTactics.end() ? nullptr : found;
}

void write_attacks(JsonWriter& json, const std::vector<std::string>& tags) {
    bool any = false;
    const auto begin = [&] {
        if (!any) {
            json.key("attacks").open('[');
        }
        any = true;
        json.open('{');
    };
    for (const auto& tag : tags) {
        if (const Tactic* tactic = tactic_of(tag)) {
            begin();
            json.key("tactic").open('{').field("name", tactic->name).field("uid", tactic->uid);
            json.close('}').close('}');
        } else if (const std::string id = technique_id(tag); !id.empty()) {
            begin();
            const auto dot = id.find('.');
            if (dot != std::string::npos) {
                json.key("sub_technique").open('{').field("uid", id).close('}');
            }
            json.key("technique").open('{').field("uid", std::string_view(id).substr(0, dot));
            json.close('}').close('}');
        }
    }
    if (any) {
        json.close(']');
    }
}

void write_device(JsonWriter& json, const findings::HostInfo& host) {
    json.key("device").open('{');
    json.field("hostname", host.hostname.empty() ? "unknown" : std::string_view(host.hostname));
    json.key("os").open('{').field("kernel_release", host.kernel_release);
    json.field("name", host.os_name.empty() ? "Linux" : std::string_view(host.os_name));
    json.field("type", "Linux").field("type_id", 200).field("version", host.os_version);
    json.close('}');
    json.field("type", "Unknown").field("type_id", 0).field("uid", host.machine_id).close('}');
}

void write_metadata(JsonWriter& json, const findings::RunInfo& run,
                    const std::vector<std::string>& labels, const std::string& uid) {
    json.key("metadata").open('{').field("correlation_uid", run.run_id);
    json.texts("labels", labels);
    json.field("log_name", "findings");
    json.key("product").open('{').field("name", kProduct).field("uid", kProduct);
    json.field("vendor_name", kProduct).field("version", ASSAY_VERSION).close('}');
    if (!run.tags.empty()) {
        json.key("tags").open('[');
        for (const auto& [name, value] : run.tags) {
            // OCSF wants a value: --tag x has the empty one.
            json.open('{').key("name").text(name).key("value").text(value).close('}');
        }
        json.close(']');
    }
    json.field("uid", uid).field("version", kOcsfVersion).close('}');
}

constexpr Label kRegularFile{1, "Regular File"};

void write_file(JsonWriter& json, std::string_view path, Label type = kRegularFile) {
    json.key("file").open('{').field("name", file_name(path)).field("path", path);
    json.field("type", type.word).field("type_id", type.id).close('}');
}

/// The members of a process object, apart from its parents.
void write_process_members(JsonWriter& json, const findings::ProcessSummary& process,
                           std::string_view uid) {
    json.field("cmd_line", process.command_line);
    if (!process.image.empty()) {
        write_file(json, process.image);
        json.field("name", file_name(process.image));
    }
    json.field("pid", process.pid);
    json.field("uid", uid);
    if (!process.user.empty()) {
        json.key("user").open('{').field("name", process.user);
        json.field("uid", std::to_string(process.uid)).close('}');
    }
}

bool has_pid(const findings::ProcessSummary& process) {
    return process.pid != 0 && process.pid <= std::numeric_limits<std::int32_t>::max();
}

void write_process(JsonWriter& json, const findings::Evidence& evidence) {
    if (evidence.processes.empty() || !has_pid(evidence.processes.front())) {
        return;
    }
    json.key("process").open('{');
    const auto parents = std::span<const findings::ProcessSummary>(evidence.processes).subspan(1);
    if (parents.size() > 1) {
        json.key("ancestry").open('[');
        for (const auto& parent : parents) {
            if (has_pid(parent)) {
                json.open('{').field("cmd_line", parent.command_line);
                json.field("path", parent.image).field("pid", parent.pid).close('}');
            }
        }
        json.close(']');
    }
    if (!parents.empty() && has_pid(parents.front())) {
        json.key("parent_process").open('{');
        write_process_members(json, parents.front(), {});
        json.close('}');
    }
    write_process_members(json, evidence.processes.front(),
                          std::to_string(evidence.process.pid) + "-" +
                              std::to_string(evidence.process.start_boot_ns));
    json.close('}');
}

/// Typed look into a recorded fact.
class Fields {
public:
    explicit Fields(const facts::RecordedFact& fact) : view_(fact) {}
    [[nodiscard]] std::string_view text(std::string_view field) const {
        const auto value = view_.get(field);
        const auto* text = std::get_if<std::string_view>(&value);
        return text == nullptr ? std::string_view{} : *text;
    }
    [[nodiscard]] std::optional<bool> flag(std::string_view field) const {
        const auto value = view_.get(field);
        const bool* flag = std::get_if<bool>(&value);
        return flag == nullptr ? std::nullopt : std::optional(*flag);
    }
    [[nodiscard]] std::optional<std::uint64_t> number(std::string_view field) const {
        const auto value = view_.get(field);
        if (const auto* number = std::get_if<std::uint64_t>(&value)) {
            return *number;
        }
        const auto* number = std::get_if<std::int64_t>(&value);
        return number == nullptr || *number < 0
                   ? std::nullopt
                   : std::optional(static_cast<std::uint64_t>(*number));
    }
    /// Only what really is an address: a fact may come from a file.
    [[nodiscard]] std::optional<IpAddress> address(std::string_view field) const {
        return IpAddress::parse(text(field));
    }

private:
    facts::FactView view_;
};

void write_endpoint(JsonWriter& json, std::string_view key, const std::optional<IpAddress>& ip,
                    std::optional<std::uint64_t> port, std::string_view host,
                    std::string_view service) {
    if (!ip && host.empty()) {
        return;
    }
    json.key(key).open('{').field("hostname", host);
    if (ip) {
        json.field("ip", ip->text());
    }
    if (port && *port <= 65535) {
        json.field("port", *port);
    }
    json.field("svc_name", service).close('}');
}

void write_connection_info(JsonWriter& json, const Fields& fact, Label direction,
                           const std::optional<IpAddress>& ip) {
    json.key("connection_info").open('{');
    json.field("direction", direction.word).field("direction_id", direction.id);
    const auto protocol = fact.text("Protocol");
    json.field("protocol_name", protocol);
    if (protocol == "tcp" || protocol == "udp") {
        json.field("protocol_num", protocol == "tcp" ? 6 : 17);
    }
    if (ip) {
        json.field("protocol_ver_id", ip->is_v4() ? 4 : 6);
    }
    json.close('}');
}

/// The file that a fact of the host's set-up rests on, without its line.
std::string_view file_of(const Fields& fact, facts::Kind kind) {
    switch (kind) {
        case facts::Kind::file_event:
            return fact.text("TargetFilename");
        case facts::Kind::directory:
            return fact.text("Path");
        case facts::Kind::setting:
        case facts::Kind::account: {
            auto source = fact.text("Source");
            const auto colon = source.rfind(':');
            const auto line = colon == std::string_view::npos ? "" : source.substr(colon + 1);
            if (!line.empty() && std::ranges::all_of(line, is_digit)) {
                source.remove_suffix(line.size() + 1);
            }
            return source.starts_with('/') ? source : std::string_view{};
        }
        default:
            return {};
    }
}

void write_evidence(JsonWriter& json, const findings::Evidence& evidence) {
    const Fields fact(evidence.fact);
    const bool is_connection = evidence.fact.kind == facts::Kind::network_connection;
    const bool is_listener = evidence.fact.kind == facts::Kind::listener;
    const auto destination = fact.address(is_listener ? "LocalIp" : "DestinationIp");
    json.open('{');
    if (is_connection) {
        const auto initiated = fact.flag("Initiated");
        const Label direction = !initiated   ? Label{0, "Unknown"}
                                : *initiated ? Label{2, "Outbound"}
                                             : Label{1, "Inbound"};
        write_connection_info(json, fact, direction, destination);
    } else if (is_listener) {
        write_connection_info(json, fact, {1, "Inbound"}, destination);
    }
    std::string flat;
    facts::append_json(flat, facts::FactView(evidence.fact));
    json.key("data").raw(flat);
    if (is_connection || is_listener) {
        write_endpoint(json, "dst_endpoint", destination,
                       fact.number(is_listener ? "LocalPort" : "DestinationPort"),
                       fact.text("DestinationHostname"), fact.text("ApplicationProtocol"));
    }
    if (const auto file = file_of(fact, evidence.fact.kind); !file.empty()) {
        const auto type = fact.text("Type");
        write_file(json, file,
                   type == "directory" || fact.flag("Directory").value_or(false)
                       ? Label{2, "Folder"}
                   : type == "link" ? Label{7, "Symbolic Link"}
                                    : kRegularFile);
    }
    write_process(json, evidence);
    if (is_connection) {
        write_endpoint(json, "src_endpoint", fact.address("SourceIp"), fact.number("SourcePort"),
                       {}, {});
    }
    json.close('}');
}

void write_finding_info(JsonWriter& json, const Finding& finding) {
    const auto& rule = *finding.rule;
    json.key("finding_info").open('{');
    json.key("analytic").open('{').field("category", rule.package).field("name", rule.slug);
    json.field("type", "Rule").field("type_id", 1).field("uid", rule.id).close('}');
    write_attacks(json, rule.tags);
    json.field("created_time", milliseconds(finding.first_seen));
    json.key("data_sources").open('[').text(facts::info(finding.kind).name).close(']');
    json.field("desc", rule.description);
    json.field("first_seen_time", milliseconds(finding.first_seen));
    json.field("last_seen_time", milliseconds(finding.last_seen));
    json.field("modified_time", milliseconds(finding.changed));
    json.field("title", findings::title(finding));
    json.field("uid", finding.uid).close('}');
}

void write_remediation(JsonWriter& json, const engine::RuleInfo& rule) {
    if (rule.remediation.empty() && rule.references.empty()) {
        return;
    }
    // OCSF requires the words.
    json.key("remediation").open('{');
    json.key("desc").text(rule.remediation.empty() ? "See the references." : rule.remediation);
    json.texts("references", rule.references).close('}');
}

/// What the finding is about, for those who group by it.
void write_resources(JsonWriter& json, const Finding& finding) {
    if (finding.subject.empty()) {
        return;
    }
    std::string name;
    for (const auto& [field, value] : finding.subject) {
        name += (name.empty() ? "" : " ") + value;
    }
    json.key("resources").open('[').open('{').key("data").open('{');
    for (const auto& [field, value] : finding.subject) {
        json.field(field, value);
    }
    json.close('}').field("hostname", finding.context->host.hostname);
    json.key("name").text(findings::shortened(name, 512));
    json.field("role", "Affected").field("role_id", 3);
    json.field("type", facts::info(finding.kind).name).close('}').close(']');
}

struct Class {
    int uid;
    std::string_view name;
};

Class class_of(const engine::RuleInfo& rule) {
    return rule.package == "best-practices" || rule.package == "cis"
               ? Class{2003, "Compliance Finding"}
               : Class{2004, "Detection Finding"};
}

void write_type(JsonWriter& json, Class of, Activity activity) {
    json.field("type_name", std::string(of.name) + ": " + std::string(activity_word(activity)));
    json.field("type_uid", of.uid * 100 + static_cast<int>(activity));
}

void begin_event(JsonWriter& json, Class of, Activity activity) {
    json.open('{').field("activity_id", static_cast<int>(activity));
    json.field("activity_name", activity_word(activity));
    json.field("category_name", "Findings").field("category_uid", 2);
    json.field("class_name", of.name).field("class_uid", of.uid);
}

}  // namespace

std::string ocsf_line(const findings::Change& change) {
    const Finding& finding = *change.finding;
    const auto& rule = *finding.rule;
    const Class of = class_of(rule);
    const bool is_compliance = of.uid == 2003;
    std::string out;
    out.reserve(4096);
    JsonWriter json(out);
    begin_event(json, of, change.activity);
    if (is_compliance) {
        const Label status = finding.open ? Label{3, "Fail"} : Label{1, "Pass"};
        json.key("compliance").open('{').field("control", rule.slug);
        json.key("standards").open('[').text(rule.package).close(']');
        json.field("status", status.word).field("status_id", status.id).close('}');
    }
    json.field("confidence", finding.confidence == findings::Confidence::low ? "Low" : "High");
    json.field("confidence_id", static_cast<int>(finding.confidence));
    json.field("count", count32(finding.count));
    write_device(json, finding.context->host);
    json.field("end_time", milliseconds(finding.last_seen));
    if (!finding.evidence.empty()) {
        json.key("evidences").open('[');
        for (const auto& evidence : finding.evidence) {
            write_evidence(json, *evidence);
        }
        json.close(']');
    }
    write_finding_info(json, finding);
    if (!is_compliance) {
        json.key("is_alert").boolean(finding.open && finding.level >= Level::medium);
    }
    const std::string message = findings::title(finding) + ": " + findings::sentence(finding);
    json.field("message", findings::shortened(message, 512));
    write_metadata(json, finding.context->run, rule.tags,
                   findings::Fingerprint{finding.context->run.run_id, finding.uid,
                                         std::to_string(finding.change)}
                       .uuid());
    write_remediation(json, rule);
    write_resources(json, finding);
    const Label level = severity(finding.level);
    json.field("severity", level.word).field("severity_id", level.id);
    json.field("start_time", milliseconds(finding.first_seen));
    json.field("status", finding.open ? "New" : "Resolved");
    json.field("status_code", finding.open ? "open" : "closed");
    json.field("status_detail", findings::name(finding.cause));
    json.field("status_id", finding.open ? 1 : 4);
    json.field("time", milliseconds(finding.changed)).field("timezone_offset", 0);
    write_type(json, of, change.activity);
    json.key("unmapped").open('{').key("count").number(finding.count);
    if (finding.count_is_minimum) {
        json.key("count_is_minimum").boolean(true);
    }
    if (finding.is_summary) {
        json.key("is_summary").boolean(true);
    }
    json.key("numeric_severity").number(findings::numeric_severity(finding.level));
    json.close('}').close('}');
    return out;
}

namespace {

void write_checks(JsonWriter& json, const std::vector<findings::RuleVerdict>& rules) {
    json.key("checks").open('[');
    for (const auto& rule : rules) {
        const Label status = check_status(rule.status);
        const Label level = severity(rule.rule->level);
        json.open('{').field("desc", findings::shortened(rule.reason, 1024));
        json.field("name", rule.rule->slug);
        json.field("severity", level.word).field("severity_id", level.id);
        json.key("standards").open('[').text(rule.rule->package).close(']');
        json.field("status", status.word).field("status_id", status.id);
        json.field("uid", rule.rule->id).close('}');
    }
    json.close(']');
}

void write_run_details(JsonWriter& json, const findings::Verdicts& verdicts,
                       const findings::Totals& totals,
                       const std::vector<findings::RuleVerdict>& rules) {
    json.key("unmapped").open('{').key("coverage").open('[');
    for (const auto& entry : verdicts.coverage) {
        json.open('{').key("hook").text(entry.hook).key("lost").number(entry.lost);
        json.field("mechanism", entry.mechanism).field("reason", entry.reason);
        json.field("state", entry.state).close('}');
    }
    json.close(']').field("excepted", totals.excepted).field("facts", verdicts.facts);
    json.field("findings", totals.findings);
    json.key("include_loopback").boolean(verdicts.include_loopback);
    json.field("loopback_left_out", totals.loopback_left_out).field("lost", totals.lost);
    json.key("rules").open('[');
    for (const auto& rule : rules) {
        json.open('{').field("excepted", rule.excepted).field("facts_judged", rule.facts_judged);
        json.key("findings").open('{');
        for (std::size_t level = findings::kLevels; level-- > 0;) {
            if (rule.findings[level] > 0) {
                json.field(severity(static_cast<Level>(level)).word, rule.findings[level]);
            }
        }
        json.close('}').field("loopback_left_out", rule.loopback_left_out);
        json.field("matches", rule.matches).field("name", rule.rule->slug);
        json.field("package", rule.rule->package).close('}');
    }
    json.close(']').key("window").open('{');
    json.key("ended_early").boolean(verdicts.ended_early);
    json.key("planned_seconds").number(verdicts.planned_seconds);
    json.key("seconds").number(verdicts.seconds).close('}').close('}');
}

engine::RuleStatus overall(const findings::Totals& totals) {
    if (totals.rules_with_findings > 0) {
        return engine::RuleStatus::finding;
    }
    return totals.unknown > 0 || totals.passed == 0 ? engine::RuleStatus::unknown
                                                    : engine::RuleStatus::pass;
}

}  // namespace

std::string ocsf_line(const findings::Verdicts& verdicts) {
    constexpr Class kClass{2003, "Compliance Finding"};
    const auto rules = findings::rule_verdicts(verdicts);
    const auto totals = findings::totals(verdicts, rules);
    const Label status = check_status(overall(totals));
    const std::int64_t start = milliseconds(verdicts.run.start);
    const std::int64_t end = milliseconds(verdicts.end);
    std::string out;
    JsonWriter json(out);
    begin_event(json, kClass, Activity::create);
    json.key("compliance").open('{');
    write_checks(json, rules);
    std::vector<std::string_view> packages;
    for (const auto& rule : rules) {
        if (std::ranges::find(packages, rule.rule->package) == packages.end()) {
            packages.emplace_back(rule.rule->package);
        }
    }
    json.field("control", "assessment").texts("standards", packages);
    json.field("status", status.word).field("status_id", status.id).close('}');
    json.field("confidence", "High").field("confidence_id", 3);
    write_device(json, verdicts.host);
    json.field("duration", std::max<std::int64_t>(end - start, 0)).field("end_time", end);
    json.key("finding_info").open('{').key("analytic").open('{').field("name", "assessment");
    json.field("type", "Rule").field("type_id", 1).field("uid", "assessment").close('}');
    json.field("created_time", start).field("title", "Assessment of this host");
    json.key("uid").text(verdicts.run.run_id).close('}');
    json.field("message", "Assessment: " + findings::totals_text(totals));
    write_metadata(
        json, verdicts.run, {},
        findings::Fingerprint{verdicts.run.run_id, "assessment", std::to_string(verdicts.end.ns)}
            .uuid());
    json.field("severity", "Informational").field("severity_id", 1);
    json.field("start_time", start).field("status", "New");
    json.field("status_code", verdicts.ended_early ? "ended_early" : "complete");
    json.field("status_detail", verdicts.ended_early ? "the window was ended early"
                                                     : "the whole window was observed");
    json.field("status_id", 1).field("time", end).field("timezone_offset", 0);
    write_type(json, kClass, Activity::create);
    write_run_details(json, verdicts, totals, rules);
    json.close('}');
    return out;
}

}  // namespace assay::deliver
