// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/chosen_rules.h"
#include "app/exit_code.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "deliver/json_writer.h"
#include "engine/compiled_rule.h"
#include "engine/nearest_name.h"
#include "engine/recorded_facts.h"
#include "engine/rule_document.h"
#include "engine/rule_explain.h"
#include "engine/yaml_tree.h"

namespace assay::app {
namespace {

using engine::ExplainedDocument;
using engine::ExplainedStep;
using Op = ExplainedStep::Op;
using Outcome = ExplainedDocument::Outcome;

/// Values that do not hold are only counted beyond this; those that hold are all shown.
constexpr std::size_t kMostFailedValues = 10;
constexpr std::size_t kLongestShown = 300;

struct Signs {
    std::string_view yes;
    std::string_view no;
    std::string_view cut;
};

/// What setlocale(3) would choose from, without changing the locale of the process.
bool terminal_takes_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            std::string folded(value);
            std::ranges::transform(folded, folded.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            return folded.contains("utf-8") || folded.contains("utf8");
        }
    }
    return false;
}

class Tree {
public:
    explicit Tree(Signs signs) : signs_(signs) {}

    void add(const ExplainedStep& step, std::size_t depth);
    [[nodiscard]] std::string text() && { return std::move(text_); }

private:
    void line(bool holds, const std::string& what, const std::string& fact, std::size_t depth);
    [[nodiscard]] std::string shown(std::string_view text) const;
    [[nodiscard]] std::string fact_of(const ExplainedStep& step) const;

    Signs signs_;
    std::string text_;
};

std::string Tree::shown(std::string_view text) const {
    // Blanks at an end would not be seen.
    if (text.empty() || text.front() == ' ' || text.back() == ' ') {
        return "'" + for_terminal(text.substr(0, kLongestShown)) +
               (text.size() > kLongestShown ? std::string(signs_.cut) : "'");
    }
    return for_terminal(text.substr(0, kLongestShown)) +
           std::string(text.size() > kLongestShown ? signs_.cut : "");
}

std::string Tree::fact_of(const ExplainedStep& step) const {
    if (step.text == "any field") {
        return {};
    }
    return step.fact_value ? "fact: " + shown(*step.fact_value) : "fact: absent";
}

void Tree::line(bool holds, const std::string& what, const std::string& fact, std::size_t depth) {
    constexpr std::size_t kFactColumn = 50;
    std::string line(2 + 2 * depth, ' ');
    line += std::string(holds ? signs_.yes : signs_.no) + " " + what;
    if (!fact.empty()) {
        const std::size_t columns = columns_of(line);
        line.append(columns + 2 <= kFactColumn ? kFactColumn - columns : 2, ' ');
        line += fact;
    }
    text_ += line + '\n';
}

void Tree::add(const ExplainedStep& step, std::size_t depth) {
    switch (step.op) {
        case Op::all:
            line(step.holds, "all of these", "", depth);
            break;
        case Op::any:
            line(step.holds, "one of these", "", depth);
            break;
        case Op::negate:
            line(step.holds, "not", "", depth);
            break;
        case Op::selection:
            line(step.holds, shown(step.text) + ":", "", depth);
            break;
        case Op::item:
            if (step.children.size() == 1) {
                line(step.holds, shown(step.text) + ": " + shown(step.children.front().text),
                     fact_of(step), depth);
                return;
            }
            line(step.holds, shown(step.text) + ":", fact_of(step), depth);
            break;
        case Op::value:
            line(step.holds, shown(step.text), "", depth);
            break;
    }
    std::size_t failed = 0;
    for (const ExplainedStep& child : step.children) {
        const bool is_failed_value = child.op == Op::value && !child.holds;
        failed += is_failed_value ? 1 : 0;
        if (!is_failed_value || failed <= kMostFailedValues) {
            add(child, depth + 1);
        }
    }
    if (failed > kMostFailedValues) {
        text_ += std::string(4 + 2 * depth, ' ') + std::string(signs_.cut) + " and " +
                 std::to_string(failed - kMostFailedValues) + " more that do not hold\n";
    }
}

std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::match:
            return "match";
        case Outcome::no_match:
            return "no-match";
        case Outcome::excepted:
            return "excepted";
        case Outcome::cannot_judge:
            return "unknown";
        case Outcome::other_kind:
            return "other-kind";
        case Outcome::not_judged_here:
            return "not-judged-alone";
    }
    return "";
}

std::string sentence(const ExplainedDocument& document) {
    switch (document.outcome) {
        case Outcome::match:
            return "The rule matches this fact, level " + std::string(name(document.level)) + ".";
        case Outcome::no_match:
            return "The rule does not match this fact.";
        case Outcome::excepted:
            return "The detection holds, but an exception leaves this fact out.";
        case Outcome::cannot_judge:
            return "This fact cannot be judged: an `unknown_when` holds.";
        case Outcome::other_kind:
            return "This part judges " + std::string(document.kind) + " facts, not this kind.";
        case Outcome::not_judged_here:
            return "This part judges no single fact (a correlation or a filter).";
    }
    return "";
}

