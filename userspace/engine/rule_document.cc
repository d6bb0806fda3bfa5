// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_document.h"

#include <algorithm>
#include <array>
#include <span>

#include "engine/field_test.h"
#include "engine/nearest_name.h"

namespace assay::engine {
namespace {

using NodeType = YamlNode::Type;

constexpr std::size_t kMostSelections = 256;
constexpr std::size_t kMostActionNodes = 50'000;

constexpr std::array<std::string_view, 25> kTopLevelKeys{
    "title",     "id",          "related",        "name",        "taxonomy", "status", "license",
    "author",    "references",  "date",           "description", "modified", "level",  "fields",
    "detection", "logsource",   "falsepositives", "tags",        "scope",    "filter", "assay",
    "action",    "correlation", "enrichment",     "generate"};
constexpr std::array<std::string_view, 7> kCorrelationKeys{
    "type", "rules", "aliases", "group-by", "timespan", "condition", "generate"};
constexpr std::array<std::string_view, 7> kCorrelationTypes{
    "event_count", "value_count", "temporal",        "temporal_ordered",
    "value_sum",   "value_avg",   "value_percentile"};
constexpr std::array<std::string_view, 6> kBounds{"gt", "gte", "lt", "lte", "eq", "neq"};
constexpr std::array<std::string_view, 3> kActions{"global", "reset", "repeat"};
constexpr std::array<std::string_view, 11> kAssayKeys{
    "package",    "subject",    "judge",        "remediation", "references", "applies_when",
    "level_when", "exceptions", "unknown_when", "parameters",  "tests"};
constexpr std::array<std::string_view, 7> kTestKeys{"fact", "facts",  "at",      "parameters",
                                                    "lost", "expect", "severity"};
constexpr std::array<std::string_view, 5> kPackages{"runtime-behavior", "best-practices", "cve",
                                                    "cis", "custom"};
constexpr std::array<std::string_view, 5> kLevels{"informational", "low", "medium", "high",
                                                  "critical"};
constexpr std::array<std::string_view, 5> kStatuses{"stable", "test", "experimental", "deprecated",
                                                    "unsupported"};
constexpr std::array<std::string_view, 2> kJudgements{"on-fact", "at-window-close"};
constexpr std::array<std::string_view, 4> kExpectations{"pass", "finding", "not-applicable",
                                                        "unknown"};
constexpr std::array<std::string_view, 2> kTestTimes{"fact", "close"};
constexpr std::array<std::string_view, 2> kFlags{"false", "true"};
constexpr std::size_t kMostNames = 64;
constexpr std::uint64_t kLargestBound = std::uint64_t{1} << 53U;

constexpr std::array<std::pair<std::string_view, Modifier>, 34> kModifiers{{
    {"contains", Modifier::contains},
    {"startswith", Modifier::startswith},
    {"endswith", Modifier::endswith},
    {"all", Modifier::all},
    {"re", Modifier::re},
    {"i", Modifier::ignore_case},
    {"ignorecase", Modifier::ignore_case},
    {"m", Modifier::multi_line},
    {"multiline", Modifier::multi_line},
    {"s", Modifier::single_line},
    {"dotall", Modifier::single_line},
    {"cidr", Modifier::cidr},
    {"exists", Modifier::exists},
    {"cased", Modifier::cased},
    {"gt", Modifier::gt},
    {"gte", Modifier::gte},
    {"lt", Modifier::lt},
    {"lte", Modifier::lte},
    {"neq", Modifier::neq},
    {"windash", Modifier::windash},
    {"base64", Modifier::base64},
    {"base64offset", Modifier::base64offset},
    {"utf16", Modifier::utf16},
    {"utf16le", Modifier::utf16le},
    {"wide", Modifier::utf16le},
    {"utf16be", Modifier::utf16be},
    {"expand", Modifier::expand},
    {"fieldref", Modifier::fieldref},
    {"minute", Modifier::minute},
    {"hour", Modifier::hour},
    {"day", Modifier::day},
    {"week", Modifier::week},
    {"month", Modifier::month},
    {"year", Modifier::year},
}};

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string one_of(std::span<const std::string_view> names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += i == 0 ? "" : i + 1 == names.size() ? " or " : ", ";
        text += quoted(names[i]);
    }
    return text;
}

Scalar::Type type_of(const YamlNode& node) {
    if (node.type == NodeType::null) {
        return Scalar::Type::null;
    }
    if (node.plain) {
        if (node.text == "true" || node.text == "True" || node.text == "TRUE" ||
            node.text == "false" || node.text == "False" || node.text == "FALSE") {
            return Scalar::Type::boolean;
        }
        if (Integer::parse(node.text)) {
            return Scalar::Type::number;
        }
    }
    return Scalar::Type::text;
}

class Reader {
public:
    explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    RuleDocument read(const YamlNode& root);

private:
    void error(Mark mark, std::string message) { diagnostics_.error(mark, std::move(message)); }

