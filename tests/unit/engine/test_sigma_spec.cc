// SPDX-License-Identifier: Apache-2.0
// What Sigma's specification (2.1.0) says, line by line, with its own examples where they can be
// said in fields of ours. The table is printed: part of the specification, construct, expected,
// got.
#include <algorithm>
#include <array>
#include <iomanip>
#include <iostream>

#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using Value = facts::RecordedFact::Value;
using testing::IsEmpty;

struct Line {
    std::string_view part;
    std::string_view construct;
    std::string_view detection;  ///< of a rule on process_creation, or on connections
    std::vector<std::pair<std::string_view, Value>> fact;
    bool expected;
};

Value text(std::string_view value) { return std::string(value); }
Value number(std::uint64_t value) { return value; }

std::vector<Line> table() {
    const auto image = [](std::string_view value) {
        return std::vector<std::pair<std::string_view, Value>>{{"Image", text(value)}};
    };
    const auto line = [](std::string_view value) {
        return std::vector<std::pair<std::string_view, Value>>{{"CommandLine", text(value)}};
    };
    const std::vector<std::pair<std::string_view, Value>> both{{"Image", text("/bin/a")},
                                                               {"User", text("bob")}};
    return {
        {"general", "values are case-insensitive", "{s: {Image: '/BIN/Sh'}, condition: s}",
         image("/bin/sH"), true},
        {"general", "a value is the whole value", "{s: {Image: sh}, condition: s}",
         image("/bin/sh"), false},
        {"wildcard", "prog?.exe", "{s: {Image: 'prog?.exe'}, condition: s}", image("progA.exe"),
         true},
        {"wildcard", "prog?.exe: ? is one character", "{s: {Image: 'prog?.exe'}, condition: s}",
         image("prog.exe"), false},
        {"wildcard", "antivirus_V*.exe", "{s: {Image: 'antivirus_V*.exe'}, condition: s}",
         image("antivirus_V21.2.1.exe"), true},
        {"wildcard", "* may be empty", "{s: {Image: 'a*b'}, condition: s}", image("ab"), true},
        {"escape", "\\ stands for itself", R"({s: {Image: 'a\b'}, condition: s})", image(R"(a\b)"),
         true},
        {"escape", "\\\\ is one backslash", R"({s: {Image: 'a\\b'}, condition: s})",
         image(R"(a\b)"), true},
        {"escape", "\\* is a star", R"({s: {Image: 'a\*'}, condition: s})", image("a*"), true},
        {"escape", "\\* is no wildcard", R"({s: {Image: 'a\*'}, condition: s})", image("ab"),
         false},
        {"escape", "\\? is a question mark", R"({s: {Image: 'a\?'}, condition: s})", image("ab"),
         false},
        {"escape", "\\\\* is a backslash and a wildcard", R"({s: {Image: 'a\\*'}, condition: s})",
         image(R"(a\bcd)"), true},
        {"escape", "\\\\\\* is a backslash and a star", R"({s: {Image: 'a\\\*'}, condition: s})",
         image(R"(a\*)"), true},
        {"escape", "\\\\\\* is no wildcard", R"({s: {Image: 'a\\\*'}, condition: s})",
         image(R"(a\b)"), false},
        {"escape", "\\\\\\\\ is two backslashes", R"({s: {Image: '\\\\x'}, condition: s})",
         image(R"(\\x)"), true},
        {"escape", "\\\\\\ is two backslashes", R"({s: {Image: '\\\x'}, condition: s})",
         image(R"(\\x)"), true},
        {"lists", "EvilService or svchost.exe -n evil (1)",
         "{k: ['EVILSERVICE', 'svchost.exe -n evil'], condition: k}", line("sc start EvilService"),
         true},
        {"lists", "EvilService or svchost.exe -n evil (2)",
         "{k: ['EVILSERVICE', 'svchost.exe -n evil'], condition: k}", line("SVCHOST.exe -n evil"),
         true},
        {"lists", "EvilService or svchost.exe -n evil (neither)",
         "{k: ['EVILSERVICE', 'svchost.exe -n evil'], condition: k}", line("svchost.exe"), false},
        {"lists", "maps are joined by or (1)",
         "{s: [{Image|endswith: example.exe}, {CommandLine|contains: Test executable}], condition: "
         "s}",
         image("C/example.exe"), true},
        {"lists", "maps are joined by or (2)",
         "{s: [{Image|endswith: example.exe}, {CommandLine|contains: Test executable}], condition: "
         "s}",
         line("a test executable"), true},
        {"maps", "fields are joined by and", "{s: {Image: /bin/a, User: [bob, eve]}, condition: s}",
         both, true},
        {"maps", "all of a map must hold", "{s: {Image: /bin/a, User: eve}, condition: s}", both,
         false},
        {"maps",
         "numbers",
         "{s: {Uid: 4769, Gid: '0x10'}, condition: s}",
         {{"Uid", number(4769)}, {"Gid", number(16)}},
         true},
        {"special values", "null is an absent field",
         "{s: {Image: /bin/a, CommandLine: null}, condition: s}", both, true},
        {"special values", "not null",
         "{s: {Image: /bin/a}, f: {User: null}, condition: s and not f}", both, true},
        {"special values", "'' is an empty field",
         "{a: {Image: /bin/a}, e1: {CommandLine: ''}, e2: {CommandLine: null}, condition: a and 1 "
         "of e*}",
         both, true},
        {"special values", "a value is not null", "{s: {User: null}, condition: s}", both, false},
        {"existence", "exists: true", "{s: {User|exists: true}, condition: s}", both, true},
        {"existence", "exists: false", "{s: {User|exists: false}, condition: s}", both, false},
        {"keywords", "one of them",
         "{mimikatz: ['event::clear', 'event::drop'], condition: mimikatz}",
         line("x event::drop y"), true},
        {"keywords", "|all (both)",
         "{k: {'|all': ['OabVirtualDirectory', ' -ExternalUrl ']}, condition: k}",
         line("set OabVirtualDirectory -ExternalUrl x"), true},
        {"keywords", "|all (one)",
         "{k: {'|all': ['OabVirtualDirectory', ' -ExternalUrl ']}, condition: k}",
         line("set OabVirtualDirectory"), false},
        {"condition", "keywords1 or keywords2",
         "{a: {Image: x}, b: {User: bob}, condition: a or b}", both, true},
        {"condition", "keywords and not filters",
         "{a: {Image: /bin/a}, b: {User: bob}, condition: a and not b}", both, false},
        {"condition", "selection1 and (keywords1 or keywords2)",
         "{a: {Image: /bin/a}, b: {User: x}, c: {User: bob}, condition: a and (b or c)}", both,
         true},
        {"condition", "1 of them", "{a: {Image: x}, b: {User: bob}, condition: 1 of them}", both,
         true},
        {"condition", "1 of them leaves _names out",
         "{a: {Image: x}, _b: {User: bob}, condition: 1 of them}", both, false},
        {"condition", "all of them", "{a: {Image: /bin/a}, b: {User: eve}, condition: all of them}",
         both, false},
        {"condition", "any of them", "{a: {Image: x}, b: {User: bob}, condition: any of them}",
         both, true},
        {"condition", "all of selection*",
         "{selection1: {Image: /bin/a}, selection2: {User: bob}, condition: all of selection*}",
         both, true},
        {"condition", "1 of selection* and not 1 of filter*",
         "{selection1: {Image: /bin/a}, filter1: {User: bob}, condition: 1 of selection* and not 1 "
         "of filter*}",
         both, false},
        {"condition", "* in the middle of a pattern",
         "{sel_a_x: {Image: /bin/a}, sel_b_y: {User: x}, condition: 1 of sel*x}", both, true},
        {"condition", "and binds more than or",
         "{t: {User: bob}, f: {User: x}, condition: t or f and f}", both, true},
        {"condition", "not binds more than and",
         "{t: {User: bob}, f: {User: x}, condition: not f and t}", both, true},
        {"condition", "a list is joined by or", "{t: {User: bob}, f: {User: x}, condition: [f, t]}",
         both, true},
        {"modifier", "contains", "{s: {CommandLine|contains: 'B C'}, condition: s}",
         line("a b c d"), true},
        {"modifier", "startswith", "{s: {CommandLine|startswith: b}, condition: s}", line("a b"),
         false},
        {"modifier", "endswith", "{s: {CommandLine|endswith: b}, condition: s}", line("a b"), true},
        {"modifier", "contains|all", "{s: {CommandLine|contains|all: [a, c]}, condition: s}",
         line("c b a"), true},
        {"modifier", "all is and", "{s: {CommandLine|contains|all: [a, z]}, condition: s}",
         line("c b a"), false},
        {"modifier", "cased", "{s: {CommandLine|contains|cased: B}, condition: s}", line("a b"),
         false},
        {"modifier", "neq", "{s: {User|neq: eve}, condition: s}", both, true},
        {"modifier", "neq with several values", "{s: {User|neq: [eve, bob]}, condition: s}", both,
         false},
        {"modifier", "windash: /", "{s: {CommandLine|windash|contains: ' -f'}, condition: s}",
         line("x /f"), true},
        {"modifier", "windash: en dash", "{s: {CommandLine|windash|contains: ' -f'}, condition: s}",
         line("x \xE2\x80\x93"
              "f"),
         true},
        {"modifier", "windash: horizontal bar",
         "{s: {CommandLine|windash|contains: ' -f'}, condition: s}",
         line("x \xE2\x80\x95"
              "f"),
         true},
        {"modifier", "re is case-sensitive", "{s: {CommandLine|re: 'a.C'}, condition: s}",
         line("xabc"), false},
        {"modifier", "re with {n,m}, classes, groups, |",
         "{s: {CommandLine|re: '^(x|y)[a-c]{2,3}$'}, condition: s}", line("yabc"), true},
        {"modifier", "re|i", "{s: {CommandLine|re|i: 'A.C'}, condition: s}", line("xabc"), true},
        {"modifier", "re|m", "{s: {CommandLine|re|m: '^b$'}, condition: s}", line("a\nb\nc"), true},
        {"modifier", "re without m", "{s: {CommandLine|re: '^b$'}, condition: s}", line("a\nb\nc"),
         false},
        {"modifier", "re|s", "{s: {CommandLine|re|s: 'a.b'}, condition: s}", line("a\nb"), true},
        {"modifier", "re without s", "{s: {CommandLine|re: 'a.b'}, condition: s}", line("a\nb"),
         false},
        {"modifier", "base64", "{s: {CommandLine|base64|contains: foo}, condition: s}",
         line("echo Zm9v"), true},
        {"modifier", "base64offset (shift 1)",
         "{s: {CommandLine|base64offset|contains: 'http://'}, condition: s}",
         line("x aHR0cDovL2EudGVzdA=="), true},
        {"modifier", "base64offset (shift 2)",
         "{s: {CommandLine|base64offset|contains: 'http://'}, condition: s}", line("eGh0dHA6Ly9h"),
         true},
        {"modifier", "base64offset (shift 3)",
         "{s: {CommandLine|base64offset|contains: 'http://'}, condition: s}",
         line("eHhodHRwOi8vYQ"), true},
        {"modifier", "wide|base64offset",
         "{s: {CommandLine|wide|base64offset|contains: cmd}, condition: s}", line("YwBtAGQA"),
         true},
        {"modifier", "utf16le is wide",
         "{s: {CommandLine|utf16le|base64|contains: cmd}, condition: s}", line("YwBtAGQA"), true},
        {"modifier", "utf16be", "{s: {CommandLine|utf16be|base64|contains: cmd}, condition: s}",
         line("AGMAbQBk"), true},
        {"modifier", "utf16 begins with a byte order mark",
         "{s: {CommandLine|utf16|base64|contains: cmd}, condition: s}", line("//5jAG0AZAA="), true},
        {"modifier", "lt", "{s: {Uid|lt: 1000}, condition: s}", {{"Uid", number(1000)}}, false},
        {"modifier", "lte", "{s: {Uid|lte: 1000}, condition: s}", {{"Uid", number(1000)}}, true},
        {"modifier", "gt", "{s: {Uid|gt: 1000}, condition: s}", {{"Uid", number(1001)}}, true},
        {"modifier", "gte", "{s: {Uid|gte: 1000}, condition: s}", {{"Uid", number(999)}}, false},
        {"modifier",
         "neq of a number",
         "{s: {Uid|neq: 0}, condition: s}",
         {{"Uid", number(5)}},
         true},
        {"modifier", "minute", "{s: {UtcTime|minute: 15}, condition: s}", both, true},
        {"modifier", "hour|gte", "{s: {UtcTime|hour|gte: 22}, condition: s}", both, true},
        {"modifier", "hour|lt", "{s: {UtcTime|hour|lt: 22}, condition: s}", both, false},
        {"modifier", "day", "{s: {UtcTime|day: 31}, condition: s}", both, true},
        {"modifier", "week", "{s: {UtcTime|week: 53}, condition: s}", both, true},
        {"modifier", "month", "{s: {UtcTime|month: [6, 12]}, condition: s}", both, true},
        {"modifier", "year", "{s: {UtcTime|year: 2020}, condition: s}", both, true},
        {"modifier",
         "cidr, IPv4",
         "{s: {DestinationIp|cidr: 10.0.0.0/8}, condition: s}",
         {{"DestinationIp", text("10.9.8.7")}},
         true},
        {"modifier",
         "cidr, IPv4, outside",
         "{s: {DestinationIp|cidr: 10.0.0.0/8}, condition: s}",
         {{"DestinationIp", text("11.0.0.1")}},
         false},
        {"modifier",
         "cidr, IPv6",
         "{s: {DestinationIp|cidr: 'fe80::/10'}, condition: s}",
         {{"DestinationIp", text("fe80::1")}},
         true},
        {"modifier",
         "cidr|neq",
         "{s: {DestinationIp|cidr|neq: 10.0.0.0/8}, condition: s}",
         {{"DestinationIp", text("1.1.1.1")}},
         true},
        {"modifier",
         "fieldref",
         "{s: {Image|fieldref: ParentImage}, condition: s}",
         {{"Image", text("/bin/a")}, {"ParentImage", text("/bin/A")}},
         true},
        {"modifier",
         "fieldref|neq",
         "{s: {Image|fieldref|neq: ParentImage}, condition: s}",
         {{"Image", text("/bin/a")}, {"ParentImage", text("/bin/b")}},
         true},
        {"modifier", "expand", "{s: {User|expand: '%admins%'}, condition: s}", both, true},
        {"placeholders",
         "without expand % is plain",
         "{s: {User: '%admins%'}, condition: s}",
         {{"User", text("%admins%")}},
         true},
        {"placeholders",
         "\\%plain%name%",
         R"({s: {User|expand: '\%plain%admins%'}, condition: s})",
         {{"User", text("%plainbob")}},
         true},
    };
}

