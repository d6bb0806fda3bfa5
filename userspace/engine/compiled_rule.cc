// SPDX-License-Identifier: Apache-2.0
#include "engine/compiled_rule.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

#include "engine/nearest_name.h"
#include "engine/sigma_taxonomy.h"

namespace assay::engine {
namespace {

using facts::FieldInfo;
using facts::FieldType;

constexpr std::size_t kMostAlternatives = 10'000;
constexpr int kMostPlaceholders = 8;
constexpr std::size_t kMostRegexes = 1000;
constexpr std::int64_t kRegexMemory = std::int64_t{1} << 20;

static_assert(std::ranges::all_of(facts::kKinds, [](const facts::KindInfo& kind) {
    return kind.fields.size() <= kMostFields;
}));

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

Expression test_of(std::size_t field, FieldTest::Check check) {
    Expression expression;
    expression.op = Expression::Op::test;
    expression.test = FieldTest{.field = field, .check = std::move(check)};
    return expression;
}

/// Children joined; a join of one is that one. The cheap ones go first: order does not change what
/// a join of pure tests says.
Expression joined(Expression::Op op, std::vector<Expression> children) {
    if (children.size() == 1) {
        return std::move(children.front());
    }
    std::vector<std::pair<int, std::size_t>> order;
    for (std::size_t i = 0; i < children.size(); ++i) {
        order.emplace_back(children[i].cost(), i);
    }
    std::ranges::sort(order);
    Expression expression;
    expression.op = op;
    for (const auto& [cost, index] : order) {
        expression.children.push_back(std::move(children[index]));
    }
    return expression;
}

Expression negated(Expression inner) {
    Expression expression;
    expression.op = Expression::Op::negate;
    expression.children.push_back(std::move(inner));
    return expression;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8U |
                    (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        }
        const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
        for (std::size_t j = 0; j < 4; ++j) {
            out += j < digits ? kDigits[group >> (18U - 6U * j) & 0x3FU] : '=';
        }
    }
    return out;
}

/// What of `bytes` is certain to appear in the base64 of any text that holds them `shift` bytes
/// after a multiple of three: digits that also depend on neighbours are left out.
std::string base64_at_offset(std::string_view bytes, std::size_t shift) {
    const std::string encoded = base64(std::string(shift, ' ') + std::string(bytes));
    const std::size_t first = (shift * 8 + 5) / 6;
    const std::size_t last = (shift + bytes.size()) * 8 / 6;
    return first < last ? encoded.substr(first, last - first) : std::string{};
}

/// The code units of UTF-8 text; nullopt when it is not UTF-8.
std::optional<std::u16string> utf16_units(std::string_view text) {
    std::u16string units;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80 ? 1U : lead >= 0xF0 ? 4U : lead >= 0xE0 ? 3U : 2U;
        if (i + length > text.size() || (lead >= 0x80 && lead < 0xC0)) {
            return std::nullopt;
        }
        std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
        for (std::size_t j = 1; j < length; ++j) {
            point = point << 6U | (static_cast<unsigned char>(text[i + j]) & 0x3FU);
        }
        if (point > 0xFFFF) {
            point -= 0x10000;
            units += static_cast<char16_t>(0xD800U + (point >> 10U & 0x3FFU));
            units += static_cast<char16_t>(0xDC00U + (point & 0x3FFU));
        } else {
            units += static_cast<char16_t>(point);
        }
        i += length;
    }
    return units;
}

std::optional<std::string> utf16_bytes(std::string_view text, Modifier modifier) {
    const auto units = utf16_units(text);
    if (!units) {
        return std::nullopt;
    }
    std::string bytes = modifier == Modifier::utf16 ? "\xFF\xFE" : "";
    for (const char16_t unit : *units) {
        const auto low = static_cast<char>(unit & 0xFFU);
        const auto high = static_cast<char>(unit >> 8U);
        bytes += modifier == Modifier::utf16be ? high : low;
        bytes += modifier == Modifier::utf16be ? low : high;
    }
    return bytes;
}

/// The literal bytes of a pattern without wildcards.
std::optional<std::string> literal_bytes(const PatternTokens& tokens) {
    std::string bytes;
    for (const PatternToken& token : tokens) {
        if (token.type != PatternToken::Type::literal) {
            return std::nullopt;
        }
        bytes += token.byte;
    }
    return bytes;
}

class Compiler {
public:
    Compiler(const RuleDocument& document, const Parameters& overrides, Diagnostics& diagnostics)
        : document_(document), overrides_(overrides), diagnostics_(diagnostics) {}

    std::optional<CompiledDocument> compile();

private:
    void find_kind();
    void compile_subject();
    void compile_condition();
    CompiledClause clause(const Clause& clause);
    Expression selection(const Selection& selection);
    Expression item(const FieldItem& item);