std::string to_page(const engine::LoadedRule& rule,
                    const std::vector<ExplainedDocument>& documents) {
    constexpr Signs kUtf8{.yes = "✓", .no = "✗", .cut = "…"};
    constexpr Signs kAscii{.yes = "+", .no = "-", .cut = "..."};
    std::string page = for_terminal(rule.info.title) + " (" + for_terminal(rule.info.slug) + ")\n";
    for (const ExplainedDocument& document : documents) {
        page += '\n';
        if (document.detection) {
            Tree tree(terminal_takes_utf8() ? kUtf8 : kAscii);
            tree.add(*document.detection, 0);
            page += "detection, " + std::string(document.kind) + " facts" +
                    (document.at_window_close ? ", judged at the close of the window" : "") +
                    ":\n" + std::move(tree).text();
            for (const auto& clause : document.clauses) {
                Tree when(terminal_takes_utf8() ? kUtf8 : kAscii);
                when.add(clause.when, 0);
                page += std::string(clause.key) +
                        (clause.reason.empty() ? "" : " (" + for_terminal(clause.reason) + ")") +
                        ":\n" + std::move(when).text();
            }
            page += '\n';
        }
        page += sentence(document) + '\n';
    }
    return page;
}

void write_json(deliver::JsonWriter& json, const ExplainedStep& step) {
    constexpr std::array<std::string_view, 6> kOps{"all",       "any",  "not",
                                                   "selection", "item", "value"};
    json.open('{').field("op", kOps[static_cast<std::size_t>(step.op)]);
    json.field("text", step.text);
    if (step.mark.line > 0) {
        json.field("line", step.mark.line).field("column", step.mark.column);
    }
    json.key("holds").boolean(step.holds);
    if (step.op == Op::item && step.text != "any field") {
        json.key("fact");
        step.fact_value ? json.text(*step.fact_value) : json.raw("null");
    }
    if (!step.children.empty()) {
        json.key("children").open('[');
        for (const ExplainedStep& child : step.children) {
            write_json(json, child);
        }
        json.close(']');
    }
    json.close('}');
}

std::string to_json(const engine::LoadedRule& rule,
                    const std::vector<ExplainedDocument>& documents) {
    std::string text;
    deliver::JsonWriter json(text);
    json.open('{').field("rule", rule.info.slug);
    json.key("match").boolean(engine::any_matches(documents));
    json.key("documents").open('[');
    for (const ExplainedDocument& document : documents) {
        json.open('{').field("outcome", name_of(document.outcome)).field("kind", document.kind);
        json.field("level", name(document.level));
        if (document.detection) {
            json.key("detection");
            write_json(json, *document.detection);
        }
        json.key("clauses").open('[');
        for (const auto& clause : document.clauses) {
            json.open('{').field("key", clause.key).field("reason", clause.reason).key("when");
            write_json(json, clause.when);
            json.close('}');
        }
        json.close(']').close('}');
    }
    json.close(']').close('}');
    return text + '\n';
}

/// The rule that was asked for, and the text of its file. What is wrong was told.
struct FoundRule {
    engine::RuleSet rules;
    const engine::LoadedRule* rule = nullptr;
    std::string source;
};

bool is_path(const std::string& asked) {
    std::error_code unknown;
    return asked.contains('/') || asked.ends_with(".yml") ||
           std::filesystem::is_regular_file(asked, unknown);
}

std::optional<FoundRule> find_rule(const RulesRequest& request, const std::string& asked,
                                   std::FILE* err) {
    const bool by_path = is_path(asked);
    const std::vector<std::string> path{asked};
    LoadedSources loaded =
        load_and_tell(request, by_path ? own_sources(path) : sources_of(request), err);
    FoundRule found{.rules = std::move(loaded.rules), .source = {}};
    std::vector<std::string_view> names;
    for (const engine::LoadedRule* rule : found.rules.loaded()) {
        names.push_back(rule->info.slug);
        if (by_path || rule->info.slug == asked || rule->info.id == asked) {
            found.rule = rule;
            break;
        }
    }
    if (found.rule == nullptr) {
        for (const auto& rule : found.rules.unsupported()) {
            if (by_path || rule.info.slug == asked || rule.info.id == asked) {
                rules_usage_error(
                    err, "the rule `" + rule.info.slug + "` is not supported: " + rule.reason);
                return std::nullopt;
            }
        }
        if (!by_path) {
            rules_usage_error(
                err, "no rule is called `" + asked + "`" + engine::did_you_mean(asked, names));
        } else if (loaded.is_sound) {
            rules_usage_error(err, "no rule in `" + asked + "`");
        }
        return std::nullopt;
    }
    auto source =
        read_input(path_of(found.rule->info, request.built_in_directory), engine::kLargestRuleFile);
    if (!source) {
        rules_usage_error(err, source.error().message);
        return std::nullopt;
    }
    found.source = *std::move(source);
    return found;
}

}  // namespace

int rules_explain(const RulesRequest& request, RulesStreams streams) {
    const auto found = find_rule(request, request.operands[0], streams.err);
    if (!found) {
        return kExitUsage;
    }
    const std::string& file = request.operands[1];
    const auto text = read_input(file, engine::kLongestFactLine);
    if (!text) {
        return rules_usage_error(streams.err, text.error().message);
    }
    // A fact that does not say what it is, is what the rule judges.
    auto kind = request.kind;
    if (!kind && !found->rule->compiled.empty()) {
        kind = found->rule->compiled.front().kind;
    }
    const auto fact = engine::parse_fact(*text, kind);
    if (!fact) {
        return rules_usage_error(streams.err,
                                 (file == "-" ? "stdin" : file) + ": " + fact.error().message);
    }
    for (const std::string& name : fact->ignored) {
        complain(streams.err, "assay rules", no_such_field(fact->fact.kind, name), kExitDone);
    }
    const auto documents = engine::explain(*found->rule, found->source, fact->fact);
    print(streams.out,
          request.json ? to_json(*found->rule, documents) : to_page(*found->rule, documents));
    return kExitDone;
}

}  // namespace assay::app
