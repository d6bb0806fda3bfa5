// SPDX-License-Identifier: Apache-2.0
// Rule files that somebody made to hurt: refused with a place, soon, and within bounds of memory.
#include <sys/resource.h>

#include <chrono>

#include "engine/condition.h"
#include "engine/yaml_tree.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// What reading the text tells; fails the test when that takes long. The bound is wide, since the
/// test may run under a sanitizer on a busy machine: what it would catch takes minutes.
std::vector<std::string> told_soon(const std::string& text) {
    constexpr double kSoon = 5;
    const double start = cpu_seconds();
    std::vector<std::string> told = problems_of(text);
    EXPECT_LT(cpu_seconds() - start, kSoon);
    return told;
}

const std::string kHead = "title: T\nlogsource: {category: process_creation}\ndetection:\n";

TEST(HostileYaml, NestedDeeplyIsRefusedWhereItGetsTooDeep) {
    EXPECT_THAT(told_soon(repeated("[", 100'000)),
                ElementsAre(StartsWith("r.yml:1:33: error: nested too deeply")));
    EXPECT_THAT(told_soon(repeated("{a: ", 100'000)),
                ElementsAre(StartsWith("r.yml:1:129: error: nested too deeply")));
    EXPECT_THAT(told_soon(repeated("- ", 100'000)),
                ElementsAre(StartsWith("r.yml:1:65: error: nested too deeply")));
    std::string indented;
    for (std::size_t i = 0; i < 500; ++i) {
        indented += std::string(i, ' ') + "a:\n";
    }
    EXPECT_THAT(told_soon(indented), ElementsAre(HasSubstr("nested too deeply")));
    EXPECT_THAT(told_soon(repeated("? ", 100'000)), SizeIs(1));
}

TEST(HostileYaml, AliasBombsAreChargedForWhatTheyStandFor) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 30; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
                repeated(before + ", ", 9) + before + "]\n";
    }
    EXPECT_THAT(told_soon(text), ElementsAre(AllOf(StartsWith("r.yml:"), HasSubstr("too large"))));
    EXPECT_THAT(told_soon("a: &a [*a]\n"), ElementsAre("r.yml:1:8: error: nothing before this "
                                                       "alias is called `a`"));
    const std::string long_text =
        "a: &a " + std::string(500'000, 'x') + "\nb: [" + repeated("*a, ", 100) + "*a]\n";
    EXPECT_THAT(told_soon(long_text), ElementsAre(HasSubstr("too large")));
}

TEST(HostileYaml, OfAHundredMegabytesIsRefusedUnread) {
    const TemporaryDirectory directory;
    directory.write("good.yml", kHead + "  s: {Image: x}\n  condition: s\n");
    directory.write("huge.yml", "");
    std::filesystem::resize_file(directory.path() + "/huge.yml", 100'000'000);  // a sparse file
    const double start = cpu_seconds();
    const LoadedFiles loaded = load_directory(directory.path());
    EXPECT_LT(cpu_seconds() - start, 5);
    EXPECT_THAT(loaded.told, ElementsAre(StartsWith("huge.yml: error:")));
    EXPECT_EQ(loaded.rules.rules().size(), 1U);
}

TEST(HostileYaml, HugeListsAndMapsAreBounded) {
    EXPECT_THAT(told_soon(kHead + "  s:\n    Image: [" + repeated("a, ", 200'000) + "a]\n"),
                ElementsAre(HasSubstr("too large: expected at most 50000 keys and values")));
    std::string map = "title: T\n";
    for (int i = 0; i < 60'000; ++i) {
        map += "k" + std::to_string(i) + ": 1\n";
    }
    EXPECT_THAT(told_soon(map), ElementsAre(HasSubstr("too large")));
    // As large as it may be, and every key is looked up among all the others.
    std::string selections = kHead;
    for (int i = 0; i < 20'000; ++i) {
        selections += "  s" + std::to_string(i) + ": x\n";
    }
    EXPECT_THAT(told_soon(selections + "  condition: s1\n"),
                testing::Contains(HasSubstr("expected at most 256 selections")));
}

TEST(HostileYaml, BytesThatAreNoTextAreRefusedWhereTheyStand) {
    EXPECT_THAT(told_soon("title: T\nid: \"\xFF\xFE\"\n"),
                ElementsAre(AllOf(StartsWith("r.yml:2:6: error: not valid YAML"))));
    EXPECT_THAT(told_soon(std::string("title: T\nid: a\0b\n", 16)),
                ElementsAre(StartsWith("r.yml:2:6: error: not valid YAML: control characters")));
    EXPECT_THAT(told_soon("title: \xC3\x28\n"), ElementsAre(StartsWith("r.yml:1:9: error: ")));
    EXPECT_THAT(told_soon("title: \xED\xA0\x80\n"), SizeIs(1)) << "a surrogate";
    EXPECT_THAT(told_soon("\xFE\xFF\0t\0i"), SizeIs(1)) << "UTF-16";
}

TEST(HostileYaml, TabsMergeKeysAndTagsAreRefused) {
    EXPECT_THAT(told_soon("title: T\ndetection:\n\ts: x\n"),
                ElementsAre(StartsWith("r.yml:3:1: error: not valid YAML")));
    EXPECT_THAT(told_soon("title: &t {a: 1}\nb:\n  <<: *t\n"),
                ElementsAre("r.yml:3:3: error: merge keys (`<<`) are not allowed in rules: write "
                            "the keys out"));
    EXPECT_THAT(told_soon("title: !!python/object:os.system x\n"),
                ElementsAre(HasSubstr("are not allowed in rules")));
    EXPECT_THAT(told_soon("title: T\n? [a, b]\n: c\n"),
                ElementsAre("r.yml:2:3: error: expected a name as the key"));
}

TEST(HostileYaml, KeysGivenTwiceAreFoundInMapsOfEverySize) {
    std::string text = "title: T\n";
    for (int i = 0; i < 40; ++i) {
        text += "k" + std::to_string(i) + ": 1\n";
    }
    EXPECT_THAT(told_soon(text + "k7: 2\n"),
                ElementsAre("r.yml:42:1: error: key `k7` is given twice: it was given before in "
                            "line 9"));
    EXPECT_THAT(told_soon("a: {\"b\": 1, 'b': 2}\n"),
                ElementsAre("r.yml:1:13: error: key `b` is given twice: it was given before in "
                            "line 1"));
}

TEST(Yaml, TakesAByteOrderMarkAndLinesOfAnySystem) {
    const std::string rule =
        "title: T\r\nlogsource: {category: process_creation}\r\n"
        "detection:\r\n  s: {Image: /bin/x}\r\n  condition: s\r\n";
    EXPECT_THAT(problems_of(rule), IsEmpty());
    EXPECT_THAT(problems_of("\xEF\xBB\xBF" + rule), IsEmpty());
    EXPECT_THAT(problems_of(rule.substr(0, rule.size() - 3) + "x\r\n"),
                ElementsAre(StartsWith("r.yml:5:14: error: no selection is called `x`")));
}

TEST(Yaml, PointsIntoConditionsBehindLettersBeyondAscii) {
    EXPECT_THAT(problems_of("title: Größe – ヴ\nlogsource: {category: process_creation}\n"
                            "detection:\n  größe: {Image: x}\n  condition: (s\n"),
                ElementsAre(StartsWith("r.yml:5:15: error: no selection is called `s`")));
}

TEST(HostileCondition, WithTenThousandParenthesesIsRefused) {
    const std::string deep = repeated("(", 10'000) + "s" + repeated(")", 10'000);
    EXPECT_THAT(told_soon(kHead + "  s: {Image: x}\n  condition: " + deep + "\n"),
                ElementsAre("r.yml:5:14: error: the condition is longer than 4096 characters"));
    const std::string fits = repeated("(", 1'000) + "s" + repeated(")", 1'000);
    EXPECT_THAT(told_soon(kHead + "  s: {Image: x}\n  condition: " + fits + "\n"),
                ElementsAre(StartsWith("r.yml:5:46: error: nested too deeply")));
    EXPECT_THAT(told_soon(kHead + "  s: {Image: x}\n  condition: " + repeated("not ", 900) + "s\n"),
                ElementsAre(HasSubstr("nested too deeply")));
}

TEST(HostileCondition, OverManySelectionsStaysSmall) {
    std::string text = kHead;
    for (int i = 0; i < 250; ++i) {
        text += "  s" + std::to_string(i) + ": {Image: x}\n";
    }
    text += "  condition: " + repeated("all of s* and ", 290) + "all of s*\n";
    EXPECT_THAT(told_soon(text), IsEmpty());
}

TEST(HostileRegex, ThatWouldBacktrackOrBlowUpIsBounded) {
    const auto with = [](const std::string& regex) {
        return told_soon(kHead + "  s: {CommandLine|re: '" + regex + "'}\n  condition: s\n");
    };
    EXPECT_THAT(with("(a{1000}){1000}"), ElementsAre(HasSubstr("regular expression outside RE2")));
    EXPECT_THAT(with("((((a{30}){30}){30}){30})"), SizeIs(1));
    EXPECT_THAT(with(repeated("(", 5'000) + repeated(")", 5'000)), SizeIs(testing::Le(1U)));
    EXPECT_THAT(with(R"((a)\1)"), ElementsAre(HasSubstr("outside RE2")));
    const std::string backtracking = "(a+)+(a+)+(a|aa)*b";
    EXPECT_THAT(with(backtracking), IsEmpty());
    const double start = cpu_seconds();
    EXPECT_FALSE(matches("{CommandLine|re: '" + backtracking + "'}",
                         process({{"CommandLine", repeated("a", 100'000)}})));
    EXPECT_LT(cpu_seconds() - start, 5);
}

TEST(HostileRegex, ManyOfThemAreBounded) {
    std::string list = "[";
    for (int i = 0; i < 2'000; ++i) {
        list += (i == 0 ? "'a" : ", 'a") + std::to_string(i) + ".*b'";
    }
    EXPECT_THAT(told_soon(kHead + "  s: {CommandLine|re: " + list + "]}\n  condition: s\n"),
                ElementsAre(EndsWith("expected at most 1000 regular expressions in a rule")));
}

}  // namespace
}  // namespace assay::engine
