// SPDX-License-Identifier: Apache-2.0
#include "app/rule_reload.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/compiled_rule.h"
#include "engine/rule_document.h"

namespace assay::app {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostDirectories = 4096;
/// However long changes go on, the rules are read after this.
constexpr auto kLongestSettling = std::chrono::seconds(2);
constexpr std::size_t kMostProblems = 1000;

/// Which rules of `before` have a new version that is broken.
std::vector<std::string> broken_slugs(const RuleChoice& choice, const engine::RuleSet& before,
                                      std::span<const engine::Problem> problems) {
    std::set<std::string, std::less<>> broken;
    for (const engine::Problem& problem : problems) {
        if (problem.severity == engine::Problem::Severity::error) {
            broken.insert(problem.file);
        }
    }
    std::vector<std::string> slugs;
    for (const engine::RuleInfo* rule : before.rules()) {
        const std::string path = path_of(*rule, choice.built_in_directory);
        const bool is_broken = std::ranges::any_of(broken, [&](const std::string& file) {
            return path == file || path.starts_with(file.ends_with('/') ? file : file + "/");
        });
        if (is_broken) {
            slugs.push_back(rule->slug);
        }
    }
    return slugs;
}

/// Kinds of fact that a rule rests on and this run does not observe, as text.
std::string missing_kinds(const engine::LoadedRule& rule, std::span<const facts::Kind> observed) {
    std::string names;
    for (const engine::CompiledDocument& document : rule.compiled) {
        const std::string name(facts::info(document.kind).name);
        if (std::ranges::find(observed, document.kind) == observed.end() && !names.contains(name)) {
            names += (names.empty() ? "" : " and ") + name;
        }
    }
    return names;
}

std::vector<std::string> unsupported_slugs(const engine::RuleSet& rules) {
    std::vector<std::string> slugs;
    for (const auto& unsupported : rules.unsupported()) {
        slugs.push_back(unsupported.info.slug);
    }
    return slugs;
}

}  // namespace

ReloadedRules reload_rules(const RuleChoice& choice, const engine::RuleSet& before,
                           std::span<const facts::Kind> observed) {
    ReloadedRules reloaded;
    auto loaded = std::make_shared<engine::RuleSet>(
        load_rules(choice.built_in_directory, choice.own_directories, reloaded.problems));
    reloaded.kept = loaded->take_over(before, broken_slugs(choice, before, reloaded.problems));
    if (!reloaded.kept.empty()) {
        // Rules that rest on a broken one (correlations) go on with what it was.
        const auto resting = loaded->take_over(before, unsupported_slugs(*loaded));
        reloaded.kept.insert(reloaded.kept.end(), resting.begin(), resting.end());
    }

    std::vector<engine::Problem> of_choice;
    engine::RuleSet rules = chosen_of(*loaded, choice, of_choice);
    std::ranges::copy(of_choice, std::back_inserter(reloaded.problems));
    if (has_error(of_choice)) {
        return reloaded;
    }
    engine::RuleOverrides left_out;
    for (const engine::LoadedRule* rule : rules.loaded()) {
        const std::string missing = missing_kinds(*rule, observed);
        if (!missing.empty()) {
            left_out.disabled.push_back({.name = rule->info.slug, .mark = {}});
            reloaded.waiting.push_back(
                {rule->info,
                 "unknown until the next run: this one does not observe " + missing + " facts"});
        }
    }
    reloaded.rules =
        std::make_shared<const engine::RuleSet>(rules.with(left_out, reloaded.problems));
    reloaded.loaded = std::move(loaded);
    return reloaded;
}

