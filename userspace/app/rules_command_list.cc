// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "app/chosen_rules.h"
#include "app/exit_code.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "deliver/json_writer.h"
#include "engine/compiled_rule.h"
#include "engine/nearest_name.h"
#include "engine/rule_document.h"
#include "engine/yaml_tree.h"

namespace assay::app {
namespace {

std::vector<std::string> kinds_of(const engine::LoadedRule& rule) {
    std::vector<std::string> kinds;
    for (const engine::CompiledDocument& document : rule.compiled) {
        std::string name(facts::info(document.kind).name);
        if (std::ranges::find(kinds, name) == kinds.end()) {
            kinds.push_back(std::move(name));
        }
    }
    return kinds;
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : std::string(separator)) + text;
    }
    return all;
}

void list_json(const engine::RuleSet& rules, std::FILE* out) {
    std::string text = "[";
    for (const engine::LoadedRule* rule : rules.loaded()) {
        text += (text.size() == 1 ? "\n" : ",\n") + rule_json(rule->info, kinds_of(*rule), "");
    }
    for (const auto& rule : rules.unsupported()) {
        text += (text.size() == 1 ? "\n" : ",\n") + rule_json(rule.info, {}, rule.reason);
    }
    print(out, text + "\n]\n");
}

void list_table(const engine::RuleSet& rules, std::FILE* out) {
    TextTable table({"RULE", "PACKAGE", "LEVEL", "KINDS", "TITLE"});
    for (const engine::LoadedRule* rule : rules.loaded()) {
        const engine::RuleInfo& info = rule->info;
        table.add({info.slug, info.package, std::string(name(info.level)),
                   joined(kinds_of(*rule), ","), info.title});
    }
    for (const auto& rule : rules.unsupported()) {
        table.add({rule.info.slug, rule.info.package, "unsupported", "-",
                   rule.info.title + " (" + rule.reason + ")"});
    }
    print(out, table.text());
}

/// "linux/process_creation", "linux//auditd": as its parts are given.
std::string log_source_text(std::string_view product, std::string_view category,
                            std::string_view service) {
    std::string text(product.empty() ? "any" : product);
    text += "/" + std::string(category.empty() ? "-" : category);
    return service.empty() ? text : text + "/" + std::string(service);
}

/// Of a rule that did not load: its file is read again.
std::string log_source_in(const std::string& path) {
    const auto text = read_input(path, engine::kLargestRuleFile);
    const auto trees = text ? engine::parse_yaml(*text) : std::unexpected(engine::YamlError{});
    if (trees) {
        for (const engine::YamlNode& tree : *trees) {
            if (const engine::YamlEntry* source = tree.find("logsource")) {
                const auto part = [&](std::string_view key) {
                    const engine::YamlEntry* entry = source->value.find(key);
                    return entry == nullptr ? std::string_view{} : entry->value.text;
                };
                return log_source_text(part("product"), part("category"), part("service"));
            }
        }
    }
    return "none (correlations and filters)";
}

struct SourceTally {
    std::uint64_t supported = 0;
    std::uint64_t unsupported = 0;
    std::map<std::string, std::uint64_t> reasons;
};

std::map<std::string, SourceTally> tally_by_log_source(const engine::RuleSet& rules,
                                                       const std::string& built_in_directory) {
    std::map<std::string, SourceTally> sources;
    for (const engine::LoadedRule* rule : rules.loaded()) {
        std::vector<std::string> named;
        for (const engine::RuleDocument& document : rule->documents) {
            const auto& source = document.log_source;
            std::string text =
                document.conditions.empty()
                    ? "none (correlations and filters)"
                    : log_source_text(source.product, source.category, source.service);
            if (std::ranges::find(named, text) == named.end()) {
                named.push_back(std::move(text));
            }
        }
        for (const std::string& text : named) {
            ++sources[text].supported;
        }
    }
    for (const auto& rule : rules.unsupported()) {
        SourceTally& tally = sources[log_source_in(path_of(rule.info, built_in_directory))];
        ++tally.unsupported;
        ++tally.reasons[rule.reason];
    }
    return sources;
}

