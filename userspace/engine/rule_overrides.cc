// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_overrides.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/compiled_rule.h"
#include "engine/nearest_name.h"
#include "engine/rule_set.h"

namespace assay::engine {
namespace {

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

/// The rules that an override changes, each a copy that is worked upon; nothing of the set itself
/// is touched until all is known to be right.
class Changes {
public:
    Changes(std::span<const LoadedRule* const> loaded,
            std::span<const RuleSet::Unsupported> unsupported, Diagnostics& diagnostics)
        : loaded_(loaded), unsupported_(unsupported), diagnostics_(diagnostics) {}

    void set(const RuleOverrides::Parameter& parameter);
    void except(const RuleOverrides::Exception& exception);
    /// The rule as it is loaded; nullptr when there is none of that name, which is told.
    const LoadedRule* find(const NameUse& name);

    std::map<const LoadedRule*, LoadedRule>& changed() { return changed_; }

private:
    LoadedRule& copy_to_change(const LoadedRule& rule);

    std::span<const LoadedRule* const> loaded_;
    std::span<const RuleSet::Unsupported> unsupported_;
    Diagnostics& diagnostics_;
    std::map<const LoadedRule*, LoadedRule> changed_;
};

const LoadedRule* Changes::find(const NameUse& name) {
    const auto found = std::ranges::find(loaded_, name.name,
                                         [](const LoadedRule* rule) { return rule->info.slug; });
    if (found != loaded_.end()) {
        return *found;
    }
    for (const RuleSet::Unsupported& rule : unsupported_) {
        if (rule.info.slug == name.name) {
            diagnostics_.warning(name.mark,
                                 "the rule " + quoted(name.name) +
                                     " is unsupported, so this changes nothing: " + rule.reason);
            return nullptr;
        }
    }
    std::vector<std::string_view> slugs;
    for (const LoadedRule* rule : loaded_) {
        slugs.push_back(rule->info.slug);
    }
    diagnostics_.error(name.mark,
                       "no rule is called " + quoted(name.name) + did_you_mean(name.name, slugs));
    return nullptr;
}

LoadedRule& Changes::copy_to_change(const LoadedRule& rule) {
    const auto [entry, is_new] = changed_.try_emplace(&rule);
    if (is_new) {
        entry->second.info = rule.info;
        entry->second.documents = rule.documents;
        entry->second.compiled = rule.compiled;
        entry->second.correlation = rule.correlation;
    }
    return entry->second;
}

/// Ties the document to its kind anew. What is wrong lies in the override, so it is told there.
std::optional<CompiledDocument> compiled_anew(const RuleDocument& document, Mark mark,
                                              const std::string& slug, Diagnostics& diagnostics) {
    std::vector<Problem> problems;
    Diagnostics of_rule("", problems);
    auto compiled = compile(document, {}, of_rule);
    if (!compiled) {
        diagnostics.error(mark, "this does not fit the rule " + quoted(slug) + ": " +
                                    (problems.empty() ? "" : problems.back().message));
    }
    return compiled;
}

void Changes::set(const RuleOverrides::Parameter& parameter) {
    const LoadedRule* rule = find(parameter.rule);
    if (rule == nullptr) {
        return;
    }
    LoadedRule& copy = copy_to_change(*rule);
    std::vector<std::string_view> names;
    bool is_known = false;
    for (std::size_t i = 0; i < copy.compiled.size() && i < copy.documents.size(); ++i) {
        RuleDocument& document = copy.documents[i];
        for (const auto& [name, values] : document.parameters) {
            names.push_back(name);
        }
        const auto known = document.parameters.find(parameter.parameter.name);
        if (known == document.parameters.end()) {
            continue;
        }
        is_known = true;
        known->second = parameter.values;
        if (auto compiled = compiled_anew(document, parameter.parameter.mark, parameter.rule.name,
                                          diagnostics_)) {
            copy.compiled[i] = std::move(*compiled);
        }
    }
    if (!is_known) {
        std::string hint = did_you_mean(parameter.parameter.name, names);
        if (hint.empty()) {
            hint = names.empty() ? ": it has none" : ": it has";
            for (std::size_t i = 0; i < names.size(); ++i) {
                hint += (i == 0 ? " " : ", ") + quoted(names[i]);
            }
        }
        diagnostics_.error(parameter.parameter.mark, "the rule " + quoted(parameter.rule.name) +
                                                         " has no parameter " +
                                                         quoted(parameter.parameter.name) + hint);
    }
}

/// The first field of a clause that facts of the kind do not have.
const FieldItem* unknown_field(const Clause& clause, const facts::KindInfo& kind) {
    for (const FieldGroup& group : clause.when.groups) {
        for (const FieldItem& item : group) {
            if (!item.field.empty() && !facts::find_field(kind, item.field)) {
                return &item;
            }
        }
    }
    return nullptr;
}

void Changes::except(const RuleOverrides::Exception& exception) {
    for (const NameUse& name : exception.rules) {
        const LoadedRule* rule = find(name);
        if (rule == nullptr) {
            continue;
        }
        LoadedRule& copy = copy_to_change(*rule);
        bool is_taken = false;
        const FieldItem* unknown = nullptr;
        const facts::KindInfo* kind = nullptr;
        for (std::size_t i = 0; i < copy.compiled.size() && i < copy.documents.size(); ++i) {
            const facts::KindInfo& of_document = facts::info(copy.compiled[i].kind);
            if (const FieldItem* item = unknown_field(exception.clause, of_document)) {
                unknown = item;
                kind = &of_document;
                continue;
            }
            is_taken = true;
            copy.documents[i].exceptions.push_back(exception.clause);
            if (auto compiled =
                    compiled_anew(copy.documents[i], exception.mark, name.name, diagnostics_)) {
                copy.compiled[i] = std::move(*compiled);
            }
        }
        if (!is_taken && unknown == nullptr) {
            diagnostics_.error(name.mark, "the rule " + quoted(name.name) +
                                              " judges no facts itself, so it has no exceptions");
        } else if (!is_taken) {
            std::vector<std::string_view> names;
            for (const facts::FieldInfo& field : kind->fields) {
                names.push_back(field.name);
            }
            diagnostics_.error(unknown->mark, "unknown field " + quoted(unknown->field) +
                                                  ": the rule " + quoted(name.name) + " judges " +
                                                  std::string(kind->name) + " facts" +
                                                  did_you_mean(unknown->field, names));
        }
    }
}

}  // namespace

RuleSet RuleSet::with(const RuleOverrides& overrides, std::vector<Problem>& problems) const {
    Diagnostics diagnostics(overrides.file, problems);
    Changes changes(loaded_, unsupported_, diagnostics);
    for (const RuleOverrides::Parameter& parameter : overrides.parameters) {
        changes.set(parameter);
    }
    for (const RuleOverrides::Exception& exception : overrides.exceptions) {
        changes.except(exception);
    }
    std::vector<const LoadedRule*> disabled;
    for (const NameUse& name : overrides.disabled) {
        disabled.push_back(changes.find(name));
    }
    RuleSet set = *this;
    if (diagnostics.failed()) {
        return set;
    }
    for (auto& [before, after] : changes.changed()) {
        set.owned_.push_back(std::make_shared<const LoadedRule>(std::move(after)));
        std::ranges::replace(set.loaded_, before, set.owned_.back().get());
        std::ranges::replace(disabled, before, set.owned_.back().get());
    }
    std::erase_if(set.loaded_, [&](const LoadedRule* rule) {
        return std::ranges::find(disabled, rule) != disabled.end();
    });
    set.sort();
    return set;
}

std::vector<std::string> RuleSet::take_over(const RuleSet& older,
                                            std::span<const std::string> slugs) {
    std::vector<std::string> taken;
    for (const std::shared_ptr<const LoadedRule>& rule : older.owned_) {
        const auto is_same = [&](const LoadedRule* mine) {
            return mine->info.slug == rule->info.slug ||
                   (!mine->info.id.empty() && mine->info.id == rule->info.id);
        };
        if (std::ranges::find(slugs, rule->info.slug) == slugs.end() ||
            std::ranges::find(older.loaded_, rule.get()) == older.loaded_.end() ||
            std::ranges::any_of(loaded_, is_same)) {
            continue;
        }
        owned_.push_back(rule);
        loaded_.push_back(rule.get());
        taken.push_back(rule->info.slug);
    }
    sort();
    return taken;
}

}  // namespace assay::engine
