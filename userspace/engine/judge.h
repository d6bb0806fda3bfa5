// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/judgement.h"
#include "engine/rule_set.h"
#include "facts/hooks.h"
#include "facts/kinds.h"

namespace assay::engine {

/// From so many documents of one kind on, a shared index chooses which to ask about a fact. Below,
/// asking all of them in turn is faster (measured: see README.md).
inline constexpr std::size_t kIndexFrom = 12;

struct JudgeOptions {
    bool include_loopback = false;
    /// For tests and measurements: from how many documents on the index is used.
    std::size_t index_from = kIndexFrom;
};

/// Asks every rule about every fact, and says at the end how each rule stands. One thread; borrows
/// the rule set, which must outlive it (or the next replace_rules) and not change.
class Judge {
public:
    /// Called during on_fact for each match. With `matched` false for a subject that was judged and
    /// is not (or no longer) in breach, is excepted now or is gone, of kinds that tell a state: a
    /// listener, a setting. Rules judged on each fact tell that only of subjects that matched
    /// before in this run; rules judged at the close tell it of each subject, for findings that an
    /// earlier run left open. Matches found before `applies_when` held are told when it does, with
    /// copies of their facts.
    using OnMatch = std::function<void(const Match&)>;

    Judge(const RuleSet& rules, JudgeOptions options, OnMatch on_match);
    ~Judge();
    Judge(Judge&&) noexcept;
    Judge& operator=(Judge&&) noexcept;

    /// Rules judged at the close of the window look only at facts whose header says at_close; the
    /// others at all facts.
    void on_fact(const facts::FactView& fact);
    /// The rules were read again. Rules of the same slug with as many documents keep what they have
    /// counted, whether they apply and which subjects match; new ones start empty, and of rules
    /// that are gone nothing more is told. Not to be called from on_match. `rules` is borrowed from
    /// now on; the earlier set no more.
    void replace_rules(const RuleSet& rules);
    /// A hook is missing or lost events. May be told again: the largest loss of a hook counts.
    void on_gap(const facts::CoverageGap& gap);
    /// One for each rule, in the order of RuleSet::rules(); of a file with several documents the
    /// worst.
    [[nodiscard]] std::vector<RuleOutcome> outcomes() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// How one test inside a rule went.
struct TestResult {
    const RuleInfo* rule = nullptr;
    int test_index = 0;  ///< from 0, over all documents of the file
    int line = 0;
    bool passed = false;
    std::string message;  ///< why it did not pass
};
[[nodiscard]] std::vector<TestResult> run_tests(const RuleSet& rules);

}  // namespace assay::engine