void print_row(std::string_view part, std::string_view construct, bool expected, bool got) {
    const auto verdict = [](bool matches) { return matches ? "match" : "no match"; };
    std::cout << std::left << std::setw(15) << part << std::setw(46) << construct << std::setw(11)
              << verdict(expected) << verdict(got) << (got == expected ? "" : "   <-- WRONG")
              << '\n';
}

TEST(SigmaSpecification, IsMetLineByLine) {
    std::cout << "part           construct                                     expected   got\n";
    for (const Line& line : table()) {
        const bool is_connection = line.detection.contains("DestinationIp");
        const std::string rule =
            "title: T\nlogsource: {product: linux, category: " +
            std::string(is_connection ? "network_connection" : "process_creation") +
            "}\ndetection: " + std::string(line.detection) +
            "\nassay: {parameters: {admins: [alice, bob]}}\n";
        const LoadedFiles loaded = load_files({{"r.yml", rule}});
        EXPECT_EQ(loaded.rules.rules().size(), 1U) << line.detection;
        facts::RecordedFact fact(is_connection ? facts::Kind::network_connection
                                               : facts::Kind::process_creation);
        // Thursday, 2020-12-31T22:15:00Z, in the 53rd week of its year.
        fact.header.time = Timestamp{1'609'452'900'000'000'000};
        for (const auto& [name, value] : line.fact) {
            fact.values[*facts::find_field(facts::info(fact.kind), name)] = value;
        }
        fact.freeze();
        Judge judge(loaded.rules, {}, {});
        judge.on_fact(facts::FactView(fact));
        const auto outcomes = judge.outcomes();
        const bool got = !outcomes.empty() && outcomes.front().matches > 0;
        print_row(line.part, line.construct, line.expected, got);
        EXPECT_EQ(got, line.expected) << line.part << ": " << line.construct;
    }
}

