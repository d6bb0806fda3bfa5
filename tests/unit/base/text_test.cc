// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "base/json_text.h"

namespace assay {
namespace {

std::string json(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string terminal(std::string_view text) {
    std::string out;
    append_terminal_text(out, text);
    return out;
}

TEST(JsonText, EscapesWhatJsonForbidsAndKeepsWhatItAllows) {
    EXPECT_EQ(json("a\"b\\c\n\t\r\x01\x7f"), "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f\"");
    EXPECT_EQ(json("żółw 🐢"), "\"żółw 🐢\"");
    EXPECT_EQ(json(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(JsonText, ReplacesEveryByteThatIsNoUtf8) {
    const std::string replaced = "\xEF\xBF\xBD";
    EXPECT_EQ(json("\xFF"), "\"" + replaced + "\"");
    EXPECT_EQ(json("\xC0\xAF"), "\"" + replaced + replaced + "\"") << "overlong slash";
    EXPECT_EQ(json("\xED\xA0\x80"), "\"" + replaced + replaced + replaced + "\"") << "surrogate";
    EXPECT_EQ(json("\xF4\x90\x80\x80"), "\"" + replaced + replaced + replaced + replaced + "\"")
        << "beyond U+10FFFF";
    EXPECT_EQ(json("a\xE2\x82"), "\"a" + replaced + replaced + "\"") << "cut short";
}

TEST(TerminalText, LetsNoControlCharacterThrough) {
    EXPECT_EQ(terminal("\x1b[31mred"), "\\x1b[31mred");
    EXPECT_EQ(terminal("\xC2\x9B"
                       "31m"),
              "\\xc2\\x9b31m")
        << "C1 control sequence introducer";
    EXPECT_EQ(terminal("line\nnext\x7f"), "line\\x0anext\\x7f");
    EXPECT_EQ(terminal("żółw\xFF"), "żółw\\xff");
    EXPECT_EQ(terminal("a\xE2\x80\xAE"
                       "b"),
              "a\\xe2\\x80\\xae"
              "b")
        << "right-to-left override";
    EXPECT_EQ(terminal("\xEF\xBB\xBF…"), "\\xef\\xbb\\xbf…")
        << "byte order mark; an ellipsis is text";
}

TEST(Clock, WritesRfc3339WithNineDigits) {
    EXPECT_EQ(rfc3339(Timestamp{0}), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(rfc3339(Timestamp{1'795'361'400'123'456'789}), "2026-11-22T15:30:00.123456789Z");
    EXPECT_EQ(rfc3339(Timestamp{-1}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Clock, TurnsBootTimeIntoWallTime) { EXPECT_EQ(BootToWall(1000)(234).ns, 1234); }

}  // namespace
}  // namespace assay
