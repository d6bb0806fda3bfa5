// SPDX-License-Identifier: Apache-2.0
#include "engine/requirement.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

namespace assay::engine {
namespace {

/// More alternatives than this are no filter, and conditions may name a selection many times.
constexpr std::size_t kMostAlternatives = 4096;
constexpr int kShortestAtom = 3;
constexpr double kNumberChance = 0.05;
/// What more facts than this are likely to meet filters nothing and costs a look-up.
constexpr double kTooLikely = 0.5;

using Found = std::optional<Requirements>;

/// One of two is true.
Found either(Found a, Found b) {
    if (!a || !b || a->any_of.size() + b->any_of.size() > kMostAlternatives) {
        return std::nullopt;
    }
    std::ranges::move(b->any_of, std::back_inserter(a->any_of));
    a->chance += b->chance;
    return a;
}

/// Both are true: looking for the rarer one will do.
Found rarer(Found a, Found b) {
    return !a || (b && b->chance < a->chance) ? std::move(b) : std::move(a);
}

/// Joins what each child requires; `is_all` after a negation has been pulled through.
template <class Children, class RequirementsOf>
Found joined(const Children& children, bool is_all, const RequirementsOf& requirements_of_child) {
    // all of nothing holds always; any of nothing never, and then nothing is required for it.
    Found sum = is_all ? Found{} : Found{Requirements{}};
    for (const auto& child : children) {
        sum = is_all ? rarer(std::move(sum), requirements_of_child(child))
                     : either(std::move(sum), requirements_of_child(child));
        if (!is_all && !sum) {
            break;
        }
    }
    return sum;
}

Found text_requirements(std::size_t field, const TextTest& test) {
    Requirements all;
    for (const TextPattern& pattern : test.any_of.patterns()) {
        std::vector<RequiredText> texts = pattern.required();
        if (texts.empty() || all.any_of.size() + texts.size() > kMostAlternatives) {
            return std::nullopt;
        }
        for (RequiredText& text : texts) {
            all.chance += text.chance();
            all.any_of.push_back({.field = field, .what = std::move(text)});
        }
    }
    return all;
}

/// Asks RE2 which bytes a match needs. It answers with atoms and, for a set of atoms that were
/// seen, whether a match is still possible.
Found regex_requirements(std::size_t field, const re2::RE2& regex) {
    // Of UTF-8 patterns RE2 folds letters beyond ASCII in its atoms, and our texts do not.
    if (regex.options().encoding() != re2::RE2::Options::EncodingLatin1) {
        return std::nullopt;
    }
    re2::FilteredRE2 filter(kShortestAtom);
    int number = 0;
    if (filter.Add(regex.pattern(), regex.options(), &number) != re2::RE2::NoError) {
        return std::nullopt;
    }
    std::vector<std::string> atoms;
    filter.Compile(&atoms);
    const auto may_match = [&](const std::vector<int>& seen) {
        std::vector<int> possible;
        filter.AllPotentials(seen, &possible);
        return !possible.empty();
    };
    const auto requirement = [&](const std::vector<std::string>& texts) -> Found {
        Requirements all;
        for (const std::string& text : texts) {
            const bool is_ascii = std::ranges::all_of(
                text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
            if (!is_ascii || text.empty()) {
                return std::nullopt;
            }
            RequiredText required{.place = RequiredText::Place::anywhere, .text = {}};
            fold_into(required.text, text);
            all.chance += required.chance();
            all.any_of.push_back({.field = field, .what = std::move(required)});
        }
        return all;
    };
    constexpr std::size_t kMostAtoms = 256;
    if (atoms.empty() || atoms.size() > kMostAtoms || may_match({})) {
        return std::nullopt;
    }
    Found best = requirement(atoms);
    std::vector<int> others(atoms.size() - 1);
    for (std::size_t i = 0; i < atoms.size(); ++i) {
        // All but the i-th.
        std::iota(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(i), 0);
        std::iota(others.begin() + static_cast<std::ptrdiff_t>(i), others.end(),
                  static_cast<int>(i) + 1);
        if (!may_match(others)) {
            best = rarer(std::move(best), requirement({atoms[i]}));
        }
    }
    return best;
}

Found requirements(const FieldTest& test) {
    if (const auto* text = std::get_if<TextTest>(&test.check)) {
        return text_requirements(test.field, *text);
    }
    if (const auto* regex = std::get_if<RegexTest>(&test.check)) {
        return regex_requirements(test.field, *regex->regex);
    }
    if (test.field == kAnyField) {
        return std::nullopt;
    }
    Requirements all;
    const auto add = [&](const auto& values) -> Found {
        if (values.size() > kMostAlternatives) {
            return std::nullopt;
        }
        for (const auto& value : values) {
            all.any_of.push_back({.field = test.field, .what = value});
        }
        all.chance = kNumberChance * static_cast<double>(values.size());
        return std::move(all);
    };
    if (const auto* integers = std::get_if<IntegerTest>(&test.check)) {
        return add(integers->any_of);
    }
    if (const auto* addresses = std::get_if<AddressTest>(&test.check)) {
        return add(addresses->any_of);
    }
    // Presence, truth, order and other fields: as cheap to ask as to look up.
    return std::nullopt;
}

/// `wanted`: for the expression to hold, or for it not to.
Found requirements(const Expression& expression, bool wanted) {
    switch (expression.op) {
        case Expression::Op::test:
            return wanted ? requirements(*expression.test) : std::nullopt;
        case Expression::Op::negate:
            return requirements(expression.children.front(), !wanted);
        case Expression::Op::all:
        case Expression::Op::any:
            return joined(expression.children, (expression.op == Expression::Op::all) == wanted,
                          [&](const Expression& child) { return requirements(child, wanted); });
    }
    return std::nullopt;
}

/// What each selection requires, found once however often the condition names it.
class DetectionRequirements {
public:
    explicit DetectionRequirements(const Detection& detection)
        : detection_(detection), known_(detection.selections.size()) {}

    Found of(const ConditionNode& node, bool wanted) {
        using Op = ConditionNode::Op;
        switch (node.op) {
            case Op::selection: {
                auto& known = known_[node.selection][wanted ? 1 : 0];
                if (!known) {
                    known = requirements(detection_.selections[node.selection], wanted);
                }
                return *known;
            }
            case Op::negate:
                return of(node.children.front(), !wanted);
            case Op::all:
            case Op::any:
                return joined(node.children, (node.op == Op::all) == wanted,
                              [&](const ConditionNode& child) { return of(child, wanted); });
        }
        return std::nullopt;
    }

private:
    const Detection& detection_;
    std::vector<std::array<std::optional<Found>, 2>> known_;
};

}  // namespace

std::optional<Requirements> requirements_of(const CompiledDocument& document) {
    Found sum = DetectionRequirements(document.detection).of(document.detection.condition, true);
    for (const CompiledClause& clause : document.unknown_when) {
        sum = either(std::move(sum), requirements(clause.when, true));
    }
    if (document.applies_when) {
        sum = either(std::move(sum), requirements(*document.applies_when, true));
    }
    if (sum && sum->chance > kTooLikely) {
        return std::nullopt;
    }
    return sum;
}

}  // namespace assay::engine