    std::optional<std::size_t> field(std::string_view name, Mark mark);
    std::vector<Scalar> expanded(const FieldItem& item);
    void expand_text(const Scalar& value, std::size_t from, std::string done, int depth,
                     std::vector<Scalar>& out);
    const std::vector<Scalar>* parameter(std::string_view name) const;

    /// One value of an item, as a test or several; nullopt after a mistake was told.
    std::optional<FieldTest::Check> check(const FieldItem& item, const Scalar& value);
    std::optional<FieldTest::Check> plain_check(const FieldItem& item, const Scalar& value);
    std::optional<FieldTest::Check> text_check(const FieldItem& item, const Scalar& value);
    std::optional<FieldTest::Check> regex_check(const FieldItem& item, const Scalar& value);
    std::optional<FieldTest::Check> reference_check(const FieldItem& item, const Scalar& value);
    std::optional<FieldTest::Check> order_check(const FieldItem& item, const Scalar& value);
    bool modifiers_fit(const FieldItem& item);

    [[nodiscard]] const FieldInfo* info_of(std::size_t field) const {
        return field == kAnyField       ? nullptr
               : field >= kFirstDerived ? &derived_info(field)
                                        : &kind_->fields[field];
    }
    /// The condition over `selections`; nullopt after a mistake was told.
    std::optional<ConditionNode> condition(const YamlNode& text,
                                           std::span<const std::string_view> names);
    std::optional<std::size_t> time_part(const FieldItem& item);

    const RuleDocument& document_;
    const Parameters& overrides_;
    Diagnostics& diagnostics_;
    const facts::KindInfo* kind_ = nullptr;
    std::size_t field_ = 0;  ///< of the item that is being compiled
    std::size_t expanded_bytes_ = 0;
    std::size_t regexes_ = 0;
    CompiledDocument compiled_;
};

bool has(const FieldItem& item, Modifier modifier) {
    return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
}

constexpr std::initializer_list<Modifier> kTimeParts{Modifier::minute, Modifier::hour,
                                                     Modifier::day,    Modifier::week,
                                                     Modifier::month,  Modifier::year};

bool has_any(const FieldItem& item, std::initializer_list<Modifier> modifiers) {
    return std::ranges::any_of(modifiers, [&](Modifier m) { return has(item, m); });
}

/// Adds `more` to an any-of check of the same type, so that one look at the field serves them all.
bool merge(FieldTest::Check& into, FieldTest::Check& more) {
    if (into.index() != more.index()) {
        return false;
    }
    const auto append = [&](auto& target) {
        auto& source = std::get<std::remove_reference_t<decltype(target)>>(more);
        std::ranges::move(source.any_of, std::back_inserter(target.any_of));
        return true;
    };
    if (auto* texts = std::get_if<TextTest>(&into)) {
        texts->any_of.add(std::move(std::get<TextTest>(more).any_of));
        return true;
    }
    if (auto* integers = std::get_if<IntegerTest>(&into)) {
        return append(*integers);
    }
    if (auto* addresses = std::get_if<AddressTest>(&into)) {
        return append(*addresses);
    }
    if (auto* flags = std::get_if<BooleanTest>(&into)) {
        const auto& other = std::get<BooleanTest>(more);
        flags->on_true = flags->on_true || other.on_true;
        flags->on_false = flags->on_false || other.on_false;
        return true;
    }
    return false;
}

std::optional<CompiledDocument> Compiler::compile() {
    find_kind();
    if (kind_ == nullptr) {
        return std::nullopt;
    }
    compiled_.kind = kind_->kind;
    compiled_.at_window_close = document_.at_window_close;
    compiled_.level = document_.info.level;
    compiled_.left_unjudged = document_.left_unjudged;
    for (const Selection& each : document_.selections) {
        compiled_.detection.selections.push_back(selection(each));
    }
    compile_condition();
    compile_subject();
    if (document_.applies_when) {
        compiled_.applies_when = selection(document_.applies_when->when);
        for (const FieldGroup& group : document_.applies_when->when.groups) {
            for (const FieldItem& each : group) {
                compiled_.applies_when_text += compiled_.applies_when_text.empty() ? "" : ", ";
                const bool other =
                    std::ranges::find(each.modifiers, Modifier::neq) != each.modifiers.end();
                compiled_.applies_when_text +=
                    each.field + (other ? " other than " : ": ") + each.values.front().text;
            }
        }
    }
    for (const auto& [from, to] : {std::pair{&document_.level_when, &compiled_.level_when},
                                   {&document_.exceptions, &compiled_.exceptions},
                                   {&document_.unknown_when, &compiled_.unknown_when}}) {
        for (const Clause& each : *from) {
            to->push_back(clause(each));
        }
    }
    if (diagnostics_.failed() || diagnostics_.unsupported_reason()) {
        return std::nullopt;
    }
    return std::move(compiled_);
}

