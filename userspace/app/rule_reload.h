// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/chosen_rules.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engine/rule_set.h"
#include "facts/kinds.h"

namespace assay::app {

/// The rules after they were read again.
struct ReloadedRules {
    /// What to judge by from now on (Judge::replace_rules); nullptr: all stays as it is, `problems`
    /// say why. RuleInfo pointers into an earlier set are valid as long as somebody holds that set.
    std::shared_ptr<const engine::RuleSet> rules;
    /// Before any choice or override: what the next reload starts from.
    std::shared_ptr<const engine::RuleSet> loaded;
    std::vector<engine::Problem> problems;
    std::vector<std::string> kept;  ///< rules whose new version is broken: the earlier one stays
    /// Rules that are right but rest on facts that this run does not observe; not in `rules`. They
    /// are unknown until the next run, for the reason that is told.
    std::vector<engine::RuleSet::Unsupported> waiting;
};

/// Reads the sources of a choice again. A rule whose new version has errors keeps the version in
/// `before`, and so do all rules of a directory that cannot be read; a rule whose file is gone is
/// gone. When the overrides do not fit the new rules, nothing changes. `observed` are the kinds of
/// fact that the run gathers.
[[nodiscard]] ReloadedRules reload_rules(const RuleChoice& choice, const engine::RuleSet& before,
                                         std::span<const facts::Kind> observed);

/// Notices that rules changed while a run goes on, and reads them again on a thread of its own, so
/// that nobody waits for it.
class RuleReload {
public:
    struct Options {
        RuleChoice choice;
        std::vector<facts::Kind> observed;
        /// Makes the choice anew before each reload (reads the template again); nothing: the last
        /// choice stands. Called on the thread of the reload. May be empty.
        std::function<std::optional<RuleChoice>(std::vector<engine::Problem>& problems)> choose;
        std::string template_file;  ///< watched too; may be empty
        /// How long nothing must change before the rules are read: editors and package managers
        /// write in several steps.
        std::chrono::milliseconds settle{200};
    };

    /// `loaded` are the rules before the choice (load_rules). Where the directories cannot be
    /// watched, the first take() says so, and only request() reloads.
    [[nodiscard]] static Result<std::unique_ptr<RuleReload>> begin(
        Options options, std::shared_ptr<const engine::RuleSet> loaded);
    ~RuleReload();
    RuleReload(const RuleReload&) = delete;
    RuleReload& operator=(const RuleReload&) = delete;

    /// Reload now (SIGHUP). Any thread; does not wait. Safe in a signal handler.
    void request() noexcept;
    /// The newest reload that was not taken yet, with the problems of all of them. Any thread.
    [[nodiscard]] std::optional<ReloadedRules> take();

private:
    class Watches;

    RuleReload(Options options, std::shared_ptr<const engine::RuleSet> loaded, UniqueFd wake);
    void run();
    void reload(Watches& watches);
    void tell(ReloadedRules reloaded);

    Options options_;
    std::shared_ptr<const engine::RuleSet> loaded_;  ///< of the thread
    UniqueFd wake_;
    std::atomic<bool> leave_{false};
    std::mutex mutex_;
    std::optional<ReloadedRules> ready_;
    std::thread thread_;
};

}  // namespace assay::app
