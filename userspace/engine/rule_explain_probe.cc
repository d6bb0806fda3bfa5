// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_explain_probe.h"

#include <utility>

#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/rule_set.h"

namespace assay::engine {

struct Probe::State {
    facts::Kind kind;
    RuleSet rules;
    bool matched = false;
    std::optional<Judge> judge;
};

Probe::Probe(std::unique_ptr<State> state) : state_(std::move(state)) {}
Probe::~Probe() = default;
Probe::Probe(Probe&&) noexcept = default;
Probe& Probe::operator=(Probe&&) noexcept = default;

std::optional<Probe> Probe::of(const RuleDocument& document, std::vector<Selection> selections,
                               const std::string& condition) {
    RuleDocument part = document;
    part.selections = std::move(selections);
    YamlNode text;
    text.type = YamlNode::Type::scalar;
    text.text = condition;
    part.conditions = {std::move(text)};
    part.at_window_close = false;
    part.applies_when.reset();
    part.level_when.clear();
    part.exceptions.clear();
    part.unknown_when.clear();
    part.tests.clear();
    part.subject.clear();
    std::vector<Problem> ignored;
    Diagnostics diagnostics("", ignored);
    auto compiled = compile(part, {}, diagnostics);
    if (!compiled) {
        return std::nullopt;
    }
    auto state = std::make_unique<State>();
    state->kind = compiled->kind;
    LoadedRule rule;
    rule.info = part.info;
    rule.info.slug = "probe";
    rule.documents.push_back(std::move(part));
    rule.compiled.push_back(std::move(*compiled));
    state->rules = RuleSet::of(std::move(rule));
    state->judge.emplace(state->rules, JudgeOptions{.include_loopback = true},
                         [seen = state.get()](const Match& match) {
                             seen->matched = seen->matched || match.matched;
                         });
    return Probe(std::move(state));
}

std::optional<Probe> Probe::of(const RuleDocument& document, FieldGroup items) {
    Selection part;
    part.name = "part";
    part.groups.push_back(std::move(items));
    return of(document, {std::move(part)}, "part");
}

facts::Kind Probe::kind() const { return state_->kind; }

bool Probe::holds(const facts::RecordedFact& fact) const {
    state_->matched = false;
    state_->judge->on_fact(facts::FactView(fact));
    return state_->matched;
}

}  // namespace assay::engine
