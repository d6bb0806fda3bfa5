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

#include "facts/account.h"
#include "facts/coverage.h"
#include "facts/directory.h"
#include "facts/file_event.h"
#include "facts/listener.h"
#include "facts/network_connection.h"
#include "facts/process_creation.h"
#include "facts/setting.h"

namespace assay::facts {

enum class Kind : std::uint8_t {
    process_creation,
    network_connection,
    listener,
    file_event,
    setting,
    account,
    directory,
    coverage,
};

struct KindInfo {
    Kind kind;
    std::string_view name;
    std::string_view meaning;
    std::span<const FieldInfo> fields;
    /// What one finding is about when a rule does not say: names of fields.
    std::span<const std::string_view> subject;
    /// Its facts tell how something stands (a later fact on the same subject replaces the earlier
    /// one), not that something was done. Only on these a rule can stop being broken.
    bool tells_state;
};

namespace detail {
inline constexpr std::array<std::string_view, 3> kProcessSubject{"Image", "CommandLine", "User"};
inline constexpr std::array<std::string_view, 3> kConnectionSubject{"Image", "DestinationIp",
                                                                    "DestinationPort"};
inline constexpr std::array<std::string_view, 4> kListenerSubject{"Netns", "Protocol", "LocalIp",
                                                                  "LocalPort"};
inline constexpr std::array<std::string_view, 1> kFileSubject{"TargetFilename"};
inline constexpr std::array<std::string_view, 3> kSettingSubject{"Setting", "Instance", "Criteria"};
inline constexpr std::array<std::string_view, 1> kAccountSubject{"Account"};
inline constexpr std::array<std::string_view, 1> kDirectorySubject{"Path"};
inline constexpr std::array<std::string_view, 1> kCoverageSubject{"Hook"};
}  // namespace detail

/// Every kind, in the order of enum Kind.
inline constexpr std::array kKinds{
    KindInfo{Kind::process_creation, "process_creation", "a program was executed",
             kProcessCreationFields, detail::kProcessSubject, false},
    KindInfo{Kind::network_connection, "network_connection",
             "connections of a program to an endpoint", kNetworkConnectionFields,
             detail::kConnectionSubject, false},
    KindInfo{Kind::listener, "listener", "a port that is listened on", kListenerFields,
             detail::kListenerSubject, true},
    KindInfo{Kind::file_event, "file_event", "a file was made or renamed", kFileEventFields,
             detail::kFileSubject, false},
    KindInfo{Kind::setting, "setting", "how something is set up, in effect", kSettingFields,
             detail::kSettingSubject, true},
    KindInfo{Kind::account, "account", "an account, and how it may log in", kAccountFields,
             detail::kAccountSubject, true},
    KindInfo{Kind::directory, "directory", "who can change a system directory", kDirectoryFields,
             detail::kDirectorySubject, true},
    KindInfo{Kind::coverage, "coverage", "what the sensors can and cannot see", kCoverageFields,
             detail::kCoverageSubject, true},
};

[[nodiscard]] constexpr const KindInfo& info(Kind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}
[[nodiscard]] const KindInfo* find_kind(std::string_view name);
/// Index of a field in its kind's table.
[[nodiscard]] std::optional<std::size_t> find_field(const KindInfo& kind, std::string_view name);

/// A fact that owns its values, read from text (a rule's embedded test, a recorded file) or copied
/// to be kept: in the order of the kind's table; absent fields hold monostate.
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
    explicit FactView(const FileEvent& fact) : FactView(Kind::file_event, &fact, fact.header) {}
    explicit FactView(const Setting& fact) : FactView(Kind::setting, &fact, fact.header) {}
    explicit FactView(const Account& fact) : FactView(Kind::account, &fact, fact.header) {}
    explicit FactView(const Directory& fact) : FactView(Kind::directory, &fact, fact.header) {}
    explicit FactView(const Coverage& fact) : FactView(Kind::coverage, &fact, fact.header) {}
    explicit FactView(const RecordedFact& fact)
        : kind_(fact.kind), header_(&fact.header), recorded_(&fact) {}

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const KindInfo& kind_info() const { return info(kind_); }
    [[nodiscard]] const FactHeader& header() const { return *header_; }
    [[nodiscard]] FieldValue get(std::size_t field) const {
        return recorded_ != nullptr ? recorded_value(field) : info(kind_).fields[field].read(fact_);
    }
    /// ProcessCreation::arguments; empty where it is not known, and of other kinds.
    [[nodiscard]] std::string_view arguments() const {
        return recorded_ == nullptr && kind_ == Kind::process_creation
                   ? static_cast<const ProcessCreation*>(fact_)->arguments
                   : std::string_view{};
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

/// A copy that outlives the fact; already frozen.
[[nodiscard]] RecordedFact copy_of(const FactView& fact);

/// The value as text, as a person or a Sigma string match sees it: true/false, decimal, the text;
/// lists joined by ", ".
void append_value_text(std::string& out, const FieldValue& value);

/// One flat JSON object, no newline: kind, time (RFC 3339, ns), origin, then the present fields in
/// table order.
void append_json(std::string& out, const FactView& fact);

}  // namespace assay::facts
