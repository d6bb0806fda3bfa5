// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_explain.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/condition.h"
#include "engine/judge.h"
#include "engine/rule_document.h"
#include "engine/rule_explain_probe.h"
#include "engine/yaml_tree.h"

namespace assay::engine {
namespace {

using Op = ExplainedStep::Op;

/// The keys of a file by where they stand.
using KeysAt = std::map<std::pair<int, int>, std::string>;

void gather_keys(const YamlNode& node, KeysAt& keys) {
    for (const YamlNode& item : node.items) {
        gather_keys(item, keys);
    }
    for (const YamlEntry& entry : node.entries) {
        keys.try_emplace({entry.mark.line, entry.mark.column}, entry.key);
        gather_keys(entry.value, keys);
    }
}

KeysAt keys_of(std::string_view source) {
    KeysAt keys;
    if (const auto trees = parse_yaml(source)) {
        for (const YamlNode& tree : *trees) {
            gather_keys(tree, keys);
        }
    }
    return keys;
}

class Walk {
public:
    /// Over these selections, which belong to the document or to a clause of it.
    Walk(const RuleDocument& document, const std::vector<Selection>& selections, const KeysAt& keys,
         const facts::RecordedFact& fact)
        : keys_(keys), fact_(fact) {
        // Probes are copies of it: what they do not ask is left behind.
        document_.mark = document.mark;
        document_.info.title = document.info.title;
        document_.log_source = document.log_source;
        document_.parameters = document.parameters;
        for (std::size_t i = 0; i < selections.size(); ++i) {
            names_.push_back(selections[i].name);
            selections_.push_back(selections[i]);
            // Names that a condition can say, whatever the rule calls its selections.
            selections_.back().name = probe_name(i);
        }
    }

    std::optional<ExplainedStep> detection(const std::vector<YamlNode>& conditions);
    ExplainedStep selection(const Selection& selection);

private:
    static std::string probe_name(std::size_t index) { return "part" + std::to_string(index); }
    static std::string condition_text(const ConditionNode& node);

    ExplainedStep condition(const ConditionNode& node);
    ExplainedStep group(const FieldGroup& group, Mark mark);
    ExplainedStep item(const FieldItem& item);
    [[nodiscard]] std::string written(const FieldItem& item) const;
    [[nodiscard]] std::string written(const Scalar& value) const;
    [[nodiscard]] bool holds(const std::optional<Probe>& probe) const;