void Compiler::find_kind() {
    const auto& source = document_.log_source;
    if (!source.product.empty() && source.product != "linux") {
        diagnostics_.unsupported(source.mark,
                                 "logsource product " + quoted(source.product) + " is not linux");
    } else if (!source.service.empty()) {
        diagnostics_.unsupported(source.mark, "logsource service " + quoted(source.service) +
                                                  ": assay reads no log files");
    } else if (source.category.empty()) {
        diagnostics_.unsupported(source.mark, "logsource has no category");
    } else if (const auto* kind = facts::find_kind(source.category)) {
        kind_ = kind;
    } else {
        std::vector<std::string_view> names;
        for (const facts::KindInfo& known : facts::kKinds) {
            names.push_back(known.name);
        }
        diagnostics_.unsupported(source.mark, "logsource category " + quoted(source.category) +
                                                  " is no kind of fact" +
                                                  did_you_mean(source.category, names));
    }
}

std::optional<std::size_t> Compiler::field(std::string_view name, Mark mark) {
    if (const auto index = facts::find_field(*kind_, name)) {
        compiled_.fields_used |= std::uint64_t{1} << *index;
        return index;
    }
    if (document_.views_auditd) {
        if (const auto derived = find_auditd_derived(name)) {
            for (const char* from : {"CommandLine", "Image", "Script"}) {
                (void)field(from, mark);
            }
            return derived;
        }
    }
    if (name == "UtcTime") {
        diagnostics_.unsupported(mark,
                                 "`UtcTime` can be asked for its parts only (`UtcTime|hour`)");
        return std::nullopt;
    }
    if (in_sigma_taxonomy(kind_->name, name)) {
        diagnostics_.unsupported(mark, "assay does not fill the field " + quoted(name));
        return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (const FieldInfo& known : kind_->fields) {
        names.push_back(known.name);
    }
    const std::string hint = did_you_mean(name, names);
    diagnostics_.error(
        mark, "unknown field " + quoted(name) +
                  (hint.empty() ? ": " + quoted(kind_->name) + " facts have no such field" : hint));
    return std::nullopt;
}

void Compiler::compile_subject() {
    if (!document_.subject.empty()) {
        for (const auto& [name, mark] : document_.subject) {
            if (const auto index = field(name, mark)) {
                compiled_.subject.push_back(*index);
            }
        }
        return;
    }
    for (const std::string_view name : kind_->subject) {
        if (const auto index = field(name, document_.mark)) {
            compiled_.subject.push_back(*index);
        }
    }
}

void mark_used(const ConditionNode& node, std::vector<bool>& used) {
    if (node.op == ConditionNode::Op::selection) {
        used[node.selection] = true;
    }
    for (const ConditionNode& child : node.children) {
        mark_used(child, used);
    }
}

void Compiler::compile_condition() {
    std::vector<std::string_view> names;
    for (const Selection& each : document_.selections) {
        names.push_back(each.name);
    }
    ConditionNode any;
    any.op = ConditionNode::Op::any;
    for (const YamlNode& text : document_.conditions) {
        auto parsed = condition(text, names);
        if (!parsed) {
            return;
        }
        any.children.push_back(std::move(*parsed));
    }
    std::vector<bool> used(names.size());
    mark_used(any, used);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!used[i] && !names[i].starts_with('_')) {
            diagnostics_.warning(document_.selections[i].mark,
                                 "the condition does not use the selection " + quoted(names[i]));
        }
    }
    compiled_.detection.condition =
        any.children.size() == 1 ? std::move(any.children.front()) : std::move(any);
}

std::optional<ConditionNode> Compiler::condition(const YamlNode& text,
                                                 std::span<const std::string_view> names) {
    auto parsed = parse_condition(text.text, names);
    if (!parsed) {
        const Mark mark = text.mark_at(parsed.error().offset);
        if (parsed.error().unsupported) {
            diagnostics_.unsupported(mark, std::move(parsed.error().message));
        } else {
            diagnostics_.error(mark, std::move(parsed.error().message));
        }
        return std::nullopt;
    }
    return std::move(*parsed);
}

/// A condition over selections as one expression.
Expression expression_of(const ConditionNode& node, std::span<const Expression> selections) {
    using Op = ConditionNode::Op;
    if (node.op == Op::selection) {
        return selections[node.selection];
    }
    std::vector<Expression> children;
    for (const ConditionNode& child : node.children) {
        children.push_back(expression_of(child, selections));
    }
    if (node.op == Op::negate) {
        return negated(std::move(children.front()));
    }
    return joined(node.op == Op::all ? Expression::Op::all : Expression::Op::any,
                  std::move(children));
}