    bool expect(const YamlNode& node, NodeType type, std::string_view what);
    std::string text(const YamlNode& node, std::string_view key);
    std::string optional_text(const YamlNode& map, std::string_view key);
    std::vector<std::string> texts(const YamlNode& node, std::string_view key, bool or_one);
    /// Index of the node's text in names; an error and nullopt when it is none of them.
    std::optional<std::size_t> choice(const YamlNode& node, std::string_view key,
                                      std::span<const std::string_view> names);
    std::optional<Level> level(const YamlNode& node, std::string_view key);
    void known_keys(const YamlNode& map, std::string_view where,
                    std::span<const std::string_view> names);

    void read_top(const YamlNode& root);
    void read_about(const YamlNode& root);
    void read_correlation(const YamlNode& node);
    void read_correlation_condition(const YamlNode& node);
    void read_filter(const YamlNode& node);
    std::vector<NameUse> names(const YamlNode& node, std::string_view key);
    void read_log_source(const YamlNode& node);
    void read_detection(const YamlNode& node, Mark mark);
    void read_conditions(const YamlNode& node);
    void read_assay(const YamlNode& node);
    void read_tests(const YamlNode& node);
    RuleTest read_test(const YamlNode& node);
    void read_test_facts(const YamlNode& node, RuleTest& test);
    std::vector<TestField> read_test_fact(const YamlNode& node);

    Selection selection(std::string name, Mark mark, const YamlNode& node);
    FieldGroup group(const YamlNode& map);
    std::optional<FieldItem> item(const YamlEntry& entry);
    std::optional<Scalar> scalar(const YamlNode& node);
    std::vector<Scalar> scalars(const YamlNode& node, std::string_view what);
    Clause clause(const YamlNode& node, std::string_view key, std::string_view also);
    std::vector<Clause> clauses(const YamlNode& node, std::string_view key, std::string_view also);
    Parameters parameters(const YamlNode& node);

