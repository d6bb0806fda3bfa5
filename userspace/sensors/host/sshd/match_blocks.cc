// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/match_blocks.h"

#include <algorithm>
#include <array>

#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/patterns.h"
#include "sensors/host/sshd/value_checks.h"

namespace assay::sensors::sshd {
namespace {

using Kind = Criterion::Kind;

constexpr std::array kKinds{Kind::user,          Kind::group,      Kind::host,   Kind::address,
                            Kind::local_address, Kind::local_port, Kind::rdomain};

bool is_address(Kind kind) { return kind == Kind::address || kind == Kind::local_address; }

ListMatch value_matches(Kind kind, std::string_view text, std::string_view patterns) {
    if (is_address(kind)) {
        return address_list_matches(text, patterns);
    }
    if (kind == Kind::local_port) {
        return port_of(text) == port_of(patterns) ? ListMatch::positive : ListMatch::none;
    }
    return kind == Kind::host ? list_matches(lower_case(text), lower_case(patterns))
                              : list_matches(text, patterns);
}

/// Texts that a pattern stands for. What wildcards are filled with is nothing that somebody would
/// write in another pattern.
void append_examples(Kind kind, std::string_view pattern, std::vector<std::string>& out) {
    Network network;
    if (is_address(kind) && parse_network(pattern, network) == NetworkText::address) {
        // What holds for both ends of a network holds for the network, as networks nest.
        out.push_back(network.first());
        out.push_back(network.last());
        return;
    }
    std::string example;
    for (const char c : pattern) {
        if (c == '*') {
            example += is_address(kind) ? "7" : "zqx";
        } else {
            example += c == '?' ? (is_address(kind) ? '7' : 'q') : c;
        }
    }
    if (is_address(kind) && pattern.find_first_not_of("*?") == std::string_view::npos) {
        example = "203.0.113.7";
    }
    out.push_back(kind == Kind::host ? lower_case(example) : example);
}

/// A list that everything meets.
bool always(std::string_view patterns) {
    const auto parts = split(patterns, ',');
    const auto negated = [](std::string_view part) { return part.starts_with('!'); };
    const auto anything = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of('*') == std::string_view::npos;
    };
    return std::ranges::none_of(parts, negated) && std::ranges::any_of(parts, anything);
}

}  // namespace

const std::vector<std::string>& UserGroups::of(const std::string& user) {
    static const std::vector<std::string> kNone;
    if (!read_) {
        read();
        read_ = true;
    }
    const auto found = groups_.find(user);
    return found == groups_.end() ? kNone : found->second;
}

void UserGroups::read() {
    const auto passwd = files_->read("/etc/passwd");
    const auto group = files_->read("/etc/group");
    if (!passwd || !group) {
        return;
    }
    std::map<std::string_view, std::vector<std::string_view>> users_of_gid;
    for (const std::string_view line : split(*passwd, '\n')) {
        if (const auto fields = split(line, ':'); fields.size() >= 4) {
            groups_.try_emplace(std::string(fields[0]));
            users_of_gid[fields[3]].push_back(fields[0]);
        }
    }
    for (const std::string_view line : split(*group, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 4) {
            continue;
        }
        const auto join = [&](std::string_view user) {
            if (const auto known = groups_.find(std::string(user)); known != groups_.end()) {
                known->second.emplace_back(fields[0]);
            }
        };
        std::ranges::for_each(users_of_gid[fields[2]], join);
        std::ranges::for_each(split(fields[3], ','), join);
    }
}

MatchDecision::MatchDecision(const OpenSsh& openssh, const Criteria& known, UserGroups& groups)
    : criteria_(&known),
      groups_(&groups),
      version_("OpenSSH_" + std::to_string(openssh.version / 100) + "." +
               std::to_string(openssh.version % 100) + "p1") {
    for (const Kind kind : kKinds) {
        Known about{kind, {}};
        bool constrained = false;
        for (const Criterion& criterion : known) {
            if (criterion.kind != kind) {
                continue;
            }
            constrained = true;
            for (const std::string_view part : split(criterion.value, ',')) {
                if (!part.starts_with('!')) {
                    append_examples(kind, part, about.examples);
                }
            }
        }
        if (!constrained) {
            continue;
        }
        std::erase_if(about.examples, [&](const std::string& example) {
            return std::ranges::any_of(known, [&](const Criterion& criterion) {
                // A user can be in several groups: what excludes each other elsewhere does not.
                return criterion.kind == kind &&
                       (kind == Kind::group
                            ? list_matches(example, criterion.value) == ListMatch::negated
                            : value_matches(kind, example, criterion.value) != ListMatch::positive);
            });
        });
        impossible_ = impossible_ || about.examples.empty();
        known_.push_back(std::move(about));
    }
}

const MatchDecision::Known* MatchDecision::find(Criterion::Kind kind) const {
    const auto found = std::ranges::find(known_, kind, &Known::kind);
    return found == known_.end() ? nullptr : &*found;
}

bool MatchDecision::holds(const Criteria& criteria) const {
    return std::ranges::all_of(criteria, [&](const Criterion& criterion) {
        return std::ranges::find(*criteria_, criterion) != criteria_->end() || holds(criterion);
    });
}

bool MatchDecision::holds(const Criterion& criterion) const {
    if (criterion.kind == Kind::invalid_user) {
        return false;
    }
    if (criterion.kind == Kind::version) {
        return list_matches(version_, criterion.value) == ListMatch::positive;
    }
    if (criterion.kind == Kind::group) {
        return group_holds(criterion.value);
    }
    const Known* about = find(criterion.kind);
    if (about == nullptr) {
        return criterion.kind != Kind::local_port && always(criterion.value);
    }
    return std::ranges::all_of(about->examples, [&](const std::string& example) {
        return value_matches(criterion.kind, example, criterion.value) == ListMatch::positive;
    });
}

bool MatchDecision::group_holds(std::string_view patterns) const {
    const auto in_group = [&](const std::vector<std::string>& groups) {
        bool found = false;
        for (const std::string& group : groups) {
            const ListMatch match = list_matches(group, patterns);
            if (match == ListMatch::negated) {
                return false;
            }
            found = found || match == ListMatch::positive;
        }
        return found;
    };
    if (const Known* about = find(Kind::group)) {
        return std::ranges::all_of(about->examples,
                                   [&](const std::string& group) { return in_group({group}); });
    }
    const Known* users = find(Kind::user);
    if (users == nullptr && always(patterns)) {
        return true;
    }
    return users != nullptr && !users->examples.empty() &&
           std::ranges::all_of(users->examples, [&](const std::string& user) {
               return in_group(groups_->of(user));
           });
}

}  // namespace assay::sensors::sshd
