// SPDX-License-Identifier: Apache-2.0
#include "app/rules_directory.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "app/run_id.h"

namespace assay::app {
namespace {

namespace fs = std::filesystem;

class RulesDirectory : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "assay-rules-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
    }
    void TearDown() override { fs::remove_all(root_); }
    fs::path root_;
};

TEST_F(RulesDirectory, IsFoundInTheTreeThatHoldsTheBuild) {
    fs::create_directories(root_ / "rules/runtime-behavior");
    fs::create_directories(root_ / "build/release");
    EXPECT_EQ(find_rules_directory((root_ / "build/release").string()).value(),
              (root_ / "rules").string());
}

TEST_F(RulesDirectory, IsFoundBesideTheInstalledProgram) {
    fs::create_directories(root_ / "share/assay/rules/runtime-behavior");
    fs::create_directories(root_ / "bin");
    EXPECT_EQ(find_rules_directory((root_ / "bin").string()).value(),
              (root_ / "share/assay/rules").string());
}

TEST_F(RulesDirectory, ADirectoryOfThatNameThatHoldsSomethingElseIsPassedOver) {
    fs::create_directories(root_ / "rules/of-the-house");
    fs::create_directories(root_ / "build/release");
    const auto found = find_rules_directory((root_ / "build/release").string());
    EXPECT_NE(found.value_or(""), (root_ / "rules").string());
}

TEST(RunId, IsARandomUuid) {
    const std::string first = new_run_id().value();
    EXPECT_THAT(first, testing::MatchesRegex(
                           "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_NE(first, new_run_id().value());
}

}  // namespace
}  // namespace assay::app
