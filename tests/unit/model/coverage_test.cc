// SPDX-License-Identifier: Apache-2.0
#include "model_fixture.h"

namespace assay::model {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class CoverageFacts : public ModelTest {
protected:
    void hook(facts::Hook which, sensors::HookState::State state, std::uint64_t lost = 0) {
        model->on(sensors::HookState{which, state, "tp_btf", "because", lost});
    }
};

TEST_F(CoverageFacts, AreToldForEachHookAndAgainAtTheClose) {
    hook(facts::Hook::exec, sensors::HookState::State::attached);
    hook(facts::Hook::accept, sensors::HookState::State::missing);
    hook(facts::Hook::send, sensors::HookState::State::not_needed);
    ASSERT_THAT(told, SizeIs(3));
    EXPECT_EQ(told[0]["Hook"], "exec");
    EXPECT_EQ(told[0]["State"], "attached");
    EXPECT_EQ(told[0]["Mechanism"], "tp_btf");
    EXPECT_EQ(told[0]["Reason"], "because");
    EXPECT_EQ(told[0]["Lost"], "0");
    EXPECT_EQ(told[0]["Kinds"],
              R"(["process_creation","network_connection","listener","file_event"])");
    EXPECT_EQ(told[0]["KernelRelease"], "6.1.0-test");
    EXPECT_EQ(told[1]["State"], "missing");
    EXPECT_EQ(told[2]["State"], "not-needed");
    close();
    ASSERT_THAT(told, SizeIs(6));
    EXPECT_TRUE(told[3].header.at_close);
    EXPECT_EQ(told[3].header.stream, told[0].header.stream);
}

TEST_F(CoverageFacts, AreToldAgainOnlyWhenMoreIsLost) {
    hook(facts::Hook::exec, sensors::HookState::State::attached);
    hook(facts::Hook::exec, sensors::HookState::State::attached);
    EXPECT_THAT(told, SizeIs(1));
    hook(facts::Hook::exec, sensors::HookState::State::attached, 3);
    ASSERT_THAT(told, SizeIs(2));
    EXPECT_EQ(told[1]["Lost"], "3");
}

TEST_F(CoverageFacts, AreNotToldWhenNotWanted) {
    model->want(facts::Kind::coverage, false);
    hook(facts::Hook::exec, sensors::HookState::State::attached);
    close();
    EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace assay::model
