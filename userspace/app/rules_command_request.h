// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"
#include "engine/rule_set.h"
#include "facts/kinds.h"

namespace assay::app {

struct RulesSubcommand;

/// What one `assay rules …` was asked to do.
struct RulesRequest {
    const RulesSubcommand* subcommand = nullptr;  ///< nullptr only with help
    std::vector<std::string> operands;
    std::vector<std::string> directories;  ///< --rules
    std::vector<std::string> packages;     ///< --package; empty: all
    std::vector<std::string> fact_files;   ///< --facts
    std::optional<facts::Kind> kind;       ///< --kind: of facts that name none
    std::string built_in_directory;
    bool json = false;
    bool names_only = false;
    bool strict = false;
    bool by_log_source = false;
    bool help = false;
};

struct RulesStreams {
    std::FILE* out;
    std::FILE* err;
};

struct RulesSubcommand {
    std::string_view name;
    std::string_view operands;  ///< as the help writes them
    std::string_view meaning;
    std::span<const OptionRow> options;
    int (*run)(const RulesRequest& request, RulesStreams streams);
};

int rules_list(const RulesRequest& request, RulesStreams streams);
int rules_show(const RulesRequest& request, RulesStreams streams);
int rules_check(const RulesRequest& request, RulesStreams streams);
int rules_test(const RulesRequest& request, RulesStreams streams);
int rules_explain(const RulesRequest& request, RulesStreams streams);
int rules_fields(const RulesRequest& request, RulesStreams streams);

/// "assay rules: …" on `err`; answers kExitUsage.
int rules_usage_error(std::FILE* err, const std::string& message);

/// The built-in rules and those of --rules.
[[nodiscard]] std::vector<engine::RuleSource> sources_of(const RulesRequest& request);
/// Sources of the user's own: files and directories.
[[nodiscard]] std::vector<engine::RuleSource> own_sources(std::span<const std::string> paths);

struct LoadedSources {
    engine::RuleSet rules;
    bool is_sound = true;  ///< false: an error was told
};
/// Loads rules and tells every problem on `err`; keeps the packages that the request names.
[[nodiscard]] LoadedSources load_and_tell(const RulesRequest& request,
                                          std::span<const engine::RuleSource> sources,
                                          std::FILE* err);

/// What to say of a field in a fact's JSON that facts of the kind do not have.
[[nodiscard]] std::string no_such_field(facts::Kind kind, const std::string& name);

}  // namespace assay::app
