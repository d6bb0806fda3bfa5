// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "record_builder.h"
#include "sensors/kernel/kernel_sensor.h"
#include "sensors/kernel/wire_decoder.h"

namespace assay::sensors {
namespace {

using namespace std::string_view_literals;
using testing::bytes_of;
using testing::exec_record;
using testing::with_header;

// The event borrows from the record: texts are read only while the record lives.
ProcessExec decoded(WireDecoder& decoder, const std::vector<std::byte>& record) {
    const auto event = decoder.decode(record);
    EXPECT_TRUE(event.has_value()) << (event ? "" : event.error().message);
    const auto* exec = event ? std::get_if<ProcessExec>(&*event) : nullptr;
    EXPECT_NE(exec, nullptr);
    return exec != nullptr ? *exec : ProcessExec{};
}

TEST(ExecRecord, IsDecodedFieldByField) {
    WireDecoder decoder;
    const auto record = exec_record();
    const auto exec = decoded(decoder, record);
    EXPECT_EQ(exec.time_ns, 77U);
    EXPECT_EQ(exec.origin, Origin::runtime);
    EXPECT_EQ(exec.process, (ProcessKey{42, 4200}));
    EXPECT_EQ(exec.parent, (ProcessKey{41, 4100}));
    EXPECT_EQ(exec.uid, 1000U);
    EXPECT_EQ(exec.euid, 1U);
    EXPECT_EQ(exec.gid, 2U);
    EXPECT_EQ(exec.audit_uid, 3U);
    EXPECT_EQ(exec.session_id, 4U);
    EXPECT_EQ(exec.effective_capabilities, 0x1ffU);
    EXPECT_EQ(exec.image_file, (FileKey{99, 8U << 20 | 1U}));
    EXPECT_EQ(exec.image, "/usr/bin/ls");
    EXPECT_EQ(exec.current_directory, "/home/joe");
    EXPECT_EQ(exec.interpreter, "");
    EXPECT_EQ(exec.cgroup, "/system.slice/ssh.service");
    EXPECT_EQ(exec.arguments, "ls\0-l"sv);
    EXPECT_EQ(exec.pid_namespace, 11U);
    EXPECT_EQ(exec.mount_namespace, 12U);
    EXPECT_EQ(exec.net_namespace, 13U);
    EXPECT_TRUE(exec.stack_known);
    EXPECT_FALSE(exec.arguments_truncated || exec.image_deleted || exec.image_in_memory ||
                 exec.stack_executable || exec.aslr_disabled || exec.secure_exec ||
                 exec.kernel_thread);
}

TEST(ExecRecord, TellsEachFlagByItself) {
    WireDecoder decoder;
    const auto with = [&](__u32 flag) { return decoded(decoder, exec_record({}, flag)); };
    EXPECT_EQ(with(WIRE_EXEC_SNAPSHOT).origin, Origin::snapshot);
    EXPECT_TRUE(with(WIRE_EXEC_ARGUMENTS_CUT).arguments_truncated);
    EXPECT_TRUE(with(WIRE_EXEC_ARGUMENTS_UNREADABLE).arguments_truncated);
    EXPECT_TRUE(with(WIRE_EXEC_IMAGE_DELETED).image_deleted);
    EXPECT_TRUE(with(WIRE_EXEC_IMAGE_IN_MEMORY).image_in_memory);
    EXPECT_TRUE(with(WIRE_EXEC_STACK_EXECUTABLE).stack_executable);
    EXPECT_FALSE(with(WIRE_EXEC_STACK_UNKNOWN).stack_known);
    EXPECT_TRUE(with(WIRE_EXEC_ASLR_DISABLED).aslr_disabled);
    EXPECT_TRUE(with(WIRE_EXEC_SECURE).secure_exec);
    EXPECT_TRUE(with(WIRE_EXEC_KERNEL_THREAD).kernel_thread);
}

TEST(ExecRecord, KeepsEmptyArguments) {
    WireDecoder decoder;
    EXPECT_EQ(decoded(decoder, exec_record({.arguments = "x\0\0\0"sv})).arguments, "x\0\0"sv);
    EXPECT_EQ(decoded(decoder, exec_record({.arguments = ""sv})).arguments, ""sv);
}

TEST(ExecRecord, KeepsTheLastByteOfArgumentsThatWereCut) {
    WireDecoder decoder;
    EXPECT_EQ(
        decoded(decoder, exec_record({.arguments = "x\0lon"sv}, WIRE_EXEC_ARGUMENTS_CUT)).arguments,
        "x\0lon"sv);
}

TEST(ExecRecord, TellsTheRootFromAPathThatCouldNotBeRead) {
    WireDecoder decoder;
    EXPECT_EQ(decoded(decoder, exec_record({.directory = "\0"sv})).current_directory, "/");
    EXPECT_EQ(decoded(decoder, exec_record({.directory = ""sv})).current_directory, "");
}

TEST(ExecRecord, MarksAPathThatWasCut) {
    WireDecoder decoder;
    std::string deep;
    for (int i = 0; i < WIRE_PATH_DEPTH; ++i) {
        deep += "d\0"sv;
    }
    const auto record = exec_record({.image = deep}, WIRE_EXEC_PATH_CUT);
    const auto exec = decoded(decoder, record);
    EXPECT_TRUE(exec.image.starts_with("…/d/d")) << exec.image;
    EXPECT_EQ(exec.current_directory, "/home/joe") << "a short path is whole";
}

TEST(ExecRecord, KeepsTheInterpreterAsTheScriptNamesIt) {
    WireDecoder decoder;
    const auto record = exec_record({.script = "run.py\0"sv, .interpreter = "/usr/bin/env\0"sv});
    const auto exec = decoded(decoder, record);
    EXPECT_EQ(exec.interpreter, "/usr/bin/env");
    EXPECT_EQ(exec.script, "/home/joe/run.py");
    EXPECT_EQ(exec.arguments, "ls\0-l"sv);
}

TEST(ExecRecord, MakesTheScriptAbsolute) {
    WireDecoder decoder;
    const auto script = [&](std::string_view given) {
        return std::string(decoded(decoder, exec_record({.script = given})).script);
    };
    EXPECT_EQ(script("/opt/run.sh\0"sv), "/opt/run.sh");
    EXPECT_EQ(script("run.sh\0"sv), "/home/joe/run.sh");
    EXPECT_EQ(script("./run.sh\0"sv), "/home/joe/run.sh");
    EXPECT_EQ(script("../ann/run.sh\0"sv), "/home/ann/run.sh");
    EXPECT_EQ(script("../../../../run.sh\0"sv), "/run.sh");
    EXPECT_EQ(script("a/../run.sh\0"sv), "/home/joe/a/../run.sh") << "a may be a symbolic link";
}

TEST(ExecRecord, GetsTheCgroupFromAnEarlierRecordOfTheSameCgroup) {
    WireDecoder decoder;
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = ""sv}, 0, 5)).cgroup, "");
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = "a\0"sv}, 0, 5)).cgroup, "/a");
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = "b\0"sv}, 0, 6)).cgroup, "/b");
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = ""sv}, 0, 5)).cgroup, "/a");
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = "\0"sv}, 0, 7)).cgroup, "/");
    EXPECT_EQ(decoded(decoder, exec_record({.cgroup = ""sv}, 0, 7)).cgroup, "/");
}

