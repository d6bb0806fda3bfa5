// SPDX-License-Identifier: Apache-2.0
#include "facts/kinds.h"

#include <algorithm>
#include <charconv>

#include "base/json_text.h"

namespace assay::facts {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};

template <class Integer>
void append_integer(std::string& out, Integer value) {
    char digits[24];
    const auto [end, problem] = std::to_chars(digits, digits + sizeof digits, value);
    (void)problem;  // 24 characters hold any 64-bit integer
    out.append(digits, end);
}

void append_json_value(std::string& out, const FieldValue& value) {
    std::visit(Overloaded{[&](std::monostate) { out += "null"; },
                          [&](bool flag) { out += flag ? "true" : "false"; },
                          [&](std::int64_t number) { append_integer(out, number); },
                          [&](std::uint64_t number) { append_integer(out, number); },
                          [&](std::string_view text) { append_json_string(out, text); },
                          [&](TextList list) {
                              out += '[';
                              for (std::size_t i = 0; i < list.size(); ++i) {
                                  if (i > 0) {
                                      out += ',';
                                  }
                                  append_json_string(out, list[i]);
                              }
                              out += ']';
                          }},
               value);
}

}  // namespace

const KindInfo* find_kind(std::string_view name) {
    const auto found = std::ranges::find(kKinds, name, &KindInfo::name);
    return found == kKinds.end() ? nullptr : &*found;
}

std::optional<std::size_t> find_field(const KindInfo& kind, std::string_view name) {
    const auto found = std::ranges::find(kind.fields, name, &FieldInfo::name);
    if (found == kind.fields.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - kind.fields.begin());
}

void RecordedFact::freeze() {
    list_views.assign(values.size(), {});
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (const auto* list = std::get_if<std::vector<std::string>>(&values[i])) {
            list_views[i].assign(list->begin(), list->end());
        }
    }
}

FieldValue FactView::recorded_value(std::size_t field) const {
    return std::visit(
        Overloaded{[](std::monostate) -> FieldValue { return {}; },
                   [](const std::string& text) -> FieldValue { return std::string_view(text); },
                   [&](const std::vector<std::string>&) -> FieldValue {
                       return TextList(recorded_->list_views[field]);
                   },
                   [](auto plain) -> FieldValue { return plain; }},
        recorded_->values[field]);
}

RecordedFact copy_of(const FactView& fact) {
    RecordedFact copy(fact.kind());
    copy.header = fact.header();
    for (std::size_t i = 0; i < copy.values.size(); ++i) {
        std::visit(Overloaded{[](std::monostate) {},
                              [&](std::string_view text) { copy.values[i] = std::string(text); },
                              [&](TextList list) {
                                  copy.values[i] =
                                      std::vector<std::string>(list.begin(), list.end());
                              },
                              [&](auto plain) { copy.values[i] = plain; }},
                   fact.get(i));
    }
    copy.freeze();
    return copy;
}

FieldValue FactView::get(std::string_view name) const {
    const auto index = find_field(kind_info(), name);
    return index ? get(*index) : FieldValue{};
}

void append_value_text(std::string& out, const FieldValue& value) {
    std::visit(Overloaded{[](std::monostate) {}, [&](bool flag) { out += flag ? "true" : "false"; },
                          [&](std::int64_t number) { append_integer(out, number); },
                          [&](std::uint64_t number) { append_integer(out, number); },
                          [&](std::string_view text) { out += text; },
                          [&](TextList list) {
                              for (std::size_t i = 0; i < list.size(); ++i) {
                                  if (i > 0) {
                                      out += ", ";
                                  }
                                  out += list[i];
                              }
                          }},
               value);
}

void append_json(std::string& out, const FactView& fact) {
    out += R"({"kind":)";
    append_json_string(out, fact.kind_info().name);
    out += R"(,"time":")";
    append_rfc3339(out, fact.header().time);
    out += fact.header().origin == Origin::snapshot ? R"(","origin":"snapshot")"
                                                    : R"(","origin":"runtime")";
    const auto fields = fact.kind_info().fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const FieldValue value = fact.get(i);
        if (std::holds_alternative<std::monostate>(value)) {
            continue;
        }
        out += ",\"";
        out += fields[i].name;
        out += "\":";
        append_json_value(out, value);
    }
    out += '}';
}

}  // namespace assay::facts
