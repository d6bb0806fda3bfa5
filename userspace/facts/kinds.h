// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "facts/coverage.h"
#include "facts/listener.h"
#include "facts/network_connection.h"
#include "facts/process_creation.h"

namespace assay::facts {

enum class Kind : std::uint8_t { process_creation, network_connection, listener, coverage };

struct KindInfo {
    Kind kind;
    std::string_view name;
    std::string_view meaning;
    std::span<const FieldInfo> fields;
};

/// Every kind, in the order of enum Kind.
inline constexpr std::array kKinds{
    KindInfo{Kind::process_creation, "process_creation", "a program was executed",
             kProcessCreationFields},
    KindInfo{Kind::network_connection, "network_connection",
             "connections of a program to an endpoint", kNetworkConnectionFields},
    KindInfo{Kind::listener, "listener", "a port that is listened on", kListenerFields},
    KindInfo{Kind::coverage, "coverage", "what the sensors can and cannot see", kCoverageFields},
};

[[nodiscard]] constexpr const KindInfo& info(Kind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}
[[nodiscard]] const KindInfo* find_kind(std::string_view name);
/// Index of a field in its kind's table.
[[nodiscard]] std::optional<std::size_t> find_field(const KindInfo& kind, std::string_view name);

/// A fact that was read from text (a rule's embedded test, a recorded file) instead of observed: it
/// owns its values, in the order of the kind's table; absent fields hold monostate.
struct RecordedFact {
    using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string,
                               std::vector<std::string>>;
    Kind kind{};
    FactHeader header;
    std::vector<Value> values;

    explicit RecordedFact(Kind of) : kind(of), values(info(of).fields.size()) {}
    /// Keeps `list_views` in step; call after the last change of `values` and before making a
    /// FactView.
    void freeze();
    std::vector<std::vector<std::string_view>> list_views;
};

/// A borrowed, type-erased view of any fact: what the engine, JSON and evidence see. Valid while
/// the fact is.
class FactView {
public:
    explicit FactView(const ProcessCreation& fact)
        : FactView(Kind::process_creation, &fact, fact.header) {}
    explicit FactView(const NetworkConnection& fact)
        : FactView(Kind::network_connection, &fact, fact.header) {}
    explicit FactView(const Listener& fact) : FactView(Kind::listener, &fact, fact.header) {}
    explicit FactView(const Coverage& fact) : FactView(Kind::coverage, &fact, fact.header) {}
    explicit FactView(const RecordedFact& fact)
        : kind_(fact.kind), header_(&fact.header), recorded_(&fact) {}

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const KindInfo& kind_info() const { return info(kind_); }
    [[nodiscard]] const FactHeader& header() const { return *header_; }
    [[nodiscard]] FieldValue get(std::size_t field) const {
        return recorded_ != nullptr ? recorded_value(field) : info(kind_).fields[field].read(fact_);
    }
    /// By name; monostate also for a name that the kind does not have.
    [[nodiscard]] FieldValue get(std::string_view name) const;

private:
    FactView(Kind kind, const void* fact, const FactHeader& header)
        : kind_(kind), fact_(fact), header_(&header) {}
    [[nodiscard]] FieldValue recorded_value(std::size_t field) const;

    Kind kind_;
    const void* fact_ = nullptr;
    const FactHeader* header_;
    const RecordedFact* recorded_ = nullptr;
};

/// The value as text, as a person or a Sigma string match sees it: true/false, decimal, the text;
/// lists joined by ", ".
void append_value_text(std::string& out, const FieldValue& value);

/// One flat JSON object, no newline: kind, time (RFC 3339, ns), origin, then the present fields in
/// table order.
void append_json(std::string& out, const FactView& fact);

}  // namespace assay::facts
