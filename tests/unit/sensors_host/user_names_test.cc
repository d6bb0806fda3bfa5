// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/user_names.h"

#include <gtest/gtest.h>

#include "fake_host.h"

namespace assay::sensors {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

struct FakeClock {
    std::uint64_t now = 5 * kSecond;
    UserNames::Clock reading() {
        return [this] { return now; };
    }
};

TEST(UserNames, ComeFromPasswdAndAreNumbersWithoutIt) {
    const FakeHost host{{"etc/passwd", "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/:/bin/sh\n"}};
    UserNames names(host.root());
    EXPECT_EQ(names(0), "root");
    EXPECT_EQ(names(1000), "joe");
    EXPECT_EQ(names(4294967294), "4294967294");
}

TEST(UserNames, AreNumbersWhenThereIsNoPasswd) {
    const FakeHost host{};
    UserNames names(host.root());
    EXPECT_EQ(names(0), "0");
}

TEST(UserNames, TheFirstOfSeveralNamesCounts) {
    const FakeHost host{{"etc/passwd", "root:x:0:0:::\ntoor:x:0:0:::\n"}};
    UserNames names(host.root());
    EXPECT_EQ(names(0), "root");
}

TEST(UserNames, LinesThatAreNoneAreLeftOut) {
    const FakeHost host{
        {"etc/passwd",
         "\n#no:x:1:1\n:x:2:2\nbad:x:three:3\nneg:x:-4:4\nbig:x:99999999999:1\nshort\n"
         "ok:x:5:5:::"}};
    UserNames names(host.root());
    EXPECT_EQ(names(1), "1");
    EXPECT_EQ(names(2), "2");
    EXPECT_EQ(names(3), "3");
    EXPECT_EQ(names(5), "ok");
}

TEST(UserNames, AChangedFileIsReadAgainAfterASecondAndOldViewsStay) {
    const FakeHost host{{"etc/passwd", "joe:x:1000:1000:::\n"}};
    FakeClock clock;
    UserNames names(host.root(), clock.reading());
    const std::string_view before = names(1000);
    const std::string_view number = names(1001);
    host.replace("etc/passwd", "jane:x:1000:1000:::\nnew:x:1001:1001:::\n");
    clock.now += kSecond / 2;
    EXPECT_EQ(names(1000), "joe");
    clock.now += kSecond;
    EXPECT_EQ(names(1000), "jane");
    EXPECT_EQ(names(1001), "new");
    EXPECT_EQ(before, "joe");
    EXPECT_EQ(number, "1001");
}

TEST(UserNames, AFileThatVanishesKeepsItsNames) {
    const FakeHost host{{"etc/passwd", "joe:x:1000:1000:::\n"}};
    FakeClock clock;
    UserNames names(host.root(), clock.reading());
    EXPECT_EQ(names(1000), "joe");
    host.remove("etc/passwd");
    clock.now += 2 * kSecond;
    EXPECT_EQ(names(1000), "joe");
}

}  // namespace
}  // namespace assay::sensors
