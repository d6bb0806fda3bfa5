// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "sensors/host/topic.h"

namespace assay::sensors {

/// Tells an `account` fact for each line of passwd(5), with what shadow(5) says of its password and
/// whether an authorized_keys file in its home holds a key.
class AccountsTopic final : public Topic {
public:
    /// Days since 1970-01-01 in UTC, which is what shadow(5) counts in.
    using Today = std::function<std::int64_t()>;

    AccountsTopic();
    explicit AccountsTopic(Today today) : today_(std::move(today)) {}

    [[nodiscard]] std::string_view name() const override { return "accounts"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::account}; }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;

private:
    Today today_;
};

}  // namespace assay::sensors
