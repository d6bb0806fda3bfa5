// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "app/chosen_rules.h"
#include "app/exit_code.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "deliver/json_writer.h"
#include "engine/rule_check.h"
#include "engine/rule_document.h"
#include "engine/yaml_tree.h"

namespace assay::app {
namespace {

using engine::Problem;

/// Rules of a collection say nothing of remediation: each is told while they are few, else all in
/// one line.
constexpr std::size_t kFewRules = 10;

struct Checked {
    std::vector<Problem> problems;
    engine::RuleSet rules;
    std::size_t errors = 0;
    std::size_t warnings = 0;
};

void tell_omission(Checked& checked, const std::string& file, engine::Mark mark,
                   std::string message) {
    checked.problems.push_back({.severity = Problem::Severity::warning,
                                .file = file,
                                .line = mark.line,
                                .column = mark.column,
                                .message = std::move(message)});
}

/// What a rule may say but cannot mean, and what people will miss in it.
void check_loaded(const RulesRequest& request, Checked& checked) {
    std::vector<std::pair<std::string, engine::Mark>> of_collections;
    for (const engine::LoadedRule* rule : checked.rules.loaded()) {
        const std::string path = path_of(rule->info, request.built_in_directory);
        const auto source = read_input(path, engine::kLargestRuleFile);
        if (!source) {
            tell_omission(checked, path, {}, source.error().message);
            continue;
        }
        engine::Diagnostics diagnostics(path, checked.problems);
        engine::check_rule(*rule, *source, diagnostics);
        const engine::Omissions omitted = engine::omissions_of(*rule, *source);
        if (omitted.remediation && !omitted.written_for_assay) {
            of_collections.emplace_back(path, omitted.mark);
        } else if (omitted.remediation) {
            tell_omission(checked, path, omitted.mark,
                          "no `remediation` under `assay`: a finding will not say what to do");
        }
        if (omitted.tests && omitted.written_for_assay) {
            tell_omission(checked, path, omitted.mark,
                          "no `tests` under `assay`: nothing shows that it matches what it should");
        }
    }
    if (of_collections.size() > kFewRules) {
        tell_omission(checked, of_collections.front().first, of_collections.front().second,
                      "no `assay: {remediation: …}` here and in " +
                          std::to_string(of_collections.size() - 1) +
                          " more rules: their findings will not say what to do");
        return;
    }
    for (const auto& [path, mark] : of_collections) {
        tell_omission(checked, path, mark,
                      "no `assay: {remediation: …}`: a finding will not say what to do");
    }
}

/// `assay run --rules` judges them beside the built-in rules, so names must differ from theirs.
void check_against_built_in(const RulesRequest& request, Checked& checked) {
    std::vector<Problem> ignored;
    const std::vector<engine::RuleSource> sources{
        {.path = request.built_in_directory, .package = {}, .custom = false}};
    const engine::RuleSet built_in = engine::RuleSet::load(sources, ignored);
    for (const engine::RuleInfo* mine : checked.rules.rules()) {
        for (const engine::RuleInfo* other : built_in.rules()) {
            if (mine->slug != other->slug && mine->id != other->id) {
                continue;
            }
            std::error_code unknown;
            const std::string path = path_of(*other, request.built_in_directory);
            if (!std::filesystem::equivalent(mine->file, path, unknown)) {
                checked.problems.push_back(
                    {.file = mine->file,
                     .line = 1,
                     .column = 1,
                     .message = mine->slug == other->slug
                                    ? "a built-in rule is called `" + other->slug +
                                          "` too: give this file another name"
                                    : "the built-in rule `" + other->slug + "` has the id " +
                                          other->id + " too: give this one its own"});
            }
        }
    }
}

void sort_by_place(std::vector<Problem>& problems) {
    std::ranges::stable_sort(problems, {}, [](const Problem& problem) {
        return std::tuple(std::string_view(problem.file), problem.line, problem.column);
    });
}

std::string to_json(const Checked& checked) {
    std::string text;
    deliver::JsonWriter json(text);
    json.open('{').key("problems").open('[');
    for (const Problem& problem : checked.problems) {
        json.open('{').field("file", problem.file);
        json.field("line", problem.line).field("column", problem.column);
        json.field("severity", problem.severity == Problem::Severity::error ? "error" : "warning");
        json.field("message", problem.message);
        json.field("suggestion", engine::suggestion_of(problem)).close('}');
    }
    json.close(']').key("unsupported").open('[');
    for (const auto& rule : checked.rules.unsupported()) {
        json.open('{').field("rule", rule.info.slug).field("file", rule.info.file);
        json.field("reason", rule.reason).close('}');
    }
    json.close(']');
    json.field("rules", checked.rules.rules().size());
    json.field("errors", checked.errors).field("warnings", checked.warnings).close('}');
    return text + '\n';
}

std::string summary(const Checked& checked) {
    return counted(checked.rules.rules().size(), "rule") + " sound, " +
           std::to_string(checked.rules.unsupported().size()) + " unsupported; " +
           counted(checked.errors, "error") + ", " + counted(checked.warnings, "warning") + '\n';
}

}  // namespace

int rules_check(const RulesRequest& request, RulesStreams streams) {
    std::vector<std::string> paths = request.operands;
    paths.insert(paths.end(), request.directories.begin(), request.directories.end());
    const bool is_built_in = paths.empty();
    Checked checked;
    checked.rules = engine::RuleSet::load(is_built_in ? sources_of(request) : own_sources(paths),
                                          checked.problems);
    check_loaded(request, checked);
    if (!is_built_in) {
        check_against_built_in(request, checked);
    }
    sort_by_place(checked.problems);
    for (const Problem& problem : checked.problems) {
        ++(problem.severity == Problem::Severity::error ? checked.errors : checked.warnings);
    }
    if (request.json) {
        print(streams.out, to_json(checked));
    } else {
        for (const Problem& problem : checked.problems) {
            print(streams.out, to_text(problem) + '\n');
        }
        print(streams.out, summary(checked));
    }
    const bool failed = checked.errors > 0 || (request.strict && checked.warnings > 0);
    return failed ? kExitUsage : kExitDone;
}

}  // namespace assay::app
