// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/text_pool.h"
#include "protocols/dns_message.h"
#include "sensors/events.h"

namespace assay::model {

/// Who asked (pid 0: not known), or who connects (pid 0: one of the processes that run the image).
struct NameUser {
    facts::ProcessKey process;
    sensors::FileKey image_file;
    std::uint32_t uid = 0;
    std::uint32_t netns = 0;
};

/// Which names were asked for and answered with an address. An answer is believed when it came on a
/// socket that asked for this very name under this number; where the query could not be seen (its
/// port was translated), when it came on a socket that asked.
class HostNames {
public:
    static constexpr std::size_t kMostNames = 16'384;  ///< pairs of address and name, by asker
    static constexpr std::size_t kMostNamesOfAddress = 32;
    static constexpr std::size_t kMostQuestions = 4'096;
    /// A program may use an address long after the answer's time to live.
    static constexpr std::uint64_t kGrace = 3'600'000'000'000;
    static constexpr std::uint64_t kMostTtl = 86'400'000'000'000;
    /// A resolver that is not answered gives up sooner (resolv.conf: 5 s, 2 tries).
    static constexpr std::uint64_t kQuestionLives = 30'000'000'000;

    explicit HostNames(TextPool& texts) : texts_(texts) {}

    void heard(const sensors::DnsMessage& message);

    /// The names under which this user may connect to the address at this time, which were learned
    /// after `since`; the newest last. Only those of whoever is nearest among all who asked for
    /// names of this address: the process, its program and user, its user, anybody in its network
    /// namespace, anybody.
    [[nodiscard]] std::vector<Text> names(const IpAddress& address, const NameUser& user,
                                          std::uint64_t since, std::uint64_t until) const;

    [[nodiscard]] bool empty() const { return names_.empty(); }
    [[nodiscard]] std::size_t size() const { return names_.size(); }
    [[nodiscard]] std::size_t questions() const { return questions_.size(); }

private:
    struct Name {
        IpAddress address;
        Text name;
        NameUser asker;
        std::uint64_t learned_ns = 0;
        std::uint64_t expires_ns = 0;
    };
    using Names = std::list<Name>;
    struct HashAddress {
        std::size_t operator()(const IpAddress& address) const;
    };
    struct Question {
        std::string name;
        std::uint16_t type = 0;
        std::uint64_t asked_ns = 0;
    };
    struct QuestionKey {
        std::uint64_t socket;
        std::uint16_t id;
        auto operator<=>(const QuestionKey&) const = default;
    };

    void asked(const sensors::DnsMessage& message, protocols::DnsMessage& query);
    [[nodiscard]] bool is_answer_to_a_question(const sensors::DnsMessage& message,
                                               const protocols::DnsMessage& answer) const;
    void learn(const IpAddress& address, const Text& name, const NameUser& asker,
               std::uint64_t now_ns, std::uint64_t ttl_ns);
    void forget(Names::iterator name);

    TextPool& texts_;
    Names names_;  ///< the least recently learned first
    std::unordered_map<IpAddress, std::vector<Names::iterator>, HashAddress> by_address_;
    std::map<QuestionKey, Question> questions_;
    std::list<std::pair<QuestionKey, std::uint64_t>> questions_in_order_;
};

}  // namespace assay::model
