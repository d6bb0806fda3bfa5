// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/told_facts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sensors/host/paths/changers.h"

namespace assay::sensors {
namespace {

/// Subject and number among those of the same subject: a topic that tells two facts of one subject
/// must not make each reading look like a change.
std::string identity_of(const facts::FactView& fact) {
    std::string identity(fact.kind_info().name);
    for (const std::string_view field : fact.kind_info().subject) {
        identity += '\0';
        facts::append_value_text(identity, fact.get(field));
    }
    return identity;
}

std::string_view text_of(const facts::FactView& fact, std::string_view field) {
    const facts::FieldValue value = fact.get(field);
    const auto* text = std::get_if<std::string_view>(&value);
    return text == nullptr ? std::string_view() : *text;
}

bool touches(const Actor& actor, std::string_view path) {
    return !actor.path.empty() && !path.empty() &&
           (is_at_or_below(path, actor.path) || is_at_or_below(actor.path, path));
}

std::string_view without_line(std::string_view source) {
    const std::size_t colon = source.rfind(':');
    const bool has_line =
        colon != std::string_view::npos && colon + 1 < source.size() &&
        source.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    return has_line ? source.substr(0, colon) : source;
}

void set_text(facts::RecordedFact& fact, std::string_view field, std::string_view text) {
    const auto index = facts::find_field(facts::info(fact.kind), field);
    if (index && !text.empty()) {
        fact.values[*index] = std::string(text);
    }
}

}  // namespace

const Actor* actor_of(const facts::FactView& fact, std::span<const Actor> actors) {
    if (actors.empty()) {
        return nullptr;
    }
    const std::string_view source = fact.kind() == facts::Kind::directory
                                        ? text_of(fact, "Path")
                                        : without_line(text_of(fact, "Source"));
    for (std::size_t i = actors.size(); i > 0; --i) {
        const Actor& actor = actors[i - 1];
        if (actor.path == source || (actor.path.empty() && source.starts_with("/proc/sys/"))) {
            return &actor;
        }
    }
    for (std::size_t i = actors.size(); i > 0; --i) {
        if (touches(actors[i - 1], source)) {
            return &actors[i - 1];
        }
    }
    const bool is_one = std::ranges::all_of(actors, [&](const Actor& actor) {
        return actor.process.pid == actors.front().process.pid;
    });
    return is_one ? &actors.back() : nullptr;
}

void ToldFacts::begin(const Reading& reading, std::vector<facts::RecordedFact>& news) {
    reading_ = reading;
    news_ = &news;
    ++number_;
}

void ToldFacts::on_fact(const facts::FactView& fact) {
    std::string identity = identity_of(fact);
    auto known = kept_.find(identity);
    while (known != kept_.end() && known->second.reading == number_) {
        identity += '+';
        known = kept_.find(identity);
    }
    facts::RecordedFact copy = facts::copy_of(fact);
    if (known == kept_.end()) {
        const auto [added, _] =
            kept_.emplace(std::move(identity), Kept{.fact = std::move(copy), .reading = number_});
        tell(added->second, nullptr);
        return;
    }
    known->second.reading = number_;
    if (known->second.fact.values == copy.values) {
        return;
    }
    std::swap(known->second.fact, copy);
    tell(known->second, &copy);
}

void ToldFacts::end() {
    for (auto each = kept_.begin(); each != kept_.end();) {
        if (each->second.reading == number_) {
            ++each;
            continue;
        }
        each->second.fact.header.gone = true;
        tell(each->second, nullptr);
        each = kept_.erase(each);
    }
}

void ToldFacts::tell(const Kept& kept, const facts::RecordedFact* before) {
    facts::RecordedFact& fact = news_->emplace_back(kept.fact);
    fact.header.origin = reading_.origin;
    fact.header.time = reading_.time;
    if (before != nullptr) {
        const auto value = facts::find_field(facts::info(fact.kind), "Value");
        if (value && before->values[*value] != fact.values[*value]) {
            set_text(fact, "PreviousValue", text_of(facts::FactView(*before), "Value"));
        }
    }
    const Actor* const actor = reading_.origin == facts::Origin::snapshot
                                   ? nullptr
                                   : actor_of(facts::FactView(kept.fact), reading_.actors);
    if (actor != nullptr) {
        fact.header.process = actor->process;
        fact.header.time = reading_.boot_to_wall(actor->time_ns);
        set_text(fact, "Image", actor->image);
        set_text(fact, "User", actor->user);
        if (const auto pid = facts::find_field(facts::info(fact.kind), "ProcessId")) {
            fact.values[*pid] = std::uint64_t{actor->process.pid};
        }
    }
    fact.freeze();
}

}  // namespace assay::sensors