CompiledClause Compiler::clause(const Clause& clause) {
    if (!clause.condition) {
        return {.when = selection(clause.when), .reason = clause.reason, .level = clause.level};
    }
    std::vector<std::string_view> names;
    std::vector<Expression> selections;
    for (const Selection& each : clause.selections) {
        names.push_back(each.name);
        selections.push_back(selection(each));
    }
    CompiledClause compiled{.when = {}, .reason = clause.reason, .level = clause.level};
    if (const auto parsed = condition(*clause.condition, names)) {
        compiled.when = expression_of(*parsed, selections);
    }
    return compiled;
}

Expression Compiler::selection(const Selection& selection) {
    if (selection.constant) {
        // All of nothing is true, any of nothing is not.
        Expression constant;
        constant.op = *selection.constant ? Expression::Op::all : Expression::Op::any;
        return constant;
    }
    std::vector<Expression> groups;
    for (const FieldGroup& group : selection.groups) {
        std::vector<Expression> items;
        for (const FieldItem& each : group) {
            items.push_back(item(each));
        }
        groups.push_back(joined(Expression::Op::all, std::move(items)));
    }
    return joined(Expression::Op::any, std::move(groups));
}

bool Compiler::modifiers_fit(const FieldItem& item) {
    using M = Modifier;
    const auto clash = [&](std::string message) {
        diagnostics_.error(item.mark, std::move(message));
        return false;
    };
    const auto count = [&](std::initializer_list<Modifier> modifiers) {
        return std::ranges::count_if(modifiers, [&](Modifier m) { return has(item, m); });
    };
    if (count({M::re, M::cidr, M::exists, M::gt, M::gte, M::lt, M::lte, M::fieldref}) > 1) {
        return clash(
            "expected at most one of `re`, `cidr`, `exists`, `fieldref`, `gt`, `gte`, `lt`, `lte`");
    }
    if (has_any(item, {M::ignore_case, M::multi_line, M::single_line}) && !has(item, M::re)) {
        return clash("expected `re` before `i`, `m` or `s`");
    }
    if (has_any(item, {M::re, M::cidr, M::exists, M::gt, M::gte, M::lt, M::lte}) &&
        has_any(item, {M::contains, M::startswith, M::endswith, M::windash, M::base64,
                       M::base64offset, M::utf16, M::utf16le, M::utf16be})) {
        return clash("modifiers for text cannot be joined with `re`, `cidr`, `exists` or an order");
    }
    if (count({M::contains, M::startswith, M::endswith}) > 1) {
        return clash("expected at most one of `contains`, `startswith`, `endswith`");
    }
    if (std::ranges::count_if(kTimeParts, [&](Modifier m) { return has(item, m); }) > 1 ||
        (has_any(item, kTimeParts) &&
         has_any(item, {M::contains, M::startswith, M::endswith, M::re, M::cidr, M::windash,
                        M::base64, M::base64offset, M::utf16, M::utf16le, M::utf16be}))) {
        return clash("a part of a time is a number: it can be compared, and no more");
    }
    if (item.field.empty() && has_any(item, {M::exists, M::fieldref})) {
        return clash("`exists` and `fieldref` need a field before them");
    }
    return true;
}

/// Facts tell one time, their own, which Sigma's taxonomy calls UtcTime.
std::optional<std::size_t> Compiler::time_part(const FieldItem& item) {
    if (item.field != "UtcTime") {
        diagnostics_.unsupported(item.mark, quoted(item.field) +
                                                " is no time: `minute`, `hour`, `day`, `week`, "
                                                "`month` and `year` are parts of `UtcTime`");
        return std::nullopt;
    }
    const auto part = std::ranges::find_if(kTimeParts, [&](Modifier m) { return has(item, m); });
    return kFirstDerived + static_cast<std::size_t>(part - kTimeParts.begin());
}

Expression Compiler::item(const FieldItem& item) {
    if (!modifiers_fit(item)) {
        return {};
    }
    if (has_any(item, kTimeParts)) {
        const auto part = time_part(item);
        if (!part) {
            return {};
        }
        field_ = *part;
    } else if (item.field.empty()) {
        field_ = kAnyField;
        compiled_.fields_used = std::numeric_limits<std::uint64_t>::max();
    } else if (const auto index = field(item.field, item.mark)) {
        field_ = *index;
    } else {
        return {};
    }
    const bool every = has(item, Modifier::all);
    std::vector<FieldTest::Check> checks;
    for (const Scalar& value : expanded(item)) {
        auto one = check(item, value);
        if (!one) {
            return {};
        }
        const bool is_merged =
            !every && std::ranges::any_of(checks, [&](auto& known) { return merge(known, *one); });
        if (!is_merged) {
            checks.push_back(std::move(*one));
        }
    }
    if (checks.empty()) {
        return {};
    }
    std::vector<Expression> tests;
    for (FieldTest::Check& each : checks) {
        if (auto* addresses = std::get_if<AddressTest>(&each)) {
            addresses->freeze();
        }
        tests.push_back(test_of(field_, std::move(each)));
    }
    Expression all = joined(every ? Expression::Op::all : Expression::Op::any, std::move(tests));
    return has(item, Modifier::neq) ? negated(std::move(all)) : std::move(all);
}

