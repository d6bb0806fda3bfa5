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

struct JudgeOptions {
    bool include_loopback = false;
};

/// Asks every rule about every fact, and says at the end how each rule stands. One thread; borrows
/// the rule set, which must outlive it and not change.
class Judge {
public:
    /// Called during on_fact for each match. With `matched` false for a subject that was judged and
    /// is not (or no longer) in breach, of kinds that tell a state: a listener, coverage. Rules
    /// judged on each fact tell that only of subjects that matched before in this run; rules judged
    /// at the close tell it of each subject, for findings that an earlier run left open.
    using OnMatch = std::function<void(const Match&)>;

    Judge(const RuleSet& rules, JudgeOptions options, OnMatch on_match);
    ~Judge();
    Judge(Judge&&) noexcept;
    Judge& operator=(Judge&&) noexcept;

    /// Rules judged at the close of the window look only at facts whose header says at_close; the
    /// others at all facts.
    void on_fact(const facts::FactView& fact);
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
