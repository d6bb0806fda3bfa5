// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/classifier.h"

/// Conversations written by hand after the protocols' specifications, and what they are.
namespace assay::protocols::test {

struct Step {
    Side side = Side::client;
    std::string bytes;
};

struct Transcript {
    std::string name;
    FlowInfo flow;
    std::vector<Step> steps;
    Verdict expected;
};

[[nodiscard]] const std::vector<Transcript>& transcripts();

/// Stands for a password in every transcript; tests compare with it but never print it.
inline constexpr std::string_view kPassword = "Tr0ub4dor-plain";

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// ---- pieces that other tests vary ----

/// Numbers in `width` bytes.
[[nodiscard]] std::string big_endian(std::uint64_t value, std::size_t width);
[[nodiscard]] std::string little_endian(std::uint64_t value, std::size_t width);

struct HelloOptions {
    std::uint16_t legacy_version = 0x0303;
    std::vector<std::uint16_t> versions = {};  ///< supported_versions; empty: no such extension
    std::size_t padding = 0;                   ///< length of a padding extension before it
};
[[nodiscard]] std::string client_hello(const HelloOptions& options);
[[nodiscard]] std::string server_hello(const HelloOptions& options);
[[nodiscard]] std::string ssl2_client_hello(std::uint16_t version);

/// A BER element.
[[nodiscard]] std::string ber(std::uint8_t tag, std::string_view content);
[[nodiscard]] std::string ldap_bind(std::string_view dn, std::string_view password);

}  // namespace assay::protocols::test
