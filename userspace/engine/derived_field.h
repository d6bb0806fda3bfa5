// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/kinds.h"

namespace assay::engine {

/// Fields that no fact holds but that follow from what it holds: parts of its time, single
/// arguments. They are numbered behind the fields of the kinds and behind kAnyField, and are found
/// when a rule asks for them, not before.
inline constexpr std::size_t kFirstDerived = 65;
inline constexpr std::size_t kMostArguments = 64;

enum class Derived : std::size_t {
    minute = kFirstDerived,
    hour,
    day,
    week,
    month,
    year,
    comm,
    argc,
    first_argument,
};
inline constexpr std::size_t kEndOfDerived =
    static_cast<std::size_t>(Derived::first_argument) + kMostArguments;

/// The number of the n-th argument; nullopt from kMostArguments on.
[[nodiscard]] std::optional<std::size_t> derived_argument(std::size_t n);
/// A derived field that auditd's records have by this name: comm, argc, a0, a1, …
[[nodiscard]] std::optional<std::size_t> find_auditd_derived(std::string_view name);
/// Type and meaning of a derived field; `read` is not set.
[[nodiscard]] const facts::FieldInfo& derived_info(std::size_t field);

/// The derived fields of one fact. One thread.
class DerivedFields {
public:
    void look_at(const facts::FactView& fact);
    [[nodiscard]] const facts::FieldValue& value(std::size_t field);
    [[nodiscard]] std::string& folded(std::size_t field) { return slot(field).folded; }
    [[nodiscard]] bool& folded_is_filled(std::size_t field) { return slot(field).is_filled; }

private:
    struct Slot {
        facts::FieldValue value;
        bool is_read = false;
        std::string folded;
        bool is_filled = false;
    };
    Slot& slot(std::size_t field) { return slots_[field - kFirstDerived]; }
    [[nodiscard]] facts::FieldValue derive(std::size_t field);
    void split_arguments();

    const facts::FactView* fact_ = nullptr;
    std::vector<Slot> slots_ = std::vector<Slot>(kEndOfDerived - kFirstDerived);
    bool is_split_ = false;
    std::vector<std::string_view> arguments_;
    std::vector<std::string_view> names_;  ///< what comm may be
};

}  // namespace assay::engine
