// SPDX-License-Identifier: Apache-2.0
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using namespace std::string_literals;

facts::RecordedFact with_command(std::string command) {
    return process({{"CommandLine", std::move(command)}});
}

TEST(SigmaStrings, AreComparedWholeAndWithoutCase) {
    EXPECT_TRUE(matches("{Image: /bin/Bash}", process({{"Image", "/BIN/bash"s}})));
    EXPECT_FALSE(matches("{Image: bash}", process({{"Image", "/bin/bash"s}})));
    EXPECT_FALSE(matches("{Image: /bin/bash}", process({{"Image", "/bin/bash2"s}})));
}

TEST(SigmaStrings, KeepCaseWithTheCasedModifier) {
    EXPECT_FALSE(matches("{Image|cased: /bin/Bash}", process({{"Image", "/bin/bash"s}})));
    EXPECT_TRUE(matches("{Image|endswith|cased: Bash}", process({{"Image", "/bin/Bash"s}})));
    EXPECT_FALSE(matches("{Image|contains|cased: BIN}", process({{"Image", "/bin/Bash"s}})));
}

TEST(SigmaStrings, TakeWildcards) {
    EXPECT_TRUE(matches("{Image: '*/bash'}", process({{"Image", "/usr/bin/bash"s}})));
    EXPECT_TRUE(matches("{Image: '/usr/*/b?sh'}", process({{"Image", "/usr/bin/bash"s}})));
    EXPECT_FALSE(matches("{Image: '/usr/*/b?sh'}", process({{"Image", "/usr/bin/bsh"s}})));
    EXPECT_TRUE(matches("{CommandLine: 'a*b*c'}", with_command("axxbxxbxxc")));
    EXPECT_FALSE(matches("{CommandLine: 'a*b*c'}", with_command("axxbxxbxx")));
    EXPECT_TRUE(matches("{CommandLine: '*'}", with_command("x")));
    EXPECT_FALSE(matches("{CommandLine: '*'}", process({})));
    EXPECT_FALSE(matches("{CommandLine: '?'}", with_command("ab")));
}

TEST(SigmaStrings, TakeAQuestionMarkAsOneCharacterOfUtf8) {
    EXPECT_TRUE(matches("{CommandLine: 'x?y'}", with_command("x\xC3\xA9y")));
    EXPECT_TRUE(matches("{CommandLine: 'x?y'}", with_command("x\xFFy")));
}

