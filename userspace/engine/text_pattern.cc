// SPDX-License-Identifier: Apache-2.0
#include "engine/text_pattern.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

namespace assay::engine {
namespace {

using Type = PatternToken::Type;

constexpr std::array<std::string_view, 3> kLongDashes{"\xE2\x80\x93", "\xE2\x80\x94",
                                                      "\xE2\x80\x95"};

constexpr std::array<std::string_view, 5> kAnyDash{"-", "/", kLongDashes[0], kLongDashes[1],
                                                   kLongDashes[2]};

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// How many bytes of `text` from `at` the token takes; 0 when it does not match there.
std::size_t taken(const PatternToken& token, std::string_view text, std::size_t at) {
    switch (token.type) {
        case Type::literal:
            return text[at] == token.byte ? 1 : 0;
        case Type::any_one: {
            std::size_t length = 1;
            const auto lead = static_cast<unsigned char>(text[at]);
            const std::size_t longest = lead >= 0xF0   ? 4U
                                        : lead >= 0xE0 ? 3U
                                        : lead >= 0xC0 ? 2U
                                                       : 1U;
            while (length < longest && at + length < text.size() &&
                   (static_cast<unsigned char>(text[at + length]) & 0xC0U) == 0x80U) {
                ++length;
            }
            return length;
        }
        case Type::dash:
            if (text[at] == '-' || text[at] == '/') {
                return 1;
            }
            return std::ranges::find(kLongDashes, text.substr(at, 3)) == kLongDashes.end() ? 0 : 3;
        case Type::any_many:
            break;
    }
    return 0;
}

/// Tokens against the whole text. Only the latest `*` is ever tried again, so the time is bounded
/// by text times tokens.
bool glob(const PatternTokens& tokens, std::string_view text) {
    std::size_t token = 0;
    std::size_t at = 0;
    std::size_t star = tokens.size();
    std::size_t star_at = 0;
    while (true) {
        if (token < tokens.size() && tokens[token].type == Type::any_many) {
            star = token++;
            star_at = at;
            continue;
        }
        if (token == tokens.size() && at == text.size()) {
            return true;
        }
        if (token < tokens.size() && at < text.size()) {
            if (const std::size_t length = taken(tokens[token], text, at); length > 0) {
                ++token;
                at += length;
                continue;
            }
        }
        if (star == tokens.size() || star_at >= text.size()) {
            return false;
        }
        token = star + 1;
        at = ++star_at;
    }
}

double chance_of(const std::vector<RequiredText>& any_of) {
    double sum = 0;
    for (const RequiredText& each : any_of) {
        sum += each.chance();
    }
    return any_of.empty() ? 1 : sum;
}

/// The best of what must stand somewhere in a text that the tokens match: a run of bytes, or two
/// with a dash of any kind between them.
std::vector<RequiredText> required_by(std::span<const PatternToken> tokens) {
    std::vector<RequiredText> best;
    const auto consider = [&](std::vector<RequiredText> other) {
        if (chance_of(other) < chance_of(best)) {
            best = std::move(other);
        }
    };
    std::string before_dash;
    bool after_dash = false;
    std::string run;
    const auto end_run = [&] {
        if (!run.empty()) {
            consider({{.place = RequiredText::Place::anywhere, .text = run}});
        }
        if (after_dash && !(before_dash.empty() && run.empty())) {
            std::vector<RequiredText> dashes;
            for (const std::string_view dash : kAnyDash) {
                std::string text = before_dash;
                text.append(dash).append(run);
                dashes.push_back({.place = RequiredText::Place::anywhere, .text = std::move(text)});
            }
            consider(std::move(dashes));
        }
    };
    for (const PatternToken& token : tokens) {
        if (token.type == Type::literal) {
            run += folded(token.byte);
            continue;
        }
        end_run();
        after_dash = token.type == Type::dash;
        before_dash = std::exchange(run, {});
    }
    end_run();
    return best;
}

}  // namespace

double RequiredText::chance() const {
    // A letter more makes a text about 2.6 times as rare; blanks, dashes and slashes are
    // everywhere.
    double length = 0;
    for (const char c : text) {
        const bool is_letter = c >= 'a' && c <= 'z';
        const bool is_common = c == ' ' || c == '-' || c == '/' || c == '.';
        length += is_letter ? 1.0 : is_common ? 0.6 : 1.3;
    }
    const double anywhere_chance = std::min(1.0, std::exp2(1.5 - 1.4 * length));
    // What stands at an end is a name more often than not, and names repeat.
    return place == Place::anywhere ? anywhere_chance : std::max(0.005, 0.3 * anywhere_chance);
}

void fold_into(std::string& out, std::string_view text) {
    out.resize(text.size());
    std::ranges::transform(text, out.begin(), folded);
}

PatternTokens parse_pattern(std::string_view text) {
    PatternTokens tokens;
    tokens.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() &&
            (text[i + 1] == '*' || text[i + 1] == '?' || text[i + 1] == '\\')) {
            tokens.push_back({Type::literal, text[++i]});
        } else if (text[i] == '*') {
            tokens.push_back({Type::any_many, 0});
        } else if (text[i] == '?') {
            tokens.push_back({Type::any_one, 0});
        } else {
            tokens.push_back({Type::literal, text[i]});
        }
    }
    return tokens;
}

