// SPDX-License-Identifier: Apache-2.0
#include "engine/rule_set.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/host_root.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/compiled_rule.h"
#include "engine/rule_document.h"
#include "engine/rule_loader.h"
#include "engine/yaml_tree.h"

namespace assay::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 50'000;
constexpr std::string_view kExtension = ".yml";

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
    RuleLoader loader;
    loader.add_file(text, "rule", diagnostics);
    std::vector<RuleLoader::Rule> rules = loader.finish();
    for (const RuleLoader::Rule& rule : rules) {
        if (rule.unsupported) {
            diagnostics.take_unsupported(*rule.unsupported);
        }
    }
    return rules.empty() ? LoadedRule() : std::move(rules.front().rule);
}

namespace {

/// A file while a set is loaded. What is wrong with it is told when all files are known.
struct OpenFile {
    OpenFile(std::string path_of_file, const RuleSource& of_source, bool is_whole_source)
        : path(std::move(path_of_file)),
          source(of_source),
          is_source(is_whole_source),
          diagnostics(path, problems) {}

    std::string path;
    std::string relative;
    const RuleSource& source;
    bool is_source;
    std::vector<Problem> problems;
    Diagnostics diagnostics;
};

/// Which rule has a name or an id already.
class TakenNames {
public:
    /// Whether nobody had them. An error is told otherwise.
    bool take(const RuleInfo& info, const std::string& path, Mark mark, Diagnostics& diagnostics) {
        const auto [same_name, new_name] = file_of_slug_.try_emplace(info.slug, path);
        const auto [same_id, new_id] = file_of_id_.try_emplace(info.id, path);
        if (!new_name) {
            diagnostics.error(mark, "another rule is called `" + info.slug +
                                        "`: " + same_name->second + "; give one file another name");
        } else if (!new_id) {
            diagnostics.error(mark, "another rule has the id " + info.id + ": " + same_id->second +
                                        "; give each rule its own");
        }
        return new_name && new_id;
    }

private:
    std::map<std::string, std::string> file_of_slug_;
    std::map<std::string, std::string> file_of_id_;
};

}  // namespace

RuleSet RuleSet::load(std::span<const RuleSource> sources, std::vector<Problem>& problems) {
    std::deque<OpenFile> files;
    RuleLoader loader;
    std::vector<OpenFile*> added;
    for (const RuleSource& source : sources) {
        for (const fs::path& relative : files_of(source, problems)) {
            OpenFile& file = files.emplace_back(
                relative.empty() ? source.path : (fs::path(source.path) / relative).string(),
                source, relative.empty());
            file.relative = relative.string();
            const auto text = read_rule_file(file.path);
            if (!text) {
                file.diagnostics.error({}, text.error().message);
                continue;
            }
            const fs::path name = fs::path(file.path).filename();
            loader.add_file(*text, (name.extension() == kExtension ? name.stem() : name).string(),
                            file.diagnostics);
            added.push_back(&file);
        }
    }
    RuleSet set;
    TakenNames taken;
    for (RuleLoader::Rule& each : loader.finish()) {
        OpenFile& file = *added[each.file];
        RuleInfo& info = each.rule.info;
        info.file = file.source.custom || file.is_source ? file.path : file.relative;
        info.package = package_of(file.source, info);
        if (info.id.empty()) {
            info.id = info.slug;
        }
        if (info.package.empty()) {
            file.diagnostics.error(each.mark, "expected the key `package` under `assay`");
        } else if (each.unsupported) {
            set.unsupported_.push_back({std::move(info), *each.unsupported});
        } else if (taken.take(info, file.path, each.mark, file.diagnostics)) {
            set.add(std::move(each.rule));
        }
    }
    for (OpenFile& file : files) {
        std::ranges::move(file.problems, std::back_inserter(problems));
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