    Diagnostics& diagnostics_;
    RuleDocument document_;
};

bool Reader::expect(const YamlNode& node, NodeType type, std::string_view what) {
    if (node.type == type) {
        return true;
    }
    constexpr std::array<std::string_view, 4> kFound{"nothing", "a single value", "a list",
                                                     "a map"};
    error(node.mark, "expected " + std::string(what) + ", found " +
                         std::string(kFound[static_cast<std::size_t>(node.type)]));
    return false;
}

std::string Reader::text(const YamlNode& node, std::string_view key) {
    return expect(node, NodeType::scalar, "a text for " + quoted(key)) ? node.text : std::string{};
}

std::string Reader::optional_text(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? std::string{} : text(entry->value, key);
}

std::vector<std::string> Reader::texts(const YamlNode& node, std::string_view key, bool or_one) {
    if (or_one && node.type == NodeType::scalar) {
        return {node.text};
    }
    std::vector<std::string> all;
    if (expect(node, NodeType::sequence, "a list for " + quoted(key))) {
        for (const YamlNode& item : node.items) {
            if (expect(item, NodeType::scalar, "a text in the list " + quoted(key))) {
                all.push_back(item.text);
            }
        }
    }
    return all;
}

std::optional<std::size_t> Reader::choice(const YamlNode& node, std::string_view key,
                                          std::span<const std::string_view> names) {
    if (node.type == NodeType::scalar) {
        if (const auto found = std::ranges::find(names, node.text); found != names.end()) {
            return static_cast<std::size_t>(found - names.begin());
        }
        error(node.mark,
              "expected " + one_of(names) + " for " + quoted(key) + ", found " + quoted(node.text));
    } else {
        expect(node, NodeType::scalar, one_of(names) + " for " + quoted(key));
    }
    return std::nullopt;
}

std::optional<Level> Reader::level(const YamlNode& node, std::string_view key) {
    const auto index = choice(node, key, kLevels);
    return index ? std::optional(static_cast<Level>(*index)) : std::nullopt;
}

void Reader::known_keys(const YamlNode& map, std::string_view where,
                        std::span<const std::string_view> names) {
    for (const YamlEntry& entry : map.entries) {
        if (std::ranges::find(names, entry.key) == names.end()) {
            const std::string hint = did_you_mean(entry.key, names);
            error(entry.mark, "unknown key " + quoted(entry.key) + " in " + std::string(where) +
                                  (hint.empty() ? ": expected " + one_of(names) : hint));
        }
    }
}

RuleDocument Reader::read(const YamlNode& root) {
    document_.mark = root.mark;
    if (expect(root, NodeType::map, "a rule: a map with `title`, `logsource` and `detection`")) {
        read_top(root);
    }
    return std::move(document_);
}

void Reader::read_top(const YamlNode& root) {
    RuleInfo& info = document_.info;
    info.title = optional_text(root, "title");
    info.id = optional_text(root, "id");
    info.description = optional_text(root, "description");
    document_.name = optional_text(root, "name");
    const YamlEntry* title = root.find("title");
    const YamlEntry* log_source = root.find("logsource");
    const YamlEntry* detection = root.find("detection");
    const YamlEntry* correlation = root.find("correlation");
    const YamlEntry* filter = root.find("filter");
    const bool is_rule = correlation == nullptr && filter == nullptr;
    for (const YamlEntry& entry : root.entries) {
        if (std::ranges::find(kTopLevelKeys, entry.key) == kTopLevelKeys.end()) {
            const std::string hint = did_you_mean(entry.key, kTopLevelKeys);
            if (!hint.empty()) {
                diagnostics_.warning(entry.mark, "unknown key " + quoted(entry.key) + hint);
            }
        }
    }
    if (title == nullptr && document_.name.empty()) {
        error(root.mark, "expected the key `title` in the rule");
    }
    if (log_source == nullptr && correlation == nullptr) {
        error(root.mark, "expected the key `logsource` in the rule");
    }
    if (detection == nullptr && is_rule) {
        error(root.mark, "expected the key `detection` in the rule");
    }
    if (detection != nullptr && !is_rule) {
        error(detection->mark, "expected only one of `detection`, `correlation`, `filter`");
    }
    if (title != nullptr && title->value.type == NodeType::scalar && info.title.empty()) {
        error(title->value.mark, "expected a text for `title`, found an empty one");
    }
    read_about(root);
    if (log_source != nullptr) {
        read_log_source(log_source->value);
    }
    if (correlation != nullptr) {
        read_correlation(correlation->value);
        if (const YamlEntry* entry = root.find("generate")) {
            document_.correlation->generate = choice(entry->value, "generate", kFlags) == 1U;
        }
    } else if (filter != nullptr) {
        read_filter(filter->value);
    } else if (detection != nullptr) {
        read_detection(detection->value, detection->mark);
    }
    if (const YamlEntry* entry = root.find("assay")) {
        read_assay(entry->value);
    }
}

/// What tells people about the rule, apart from its names.
void Reader::read_about(const YamlNode& root) {
    RuleInfo& info = document_.info;
    if (const YamlEntry* entry = root.find("status")) {
        info.status = text(entry->value, "status");
        if (info.status == "unsupported") {
            diagnostics_.unsupported(entry->mark, "its status is `unsupported`");
        } else if (std::ranges::find(kStatuses, info.status) == kStatuses.end()) {
            diagnostics_.warning(
                entry->value.mark,
                "expected " + one_of(kStatuses) + " for `status`, found " + quoted(info.status));
        }
    }
    if (const YamlEntry* entry = root.find("level")) {
        info.level = level(entry->value, "level").value_or(Level::medium);
    }
    if (const YamlEntry* entry = root.find("tags")) {
        info.tags = texts(entry->value, "tags", false);
    }
    if (const YamlEntry* entry = root.find("references")) {
        info.references = texts(entry->value, "references", true);
    }
    if (const YamlEntry* entry = root.find("falsepositives")) {
        info.false_positives = texts(entry->value, "falsepositives", true);
    }
    if (const YamlEntry* entry = root.find("taxonomy");
        entry != nullptr && text(entry->value, "taxonomy") != "sigma") {
        diagnostics_.unsupported(entry->mark,
                                 "taxonomy " + quoted(entry->value.text) + " is not Sigma's own");
    }
}

std::vector<NameUse> Reader::names(const YamlNode& node, std::string_view key) {
    std::vector<NameUse> all;
    const auto add = [&](const YamlNode& item) {
        if (expect(item, NodeType::scalar, "a name for " + quoted(key))) {
            if (item.text.empty()) {
                error(item.mark, "expected a name for " + quoted(key) + ", found an empty text");
            }
            all.push_back({.name = item.text, .mark = item.mark});
        }
    };
    if (node.type == NodeType::scalar) {
        add(node);
    } else if (expect(node, NodeType::sequence, "a list for " + quoted(key))) {
        for (const YamlNode& item : node.items) {
            add(item);
        }
        if (node.items.empty()) {
            error(node.mark, "expected at least one name for " + quoted(key));
        }
    }
    if (all.size() > kMostNames) {
        error(node.mark, "expected at most " + std::to_string(kMostNames) + " names for " +
                             quoted(key) + ", found " + std::to_string(all.size()));
    }
    return all;
}

void Reader::read_correlation(const YamlNode& node) {
    CorrelationSource& correlation = document_.correlation.emplace();
    correlation.mark = node.mark;
    if (!expect(node, NodeType::map, "a map under `correlation`")) {
        return;
    }
    known_keys(node, "`correlation`", kCorrelationKeys);
    for (const char* key : {"type", "rules", "timespan"}) {
        if (node.find(key) == nullptr) {
            error(node.mark, "expected the key " + quoted(key) + " under `correlation`");
        }
    }
    if (const YamlEntry* entry = node.find("type")) {
        if (const auto index = choice(entry->value, "type", kCorrelationTypes)) {
            if (kCorrelationTypes[*index] == "value_percentile") {
                diagnostics_.unsupported(entry->value.mark,
                                         "`value_percentile`: the specification does not say of "
                                         "which values the percentage is taken");
                return;
            }
            correlation.type = static_cast<CorrelationSource::Type>(*index);
        }
    }
    if (const YamlEntry* entry = node.find("rules")) {
        correlation.rules = names(entry->value, "rules");
    }
    if (const YamlEntry* entry = node.find("group-by")) {
        correlation.group_by = names(entry->value, "group-by");
    }
    if (const YamlEntry* entry = node.find("generate")) {
        correlation.generate = choice(entry->value, "generate", kFlags) == 1U;
    }
    if (const YamlEntry* entry = node.find("timespan")) {
        const auto span = parse_timespan(text(entry->value, "timespan"));
        if (!span && entry->value.type == NodeType::scalar) {
            error(entry->value.mark,
                  "expected a time such as 30s, 10m, 1h or 2d for `timespan`, "
                  "found " +
                      quoted(entry->value.text));
        }
        correlation.timespan_ns = span.value_or(0);
    }
    if (const YamlEntry* entry = node.find("aliases");
        entry != nullptr && expect(entry->value, NodeType::map, "a map for `aliases`")) {
        for (const YamlEntry& alias : entry->value.entries) {
            CorrelationSource::Alias& read =
                correlation.aliases.emplace_back(CorrelationSource::Alias{alias.key, {}});
            if (expect(alias.value, NodeType::map, "a map of rules and their fields")) {
                for (const YamlEntry& field : alias.value.entries) {
                    read.fields.emplace_back(
                        NameUse{field.key, field.mark},
                        NameUse{text(field.value, field.key), field.value.mark});
                }
            }
        }
    }
    using Type = CorrelationSource::Type;
    const bool is_temporal =
        correlation.type == Type::temporal || correlation.type == Type::temporal_ordered;
    if (const YamlEntry* entry = node.find("condition")) {
        read_correlation_condition(entry->value);
    } else if (!is_temporal) {
        error(node.mark, "expected the key `condition` under `correlation`");
    }
    const bool counts_values = correlation.type != Type::event_count && !is_temporal;
    if (counts_values && correlation.counted.empty() && !diagnostics_.failed()) {
        error(node.mark, "expected the key `field` in the condition of this correlation");
    }
}

void Reader::read_correlation_condition(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map such as `gte: 10` for `condition`")) {
        return;
    }
    for (const YamlEntry& entry : node.entries) {
        if (entry.key == "field") {
            document_.correlation->counted = names(entry.value, "field");
            continue;
        }
        const auto known = std::ranges::find(kBounds, entry.key);
        if (known == kBounds.end()) {
            error(entry.mark, "unknown key " + quoted(entry.key) + " in `condition`: expected " +
                                  one_of(kBounds) + ", or `field`");
            continue;
        }
        const auto number = Integer::parse(text(entry.value, entry.key));
        if (!number || number->negative || number->magnitude > kLargestBound) {
            error(entry.value.mark, "expected a whole number of at most " +
                                        std::to_string(kLargestBound) + " for " +
                                        quoted(entry.key));
            continue;
        }
        document_.correlation->bounds.push_back(
            {.op = static_cast<CorrelationSource::Bound::Op>(known - kBounds.begin()),
             .value = static_cast<std::int64_t>(number->magnitude)});
    }
    if (document_.correlation->bounds.empty() && !diagnostics_.failed()) {
        error(node.mark, "expected one of " + one_of(kBounds) + " in `condition`");
    }
}

