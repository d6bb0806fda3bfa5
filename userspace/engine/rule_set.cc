// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_set.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/host_root.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/compiled_rule.h"
#include "engine/rule_document.h"
#include "engine/yaml_tree.h"

namespace assay::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 50'000;
constexpr std::string_view kExtension = ".yml";

bool is_uuid(std::string_view text) {
    if (text.size() != 36) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool is_hex =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (is_dash ? c != '-' : !is_hex) {
            return false;
        }
    }
    return true;
}

/// Files of a source, sorted, as paths relative to it (empty for a source that is one file).
std::vector<fs::path> files_of(const RuleSource& source, std::vector<Problem>& problems) {
    const auto cannot = [&](std::string_view act, const std::error_code& why) {
        problems.push_back(
            {.file = source.path, .message = std::string(act) + ": " + why.message()});
    };
    std::error_code failure;
    const fs::file_status status = fs::status(source.path, failure);
    if (failure) {
        cannot("cannot read rules", failure);
        return {};
    }
    if (status.type() != fs::file_type::directory) {
        if (status.type() != fs::file_type::regular) {
            problems.push_back(
                {.file = source.path, .message = "expected a rule file or a directory of rules"});
            return {};
        }
        return {fs::path()};
    }
    std::vector<fs::path> files;
    fs::recursive_directory_iterator entry(source.path, failure);
    while (!failure && entry != fs::recursive_directory_iterator()) {
        std::error_code vanished;
        if (entry->path().extension() == kExtension && entry->is_regular_file(vanished)) {
            files.push_back(entry->path().lexically_relative(source.path));
        }
        if (files.size() > kMostFiles) {
            problems.push_back({.file = source.path,
                                .message = "more than " + std::to_string(kMostFiles) +
                                           " rule files in this directory"});
            break;
        }
        entry.increment(failure);
    }
    if (failure) {
        cannot("cannot read the whole directory", failure);
    } else if (files.empty()) {
        problems.push_back({.severity = Problem::Severity::warning,
                            .file = source.path,
                            .message = "no rule files (*.yml) in this directory"});
    }
    std::ranges::sort(files);
    return files;
}

Result<std::string> read_rule_file(const std::string& path) {
    // Non-blocking, so that a pipe put in the place of the file cannot hold us up.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return std::unexpected(errno_error("cannot read the file", errno));
    }
    const UniqueFd file(fd);
    return read_all(file.get(), kLargestRuleFile);
}

std::string package_of(const RuleSource& source, const RuleInfo& info) {
    if (source.custom) {
        return "custom";
    }
    return info.package.empty() ? source.package : info.package;
}

}  // namespace

LoadedRule::LoadedRule() = default;
LoadedRule::LoadedRule(LoadedRule&&) noexcept = default;
LoadedRule& LoadedRule::operator=(LoadedRule&&) noexcept = default;
LoadedRule::~LoadedRule() = default;

LoadedRule load_rule_text(std::string_view text, Diagnostics& diagnostics) {
    LoadedRule rule;
    const auto trees = parse_yaml(text);
    if (!trees) {
        diagnostics.error(trees.error().mark, trees.error().message);
        return rule;
    }
    if (trees->empty()) {
        diagnostics.error({.line = 1, .column = 1}, "expected a rule, found an empty file");
        return rule;
    }
    for (const YamlNode& tree : *trees) {
        RuleDocument document = read_rule_document(tree, diagnostics);
        if (diagnostics.failed() || diagnostics.unsupported_reason()) {
            rule.documents.push_back(std::move(document));
            continue;
        }
        if (auto compiled = compile(document, {}, diagnostics)) {
            for (const RuleTest& test : document.tests) {
                (void)facts_of_test(test, compiled->kind, diagnostics);
            }
            rule.compiled.push_back(std::move(*compiled));
        }
        rule.documents.push_back(std::move(document));
    }
    const RuleDocument& first = rule.documents.front();
    rule.info = first.info;
    if (!rule.info.id.empty() && !is_uuid(rule.info.id)) {
        const YamlEntry* id = trees->front().find("id");
        diagnostics.warning(id == nullptr ? first.mark : id->value.mark,
                            "expected a UUID for `id`, found `" + rule.info.id + "`");
    }
    return rule;
}

