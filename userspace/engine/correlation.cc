// SPDX-License-Identifier: Apache-2.0
#include "engine/correlation.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <unordered_map>

namespace assay::engine {
namespace {

using Type = CorrelationSource::Type;
using Bound = CorrelationSource::Bound;

constexpr std::size_t kMostGroups = 4096;                  // of one correlation
constexpr std::size_t kMostBytes = std::size_t{8} << 20U;  // of one correlation
constexpr std::size_t kMostStreams = 65'536;               // of one rule
constexpr std::size_t kMostStamps = 16;                    // of one rule in one group
constexpr std::size_t kGroupOverhead = 512;
constexpr std::size_t kValueOverhead = 128;
constexpr std::size_t kKeptFact = 4096;

bool holds(const std::vector<Bound>& bounds, std::int64_t number) {
    return std::ranges::all_of(bounds, [number](const Bound& bound) {
        switch (bound.op) {
            case Bound::Op::gt:
                return number > bound.value;
            case Bound::Op::gte:
                return number >= bound.value;
            case Bound::Op::lt:
                return number < bound.value;
            case Bound::Op::lte:
                return number <= bound.value;
            case Bound::Op::eq:
                return number == bound.value;
            case Bound::Op::neq:
                return number != bound.value;
        }
        return false;
    });
}

std::string counted(std::uint64_t number, std::string_view thing) {
    return std::to_string(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

/// Numbers in their order of time, with their sum, not older than a time span.
class TimedNumbers {
public:
    void add(std::int64_t time, std::int64_t number, std::int64_t span) {
        const auto later = std::ranges::upper_bound(entries_, time, {}, &Entry::time);
        entries_.insert(later, {time, number});
        sum_ += number;
        while (entries_.back().time - entries_.front().time > span ||
               entries_.size() > static_cast<std::size_t>(kMostCorrelated)) {
            sum_ -= entries_.front().number;
            entries_.pop_front();
        }
    }
    [[nodiscard]] std::int64_t sum() const { return sum_; }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::int64_t time;
        std::int64_t number;
    };
    std::deque<Entry> entries_;
    std::int64_t sum_ = 0;
};

/// Different texts in the order in which they were last seen.
class RecentTexts {
public:
    void add(std::int64_t time, const std::string& text, std::int64_t span) {
        if (const auto known = places_.find(text); known != places_.end()) {
            known->second->time = std::max(known->second->time, time);
            order_.splice(order_.end(), order_, known->second);
        } else {
            order_.push_back({.text = text, .time = time});
            places_.emplace(order_.back().text, std::prev(order_.end()));
            bytes_ += text.size() + kValueOverhead;
        }
        while (order_.back().time - order_.front().time > span ||
               order_.size() > static_cast<std::size_t>(kMostCorrelated)) {
            bytes_ -= order_.front().text.size() + kValueOverhead;
            places_.erase(order_.front().text);
            order_.pop_front();
        }
    }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(order_.size()); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Entry {
        std::string text;
        std::int64_t time = 0;
    };
    std::list<Entry> order_;
    std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;
    std::size_t bytes_ = 0;
};

/// When a rule matched, and as which of all matches: one fact cannot come before itself.
struct Stamp {
    std::int64_t time = 0;
    std::uint64_t number = 0;
};

/// The facts of one correlation that have the same values in group-by.
struct Group {
    std::list<std::string>::iterator place;  ///< in the order of use
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    std::size_t bytes = 0;  ///< as they were last counted

    TimedNumbers numbers;                    ///< counts and sums
    RecentTexts texts;                       ///< value_count
    std::vector<std::deque<Stamp>> matches;  ///< temporal: by rule

    // Only of those that are judged at the end of their time span.
    std::int64_t first = 0;
    std::int64_t total = 0;
    std::int64_t events = 0;
    std::optional<facts::RecordedFact> last;
    std::size_t last_document = 0;

    [[nodiscard]] std::size_t size_in_bytes() const {
        std::size_t sum = texts.bytes() + numbers.size() * 2 * sizeof(std::int64_t);
        for (const std::deque<Stamp>& stamps : matches) {
            sum += stamps.size() * sizeof(Stamp);
        }
        if (last) {
            sum += kKeptFact;
        }
        return sum;
    }
};

/// One event of a correlation: a fact, or another correlation that came true with that fact.
struct Event {
    std::size_t input = 0;
    std::size_t document = 0;
    std::int64_t time = 0;
    std::int64_t weight = 1;
    std::uint64_t number = 0;
};

void append_part(std::string& key, FactFields& fields, std::size_t field) {
    const std::size_t start = key.size();
    if (field != kThisHost) {
        facts::append_value_text(key, fields[field]);
    }
    // The length keeps "a"+"bc" and "ab"+"c" apart whatever bytes the host chose.
    key += '\0' + std::to_string(key.size() - start) + '\0';
}

std::optional<std::int64_t> number_in(FactFields& fields, std::size_t field) {
    std::optional<std::int64_t> found;
    if (field != kThisHost) {
        any_integer(fields, field, [&](const Integer& number) {
            constexpr auto kMost = std::uint64_t{1} << 53U;
            const auto magnitude = static_cast<std::int64_t>(std::min(number.magnitude, kMost));
            found = number.negative ? -magnitude : magnitude;
            return true;
        });
    }
    return found;
}

}  // namespace

bool grows_into(const std::vector<Bound>& bounds) {
    return std::ranges::all_of(
        bounds, [](const Bound& b) { return b.op == Bound::Op::gt || b.op == Bound::Op::gte; });
}

struct CorrelationState::State {
    struct Node {
        const CorrelationPlan::Node* plan = nullptr;
        bool at_once = true;
        std::unordered_map<std::string, Group> groups;
        std::list<std::string> by_use;                    ///< keys, the longest unused first
        std::multimap<std::int64_t, std::string> by_end;  ///< time spans that are open
        std::size_t bytes = 0;
        std::int64_t newest = std::numeric_limits<std::int64_t>::min();
        std::uint64_t dropped = 0;
        std::vector<std::pair<std::size_t, std::size_t>> parents;  ///< node, input
    };