const std::vector<Scalar>* Compiler::parameter(std::string_view name) const {
    if (const auto found = overrides_.find(name); found != overrides_.end()) {
        return &found->second;
    }
    const auto found = document_.parameters.find(name);
    return found == document_.parameters.end() ? nullptr : &found->second;
}

std::vector<Scalar> Compiler::expanded(const FieldItem& item) {
    if (!has(item, Modifier::expand)) {
        return item.values;
    }
    std::vector<Scalar> out;
    for (const Scalar& value : item.values) {
        if (value.type == Scalar::Type::text) {
            expand_text(value, 0, {}, 0, out);
        } else {
            out.push_back(value);
        }
    }
    return out;
}

/// Replaces the first %name% at or after `from` by each value of the parameter, then the next ones.
void Compiler::expand_text(const Scalar& value, std::size_t from, std::string done, int depth,
                           std::vector<Scalar>& out) {
    const std::string& text = value.text;
    if (diagnostics_.failed() || diagnostics_.unsupported_reason()) {
        return;
    }
    expanded_bytes_ += text.size() + done.size();
    if (out.size() >= kMostAlternatives || depth > kMostPlaceholders ||
        expanded_bytes_ > kLargestRuleFile) {
        diagnostics_.error(value.mark, "the placeholders stand for too much: expected at most " +
                                           std::to_string(kMostPlaceholders) + " in a value and " +
                                           std::to_string(kMostAlternatives) + " alternatives");
        return;
    }
    for (std::size_t i = from; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '%') {
            done += '%';
            ++i;
            continue;
        }
        const std::size_t end = text[i] == '%' ? text.find('%', i + 1) : std::string::npos;
        if (end == std::string::npos) {
            done += text[i];
            continue;
        }
        const std::string_view name = std::string_view(text).substr(i + 1, end - i - 1);
        const auto* values = parameter(name);
        if (values == nullptr) {
            std::vector<std::string_view> names;
            for (const auto& [known, ignored] : document_.parameters) {
                names.push_back(known);
            }
            diagnostics_.unsupported(value.mark, "the placeholder " +
                                                     quoted(text.substr(i, end - i + 1)) +
                                                     " is not among the rule's `parameters`" +
                                                     did_you_mean(name, names));
            return;
        }
        for (const Scalar& each : *values) {
            if (i == 0 && end + 1 == text.size()) {
                out.push_back({.type = each.type, .text = each.text, .mark = value.mark});
            } else {
                expand_text(value, end + 1, done + each.text, depth + 1, out);
            }
        }
        return;
    }
    out.push_back({.type = Scalar::Type::text, .text = std::move(done), .mark = value.mark});
}

std::optional<FieldTest::Check> Compiler::check(const FieldItem& item, const Scalar& value) {
    using M = Modifier;
    if (has(item, M::exists)) {
        if (value.text != "true" && value.text != "false") {
            diagnostics_.error(value.mark,
                               "expected true or false for `exists`, found " + quoted(value.text));
            return std::nullopt;
        }
        return PresenceTest{.present = value.text == "true"};
    }
    if (has_any(item, {M::gt, M::gte, M::lt, M::lte})) {
        return order_check(item, value);
    }
    if (has(item, M::cidr)) {
        const auto block = IpBlock::parse(value.text);
        if (!block) {
            diagnostics_.error(value.mark, "expected an address block such as 10.0.0.0/8, found " +
                                               quoted(value.text));
            return std::nullopt;
        }
        return AddressTest{.any_of = {*block}, .trie = {}};
    }
    if (has(item, M::re)) {
        return regex_check(item, value);
    }
    if (has(item, M::fieldref)) {
        return reference_check(item, value);
    }
    return plain_check(item, value);
}

std::optional<FieldTest::Check> Compiler::order_check(const FieldItem& item, const Scalar& value) {
    using M = Modifier;
    const auto bound = Integer::parse(value.text);
    if (!bound || value.type == Scalar::Type::boolean) {
        diagnostics_.error(value.mark, "expected a whole number, found " + quoted(value.text));
        return std::nullopt;
    }
    const FieldInfo* info = info_of(field_);
    if (info != nullptr && info->type == FieldType::boolean) {
        diagnostics_.error(item.mark, quoted(info->name) + " is true or false and has no order");
        return std::nullopt;
    }
    return OrderTest{.greater = has_any(item, {M::gt, M::gte}),
                     .or_equal = has_any(item, {M::gte, M::lte}),
                     .bound = *bound};
}