TEST(ExecRecord, IsRefusedAtEveryLengthButItsOwn) {
    WireDecoder decoder;
    const auto whole = exec_record();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decoder.decode(std::span(whole).first(length))) << length;
    }
    EXPECT_TRUE(decoder.decode(whole));
}

TEST(ExecRecord, IsRefusedWhenItsPartsAreLongerOrShorterThanItself) {
    WireDecoder decoder;
    for (const int change : {-1, 1, 1000}) {
        auto record = exec_record();
        wire_exec wire{};
        std::memcpy(&wire, record.data(), sizeof wire);
        wire.arguments_length =
            static_cast<__u32>(static_cast<int>(wire.arguments_length) + change);
        std::memcpy(record.data(), &wire, sizeof wire);
        EXPECT_FALSE(decoder.decode(record)) << change;
    }
}

TEST(ExecRecord, IsRefusedWhenAPathDoesNotEnd) {
    WireDecoder decoder;
    EXPECT_FALSE(decoder.decode(exec_record({.image = "ls\0bin"sv})));
    EXPECT_FALSE(decoder.decode(exec_record({.cgroup = "x"sv})));
}

TEST(CgroupPaths, ForgetsTheOldestAndSaysSo) {
    CgroupPaths paths(2);
    paths.remember(1, "/1");
    paths.remember(2, "/2");
    paths.remember(3, "/3");
    EXPECT_EQ(paths.find(1), "/1") << "used again, so it stays";
    EXPECT_EQ(paths.take_forgotten(), (std::vector<std::uint64_t>{2}));
    EXPECT_EQ(paths.find(2), "");
    EXPECT_EQ(paths.find(1), "/1");
    EXPECT_EQ(paths.find(3), "/3");
    EXPECT_TRUE(paths.take_forgotten().empty());
}

}  // namespace
}  // namespace assay::sensors
