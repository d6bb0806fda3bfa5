// SPDX-License-Identifier: Apache-2.0
#include "app/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <span>

#include "app/packages.h"
#include "app/rules_command_text.h"
#include "deliver/output_spec.h"
#include "engine/nearest_name.h"
#include "engine/yaml_tree.h"

namespace assay::app {
namespace {

using engine::Mark;
using engine::YamlEntry;
using engine::YamlNode;
using NodeType = YamlNode::Type;

constexpr std::size_t kLongestTag = 256;
constexpr std::size_t kMostEntries = 10'000;

constexpr std::array<std::string_view, 11> kKeys{
    "name",       "packages", "rules",    "rule_directories", "parameters",
    "exceptions", "tags",     "duration", "include_loopback", "fail_on",
    "outputs"};
constexpr std::array<std::string_view, 2> kRulesKeys{"enable", "disable"};
constexpr std::array<std::string_view, 4> kExceptionKeys{"rule", "when", "reason", "expires"};
constexpr std::array<std::string_view, 4> kFailOn{"high", "medium", "low", "informational"};

/// YYYY-MM-DD of a day that there is.
bool is_date(std::string_view text) {
    const auto number = [&](std::size_t from, std::size_t length) {
        int value = 0;
        for (const char c : text.substr(from, length)) {
            value = c >= '0' && c <= '9' ? value * 10 + (c - '0') : -10'000;
        }
        return value;
    };
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    const int month = number(5, 2);
    const int day = number(8, 2);
    return number(0, 4) > 0 && month > 0 && day > 0 &&
           std::chrono::year_month_day{std::chrono::year(number(0, 4)),
                                       std::chrono::month(static_cast<unsigned>(month)),
                                       std::chrono::day(static_cast<unsigned>(day))}
               .ok();
}

YamlNode scalar_node(std::string text) {
    YamlNode node;
    node.type = NodeType::scalar;
    node.text = std::move(text);
    return node;
}

YamlNode map_node(std::vector<YamlEntry> entries, Mark mark) {
    YamlNode node;
    node.type = NodeType::map;
    node.mark = mark;
    node.entries = std::move(entries);
    return node;
}

/// What stands below `assay` in a rule is written and read the same way in a template: it is put
/// into a rule of no other content, and read as one.
engine::RuleDocument read_as_rule(std::string key, YamlNode value, engine::Diagnostics& problems) {
    const Mark mark = value.mark;
    std::vector<YamlEntry> below;
    below.push_back({.key = std::move(key), .mark = mark, .value = std::move(value)});
    std::vector<YamlEntry> selection;
    selection.push_back({.key = "Image", .mark = mark, .value = scalar_node("x")});
    std::vector<YamlEntry> detection;
    detection.push_back({.key = "s", .mark = mark, .value = map_node(std::move(selection), mark)});
    detection.push_back({.key = "condition", .mark = mark, .value = scalar_node("s")});
    std::vector<YamlEntry> source;
    source.push_back({.key = "category", .mark = mark, .value = scalar_node("process_creation")});
    std::vector<YamlEntry> rule;
    rule.push_back({.key = "title", .mark = mark, .value = scalar_node("template")});
    rule.push_back({.key = "logsource", .mark = mark, .value = map_node(std::move(source), mark)});
    rule.push_back(
        {.key = "detection", .mark = mark, .value = map_node(std::move(detection), mark)});
    rule.push_back({.key = "assay", .mark = mark, .value = map_node(std::move(below), mark)});
    return engine::read_rule_document(map_node(std::move(rule), mark), problems);
}

class Reader {
public:
    Reader(std::string file, std::string today, std::vector<engine::Problem>& problems)
        : today_(std::move(today)), diagnostics_(file, problems) {
        template_.file = file;
        template_.overrides.file = std::move(file);
    }

    Result<Template> read(std::string_view text);

private:
    void error(Mark mark, std::string message) { diagnostics_.error(mark, std::move(message)); }
    bool expect(const YamlNode& node, NodeType type, std::string_view what);
    void known_keys(const YamlNode& map, std::string_view where,
                    std::span<const std::string_view> names);
    std::string text(const YamlNode& node, std::string_view key);
    /// A list of texts, or one text.
    std::vector<engine::NameUse> names(const YamlNode& node, std::string_view key);

