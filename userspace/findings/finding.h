// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/judgement.h"
#include "facts/kinds.h"

namespace assay::findings {

struct HostInfo {
    std::string hostname;
    std::string machine_id;
    std::string os_name;
    std::string os_version;
    std::string kernel_release;
};

struct RunInfo {
    std::string run_id;
    Timestamp start;
    std::vector<std::pair<std::string, std::string>> tags;  ///< the user's --tag name=value
};

struct ProcessSummary {
    std::uint32_t pid = 0;
    std::string image;
    std::string command_line;
    std::string user;
    std::uint32_t uid = 0;
};

/// The process itself first, then its parents; empty when it is not known (any more).
using AncestryLookup = std::function<std::vector<ProcessSummary>(facts::ProcessKey)>;

/// OCSF's activity_id.
enum class Activity : std::uint8_t { create = 1, update = 2, close = 3 };

/// Why a change was told.
enum class Cause : std::uint8_t { first_match, severity, evidence, count, no_longer };
[[nodiscard]] std::string_view name(Cause cause);

enum class Confidence : std::uint8_t { low = 1, high = 3 };

/// One fact that a rule matched, with who did it. Every text in it is redacted and bounded.
struct Evidence {
    explicit Evidence(facts::Kind kind) : fact(kind) {}
    /// fact holds views of itself once frozen.
    Evidence(const Evidence&) = delete;
    Evidence& operator=(const Evidence&) = delete;

    facts::RecordedFact fact;
    facts::ProcessKey process;
    std::vector<ProcessSummary> processes;  ///< the process first, then its parents
};

/// What all findings of a run share.
struct RunContext {
    HostInfo host;
    RunInfo run;
};

/// A rule's judgement of one subject, as it stood when it was told. Never changes after that; may
/// be read by any thread. `rule` lives as long as the rule set, which must outlive every change.
struct Finding {
    std::string uid;  ///< the same for rule, host and subject in every run
    const engine::RuleInfo* rule = nullptr;
    std::shared_ptr<const RunContext> context;
    facts::Kind kind{};
    engine::Level level = engine::Level::medium;
    Confidence confidence = Confidence::high;
    std::vector<std::pair<std::string, std::string>> subject;  ///< redacted
    Timestamp first_seen;
    Timestamp last_seen;
    Timestamp changed;        ///< when this change happened
    std::uint64_t count = 1;  ///< acts seen; of a summary finding: the subjects it stands for
    bool count_is_minimum = false;
    /// A summary: "and N more of this kind". Its subject is [Image], or empty.
    bool is_summary = false;
    bool open = true;
    std::uint32_t change = 1;  ///< 1 is the Create; counts the changes told
    Cause cause = Cause::first_match;
    std::vector<std::shared_ptr<const Evidence>> evidence;  ///< one for each kind of it, at most 4
};

struct Change {
    Activity activity{};
    std::shared_ptr<const Finding> finding;
};

/// For people: Critical is told as High (OCSF keeps its own word).
[[nodiscard]] std::string_view severity_word(engine::Level level);
/// critical 9.5, high 9, medium 6, low 3, informational 0.
[[nodiscard]] double numeric_severity(engine::Level level);

/// The rule's title, or of a summary finding "TITLE (and more of this kind)".
[[nodiscard]] std::string title(const Finding& finding);
/// What was seen, in one line: who did what to whom. Holds host text: escape it for where it goes.
[[nodiscard]] std::string sentence(const Finding& finding);

/// At most `limit` bytes of `text`, cut between characters and then ending in "…".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit);

}  // namespace assay::findings
