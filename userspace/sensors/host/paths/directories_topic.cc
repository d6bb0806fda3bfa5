// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/paths/directories_topic.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sensors/host/paths/account_names.h"
#include "sensors/host/paths/changers.h"
#include "sensors/host/paths/directory_walk.h"
#include "sensors/host/paths/system_directories.h"

namespace assay::sensors {
namespace {

/// A directory fact that owns its texts.
struct JudgedPath {
    std::string purpose = {};
    std::string_view type = {};
    std::string owner = {}, group = {}, mode = {};
    std::vector<std::string> writable_by = {};
    std::string weakest_path = {};
    std::string target = {};
    std::optional<std::uint64_t> entries = {};
    std::string problem = {};
};

/// Where entries are looked at: a directory without links in its path, or a single file.
struct Place {
    std::vector<std::string_view> purposes;
    unsigned depth = 0;
    bool directory = false;

    void add(std::string_view purpose, unsigned its_depth) {
        if (std::ranges::find(purposes, purpose) == purposes.end()) {
            purposes.push_back(purpose);
        }
        depth = std::max(depth, its_depth);
    }
};

struct Change {
    std::string path;
    bool replaced = false;
};

std::string_view below_root(std::string_view path) { return path.substr(1); }

std::string_view type_of(const struct stat& status) {
    return S_ISDIR(status.st_mode)   ? "directory"
           : S_ISLNK(status.st_mode) ? "link"
           : S_ISREG(status.st_mode) ? "file"
                                     : "special file";
}

std::string octal(mode_t mode) {
    std::string text(4, '0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[text.size() - 1 - i] = static_cast<char>('0' + ((mode >> (3 * i)) & 7U));
    }
    return text;
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string text;
    for (const std::string_view word : words) {
        text += text.empty() ? "" : ", ";
        text += word;
    }
    return text;
}

unsigned levels_below(std::string_view path, std::string_view directory) {
    const std::size_t from = directory == "/" ? 0 : directory.size();
    return static_cast<unsigned>(std::ranges::count(path.substr(from), '/'));
}

/// Links that lead there name what the kernel makes up, different for whoever looks.
bool is_made_by_kernel(std::string_view path) {
    return is_at_or_below(path, "/proc") || is_at_or_below(path, "/sys");
}

void tell_judged(const TellFact& tell, std::string_view path, const JudgedPath& judged) {
    const std::vector<std::string_view> who(judged.writable_by.begin(), judged.writable_by.end());
    facts::Directory fact;
    fact.path = path;
    fact.purpose = judged.purpose;
    fact.type = judged.type;
    fact.owner = judged.owner;
    fact.group = judged.group;
    fact.mode = judged.mode;
    fact.writable_by = who;
    fact.weakest_path = judged.weakest_path;
    fact.target = judged.target;
    fact.entries = judged.entries;
    fact.problem = judged.problem;
    tell(facts::FactView(fact));
}

}  // namespace

struct DirectoriesTopic::State {
    explicit State(Limits its_limits) : limits(its_limits) {}

    /// What a walked directory lets its entries be, as far as a later change must know it.
    struct Walked {
        bool everybody_gets_in = true;
        bool has_sticky_writers = false;
    };

    Limits limits;
    AccountNames names;
    SystemDirectories listed;
    std::map<std::string, Place, std::less<>> places;
    /// Listed paths that are links or are missing, and the directories they lead to.
    std::map<std::string, JudgedPath, std::less<>> systems;
    std::unordered_set<std::string> place_paths;
    std::unordered_map<std::string, std::uint64_t> entries;  ///< of places
    std::map<std::string, JudgedPath, std::less<>> told;     ///< below the places
    std::unordered_map<std::string, Walked> walked;
    /// Links that lead out of what is walked, and where to.
    std::map<std::string, std::string, std::less<>> outside_links;
    std::set<std::string, std::less<>> outside_targets;
    /// Some of these are watched only from now on: they are to be looked at once more.
    bool has_new_targets = false;
    std::vector<std::pair<std::string, std::string>> links_seen;
    std::vector<Change> changes;
    /// Where a bound was reached, and which one: places that are not wholly known.
    std::map<std::string, std::string, std::less<>> cut_short;
    bool known = false;  ///< false: nothing that is kept may be relied on

    // ---- one read(), from here on

    struct Pass {
        const Surroundings& around;
        PathJudge judge;
    };

    /// The deepest place above says best why an entry matters.
    auto place_of(std::string_view path) const {
        for (std::string_view at = path;; at = parent_path(at)) {
            const auto place = places.find(at);
            if (place != places.end() || at == "/") {
                return place;
            }
        }
    }