    void read_key(const YamlEntry& entry);
    void read_packages(const YamlNode& node);
    void read_rules(const YamlNode& node);
    void read_parameters(const YamlNode& node);
    void read_exceptions(const YamlNode& node);
    void read_exception(const YamlNode& node);
    void read_tags(const YamlNode& node);
    void read_duration(const YamlNode& node);
    void read_fail_on(const YamlNode& node);
    void read_outputs(const YamlNode& node);

    std::string today_;
    engine::Diagnostics diagnostics_;
    Template template_;
};

bool Reader::expect(const YamlNode& node, NodeType type, std::string_view what) {
    if (node.type == type) {
        return true;
    }
    constexpr std::array<std::string_view, 4> kFound{"nothing", "a single value", "a list",
                                                     "a map"};
    error(node.mark,
          fmt::format("expected {}, found {}", what, kFound[static_cast<std::size_t>(node.type)]));
    return false;
}

void Reader::known_keys(const YamlNode& map, std::string_view where,
                        std::span<const std::string_view> names) {
    for (const YamlEntry& entry : map.entries) {
        if (std::ranges::find(names, entry.key) != names.end()) {
            continue;
        }
        const std::string hint = engine::did_you_mean(entry.key, names);
        error(entry.mark,
              fmt::format(
                  "unknown key `{}` in {}{}", entry.key, where,
                  hint.empty() ? fmt::format(": expected {}", fmt::join(names, ", ")) : hint));
    }
}

std::string Reader::text(const YamlNode& node, std::string_view key) {
    if (!expect(node, NodeType::scalar, fmt::format("a text for `{}`", key))) {
        return {};
    }
    if (node.text.empty()) {
        error(node.mark, fmt::format("expected a text for `{}`, found an empty one", key));
    }
    return node.text;
}

std::vector<engine::NameUse> Reader::names(const YamlNode& node, std::string_view key) {
    std::vector<engine::NameUse> all;
    const auto add = [&](const YamlNode& one) {
        std::string name = text(one, key);
        if (std::ranges::find(all, name, &engine::NameUse::name) != all.end()) {
            error(one.mark, fmt::format("`{}` is named twice in `{}`", name, key));
        }
        all.push_back({.name = std::move(name), .mark = one.mark});
    };
    if (node.type == NodeType::scalar) {
        add(node);
    } else if (expect(node, NodeType::sequence, fmt::format("a list for `{}`", key))) {
        for (const YamlNode& item : node.items) {
            add(item);
        }
    }
    return all;
}

Result<Template> Reader::read(std::string_view text) {
    const auto trees = engine::parse_yaml(text);
    if (!trees) {
        error(trees.error().mark, trees.error().message);
    } else if (trees->empty()) {
        error({.line = 1, .column = 1}, "expected a template, found an empty file");
    } else if (trees->size() > 1) {
        error((*trees)[1].mark, "expected one document, found another");
    } else if (expect(trees->front(), NodeType::map, "a map")) {
        known_keys(trees->front(), "the template", kKeys);
        for (const YamlEntry& entry : trees->front().entries) {
            read_key(entry);
        }
    }
    if (diagnostics_.failed()) {
        return fail("the template " + template_.file + " has mistakes, so nothing of it is used");
    }
    return std::move(template_);
}

void Reader::read_key(const YamlEntry& entry) {
    const YamlNode& value = entry.value;
    if (entry.key == "name") {
        template_.name = text(value, "name");
    } else if (entry.key == "packages") {
        read_packages(value);
    } else if (entry.key == "rules") {
        read_rules(value);
    } else if (entry.key == "rule_directories") {
        for (engine::NameUse& directory : names(value, "rule_directories")) {
            template_.rule_directories.push_back(std::move(directory.name));
        }
    } else if (entry.key == "parameters") {
        read_parameters(value);
    } else if (entry.key == "exceptions") {
        read_exceptions(value);
    } else if (entry.key == "tags") {
        read_tags(value);
    } else if (entry.key == "duration") {
        read_duration(value);
    } else if (entry.key == "include_loopback") {
        const std::string said = text(value, "include_loopback");
        if (said != "true" && said != "false") {
            error(value.mark, "expected true or false for `include_loopback`");
        }
        template_.include_loopback = said == "true";
    } else if (entry.key == "fail_on") {
        read_fail_on(value);
    } else if (entry.key == "outputs") {
        read_outputs(value);
    }
}

void Reader::read_packages(const YamlNode& node) {
    std::array<std::string_view, kPackages.size()> known;
    std::ranges::transform(kPackages, known.begin(), &PackageInfo::name);
    auto& packages = template_.packages.emplace();
    for (engine::NameUse& package : names(node, "packages")) {
        if (std::ranges::find(known, package.name) == known.end()) {
            const std::string hint = engine::did_you_mean(package.name, known);
            error(package.mark,
                  fmt::format(
                      "unknown package `{}`{}", package.name,
                      hint.empty() ? fmt::format(": expected {}", fmt::join(known, ", ")) : hint));
        }
        packages.push_back(std::move(package.name));
    }
    if (packages.empty()) {
        error(node.mark, "expected at least one package");
    }
}

void Reader::read_rules(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map with `enable` or `disable` for `rules`")) {
        return;
    }
    known_keys(node, "`rules`", kRulesKeys);
    if (const YamlEntry* entry = node.find("enable")) {
        template_.enabled = names(entry->value, "enable");
    }
    if (const YamlEntry* entry = node.find("disable")) {
        template_.overrides.disabled = names(entry->value, "disable");
    }
    for (const engine::NameUse& rule : template_.overrides.disabled) {
        if (std::ranges::find(template_.enabled, rule.name, &engine::NameUse::name) !=
            template_.enabled.end()) {
            error(rule.mark, fmt::format("`{}` is enabled and disabled", rule.name));
        }
    }
}

void Reader::read_parameters(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map of rules for `parameters`")) {
        return;
    }
    for (const YamlEntry& rule : node.entries) {
        if (!expect(rule.value, NodeType::map,
                    fmt::format("a map of parameters for `{}`", rule.key))) {
            continue;
        }
        engine::Diagnostics part = diagnostics_.of_part();
        engine::RuleDocument read = read_as_rule("parameters", rule.value, part);
        diagnostics_.take_failure(part);
        for (const YamlEntry& parameter : rule.value.entries) {
            template_.overrides.parameters.push_back(
                {.rule = {.name = rule.key, .mark = rule.mark},
                 .parameter = {.name = parameter.key, .mark = parameter.mark},
                 .values = std::move(read.parameters[parameter.key])});
        }
    }
}

