// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sensors/host/topic.h"

namespace assay::sensors {

/// The kernel settings that are read, below /proc/sys: kernel/randomize_va_space.
[[nodiscard]] std::vector<std::string> watched_sysctls();

/// How the kernel protects memory: settings kernel.* and vm.* of a running host (kernel.nx and
/// kernel.lockdown among them), and sysctl.d.* for what the host's files will make of them at the
/// next boot. An image has only the latter.
class KernelSettingsTopic final : public Topic {
public:
    /// `machine` as uname(2) tells it, the running one's when empty.
    explicit KernelSettingsTopic(std::string machine = {});

    [[nodiscard]] std::string_view name() const override { return "kernel settings"; }
    [[nodiscard]] std::vector<facts::Kind> kinds() const override { return {facts::Kind::setting}; }
    [[nodiscard]] Dependencies read(const Surroundings& around, const TellFact& tell) override;

private:
    struct Told {
        std::string setting, value, source, criteria, problem;
    };
    void read_sysctls(const HostRoot& host, const TellFact& tell) const;
    void read_no_execute(const HostRoot& host);

    std::string machine_;
    /// Neither the processor nor the kernel's command line changes while the kernel runs.
    std::optional<std::vector<Told>> no_execute_;
};

}  // namespace assay::sensors
