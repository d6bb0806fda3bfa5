// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/patterns.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

// sshd cuts subpatterns off at this length and then takes the whole list for no match.
constexpr std::size_t kLongestPattern = 1023;

/// Where a bracket expression ends, when it does.
std::optional<std::size_t> end_of_bracket(std::string_view pattern, std::size_t open) {
    std::size_t i = open + 1;
    if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) {
        ++i;
    }
    const std::size_t close = pattern.find(']', i + 1);
    return close == std::string_view::npos ? std::nullopt : std::optional(close);
}

bool bracket_holds(std::string_view inside, char c) {
    const bool negated = inside.starts_with('!');
    if (negated) {
        inside.remove_prefix(1);
    }
    const auto byte = [](char of) { return static_cast<unsigned char>(of); };
    bool found = false;
    for (std::size_t i = 0; i < inside.size(); ++i) {
        if (i + 2 < inside.size() && inside[i + 1] == '-') {
            found = found || (byte(inside[i]) <= byte(c) && byte(c) <= byte(inside[i + 2]));
            i += 2;
        } else {
            found = found || inside[i] == c;
        }
    }
    return found != negated;
}

/// Matches one element of a glob at `at`, moves past it when it does.
bool glob_element(std::string_view pattern, std::size_t& at, char c) {
    if (pattern[at] == '?') {
        ++at;
        return true;
    }
    if (pattern[at] == '[') {
        if (const auto close = end_of_bracket(pattern, at)) {
            const std::string_view inside = pattern.substr(at + 1, *close - at - 1);
            at = *close + 1;
            return bracket_holds(inside, c);
        }
    }
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
        ++at;
    }
    return pattern[at++] == c;
}

std::string text_of(const Network& network, const std::array<std::uint8_t, 16>& bytes) {
    char text[INET6_ADDRSTRLEN];
    (void)::inet_ntop(network.is_ipv6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
    return text;
}

bool within(const Network& host, const Network& network) {
    if (host.is_ipv6 != network.is_ipv6) {
        return false;
    }
    for (unsigned bit = 0; bit < network.length; ++bit) {
        const unsigned mask = 0x80U >> (bit % 8);
        if (((host.bytes[bit / 8] ^ network.bytes[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool pattern_matches(std::string_view text, std::string_view pattern) {
    std::size_t t = 0;
    std::size_t p = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

ListMatch list_matches(std::string_view text, std::string_view patterns) {
    ListMatch result = ListMatch::none;
    while (!patterns.empty()) {
        const bool negated = patterns.starts_with('!');
        if (negated) {
            patterns.remove_prefix(1);
        }
        const std::string_view pattern = patterns.substr(0, patterns.find(','));
        if (pattern.size() >= kLongestPattern) {
            return ListMatch::none;
        }
        patterns.remove_prefix(std::min(pattern.size() + 1, patterns.size()));
        if (pattern_matches(text, pattern)) {
            if (negated) {
                return ListMatch::negated;
            }
            result = ListMatch::positive;
        }
    }
    return result;
}

bool is_glob(std::string_view pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\') {
            ++i;
        } else if (pattern[i] == '*' || pattern[i] == '?' ||
                   (pattern[i] == '[' && end_of_bracket(pattern, i))) {
            return true;
        }
    }
    return false;
}

std::string without_escapes(std::string_view pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\' && i + 1 < pattern.size()) {
            ++i;
        }
        text += pattern[i];
    }
    return text;
}

bool glob_matches(std::string_view name, std::string_view pattern) {
    if (name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\.")) {
        return false;
    }
    std::size_t n = 0;
    std::size_t p = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
            continue;
        }
        std::size_t next = p;
        if (p < pattern.size() && glob_element(pattern, next, name[n])) {
            p = next;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string Network::first() const { return text_of(*this, bytes); }

std::string Network::last() const {
    auto highest = bytes;
    for (unsigned bit = length; bit < bits(); ++bit) {
        highest[bit / 8] = static_cast<std::uint8_t>(highest[bit / 8] | (0x80U >> (bit % 8)));
    }
    return text_of(*this, highest);
}

std::optional<Network> parse_address(std::string_view text) {
    if (text.size() >= 64) {
        return std::nullopt;
    }
    const std::string whole(text);
    Network address;
    in_addr v4{};
    // inet_aton, as getaddrinfo does for numeric hosts: "10.1" is 10.0.0.1. It would also take
    // white space behind the address.
    if (whole.find_first_of(" \t\n\r") == std::string::npos &&
        ::inet_aton(whole.c_str(), &v4) == 1) {
        std::memcpy(address.bytes.data(), &v4, sizeof v4);
        address.length = 32;
        return address;
    }
    const std::string bare = whole.substr(0, whole.find('%'));
    if (::inet_pton(AF_INET6, bare.c_str(), address.bytes.data()) == 1) {
        address.is_ipv6 = true;
        address.length = 128;
        return address;
    }
    return std::nullopt;
}

NetworkText parse_network(std::string_view text, Network& out) {
    if (text.size() >= 64) {
        return NetworkText::pattern;
    }
    const std::size_t slash = text.find('/');
    std::optional<unsigned> length;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned value = 0;
        for (const char c : digits) {
            if (c < '0' || c > '9') {
                return NetworkText::pattern;
            }
            value = std::min(value * 10 + static_cast<unsigned>(c - '0'), 1000U);
        }
        if (digits.empty() || value > 128) {
            return NetworkText::pattern;
        }
        length = value;
    }
    const auto address = parse_address(text.substr(0, slash));
    if (!address) {
        return NetworkText::pattern;
    }
    out = *address;
    out.length = length.value_or(out.bits());
    if (out.length > out.bits()) {
        return NetworkText::inconsistent;
    }
    for (unsigned bit = out.length; bit < out.bits(); ++bit) {
        if ((out.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
            return NetworkText::inconsistent;
        }
    }
    return NetworkText::address;
}

bool address_list_valid(std::string_view list) {
    return std::ranges::all_of(split(list, ','), [](std::string_view entry) {
        if (entry.starts_with('!')) {
            entry.remove_prefix(1);
        }
        Network network;
        return !entry.empty() && parse_network(entry, network) != NetworkText::inconsistent;
    });
}

ListMatch address_list_matches(std::string_view address, std::string_view list) {
    const auto host = parse_address(address);
    ListMatch result = ListMatch::none;
    if (!host) {
        return result;
    }
    for (std::string_view entry : split(list, ',')) {
        const bool negated = entry.starts_with('!');
        if (negated) {
            entry.remove_prefix(1);
        }
        Network network;
        const NetworkText kind = parse_network(entry, network);
        const bool found =
            kind == NetworkText::address ? within(*host, network) : pattern_matches(address, entry);
        if (found && negated) {
            return ListMatch::negated;
        }
        if (found) {
            result = ListMatch::positive;
        }
    }
    return result;
}

}  // namespace assay::sensors::sshd
