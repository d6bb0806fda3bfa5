// SPDX-License-Identifier: Apache-2.0
#include "app/rules_command.h"

#include <algorithm>
#include <array>
#include <expected>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "engine/judge.h"
#include "engine/nearest_name.h"
#include "engine/rule_set.h"

namespace assay::app {
namespace {

constexpr int kDone = 0;
constexpr int kTestFailed = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    "Usage: assay rules list [--rules DIR]... [--format table|json]\n"
    "       assay rules show RULE [--rules DIR]... [--format table|json]\n"
    "       assay rules test [--rules DIR]... [FILE|DIR]...\n"
    "\n"
    "list  Every rule that is built in or given with --rules, and those that are not supported.\n"
    "show  One rule: what it judges, how severe it is, what to do about a finding.\n"
    "test  Runs the tests inside the rules: of the files and directories named, or of all rules.\n"
    "\n"
    "Options:\n"
    "  --rules DIR     also rules of this directory (may be repeated)\n"
    "  --format FORM   table (default) or json\n"
    "  --help          this text\n"
    "\n"
    "Exit codes: 0 done; 1 a test failed; 2 wrong usage, or a rule file that is broken.\n";

struct Request {
    std::string command;
    std::vector<std::string> operands;
    std::vector<std::string> directories;
    bool json = false;
    bool help = false;
};

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

std::string for_terminal(std::string_view text) {
    std::string safe;
    append_terminal_text(safe, text);
    return safe;
}

int usage_error(std::FILE* err, const std::string& message) {
    print(err, "assay rules: " + for_terminal(message) + " (see assay rules --help)\n");
    return kUsage;
}

/// The value of --name VALUE or --name=VALUE at `at`, moved onto it; nullopt when it is not given.
std::optional<std::string> option_value(std::span<const std::string> arguments, std::size_t& at,
                                        std::string_view name) {
    const std::string_view argument = arguments[at];
    if (argument.size() > name.size()) {
        return std::string(argument.substr(name.size() + 1));
    }
    if (at + 1 >= arguments.size()) {
        return std::nullopt;
    }
    return arguments[++at];
}

/// The request, or what is wrong with the arguments.
std::expected<Request, std::string> parse(std::span<const std::string> arguments) {
    constexpr std::array<std::string_view, 3> kCommands{"list", "show", "test"};
    constexpr std::array<std::string_view, 3> kOptions{"--rules", "--format", "--help"};
    Request request;
    bool only_operands = false;
    const auto is_option = [](std::string_view argument, std::string_view name) {
        return argument == name ||
               (argument.starts_with(name) && argument.substr(name.size()).starts_with('='));
    };
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& argument = arguments[at];
        if (!only_operands && argument == "--") {
            only_operands = true;
        } else if (!only_operands && (argument == "--help" || argument == "-h")) {
            request.help = true;
        } else if (!only_operands && is_option(argument, "--rules")) {
            auto value = option_value(arguments, at, "--rules");
            if (!value || value->empty()) {
                return std::unexpected("expected a directory after --rules");
            }
            request.directories.push_back(std::move(*value));
        } else if (!only_operands && is_option(argument, "--format")) {
            const auto value = option_value(arguments, at, "--format");
            if (value != "table" && value != "json") {
                return std::unexpected("expected table or json after --format" +
                                       (value ? ", found `" + *value + "`" : std::string()));
            }
            request.json = value == "json";
        } else if (!only_operands && argument.size() > 1 && argument.starts_with('-')) {
            return std::unexpected("unknown option `" + argument + "`" +
                                   engine::did_you_mean(argument, kOptions));
        } else if (request.command.empty()) {
            if (std::ranges::find(kCommands, argument) == kCommands.end()) {
                return std::unexpected("expected list, show or test, found `" + argument + "`" +
                                       engine::did_you_mean(argument, kCommands));
            }
            request.command = argument;
        } else {
            request.operands.push_back(argument);
        }
    }
    if (request.help) {
        return request;
    }
    if (request.command.empty()) {
        return std::unexpected("expected list, show or test");
    }
    if (request.command == "list" && !request.operands.empty()) {
        return std::unexpected("list takes no names, found `" + request.operands.front() + "`");
    }
    if (request.command == "show" && request.operands.size() != 1) {
        return std::unexpected("expected one rule's name after show");
    }
    return request;
}

std::string row(std::initializer_list<std::pair<std::string, std::size_t>> cells) {
    std::string line;
    for (const auto& [text, width] : cells) {
        line += text;
        if (width > 0) {
            line.append(text.size() < width ? width - text.size() : 1, ' ');
        }
    }
    while (line.ends_with(' ')) {
        line.pop_back();
    }
    return line + '\n';
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
    out += out.ends_with('{') ? "" : ",";
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
}

void append_member(std::string& out, std::string_view key, const std::vector<std::string>& values) {
    out += out.ends_with('{') ? "" : ",";
    append_json_string(out, key);
    out += ":[";
    for (std::size_t i = 0; i < values.size(); ++i) {
        out += i == 0 ? "" : ",";
        append_json_string(out, values[i]);
    }
    out += ']';
}

std::string to_json(const engine::RuleInfo& rule, std::string_view unsupported_reason) {
    std::string out = "{";
    append_member(out, "rule", rule.slug);
    append_member(out, "id", rule.id);
    append_member(out, "title", rule.title);
    append_member(out, "package", rule.package);
    append_member(out, "level", name(rule.level));
    append_member(out, "status", rule.status);
    append_member(out, "file", rule.file);
    append_member(out, "description", rule.description);
    append_member(out, "remediation", rule.remediation);
    append_member(out, "references", rule.references);
    append_member(out, "tags", rule.tags);
    append_member(out, "false_positives", rule.false_positives);
    if (!unsupported_reason.empty()) {
        append_member(out, "unsupported", unsupported_reason);
    }
    return out + '}';
}

/// Text of a rule broken into lines of at most `width` columns (bytes; rules are mostly ASCII).
std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
    std::string out;
    std::string line;
    const auto flush = [&] {
        if (!line.empty()) {
            out += std::string(indent) + line + '\n';
            line.clear();
        }
    };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \n\t"), text.size());
        const std::string word = for_terminal(text.substr(0, end));
        if (!line.empty() && indent.size() + line.size() + 1 + word.size() > width) {
            flush();
        }
        line += line.empty() || word.empty() ? word : " " + word;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    flush();
    return out;
}