    void cut(std::string_view path, std::size_t bound, std::string_view what) {
        const auto place = place_of(path);
        if (place != places.end()) {
            cut_short.try_emplace(place->first, place->first + ": more than " +
                                                    std::to_string(bound) + " entries " +
                                                    std::string(what));
        }
    }

    /// How deep its entries are looked at; 0: not at all.
    unsigned depth_left(std::string_view path) const {
        unsigned most = 0;
        for (std::string_view at = path;; at = parent_path(at)) {
            const auto place = places.find(at);
            const unsigned above = levels_below(path, at);
            if (place != places.end() && place->second.directory && place->second.depth > above) {
                most = std::max(most, place->second.depth - above);
            }
            if (at == "/") {
                return most;
            }
        }
    }

    void describe(JudgedPath& judged, const struct stat& status) const {
        judged.type = type_of(status);
        judged.owner = names.user(status.st_uid);
        judged.group = names.group(status.st_gid);
        if (!S_ISLNK(status.st_mode)) {  // a link's says 0777, and means nothing
            judged.mode = octal(status.st_mode);
        }
    }

    void keep(std::string_view path, JudgedPath judged) {
        if (!told.contains(path) && told.size() >= limits.told) {
            cut(path, limits.told, "below system directories can be changed: not all are told");
            return;
        }
        const auto place = place_of(path);
        judged.purpose = place == places.end() ? std::string() : joined(place->second.purposes);
        told.insert_or_assign(std::string(path), std::move(judged));
    }

    void keep_entry(const DirectoryWalk::Entry& entry, std::string problem = {},
                    std::string target = {}) {
        JudgedPath judged{.target = std::move(target), .problem = std::move(problem)};
        if (entry.status != nullptr) {
            describe(judged, *entry.status);
        }
        if (entry.judgement != nullptr) {
            Weakness all = entry.judgement->above;
            all.add(entry.judgement->own.who, entry.judgement->own.path);
            judged.writable_by = all.who.names(names);
            judged.weakest_path = std::move(all.path);
        }
        if (!entry.problem.empty()) {
            judged.problem = std::string(entry.path) + ": " + std::string(entry.problem);
        }
        keep(entry.path, std::move(judged));
    }

    void walk(Pass& pass, const std::string& path, unsigned depth, std::size_t& budget) {
        const Above& within = pass.judge.inside_directory(path);
        if (depth == 0 || within.reach.empty()) {
            return;
        }
        std::uint64_t seen = 0;
        DirectoryWalk::Listener listener{
            .on_entry = [&](const DirectoryWalk::Entry& entry) { keep_entry(entry); },
            .on_directory =
                [&](const std::string& directory, const Above& inner) {
                    walked.insert_or_assign(
                        directory, Walked{.everybody_gets_in = inner.reach.other,
                                          .has_sticky_writers = !inner.sticky_writers.empty()});
                    if (pass.around.watch_directory) {
                        pass.around.watch_directory(directory);
                    }
                },
            .on_directory_end =
                [&](const std::string& directory, std::uint64_t count) {
                    if (place_paths.contains(directory)) {
                        entries[directory] = count;
                    }
                    seen = count;
                },
            .on_link = [&](const std::string& link,
                           std::string_view target) { links_seen.emplace_back(link, target); }};
        DirectoryWalk walker(pass.around.host, names, listener, budget);
        walker.walk(path, within, depth);
        budget -= std::min<std::size_t>(budget, seen);
        if (walker.gave_up()) {
            cut(path, limits.entries, "in all system directories: not all were looked at");
        }
    }

    /// What the target of a link is judged by anyway: an entry of a directory that is walked.
    bool is_walked_too(std::string_view link, std::string_view target) const {
        std::string at(target.starts_with('/') ? "/" : parent_path(link));
        while (!target.empty()) {
            const std::size_t end = target.find('/');
            const std::string_view name = target.substr(0, end);
            target.remove_prefix(end == std::string_view::npos ? target.size() : end + 1);
            if (name.empty() || name == ".") {
                continue;
            }
            if (name == "..") {
                at = parent_path(at);
                continue;
            }
            const std::string next = joined_path(at, name);
            const bool is_last = target.find_first_not_of('/') == std::string_view::npos;
            if (is_last) {
                return walked.contains(at) && depth_left(at) > 0;
            }
            // What is on the way to a walked directory is itself no link.
            const bool is_physical = walked.contains(next) || leads_to_place(next);
            if (!is_physical) {
                return false;
            }
            at = next;
        }
        return places.contains(at) || walked.contains(at);
    }

