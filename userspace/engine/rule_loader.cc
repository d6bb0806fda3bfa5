// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_loader.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "engine/auditd_view.h"
#include "engine/compiled_rule.h"
#include "engine/correlation_plan.h"
#include "engine/sigma_filter.h"
#include "engine/yaml_tree.h"

namespace assay::engine {
namespace {

bool is_uuid(std::string_view text) {
    if (text.size() != 36) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool is_hex =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (is_dash ? c != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}

/// A document as it was read, and as it was tied to kinds of fact: to one, or to several when it is
/// about a log that facts of several kinds stand for.
struct Part {
    RuleDocument document;
    Diagnostics diagnostics;
    std::vector<RuleDocument> documents;
    std::vector<CompiledDocument> compiled;
    Correlatable target;
    std::optional<BuiltCorrelation> built;
    bool is_hidden = false;  ///< a correlation of the same file is made of it

    [[nodiscard]] bool is_rule() const { return !document.correlation && !document.filter; }
    [[nodiscard]] bool is_usable() const {
        return !diagnostics.failed() && !diagnostics.unsupported_reason();
    }
};

struct File {
    std::string slug;
    Diagnostics& diagnostics;
    std::deque<Part> parts;
};

struct Tied {
    std::vector<RuleDocument> documents;
    std::vector<CompiledDocument> compiled;
};

/// Empty when something is wrong or not supported.
Tied tie(RuleDocument document, Diagnostics& diagnostics) {
    Tied tied;
    std::vector<RuleDocument> documents;
    if (is_about_auditd(document.log_source)) {
        documents = views_of_auditd(document, diagnostics);
    } else {
        documents.push_back(std::move(document));
    }
    for (RuleDocument& each : documents) {
        if (auto compiled = compile(each, {}, diagnostics)) {
            for (const RuleTest& test : each.tests) {
                (void)facts_of_test(test, compiled->kind, diagnostics);
            }
            tied.compiled.push_back(std::move(*compiled));
            tied.documents.push_back(std::move(each));
        }
    }
    return diagnostics.failed() || diagnostics.unsupported_reason() ? Tied{} : std::move(tied);
}

}  // namespace

struct RuleLoader::State {
    std::deque<File> files;
    CorrelationScope scope;