std::string to_page(const engine::RuleInfo& rule, std::string_view unsupported_reason) {
    constexpr std::size_t kWidth = 100;
    std::string page = for_terminal(rule.title) + "\n\n";
    page += row({{"rule", 13}, {for_terminal(rule.slug), 0}});
    page += row({{"id", 13}, {for_terminal(rule.id), 0}});
    page += row({{"package", 13}, {for_terminal(rule.package), 0}});
    page += row({{"level", 13}, {std::string(name(rule.level)), 0}});
    page += row({{"status", 13}, {for_terminal(rule.status), 0}});
    page += row({{"file", 13}, {for_terminal(rule.file), 0}});
    if (!unsupported_reason.empty()) {
        page += row({{"unsupported", 13}, {for_terminal(unsupported_reason), 0}});
    }
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

/// Loads rules and tells every problem. False when one of them is an error.
bool load(const std::vector<engine::RuleSource>& sources, engine::RuleSet& rules, std::FILE* err) {
    std::vector<engine::Problem> problems;
    rules = engine::RuleSet::load(sources, problems);
    bool is_sound = true;
    for (const engine::Problem& problem : problems) {
        print(err, to_text(problem) + '\n');
        is_sound = is_sound && problem.severity != engine::Problem::Severity::error;
    }
    return is_sound;
}

void list_rules(const engine::RuleSet& rules, bool json, std::FILE* out) {
    if (json) {
        std::string text = "[";
        for (const engine::RuleInfo* rule : rules.rules()) {
            text += (text.size() == 1 ? "\n" : ",\n") + to_json(*rule, "");
        }
        for (const auto& [rule, reason] : rules.unsupported()) {
            text += (text.size() == 1 ? "\n" : ",\n") + to_json(rule, reason);
        }
        print(out, text + "\n]\n");
        return;
    }
    std::size_t widest_slug = 4;
    std::size_t widest_package = 7;
    const auto measure = [&](const engine::RuleInfo& rule) {
        widest_slug = std::max(widest_slug, for_terminal(rule.slug).size());
        widest_package = std::max(widest_package, for_terminal(rule.package).size());
    };
    for (const engine::RuleInfo* rule : rules.rules()) {
        measure(*rule);
    }
    for (const auto& unsupported : rules.unsupported()) {
        measure(unsupported.info);
    }
    const auto line = [&](const engine::RuleInfo& rule, std::string_view level,
                          const std::string& last) {
        print(out, row({{for_terminal(rule.slug), widest_slug + 2},
                        {for_terminal(rule.package), widest_package + 2},
                        {std::string(level), 15},
                        {last, 0}}));
    };
    print(out, row({{"RULE", widest_slug + 2},
                    {"PACKAGE", widest_package + 2},
                    {"LEVEL", 15},
                    {"TITLE", 0}}));
    for (const engine::RuleInfo* rule : rules.rules()) {
        line(*rule, name(rule->level), for_terminal(rule->title));
    }
    for (const auto& [rule, reason] : rules.unsupported()) {
        line(rule, "unsupported", for_terminal(rule.title) + " (" + for_terminal(reason) + ")");
    }
}

int show_rule(const engine::RuleSet& rules, const std::string& slug, bool json, std::FILE* out,
              std::FILE* err) {
    std::vector<std::string_view> names;
    const auto show = [&](const engine::RuleInfo& rule, std::string_view reason) {
        names.push_back(rule.slug);
        if (rule.slug == slug) {
            print(out, json ? to_json(rule, reason) + '\n' : to_page(rule, reason));
        }
        return rule.slug == slug;
    };
    for (const engine::RuleInfo* rule : rules.rules()) {
        if (show(*rule, "")) {
            return kDone;
        }
    }
    for (const auto& [rule, reason] : rules.unsupported()) {
        if (show(rule, reason)) {
            return kDone;
        }
    }
    return usage_error(err, "no rule is called `" + slug + "`" + engine::did_you_mean(slug, names));
}

int test_rules(const engine::RuleSet& rules, std::FILE* out) {
    std::size_t failed = 0;
    const std::vector<engine::TestResult> results = engine::run_tests(rules);
    std::map<const engine::RuleInfo*, std::pair<std::size_t, std::size_t>> tally;
    for (const engine::TestResult& result : results) {
        auto& [passed, all] = tally[result.rule];
        ++all;
        if (result.passed) {
            ++passed;
            continue;
        }
        ++failed;
        print(out, for_terminal(result.rule->file) + ':' + std::to_string(result.line) + ": test " +
                       std::to_string(result.test_index + 1) +
                       " failed: " + for_terminal(result.message) + '\n');
    }
    std::size_t without_tests = 0;
    for (const engine::RuleInfo* rule : rules.rules()) {
        const auto [passed, all] = tally[rule];
        without_tests += all == 0 ? 1 : 0;
        if (all > 0) {
            print(out,
                  row({{for_terminal(rule->slug), 32},
                       {std::to_string(passed) + " of " + std::to_string(all) + " passed", 0}}));
        }
    }
    print(out,
          std::to_string(rules.rules().size()) + " rules, " + std::to_string(results.size()) +
              " tests, " + std::to_string(failed) + " failed" +
              (without_tests > 0 ? "; " + std::to_string(without_tests) + " rules have no tests"
                                 : "") +
              '\n');
    return failed == 0 ? kDone : kTestFailed;
}

}  // namespace

int rules_command(std::span<const std::string> arguments,
                  const std::string& built_in_rules_directory, std::FILE* out, std::FILE* err) {
    const auto request = parse(arguments);
    if (!request) {
        return usage_error(err, request.error());
    }
    if (request->help) {
        print(out, kHelp);
        return kDone;
    }
    std::vector<engine::RuleSource> sources;
    const bool only_named = request->command == "test" && !request->operands.empty();
    if (!only_named) {
        sources.push_back({.path = built_in_rules_directory, .package = {}, .custom = false});
    }
    for (const std::string& directory : request->directories) {
        sources.push_back({.path = directory, .package = "custom", .custom = true});
    }
    if (only_named) {
        for (const std::string& path : request->operands) {
            sources.push_back({.path = path, .package = "custom", .custom = true});
        }
    }
    engine::RuleSet rules;
    const bool is_sound = load(sources, rules, err);
    int code = kDone;
    if (request->command == "list") {
        list_rules(rules, request->json, out);
    } else if (request->command == "show") {
        code = show_rule(rules, request->operands.front(), request->json, out, err);
    } else {
        code = test_rules(rules, out);
    }
    return is_sound ? code : kUsage;
}

}  // namespace assay::app
