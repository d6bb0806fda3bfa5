// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace assay::findings {

/// SHA-256 (FIPS 180-4) of `bytes`.
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view bytes);

/// Gathers texts and answers their fingerprint: the same texts in the same order give the same
/// answer in every run and on every host. Each text counts with its length, so ("ab","c") and
/// ("a","bc") differ.
class Fingerprint {
public:
    Fingerprint() = default;
    Fingerprint(std::initializer_list<std::string_view> texts) {
        for (const auto text : texts) {
            add(text);
        }
    }
    Fingerprint& add(std::string_view text);
    /// As the text of a UUID, version 8 (RFC 9562, 5.8 and B.2).
    [[nodiscard]] std::string uuid() const;

private:
    std::string gathered_;
};

}  // namespace assay::findings
