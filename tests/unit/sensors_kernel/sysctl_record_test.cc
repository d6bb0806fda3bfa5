// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "gmock/gmock.h"
#include "record_builder.h"
#include "sensors/kernel/counted_losses.h"
#include "sensors/kernel/hook_table.h"
#include "sensors/kernel/kernel_sensor.h"
#include "sensors/kernel/wire_decoder.h"

namespace assay::sensors {
namespace {

using testing::bytes_of;
using testing::with_header;

wire_sysctl_write write_of(std::string_view name) {
    auto wire = with_header<wire_sysctl_write>(WIRE_SYSCTL_WRITE);
    wire.process = {.tgid = 42, .uid = 1000, .start_boot_ns = 4200};
    std::ranges::copy(name, std::begin(wire.name.text));
    return wire;
}

TEST(SysctlRecord, SaysWhoIsAboutToWriteWhat) {
    const auto bytes = bytes_of(write_of("kernel/randomize_va_space"));
    const auto event = decode_record(bytes);
    ASSERT_TRUE(event) << event.error().message;
    const auto& written = std::get<SysctlWrite>(*event);
    EXPECT_EQ(written.time_ns, 77U);
    EXPECT_EQ(written.process, (ProcessKey{.pid = 42, .start_boot_ns = 4200}));
    EXPECT_EQ(written.uid, 1000U);
    EXPECT_EQ(written.name, "kernel/randomize_va_space");
}

TEST(SysctlRecord, ANameThatDoesNotEndOrIsEmptyIsRefused) {
    EXPECT_FALSE(decode_record(bytes_of(write_of(std::string(WIRE_SYSCTL_NAME_MAX, 'x')))));
    EXPECT_FALSE(decode_record(bytes_of(write_of(""))));
    EXPECT_TRUE(decode_record(bytes_of(write_of(std::string(WIRE_SYSCTL_NAME_MAX - 1, 'x')))));
}

TEST(SysctlRecord, ThatIsCutShortIsRefused) {
    const auto whole = bytes_of(write_of("kernel/kptr_restrict"));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decode_record(std::span(whole).first(length))) << length;
    }
}

TEST(SysctlRecord, BelongsToTheHookSysctl) {
    EXPECT_EQ(hook_of_record(WIRE_SYSCTL_WRITE), facts::Hook::sysctl);
    EXPECT_TRUE(std::ranges::any_of(kCountedLosses, [](const CountedLoss& loss) {
        return loss.hook == facts::Hook::sysctl && loss.counter == COUNTER_SYSCTL_RING_FULL;
    }));
    const auto points = hook_points();
    const auto row = std::ranges::find(points, facts::Hook::sysctl, &HookPoint::hook);
    ASSERT_NE(row, points.end());
    ASSERT_EQ(row->candidates.size(), 1U);
    EXPECT_EQ(row->candidates[0].mechanism, Mechanism::cgroup);
}

}  // namespace
}  // namespace assay::sensors
