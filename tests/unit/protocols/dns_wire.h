// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

/// DNS messages as they are on the wire (RFC 1035 4), put together by hand.
namespace assay::dns_wire {

inline constexpr unsigned kA = 1, kCname = 5, kText = 16, kAaaa = 28;
inline constexpr unsigned kQuestionAt = 12;  ///< where the name of the question is
inline constexpr unsigned kAnswer = 0x8180, kQuery = 0x0100, kUpdate = 0x2800;

inline std::string be16(unsigned value) {
    return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)};
}

inline std::string name(std::initializer_list<std::string_view> labels) {
    std::string out;
    for (const std::string_view label : labels) {
        out += static_cast<char>(label.size());
        out += label;
    }
    return out + '\0';
}

/// "www.example.org"; no dots within labels.
inline std::string name(std::string_view dotted) {
    std::string out;
    while (!dotted.empty()) {
        const std::string_view label = dotted.substr(0, dotted.find('.'));
        out += static_cast<char>(label.size());
        out += label;
        dotted.remove_prefix(label.size() < dotted.size() ? label.size() + 1 : label.size());
    }
    return out + '\0';
}

inline std::string pointer(unsigned to) { return be16(0xC000U | to); }

inline std::string header(unsigned answers, unsigned flags = kAnswer, unsigned questions = 1,
                          unsigned id = 0x1234) {
    return be16(id) + be16(flags) + be16(questions) + be16(answers) + be16(0) + be16(0);
}

inline std::string question(std::string_view encoded, unsigned type = kA, unsigned in = 1) {
    return std::string(encoded) + be16(type) + be16(in);
}

inline std::string record(std::string_view owner, unsigned type, unsigned ttl,
                          std::string_view data, unsigned in = 1) {
    return std::string(owner) + be16(type) + be16(in) + be16(ttl >> 16U) + be16(ttl & 0xFFFFU) +
           be16(static_cast<unsigned>(data.size())) + std::string(data);
}

}  // namespace assay::dns_wire
