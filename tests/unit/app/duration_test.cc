// SPDX-License-Identifier: Apache-2.0
#include "app/duration.h"

#include <gmock/gmock.h>

namespace assay::app {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

TEST(Duration, EachUnitIsUnderstood) {
    EXPECT_EQ(parse_duration("90s").value(), seconds(90));
    EXPECT_EQ(parse_duration("5m").value(), seconds(300));
    EXPECT_EQ(parse_duration("1h").value(), seconds(3600));
    EXPECT_EQ(parse_duration("2d").value(), seconds(172800));
    EXPECT_EQ(parse_duration("0s").value(), seconds(0));
}

TEST(Duration, UnitsAddUpFromLargeToSmall) {
    EXPECT_EQ(parse_duration("1h30m").value(), seconds(5400));
    EXPECT_EQ(parse_duration("1d2h3m4s").value(), seconds(86400 + 7200 + 180 + 4));
}

TEST(Duration, ForeverHasNoEnd) {
    const auto length = parse_duration("forever");
    ASSERT_TRUE(length.has_value());
    EXPECT_FALSE(length->has_value());
}

TEST(Duration, WhatIsNoDurationIsRefusedWithAnExample) {
    for (const char* text : {"", "5", "m", "5x", "30m1h", "5m5m", "-5s", "1.5h", " 5s", "5s ",
                             "99999999999999999999s"}) {
        const auto length = parse_duration(text);
        ASSERT_FALSE(length.has_value()) << text;
        EXPECT_THAT(length.error().message, HasSubstr("90s, 5m, 1h, 1h30m or forever")) << text;
    }
}

TEST(Duration, MoreThanAYearMustBeForever) {
    EXPECT_TRUE(parse_duration("365d").has_value());
    EXPECT_THAT(parse_duration("366d").error().message, HasSubstr("write forever"));
    EXPECT_THAT(parse_duration("4294967295d").error().message, HasSubstr("write forever"));
}

TEST(Duration, IsToldAsPeopleWriteIt) {
    EXPECT_EQ(duration_text(seconds(60)), "60 s");
    EXPECT_EQ(duration_text(seconds(90)), "90 s");
    EXPECT_EQ(duration_text(seconds(300)), "5 min");
    EXPECT_EQ(duration_text(seconds(5400)), "1 h 30 min");
    EXPECT_EQ(duration_text(seconds(90061)), "1 d 1 h 1 min 1 s");
}

}  // namespace
}  // namespace assay::app