struct OwnExample {
    std::string_view file;
    std::string_view expected;
};

/// The example files beside the schemas of the specification. Most are on log sources of others:
/// right, read without an error, and unsupported with the reason.
constexpr std::array kOwnExamples{
    OwnExample{"rules/rule_1.yml", "logsource product `windows` is not linux"},
    OwnExample{"rules/rule_ecs.yml", "taxonomy `ecs` is not Sigma's own"},
    OwnExample{"correlation/event_count.yml",
               "no rule that is loaded is called `5638f7c0-ac70-491d-8465-2a65075e0d86`"},
    OwnExample{"correlation/event_count_ecs.yml", "taxonomy `ecs` is not Sigma's own"},
    OwnExample{"correlation/value_count.yml",
               "no rule that is loaded is called `5638f7c0-ac70-491d-8465-2a65075e0d86`"},
    OwnExample{"correlation/temporal.yml", "no rule that is loaded is called `recon_cmd_a`"},
    OwnExample{"correlation/temporal_ordered.yml",
               "no rule that is loaded is called `recon_cmd_a`"},
    OwnExample{"correlation/value_sum.yml", "no rule that is loaded is called `website_access`"},
    OwnExample{"correlation/value_avg.yml", "no rule that is loaded is called `rule_a_id`"},
    OwnExample{"correlation/value_percentile.yml",
               "`value_percentile`: the specification does not say of which values the percentage "
               "is taken"},
};