    void apply_filters();
    void apply_filter(File& file, Part& filter);
    void name_rules();
    void build_correlations();
    void hide_parts(File& file);
    void make_rules(std::size_t index, std::vector<Rule>& rules);
    [[nodiscard]] Rule plain_rule(std::size_t index, std::span<Part* const> parts) const;
    [[nodiscard]] Rule correlation_rule(std::size_t index, Part& part) const;
};

RuleLoader::RuleLoader() : state_(std::make_unique<State>()) {}
RuleLoader::~RuleLoader() = default;

void RuleLoader::add_file(std::string_view text, std::string slug, Diagnostics& diagnostics) {
    File& file = state_->files.emplace_back(File{std::move(slug), diagnostics, {}});
    auto trees = parse_yaml(text);
    if (!trees) {
        diagnostics.error(trees.error().mark, trees.error().message);
        return;
    }
    if (trees->empty()) {
        diagnostics.error({.line = 1, .column = 1}, "expected a rule, found an empty file");
        return;
    }
    for (const YamlNode& tree : expand_actions(std::move(*trees), diagnostics)) {
        Part& part = file.parts.emplace_back(Part{.document = {},
                                                  .diagnostics = diagnostics.of_part(),
                                                  .documents = {},
                                                  .compiled = {},
                                                  .target = {},
                                                  .built = {}});
        part.document = read_rule_document(tree, part.diagnostics);
        if (part.document.info.title.empty()) {
            part.document.info.title = part.document.name;
        }
        const std::string& id = part.document.info.id;
        if (!id.empty() && !is_uuid(id)) {
            part.diagnostics.warning(tree.find("id")->value.mark,
                                     "expected a UUID for `id`, found `" + id + "`");
        }
        if (part.is_rule() && part.is_usable()) {
            Tied tied = tie(part.document, part.diagnostics);
            part.documents = std::move(tied.documents);
            part.compiled = std::move(tied.compiled);
        }
        diagnostics.take_failure(part.diagnostics);
    }
}

void RuleLoader::State::apply_filter(File& file, Part& filter) {
    const FilterSource& source = *filter.document.filter;
    const auto clause = clause_of_filter(filter.document, filter.diagnostics);
    std::vector<bool> named(source.rules.size());
    bool is_applied = false;
    for (File& other : files) {
        for (Part& part : other.parts) {
            if (!part.is_rule() || !clause) {
                continue;
            }
            bool is_named = source.any_rule;
            for (std::size_t i = 0; i < source.rules.size(); ++i) {
                const std::string& name = source.rules[i].name;
                if (name == part.document.info.id || name == part.document.name ||
                    name == other.slug) {
                    named[i] = true;
                    is_named = true;
                }
            }
            if (!is_named || !part.is_usable()) {
                continue;
            }
            if (!filter_fits(filter.document.log_source, part.document.log_source)) {
                if (!source.any_rule) {
                    filter.diagnostics.warning(source.mark,
                                               "the filter has another logsource than the rule `" +
                                                   other.slug + "` and is not applied to it");
                }
                continue;
            }
            RuleDocument filtered = part.document;
            filtered.exceptions.push_back(*clause);
            Diagnostics attempt = file.diagnostics.of_part();
            Tied tied = tie(filtered, attempt);
            if (tied.compiled.empty()) {
                filter.diagnostics.take_failure(attempt);
                continue;
            }
            is_applied = true;
            part.document = std::move(filtered);
            part.documents = std::move(tied.documents);
            part.compiled = std::move(tied.compiled);
        }
    }
    for (std::size_t i = 0; i < named.size() && clause; ++i) {
        if (!named[i]) {
            filter.diagnostics.warning(source.rules[i].mark, "no rule that is loaded is called `" +
                                                                 source.rules[i].name + "`");
        }
    }
    if (clause && !is_applied && !filter.diagnostics.failed()) {
        filter.diagnostics.warning(source.mark, "the filter applies to no rule that is loaded");
    }
    file.diagnostics.take_failure(filter.diagnostics);
}

void RuleLoader::State::apply_filters() {
    for (File& file : files) {
        for (Part& part : file.parts) {
            if (part.document.filter && part.is_usable()) {
                apply_filter(file, part);
            }
        }
    }
}

/// Makes each document known by its id and its name, and files of one rule by their slug.
void RuleLoader::State::name_rules() {
    for (File& file : files) {
        std::size_t rules = 0;
        for (Part& part : file.parts) {
            if (part.document.filter) {
                continue;
            }
            ++rules;
            part.target.file = file.slug;
            if (part.document.correlation) {
                part.target.document = &part.document;
            }
            if (part.diagnostics.failed()) {
                part.target.unsupported = "it has an error";
            } else if (part.diagnostics.unsupported_reason()) {
                part.target.unsupported = *part.diagnostics.unsupported_reason();
            }
            for (std::size_t i = 0; i < part.compiled.size(); ++i) {
                part.target.compiled.emplace_back(&part.documents[i], &part.compiled[i]);
            }
            for (const std::string& name : {part.document.info.id, part.document.name}) {
                if (!name.empty()) {
                    scope.emplace(name, &part.target);
                }
            }
        }
        if (rules == 1 && !scope.contains(file.slug)) {
            const auto only = std::ranges::find_if(
                file.parts, [](const Part& part) { return !part.document.filter; });
            scope.emplace(file.slug, &only->target);
        }
    }
}

void RuleLoader::State::hide_parts(File& file) {
    for (const Part& part : file.parts) {
        if (!part.document.correlation || part.document.correlation->generate) {
            continue;
        }
        for (const NameUse& use : part.document.correlation->rules) {
            for (Part& other : file.parts) {
                other.is_hidden = other.is_hidden || other.document.info.id == use.name ||
                                  (!other.document.name.empty() && other.document.name == use.name);
            }
        }
    }
}

void RuleLoader::State::build_correlations() {
    for (File& file : files) {
        hide_parts(file);
        for (Part& part : file.parts) {
            if (!part.document.correlation || !part.is_usable()) {
                continue;
            }
            part.built = build_correlation(part.document, file.slug, scope, part.diagnostics);
            if (part.built) {
                for (const RuleTest& test : part.document.tests) {
                    (void)facts_of_test(test, part.built->compiled.front().kind, part.diagnostics);
                }
            }
            file.diagnostics.take_failure(part.diagnostics);
        }
    }
}

RuleLoader::Rule RuleLoader::State::plain_rule(std::size_t index,
                                               std::span<Part* const> parts) const {
    Rule rule;
    rule.file = index;
    rule.mark = parts.front()->document.mark;
    rule.rule.info = parts.front()->document.info;
    std::string left_out;
    for (Part* part : parts) {
        if (const auto& reason = part->diagnostics.unsupported_reason()) {
            rule.unsupported = rule.unsupported.value_or(*reason);
            left_out += left_out.empty() ? "" : "; ";
            left_out += "the document in line " + std::to_string(part->document.mark.line) +
                        " is unsupported: " + *reason;
        }
        std::ranges::move(part->documents, std::back_inserter(rule.rule.documents));
        std::ranges::move(part->compiled, std::back_inserter(rule.rule.compiled));
    }
    if (!rule.rule.compiled.empty() && rule.unsupported) {
        // What it can judge it does, but it never passes.
        rule.unsupported.reset();
        std::string& known = rule.rule.compiled.front().left_unjudged;
        known += (known.empty() ? "" : "; ") + left_out;
    }
    return rule;
}

RuleLoader::Rule RuleLoader::State::correlation_rule(std::size_t index, Part& part) const {
    Rule rule;
    rule.file = index;
    rule.mark = part.document.mark;
    rule.rule.info = part.document.info;
    rule.unsupported = part.diagnostics.unsupported_reason();
    if (part.built) {
        rule.rule.documents = std::move(part.built->documents);
        rule.rule.compiled = std::move(part.built->compiled);
        rule.rule.correlation = std::make_shared<const LoadedCorrelation>(
            LoadedCorrelation{.document = part.document, .plan = std::move(part.built->plan)});
    }
    return rule;
}

void RuleLoader::State::make_rules(std::size_t index, std::vector<Rule>& rules) {
    File& file = files[index];
    if (file.diagnostics.failed() || file.parts.empty()) {
        return;
    }
    std::vector<Part*> plain;
    bool has_correlation = false;
    const std::size_t first_rule = rules.size();
    for (Part& part : file.parts) {
        has_correlation = has_correlation || part.document.correlation.has_value();
        if (part.document.correlation && !part.is_hidden) {
            rules.push_back(correlation_rule(index, part));
            rules.back().rule.info.slug = part.document.name;
        } else if (part.is_rule() && !part.is_hidden) {
            plain.push_back(&part);
        }
    }
    if (!has_correlation && !plain.empty()) {
        rules.push_back(plain_rule(index, plain));
    } else {
        for (Part* part : plain) {
            rules.push_back(plain_rule(index, {&part, 1}));
            rules.back().rule.info.slug = part->document.name;
        }
    }
    // The first is what the file is called for; the others need a name beside it.
    for (std::size_t i = first_rule; i < rules.size(); ++i) {
        std::string& slug = rules[i].rule.info.slug;
        slug = i == first_rule
                   ? file.slug
                   : file.slug + "." + (slug.empty() ? std::to_string(i - first_rule + 1) : slug);
    }
}

std::vector<RuleLoader::Rule> RuleLoader::finish() {
    state_->apply_filters();
    state_->name_rules();
    state_->build_correlations();
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < state_->files.size(); ++i) {
        state_->make_rules(i, rules);
    }
    return rules;
}

}  // namespace assay::engine
