// SPDX-License-Identifier: Apache-2.0
// The engine, with and without its index, against an evaluation that is too plain to be wrong in
// the same way: thousands of rules and facts made by dice.
#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rule_document.h"
#include "naive_evaluation.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

constexpr std::size_t kAlways = 0;
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

/// Rules and facts from few words, so that they meet often. The same in each run.
class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}

    std::size_t roll(std::size_t sides) { return engine_() % sides; }
    bool one_in(std::size_t sides) { return roll(sides) == 0; }
    template <class Words>
    const auto& pick(const Words& words) {
        return words[roll(std::size(words))];
    }

    std::string text() {
        constexpr std::array<std::string_view, 30> kWords{"/usr/bin/",
                                                          "/bin/",
                                                          "bash",
                                                          "Bash",
                                                          "sh",
                                                          "curl",
                                                          "a",
                                                          "b",
                                                          "ab",
                                                          "-c",
                                                          " -i ",
                                                          "/c",
                                                          " ",
                                                          "\xE2\x80\x93o",
                                                          "base64",
                                                          "L2Jpbi",
                                                          "Zm9v",
                                                          "id",
                                                          "/etc/passwd",
                                                          "\xC3\xA9",
                                                          "*",
                                                          "?",
                                                          "\\",
                                                          "XYZ",
                                                          "x",
                                                          "-",
                                                          "python3 -m foo",
                                                          "\xFF",
                                                          "/tmp/.hidden",
                                                          "--out"};
        std::string text;
        for (std::size_t i = roll(6); i-- > 0;) {
            text += pick(kWords);
        }
        return text;
    }
    std::string address() {
        constexpr std::array<std::string_view, 9> kAddresses{
            "10.0.0.1",    "10.1.2.3",        "192.168.1.77", "::1",       "fe80::1",
            "2001:db8::5", "::ffff:10.0.0.1", "203.0.113.9",  "no address"};
        return std::string(pick(kAddresses));
    }

    facts::RecordedFact fact(facts::Kind kind) {
        facts::RecordedFact fact(kind);
        const auto& fields = facts::info(kind).fields;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (one_in(5)) {
                continue;
            }
            switch (fields[i].type) {
                case facts::FieldType::boolean:
                    fact.values[i] = one_in(2);
                    break;
                case facts::FieldType::integer:
                    fact.values[i] = static_cast<std::uint64_t>(roll(30));
                    break;
                case facts::FieldType::text_list: {
                    std::vector<std::string> list;
                    for (std::size_t n = roll(4); n-- > 0;) {
                        list.push_back(text() + "x");
                    }
                    fact.values[i] = std::move(list);
                    break;
                }
                case facts::FieldType::text: {
                    std::string value = fields[i].name.ends_with("Ip") ? address()
                                        : one_in(6)
                                            ? (one_in(3) ? "-" : "") + std::to_string(roll(30))
                                            : text();
                    if (!value.empty()) {  // an empty text is an absent one
                        fact.values[i] = std::move(value);
                    }
                    break;
                }
            }
        }
        fact.freeze();
        return fact;
    }

    std::string rule(facts::Kind kind) {
        std::string detection;
        const std::size_t selections = 1 + roll(4);
        for (std::size_t i = 0; i < selections; ++i) {
            detection += "  " + name_of(i) + ":\n";
            if (one_in(8)) {
                for (std::size_t n = 1 + roll(3); n-- > 0;) {
                    detection += "    - " + quoted(text() + "a") + "\n";  // keywords
                }
                continue;
            }
            if (one_in(8)) {
                detection += "    '|all': [" + quoted(text() + "b") + ", " + quoted("a") + "]\n";
                continue;
            }
            const std::size_t groups = one_in(4) ? 2 : 1;
            for (std::size_t group = 0; group < groups; ++group) {
                std::set<std::string> keys;
                bool is_first = true;
                for (std::size_t n = 1 + roll(3); n-- > 0;) {
                    auto [key, values] = item(kind);
                    if (!keys.insert(key).second) {
                        continue;
                    }
                    detection += groups == 1 ? "    " : is_first ? "    - " : "      ";
                    detection += key + ": " + values + "\n";
                    is_first = false;
                }
            }
        }
        return "title: T\nlogsource: {product: linux, category: " +
               std::string(facts::info(kind).name) + "}\ndetection:\n" + detection +
               "  condition: " + condition(selections, 0) +
               "\nassay: {parameters: {some: [bash, '*sh', 7], one: [a]}}\n";
    }