void list_by_log_source(const RulesRequest& request, const engine::RuleSet& rules, std::FILE* out) {
    const auto sources = tally_by_log_source(rules, request.built_in_directory);
    if (request.json) {
        std::string text;
        deliver::JsonWriter json(text);
        json.open('[');
        for (const auto& [source, tally] : sources) {
            json.open('{').field("log_source", source);
            json.field("supported", tally.supported).field("unsupported", tally.unsupported);
            json.key("reasons").open('{');
            for (const auto& [reason, count] : tally.reasons) {
                json.field(reason, count);
            }
            json.close('}').close('}');
        }
        json.close(']');
        print(out, text + '\n');
        return;
    }
    TextTable table({"LOG SOURCE", "SUPPORTED", "UNSUPPORTED", "WHY NOT"});
    SourceTally all;
    for (const auto& [source, tally] : sources) {
        all.supported += tally.supported;
        all.unsupported += tally.unsupported;
        std::vector<std::string> reasons;
        for (const auto& [reason, count] : tally.reasons) {
            reasons.push_back(reason + " (" + std::to_string(count) + ")");
        }
        const std::string first = reasons.empty() ? "" : reasons.front();
        table.add(
            {source, std::to_string(tally.supported), std::to_string(tally.unsupported), first});
        for (std::size_t i = 1; i < reasons.size(); ++i) {
            table.add({"", "", "", reasons[i]});
        }
    }
    table.add({"all", std::to_string(all.supported), std::to_string(all.unsupported), ""});
    print(out, table.text());
}

std::string rule_page(const engine::RuleInfo& rule, const std::vector<std::string>& kinds,
                      std::string_view unsupported_reason) {
    constexpr std::size_t kWidth = 100;
    TextTable facts({"rule", for_terminal(rule.slug)});
    facts.add({"id", rule.id});
    facts.add({"package", rule.package});
    facts.add({"level", std::string(name(rule.level))});
    facts.add({"judges", joined(kinds, ", ")});
    facts.add({"status", rule.status});
    facts.add({"file", rule.file});
    if (!unsupported_reason.empty()) {
        facts.add({"unsupported", std::string(unsupported_reason)});
    }
    std::string page = for_terminal(rule.title) + "\n\n" + facts.text();
    const auto section = [&](std::string_view heading, const std::string& body) {
        if (!body.empty()) {
            page += '\n' + std::string(heading) + '\n' + body;
        }
    };
    const auto list = [&](const std::vector<std::string>& items) {
        std::string body;
        for (const std::string& item : items) {
            body += "  - " + for_terminal(item) + '\n';
        }
        return body;
    };
    section("What it judges", wrapped(rule.description, "  ", kWidth));
    section("What to do", wrapped(rule.remediation, "  ", kWidth));
    section("Where it may be wrong", list(rule.false_positives));
    section("References", list(rule.references));
    section("Tags", list(rule.tags));
    return page;
}

}  // namespace

int rules_list(const RulesRequest& request, RulesStreams streams) {
    const LoadedSources loaded = load_and_tell(request, sources_of(request), streams.err);
    if (request.by_log_source) {
        list_by_log_source(request, loaded.rules, streams.out);
    } else if (request.names_only) {
        for (const engine::RuleInfo* rule : loaded.rules.rules()) {
            print(streams.out, for_terminal(rule->slug) + '\n');
        }
    } else if (request.json) {
        list_json(loaded.rules, streams.out);
    } else {
        list_table(loaded.rules, streams.out);
    }
    return loaded.is_sound ? kExitDone : kExitUsage;
}

int rules_show(const RulesRequest& request, RulesStreams streams) {
    const LoadedSources loaded = load_and_tell(request, sources_of(request), streams.err);
    const std::string& asked = request.operands.front();
    std::vector<std::string_view> names;
    const auto show = [&](const engine::RuleInfo& rule, const std::vector<std::string>& kinds,
                          std::string_view reason) {
        names.push_back(rule.slug);
        if (rule.slug != asked && rule.id != asked) {
            return false;
        }
        print(streams.out, request.json ? rule_json(rule, kinds, reason) + '\n'
                                        : rule_page(rule, kinds, reason));
        return true;
    };
    const int code = loaded.is_sound ? kExitDone : kExitUsage;
    for (const engine::LoadedRule* rule : loaded.rules.loaded()) {
        if (show(rule->info, kinds_of(*rule), "")) {
            return code;
        }
    }
    for (const auto& rule : loaded.rules.unsupported()) {
        if (show(rule.info, {}, rule.reason)) {
            return code;
        }
    }
    return rules_usage_error(
        streams.err, "no rule is called `" + asked + "`" + engine::did_you_mean(asked, names));
}

}  // namespace assay::app