    bool leads_to_place(std::string_view path) const {
        const auto next = places.lower_bound(path);
        return next != places.end() && is_at_or_below(next->first, path);
    }

    void judge_outside_link(Pass& pass, const std::string& link, const std::string& target) {
        const std::string path =
            target.starts_with('/') ? target : joined_path(parent_path(link), target);
        const Changers changers = pass.judge.who_can_change(path);
        if (is_made_by_kernel(changers.resolved)) {
            drop_told(link);
            return;
        }
        has_new_targets |= outside_targets.insert(changers.resolved).second;
        const Above& above = pass.judge.inside_directory(std::string(parent_path(link)));
        Weakness all = above.replace;
        all.add(changers.principals, changers.weakest_path);
        const bool is_worth_telling = !changers.who.empty() || !changers.problem.empty();
        if (!is_worth_telling && !told.contains(link)) {
            return;
        }
        JudgedPath judged;
        if (const auto status = pass.around.host.status(below_root(link), false)) {
            describe(judged, *status);
        }
        judged.target = target;
        judged.writable_by = all.who.names(names);
        judged.weakest_path = std::move(all.path);
        judged.problem = changers.problem;
        keep(link, std::move(judged));
    }

    void judge_links_seen(Pass& pass) {
        for (auto& [link, target] : std::exchange(links_seen, {})) {
            if (is_walked_too(link, target)) {
                outside_links.erase(link);
                continue;
            }
            judge_outside_link(pass, link, target);
            outside_links.insert_or_assign(std::move(link), std::move(target));
        }
    }

    void judge_outside_links(Pass& pass) {
        const auto before = std::exchange(outside_targets, {});
        for (const auto& [link, target] : outside_links) {
            judge_outside_link(pass, link, target);
        }
        has_new_targets = !std::ranges::includes(before, outside_targets);
    }

    void drop_told(std::string_view path) {
        if (const auto old = told.find(path); old != told.end()) {
            told.erase(old);
        }
    }

    void drop_told_below(const std::string& path) {
        const std::string prefix = path == "/" ? path : path + "/";
        auto next = told.lower_bound(prefix);
        while (next != told.end() && next->first.starts_with(prefix)) {
            next = told.erase(next);
        }
    }

    /// An entry that was told once is told as it is now, also when nobody can change it any more.
    void judge_again(Pass& pass, const std::string& path, bool told_before) {
        const auto status = pass.around.host.status(below_root(path), false);
        if (!status) {
            drop_told(path);
            if (pass.around.host.exists(below_root(path))) {
                keep(path, {.problem = path + ": " + status.error().message});
            }
            return;
        }
        if (S_ISLNK(status->st_mode)) {
            judge_link_again(pass, path, *status, told_before);
            return;
        }
        outside_links.erase(path);
        std::string problem;
        EntryJudgement judgement = pass.judge.judge(path, *status, problem);
        // What only the directories above let happen is told of them.
        if (judgement.own.who.empty() && problem.empty() && !told_before) {
            return;
        }
        keep_entry({.path = path, .status = &*status, .judgement = &judgement, .problem = {}},
                   std::move(problem));
    }

    void judge_link_again(Pass& pass, const std::string& path, const struct stat& status,
                          bool told_before) {
        const auto target = pass.around.host.read_link(below_root(path));
        if (target && !is_walked_too(path, *target)) {
            judge_outside_link(pass, path, *target);
            outside_links.insert_or_assign(path, *target);
            return;
        }
        outside_links.erase(path);
        std::string problem;
        const EntryJudgement judgement = pass.judge.judge(path, status, problem);
        if (judgement.own.who.empty() && problem.empty() && !told_before) {
            return;
        }
        keep_entry({.path = path, .status = &status, .judgement = &judgement, .problem = {}},
                   std::move(problem), target.value_or(std::string()));
    }

    // ---- the listed directories themselves

    void find_places(Pass& pass) {
        places.clear();
        systems.clear();
        for (const SystemDirectory& each : listed.list) {
            find_place(pass, each);
        }
        place_paths.clear();
        for (const auto& [path, place] : places) {
            place_paths.insert(path);
            JudgedPath judged{.purpose = joined(place.purposes)};
            const Changers changers = pass.judge.who_can_change(path);
            if (const auto status = pass.around.host.status(below_root(path), false)) {
                describe(judged, *status);
            }
            judged.writable_by = changers.who;
            judged.weakest_path = changers.weakest_path;
            judged.problem = changers.problem;
            systems.insert_or_assign(path, std::move(judged));
        }
        for (const SystemDirectories::Relative& each : listed.relative) {
            systems.insert_or_assign(each.path, JudgedPath{.purpose = "root-path",
                                                           .writable_by = {"other"},
                                                           .weakest_path = each.source});
        }
    }

