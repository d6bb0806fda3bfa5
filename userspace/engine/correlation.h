// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/field_test.h"
#include "engine/rule_document.h"

namespace assay::engine {

/// Instead of a field: the same for all facts, since all are of one host (ComputerName).
inline constexpr std::size_t kThisHost = std::numeric_limits<std::size_t>::max();

/// A correlation and those that it is made of, tied to the documents of the rule that it belongs
/// to. Plain data.
struct CorrelationPlan {
    /// What one entry of `rules` means: another correlation, or documents.
    struct Input {
        std::optional<std::size_t> node;
        std::vector<std::size_t> documents;

        bool operator==(const Input&) const = default;
    };
    /// Where a document beneath the correlation keeps what this one asks for: fields or kThisHost.
    struct Fields {
        std::vector<std::size_t> group_by;
        std::vector<std::size_t> counted;

        bool operator==(const Fields&) const = default;
    };
    struct Node {
        CorrelationSource::Type type{};
        std::int64_t timespan_ns = 0;
        std::vector<CorrelationSource::Bound> bounds;
        std::vector<std::string> group_names;
        std::vector<Input> inputs;
        std::vector<Fields> fields;  ///< by document; of those that are not beneath, empty

        bool operator==(const Node&) const = default;
    };
    std::vector<Node> nodes;  ///< the first is the one that the rule is about

    bool operator==(const CorrelationPlan&) const = default;
};

/// What a rule must be able to count up to, and no further.
inline constexpr std::int64_t kMostCorrelated = 100'000;

/// True when the bounds, once true, stay true while the number grows: then a match is told at once.
/// Otherwise only the end of the time span can tell.
[[nodiscard]] bool grows_into(const std::vector<CorrelationSource::Bound>& bounds);

/// A correlation while facts go by. Time is the facts' own. State is bounded: the group that was
/// not seen for longest is dropped first, and what is dropped before its time is counted. One
/// thread; borrows the plan.
class CorrelationState {
public:
    /// It holds: the last fact, and the document of the rule that this fact matched.
    struct Hit {
        std::size_t document = 0;
        const facts::FactView& fact;
        /// Names and values of group-by.
        std::vector<std::pair<std::string_view, std::string>> subject;
    };
    using OnHit = std::function<void(const Hit&)>;

    explicit CorrelationState(const CorrelationPlan& plan);
    ~CorrelationState();
    CorrelationState(CorrelationState&&) noexcept;
    CorrelationState& operator=(CorrelationState&&) noexcept;

    /// A document of the rule matches the fact that `fields` looks at, which is the fact_number-th:
    /// a fact that several documents match is one, and does not come before itself.
    void on_match(std::size_t document, std::uint64_t fact_number, FactFields& fields,
                  const OnHit& on_hit);
    /// Facts have got this far: time spans that ended before are judged.
    void on_time(Timestamp now, const OnHit& on_hit);
    /// Whether on_time has anything to do, ever.
    [[nodiscard]] bool waits_for_time() const;
    [[nodiscard]] std::uint64_t hits() const;
    /// What could not be judged, and why; empty when all could.
    [[nodiscard]] std::string left_unjudged() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay::engine