void Reader::read_filter(const YamlNode& node) {
    FilterSource& filter = document_.filter.emplace();
    filter.mark = node.mark;
    if (!expect(node, NodeType::map, "a map under `filter`")) {
        return;
    }
    for (const char* key : {"rules", "condition"}) {
        if (node.find(key) == nullptr) {
            error(node.mark, "expected the key " + quoted(key) + " under `filter`");
        }
    }
    for (const YamlEntry& entry : node.entries) {
        if (entry.key == "rules") {
            filter.any_rule = entry.value.type == NodeType::scalar && entry.value.text == "any";
            if (!filter.any_rule) {
                filter.rules = names(entry.value, "rules");
            }
        } else if (entry.key == "condition") {
            if (expect(entry.value, NodeType::scalar, "a condition as text")) {
                filter.condition = entry.value;
            }
        } else if (filter.selections.size() == kMostSelections) {
            error(entry.mark,
                  "expected at most " + std::to_string(kMostSelections) + " selections");
            return;
        } else {
            filter.selections.push_back(selection(entry.key, entry.mark, entry.value));
        }
    }
    if (filter.selections.empty()) {
        error(node.mark, "expected a selection under `filter`");
    }
}

void Reader::read_log_source(const YamlNode& node) {
    document_.log_source.mark = node.mark;
    if (!expect(node, NodeType::map, "a map under `logsource`")) {
        return;
    }
    document_.log_source.category = optional_text(node, "category");
    document_.log_source.product = optional_text(node, "product");
    document_.log_source.service = optional_text(node, "service");
    if (const YamlEntry* entry = node.find("category")) {
        document_.log_source.mark = entry->value.mark;
    }
}