    RuleDocument document_;
    const KeysAt& keys_;
    const facts::RecordedFact& fact_;
    std::vector<std::string> names_;
    std::vector<Selection> selections_;
};

bool Walk::holds(const std::optional<Probe>& probe) const {
    return probe && probe->kind() == fact_.kind && probe->holds(fact_);
}

std::string Walk::condition_text(const ConditionNode& node) {
    if (node.op == ConditionNode::Op::selection) {
        return probe_name(node.selection);
    }
    if (node.op == ConditionNode::Op::negate) {
        return "not (" + condition_text(node.children.front()) + ")";
    }
    std::string text;
    for (const ConditionNode& child : node.children) {
        text += text.empty() ? "(" : node.op == ConditionNode::Op::all ? " and " : " or ";
        text += condition_text(child);
    }
    return text + ")";
}

ExplainedStep Walk::condition(const ConditionNode& node) {
    if (node.op == ConditionNode::Op::selection) {
        ExplainedStep step = selection(selections_[node.selection]);
        step.text = names_[node.selection];
        return step;
    }
    ExplainedStep step;
    step.op = node.op == ConditionNode::Op::negate ? Op::negate
              : node.op == ConditionNode::Op::all  ? Op::all
                                                   : Op::any;
    step.holds = holds(Probe::of(document_, selections_, condition_text(node)));
    for (const ConditionNode& child : node.children) {
        step.children.push_back(condition(child));
    }
    return step;
}

std::optional<ExplainedStep> Walk::detection(const std::vector<YamlNode>& conditions) {
    ConditionNode any;
    any.op = ConditionNode::Op::any;
    const std::vector<std::string_view> names(names_.begin(), names_.end());
    for (const YamlNode& text : conditions) {
        auto parsed = parse_condition(text.text, names);
        if (!parsed) {
            return std::nullopt;
        }
        any.children.push_back(std::move(*parsed));
    }
    if (any.children.empty()) {
        return std::nullopt;
    }
    return condition(any.children.size() == 1 ? any.children.front() : any);
}

ExplainedStep Walk::selection(const Selection& selection) {
    ExplainedStep step;
    step.op = Op::selection;
    step.text = selection.name;
    step.mark = selection.mark;
    Selection alone = selection;
    alone.name = "part";
    step.holds = holds(Probe::of(document_, {std::move(alone)}, "part"));
    std::vector<ExplainedStep> groups;
    for (const FieldGroup& each : selection.groups) {
        groups.push_back(group(each, selection.mark));
    }
    if (groups.size() == 1 && groups.front().op == Op::all) {
        step.children = std::move(groups.front().children);
    } else if (groups.size() > 1) {
        ExplainedStep any;
        any.op = Op::any;
        any.mark = selection.mark;
        any.holds = step.holds;
        any.children = std::move(groups);
        step.children.push_back(std::move(any));
    } else {
        step.children = std::move(groups);
    }
    return step;
}

ExplainedStep Walk::group(const FieldGroup& group, Mark mark) {
    if (group.size() == 1) {
        return item(group.front());
    }
    ExplainedStep step;
    step.op = Op::all;
    step.mark = group.empty() ? mark : group.front().mark;
    step.holds = holds(Probe::of(document_, group));
    for (const FieldItem& each : group) {
        step.children.push_back(item(each));
    }
    return step;
}

ExplainedStep Walk::item(const FieldItem& item) {
    const auto verdict = [&](const FieldItem& asked) {
        return holds(Probe::of(document_, FieldGroup{asked}));
    };
    ExplainedStep step;
    step.op = Op::item;
    step.text = written(item);
    step.mark = item.mark;
    step.holds = verdict(item);
    const facts::FactView view(fact_);
    const facts::FieldValue value = view.get(item.field);
    if (!std::holds_alternative<std::monostate>(value)) {
        facts::append_value_text(step.fact_value.emplace(), value);
    }
    FieldItem one = item;
    for (const Scalar& scalar : item.values) {
        one.values = {scalar};
        ExplainedStep child;
        child.op = Op::value;
        child.text = written(scalar);
        child.mark = scalar.mark;
        child.holds = item.values.size() == 1 ? step.holds : verdict(one);
        step.children.push_back(std::move(child));
    }
    return step;
}

std::string Walk::written(const FieldItem& item) const {
    if (item.field.empty()) {
        return "any field";
    }
    const auto key = keys_.find({item.mark.line, item.mark.column});
    return key != keys_.end() && key->second.starts_with(item.field) ? key->second : item.field;
}

/// With what the parameters in it stand for.
std::string Walk::written(const Scalar& value) const {
    if (value.type == Scalar::Type::null) {
        return "null";
    }
    std::string text = value.text;
    for (const auto& [name, values] : document_.parameters) {
        if (!value.text.contains("%" + name + "%")) {
            continue;
        }
        text += text.size() == value.text.size() ? " (" : ", ";
        text += name + " = ";
        for (std::size_t i = 0; i < values.size(); ++i) {
            text += (i == 0 ? "" : " or ") + values[i].text;
        }
    }
    return text.size() == value.text.size() ? text : text + ")";
}

/// What the judge says of the whole document.
void judge_whole(const LoadedRule& rule, std::size_t index, facts::RecordedFact fact,
                 ExplainedDocument& explained) {
    LoadedRule alone;
    alone.info = rule.info;
    alone.documents.push_back(rule.documents[index]);
    alone.compiled.push_back(rule.compiled[index]);
    // Whether a rule applies is a question to all facts of a run, not to this one.
    alone.compiled.back().applies_when.reset();
    const RuleSet set = RuleSet::of(std::move(alone));
    bool matched = false;
    Judge judge(set, {.include_loopback = true}, [&](const Match& match) {
        if (match.matched) {
            matched = true;
            explained.level = match.level;
        }
    });
    fact.header.at_close = explained.at_window_close;
    judge.on_fact(facts::FactView(fact));
    const RuleOutcome outcome = judge.outcomes().front();
    explained.outcome = matched                ? ExplainedDocument::Outcome::match
                        : outcome.excepted > 0 ? ExplainedDocument::Outcome::excepted
                        : outcome.status == RuleStatus::unknown
                            ? ExplainedDocument::Outcome::cannot_judge
                            : ExplainedDocument::Outcome::no_match;
}

}  // namespace

std::vector<ExplainedDocument> explain(const LoadedRule& rule, std::string_view source,
                                       const facts::RecordedFact& fact) {
    const KeysAt keys = keys_of(source);
    std::vector<ExplainedDocument> all;
    for (std::size_t i = 0; i < rule.documents.size(); ++i) {
        const RuleDocument& document = rule.documents[i];
        ExplainedDocument& explained = all.emplace_back();
        if (i >= rule.compiled.size() || document.conditions.empty()) {
            explained.outcome = ExplainedDocument::Outcome::not_judged_here;
            continue;
        }
        explained.kind = facts::info(rule.compiled[i].kind).name;
        explained.at_window_close = document.at_window_close;
        explained.level = document.info.level;
        if (rule.compiled[i].kind != fact.kind) {
            explained.outcome = ExplainedDocument::Outcome::other_kind;
            continue;
        }
        explained.detection =
            Walk(document, document.selections, keys, fact).detection(document.conditions);
        const auto add = [&](std::string_view key, const Clause& clause, std::string reason) {
            Walk walk(document, clause.selections, keys, fact);
            auto when = clause.condition ? walk.detection({*clause.condition})
                                         : std::optional(walk.selection(clause.when));
            if (when) {
                explained.clauses.push_back(
                    {.key = key, .reason = std::move(reason), .when = *std::move(when)});
            }
        };
        if (document.applies_when) {
            add("applies_when", *document.applies_when, "");
        }
        for (const Clause& clause : document.unknown_when) {
            add("unknown_when", clause, clause.reason);
        }
        for (const Clause& clause : document.exceptions) {
            add("exceptions", clause, clause.reason);
        }
        for (const Clause& clause : document.level_when) {
            add("level_when", clause, std::string(name(clause.level)));
        }
        judge_whole(rule, i, fact, explained);
    }
    return all;
}

bool any_matches(const std::vector<ExplainedDocument>& documents) {
    return std::ranges::any_of(documents, [](const ExplainedDocument& document) {
        return document.outcome == ExplainedDocument::Outcome::match;
    });
}

}  // namespace assay::engine
