// SPDX-License-Identifier: Apache-2.0
#include "app/chosen_rules.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "engine/nearest_name.h"

namespace assay::app {

engine::RuleSet load_rules(const std::string& built_in_directory,
                           std::span<const std::string> own_directories,
                           std::vector<engine::Problem>& problems) {
    // Built-in rules name their package themselves.
    std::vector<engine::RuleSource> sources{{.path = built_in_directory, .package = {}}};
    for (const std::string& directory : own_directories) {
        sources.push_back({.path = directory, .package = "custom", .custom = true});
    }
    return engine::RuleSet::load(sources, problems);
}

engine::RuleSet choose_rules(const RuleChoice& choice, std::vector<engine::Problem>& problems) {
    return chosen_of(load_rules(choice.built_in_directory, choice.own_directories, problems),
                     choice, problems);
}

engine::RuleSet chosen_of(const engine::RuleSet& loaded, const RuleChoice& choice,
                          std::vector<engine::Problem>& problems) {
    engine::Diagnostics diagnostics(choice.overrides.file, problems);
    std::vector<std::string> kept = choice.packages;
    for (const engine::NameUse& rule : choice.enabled) {
        std::vector<std::string_view> names;
        for (const engine::RuleInfo* known : loaded.rules()) {
            names.push_back(known->slug);
        }
        for (const auto& known : loaded.unsupported()) {
            names.push_back(known.info.slug);
        }
        if (std::ranges::find(names, rule.name) == names.end()) {
            diagnostics.error(rule.mark, "no rule is called `" + rule.name + "`" +
                                             engine::did_you_mean(rule.name, names));
        }
        kept.push_back(rule.name);
    }
    engine::RuleSet rules = loaded.with(choice.overrides, problems);
    rules.keep_packages(kept);
    return rules;
}

std::string path_of(const engine::RuleInfo& rule, const std::string& built_in_directory) {
    return rule.package == "custom"
               ? rule.file
               : (std::filesystem::path(built_in_directory) / rule.file).string();
}

bool has_error(std::span<const engine::Problem> problems) {
    return std::ranges::any_of(problems, [](const engine::Problem& problem) {
        return problem.severity == engine::Problem::Severity::error;
    });
}

}  // namespace assay::app