void Reader::read_detection(const YamlNode& node, Mark mark) {
    if (!expect(node, NodeType::map, "a map under `detection`")) {
        return;
    }
    for (const YamlEntry& entry : node.entries) {
        if (entry.key == "condition") {
            read_conditions(entry.value);
        } else if (entry.key == "timeframe") {
            diagnostics_.unsupported(entry.mark, "`timeframe` is not supported");
        } else if (document_.selections.size() == kMostSelections) {
            error(entry.mark,
                  "expected at most " + std::to_string(kMostSelections) + " selections");
            return;
        } else {
            document_.selections.push_back(selection(entry.key, entry.mark, entry.value));
        }
    }
    if (node.find("condition") == nullptr) {
        error(mark, "expected the key `condition` under `detection`");
    } else if (document_.selections.empty()) {
        error(mark, "expected at least one selection under `detection`");
    }
}

void Reader::read_conditions(const YamlNode& node) {
    if (node.type == NodeType::sequence) {
        for (const YamlNode& item : node.items) {
            if (expect(item, NodeType::scalar, "a condition as text")) {
                document_.conditions.push_back(item);
            }
        }
        if (node.items.empty()) {
            error(node.mark, "expected at least one condition");
        }
    } else if (expect(node, NodeType::scalar, "a condition as text")) {
        document_.conditions.push_back(node);
    }
}

Selection Reader::selection(std::string name, Mark mark, const YamlNode& node) {
    Selection selection{.name = std::move(name), .mark = mark, .groups = {}};
    const auto add_keyword = [&](const YamlNode& value) {
        if (auto keyword = scalar(value)) {
            FieldItem item;
            item.mark = value.mark;
            item.values.push_back(std::move(*keyword));
            selection.groups.push_back({std::move(item)});
        }
    };
    switch (node.type) {
        case NodeType::map:
            selection.groups.push_back(group(node));
            break;
        case NodeType::sequence:
            for (const YamlNode& part : node.items) {
                if (part.type == NodeType::map) {
                    selection.groups.push_back(group(part));
                } else {
                    add_keyword(part);
                }
            }
            break;
        case NodeType::scalar:
            add_keyword(node);
            break;
        case NodeType::null:
            break;
    }
    if (selection.groups.empty() ||
        std::ranges::any_of(selection.groups, [](const FieldGroup& g) { return g.empty(); })) {
        if (!diagnostics_.failed() && !diagnostics_.unsupported_reason()) {
            error(node.mark,
                  "expected fields and values for " + quoted(selection.name) + ", found nothing");
        }
    }
    return selection;
}