private:
    static std::string name_of(std::size_t selection) {
        constexpr std::array<std::string_view, 4> kNames{"sel_a", "sel_b", "other", "_hidden"};
        return std::string(kNames[selection]);
    }
    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            // Bytes that are not UTF-8 cannot stand in YAML.
            if (c == '"' || c == '\\') {
                out += '\\';
            }
            if (c == '\xFF') {
                out += "y";
                continue;
            }
            out += c;
        }
        return out + "\"";
    }

    std::string condition(std::size_t selections, int depth) {
        const std::size_t what = roll(depth > 2 ? 2 : 8);
        switch (what) {
            case 2:
                return "not " + condition(selections, depth + 2);
            case 3:
                return "(" + condition(selections, depth + 1) + ")";
            case 4:
                return condition(selections, depth + 1) + " and " +
                       condition(selections, depth + 1);
            case 5:
                return condition(selections, depth + 1) + " or " + condition(selections, depth + 1);
            case 6:
                return one_in(2) ? "1 of them" : "all of them";
            case 7:
                return one_in(2) ? "1 of sel_*" : "all of s?l_a";
            default:
                return name_of(roll(selections));
        }
    }

    std::pair<std::string, std::string> item(facts::Kind kind) {
        const auto& fields = facts::info(kind).fields;
        // Most of what rules ask is in the first few fields.
        const auto& field = fields[one_in(3) ? roll(fields.size()) : roll(6)];
        std::string key(field.name);
        const std::string neq = one_in(12) ? "|neq" : "";
        if (one_in(12)) {
            return {key + "|exists", one_in(2) ? "true" : "false"};
        }
        if (one_in(10)) {
            return {key + neq, one_in(2) ? "null" : "''"};
        }
        if (field.type == facts::FieldType::boolean) {
            return {key + neq, one_in(2) ? "true" : "'false'"};
        }
        if (one_in(10)) {
            constexpr std::array<std::string_view, 4> kParts{"", "|contains", "|startswith",
                                                             "|endswith"};
            return {key + "|fieldref" + std::string(pick(kParts)) + (one_in(3) ? "|cased" : ""),
                    one_in(2) ? "Image" : "User"};
        }
        if (field.type == facts::FieldType::integer || one_in(9)) {
            if (one_in(2)) {
                constexpr std::array<std::string_view, 4> kOrders{"|gt", "|gte", "|lt", "|lte"};
                return {key + std::string(pick(kOrders)) + neq,
                        (one_in(4) ? "-" : "") + std::to_string(roll(30))};
            }
            return {key + neq,
                    "[" + std::to_string(roll(30)) + ", '" + std::to_string(roll(30)) + "']"};
        }
        if (field.name.ends_with("Ip")) {
            constexpr std::array<std::string_view, 8> kBlocks{
                "10.0.0.0/8",    "10.0.0.0/24", "192.168.1.64/26", "::/0",
                "2001:db8::/32", "fe80::/10",   "10.1.2.3/32",     "0.0.0.0/0"};
            return {key + "|cidr" + neq,
                    "['" + std::string(pick(kBlocks)) + "', '" + std::string(pick(kBlocks)) + "']"};
        }
        if (one_in(7)) {
            constexpr std::array<std::string_view, 12> kRegexes{"ba.h",
                                                                "^/usr/.*sh$",
                                                                "(curl|bash).*id",
                                                                "[a-c]+x",
                                                                "(?:/tmp/|/etc/)\\.?",
                                                                "\\s-i",
                                                                "x{2,}",
                                                                "^$|python3",
                                                                "passwd|L2Jpbi.*a",
                                                                "id$",
                                                                "a*",
                                                                "(base64|Zm9v)\\W"};
            constexpr std::array<std::string_view, 4> kFlags{"", "|i", "|m", "|i|s"};
            return {key + "|re" + std::string(pick(kFlags)) + neq,
                    "'" + std::string(pick(kRegexes)) + "'"};
        }
        if (one_in(10)) {
            return {key + "|expand", "['%some%', '%one%']"};
        }
        if (one_in(8)) {
            constexpr std::array<std::string_view, 6> kEncodings{"|base64|contains",
                                                                 "|base64offset|contains",
                                                                 "|wide|base64offset|contains",
                                                                 "|utf16be|contains",
                                                                 "|base64",
                                                                 "|utf16|base64|contains"};
            constexpr std::array<std::string_view, 4> kWords{"foo", "/bin/bash", "foobar", "abcd"};
            return {key + std::string(pick(kEncodings)), quoted(pick(kWords))};
        }
        constexpr std::array<std::string_view, 4> kPlaces{"", "|contains", "|startswith",
                                                          "|endswith"};
        key += pick(kPlaces);
        key += one_in(5) ? "|windash" : "";
        key += one_in(4) ? "|cased" : "";
        key += one_in(4) ? "|all" : "";
        std::string values;
        for (std::size_t n = 1 + roll(3); n-- > 0;) {
            std::string value = text();
            values += quoted(value.empty() ? "a" : value) + (n > 0 ? ", " : "");
        }
        return {key + neq, "[" + values + "]"};
    }

    std::mt19937 engine_;
};

/// The rules that match one fact, as the engine says.
std::set<std::string> matching(Judge& judge, std::set<std::string>& told,
                               const facts::RecordedFact& fact) {
    told.clear();
    judge.on_fact(facts::FactView(fact));
    return told;
}

struct Tally {
    std::size_t rules = 0;
    std::size_t matches = 0;
    std::size_t rules_that_matched = 0;
};

