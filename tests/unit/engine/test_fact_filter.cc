// SPDX-License-Identifier: Apache-2.0
#include "engine/fact_filter.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

/// Prefixes of TargetFilename that bound a rule with this detection.
std::optional<std::vector<std::string>> of(std::string_view detection, std::string_view more = "") {
    const auto rules = rule_set(
        "title: t\nid: 0c3f8f5e-7a63-4f0e-9c46-0d5b1c8d8a11\n"
        "logsource: {product: linux, category: file_event}\n"
        "detection:\n" +
        std::string(detection) + std::string(more));
    return literal_prefixes(rules, facts::Kind::file_event, "TargetFilename");
}

TEST(FactFilter, IsWhatAPathBeginsWith) {
    EXPECT_THAT(of("  s: {TargetFilename|startswith: ['/etc/cron.d/', '/etc/sudoers']}\n"
                   "  condition: s\n"),
                Optional(ElementsAre("/etc/cron.d/", "/etc/sudoers")));
    EXPECT_THAT(of("  s: {TargetFilename: '/etc/passwd'}\n  condition: s\n"),
                Optional(ElementsAre("/etc/passwd")));
    EXPECT_THAT(of("  s: {TargetFilename: '/etc/cron*'}\n  condition: s\n"),
                Optional(ElementsAre("/etc/cron")));
}

TEST(FactFilter, IsFoldedAsTheEngineFolds) {
    EXPECT_THAT(of("  s: {TargetFilename|startswith: '/Etc/Cron.d/'}\n  condition: s\n"),
                Optional(ElementsAre("/etc/cron.d/")));
    EXPECT_THAT(of("  s: {TargetFilename|startswith|cased: '/Etc/'}\n  condition: s\n"),
                Optional(ElementsAre("/etc/")));
}

TEST(FactFilter, LeavesOutWhatAnotherCovers) {
    EXPECT_THAT(of("  s: {TargetFilename|startswith: ['/etc/cron.d/x', '/etc/', '/opt/']}\n"
                   "  condition: s\n"),
                Optional(ElementsAre("/etc/", "/opt/")));
}

TEST(FactFilter, IsNothingWhenAPathMayBeginAnyhow) {
    for (const char* selection :
         {"{TargetFilename|contains: '/etc/'}", "{TargetFilename|endswith: '.sh'}",
          "{TargetFilename|re: '^/etc/'}", "{TargetFilename: '/etc/*/x'}",
          "{TargetFilename: '*/x'}", "{TargetFilename: '?etc'}", "{TargetFilename|exists: true}",
          "{Image: '/usr/bin/touch'}", "['/etc/']",
          "{TargetFilename|startswith: ['/etc/', '*']}"}) {
        EXPECT_EQ(of("  s: " + std::string(selection) + "\n  condition: s\n"), std::nullopt)
            << selection;
    }
}

TEST(FactFilter, OneOfSeveralThatMustHoldIsEnough) {
    EXPECT_THAT(of("  s: {TargetFilename|startswith: '/etc/', TargetFilename|endswith: '.sh'}\n"
                   "  t: {Image: '/bin/x'}\n"
                   "  condition: s and t\n"),
                Optional(ElementsAre("/etc/")));
    EXPECT_EQ(of("  s: {TargetFilename|startswith: '/etc/'}\n"
                 "  t: {Image: '/bin/x'}\n"
                 "  condition: s or t\n"),
              std::nullopt);
    EXPECT_THAT(of("  s: {TargetFilename|startswith: '/etc/'}\n"
                   "  t: {TargetFilename|startswith: '/opt/', Image: '/bin/x'}\n"
                   "  condition: 1 of them\n"),
                Optional(ElementsAre("/etc/", "/opt/")));
}

