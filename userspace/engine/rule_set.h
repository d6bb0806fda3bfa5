// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/diagnostics.h"
#include "engine/judgement.h"
#include "facts/kinds.h"

namespace assay::engine {

struct RuleDocument;
struct RuleOverrides;
struct CompiledDocument;
struct LoadedCorrelation;

/// Where rules are: a directory (recursed, *.yml, sorted) or one file.
struct RuleSource {
    std::string path;
    std::string package;  ///< of rules that name none themselves
    bool custom = false;  ///< the user's own: package is always `custom`
};

/// One rule: a file with all its documents, or a correlation with all that it is made of.
struct LoadedRule {
    LoadedRule();
    LoadedRule(LoadedRule&&) noexcept;
    LoadedRule& operator=(LoadedRule&&) noexcept;
    ~LoadedRule();

    RuleInfo info;
    std::vector<RuleDocument> documents;
    std::vector<CompiledDocument> compiled;  ///< of the documents, in their order
    /// When there is one, the documents tell nothing by themselves: it says what their matches
    /// mean.
    std::shared_ptr<const LoadedCorrelation> correlation;
};

/// All rules that are loaded. Immutable but for keep_packages; then safe to read from any thread.
/// RuleInfo pointers stay valid while the set (or the one it was moved to) lives.
class RuleSet {
public:
    struct Unsupported {
        RuleInfo info;
        std::string reason;
    };

    /// Loads what it can; every problem of every file is told.
    [[nodiscard]] static RuleSet load(std::span<const RuleSource> sources,
                                      std::vector<Problem>& problems);
    /// Just one rule, whose info and compiled documents are given.
    [[nodiscard]] static RuleSet of(LoadedRule rule);

    /// The supported ones, sorted by package, then slug.
    [[nodiscard]] std::span<const RuleInfo* const> rules() const { return rules_; }
    [[nodiscard]] std::span<const Unsupported> unsupported() const { return unsupported_; }
    /// In the order of rules().
    [[nodiscard]] std::span<const LoadedRule* const> loaded() const { return loaded_; }

    [[nodiscard]] std::vector<facts::Kind> kinds_needed() const;
    [[nodiscard]] bool needs_field(facts::Kind kind, std::string_view field) const;

    /// Keeps only rules whose package or slug is named; the user's own are always kept. Those that
    /// are dropped are no longer listed or judged, but RuleInfo pointers to them stay valid.
    void keep_packages(std::span<const std::string> packages);

    /// The same rules with these overrides (rule_overrides.h). Rules that nobody touches are shared
    /// with this set. Every mistake is told; when one is an error nothing is changed.
    [[nodiscard]] RuleSet with(const RuleOverrides& overrides,
                               std::vector<Problem>& problems) const;
    /// Takes the rules of these names over from an older set, which shares them from then on. Names
    /// that this set has already are left as they are. Answers those that were taken.
    std::vector<std::string> take_over(const RuleSet& older, std::span<const std::string> slugs);

private:
    void add(LoadedRule rule);
    void sort();

    std::vector<std::shared_ptr<const LoadedRule>> owned_;
    std::vector<const LoadedRule*> loaded_;
    std::vector<const RuleInfo*> rules_;
    std::vector<Unsupported> unsupported_;
};

/// Reads, types and compiles the text of one rule file; for RuleSet, tests and the fuzzer.
/// `rule.compiled` is complete only when `diagnostics` neither failed nor says unsupported.
[[nodiscard]] LoadedRule load_rule_text(std::string_view text, Diagnostics& diagnostics);

}  // namespace assay::engine