    /// A path that several lists name matters for each of their reasons.
    std::string purpose_with(const std::string& path, std::string_view purpose) const {
        const auto named = systems.find(path);
        return named == systems.end() ? std::string(purpose)
                                      : named->second.purpose + ", " + std::string(purpose);
    }

    void find_place(Pass& pass, const SystemDirectory& each) {
        const HostRoot& host = pass.around.host;
        const Changers changers = pass.judge.who_can_change(each.path);
        const auto status = host.status(below_root(each.path), false);
        const bool is_link = status && S_ISLNK(status->st_mode);
        const std::string purpose = purpose_with(each.path, each.purpose);
        if (changers.missing && !is_link) {
            if (!changers.who.empty()) {
                systems.insert_or_assign(each.path,
                                         JudgedPath{.purpose = purpose,
                                                    .writable_by = changers.who,
                                                    .weakest_path = changers.weakest_path,
                                                    .problem = changers.problem});
            }
            return;
        }
        if (is_link) {
            JudgedPath judged{.purpose = purpose};
            describe(judged, *status);
            judged.target = host.read_link(below_root(each.path)).value_or(std::string());
            // Who can change what it leads to is told of that, unless there is nothing.
            if (changers.missing) {
                judged.writable_by = changers.who;
                judged.weakest_path = changers.weakest_path;
            } else {
                const Above& above =
                    pass.judge.inside_directory(std::string(parent_path(each.path)));
                const EntryJudgement own = judge_entry(above, *status, nullptr, each.path, names);
                Weakness all = own.above;
                all.add(own.own.who, own.own.path);
                judged.writable_by = all.who.names(names);
                judged.weakest_path = all.path;
            }
            judged.problem = changers.problem;
            systems.insert_or_assign(each.path, std::move(judged));
            if (changers.missing) {
                return;
            }
        }
        const auto real = host.status(below_root(changers.resolved), false);
        if (!real) {
            systems.insert_or_assign(
                each.path,
                JudgedPath{.purpose = purpose, .problem = each.path + ": " + real.error().message});
            return;
        }
        Place& place = places[changers.resolved];
        place.add(each.purpose, each.depth);
        place.directory = S_ISDIR(real->st_mode);
    }

    /// A place that lies in another one, and is reached from there.
    bool is_inside_another(const std::string& path, unsigned depth) const {
        if (path == "/") {
            return false;
        }
        return depth_left(parent_path(path)) > depth;
    }

    void walk_everything(Pass& pass) {
        const auto before = std::exchange(told, {});
        walked.clear();
        outside_links.clear();
        outside_targets.clear();
        entries.clear();
        cut_short.clear();
        std::size_t budget = limits.entries;
        for (const auto& [path, place] : places) {
            if (place.directory && !is_inside_another(path, place.depth)) {
                walk(pass, path, place.depth, budget);
            }
        }
        judge_links_seen(pass);
        for (const auto& [path, judged] : before) {
            if (!told.contains(path)) {
                judge_again(pass, path, true);
            }
        }
    }

    // ---- changes

    void walk_again(Pass& pass, const std::string& path) {
        std::vector<std::string> before;
        for (auto next = told.lower_bound(path);
             next != told.end() && is_at_or_below(next->first, path); ++next) {
            if (next->first != path) {
                before.push_back(next->first);
            }
        }
        drop_told_below(path);
        std::size_t budget = limits.entries;
        const unsigned depth = depth_left(path);
        if (depth > 0) {
            walk(pass, path, depth, budget);
        }
        judge_links_seen(pass);
        for (const std::string& each : before) {
            if (!told.contains(each)) {
                judge_again(pass, each, true);
            }
        }
    }

    void apply(Pass& pass, const Change& change) {
        const std::string& path = change.path;
        const bool is_inside = path != "/" && walked.contains(std::string(parent_path(path)));
        if (is_inside) {
            judge_again(pass, path, told.contains(path));
        }
        const auto next_target = outside_targets.lower_bound(path);
        if (next_target != outside_targets.end() && is_at_or_below(*next_target, path)) {
            judge_outside_links(pass);
        }
        const auto status = pass.around.host.status(below_root(path), false);
        if (!status || !S_ISDIR(status->st_mode)) {
            if (walked.erase(path) != 0) {
                drop_told_below(path);
            }
            if (!status) {
                outside_links.erase(path);
            }
            return;
        }
        apply_to_directory(pass, path, change.replaced);
    }

