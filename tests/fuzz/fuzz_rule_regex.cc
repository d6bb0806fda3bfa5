// SPDX-License-Identifier: Apache-2.0
// Any bytes as a regular expression of a rule, looked for in any text: the first line is the
// expression, the second the text. Time is bounded whatever both are; libFuzzer's timeout tells.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/rule_document.h"
#include "engine/rule_loader.h"
#include "engine/rule_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace assay;
    constexpr std::size_t kLargest = 4096;
    if (size < 2 || size > kLargest) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t end = std::min(text.find('\n'), text.size());

    engine::FieldItem item;
    item.field = "CommandLine";
    item.modifiers = {engine::Modifier::re};
    for (const auto& [bit, modifier] : {std::pair{1U, engine::Modifier::ignore_case},
                                        {2U, engine::Modifier::multi_line},
                                        {4U, engine::Modifier::single_line}}) {
        if ((data[0] & bit) != 0) {
            item.modifiers.push_back(modifier);
        }
    }
    item.values = {
        {.type = engine::Scalar::Type::text, .text = std::string(text.substr(0, end)), .mark = {}}};
    engine::RuleDocument document;
    document.log_source.category = "process_creation";
    document.selections = {{.name = "s", .mark = {}, .groups = {{std::move(item)}}}};
    engine::YamlNode condition;
    condition.type = engine::YamlNode::Type::scalar;
    condition.text = "s";
    document.conditions = {std::move(condition)};

    std::vector<engine::Problem> problems;
    engine::Diagnostics diagnostics("fuzz.yml", problems);
    auto compiled = engine::compile(document, {}, diagnostics);
    if (!compiled) {
        return 0;
    }
    engine::LoadedRule rule;
    rule.compiled.push_back(std::move(*compiled));
    const engine::RuleSet rules = engine::RuleSet::of(std::move(rule));
    facts::ProcessCreation process;
    process.command_line = text.substr(std::min(end + 1, text.size()));
    bool plain = false;
    bool indexed = false;
    for (bool* found : {&plain, &indexed}) {
        engine::Judge judge(
            rules,
            {.include_loopback = true, .index_from = found == &indexed ? std::size_t{1} : 100},
            [found](const engine::Match&) { *found = true; });
        judge.on_fact(facts::FactView(process));
    }
    if (plain != indexed) {
        __builtin_trap();
    }
    return 0;
}
