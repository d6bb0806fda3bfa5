// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "app/exit_code.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "deliver/json_writer.h"
#include "engine/nearest_name.h"

namespace assay::app {
namespace {

std::string_view type_name(facts::FieldType type) {
    switch (type) {
        case facts::FieldType::boolean:
            return "boolean";
        case facts::FieldType::integer:
            return "integer";
        case facts::FieldType::text:
            return "text";
        case facts::FieldType::text_list:
            return "list of texts";
    }
    return "";
}

std::string page_of(const facts::KindInfo& kind) {
    constexpr std::size_t kWidth = 100;
    constexpr std::size_t kLeastMeaning = 30;
    std::size_t name_width = 5;
    std::size_t type_width = 4;
    const auto type_of = [](const facts::FieldInfo& field) {
        return std::string(type_name(field.type)) +
               (field.unit.empty() ? "" : " (" + std::string(field.unit) + ")");
    };
    for (const facts::FieldInfo& field : kind.fields) {
        name_width = std::max(name_width, field.name.size());
        type_width = std::max(type_width, type_of(field).size());
    }
    std::string page = std::string(kind.name) + ": " + std::string(kind.meaning) + '\n';
    std::string subject;
    for (const std::string_view field : kind.subject) {
        subject += (subject.empty() ? "" : ", ") + std::string(field);
    }
    page += "  one finding is about: " + subject + "\n\n";
    const std::string indent(2 + name_width + 2 + type_width + 2, ' ');
    for (const facts::FieldInfo& field : kind.fields) {
        std::string line = "  " + std::string(field.name);
        line.resize(2 + name_width + 2, ' ');
        line += type_of(field);
        line.resize(indent.size(), ' ');
        const std::string meaning =
            wrapped(field.meaning, indent, std::max(kWidth, indent.size() + kLeastMeaning));
        page += meaning.empty() ? line + '\n' : line + meaning.substr(indent.size());
    }
    return page;
}

void write_json(deliver::JsonWriter& json, const facts::KindInfo& kind) {
    json.open('{').field("kind", kind.name).field("meaning", kind.meaning);
    json.texts("subject", kind.subject);
    json.key("tells_state").boolean(kind.tells_state);
    json.key("fields").open('[');
    for (const facts::FieldInfo& field : kind.fields) {
        json.open('{').field("name", field.name).field("type", type_name(field.type));
        json.key("unit").text(field.unit);
        json.field("meaning", field.meaning).close('}');
    }
    json.close(']').close('}');
}

}  // namespace

int rules_fields(const RulesRequest& request, RulesStreams streams) {
    std::vector<const facts::KindInfo*> kinds;
    for (const std::string& name : request.operands) {
        const facts::KindInfo* kind = facts::find_kind(name);
        if (kind == nullptr) {
            std::array<std::string_view, facts::kKinds.size()> names;
            std::ranges::transform(facts::kKinds, names.begin(), &facts::KindInfo::name);
            return rules_usage_error(streams.err, "unknown kind of fact `" + name + "`" +
                                                      engine::did_you_mean(name, names));
        }
        kinds.push_back(kind);
    }
    if (kinds.empty()) {
        for (const facts::KindInfo& kind : facts::kKinds) {
            kinds.push_back(&kind);
        }
    }
    std::string text;
    if (request.json) {
        deliver::JsonWriter json(text);
        json.open('[');
        for (const facts::KindInfo* kind : kinds) {
            write_json(json, *kind);
        }
        json.close(']');
        text += '\n';
    } else {
        for (const facts::KindInfo* kind : kinds) {
            text += (text.empty() ? "" : "\n") + page_of(*kind);
        }
    }
    print(streams.out, text);
    return kExitDone;
}

}  // namespace assay::app
