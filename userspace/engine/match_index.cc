// SPDX-License-Identifier: Apache-2.0
#include "engine/match_index.h"

#include <algorithm>
#include <bit>
#include <variant>

namespace assay::engine {

MatchIndex::MatchIndex(std::span<const CompiledDocument* const> documents)
    : always_((documents.size() + 63) / 64), marked_(always_.size()) {
    for (std::uint32_t document = 0; document < documents.size(); ++document) {
        const auto requirements = requirements_of(*documents[document]);
        if (!requirements) {
            always_[document / 64U] |= std::uint64_t{1} << (document % 64U);
            ++always_asked_;
            continue;
        }
        for (const Requirement& requirement : requirements->any_of) {
            enter(requirement, document);
        }
    }
    for (const auto& field : fields_) {
        field->texts.build();
        field->seen.resize(field->texts.size());
        std::ranges::sort(field->integers);
        field->trie = AddressTrie(field->blocks);
    }
}

void MatchIndex::enter(const Requirement& requirement, std::uint32_t document) {
    auto found = std::ranges::find(fields_, requirement.field,
                                   [](const auto& known) { return known->field; });
    if (found == fields_.end()) {
        fields_.push_back(std::make_unique<Field>());
        found = fields_.end() - 1;
        (*found)->field = requirement.field;
    }
    Field& field = **found;
    if (const auto* text = std::get_if<RequiredText>(&requirement.what)) {
        const std::uint32_t number = field.texts.add(*text);
        if (number == field.of_text.size()) {
            field.of_text.emplace_back();
        }
        if (field.of_text[number].empty() || field.of_text[number].back() != document) {
            field.of_text[number].push_back(document);
        }
    } else if (const auto* integer = std::get_if<Integer>(&requirement.what)) {
        field.integers.emplace_back(*integer, document);
    } else {
        field.blocks.emplace_back(std::get<IpBlock>(requirement.what), document);
    }
}

void MatchIndex::look_up_texts(Field& field, FactFields& fields, std::size_t in) {
    any_text(fields, in, [&](const Subject& subject) {
        found_.clear();
        field.texts.find(subject.folded_text(), found_);
        for (const std::uint32_t text : found_) {
            if (field.seen[text] != fact_number_) {
                field.seen[text] = fact_number_;
                std::ranges::for_each(field.of_text[text],
                                      [&](std::uint32_t d) { add_candidate(d); });
            }
        }
        return false;
    });
}

void MatchIndex::look_up(Field& field, FactFields& fields) {
    if (field.texts.size() > 0) {
        if (field.field != kAnyField) {
            look_up_texts(field, fields, field.field);
        } else {
            for (std::size_t any = 0; any < fields.size(); ++any) {
                look_up_texts(field, fields, any);
            }
        }
    }
    if (!field.integers.empty()) {
        any_integer(fields, field.field, [&](const Integer& number) {
            const auto [first, last] = std::ranges::equal_range(
                field.integers, number, {}, &std::pair<Integer, std::uint32_t>::first);
            for (auto entry = first; entry != last; ++entry) {
                add_candidate(entry->second);
            }
            return false;
        });
    }
    if (!field.trie.empty()) {
        any_text(fields, field.field, [&](const Subject& subject) {
            if (const auto address = IpAddress::parse(subject.text())) {
                found_.clear();
                field.trie.find(*address, found_);
                std::ranges::for_each(found_, [&](std::uint32_t d) { add_candidate(d); });
            }
            return false;
        });
    }
}

std::span<const std::uint32_t> MatchIndex::candidates(FactFields& fields) {
    ++fact_number_;
    candidates_.clear();
    std::ranges::copy(always_, marked_.begin());
    for (const auto& field : fields_) {
        look_up(*field, fields);
    }
    for (std::size_t word = 0; word < marked_.size(); ++word) {
        for (std::uint64_t bits = marked_[word]; bits != 0; bits &= bits - 1) {
            candidates_.push_back(static_cast<std::uint32_t>(
                word * 64 + static_cast<unsigned>(std::countr_zero(bits))));
        }
    }
    return candidates_;
}

}  // namespace assay::engine
