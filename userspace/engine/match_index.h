// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/address_trie.h"
#include "engine/field_test.h"
#include "engine/literal_scan.h"
#include "engine/requirement.h"

namespace assay::engine {

/// Of many documents that judge one kind of fact: which could have something to say about this one?
/// Each document is entered under something that must be true of such facts (see requirement.h);
/// each field of a fact is looked through once for all documents. It never leaves out a document
/// that would match. One thread; borrows nothing from the documents.
class MatchIndex {
public:
    explicit MatchIndex(std::span<const CompiledDocument* const> documents);

    /// The positions of those documents, ascending. Valid until the next call.
    [[nodiscard]] std::span<const std::uint32_t> candidates(FactFields& fields);
    /// How many are asked about every fact, as nothing rare is required for them.
    [[nodiscard]] std::size_t always_asked() const { return always_asked_; }

private:
    using Documents = std::vector<std::uint32_t>;

    /// What is looked up in one field.
    struct Field {
        std::size_t field = 0;  ///< or kAnyField
        LiteralScan texts;
        std::vector<std::pair<Integer, std::uint32_t>> integers;  ///< sorted
        std::vector<std::pair<IpBlock, std::uint32_t>> blocks;
        AddressTrie trie;
        std::vector<Documents> of_text;   ///< by the number of the text
        std::vector<std::uint64_t> seen;  ///< the fact in which a text was last seen
    };

    void enter(const Requirement& requirement, std::uint32_t document);
    void look_up(Field& field, FactFields& fields);
    void look_up_texts(Field& field, FactFields& fields, std::size_t in);
    void add_candidate(std::uint32_t document) {
        marked_[document / 64U] |= std::uint64_t{1} << (document % 64U);
    }

    std::vector<std::unique_ptr<Field>> fields_;
    std::vector<std::uint64_t> always_;  ///< a bit for each document
    std::size_t always_asked_ = 0;
    // While one fact is looked at; kept for their memory.
    std::vector<std::uint64_t> marked_;
    std::vector<std::uint32_t> found_;
    std::vector<std::uint32_t> candidates_;
    std::uint64_t fact_number_ = 0;
};

}  // namespace assay::engine