    std::vector<Node> nodes;
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> of_document;
    std::unordered_map<std::uint64_t, std::uint64_t> counts_of_streams;
    FactFields kept;  ///< looks at the last facts of time spans that end
    std::string key;
    std::string value;
    std::uint64_t hits = 0;
    std::uint64_t newest_fact = 0;

    std::uint64_t new_acts(const facts::FactHeader& header);
    Group& group(Node& node, std::int64_t time);
    void forget(Node& node, const std::string& which);
    void shrink(Node& node);
    void take(std::size_t index, const Event& event, FactFields& fields, const OnHit& on_hit);
    [[nodiscard]] bool count(Node& node, Group& group, const Event& event, FactFields& fields);
    void wait(Node& node, Group& group, const Event& event, FactFields& fields);
    void fire(std::size_t index, const Event& event, FactFields& fields, const OnHit& on_hit);
};

/// Facts that tell the same acts again with newer counts count for what is new.
std::uint64_t CorrelationState::State::new_acts(const facts::FactHeader& header) {
    if (header.stream == 0) {
        return header.count;
    }
    const auto known = counts_of_streams.find(header.stream);
    if (known == counts_of_streams.end()) {
        if (counts_of_streams.size() < kMostStreams) {
            counts_of_streams.emplace(header.stream, header.count);
        }
        return header.count;
    }
    const std::uint64_t before = std::exchange(known->second, header.count);
    return header.count > before ? header.count - before : 0;
}

Group& CorrelationState::State::group(Node& node, std::int64_t time) {
    const auto [entry, is_new] = node.groups.try_emplace(key);
    Group& found = entry->second;
    if (is_new) {
        found.place = node.by_use.insert(node.by_use.end(), key);
        found.matches.resize(node.plan->inputs.size());
        found.first = time;
        if (!node.at_once) {
            node.by_end.emplace(time + node.plan->timespan_ns, key);
        }
    } else {
        node.by_use.splice(node.by_use.end(), node.by_use, found.place);
    }
    found.newest = std::max(found.newest, time);
    return found;
}

void CorrelationState::State::forget(Node& node, const std::string& which) {
    const auto found = node.groups.find(which);
    node.bytes -= found->second.bytes;
    node.by_use.erase(found->second.place);
    node.groups.erase(found);
}

void CorrelationState::State::shrink(Node& node) {
    while (node.groups.size() > kMostGroups ||
           (node.bytes > kMostBytes && node.groups.size() > 1)) {
        const std::string oldest = node.by_use.front();
        const Group& group = node.groups.find(oldest)->second;
        const bool is_over = group.newest < node.newest - node.plan->timespan_ns;
        node.dropped += is_over && node.at_once ? 0 : 1;
        if (!node.at_once) {
            const auto [from, to] = node.by_end.equal_range(group.first + node.plan->timespan_ns);
            const auto entry =
                std::find_if(from, to, [&](const auto& each) { return each.second == oldest; });
            if (entry != to) {
                node.by_end.erase(entry);
            }
        }
        forget(node, oldest);
    }
}

/// Whether the correlation holds now that the event is in.
bool CorrelationState::State::count(Node& node, Group& group, const Event& event,
                                    FactFields& fields) {
    const CorrelationPlan::Node& plan = *node.plan;
    bool is_true = false;
    switch (plan.type) {
        case Type::event_count:
            group.numbers.add(event.time, event.weight, plan.timespan_ns);
            is_true = holds(plan.bounds, group.numbers.sum());
            break;
        case Type::value_sum:
        case Type::value_avg:
            if (const auto number =
                    number_in(fields, plan.fields[event.document].counted.front())) {
                group.numbers.add(event.time, *number, plan.timespan_ns);
            }
            is_true = group.numbers.size() > 0 && holds(plan.bounds, group.numbers.sum());
            break;
        case Type::value_count:
            value.clear();
            for (const std::size_t field : plan.fields[event.document].counted) {
                append_part(value, fields, field);
            }
            group.texts.add(event.time, value, plan.timespan_ns);
            is_true = holds(plan.bounds, group.texts.size());
            break;
        case Type::temporal:
        case Type::temporal_ordered: {
            std::deque<Stamp>& stamps = group.matches[event.input];
            const auto later = std::ranges::upper_bound(stamps, event.time, {}, &Stamp::time);
            stamps.insert(later, {.time = event.time, .number = event.number});
            if (stamps.size() > kMostStamps) {
                stamps.pop_front();
            }
            const std::int64_t from = group.newest - plan.timespan_ns;
            if (plan.type == Type::temporal) {
                const auto seen = std::ranges::count_if(group.matches, [from](const auto& each) {
                    return !each.empty() && each.back().time >= from;
                });
                const auto all = static_cast<std::ptrdiff_t>(group.matches.size());
                is_true = plan.bounds.empty() ? seen == all : holds(plan.bounds, seen);
                break;
            }
            // Backwards from each match of the last rule, always to the latest that came before.
            for (const Stamp& end : group.matches.back()) {
                Stamp next = end;
                bool is_whole = true;
                for (std::size_t i = group.matches.size() - 1; is_whole && i-- > 0;) {
                    const std::deque<Stamp>& earlier = group.matches[i];
                    const auto before =
                        std::find_if(earlier.rbegin(), earlier.rend(), [&](const Stamp& stamp) {
                            return std::pair(stamp.time, stamp.number) <
                                   std::pair(next.time, next.number);
                        });
                    is_whole =
                        before != earlier.rend() && before->time >= end.time - plan.timespan_ns;
                    if (is_whole) {
                        next = *before;
                    }
                }
                is_true = is_true || is_whole;
            }
            break;
        }
    }
    return is_true;
}

/// Only the end of the time span can tell: what is needed then.
void CorrelationState::State::wait(Node& node, Group& group, const Event& event,
                                   FactFields& fields) {
    const CorrelationPlan::Node& plan = *node.plan;
    ++group.events;
    if (plan.type == Type::event_count) {
        group.total += event.weight;
    } else if (plan.type == Type::value_count) {
        (void)count(node, group, event, fields);
        group.total = group.texts.size();
    } else if (const auto number = number_in(fields, plan.fields[event.document].counted.front())) {
        group.total += *number;
    } else {
        --group.events;
    }
    group.last = facts::copy_of(fields.fact());
    group.last_document = event.document;
}

void CorrelationState::State::take(std::size_t index, const Event& event, FactFields& fields,
                                   const OnHit& on_hit) {
    Node& node = nodes[index];
    key.clear();
    for (const std::size_t field : node.plan->fields[event.document].group_by) {
        append_part(key, fields, field);
    }
    node.newest = std::max(node.newest, event.time);
    Group& found = group(node, event.time);
    bool is_true = false;
    if (node.at_once) {
        is_true = count(node, found, event, fields);
    } else {
        wait(node, found, event, fields);
    }
    const std::size_t bytes = kGroupOverhead + 2 * key.size() + found.size_in_bytes();
    node.bytes += bytes - std::exchange(found.bytes, bytes);
    if (is_true) {
        // What has been told is not told again: the next match needs facts of its own.
        const std::string told = key;
        forget(node, told);
        fire(index, event, fields, on_hit);
        return;
    }
    shrink(node);
}

void CorrelationState::State::fire(std::size_t index, const Event& event, FactFields& fields,
                                   const OnHit& on_hit) {
    if (index == 0) {
        ++hits;
        Hit hit{.document = event.document, .fact = fields.fact(), .subject = {}};
        const CorrelationPlan::Node& plan = *nodes[0].plan;
        for (std::size_t i = 0; i < plan.group_names.size(); ++i) {
            const std::size_t field = plan.fields[event.document].group_by[i];
            std::string& text = hit.subject.emplace_back(plan.group_names[i], "").second;
            if (field != kThisHost) {
                facts::append_value_text(text, fields[field]);
            }
        }
        on_hit(hit);
    }
    for (const auto& [parent, input] : nodes[index].parents) {
        Event passed_on = event;
        passed_on.input = input;
        passed_on.weight = 1;
        take(parent, passed_on, fields, on_hit);
    }
}

CorrelationState::CorrelationState(const CorrelationPlan& plan)
    : state_(std::make_unique<State>()) {
    state_->nodes.resize(plan.nodes.size());
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
        const CorrelationPlan::Node& node = plan.nodes[i];
        state_->nodes[i].plan = &node;
        state_->nodes[i].at_once = node.type != Type::value_avg && grows_into(node.bounds);
        for (std::size_t input = 0; input < node.inputs.size(); ++input) {
            if (node.inputs[input].node) {
                state_->nodes[*node.inputs[input].node].parents.emplace_back(i, input);
            }
            for (const std::size_t document : node.inputs[input].documents) {
                state_->of_document.resize(std::max(state_->of_document.size(), document + 1));
                state_->of_document[document].emplace_back(i, input);
            }
        }
    }
}

CorrelationState::~CorrelationState() = default;
CorrelationState::CorrelationState(CorrelationState&&) noexcept = default;
CorrelationState& CorrelationState::operator=(CorrelationState&&) noexcept = default;

void CorrelationState::on_match(std::size_t document, std::uint64_t fact_number, FactFields& fields,
                                const OnHit& on_hit) {
    const facts::FactHeader& header = fields.fact().header();
    const std::uint64_t acts = state_->new_acts(header);
    if (acts == 0 || document >= state_->of_document.size()) {
        return;
    }
    state_->newest_fact = fact_number;
    on_time(header.time, on_hit);
    const Event event{.input = 0,
                      .document = document,
                      .time = header.time.ns,
                      .weight = static_cast<std::int64_t>(
                          std::min(acts, static_cast<std::uint64_t>(kMostCorrelated))),
                      .number = fact_number};
    for (const auto& [node, input] : state_->of_document[document]) {
        Event own = event;
        own.input = input;
        state_->take(node, own, fields, on_hit);
    }
}

void CorrelationState::on_time(Timestamp now, const OnHit& on_hit) {
    // Inner ones first: what they tell is an event of the outer ones.
    for (std::size_t i = state_->nodes.size(); i-- > 0;) {
        State::Node& node = state_->nodes[i];
        while (!node.by_end.empty() && node.by_end.begin()->first < now.ns) {
            const auto [end, which] = *node.by_end.begin();
            node.by_end.erase(node.by_end.begin());
            const auto found = node.groups.find(which);
            const Group& group = found->second;
            const std::int64_t result = node.plan->type == Type::value_avg && group.events > 0
                                            ? group.total / group.events
                                            : group.total;
            const bool is_true = group.events > 0 && holds(node.plan->bounds, result);
            const facts::RecordedFact last = *group.last;
            const Event event{.input = 0,
                              .document = group.last_document,
                              .time = group.newest,
                              .weight = 1,
                              .number = state_->newest_fact};
            state_->forget(node, which);
            if (is_true) {
                const facts::FactView view(last);
                state_->kept.look_at(view);
                state_->fire(i, event, state_->kept, on_hit);
            }
        }
    }
}

bool CorrelationState::waits_for_time() const {
    return std::ranges::any_of(state_->nodes, [](const State::Node& n) { return !n.at_once; });
}

std::uint64_t CorrelationState::hits() const { return state_->hits; }

std::string CorrelationState::left_unjudged() const {
    std::uint64_t dropped = 0;
    std::size_t open = 0;
    for (const State::Node& node : state_->nodes) {
        dropped += node.dropped;
        open += node.by_end.size();
    }
    std::string text;
    if (dropped > 0) {
        text = "what was known of " + counted(dropped, "group") +
               " was dropped: no more is kept at a time than " + std::to_string(kMostGroups) +
               " groups and " + std::to_string(kMostBytes >> 20U) + " MiB";
    }
    if (open > 0) {
        text += text.empty() ? "" : "; ";
        text += "the time span was not over for " + counted(open, "group");
    }
    return text;
}

}  // namespace assay::engine