PatternTokens literal_pattern(std::string_view text) {
    PatternTokens tokens;
    tokens.reserve(text.size());
    for (const char byte : text) {
        tokens.push_back({Type::literal, byte});
    }
    return tokens;
}

PatternTokens with_any_dash(const PatternTokens& tokens) {
    const auto word_at = [&](std::size_t i) {
        return i < tokens.size() && tokens[i].type == Type::literal && is_word(tokens[i].byte);
    };
    PatternTokens changed;
    changed.reserve(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::size_t length = 0;
        if (tokens[i].type == Type::literal && (tokens[i].byte == '-' || tokens[i].byte == '/')) {
            length = 1;
        } else {
            for (const std::string_view dash : kLongDashes) {
                const bool here =
                    i + dash.size() <= tokens.size() &&
                    std::ranges::equal(dash, std::span(tokens).subspan(i, dash.size()), {}, {},
                                       &PatternToken::byte);
                length = here ? dash.size() : length;
            }
        }
        const bool begins_flag = (i == 0 || !word_at(i - 1)) && word_at(i + length);
        if (length > 0 && begins_flag) {
            changed.push_back({Type::dash, 0});
            i += length - 1;
        } else {
            changed.push_back(tokens[i]);
        }
    }
    return changed;
}

TextPattern::TextPattern(PatternTokens tokens, bool cased) : shape_(Shape::exact), cased_(cased) {
    const auto repeated = [](const PatternToken& a, const PatternToken& b) {
        return a.type == Type::any_many && b.type == Type::any_many;
    };
    tokens.erase(std::ranges::unique(tokens, repeated).begin(), tokens.end());
    if (!cased) {
        for (PatternToken& token : tokens) {
            token.byte = folded(token.byte);
        }
    }
    const bool open_start = !tokens.empty() && tokens.front().type == Type::any_many;
    const bool open_end = !tokens.empty() && tokens.back().type == Type::any_many;
    std::span<const PatternToken> middle(tokens);
    if (open_start) {
        middle = middle.subspan(1);
    }
    if (open_end && !middle.empty()) {
        middle = middle.first(middle.size() - 1);
    }
    const auto plain = [](const PatternToken& token) { return token.type == Type::literal; };
    if (!std::ranges::all_of(middle, plain)) {
        shape_ = Shape::glob;
        tokens_ = std::move(tokens);
        return;
    }
    for (const PatternToken& token : middle) {
        literal_ += token.byte;
    }
    if (middle.empty() && open_start) {
        shape_ = Shape::anything;
    } else if (open_start && open_end) {
        shape_ = Shape::contains;
    } else if (open_start) {
        shape_ = Shape::suffix;
    } else if (open_end) {
        shape_ = Shape::prefix;
    }
}

bool TextPattern::matches(const Subject& subject) const {
    if (subject.text().size() < literal_.size() ||
        (shape_ == Shape::exact && subject.text().size() != literal_.size())) {
        return false;
    }
    const std::string_view text = cased_ ? subject.text() : subject.folded_text();
    switch (shape_) {
        case Shape::anything:
            return true;
        case Shape::exact:
            return text == literal_;
        case Shape::prefix:
            return text.starts_with(literal_);
        case Shape::suffix:
            return text.ends_with(literal_);
        case Shape::contains:
            // Not string_view::find: that stops at every occurrence of the first byte.
            return ::memmem(text.data(), text.size(), literal_.data(), literal_.size()) != nullptr;
        case Shape::glob:
            return glob(tokens_, text);
    }
    return false;
}

std::optional<std::uint8_t> TextPattern::ending() const {
    return shape_ == Shape::exact || shape_ == Shape::suffix ? ending_of(literal_) : std::nullopt;
}

std::vector<RequiredText> TextPattern::required() const {
    using Place = RequiredText::Place;
    if (shape_ == Shape::glob) {
        return required_by(tokens_);
    }
    if (literal_.empty()) {
        return {};
    }
    RequiredText all{.place = shape_ == Shape::exact    ? Place::whole
                              : shape_ == Shape::prefix ? Place::start
                              : shape_ == Shape::suffix ? Place::end
                                                        : Place::anywhere,
                     .text = {}};
    fold_into(all.text, literal_);
    return {std::move(all)};
}

int TextPattern::cost() const {
    return shape_ == Shape::glob ? 2 : shape_ == Shape::contains ? 1 : 0;
}

void AnyPattern::add(TextPattern pattern) {
    if (const auto ending = pattern.ending()) {
        endings_[*ending / 64U] |= std::uint64_t{1} << (*ending % 64U);
    } else {
        by_ending_ = false;
    }
    patterns_.push_back(std::move(pattern));
}

void AnyPattern::add(AnyPattern other) {
    for (TextPattern& pattern : other.patterns_) {
        add(std::move(pattern));
    }
}

bool AnyPattern::any_matches(const Subject& subject) const {
    for (const TextPattern& pattern : patterns_) {
        if (pattern.matches(subject)) {
            return true;
        }
    }
    return false;
}

int AnyPattern::cost() const {
    int dearest = 0;
    for (const TextPattern& pattern : patterns_) {
        dearest = std::max(dearest, pattern.cost());
    }
    return 10 + 20 * dearest + static_cast<int>(std::min<std::size_t>(patterns_.size(), 15));
}

}  // namespace assay::engine