FieldGroup Reader::group(const YamlNode& map) {
    FieldGroup group;
    for (const YamlEntry& entry : map.entries) {
        if (auto read = item(entry)) {
            group.push_back(std::move(*read));
        }
    }
    return group;
}

std::optional<FieldItem> Reader::item(const YamlEntry& entry) {
    FieldItem item;
    item.mark = entry.mark;
    std::string_view rest = entry.key;
    const std::size_t field_end = rest.find('|');
    item.field = rest.substr(0, field_end);
    std::size_t offset = field_end;
    while (offset != std::string_view::npos) {
        const std::size_t start = offset + 1;
        offset = rest.find('|', start);
        const std::string_view name = rest.substr(start, offset - start);
        const auto found =
            std::ranges::find(kModifiers, name, &std::pair<std::string_view, Modifier>::first);
        if (found == kModifiers.end()) {
            std::vector<std::string_view> names;
            for (const auto& [known, modifier] : kModifiers) {
                names.push_back(known);
            }
            diagnostics_.unsupported(
                entry.mark, "unknown modifier " + quoted(name) + did_you_mean(name, names));
            return std::nullopt;
        }
        item.modifiers.push_back(found->second);
    }
    const std::string what = item.field.empty() ? "keyword" : quoted(item.field);
    item.values = scalars(entry.value, "a value for " + what);
    return item.values.empty() ? std::nullopt : std::optional(std::move(item));
}

std::optional<Scalar> Reader::scalar(const YamlNode& node) {
    if (node.type != NodeType::scalar && node.type != NodeType::null) {
        expect(node, NodeType::scalar, "a single value");
        return std::nullopt;
    }
    return Scalar{.type = type_of(node), .text = node.text, .mark = node.mark};
}

std::vector<Scalar> Reader::scalars(const YamlNode& node, std::string_view what) {
    std::vector<Scalar> values;
    if (node.type == NodeType::map) {
        error(node.mark, "expected " + std::string(what) + " or a list of them, found a map");
    } else if (node.type == NodeType::sequence) {
        for (const YamlNode& item : node.items) {
            if (auto value = scalar(item)) {
                values.push_back(std::move(*value));
            }
        }
        if (node.items.empty()) {
            error(node.mark, "expected " + std::string(what) + ", found an empty list");
        }
    } else if (auto value = scalar(node)) {
        values.push_back(std::move(*value));
    }
    return values;
}

void Reader::read_assay(const YamlNode& node) {
    if (!expect(node, NodeType::map, "a map under `assay`")) {
        return;
    }
    known_keys(node, "`assay`", kAssayKeys);
    constexpr std::array<std::string_view, 4> kOfCorrelations{"package", "remediation",
                                                              "references", "tests"};
    for (const YamlEntry& entry : node.entries) {
        const YamlNode& value = entry.value;
        if (document_.correlation &&
            std::ranges::find(kOfCorrelations, entry.key) == kOfCorrelations.end()) {
            error(entry.mark, quoted(entry.key) +
                                  " says nothing of a correlation: its rules have their own, and "
                                  "`group-by` is its subject");
            continue;
        }
        if (entry.key == "package") {
            if (const auto index = choice(value, "package", kPackages)) {
                document_.info.package = kPackages[*index];
            }
        } else if (entry.key == "subject") {
            if (expect(value, NodeType::sequence, "a list of fields for `subject`")) {
                for (const YamlNode& field : value.items) {
                    if (expect(field, NodeType::scalar, "a field's name")) {
                        document_.subject.emplace_back(field.text, field.mark);
                    }
                }
                if (value.items.empty()) {
                    error(value.mark, "expected at least one field for `subject`");
                }
            }
        } else if (entry.key == "judge") {
            document_.at_window_close = choice(value, "judge", kJudgements) == 1U;
        } else if (entry.key == "remediation") {
            document_.info.remediation = text(value, "remediation");
        } else if (entry.key == "references") {
            for (std::string& reference : texts(value, "references", true)) {
                document_.info.references.push_back(std::move(reference));
            }
        } else if (entry.key == "applies_when") {
            document_.applies_when =
                Clause{.when = selection("applies_when", entry.mark, value), .reason = {}};
        } else if (entry.key == "level_when") {
            document_.level_when = clauses(value, "level_when", "level");
        } else if (entry.key == "exceptions") {
            document_.exceptions = clauses(value, "exceptions", "reason");
        } else if (entry.key == "unknown_when") {
            document_.unknown_when = clauses(value, "unknown_when", "reason");
        } else if (entry.key == "parameters") {
            document_.parameters = parameters(value);
        } else if (entry.key == "tests") {
            read_tests(value);
        }
    }
}

