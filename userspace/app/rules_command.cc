// SPDX-License-Identifier: Apache-2.0
#include "app/rules_command.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "app/exit_code.h"
#include "app/packages.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "engine/nearest_name.h"

namespace assay::app {
namespace {

constexpr OptionRow kHelpRow{.name = "help", .value = "", .meaning = "show this", .letter = 'h'};
constexpr OptionRow kRulesRow{.name = "rules",
                              .value = "DIR",
                              .meaning = "also the rules under DIR; may be repeated",
                              .repeated = true};
constexpr OptionRow kPackageRow{
    .name = "package",
    .value = "NAMES",
    .meaning = "only rules of these packages, by comma or repeated, and one's own (custom)",
    .repeated = true};
constexpr OptionRow kFormatRow{
    .name = "format", .value = "FORMAT", .meaning = "table or json [table]"};
constexpr OptionRow kKindRow{.name = "kind",
                             .value = "KIND",
                             .meaning = "what facts are that do not say it (process_creation)"};

constexpr std::array kListRows{
    kRulesRow, kPackageRow,
    OptionRow{.name = "format", .value = "FORMAT", .meaning = "table, json or names [table]"},
    OptionRow{.name = "by-log-source",
              .value = "",
              .meaning = "a table of log sources: how many rules of each are supported"},
    kHelpRow};
constexpr std::array kShowRows{kRulesRow, kFormatRow, kHelpRow};
constexpr std::array kCheckRows{
    kRulesRow, OptionRow{.name = "strict", .value = "", .meaning = "warnings fail too: exit 2"},
    kFormatRow, kHelpRow};
constexpr std::array kTestRows{
    kRulesRow,
    kPackageRow,
    OptionRow{.name = "facts",
              .value = "FILE",
              .meaning = "run the rules over recorded facts, JSON lines as assay facts prints "
                         "them (- for stdin); may be repeated",
              .repeated = true},
    kKindRow,
    kFormatRow,
    kHelpRow};
constexpr std::array kExplainRows{kRulesRow, kKindRow, kFormatRow, kHelpRow};
constexpr std::array kFieldsRows{kFormatRow, kHelpRow};

constexpr std::array kSubcommands{
    RulesSubcommand{"list", "", "every rule: built in, given with --rules, and not supported",
                    kListRows, &rules_list},
    RulesSubcommand{"show", "RULE", "one rule: what it judges and what to do about a finding",
                    kShowRows, &rules_show},
    RulesSubcommand{"check", "[FILE|DIR]...",
                    "tell every mistake in rules as file:line:column, and what cannot be meant",
                    kCheckRows, &rules_check},
    RulesSubcommand{"test", "[FILE|DIR]...",
                    "run the tests inside the rules, or the rules over recorded facts", kTestRows,
                    &rules_test},
    RulesSubcommand{"explain", "RULE FACT",
                    "why a rule (name, id or file) matches a fact (a JSON file, - for stdin)",
                    kExplainRows, &rules_explain},
    RulesSubcommand{"fields", "[KIND]...", "every field of each kind of fact", kFieldsRows,
                    &rules_fields},
};

constexpr std::array kOperands{Operand::none,  Operand::rule,          Operand::files,
                               Operand::files, Operand::rule_and_file, Operand::kinds};
static_assert(kOperands.size() == kSubcommands.size());

constexpr std::string_view kExits =
    "\nexit: 0 done; 1 a test failed; 2 wrong usage, or a rule file that is broken\n";

std::string usage_of(const RulesSubcommand& subcommand) {
    std::string text = "assay rules " + std::string(subcommand.name);
    if (!subcommand.operands.empty()) {
        text += " " + std::string(subcommand.operands);
    }
    return text + " [options]\n";
}

std::string help(const RulesSubcommand* asked) {
    if (asked != nullptr) {
        std::string meaning(asked->meaning);
        meaning.front() = static_cast<char>(meaning.front() - 'a' + 'A');
        return "usage: " + usage_of(*asked) + "\n" + meaning + ".\n\n" +
               options_help(asked->options) + std::string(kExits);
    }
    std::string text;
    for (const RulesSubcommand& each : kSubcommands) {
        text += (text.empty() ? "usage: " : "       ") + usage_of(each);
    }
    text += '\n';
    for (const RulesSubcommand& each : kSubcommands) {
        text += "  " + std::string(each.name) + std::string(9 - each.name.size(), ' ') +
                std::string(each.meaning) + '\n';
    }
    return text + "\n  assay rules COMMAND --help   the options of a command\n" +
           std::string(kExits);
}

const OptionRow* find_option(std::string_view name) {
    for (const RulesSubcommand& subcommand : kSubcommands) {
        const auto row = std::ranges::find(subcommand.options, name, &OptionRow::name);
        if (row != subcommand.options.end()) {
            return &*row;
        }
    }
    return nullptr;
}

std::string did_you_mean_option(std::string_view typed, std::span<const OptionRow> options) {
    std::vector<std::string> names;
    for (const OptionRow& row : options) {
        names.push_back("--" + std::string(row.name));
    }
    return engine::did_you_mean(typed, std::vector<std::string_view>(names.begin(), names.end()));
}

/// Options as they were given, by name; operands apart.
struct Given {
    std::map<std::string_view, std::vector<std::string>> options;
    std::vector<std::string> operands;
};
using Parsed = std::expected<Given, std::string>;

Parsed split(std::span<const std::string> arguments) {
    Given given;
    bool only_operands = false;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& argument = arguments[at];
        if (only_operands || argument == "-" || !argument.starts_with('-')) {
            given.operands.push_back(argument);
            continue;
        }
        if (argument == "--") {
            only_operands = true;
            continue;
        }
        const std::size_t equals = argument.find('=');
        const std::string_view typed = std::string_view(argument).substr(0, equals);
        const OptionRow* row = typed == "-h"             ? &kHelpRow
                               : typed.starts_with("--") ? find_option(typed.substr(2))
                                                         : nullptr;
        if (row == nullptr) {
            std::vector<OptionRow> all;
            for (const RulesSubcommand& subcommand : kSubcommands) {
                all.insert(all.end(), subcommand.options.begin(), subcommand.options.end());
            }
            return std::unexpected("unknown option `" + std::string(typed) + "`" +
                                   did_you_mean_option(typed, all));
        }
        auto& values = given.options[row->name];
        if (row->value.empty()) {
            if (equals != std::string::npos) {
                return std::unexpected("--" + std::string(row->name) + " takes no value");
            }
            continue;
        }
        if (!values.empty() && !row->repeated) {
            return std::unexpected("--" + std::string(row->name) + " is given twice");
        }
        std::string value;
        if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        } else if (at + 1 < arguments.size()) {
            value = arguments[++at];
        }
        if (value.empty()) {
            return std::unexpected("expected " + std::string(row->value) + " after --" +
                                   std::string(row->name));
        }
        values.push_back(std::move(value));
    }
    return given;
}