TEST(FactFilter, ANegationBoundsNothingButANegatedNegationDoes) {
    EXPECT_EQ(of("  s: {TargetFilename|startswith: '/etc/'}\n  condition: not s\n"), std::nullopt);
    EXPECT_THAT(of("  s: {TargetFilename|startswith: '/etc/'}\n"
                   "  f: {TargetFilename: '/etc/x'}\n"
                   "  condition: s and not f\n"),
                Optional(ElementsAre("/etc/")));
    EXPECT_THAT(of("  s: {TargetFilename|startswith: '/etc/'}\n"
                   "  t: {TargetFilename|startswith: '/opt/'}\n"
                   "  condition: not (not s and not t)\n"),
                Optional(ElementsAre("/etc/", "/opt/")));
    EXPECT_EQ(of("  s: {TargetFilename|startswith: '/etc/'}\n"
                 "  t: {TargetFilename|startswith: '/opt/'}\n"
                 "  condition: not (s and t)\n"),
              std::nullopt);
}

TEST(FactFilter, FactsThatMakeARuleApplyOrUnknownAreNeededToo) {
    constexpr std::string_view kDetection =
        "  s: {TargetFilename|startswith: '/etc/'}\n  condition: s\n";
    EXPECT_THAT(of(kDetection,
                   "assay:\n  unknown_when: [{when: {TargetFilename|startswith: "
                   "'/opt/'}, reason: because}]\n"),
                Optional(ElementsAre("/etc/", "/opt/")));
    EXPECT_THAT(of(kDetection, "assay:\n  applies_when: {TargetFilename|startswith: '/var/'}\n"),
                Optional(ElementsAre("/etc/", "/var/")));
    EXPECT_THAT(of(kDetection, "assay:\n  exceptions: [{when: {Image: '/x'}, reason: because}]\n"),
                Optional(ElementsAre("/etc/")));
}

TEST(FactFilter, WithoutARuleOnTheKindNothingIsNeeded) {
    const auto rules = rule_set(
        "title: t\nlogsource: {product: linux, category: process_creation}\n"
        "detection:\n  s: {Image: '/bin/x'}\n  condition: s\n");
    EXPECT_THAT(literal_prefixes(rules, facts::Kind::file_event, "TargetFilename"),
                Optional(IsEmpty()));
    EXPECT_THAT(literal_prefixes(rules, facts::Kind::process_creation, "Image"),
                Optional(ElementsAre("/bin/x")));
    EXPECT_EQ(literal_prefixes(rules, facts::Kind::process_creation, "NoSuchField"), std::nullopt);
}

/// Whatever matches begins with one of the prefixes.
TEST(FactFilter, NeverLeavesOutWhatMatches) {
    const auto rules = rule_set(
        "title: t\nlogsource: {product: linux, category: file_event}\ndetection:\n"
        "  a: {TargetFilename: ['/Etc/cron*', '/x']}\n"
        "  b: {TargetFilename|startswith: '/srv/', TargetFilename|endswith: '.sh'}\n"
        "  condition: a or (b and not a)\n");
    const auto prefixes = literal_prefixes(rules, facts::Kind::file_event, "TargetFilename");
    ASSERT_TRUE(prefixes);
    const auto& document = rules.loaded().front()->compiled.front();
    int matched = 0;
    for (const char* path : {"/etc/cron/x", "/ETC/Cron/x", "/etc/cron", "/x", "/X", "/srv/a.sh",
                             "/SRV/a.SH", "/srv/a", "/etc/ron/x", "/y"}) {
        const auto fact = fact_of(facts::Kind::file_event, {{"TargetFilename", std::string(path)}});
        FactFields fields;
        const facts::FactView view(fact);
        fields.look_at(view);
        if (document.detection.holds(fields)) {
            ++matched;
            std::string lower;
            fold_into(lower, path);
            EXPECT_TRUE(std::ranges::any_of(*prefixes, [&](const std::string& prefix) {
                return lower.starts_with(prefix);
            })) << path;
        }
    }
    EXPECT_EQ(matched, 7);
}

}  // namespace
}  // namespace assay::engine