std::optional<FieldTest::Check> Compiler::plain_check(const FieldItem& item, const Scalar& value) {
    const FieldInfo* info = info_of(field_);
    const bool no_modifiers = std::ranges::all_of(item.modifiers, [](Modifier m) {
        return m == Modifier::all || m == Modifier::neq || m == Modifier::expand ||
               m == Modifier::cased || std::ranges::find(kTimeParts, m) != kTimeParts.end();
    });
    if (info == nullptr && value.text.empty()) {
        diagnostics_.error(value.mark, "expected a keyword, found nothing");
        return std::nullopt;
    }
    if (value.type == Scalar::Type::null || (value.text.empty() && no_modifiers)) {
        // Facts do not tell an empty text from an absent one.
        return PresenceTest{.present = false};
    }
    if (info != nullptr && no_modifiers && info->type == FieldType::integer) {
        if (const auto number = Integer::parse(value.text)) {
            return IntegerTest{{*number}};
        }
        if (value.text.find_first_of("*?") == std::string::npos) {
            diagnostics_.warning(value.mark, quoted(info->name) + " is a number, so " +
                                                 quoted(value.text) + " never matches");
        }
    }
    auto text = text_check(item, value);
    if (!text || info == nullptr || info->type != FieldType::boolean) {
        return text;
    }
    std::string scratch;
    BooleanTest flags;
    for (const bool flag : {true, false}) {
        bool filled = false;
        const Subject subject(flag ? "true" : "false", scratch, filled);
        (flag ? flags.on_true : flags.on_false) = std::get<TextTest>(*text).any_of.matches(subject);
    }
    if (!flags.on_true && !flags.on_false) {
        diagnostics_.warning(value.mark, quoted(info->name) + " is true or false, so " +
                                             quoted(value.text) + " never matches");
    }
    return flags;
}

std::optional<FieldTest::Check> Compiler::text_check(const FieldItem& item, const Scalar& value) {
    std::vector<PatternTokens> alternatives;
    alternatives.push_back(value.type == Scalar::Type::text ? parse_pattern(value.text)
                                                            : literal_pattern(value.text));
    if (item.field.empty() &&
        !has_any(item, {Modifier::startswith, Modifier::endswith, Modifier::contains})) {
        // A keyword is looked for in the whole event.
        alternatives.front().insert(alternatives.front().begin(),
                                    {PatternToken::Type::any_many, 0});
        alternatives.front().push_back({PatternToken::Type::any_many, 0});
    }
    for (const Modifier modifier : item.modifiers) {
        std::vector<PatternTokens> changed;
        for (PatternTokens& tokens : alternatives) {
            const PatternToken star{PatternToken::Type::any_many, 0};
            switch (modifier) {
                case Modifier::contains:
                    tokens.insert(tokens.begin(), star);
                    tokens.push_back(star);
                    break;
                case Modifier::startswith:
                    tokens.push_back(star);
                    break;
                case Modifier::endswith:
                    tokens.insert(tokens.begin(), star);
                    break;
                case Modifier::windash:
                    tokens = with_any_dash(tokens);
                    break;
                case Modifier::utf16:
                case Modifier::utf16le:
                case Modifier::utf16be:
                case Modifier::base64:
                case Modifier::base64offset: {
                    const auto bytes = literal_bytes(tokens);
                    if (!bytes) {
                        diagnostics_.error(value.mark,
                                           "a value with wildcards cannot be encoded: put "
                                           "`contains` after the encoding instead");
                        return std::nullopt;
                    }
                    if (modifier == Modifier::base64) {
                        tokens = literal_pattern(base64(*bytes));
                    } else if (modifier == Modifier::base64offset) {
                        for (const std::size_t shift : {1U, 2U}) {
                            changed.push_back(literal_pattern(base64_at_offset(*bytes, shift)));
                        }
                        tokens = literal_pattern(base64_at_offset(*bytes, 0));
                    } else if (const auto wide = utf16_bytes(*bytes, modifier)) {
                        tokens = literal_pattern(*wide);
                    } else {
                        diagnostics_.error(value.mark, "expected UTF-8 text");
                        return std::nullopt;
                    }
                    break;
                }
                default:
                    break;
            }
            changed.push_back(std::move(tokens));
        }
        alternatives = std::move(changed);
    }
    TextTest test;
    for (PatternTokens& tokens : alternatives) {
        if (tokens.empty()) {
            diagnostics_.error(value.mark, quoted(value.text) + " is too short for `base64offset`");
            return std::nullopt;
        }
        test.any_of.add(TextPattern(std::move(tokens), has(item, Modifier::cased)));
    }
    return test;
}