TEST(SigmaStrings, ResolveEscapesAsTheSpecificationSays) {
    EXPECT_TRUE(matches(R"({CommandLine: 'a\b'})", with_command(R"(a\b)")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\\b'})", with_command(R"(a\b)")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\*'})", with_command("a*")));
    EXPECT_FALSE(matches(R"({CommandLine: 'a\*'})", with_command("ab")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\\*'})", with_command(R"(a\xyz)")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\\\*'})", with_command(R"(a\*)")));
    EXPECT_FALSE(matches(R"({CommandLine: 'a\\\*'})", with_command(R"(a\xyz)")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\\\\b'})", with_command(R"(a\\b)")));
    EXPECT_TRUE(matches(R"({CommandLine: 'a\?'})", with_command("a?")));
}

TEST(Modifiers, LookAtTheStartTheEndOrAnywhere) {
    EXPECT_TRUE(matches("{Image|startswith: /usr/}", process({{"Image", "/usr/bin/x"s}})));
    EXPECT_FALSE(matches("{Image|startswith: usr}", process({{"Image", "/usr/bin/x"s}})));
    EXPECT_TRUE(matches("{Image|endswith: [/y, /x]}", process({{"Image", "/usr/bin/x"s}})));
    EXPECT_TRUE(matches("{Image|contains: BIN}", process({{"Image", "/usr/bin/x"s}})));
    EXPECT_TRUE(matches("{CommandLine|contains: 'a*d'}", with_command("xxabcdyy")));
}

TEST(Modifiers, JoinAListByOrAndByAndWithAll) {
    EXPECT_TRUE(matches("{CommandLine|contains: [one, two]}", with_command("x two")));
    EXPECT_FALSE(matches("{CommandLine|contains|all: [one, two]}", with_command("x two")));
    EXPECT_TRUE(matches("{CommandLine|contains|all: [one, two]}", with_command("two one")));
}

TEST(Modifiers, MatchRegularExpressionsCaseSensitivelyAnywhere) {
    EXPECT_TRUE(matches(R"({CommandLine|re: '\s-O\s'})", with_command("wget -O x")));
    EXPECT_FALSE(matches(R"({CommandLine|re: '\s-O\s'})", with_command("wget -o x")));
    EXPECT_TRUE(matches(R"({CommandLine|re|i: '\s-O\s'})", with_command("wget -o x")));
    EXPECT_FALSE(matches("{CommandLine|re: '^b'}", with_command("a\nb")));
    EXPECT_TRUE(matches("{CommandLine|re|m: '^b'}", with_command("a\nb")));
    EXPECT_FALSE(matches("{CommandLine|re: 'a.b'}", with_command("a\nb")));
    EXPECT_TRUE(matches("{CommandLine|re|s: 'a.b'}", with_command("a\nb")));
}

TEST(Modifiers, AreNotEvadedByBytesThatAreNotUtf8) {
    EXPECT_TRUE(matches("{CommandLine|re: 'curl.*sh$'}", with_command("curl \xFF\xFE sh")));
    EXPECT_TRUE(matches("{CommandLine: 'curl*sh'}", with_command("curl \xFF\xFE sh")));
}

TEST(Modifiers, CompareAddressesWithBlocks) {
    const auto to = [](std::string address) {
        return connection({{"DestinationIp", std::move(address)}});
    };
    EXPECT_TRUE(matches("{DestinationIp|cidr: 10.0.0.0/8}", to("10.200.3.4")));
    EXPECT_FALSE(matches("{DestinationIp|cidr: 10.0.0.0/8}", to("11.0.0.1")));
    EXPECT_TRUE(matches("{DestinationIp|cidr: ['10.0.0.0/8', 'fe80::/10']}", to("fe80::1")));
    EXPECT_TRUE(matches("{DestinationIp|cidr: '::1/128'}", to("::1")));
    EXPECT_FALSE(matches("{DestinationIp|cidr: '::/0'}", to("not an address")));
}

TEST(Modifiers, CompareNumbers) {
    const auto port = connection({{"DestinationPort", std::uint64_t{443}}});
    EXPECT_TRUE(matches("{DestinationPort|gt: 442}", port));
    EXPECT_FALSE(matches("{DestinationPort|gt: 443}", port));
    EXPECT_TRUE(matches("{DestinationPort|gte: 443}", port));
    EXPECT_TRUE(matches("{DestinationPort|lt: '444'}", port));
    EXPECT_FALSE(matches("{DestinationPort|lte: 442}", port));
    EXPECT_FALSE(matches("{DestinationPort|lt: 444}", connection({})));
    EXPECT_TRUE(matches("{DestinationPort|gt: -1}", port));
}

TEST(Modifiers, CompareNumbersThatStandInTexts) {
    EXPECT_TRUE(matches("{CommandLine|gt: 9}", with_command("10")));
    EXPECT_FALSE(matches("{CommandLine|gt: 9}", with_command("10x")));
    const auto has = [](std::string_view order, std::string value) {
        const auto fact = fact_of(facts::Kind::setting, {{"Value", std::move(value)}});
        return matches("{Value|" + std::string(order) + "}", fact);
    };
    EXPECT_TRUE(has("lt: 0", "-1"));
    EXPECT_TRUE(has("lte: -1", "-1"));
    EXPECT_TRUE(has("gt: -2", "-1"));
    EXPECT_FALSE(has("gte: 0", "-1"));
    EXPECT_TRUE(has("gt: 99", "0100")) << "decimal, whatever it begins with";
    for (const char* order : {"gt: 0", "gte: 0", "lt: 0", "lte: 0"}) {
        for (const char* text : {"none", "", "-", "1 2", "0x10", "99999999999999999999"}) {
            EXPECT_FALSE(has(order, text)) << order << " of " << text;
        }
    }
}

TEST(Modifiers, TellPresence) {
    EXPECT_TRUE(matches("{Interpreter|exists: true}", process({{"Interpreter", "/x.sh"s}})));
    EXPECT_TRUE(matches("{Interpreter|exists: false}", process({})));
    EXPECT_FALSE(matches("{Interpreter|exists: true}", process({})));
}

TEST(Modifiers, NegateWithNeq) {
    EXPECT_TRUE(matches("{Image|neq: /a}", process({{"Image", "/b"s}})));
    EXPECT_FALSE(matches("{Image|neq: [/a, /b]}", process({{"Image", "/b"s}})));
    EXPECT_TRUE(matches("{Image|neq: /a}", process({})));
}

TEST(Modifiers, TakeAnyDashForWindash) {
    EXPECT_TRUE(matches("{CommandLine|windash|contains: ' -f '}", with_command("x /f y")));
    EXPECT_TRUE(matches("{CommandLine|windash|contains: ' /f '}", with_command("x \xE2\x80\x94"
                                                                               "f y")));
    EXPECT_TRUE(matches("{CommandLine|contains|windash: ' -f '}", with_command("x -f y")));
    EXPECT_FALSE(matches("{CommandLine|windash|contains: 'a-f'}", with_command("a/f")));
}

TEST(Modifiers, EncodeInBase64) {
    EXPECT_TRUE(matches("{CommandLine|base64|contains: foobar}", with_command("x Zm9vYmFy y")));
    // "/bin/bash" after 0, 1 and 2 other bytes: base64 of "/bin/bash", "x/bin/bash", "xx/bin/bash".
    for (const char* encoded : {"L2Jpbi9iYXNo", "eC9iaW4vYmFzaA==", "eHgvYmluL2Jhc2g="}) {
        EXPECT_TRUE(
            matches("{CommandLine|base64offset|contains: /bin/bash}", with_command(encoded)))
            << encoded;
    }
    EXPECT_FALSE(
        matches("{CommandLine|base64offset|contains: /bin/bash}", with_command("L2Jpbi9zaA==")));
    // base64 of "cmd" in UTF-16LE
    EXPECT_TRUE(matches("{CommandLine|wide|base64offset|contains: cmd}", with_command("YwBtAGQA")));
}

TEST(Modifiers, CompareWithAnotherField) {
    const auto same = process({{"Image", "/bin/sh"s}, {"ParentImage", "/bin/SH"s}});
    EXPECT_TRUE(matches("{Image|fieldref: ParentImage}", same));
    EXPECT_FALSE(matches("{Image|fieldref|cased: ParentImage}", same));
    EXPECT_FALSE(matches("{Image|fieldref: ParentImage}", process({{"Image", "/bin/sh"s}})));
    EXPECT_TRUE(matches("{CommandLine|fieldref|startswith: Image}",
                        process({{"Image", "/bin/sh"s}, {"CommandLine", "/bin/sh -c x"s}})));
    EXPECT_FALSE(matches("{Image|fieldref|neq: ParentImage}", same));
}

TEST(Values, MayBeNumbersAndBooleansInEitherSpelling) {
    EXPECT_TRUE(
        matches("{DestinationPort: 22}", connection({{"DestinationPort", std::uint64_t{22}}})));
    EXPECT_TRUE(
        matches("{DestinationPort: '22'}", connection({{"DestinationPort", std::uint64_t{22}}})));
    EXPECT_TRUE(matches("{DestinationPort: [1, 0x16]}",
                        connection({{"DestinationPort", std::uint64_t{22}}})));
    EXPECT_TRUE(matches("{DestinationPort|startswith: 2}",
                        connection({{"DestinationPort", std::uint64_t{22}}})));
    EXPECT_TRUE(
        matches("{DestinationPort: '2?'}", connection({{"DestinationPort", std::uint64_t{22}}})));
    EXPECT_TRUE(matches("{Initiated: 'true'}", connection({{"Initiated", true}})));
    EXPECT_TRUE(matches("{Initiated: true}", connection({{"Initiated", true}})));
    EXPECT_FALSE(matches("{Initiated: false}", connection({{"Initiated", true}})));
    EXPECT_FALSE(matches("{Initiated: false}", connection({})));
    EXPECT_TRUE(matches("{CommandLine: 7}", with_command("7")));
}

TEST(Values, NullAndEmptyMeanAbsent) {
    EXPECT_TRUE(matches("{User: null}", process({})));
    EXPECT_TRUE(matches("{User: ''}", process({})));
    EXPECT_FALSE(matches("{User: null}", process({{"User", "root"s}})));
    EXPECT_TRUE(matches("{User: [null, root]}", process({{"User", "root"s}})));
}

TEST(Values, MatchWhenAnyElementOfAListDoes) {
    const auto owned = listener({{"Owners", std::vector{"/a[1]"s, "/usr/sbin/sshd[7]"s}}});
    EXPECT_TRUE(matches("{Owners|contains: /SSHD}", owned));
    EXPECT_TRUE(matches("{Owners|contains|all: [/sshd, /a]}", owned));
    EXPECT_FALSE(matches("{Owners|contains: /nginx}", owned));
    EXPECT_TRUE(matches("{Owners|re: '^/a'}", owned));
}

TEST(Selections, JoinAMapByAndAndAListOfMapsByOr) {
    const auto fact = process({{"Image", "/bin/sh"s}, {"User", "root"s}});
    EXPECT_TRUE(matches("{Image: /bin/sh, User: root}", fact));
    EXPECT_FALSE(matches("{Image: /bin/sh, User: joe}", fact));
    EXPECT_TRUE(matches("[{User: joe}, {Image: /bin/sh}]", fact));
    EXPECT_FALSE(matches("[{User: joe}, {Image: /bin/bash}]", fact));
}

TEST(Selections, LookForKeywordsInEveryField) {
    const auto fact = process({{"Image", "/bin/nc"s}, {"Uid", std::uint64_t{1234}}});
    EXPECT_TRUE(matches("[evil, NC]", fact));
    EXPECT_TRUE(matches("['12?4']", fact));
    EXPECT_FALSE(matches("[evil]", fact));
    EXPECT_TRUE(matches("{'|all': [bin, '123']}", fact));
    EXPECT_FALSE(matches("{'|all': [bin, evil]}", fact));
    EXPECT_TRUE(matches("{'|re': 'n[ck]$'}", fact));
}

TEST(Expand, PutsParametersInTheirPlace) {
    const RuleSet rules =
        rule_set(rule_with(R"(    s: {User|expand: 'u_%names%', Uid|expand|gte: '%min%'}
    condition: s
assay:
    parameters: {names: [joe, 'ann*'], min: 1000}
)"));
    int count = 0;
    Judge judge(rules, {}, [&](const Match&) { ++count; });
    for (const auto& [user, uid] : std::vector<std::pair<std::string, std::uint64_t>>{
             {"u_joe", 1000}, {"u_annika", 2000}, {"u_joe", 999}, {"u_bob", 1000}}) {
        const auto fact = process({{"User", user}, {"Uid", uid}});
        judge.on_fact(facts::FactView(fact));
    }
    EXPECT_EQ(count, 2);
}

TEST(Expand, KeepsAnEscapedPercentSign) {
    const RuleSet rules = rule_set(rule_with(R"(    s: {User|expand: '\%a\%%b%'}
    condition: s
assay: {parameters: {b: x}}
)"));
    int count = 0;
    Judge judge(rules, {}, [&](const Match&) { ++count; });
    const auto fact = process({{"User", "%a%x"s}});
    judge.on_fact(facts::FactView(fact));
    EXPECT_EQ(count, 1);
}

TEST(Conditions, BindNotThenAndThenOr) {
    const auto holds = [](std::string_view condition, std::string_view user) {
        const RuleSet rules = rule_set(rule_with(
            "    a: {User|contains: a}\n    b: {User|contains: b}\n    c: {User|contains: c}\n"
            "    _d: {User|contains: d}\n    condition: " +
            std::string(condition) + "\n"));
        bool matched = false;
        Judge judge(rules, {}, [&](const Match&) { matched = true; });
        const auto fact = process({{"User", std::string(user)}});
        judge.on_fact(facts::FactView(fact));
        return matched;
    };
    EXPECT_TRUE(holds("a or b and c", "a"));
    EXPECT_FALSE(holds("(a or b) and c", "a"));
    EXPECT_TRUE(holds("not a and b or c", "b"));
    EXPECT_FALSE(holds("not (a or b) and c", "bc"));
    EXPECT_TRUE(holds("1 of them and (a or b or c)", "c"));
    EXPECT_FALSE(holds("1 of them and (a or b or c or _d)", "d")) << "underscored are left out";
    EXPECT_TRUE(holds("1 of _* or a or b or c", "d"));
    EXPECT_TRUE(holds("all of them", "abc"));
    EXPECT_FALSE(holds("all of them", "ab"));
    EXPECT_FALSE(holds("all of them and not _d", "abcd"));
    EXPECT_TRUE(holds("[a and b, c]", "c")) << "a list of conditions is joined by or";
    EXPECT_FALSE(holds("[a and b, c]", "a"));
}

}  // namespace
}  // namespace assay::engine
