// SPDX-License-Identifier: Apache-2.0
#include "app/chosen_rules.h"

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

}  // namespace assay::app