std::vector<Clause> Reader::clauses(const YamlNode& node, std::string_view key,
                                    std::string_view also) {
    std::vector<Clause> all;
    if (expect(node, NodeType::sequence, "a list for " + quoted(key))) {
        for (const YamlNode& entry : node.items) {
            all.push_back(clause(entry, key, also));
        }
    }
    return all;
}

Clause Reader::clause(const YamlNode& node, std::string_view key, std::string_view also) {
    Clause clause;
    const std::array<std::string_view, 2> keys{"when", also};
    if (!expect(node, NodeType::map, "a map with `when` and " + quoted(also))) {
        return clause;
    }
    known_keys(node, quoted(key), keys);
    if (const YamlEntry* when = node.find("when")) {
        clause.when = selection("when", when->mark, when->value);
    } else {
        error(node.mark, "expected the key `when` in this entry of " + quoted(key));
    }
    const YamlEntry* other = node.find(also);
    if (other == nullptr) {
        error(node.mark, "expected the key " + quoted(also) + " in this entry of " + quoted(key));
    } else if (also == "level") {
        clause.level = level(other->value, "level").value_or(Level::medium);
    } else {
        clause.reason = text(other->value, also);
    }
    return clause;
}

Parameters Reader::parameters(const YamlNode& node) {
    Parameters all;
    if (expect(node, NodeType::map, "a map for `parameters`")) {
        for (const YamlEntry& entry : node.entries) {
            all[entry.key] = scalars(entry.value, "a value for parameter " + quoted(entry.key));
        }
    }
    return all;
}

void Reader::read_tests(const YamlNode& node) {
    if (!expect(node, NodeType::sequence, "a list for `tests`")) {
        return;
    }
    for (const YamlNode& entry : node.items) {
        if (expect(entry, NodeType::map, "a test: a map with `fact` or `facts`, and `expect`")) {
            document_.tests.push_back(read_test(entry));
        }
    }
}

RuleTest Reader::read_test(const YamlNode& node) {
    RuleTest test;
    test.mark = node.mark;
    known_keys(node, "this test", kTestKeys);
    read_test_facts(node, test);
    if (const YamlEntry* entry = node.find("at")) {
        if (const auto index = choice(entry->value, "at", kTestTimes)) {
            test.at_close = *index == 1;
        }
    }
    if (const YamlEntry* entry = node.find("parameters")) {
        test.parameters = parameters(entry->value);
    }
    if (const YamlEntry* entry = node.find("lost");
        entry != nullptr &&
        expect(entry->value, NodeType::sequence, "a list of hooks for `lost`")) {
        std::vector<std::string_view> names;
        for (const facts::HookInfo& hook : facts::kHooks) {
            names.push_back(hook.name);
        }
        for (const YamlNode& name : entry->value.items) {
            if (const facts::HookInfo* hook = facts::find_hook(name.text)) {
                test.lost.push_back(hook->hook);
            } else if (expect(name, NodeType::scalar, "the name of a hook")) {
                error(name.mark,
                      "unknown hook " + quoted(name.text) + did_you_mean(name.text, names));
            }
        }
    }
    if (const YamlEntry* entry = node.find("severity")) {
        test.severity = level(entry->value, "severity");
    }
    if (const YamlEntry* entry = node.find("expect")) {
        constexpr std::array kOutcomes{RuleStatus::pass, RuleStatus::finding,
                                       RuleStatus::not_applicable, RuleStatus::unknown};
        if (const auto index = choice(entry->value, "expect", kExpectations)) {
            test.expect = kOutcomes[*index];
        }
    } else {
        error(node.mark, "expected the key `expect` in this test");
    }
    return test;
}