/// The directories that a choice rests on, watched through inotify; made anew for each reload,
/// before the files are read, so that no change falls between.
class RuleReload::Watches {
public:
    /// Answers what cannot be watched.
    std::vector<engine::Problem> begin(const RuleChoice& choice, const std::string& template_file);
    /// -1 when nothing is watched.
    [[nodiscard]] int fd() const { return inotify_ ? inotify_->get() : -1; }
    /// Reads what happened; true when it may have changed a rule.
    bool changed();

private:
    void watch_tree(const std::string& root, std::vector<engine::Problem>& problems);
    /// Notices when `path` itself is made, replaced or removed.
    void watch_name(const std::string& path, std::vector<engine::Problem>& problems);
    int add(const std::string& directory, std::vector<engine::Problem>& problems);

    std::optional<UniqueFd> inotify_;
    std::set<int> trees_;                         ///< every rule file in them counts
    std::map<int, std::set<std::string>> names_;  ///< only these names in them count
};

int RuleReload::Watches::add(const std::string& directory, std::vector<engine::Problem>& problems) {
    constexpr std::uint32_t kWhat = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                    IN_ONLYDIR;
    const int watch = ::inotify_add_watch(inotify_->get(), directory.c_str(), kWhat);
    if (watch < 0 && errno != ENOENT && errno != ENOTDIR) {
        problems.push_back({.severity = engine::Problem::Severity::warning,
                            .file = directory,
                            .message = errno_error("changes here are not noticed, send SIGHUP to "
                                                   "read the rules again",
                                                   errno)
                                           .message});
    }
    return watch;
}

void RuleReload::Watches::watch_name(const std::string& path,
                                     std::vector<engine::Problem>& problems) {
    const fs::path whole = fs::path(path).lexically_normal();
    // The normal form of "rules/" ends in an empty name.
    const fs::path named = whole.has_filename() ? whole : whole.parent_path();
    const fs::path above = named.has_parent_path() ? named.parent_path() : fs::path(".");
    const int watch = add(above.string(), problems);
    if (watch >= 0) {
        names_[watch].insert(named.filename().string());
    }
}

void RuleReload::Watches::watch_tree(const std::string& root,
                                     std::vector<engine::Problem>& problems) {
    watch_name(root, problems);
    const int watch = add(root, problems);
    if (watch < 0) {
        return;
    }
    trees_.insert(watch);
    std::error_code failure;
    std::size_t count = 1;
    for (fs::recursive_directory_iterator entry(root, failure);
         !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
        std::error_code vanished;
        if (entry->is_symlink(vanished) || !entry->is_directory(vanished)) {
            continue;
        }
        if (++count > kMostDirectories) {
            problems.push_back({.severity = engine::Problem::Severity::warning,
                                .file = root,
                                .message = "changes in directories beyond the first " +
                                           std::to_string(kMostDirectories) + " are not noticed"});
            return;
        }
        const int below = add(entry->path().string(), problems);
        if (below < 0) {
            return;  // told once; the next would say the same
        }
        trees_.insert(below);
    }
}

std::vector<engine::Problem> RuleReload::Watches::begin(const RuleChoice& choice,
                                                        const std::string& template_file) {
    std::vector<engine::Problem> problems;
    inotify_.reset();
    trees_.clear();
    names_.clear();
    const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        problems.push_back(
            {.severity = engine::Problem::Severity::warning,
             .file = choice.built_in_directory,
             .message = errno_error("changes of rules are not noticed", errno).message});
        return problems;
    }
    inotify_.emplace(fd);
    watch_tree(choice.built_in_directory, problems);
    for (const std::string& directory : choice.own_directories) {
        watch_tree(directory, problems);
    }
    if (!template_file.empty()) {
        watch_name(template_file, problems);
    }
    return problems;
}

