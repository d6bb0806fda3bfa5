// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocols/classifier.h"

namespace assay::model {

/// The part of a verdict that makes flows one stream of facts.
struct VerdictKind {
    protocols::Protocol protocol = protocols::Protocol::unknown;
    std::string_view version;
    protocols::TlsVersion tls_chosen = protocols::TlsVersion::none;
    protocols::TlsVersion tls_offered = protocols::TlsVersion::none;
    bool encrypted = false;
    bool cleartext_credentials = false;

    bool operator==(const VerdictKind&) const = default;

    [[nodiscard]] static VerdictKind of(const protocols::Verdict& verdict) {
        return {.protocol = verdict.protocol,
                .version = verdict.version,
                .tls_chosen = verdict.tls_chosen,
                .tls_offered = verdict.tls_offered,
                .encrypted = verdict.encrypted,
                .cleartext_credentials = verdict.cleartext_credentials};
    }
};

}  // namespace assay::model
