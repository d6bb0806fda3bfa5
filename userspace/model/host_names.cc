// SPDX-License-Identifier: Apache-2.0
#include "model/host_names.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

namespace assay::model {
namespace {

/// A program that runs again and again is one asker: the last process stands for all.
bool same_asker(const NameUser& a, const NameUser& b) {
    return a.image_file == b.image_file && a.uid == b.uid && a.netns == b.netns &&
           (a.process.pid == 0) == (b.process.pid == 0);
}

/// How much an answer to `asker` says of what `user` connects to; 0: nothing nearer than "anybody".
int nearness(const NameUser& asker, const NameUser& user) {
    if (asker.netns != user.netns) {
        return 0;
    }
    if (asker.process.pid == 0 || asker.uid != user.uid) {
        return 1;
    }
    if (asker.process == user.process) {
        return 4;
    }
    return asker.image_file == user.image_file ? 3 : 2;
}

}  // namespace

std::size_t HostNames::HashAddress::operator()(const IpAddress& address) const {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
}

void HostNames::heard(const sensors::DnsMessage& message) {
    const auto take = [&](protocols::DnsMessage& told) {
        if (message.query) {
            if (!told.answer) {
                asked(message, told);
            }
            return;
        }
        if (!told.answer || told.addresses.empty() || !is_answer_to_a_question(message, told)) {
            return;
        }
        const NameUser asker{.process = message.asker,
                             .image_file = message.image_file,
                             .uid = message.uid,
                             .netns = message.netns};
        const Text name = texts_.intern(told.question);
        for (const auto& [address, ttl] : told.addresses) {
            learn(address, name, asker, message.time_ns, ttl * std::uint64_t{1'000'000'000});
        }
    };
    if (!message.udp) {
        for (auto& told : protocols::read_dns_segment(message.captured)) {
            take(told);
        }
    } else if (auto told = protocols::read_dns_message(message.captured)) {
        take(*told);
    }
}

void HostNames::asked(const sensors::DnsMessage& message, protocols::DnsMessage& query) {
    const QuestionKey key{message.socket, query.id};
    questions_.insert_or_assign(key,
                                Question{std::move(query.question), query.type, message.time_ns});
    questions_in_order_.emplace_back(key, message.time_ns);
    while (questions_in_order_.size() > kMostQuestions ||
           questions_in_order_.front().second + kQuestionLives < message.time_ns) {
        const auto& [oldest, at_ns] = questions_in_order_.front();
        // The same number may have been used again since.
        if (const auto found = questions_.find(oldest);
            found != questions_.end() && found->second.asked_ns == at_ns) {
            questions_.erase(found);
        }
        questions_in_order_.pop_front();
    }
}

bool HostNames::is_answer_to_a_question(const sensors::DnsMessage& message,
                                        const protocols::DnsMessage& answer) const {
    if (!message.query_told) {
        return true;
    }
    const auto asked = questions_.find({message.socket, answer.id});
    return asked != questions_.end() && asked->second.name == answer.question &&
           asked->second.type == answer.type &&
           message.time_ns <= asked->second.asked_ns + kQuestionLives;
}

void HostNames::learn(const IpAddress& address, const Text& name, const NameUser& asker,
                      std::uint64_t now_ns, std::uint64_t ttl_ns) {
    const std::uint64_t expires_ns = now_ns + std::min(ttl_ns, kMostTtl) + kGrace;
    if (const auto place = by_address_.find(address); place != by_address_.end()) {
        const auto same = std::ranges::find_if(place->second, [&](Names::iterator known) {
            return known->name == name && same_asker(known->asker, asker);
        });
        if (same != place->second.end()) {
            (*same)->learned_ns = now_ns;
            (*same)->expires_ns = expires_ns;
            (*same)->asker.process = asker.process;
            names_.splice(names_.end(), names_, *same);
            return;
        }
        if (place->second.size() >= kMostNamesOfAddress) {
            forget(*std::ranges::min_element(place->second, {}, &Name::learned_ns));
        }
    }
    if (names_.size() >= kMostNames) {
        forget(names_.begin());
    }
    names_.push_back({address, name, asker, now_ns, expires_ns});
    by_address_[address].push_back(std::prev(names_.end()));
}

void HostNames::forget(Names::iterator name) {
    const auto place = by_address_.find(name->address);
    std::erase(place->second, name);
    if (place->second.empty()) {
        by_address_.erase(place);
    }
    names_.erase(name);
}

std::vector<Text> HostNames::names(const IpAddress& address, const NameUser& user,
                                   std::uint64_t since, std::uint64_t until) const {
    std::vector<Text> found;
    const auto place = by_address_.find(address);
    if (place == by_address_.end()) {
        return found;
    }
    int nearest = -1;
    std::vector<Names::const_iterator> some;
    for (const Names::const_iterator name : place->second) {
        if (name->learned_ns > until || name->expires_ns < until) {
            continue;
        }
        const int near = nearness(name->asker, user);
        if (near > nearest) {
            nearest = near;
            some.clear();
        }
        if (near == nearest) {
            some.push_back(name);
        }
    }
    std::ranges::sort(some, {}, [](Names::const_iterator name) { return name->learned_ns; });
    for (const auto& name : some) {
        if (name->learned_ns > since && std::ranges::find(found, name->name) == found.end()) {
            found.push_back(name->name);
        }
    }
    return found;
}

}  // namespace assay::model