TEST_F(SigmaCorpus, ExampleFilesOfTheSpecificationAreReadAsTheyAre) {
    for (const OwnExample& example : kOwnExamples) {
        const std::string path = directory_ + "/spec/examples/" + std::string(example.file);
        const std::vector<RuleSource> sources{{.path = path, .package = {}, .custom = true}};
        std::vector<Problem> problems;
        const RuleSet rules = RuleSet::load(sources, problems);
        const std::string got =
            rules.unsupported().size() == 1 ? rules.unsupported().front().reason : "supported";
        std::cout << std::left << std::setw(36) << example.file << got << '\n';
        EXPECT_EQ(got, example.expected) << example.file;
        EXPECT_TRUE(std::ranges::none_of(problems, [](const Problem& problem) {
            return problem.severity == Problem::Severity::error;
        })) << example.file;
    }
    for (const char* filter : {"filter_1.yml", "filter_ecs.yml"}) {
        const std::vector<RuleSource> sources{
            {.path = directory_ + "/spec/examples/filter/" + filter,
             .package = {},
             .custom = true}};
        std::vector<Problem> problems;
        EXPECT_THAT(RuleSet::load(sources, problems).rules(), IsEmpty());
        EXPECT_FALSE(problems.empty()) << "a filter that applies to nothing says so";
    }
}