std::optional<FieldTest::Check> Compiler::regex_check(const FieldItem& item, const Scalar& value) {
    if (++regexes_ > kMostRegexes) {
        diagnostics_.error(value.mark, "expected at most " + std::to_string(kMostRegexes) +
                                           " regular expressions in a rule");
        return std::nullopt;
    }
    std::string flags;
    flags += has(item, Modifier::ignore_case) ? "i" : "";
    flags += has(item, Modifier::multi_line) ? "m" : "";
    flags += has(item, Modifier::single_line) ? "s" : "";
    const std::string pattern = (flags.empty() ? "" : "(?" + flags + ")") + value.text;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexMemory);
    // Byte by byte where the pattern allows: a `.` must not be stopped by invalid UTF-8, which
    // whoever is looked for may put into a command line.
    const bool is_ascii = std::ranges::all_of(
        value.text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    options.set_encoding(is_ascii ? re2::RE2::Options::EncodingLatin1
                                  : re2::RE2::Options::EncodingUTF8);
    auto regex = std::make_shared<const re2::RE2>(pattern, options);
    if (regex->ok()) {
        return RegexTest{std::move(regex)};
    }
    switch (regex->error_code()) {
        case re2::RE2::ErrorBadPerlOp:
        case re2::RE2::ErrorBadEscape:
        case re2::RE2::ErrorRepeatSize:
        case re2::RE2::ErrorPatternTooLarge:
            diagnostics_.unsupported(value.mark,
                                     "regular expression outside RE2: " + regex->error());
            break;
        default:
            diagnostics_.error(value.mark,
                               "expected a regular expression that is valid: " + regex->error());
    }
    return std::nullopt;
}

std::optional<FieldTest::Check> Compiler::reference_check(const FieldItem& item,
                                                          const Scalar& value) {
    const auto other = field(value.text, value.mark);
    if (!other) {
        return std::nullopt;
    }
    ReferenceTest test{.other = *other, .cased = has(item, Modifier::cased)};
    test.part = has(item, Modifier::contains)     ? ReferenceTest::Part::inside
                : has(item, Modifier::startswith) ? ReferenceTest::Part::start
                : has(item, Modifier::endswith)   ? ReferenceTest::Part::end
                                                  : ReferenceTest::Part::whole;
    return test;
}

/// A test's value as the field holds it; nullopt after a mistake was told.
std::optional<facts::RecordedFact::Value> test_value(const TestField& field, const FieldInfo& info,
                                                     Diagnostics& diagnostics) {
    using Value = facts::RecordedFact::Value;
    const auto wrong = [&](std::string_view expected) -> std::optional<Value> {
        diagnostics.error(field.mark, "expected " + std::string(expected) + " for " +
                                          quoted(info.name) + " in this fact");
        return std::nullopt;
    };
    if (info.type == FieldType::text_list) {
        std::vector<std::string> texts;
        for (const Scalar& value : field.values) {
            texts.push_back(value.text);
        }
        return Value(std::move(texts));
    }
    if (field.is_list || field.values.empty()) {
        return wrong("a single value");
    }
    const Scalar& value = field.values.front();
    if (value.type == Scalar::Type::null) {
        return Value();
    }
    switch (info.type) {
        case FieldType::boolean:
            return value.text == "true" || value.text == "false" ? Value(value.text == "true")
                                                                 : wrong("true or false");
        case FieldType::integer: {
            const auto number = Integer::parse(value.text);
            if (!number || number->magnitude > std::numeric_limits<std::int64_t>::max()) {
                return wrong("a whole number");
            }
            if (number->negative) {
                return Value(-static_cast<std::int64_t>(number->magnitude));
            }
            return Value(number->magnitude);
        }
        default:
            return value.text.empty() ? Value() : Value(value.text);
    }
}

/// Facts of tests that tell no time are of this one: Thursday, 2026-01-01T00:00:00Z.
constexpr Timestamp kTestTime{1'767'225'600'000'000'000};

/// `kind:` of a fact in a test: a rule of several kinds needs it.
std::optional<facts::Kind> kind_of_test_fact(std::span<const TestField> fields,
                                             facts::Kind otherwise, Diagnostics& diagnostics) {
    const auto given = std::ranges::find(fields, "kind", &TestField::name);
    if (given == fields.end()) {
        return otherwise;
    }
    const std::string name = given->values.empty() ? "" : given->values.front().text;
    if (const auto* kind = facts::find_kind(name)) {
        return kind->kind;
    }
    std::vector<std::string_view> names;
    for (const facts::KindInfo& known : facts::kKinds) {
        names.push_back(known.name);
    }
    diagnostics.error(given->mark,
                      "unknown kind of fact " + quoted(name) + did_you_mean(name, names));
    return std::nullopt;
}