/// One set of rules against facts of their kind.
void compare(unsigned seed, facts::Kind kind, std::size_t rules, std::size_t facts, Tally& tally) {
    Dice dice(seed);
    std::vector<std::pair<std::string, std::string>> files;
    for (std::size_t i = 0; i < rules; ++i) {
        files.emplace_back("r" + std::to_string(i) + ".yml", dice.rule(kind));
    }
    const LoadedFiles loaded = load_files(files);
    for (const std::string& problem : loaded.told) {
        EXPECT_THAT(problem, testing::Not(testing::HasSubstr(": error: "))) << "seed " << seed;
    }
    tally.rules += loaded.rules.loaded().size();

    std::set<std::string> told;
    const auto note = [&](const Match& match) { told.insert(match.rule->slug); };
    Judge with_index(loaded.rules, {.include_loopback = false, .index_from = kAlways}, note);
    Judge rule_by_rule(loaded.rules, {.include_loopback = false, .index_from = kNever}, note);
    std::set<std::string> ever;
    for (std::size_t i = 0; i < facts; ++i) {
        const facts::RecordedFact fact = dice.fact(kind);
        std::set<std::string> expected;
        for (const LoadedRule* rule : loaded.rules.loaded()) {
            if (NaiveEvaluation(rule->documents.front()).holds(fact)) {
                expected.insert(rule->info.slug);
            }
        }
        const auto indexed = matching(with_index, told, fact);
        const auto direct = matching(rule_by_rule, told, fact);
        for (const auto& [name, text] : files) {
            const std::string slug = name.substr(0, name.size() - 4);
            ASSERT_EQ(direct.contains(slug), expected.contains(slug)) << "seed " << seed << "\n"
                                                                      << text;
            ASSERT_EQ(indexed.contains(slug), expected.contains(slug))
                << "the index, seed " << seed << "\n"
                << text;
        }
        tally.matches += expected.size();
        ever.merge(expected);
    }
    tally.rules_that_matched += ever.size();
}

TEST(Matching, OfRandomRulesIsWhatThePlainEvaluationSays) {
    Tally tally;
    for (unsigned seed = 1; seed <= 14; ++seed) {
        compare(seed, facts::Kind::process_creation, 120, 40, tally);
        compare(seed + 1000, facts::Kind::network_connection, 120, 40, tally);
    }
    EXPECT_GE(tally.rules, 3000U);
    // Rules that never match, or always, would prove little.
    EXPECT_GE(tally.rules_that_matched, tally.rules / 3);
    EXPECT_GE(tally.matches, tally.rules * 3);
    EXPECT_LE(tally.matches, tally.rules * 27);
}

TEST(Matching, OfOneRuleNeedsNoOthersForItsIndex) {
    Tally tally;
    for (unsigned seed = 5000; seed < 5100; ++seed) {
        compare(seed, facts::Kind::process_creation, 1, 20, tally);
    }
    EXPECT_GE(tally.rules, 95U);
}

class MatchingTheCorpus : public SigmaCorpus {};

TEST_F(MatchingTheCorpus, IsTheSameWithTheIndexAndByThePlainEvaluation) {
    const LoadedFiles loaded = load_directory(directory_ + "/process_creation");
    ASSERT_GE(loaded.rules.loaded().size(), 50U);
    std::set<std::string> told;
    const auto note = [&](const Match& match) { told.insert(match.rule->slug); };
    Judge judge(loaded.rules, {.include_loopback = false, .index_from = kAlways}, note);
    Dice dice(99);
    // Facts of the rules' own words: each value of a rule, with what makes its neighbours match.
    std::size_t matches = 0;
    for (const LoadedRule* source : loaded.rules.loaded()) {
        for (int round = 0; round < 3; ++round) {
            facts::RecordedFact fact(facts::Kind::process_creation);
            for (const Selection& selection : source->documents.front().selections) {
                for (const FieldItem& item : selection.groups[dice.roll(selection.groups.size())]) {
                    const auto field = facts::find_field(facts::info(fact.kind), item.field);
                    if (!field ||
                        facts::info(fact.kind).fields[*field].type != facts::FieldType::text) {
                        continue;
                    }
                    std::string text = std::holds_alternative<std::string>(fact.values[*field])
                                           ? std::get<std::string>(fact.values[*field])
                                           : "";
                    const bool wants_all =
                        std::ranges::find(item.modifiers, Modifier::all) != item.modifiers.end();
                    const std::size_t chosen = dice.roll(item.values.size());
                    for (std::size_t i = 0; i < item.values.size(); ++i) {
                        text += wants_all || i == chosen ? item.values[i].text : "";
                    }
                    fact.values[*field] = std::move(text);
                }
            }
            fact.freeze();
            const auto indexed = matching(judge, told, fact);
            for (const LoadedRule* rule : loaded.rules.loaded()) {
                ASSERT_EQ(indexed.contains(rule->info.slug),
                          NaiveEvaluation(rule->documents.front()).holds(fact))
                    << rule->info.file;
            }
            matches += indexed.size();
        }
    }
    EXPECT_GE(matches, loaded.rules.loaded().size());
}

}  // namespace
}  // namespace assay::engine
