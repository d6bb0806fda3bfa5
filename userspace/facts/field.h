// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

namespace assay::facts {

/// What a field holds in one fact. monostate: absent (not known, or it does not apply). An empty
/// text is absent too. Texts are borrowed: they live as long as the fact they were read from.
using TextList = std::span<const std::string_view>;
using FieldValue =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string_view, TextList>;

enum class FieldType : std::uint8_t { boolean, integer, text, text_list };

/// One row of a kind's field table. JSON, rules, `assay rules fields` and the documentation walk
/// these rows; a field is named nowhere else.
struct FieldInfo {
    std::string_view name;
    FieldType type;
    std::string_view unit;  ///< "bytes", "s", "decimal", "IPv4 or IPv6 address"… or empty
    std::string_view meaning;
    FieldValue (*read)(const void* fact);
};

namespace detail {

template <class Owner, class Value>
Owner owner_of(Value Owner::*);
template <class Owner, class Value>
Value value_of(Value Owner::*);

template <class T>
struct Unwrapped {
    using Type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
    using Type = T;
};

inline FieldValue to_value(bool value) { return value; }
inline FieldValue to_value(std::string_view value) {
    return value.empty() ? FieldValue{} : FieldValue{value};
}
inline FieldValue to_value(TextList value) {
    return value.empty() ? FieldValue{} : FieldValue{value};
}
template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
FieldValue to_value(T value) {
    if constexpr (std::is_signed_v<T>) {
        return static_cast<std::int64_t>(value);
    } else {
        return static_cast<std::uint64_t>(value);
    }
}
template <class T>
FieldValue to_value(const std::optional<T>& value) {
    return value ? to_value(*value) : FieldValue{};
}

template <auto Member>
FieldValue read_member(const void* fact) {
    using Owner = decltype(owner_of(Member));
    return to_value(static_cast<const Owner*>(fact)->*Member);
}

template <class T>
constexpr FieldType type_for() {
    using Plain = typename Unwrapped<T>::Type;
    if constexpr (std::is_same_v<Plain, bool>) {
        return FieldType::boolean;
    } else if constexpr (std::is_integral_v<Plain>) {
        return FieldType::integer;
    } else if constexpr (std::is_same_v<Plain, TextList>) {
        return FieldType::text_list;
    } else {
        static_assert(std::is_same_v<Plain, std::string_view>);
        return FieldType::text;
    }
}

}  // namespace detail

/// field<&Listener::local_port>("LocalPort", "", "port in host order")
template <auto Member>
constexpr FieldInfo field(std::string_view name, std::string_view unit, std::string_view meaning) {
    using Value = decltype(detail::value_of(Member));
    return FieldInfo{name, detail::type_for<Value>(), unit, meaning, &detail::read_member<Member>};
}

}  // namespace assay::facts