void Reader::read_test_facts(const YamlNode& node, RuleTest& test) {
    const YamlEntry* fact = node.find("fact");
    const YamlEntry* facts = node.find("facts");
    if ((fact == nullptr) == (facts == nullptr)) {
        error(node.mark, "expected either `fact` or `facts` in this test");
        return;
    }
    if (fact != nullptr) {
        test.facts.push_back(read_test_fact(fact->value));
    } else if (expect(facts->value, NodeType::sequence, "a list of facts for `facts`")) {
        for (const YamlNode& entry : facts->value.items) {
            test.facts.push_back(read_test_fact(entry));
        }
    }
}

std::vector<TestField> Reader::read_test_fact(const YamlNode& node) {
    std::vector<TestField> fields;
    if (expect(node, NodeType::map, "a fact: a map of fields and values")) {
        for (const YamlEntry& entry : node.entries) {
            TestField field{.name = entry.key,
                            .mark = entry.mark,
                            .is_list = entry.value.type == NodeType::sequence,
                            .values = {}};
            field.values = scalars(entry.value, "a value for " + quoted(entry.key));
            fields.push_back(std::move(field));
        }
    }
    return fields;
}

/// `into` with what only `from` has; maps in both are joined, all else stays as `into` has it.
void add_missing(YamlNode& into, const YamlNode& from) {
    for (const YamlEntry& entry : from.entries) {
        const auto known = std::ranges::find(into.entries, entry.key, &YamlEntry::key);
        if (known == into.entries.end()) {
            into.entries.push_back(entry);
        } else if (known->value.type == NodeType::map && entry.value.type == NodeType::map) {
            add_missing(known->value, entry.value);
        }
    }
}

}  // namespace

std::vector<YamlNode> expand_actions(std::vector<YamlNode> documents, Diagnostics& diagnostics) {
    const auto action_of = [](const YamlNode& document) { return document.find("action"); };
    if (std::ranges::none_of(documents, [&](const YamlNode& d) { return action_of(d); })) {
        return documents;
    }
    std::vector<YamlNode> whole;
    YamlNode global;
    global.type = NodeType::map;
    YamlNode previous = global;
    std::size_t nodes = 0;
    const auto add = [&](YamlNode document) {
        nodes += node_count(document);
        if (nodes > kMostActionNodes) {
            diagnostics.error(document.mark,
                              "the actions of this file make too much of it: "
                              "expected at most " +
                                  std::to_string(kMostActionNodes) + " keys and values");
            return false;
        }
        whole.push_back(std::move(document));
        return true;
    };
    for (YamlNode& document : documents) {
        const YamlEntry* action = action_of(document);
        if (action == nullptr) {
            previous = document;
            add_missing(document, global);
            if (!add(std::move(document))) {
                return {};
            }
            continue;
        }
        const std::string what = action->value.text;
        const Mark mark = action->value.mark;
        std::erase_if(document.entries, [](const YamlEntry& e) { return e.key == "action"; });
        if (what == "global") {
            add_missing(document, global);
            global = std::move(document);
        } else if (what == "reset") {
            global.entries.clear();
        } else if (what == "repeat") {
            add_missing(document, previous);
            previous = document;
            add_missing(document, global);
            if (!add(std::move(document))) {
                return {};
            }
        } else {
            diagnostics.error(
                mark, "expected " + one_of(kActions) + " for `action`, found " + quoted(what));
            return {};
        }
        if (nodes + node_count(global) + node_count(previous) > kMostActionNodes) {
            diagnostics.error(mark, "the actions of this file make too much of it");
            return {};
        }
    }
    return whole;
}

std::optional<std::int64_t> parse_timespan(std::string_view text) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    constexpr std::uint64_t kMostSeconds = std::uint64_t{366} * 86'400;
    if (text.empty() || text.front() < '0' || text.front() > '9') {
        return std::nullopt;
    }
    std::uint64_t unit = 0;
    switch (text.back()) {
        case 's':
            unit = 1;
            break;
        case 'm':
            unit = 60;
            break;
        case 'h':
            unit = 3600;
            break;
        case 'd':
            unit = 86'400;
            break;
        default:
            return std::nullopt;
    }
    const auto number = Integer::parse(text.substr(0, text.size() - 1));
    if (!number || number->magnitude == 0 || number->magnitude > kMostSeconds / unit) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(number->magnitude * unit) * kSecond;
}

RuleDocument read_rule_document(const YamlNode& root, Diagnostics& diagnostics) {
    return Reader(diagnostics).read(root);
}

}  // namespace assay::engine
