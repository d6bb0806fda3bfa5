// SPDX-License-Identifier: Apache-2.0
#include "findings/fingerprint.h"

#include <gtest/gtest.h>

namespace assay::findings {
namespace {

std::string hex(std::string_view bytes) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const auto byte : sha256(bytes)) {
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

// The examples of FIPS 180-4 and of NIST's test vectors.
TEST(Fingerprint, ItsHashIsSha256) {
    EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hex(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Fingerprint, TheSameTextsGiveTheSameUuidInEveryRun) {
    EXPECT_EQ((Fingerprint{"rule", "host", "subject"}.uuid()),
              (Fingerprint{"rule", "host"}.add("subject").uuid()));
    EXPECT_EQ(Fingerprint{"rule"}.uuid(), "e0fb3b62-7696-834f-b6dd-ed60cf3dfa5c");
}

TEST(Fingerprint, WhereOneTextEndsAndTheNextBeginsCounts) {
    EXPECT_NE((Fingerprint{"ab", "c"}.uuid()), (Fingerprint{"a", "bc"}.uuid()));
    EXPECT_NE((Fingerprint{"a", ""}.uuid()), (Fingerprint{"a"}.uuid()));
}

}  // namespace
}  // namespace assay::findings