RuleSet RuleSet::load(std::span<const RuleSource> sources, std::vector<Problem>& problems) {
    RuleSet set;
    std::map<std::string, std::string> file_of_slug;
    std::map<std::string, std::string> file_of_id;
    for (const RuleSource& source : sources) {
        for (const fs::path& relative : files_of(source, problems)) {
            const std::string path =
                relative.empty() ? source.path : (fs::path(source.path) / relative).string();
            Diagnostics diagnostics(path, problems);
            const auto text = read_rule_file(path);
            if (!text) {
                diagnostics.error({}, text.error().message);
                continue;
            }
            LoadedRule rule = load_rule_text(*text, diagnostics);
            const fs::path name = fs::path(path).filename();
            rule.info.slug = (name.extension() == kExtension ? name.stem() : name).string();
            rule.info.file = source.custom || relative.empty() ? path : relative.string();
            rule.info.package = package_of(source, rule.info);
            if (rule.info.id.empty()) {
                rule.info.id = rule.info.slug;
            }
            const Mark mark = rule.documents.empty() ? Mark{} : rule.documents.front().mark;
            if (!diagnostics.failed() && rule.info.package.empty()) {
                diagnostics.error(mark, "expected the key `package` under `assay`");
            }
            if (!diagnostics.failed() && !diagnostics.unsupported_reason()) {
                const auto [same_name, new_name] = file_of_slug.try_emplace(rule.info.slug, path);
                const auto [same_id, new_id] = file_of_id.try_emplace(rule.info.id, path);
                if (!new_name) {
                    diagnostics.error(mark, "another rule is called `" + rule.info.slug + "`: " +
                                                same_name->second + "; give one file another name");
                } else if (!new_id) {
                    diagnostics.error(mark, "another rule has the id " + rule.info.id + ": " +
                                                same_id->second + "; give each rule its own");
                }
            }
            if (diagnostics.failed()) {
                continue;
            }
            if (diagnostics.unsupported_reason()) {
                set.unsupported_.push_back(
                    {std::move(rule.info), *diagnostics.unsupported_reason()});
            } else {
                set.add(std::move(rule));
            }
        }
    }
    set.sort();
    return set;
}

RuleSet RuleSet::of(LoadedRule rule) {
    RuleSet set;
    set.add(std::move(rule));
    set.sort();
    return set;
}

void RuleSet::add(LoadedRule rule) {
    owned_.push_back(std::make_unique<LoadedRule>(std::move(rule)));
    loaded_.push_back(owned_.back().get());
}

void RuleSet::sort() {
    const auto order = [](const RuleInfo& info) {
        return std::pair<const std::string&, const std::string&>(info.package, info.slug);
    };
    std::ranges::sort(loaded_, [&](const LoadedRule* a, const LoadedRule* b) {
        return order(a->info) < order(b->info);
    });
    std::ranges::sort(unsupported_, [&](const Unsupported& a, const Unsupported& b) {
        return order(a.info) < order(b.info);
    });
    rules_.clear();
    for (const LoadedRule* rule : loaded_) {
        rules_.push_back(&rule->info);
    }
}

std::vector<facts::Kind> RuleSet::kinds_needed() const {
    std::array<bool, facts::kKinds.size()> needed{};
    for (const LoadedRule* rule : loaded_) {
        for (const CompiledDocument& document : rule->compiled) {
            needed[static_cast<std::size_t>(document.kind)] = true;
        }
    }
    std::vector<facts::Kind> kinds;
    for (const facts::KindInfo& info : facts::kKinds) {
        if (needed[static_cast<std::size_t>(info.kind)]) {
            kinds.push_back(info.kind);
        }
    }
    return kinds;
}

bool RuleSet::needs_field(facts::Kind kind, std::string_view field) const {
    const auto index = facts::find_field(facts::info(kind), field);
    return index && std::ranges::any_of(loaded_, [&](const LoadedRule* rule) {
               return std::ranges::any_of(rule->compiled, [&](const CompiledDocument& document) {
                   return document.kind == kind && (document.fields_used >> *index & 1U) != 0;
               });
           });
}

void RuleSet::keep_packages(std::span<const std::string> packages) {
    const auto dropped = [&](const RuleInfo& info) {
        return info.package != "custom" &&
               std::ranges::find(packages, info.package) == packages.end() &&
               std::ranges::find(packages, info.slug) == packages.end();
    };
    std::erase_if(loaded_, [&](const LoadedRule* rule) { return dropped(rule->info); });
    std::erase_if(unsupported_, [&](const Unsupported& rule) { return dropped(rule.info); });
    sort();
}

}  // namespace assay::engine
