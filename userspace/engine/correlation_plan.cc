// SPDX-License-Identifier: Apache-2.0
#include "engine/correlation_plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/nearest_name.h"
#include "engine/sigma_taxonomy.h"

namespace assay::engine {
namespace {

constexpr std::size_t kMostNodes = 32;
constexpr std::size_t kMostDocuments = 128;

/// All facts are of one host, so grouping by it changes nothing.
constexpr std::array<std::string_view, 5> kHostNames{"ComputerName", "Computer", "Hostname", "host",
                                                     "hostname"};

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

class Builder {
public:
    Builder(std::string file, const CorrelationScope& scope, Diagnostics& diagnostics)
        : file_(std::move(file)), scope_(scope), diagnostics_(diagnostics) {}

    std::optional<BuiltCorrelation> build(const RuleDocument& document) {
        (void)node(document);
        if (diagnostics_.failed() || diagnostics_.unsupported_reason()) {
            return std::nullopt;
        }
        for (CorrelationPlan::Node& each : built_.plan.nodes) {
            each.fields.resize(built_.documents.size());
        }
        return std::move(built_);
    }

private:
    using Source = CorrelationSource;

    std::size_t node(const RuleDocument& document);
    CorrelationPlan::Input input(const NameUse& name);
    const Correlatable* find(const NameUse& name);
    std::size_t add(const RuleDocument& document, const CompiledDocument& compiled);
    void documents_beneath(std::size_t node, std::vector<std::size_t>& found) const;
    void bind(const Source& source, std::size_t node, std::size_t input);
    std::size_t field(const Source& source, const NameUse& name, const NameUse& rule,
                      std::size_t document);
    void check_bounds(const RuleDocument& document);