/// `time:` of a fact in a test: how long after the first, or a time of day and date.
std::optional<Timestamp> test_time(const TestField& field, Diagnostics& diagnostics) {
    const std::string text = field.values.empty() ? "" : field.values.front().text;
    if (text == "0" || text == "0s") {
        return kTestTime;
    }
    if (const auto after = parse_timespan(text)) {
        return Timestamp{kTestTime.ns + *after};
    }
    // 2026-01-31T22:15:00Z: digits where this has digits.
    constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
    std::array<int, 6> parts{};
    std::size_t part = 0;
    bool fits = text.size() == kForm.size();
    for (std::size_t i = 0; fits && i < kForm.size(); ++i) {
        if (kForm[i] != '0') {
            fits = text[i] == kForm[i];
            ++part;
        } else if (text[i] < '0' || text[i] > '9') {
            fits = false;
        } else {
            parts[part] = parts[part] * 10 + (text[i] - '0');
        }
    }
    const auto [year, month, day, hour, minute, second] = parts;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (fits && date.ok() && year >= 1970 && year < 2200 && hour < 24 && minute < 60 &&
        second < 60) {
        const auto at = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                        std::chrono::minutes(minute) + std::chrono::seconds(second);
        return Timestamp{std::chrono::nanoseconds(at.time_since_epoch()).count()};
    }
    diagnostics.error(field.mark,
                      "expected a time such as 30s (after the first fact) or "
                      "2026-01-31T22:15:00Z, found " +
                          quoted(text));
    return std::nullopt;
}

}  // namespace

bool Expression::holds(FactFields& fields) const {
    switch (op) {
        case Op::test:
            return test->passes(fields);
        case Op::negate:
            return !children.front().holds(fields);
        case Op::all:
            for (const Expression& child : children) {
                if (!child.holds(fields)) {
                    return false;
                }
            }
            return true;
        case Op::any:
            for (const Expression& child : children) {
                if (child.holds(fields)) {
                    return true;
                }
            }
            return false;
    }
    return false;
}

int Expression::cost() const {
    int sum = test ? test->cost() : 1;
    for (const Expression& child : children) {
        sum += child.cost();
        if (sum > 100'000) {
            break;
        }
    }
    return sum;
}

bool Detection::holds(const ConditionNode& node, FactFields& fields) const {
    using Op = ConditionNode::Op;
    switch (node.op) {
        case Op::selection:
            return selections[node.selection].holds(fields);
        case Op::negate:
            return !holds(node.children.front(), fields);
        case Op::all:
            for (const ConditionNode& child : node.children) {
                if (!holds(child, fields)) {
                    return false;
                }
            }
            return true;
        case Op::any:
            for (const ConditionNode& child : node.children) {
                if (holds(child, fields)) {
                    return true;
                }
            }
            return false;
    }
    return false;
}

std::optional<CompiledDocument> compile(const RuleDocument& document, const Parameters& overrides,
                                        Diagnostics& diagnostics) {
    return Compiler(document, overrides, diagnostics).compile();
}

std::optional<std::vector<facts::RecordedFact>> facts_of_test(const RuleTest& test,
                                                              facts::Kind kind,
                                                              Diagnostics& diagnostics) {
    std::vector<facts::RecordedFact> facts;
    bool ok = true;
    for (const std::vector<TestField>& fields : test.facts) {
        const auto of_kind = kind_of_test_fact(fields, kind, diagnostics);
        facts::RecordedFact fact(of_kind.value_or(kind));
        fact.header.time = kTestTime;
        ok = ok && of_kind.has_value();
        const facts::KindInfo& kind_info = facts::info(fact.kind);
        for (const TestField& field : fields) {
            if (field.name == "kind") {
                continue;
            }
            if (field.name == "time") {
                const auto time = test_time(field, diagnostics);
                ok = ok && time.has_value();
                fact.header.time = time.value_or(kTestTime);
                continue;
            }
            const auto index = facts::find_field(kind_info, field.name);
            if (!index) {
                std::vector<std::string_view> names;
                for (const FieldInfo& known : kind_info.fields) {
                    names.push_back(known.name);
                }
                diagnostics.error(field.mark, "unknown field " + quoted(field.name) +
                                                  did_you_mean(field.name, names));
                ok = false;
                continue;
            }
            auto value = test_value(field, kind_info.fields[*index], diagnostics);
            if (value) {
                fact.values[*index] = std::move(*value);
            }
            ok = ok && value.has_value();
        }
        facts.push_back(std::move(fact));
    }
    if (!ok) {
        return std::nullopt;
    }
    for (facts::RecordedFact& fact : facts) {
        fact.freeze();
    }
    return facts;
}

}  // namespace assay::engine