std::vector<std::string> split_at_commas(const std::vector<std::string>& values) {
    std::vector<std::string> parts;
    for (const std::string& value : values) {
        for (std::size_t begin = 0; begin <= value.size();) {
            const std::size_t comma = std::min(value.find(',', begin), value.size());
            parts.push_back(value.substr(begin, comma - begin));
            begin = comma + 1;
        }
    }
    return parts;
}

/// What is wrong with how many operands there are; empty when nothing is.
std::string wrong_operands(const RulesSubcommand& subcommand, std::size_t count,
                           const std::vector<std::string>& operands) {
    if (subcommand.run == &rules_list && count > 0) {
        return "list takes no names, found `" + operands.front() + "`";
    }
    if (subcommand.run == &rules_show && count != 1) {
        return "expected one rule's name after show";
    }
    if (subcommand.run == &rules_explain && count != 2) {
        return "expected a rule and a file with one fact after explain (- for stdin)";
    }
    return {};
}

std::string take_values(const Given& given, RulesRequest& request) {
    const auto all = [&](std::string_view name) {
        const auto found = given.options.find(name);
        return found == given.options.end() ? std::vector<std::string>{} : found->second;
    };
    request.directories = all("rules");
    request.fact_files = all("facts");
    request.strict = given.options.contains("strict");
    request.by_log_source = given.options.contains("by-log-source");
    for (std::string& format : all("format")) {
        const bool may_be_names = request.subcommand->run == &rules_list;
        request.json = format == "json";
        request.names_only = may_be_names && format == "names";
        if (format != "table" && !request.json && !request.names_only) {
            return std::string("expected table") + (may_be_names ? ", json or names" : " or json") +
                   " after --format, found `" + format + "`";
        }
    }
    for (const std::string& kind : all("kind")) {
        const facts::KindInfo* known = facts::find_kind(kind);
        if (known == nullptr) {
            std::array<std::string_view, facts::kKinds.size()> names;
            std::ranges::transform(facts::kKinds, names.begin(), &facts::KindInfo::name);
            return "unknown kind of fact `" + kind + "`" + engine::did_you_mean(kind, names);
        }
        request.kind = known->kind;
    }
    std::vector<std::string_view> packages{"custom"};
    for (const PackageInfo& package : kPackages) {
        packages.push_back(package.name);
    }
    for (std::string& package : split_at_commas(all("package"))) {
        if (std::ranges::find(packages, package) == packages.end()) {
            return "unknown package `" + package + "`" + engine::did_you_mean(package, packages);
        }
        request.packages.push_back(std::move(package));
    }
    return {};
}