bool RuleReload::Watches::changed() {
    bool counts = false;
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    while (true) {
        const ssize_t got = ::read(inotify_->get(), buffer.data(), buffer.size());
        if (got <= 0) {
            return counts;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const std::string_view name =
                event.len == 0 ? std::string_view{} : buffer.data() + at + sizeof event;
            at += sizeof event + event.len;
            const auto named = names_.find(event.wd);
            const bool is_rule = (event.mask & IN_ISDIR) != 0 || name.ends_with(".yml") ||
                                 (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
            counts = counts || (event.mask & IN_Q_OVERFLOW) != 0 ||
                     (trees_.contains(event.wd) && is_rule) ||
                     (named != names_.end() && named->second.contains(std::string(name)));
        }
    }
}

Result<std::unique_ptr<RuleReload>> RuleReload::begin(
    Options options, std::shared_ptr<const engine::RuleSet> loaded) {
    const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0) {
        return std::unexpected(errno_error("making an eventfd for reloads of rules", errno));
    }
    auto reload = std::unique_ptr<RuleReload>(
        new RuleReload(std::move(options), std::move(loaded), UniqueFd(wake)));
    reload->thread_ = std::thread([self = reload.get()] { self->run(); });
    return reload;
}

RuleReload::RuleReload(Options options, std::shared_ptr<const engine::RuleSet> loaded,
                       UniqueFd wake)
    : options_(std::move(options)), loaded_(std::move(loaded)), wake_(std::move(wake)) {}

RuleReload::~RuleReload() {
    leave_ = true;
    request();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void RuleReload::request() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then a request is waiting already.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

std::optional<ReloadedRules> RuleReload::take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(ready_, std::nullopt);
}

void RuleReload::tell(ReloadedRules reloaded) {
    const std::scoped_lock lock(mutex_);
    if (ready_) {
        // What an earlier reload told was not seen yet.
        reloaded.problems.insert(reloaded.problems.begin(), ready_->problems.begin(),
                                 ready_->problems.end());
        if (reloaded.problems.size() > kMostProblems) {
            reloaded.problems.erase(
                reloaded.problems.begin(),
                reloaded.problems.end() - static_cast<std::ptrdiff_t>(kMostProblems));
        }
        if (!reloaded.rules) {
            reloaded.rules = ready_->rules;
            reloaded.loaded = ready_->loaded;
            reloaded.kept = ready_->kept;
            reloaded.waiting = ready_->waiting;
        }
    }
    ready_ = std::move(reloaded);
}

void RuleReload::reload(Watches& watches) {
    std::vector<engine::Problem> problems;
    if (options_.choose) {
        if (auto choice = options_.choose(problems)) {
            options_.choice = *std::move(choice);
        }
    }
    std::ranges::move(watches.begin(options_.choice, options_.template_file),
                      std::back_inserter(problems));
    ReloadedRules reloaded = reload_rules(options_.choice, *loaded_, options_.observed);
    if (reloaded.loaded) {
        loaded_ = reloaded.loaded;
    }
    reloaded.problems.insert(reloaded.problems.begin(), problems.begin(), problems.end());
    tell(std::move(reloaded));
}

void RuleReload::run() {
    Watches watches;
    if (auto problems = watches.begin(options_.choice, options_.template_file); !problems.empty()) {
        ReloadedRules nothing_new;
        nothing_new.problems = std::move(problems);
        tell(std::move(nothing_new));
    }
    std::optional<Clock::time_point> due;
    std::optional<Clock::time_point> latest;
    while (true) {
        std::array<pollfd, 2> waited{pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                     pollfd{.fd = watches.fd(), .events = POLLIN, .revents = 0}};
        int timeout = -1;
        if (due) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
            timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        }
        if (::poll(waited.data(), waited.size(), timeout) < 0 && errno != EINTR) {
            return;
        }
        if (leave_) {
            return;
        }
        std::uint64_t requests = 0;
        const bool asked = ::read(wake_.get(), &requests, sizeof requests) > 0;
        if (watches.fd() >= 0 && watches.changed()) {
            const auto now = Clock::now();
            latest = latest.value_or(now + kLongestSettling);
            due = std::min(now + options_.settle, *latest);
        }
        if (asked || (due && Clock::now() >= *due)) {
            due.reset();
            latest.reset();
            reload(watches);
        }
    }
}

}  // namespace assay::app