void Reader::read_exceptions(const YamlNode& node) {
    if (!expect(node, NodeType::sequence, "a list for `exceptions`")) {
        return;
    }
    if (node.items.size() > kMostEntries) {
        error(node.mark, fmt::format("expected at most {} exceptions", kMostEntries));
        return;
    }
    for (const YamlNode& item : node.items) {
        read_exception(item);
    }
}

void Reader::read_exception(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map with `rule`, `when` and `reason`")) {
        return;
    }
    known_keys(node, "this exception", kExceptionKeys);
    engine::RuleOverrides::Exception exception;
    exception.mark = node.mark;
    const YamlEntry* rule = node.find("rule");
    if (rule == nullptr) {
        error(node.mark, "expected the key `rule` in this exception");
    } else {
        exception.rules = names(rule->value, "rule");
        if (exception.rules.empty()) {
            error(rule->value.mark, "expected at least one rule");
        }
    }
    YamlNode clause;
    clause.type = NodeType::map;
    clause.mark = node.mark;
    for (const std::string_view key : {"when", "reason"}) {
        if (const YamlEntry* entry = node.find(key)) {
            clause.entries.push_back(*entry);
        }
    }
    if (const YamlEntry* reason = node.find("reason")) {
        (void)text(reason->value, "reason");
    }
    YamlNode list;
    list.type = NodeType::sequence;
    list.mark = node.mark;
    list.items.push_back(std::move(clause));
    engine::Diagnostics part = diagnostics_.of_part();
    engine::RuleDocument read = read_as_rule("exceptions", std::move(list), part);
    diagnostics_.take_failure(part);
    if (const auto& reason = part.unsupported_reason()) {
        error(node.mark, "this exception is not understood: " + *reason);
    }
    if (const YamlEntry* expires = node.find("expires")) {
        const std::string day = text(expires->value, "expires");
        if (!is_date(day)) {
            error(expires->value.mark,
                  fmt::format("expected a day such as 2027-01-31 for `expires`, found `{}`", day));
        } else if (day < today_) {
            diagnostics_.warning(
                expires->value.mark,
                fmt::format("this exception has expired on {} and is not applied", day));
            return;
        }
    }
    if (!read.exceptions.empty()) {
        exception.clause = std::move(read.exceptions.front());
        template_.overrides.exceptions.push_back(std::move(exception));
    }
}