/// The examples of the correlation specification, on programs instead of Windows events.
TEST(SigmaSpecification, CorrelationsOfItsExamplesComeTrue) {
    const auto base = [](std::string_view name) {
        const std::string text(name);
        return "---\ntitle: " + text + "\nname: " + text +
               "\nlogsource: {category: process_creation}\ndetection: {s: {Image: /bin/" + text +
               "}, condition: s}\n";
    };
    struct Example {
        std::string_view name;
        std::string rule;
        std::vector<std::pair<std::string_view, int>> acts;  ///< program, how often
        bool expected;
    };
    const std::string many =
        "title: many\ncorrelation:\n  type: event_count\n  rules: [login]\n"
        "  group-by: [ComputerName]\n  timespan: 1h\n"
        "  condition: {gte: 100}\n" +
        base("login");
    const std::string recon =
        "  rules: [recon_cmd_a, recon_cmd_b, recon_cmd_c]\n"
        "  group-by: [ComputerName, User]\n  timespan: 5m\n" +
        base("recon_cmd_a") + base("recon_cmd_b") + base("recon_cmd_c");
    const std::vector<Example> examples{
        {"event_count: 100 failed logins", many, {{"login", 100}}, true},
        {"event_count: 99 failed logins", many, {{"login", 99}}, false},
        {"temporal: three in any order",
         "title: t\ncorrelation:\n  type: temporal\n" + recon,
         {{"recon_cmd_c", 1}, {"recon_cmd_a", 1}, {"recon_cmd_b", 1}},
         true},
        {"temporal: two of three",
         "title: t\ncorrelation:\n  type: temporal\n" + recon,
         {{"recon_cmd_c", 1}, {"recon_cmd_a", 5}},
         false},
        {"temporal_ordered: in order",
         "title: t\ncorrelation:\n  type: temporal_ordered\n" + recon,
         {{"recon_cmd_a", 1}, {"recon_cmd_b", 1}, {"recon_cmd_c", 1}},
         true},
        {"temporal_ordered: not in order",
         "title: t\ncorrelation:\n  type: temporal_ordered\n" + recon,
         {{"recon_cmd_c", 1}, {"recon_cmd_b", 1}, {"recon_cmd_a", 1}},
         false},
    };
    for (const Example& example : examples) {
        const LoadedFiles loaded = load_files({{"c.yml", example.rule}});
        EXPECT_THAT(loaded.told, IsEmpty()) << example.name;
        Judge judge(loaded.rules, {}, {});
        for (const auto& [program, times] : example.acts) {
            const auto fact =
                process({{"Image", "/bin/" + std::string(program)}, {"User", std::string("bob")}});
            for (int i = 0; i < times; ++i) {
                judge.on_fact(facts::FactView(fact));
            }
        }
        const bool got = judge.outcomes().front().matches > 0;
        print_row("correlation", example.name, example.expected, got);
        EXPECT_EQ(got, example.expected) << example.name;
    }
}

}  // namespace
}  // namespace assay::engine