    void apply_to_directory(Pass& pass, const std::string& path, bool replaced) {
        const Above& within = pass.judge.inside_directory(path);
        const auto before = walked.find(path);
        const bool is_known = before != walked.end();
        const bool leads = leads_to_place(path);
        if (!is_known && !leads && depth_left(path) == 0) {
            return;
        }
        const bool reach_is_plain =
            within.reach.other && (!is_known || before->second.everybody_gets_in);
        const bool sticky =
            !within.sticky_writers.empty() || (is_known && before->second.has_sticky_writers);
        if (replaced || !reach_is_plain || sticky || (!is_known && !leads)) {
            if (leads && depth_left(path) == 0) {
                known = false;  // a directory above whole trees: seldom, and then all of it
            } else {
                walk_again(pass, path);
            }
            return;
        }
        // Nobody was shut out or let in: below it only what is told already can have changed.
        std::vector<std::string> below;
        for (auto next = told.lower_bound(path);
             next != told.end() && is_at_or_below(next->first, path); ++next) {
            below.push_back(next->first);
        }
        for (const std::string& each : below) {
            judge_again(pass, each, true);
        }
    }

    void apply_changes(Pass& pass) {
        const auto places_before = places;
        find_places(pass);
        if (has_new_targets) {
            judge_outside_links(pass);
        }
        for (const Change& change : std::exchange(changes, {})) {
            if (known) {
                apply(pass, change);
            }
        }
        for (const auto& [path, place] : places) {
            const auto before = places_before.find(path);
            const bool is_new =
                before == places_before.end() || before->second.depth != place.depth;
            if (is_new && known && place.directory && !walked.contains(path)) {
                walk_again(pass, path);
            }
        }
    }

    Dependencies rests_on() const {
        Dependencies on;
        on.files = listed.files;
        on.files.emplace_back("/etc/group");
        on.directories = listed.directories;
        for (const SystemDirectory& each : listed.list) {
            on.files.push_back(each.path);
        }
        for (const auto& [path, place] : places) {
            on.files.push_back(path);
        }
        for (const std::string& target : outside_targets) {
            on.files.push_back(target);
        }
        return on;
    }

    void tell_all(const TellFact& tell) {
        for (const SystemDirectories::Problem& each : listed.problems) {
            JudgedPath& judged = systems[each.path];
            judged.purpose = judged.purpose.empty() ? each.purpose : judged.purpose;
            judged.problem = each.path + ": " + each.reason;
        }
        for (auto& [path, judged] : systems) {
            if (const auto count = entries.find(path); count != entries.end()) {
                judged.entries = count->second;
            }
            if (const auto below = told.find(path); below != told.end() && judged.problem.empty()) {
                judged.problem = below->second.problem;
            }
            if (const auto cut_here = cut_short.find(path);
                cut_here != cut_short.end() && judged.problem.empty()) {
                judged.problem = cut_here->second;
            }
            tell_judged(tell, path, judged);
        }
        for (const auto& [path, judged] : told) {
            if (!systems.contains(path)) {
                tell_judged(tell, path, judged);
            }
        }
    }
};

DirectoriesTopic::DirectoriesTopic(Limits limits) : state_(std::make_unique<State>(limits)) {}
DirectoriesTopic::~DirectoriesTopic() = default;

void DirectoriesTopic::on_change(std::string_view path, bool replaced) {
    auto& changes = state_->changes;
    if (!changes.empty() && changes.back().path == path) {
        changes.back().replaced |= replaced;
        return;
    }
    changes.push_back({.path = std::string(path), .replaced = replaced});
}

void DirectoriesTopic::forget() { state_->known = false; }

Dependencies DirectoriesTopic::read(const Surroundings& around, const TellFact& tell) {
    State& state = *state_;
    AccountNames names = AccountNames::read(around.host);
    if (names != state.names) {
        state.names = std::move(names);
        state.known = false;  // who is in a group counts everywhere
    }
    state.listed = find_system_directories(around.host, around.running);
    State::Pass pass{.around = around, .judge = PathJudge(around.host, state.names)};
    if (state.known && around.watch_directory) {
        state.apply_changes(pass);
    }
    if (!state.known || !around.watch_directory) {
        state.changes.clear();
        state.find_places(pass);
        state.walk_everything(pass);
        state.known = true;
    }
    state.tell_all(tell);
    return state.rests_on();
}

}  // namespace assay::sensors
