// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "findings/finding.h"
#include "findings/verdicts.h"

namespace assay::findings {

/// Holds the findings of a run and tells each change of their life. One thread owns it; changes
/// are told from within the calls, and what they point to never changes afterwards. Memory is
/// bounded (see the limits); the rule set must outlive the store and all that it told.
class Store {
public:
    /// Open findings for a rule and Image; the next subjects share one summary finding.
    static constexpr std::size_t kMaxForImage = 100;
    /// Open findings in all; beyond, one summary finding for each rule.
    static constexpr std::size_t kMaxOpen = 4000;
    /// Streams whose counts are told apart, and subjects that summaries remember. Beyond, counts
    /// are told as a minimum.
    static constexpr std::size_t kMaxStreams = 16384;
    static constexpr std::size_t kMaxSubjects = 65536;

    Store(HostInfo host, RunInfo run, AncestryLookup ancestry,
          std::function<void(const Change&)> tell);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Acts (process_creation, network_connection) cannot be undone: a match that says false closes
    /// findings on states (listener, coverage) only.
    void on_match(const engine::Match& match);
    /// The rules were read again: findings of a rule stay those of the rule with the same slug and
    /// id. The earlier rules must live on all the same: what was told points to them.
    void replace_rules(std::span<const engine::RuleInfo* const> rules);
    /// Time has passed: tells counts that have waited for a minute. Cheap; call as often as you
    /// like.
    void tick(Timestamp now);
    /// The window ends: the last Update of each finding carries its exact count. Closes nothing.
    void finish(Timestamp now);

    /// Findings made in this run by rule, each subject once at its last severity; summaries count
    /// their subjects.
    [[nodiscard]] std::vector<RuleCount> counts() const;
    /// Findings made in this run, by severity.
    [[nodiscard]] LevelCounts counts_by_level() const;
    /// The worst severity of any finding of this run, closed ones too: for --fail-on.
    [[nodiscard]] std::optional<engine::Level> worst() const { return worst_; }
    [[nodiscard]] std::size_t open_findings() const { return open_; }

private:
    struct Entry;
    struct Group;
    struct RuleState;

    RuleState& state_of(const engine::RuleInfo* rule);
    void create(RuleState& state, const std::string& uid, const std::string& image,
                const engine::Match& match);
    void add_to_summary(RuleState& state, const std::string& image, const std::string& uid,
                        const engine::Match& match);
    void seen_again(Entry& entry, const engine::Match& match);
    void close(RuleState& state, const std::string& uid, const std::string& image,
               const engine::Match& match);
    void fold_count(Entry& entry, const facts::FactHeader& header);
    [[nodiscard]] std::shared_ptr<const Evidence> gather(const engine::Match& match,
                                                         const Evidence* known_process) const;
    void tell(Entry& entry, Activity activity, Cause cause, Timestamp when);
    void flush(Timestamp now, bool all);
    template <class Visit>
    void each_entry(Visit&& visit);

    std::shared_ptr<const RunContext> context_;
    std::string host_id_;
    AncestryLookup ancestry_;
    std::function<void(const Change&)> tell_;
    std::unordered_map<const engine::RuleInfo*, std::unique_ptr<RuleState>> by_rule_;
    std::vector<RuleState*> in_order_;  ///< of first match: changes are told in a stable order
    Timestamp flushed_;
    std::size_t open_ = 0;
    std::size_t streams_ = 0;
    std::size_t subjects_ = 0;
    std::optional<engine::Level> worst_;
};

}  // namespace assay::findings
