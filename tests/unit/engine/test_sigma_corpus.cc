// SPDX-License-Identifier: Apache-2.0
// Sigma's own rules for Linux: every one is read; for each that is supported a fact that matches
// and one that does not are made from the rule, and what the engine says of them the plain
// evaluation of naive_evaluation.h says too.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>

#include "engine/rule_document.h"
#include "engine/text_pattern.h"
#include "naive_evaluation.h"
#include "rule_files.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

bool has(const FieldItem& item, Modifier modifier) {
    return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
}

/// A text that the value stands for.
std::string sample(const Scalar& value) {
    std::string text;
    for (const PatternToken& token : parse_pattern(value.text)) {
        if (token.type == PatternToken::Type::literal) {
            text += token.byte;
        } else if (token.type == PatternToken::Type::any_one) {
            text += 'x';
        }
    }
    return text;
}

/// Of the regular expressions that rules for Linux have, and of texts that stand for themselves.
std::string sample_of_regex(const std::string& regex) {
    if (regex.starts_with("-(W|R)")) {
        return "-W '00 01'";
    }
    if (regex.contains("--inode") || regex.contains("--directory")) {
        return regex.contains("--inode") ? "x --inode y" : "x --directory y";
    }
    if (regex == "(.){200,}") {
        return std::string(200, 'x');
    }
    if (regex == R"(\s-O\s)") {
        return "x -O y";
    }
    if (regex == R"((^|\/)\.[^.\/])") {
        return "/.x";
    }
    return regex;
}

/// Facts that could match a document, one after the other: which group of a selection and which
/// value of a list they take is counted up.
class FactMaker {
public:
    FactMaker(const RuleDocument& document, facts::Kind kind) : document_(document), kind_(kind) {}