    std::string file_;
    const CorrelationScope& scope_;
    Diagnostics& diagnostics_;
    BuiltCorrelation built_;
    std::vector<const CompiledDocument*> added_;
    std::vector<const RuleDocument*> within_;  ///< correlations that are being built
};

const Correlatable* Builder::find(const NameUse& name) {
    // A name of the same file goes before the same name elsewhere.
    const auto [first, last] = scope_.equal_range(name.name);
    const Correlatable* found = nullptr;
    for (auto entry = first; entry != last; ++entry) {
        if (found == nullptr || entry->second->file == file_) {
            found = entry->second;
        }
    }
    if (found == nullptr) {
        std::vector<std::string_view> names;
        for (const auto& [known, ignored] : scope_) {
            names.push_back(known);
        }
        diagnostics_.unsupported(name.mark, "no rule that is loaded is called " +
                                                quoted(name.name) + did_you_mean(name.name, names));
    } else if (!found->unsupported.empty()) {
        diagnostics_.unsupported(name.mark,
                                 "the rule " + quoted(name.name) +
                                     " that it is made of is unsupported: " + found->unsupported);
        return nullptr;
    }
    return found;
}

std::size_t Builder::add(const RuleDocument& document, const CompiledDocument& compiled) {
    const auto known = std::ranges::find(added_, &compiled);
    if (known != added_.end()) {
        return static_cast<std::size_t>(known - added_.begin());
    }
    added_.push_back(&compiled);
    built_.documents.push_back(document);
    built_.compiled.push_back(compiled);
    return added_.size() - 1;
}

void Builder::documents_beneath(std::size_t node, std::vector<std::size_t>& found) const {
    for (const CorrelationPlan::Input& input : built_.plan.nodes[node].inputs) {
        found.insert(found.end(), input.documents.begin(), input.documents.end());
        if (input.node) {
            documents_beneath(*input.node, found);
        }
    }
}

CorrelationPlan::Input Builder::input(const NameUse& name) {
    CorrelationPlan::Input input;
    const Correlatable* found = find(name);
    if (found == nullptr) {
        return input;
    }
    if (found->document != nullptr) {
        if (std::ranges::find(within_, found->document) != within_.end()) {
            diagnostics_.error(name.mark, "this correlation is made of itself");
        } else if (built_.plan.nodes.size() >= kMostNodes) {
            diagnostics_.error(name.mark, "made of too many correlations: expected at most " +
                                              std::to_string(kMostNodes));
        } else {
            input.node = node(*found->document);
        }
        return input;
    }
    for (const auto& [document, compiled] : found->compiled) {
        input.documents.push_back(add(*document, *compiled));
    }
    if (built_.documents.size() > kMostDocuments) {
        diagnostics_.error(name.mark, "made of too many rules: expected at most " +
                                          std::to_string(kMostDocuments));
    }
    return input;
}

std::size_t Builder::field(const Source& source, const NameUse& name, const NameUse& rule,
                           std::size_t document) {
    const facts::KindInfo& kind = facts::info(built_.compiled[document].kind);
    std::string_view wanted = name.name;
    Mark mark = name.mark;
    const auto alias = std::ranges::find(source.aliases, name.name, &Source::Alias::name);
    if (alias != source.aliases.end()) {
        const auto own = std::ranges::find_if(
            alias->fields, [&](const auto& entry) { return entry.first.name == rule.name; });
        if (own == alias->fields.end()) {
            diagnostics_.error(name.mark, "the alias " + quoted(name.name) +
                                              " does not say which field it is of the rule " +
                                              quoted(rule.name));
            return kThisHost;
        }
        wanted = own->second.name;
        mark = own->second.mark;
    }
    if (const auto index = facts::find_field(kind, wanted)) {
        built_.compiled[document].fields_used |= std::uint64_t{1} << *index;
        return *index;
    }
    if (std::ranges::find(kHostNames, wanted) != kHostNames.end()) {
        return kThisHost;
    }
    if (in_sigma_taxonomy(kind.name, wanted)) {
        diagnostics_.unsupported(mark, "assay does not fill the field " + quoted(wanted));
        return kThisHost;
    }
    std::vector<std::string_view> names;
    for (const facts::FieldInfo& known : kind.fields) {
        names.push_back(known.name);
    }
    diagnostics_.error(mark, "unknown field " + quoted(wanted) + " of " + quoted(kind.name) +
                                 " facts, which the rule " + quoted(rule.name) + " is about" +
                                 did_you_mean(wanted, names));
    return kThisHost;
}

void Builder::bind(const Source& source, std::size_t node, std::size_t input) {
    std::vector<std::size_t> beneath = built_.plan.nodes[node].inputs[input].documents;
    if (const auto inner = built_.plan.nodes[node].inputs[input].node) {
        documents_beneath(*inner, beneath);
    }
    for (const std::size_t document : beneath) {
        CorrelationPlan::Fields bound;
        for (const NameUse& name : source.group_by) {
            bound.group_by.push_back(field(source, name, source.rules[input], document));
        }
        for (const NameUse& name : source.counted) {
            bound.counted.push_back(field(source, name, source.rules[input], document));
        }
        auto& fields = built_.plan.nodes[node].fields;
        fields.resize(std::max(fields.size(), document + 1));
        fields[document] = std::move(bound);
    }
}

void Builder::check_bounds(const RuleDocument& document) {
    using Type = Source::Type;
    const Source& source = *document.correlation;
    const bool counts = source.type == Type::event_count || source.type == Type::value_count;
    for (const Source::Bound& bound : source.bounds) {
        if (counts && bound.value >= kMostCorrelated) {
            diagnostics_.unsupported(
                source.mark, "no more than " + std::to_string(kMostCorrelated) + " are counted");
        }
    }
    const bool is_temporal = source.type == Type::temporal || source.type == Type::temporal_ordered;
    if (is_temporal && !grows_into(source.bounds)) {
        diagnostics_.unsupported(
            source.mark, "of a temporal correlation the condition can only be `gt` or `gte`");
    }
    const auto rules = static_cast<std::int64_t>(source.rules.size());
    for (const Source::Bound& bound : source.bounds) {
        const std::int64_t least =
            bound.op == Source::Bound::Op::gt ? bound.value + 1 : bound.value;
        if (is_temporal && least > rules) {
            diagnostics_.error(source.mark, "never true: expected at most the number of rules, " +
                                                std::to_string(rules) + ", in the condition");
        } else if (source.type == Type::temporal_ordered && least < rules) {
            diagnostics_.unsupported(source.mark,
                                     "only some of the rules of a `temporal_ordered` correlation");
        }
    }
}

std::size_t Builder::node(const RuleDocument& document) {
    const Source& source = *document.correlation;
    const std::size_t index = built_.plan.nodes.size();
    CorrelationPlan::Node& made = built_.plan.nodes.emplace_back();
    made.type = source.type;
    made.timespan_ns = source.timespan_ns;
    made.bounds = source.bounds;
    for (const NameUse& name : source.group_by) {
        made.group_names.push_back(name.name);
    }
    check_bounds(document);
    within_.push_back(&document);
    for (std::size_t i = 0; i < source.rules.size(); ++i) {
        CorrelationPlan::Input found = input(source.rules[i]);
        if (diagnostics_.failed() || diagnostics_.unsupported_reason()) {
            break;
        }
        built_.plan.nodes[index].inputs.push_back(std::move(found));
        bind(source, index, i);
    }
    within_.pop_back();
    return index;
}

}  // namespace

std::optional<BuiltCorrelation> build_correlation(const RuleDocument& document,
                                                  const std::string& file,
                                                  const CorrelationScope& scope,
                                                  Diagnostics& diagnostics) {
    return Builder(file, scope, diagnostics).build(document);
}

}  // namespace assay::engine