std::expected<RulesRequest, std::string> parse(std::span<const std::string> arguments) {
    auto given = split(arguments);
    if (!given) {
        return std::unexpected(given.error());
    }
    RulesRequest request;
    request.help = given->options.contains("help");
    std::array<std::string_view, kSubcommands.size()> names;
    std::ranges::transform(kSubcommands, names.begin(), &RulesSubcommand::name);
    if (given->operands.empty()) {
        if (request.help) {
            return request;
        }
        return std::unexpected("expected list, show, check, test, explain or fields");
    }
    const std::string named = given->operands.front();
    const auto* subcommand = std::ranges::find(kSubcommands, named, &RulesSubcommand::name);
    if (subcommand == kSubcommands.end()) {
        return std::unexpected("expected list, show, check, test, explain or fields, found `" +
                               named + "`" + engine::did_you_mean(named, names));
    }
    given->operands.erase(given->operands.begin());
    request.subcommand = subcommand;
    for (const auto& [name, values] : given->options) {
        if (std::ranges::find(subcommand->options, name, &OptionRow::name) ==
            subcommand->options.end()) {
            return std::unexpected("--" + std::string(name) + " does not belong to " + named);
        }
    }
    if (request.help) {
        return request;
    }
    if (auto problem = take_values(*given, request); !problem.empty()) {
        return std::unexpected(std::move(problem));
    }
    request.operands = std::move(given->operands);
    if (auto problem = wrong_operands(*subcommand, request.operands.size(), request.operands);
        !problem.empty()) {
        return std::unexpected(std::move(problem));
    }
    return request;
}

}  // namespace

int rules_usage_error(std::FILE* err, const std::string& message) {
    return complain(err, "assay rules", message + " (see assay rules --help)", kExitUsage);
}

std::vector<engine::RuleSource> own_sources(std::span<const std::string> paths) {
    std::vector<engine::RuleSource> sources;
    for (const std::string& path : paths) {
        sources.push_back({.path = path, .package = "custom", .custom = true});
    }
    return sources;
}

std::vector<engine::RuleSource> sources_of(const RulesRequest& request) {
    std::vector<engine::RuleSource> sources{
        {.path = request.built_in_directory, .package = {}, .custom = false}};
    std::ranges::move(own_sources(request.directories), std::back_inserter(sources));
    return sources;
}

LoadedSources load_and_tell(const RulesRequest& request,
                            std::span<const engine::RuleSource> sources, std::FILE* err) {
    std::vector<engine::Problem> problems;
    LoadedSources loaded;
    loaded.rules = engine::RuleSet::load(sources, problems);
    for (const engine::Problem& problem : problems) {
        print(err, to_text(problem) + '\n');
        loaded.is_sound = loaded.is_sound && problem.severity != engine::Problem::Severity::error;
    }
    if (!request.packages.empty()) {
        loaded.rules.keep_packages(request.packages);
    }
    return loaded;
}

std::string no_such_field(facts::Kind kind, const std::string& name) {
    const facts::KindInfo& info = facts::info(kind);
    std::vector<std::string_view> names;
    for (const facts::FieldInfo& field : info.fields) {
        names.push_back(field.name);
    }
    return std::string(info.name) + " facts have no field `" + for_terminal(name) +
           "`, it is left out" + engine::did_you_mean(name, names);
}

CommandRow rules_row() {
    CommandRow row{.name = "rules",
                   .meaning = "list, show, check, test and explain the rules",
                   .options = kFieldsRows,
                   .subcommands = {}};
    for (std::size_t i = 0; i < kSubcommands.size(); ++i) {
        row.subcommands.push_back({.name = kSubcommands[i].name,
                                   .meaning = kSubcommands[i].meaning,
                                   .options = kSubcommands[i].options,
                                   .operand = kOperands[i]});
    }
    row.options = std::span(kFieldsRows).last(1);  // --help
    return row;
}

int rules_command(std::span<const std::string> arguments,
                  const std::string& built_in_rules_directory, std::FILE* out, std::FILE* err) {
    auto request = parse(arguments);
    if (!request) {
        return rules_usage_error(err, request.error());
    }
    if (request->help) {
        print(out, help(request->subcommand));
        return kExitDone;
    }
    request->built_in_directory = built_in_rules_directory;
    const int code = request->subcommand->run(*request, {.out = out, .err = err});
    if (std::fflush(out) != 0 || std::ferror(out) != 0) {
        return complain(err, "assay rules", "stdout did not take everything that was written",
                        kExitUsage);
    }
    return code;
}

}  // namespace assay::app