    facts::RecordedFact make(std::uint64_t number) const {
        std::map<std::string, std::string> texts;
        const std::size_t selections = document_.selections.size();
        for (std::size_t i = 0; i < selections; ++i) {
            const Selection& selection = document_.selections[i];
            // Which selections are to hold: first all but filters, then every other choice.
            const std::uint64_t bit = std::uint64_t{1} << (i % 16U);
            const bool is_filter = selection.name.starts_with("filter") ||
                                   selection.name.find("_filter") != std::string::npos;
            const bool wanted = ((number & bit) != 0) == is_filter;
            if (!wanted || selection.groups.empty()) {
                continue;
            }
            const FieldGroup& group = selection.groups[number / 65'536 % selection.groups.size()];
            for (const FieldItem& item : group) {
                put(texts, item, number / 65'536);
            }
        }
        facts::RecordedFact fact(kind_);
        for (const auto& [name, text] : texts) {
            if (const auto index = facts::find_field(facts::info(kind_), name)) {
                const facts::FieldType type = facts::info(kind_).fields[*index].type;
                if (type == facts::FieldType::boolean) {
                    fact.values[*index] = text == "true";
                } else if (type == facts::FieldType::integer) {
                    fact.values[*index] =
                        static_cast<std::uint64_t>(std::strtoull(text.c_str(), nullptr, 0));
                } else {
                    fact.values[*index] = text;
                }
            }
        }
        fact.freeze();
        return fact;
    }

private:
    static void put(std::map<std::string, std::string>& texts, const FieldItem& item,
                    std::uint64_t number) {
        std::string name = item.field.empty() ? "CommandLine" : item.field;
        std::size_t argument = 0;
        bool is_argument = false;
        if (name.size() > 1 && name.front() == 'a' && name[1] >= '0' && name[1] <= '9') {
            argument = static_cast<std::size_t>(std::strtoul(name.c_str() + 1, nullptr, 10));
            is_argument = true;
            name = "CommandLine";
        } else if (name == "comm") {
            is_argument = true;
            name = "CommandLine";
        }
        std::string& text = texts[name];
        const auto add = [&](const Scalar& value) {
            std::string one = has(item, Modifier::re) ? sample_of_regex(value.text)
                              : has(item, Modifier::cidr)
                                  ? value.text.substr(0, value.text.find('/'))
                                  : sample(value);
            if (is_argument) {
                // Words before it, if there are too few of them.
                const auto words = std::ranges::count(text, ' ') + (text.empty() ? 0 : 1);
                for (auto i = static_cast<std::size_t>(words); i < argument; ++i) {
                    text += (text.empty() ? "" : " ") + std::string("x");
                }
                text += (text.empty() ? "" : " ") + one;
            } else if (has(item, Modifier::startswith)) {
                text.insert(0, one);
            } else if (has(item, Modifier::endswith)) {
                text += one;
            } else if (has(item, Modifier::contains) || has(item, Modifier::re) ||
                       item.field.empty()) {
                text = text.empty() ? "x " + one + " x" : text + " " + one + " x";
            } else {
                text = one;
            }
        };
        if (has(item, Modifier::all)) {
            std::ranges::for_each(item.values, add);
        } else if (!item.values.empty()) {
            add(item.values[number % item.values.size()]);
        }
    }

    const RuleDocument& document_;
    facts::Kind kind_;
};

/// What the engine says of a fact, asked of the one rule alone.
bool engine_says(const LoadedRule& rule, std::size_t document, const facts::RecordedFact& fact) {
    LoadedRule alone;
    alone.compiled.push_back(rule.compiled[document]);
    const RuleSet rules = RuleSet::of(std::move(alone));
    Judge judge(rules, {.include_loopback = true, .index_from = 1}, {});
    judge.on_fact(facts::FactView(fact));
    return judge.outcomes().front().matches > 0;
}

struct Tally {
    int files = 0;
    int supported = 0;
    int in_part = 0;
    std::map<std::string, int> reasons;
};

void check_rule(const LoadedRule& rule, Tally& tally) {
    bool matched = false;
    bool in_part = false;
    for (std::size_t i = 0; i < rule.compiled.size(); ++i) {
        const RuleDocument& document = rule.documents[i];
        const FactMaker maker(document, rule.compiled[i].kind);
        const NaiveEvaluation naive(document);
        const bool has_oracle = !document.views_auditd;
        in_part = in_part || !document.left_unjudged.empty();
        bool found = false;
        constexpr std::uint64_t kTries = 16;
        for (std::uint64_t group = 0; group < kTries && !found; ++group) {
            const std::uint64_t choices = std::uint64_t{1}
                                          << std::min<std::size_t>(document.selections.size(), 8);
            for (std::uint64_t choice = 0; choice < choices && !found; ++choice) {
                const facts::RecordedFact fact = maker.make(group * 65'536 + choice);
                const bool says = engine_says(rule, i, fact);
                if (has_oracle) {
                    EXPECT_EQ(says, naive.holds(fact)) << rule.info.slug;
                }
                found = says;
            }
        }
        EXPECT_TRUE(found) << rule.info.file << ": no fact was found that matches";
        matched = matched || found;
        const facts::RecordedFact none(rule.compiled[i].kind);
        EXPECT_FALSE(engine_says(rule, i, none)) << rule.info.slug << " matches a fact of nothing";
        if (has_oracle) {
            EXPECT_FALSE(naive.holds(none));
        }
    }
    tally.supported += matched ? 1 : 0;
    tally.in_part += in_part ? 1 : 0;
}

TEST_F(SigmaCorpus, IsReadWholeAndEverySupportedRuleMatchesAndDoesNotMatch) {
    std::map<std::string, Tally> tallies;
    for (const auto& folder : std::filesystem::directory_iterator(directory_)) {
        const std::string name = folder.path().filename().string();
        if (!folder.is_directory() || name == "spec") {
            continue;
        }
        const std::vector<RuleSource> sources{
            {.path = folder.path().string(), .package = {}, .custom = true}};
        std::vector<Problem> problems;
        const RuleSet rules = RuleSet::load(sources, problems);
        for (const Problem& problem : problems) {
            EXPECT_EQ(problem.severity, Problem::Severity::warning) << to_text(problem);
        }
        Tally& tally = tallies[name];
        for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
            tally.files += file.path().extension() == ".yml" ? 1 : 0;
        }
        EXPECT_EQ(rules.rules().size() + rules.unsupported().size(),
                  static_cast<std::size_t>(tally.files))
            << "a rule is neither judged nor listed as unsupported";
        for (const LoadedRule* rule : rules.loaded()) {
            check_rule(*rule, tally);
        }
        for (const RuleSet::Unsupported& rule : rules.unsupported()) {
            ++tally.reasons[rule.reason];
        }
    }
    std::cout << "log source            rules  supported  (in part)  unsupported\n";
    for (const auto& [name, tally] : tallies) {
        int unsupported = 0;
        for (const auto& [reason, count] : tally.reasons) {
            unsupported += count;
        }
        std::cout << std::left << std::setw(22) << name << std::setw(7) << tally.files
                  << std::setw(11) << tally.supported << std::setw(11) << tally.in_part
                  << unsupported << '\n';
        for (const auto& [reason, count] : tally.reasons) {
            std::cout << "    " << std::setw(5) << count << reason << '\n';
        }
    }
}

}  // namespace
}  // namespace assay::engine
