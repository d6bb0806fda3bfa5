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

constexpr std::array<std::string_view, 24> kTopLevelKeys{
    "title",   "id",     "related",    "name",      "taxonomy",       "status",
    "license", "author", "references", "date",      "description",    "modified",
    "level",   "fields", "detection",  "logsource", "falsepositives", "tags",
    "scope",   "filter", "assay",      "action",    "correlation",    "enrichment"};
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

constexpr std::array<std::pair<std::string_view, Modifier>, 28> kModifiers{{
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
    if (const YamlEntry* entry = root.find("correlation")) {
        diagnostics_.unsupported(entry->mark, "correlation rules are not supported yet");
        return;
    }
    if (const YamlEntry* entry = root.find("filter")) {
        diagnostics_.unsupported(entry->mark, "filters for other rules are not supported yet");
        return;
    }
    if (const YamlEntry* entry = root.find("action")) {
        diagnostics_.unsupported(entry->mark, "rule collections (`action`) are not supported");
        return;
    }
    for (const YamlEntry& entry : root.entries) {
        if (std::ranges::find(kTopLevelKeys, entry.key) == kTopLevelKeys.end()) {
            const std::string hint = did_you_mean(entry.key, kTopLevelKeys);
            if (!hint.empty()) {
                diagnostics_.warning(entry.mark, "unknown key " + quoted(entry.key) + hint);
            }
        }
    }
    const YamlEntry* title = root.find("title");
    const YamlEntry* log_source = root.find("logsource");
    const YamlEntry* detection = root.find("detection");
    for (const auto& [entry, key] :
         {std::pair{title, "title"}, {log_source, "logsource"}, {detection, "detection"}}) {
        if (entry == nullptr) {
            error(root.mark, "expected the key " + quoted(key) + " in the rule");
        }
    }
    if (title != nullptr && title->value.type == NodeType::scalar && info.title.empty()) {
        error(title->value.mark, "expected a text for `title`, found an empty one");
    }
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
    if (log_source != nullptr) {
        read_log_source(log_source->value);
    }
    if (detection != nullptr) {
        read_detection(detection->value, detection->mark);
    }
    if (const YamlEntry* entry = root.find("assay")) {
        read_assay(entry->value);
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
    for (const YamlEntry& entry : node.entries) {
        const YamlNode& value = entry.value;
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

}  // namespace

RuleDocument read_rule_document(const YamlNode& root, Diagnostics& diagnostics) {
    return Reader(diagnostics).read(root);
}

}  // namespace assay::engine
