// SPDX-License-Identifier: Apache-2.0
#include "engine/condition.h"

#include <algorithm>
#include <utility>

#include "engine/nearest_name.h"
#include "engine/text_pattern.h"

namespace assay::engine {
namespace {

constexpr std::size_t kLongestCondition = 4096;
constexpr int kDeepest = 32;

struct Token {
    std::string_view text;  ///< empty at the end
    std::size_t offset = 0;
};

using Parsed = std::expected<ConditionNode, ConditionError>;

bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '*' || c == '?';
}

bool is_keyword(std::string_view token, std::string_view keyword) {
    return std::ranges::equal(token, keyword, {}, folded);
}

bool name_matches(std::string_view name, std::string_view pattern) {
    std::string scratch;
    bool filled = false;
    return TextPattern(parse_pattern(pattern), true).matches(Subject(name, scratch, filled));
}

class Parser {
public:
    Parser(std::string_view text, std::span<const std::string_view> selections)
        : text_(text), selections_(selections) {
        advance();
    }

    Parsed parse() {
        Parsed node = chain(0, "or");
        if (node && !now_.text.empty()) {
            return unexpected_token("`and`, `or` or the end of the condition");
        }
        return node;
    }

private:
    void advance() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
        const std::size_t start = at_;
        if (at_ < text_.size() && !is_name_byte(text_[at_])) {
            ++at_;
        } else {
            while (at_ < text_.size() && is_name_byte(text_[at_])) {
                ++at_;
            }
        }
        now_ = {text_.substr(start, at_ - start), start};
    }

    [[nodiscard]] Parsed unexpected_token(std::string_view expected) const {
        if (now_.text == "|") {
            return std::unexpected(ConditionError{
                now_.offset, "aggregations (`|` in a condition) are not supported", true});
        }
        return std::unexpected(
            ConditionError{now_.offset,
                           "expected " + std::string(expected) + ", found " +
                               (now_.text.empty() ? std::string("the end of the condition")
                                                  : "`" + std::string(now_.text) + "`"),
                           false});
    }

    /// or-chains of and-chains of operands.
    Parsed chain(int depth, std::string_view keyword) {
        const bool is_or = keyword == "or";
        ConditionNode node;
        node.op = is_or ? ConditionNode::Op::any : ConditionNode::Op::all;
        while (true) {
            Parsed part = is_or ? chain(depth, "and") : operand(depth);
            if (!part) {
                return part;
            }
            node.children.push_back(std::move(*part));
            if (!is_keyword(now_.text, keyword)) {
                break;
            }
            advance();
        }
        return node.children.size() == 1 ? std::move(node.children.front()) : std::move(node);
    }

    Parsed operand(int depth) {
        if (depth >= kDeepest) {
            return std::unexpected(ConditionError{
                now_.offset,
                "nested too deeply: expected at most " + std::to_string(kDeepest) + " levels",
                false});
        }
        if (is_keyword(now_.text, "not")) {
            advance();
            Parsed inner = operand(depth + 1);
            if (!inner) {
                return inner;
            }
            ConditionNode node;
            node.op = ConditionNode::Op::negate;
            node.children.push_back(std::move(*inner));
            return node;
        }
        if (now_.text == "(") {
            advance();
            Parsed inner = chain(depth + 1, "or");
            if (inner && now_.text != ")") {
                return unexpected_token("`)`");
            }
            advance();
            return inner;
        }
        const bool named_all = is_keyword(now_.text, "all");
        if (named_all || now_.text == "1" || is_keyword(now_.text, "any")) {
            const Token quantifier = now_;
            advance();
            if (is_keyword(now_.text, "of")) {
                advance();
                return quantified(named_all);
            }
            return selection(quantifier);
        }
        if (now_.text.empty() || !is_name_byte(now_.text.front()) || is_keyword(now_.text, "and") ||
            is_keyword(now_.text, "or")) {
            return unexpected_token("a selection, `not`, `(`, `1 of` or `all of`");
        }
        const Token name = now_;
        advance();
        if (is_keyword(now_.text, "of")) {
            return std::unexpected(ConditionError{
                name.offset,
                "expected `1 of` or `all of`, found `" + std::string(name.text) + " of`", false});
        }
        return selection(name);
    }

    Parsed selection(const Token& name) {
        const auto found = std::ranges::find(selections_, name.text);
        if (found == selections_.end()) {
            return std::unexpected(ConditionError{name.offset,
                                                  "no selection is called `" +
                                                      std::string(name.text) + "`" +
                                                      did_you_mean(name.text, selections_),
                                                  false});
        }
        ConditionNode node;
        node.selection = static_cast<std::size_t>(found - selections_.begin());
        return node;
    }

    Parsed quantified(bool all) {
        if (now_.text.empty() || !is_name_byte(now_.text.front())) {
            return unexpected_token("`them` or a pattern such as `selection_*`");
        }
        const Token pattern = now_;
        advance();
        const bool them = is_keyword(pattern.text, "them");
        ConditionNode node;
        node.op = all ? ConditionNode::Op::all : ConditionNode::Op::any;
        for (std::size_t i = 0; i < selections_.size(); ++i) {
            if (them ? !selections_[i].starts_with('_')
                     : name_matches(selections_[i], pattern.text)) {
                ConditionNode child;
                child.selection = i;
                node.children.push_back(child);
            }
        }
        if (node.children.empty()) {
            return std::unexpected(ConditionError{
                pattern.offset, "no selection matches `" + std::string(pattern.text) + "`", false});
        }
        return node;
    }

    std::string_view text_;
    std::span<const std::string_view> selections_;
    std::size_t at_ = 0;
    Token now_;
};

}  // namespace

Parsed parse_condition(std::string_view text, std::span<const std::string_view> selections) {
    if (text.size() > kLongestCondition) {
        return std::unexpected(ConditionError{
            0, "the condition is longer than " + std::to_string(kLongestCondition) + " characters",
            false});
    }
    return Parser(text, selections).parse();
}

}  // namespace assay::engine