void Reader::read_tags(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map for `tags`")) {
        return;
    }
    for (const YamlEntry& tag : node.entries) {
        if (tag.key.empty() || tag.key.contains('=')) {
            error(tag.mark, "expected a name without `=` for a tag");
        } else if (expect(tag.value, NodeType::scalar, fmt::format("a text for `{}`", tag.key))) {
            if (tag.key.size() + 1 + tag.value.text.size() > kLongestTag) {
                error(tag.mark,
                      fmt::format("the tag `{}` is longer than {} bytes", tag.key, kLongestTag));
            }
            template_.tags.emplace_back(tag.key, tag.value.text);
        }
    }
}

void Reader::read_duration(const YamlNode& node) {
    const std::string said = text(node, "duration");
    const auto length = parse_duration(said);
    if (!length) {
        error(node.mark, "`duration`: " + length.error().message);
    } else {
        template_.duration = *length;
    }
}

void Reader::read_fail_on(const YamlNode& node) {
    using engine::Level;
    constexpr std::array kLevels{Level::high, Level::medium, Level::low, Level::informational};
    const std::string said = text(node, "fail_on");
    const auto* found = std::ranges::find(kFailOn, said);
    if (found == kFailOn.end()) {
        error(node.mark,
              fmt::format("expected {} for `fail_on`, found `{}`{}", fmt::join(kFailOn, ", "), said,
                          engine::did_you_mean(said, kFailOn)));
        return;
    }
    template_.fail_on = kLevels[static_cast<std::size_t>(found - kFailOn.begin())];
}

void Reader::read_outputs(const YamlNode& node) {
    for (engine::NameUse& url : names(node, "outputs")) {
        if (const auto output = deliver::OutputSpec::parse(url.name); !output) {
            error(url.mark, output.error().message);
        }
        template_.outputs.push_back(std::move(url.name));
    }
}

}  // namespace

Result<Template> parse_template(std::string_view text, const std::string& file,
                                const std::string& today, std::vector<engine::Problem>& problems) {
    return Reader(file, today, problems).read(text);
}

Result<Template> read_template(const std::string& path, const std::string& today,
                               std::vector<engine::Problem>& problems) {
    const auto text = read_input(path, engine::kLargestRuleFile);
    if (!text) {
        problems.push_back({.file = path, .message = text.error().message});
        return std::unexpected(text.error());
    }
    auto read = parse_template(*text, path, today, problems);
    if (read) {
        const std::filesystem::path beside = std::filesystem::path(path).parent_path();
        for (std::string& directory : read->rule_directories) {
            directory = (beside / directory).string();
        }
    }
    return read;
}

std::string today_utc() {
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    const std::chrono::year_month_day day{today};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                       static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

void apply(const Template& chosen, const std::function<bool(std::string_view option)>& given,
           RunOptions& run) {
    if (chosen.packages && !given("package")) {
        if (auto packages = choose_packages(*chosen.packages)) {
            run.packages = *std::move(packages);
        }
    }
    run.rule_directories.insert(run.rule_directories.end(), chosen.rule_directories.begin(),
                                chosen.rule_directories.end());
    if (chosen.duration && !given("duration")) {
        run.duration = *chosen.duration;
    }
    if (chosen.include_loopback && !given("include-loopback")) {
        run.include_loopback = *chosen.include_loopback;
    }
    if (chosen.fail_on && !given("fail-on")) {
        run.fail_on = chosen.fail_on;
    }
    for (const auto& [key, value] : chosen.tags) {
        if (std::ranges::find(run.tags, key, &std::pair<std::string, std::string>::first) ==
            run.tags.end()) {
            run.tags.emplace_back(key, value);
        }
    }
    if (!chosen.outputs.empty() && !given("output")) {
        run.outputs = chosen.outputs;
    }
}

}  // namespace assay::app
