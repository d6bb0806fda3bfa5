// SPDX-License-Identifier: Apache-2.0
#include "engine/auditd_view.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/condition.h"
#include "engine/derived_field.h"
#include "engine/text_pattern.h"

namespace assay::engine {
namespace {

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

/// A field of a record, and what stands for it.
struct RecordField {
    std::string_view name;
    std::string_view field;     ///< of our fact
    std::string_view constant;  ///< or what it always is
};

/// A kind of record, and the facts that stand for it.
struct Record {
    std::string_view type;
    std::string_view kind;
    std::string_view keywords;  ///< the field that keywords are looked for in, if one will do
    bool has_arguments;         ///< comm, argc, a0, a1, …
    bool has_more;              ///< auditd writes fields into it that facts do not tell
    std::span<const RecordField> fields;
};

#define ASSAY_TEXT_OF(number) #number
#define ASSAY_NUMBER_TEXT(number) ASSAY_TEXT_OF(number)

constexpr std::array kSyscallFields{
    RecordField{"SYSCALL", "", "execve"},
    RecordField{"syscall", "", ASSAY_NUMBER_TEXT(__NR_execve)},
    RecordField{"success", "", "yes"},
    RecordField{"exit", "", "0"},
    RecordField{"exe", "Image", ""},
    RecordField{"comm", "comm", ""},
    RecordField{"uid", "Uid", ""},
    RecordField{"UID", "User", ""},
    RecordField{"euid", "EffectiveUid", ""},
    RecordField{"gid", "Gid", ""},
    RecordField{"auid", "AuditUid", ""},
    RecordField{"ses", "LogonId", ""},
    RecordField{"pid", "ProcessId", ""},
    RecordField{"ppid", "ParentProcessId", ""},
};
#undef ASSAY_NUMBER_TEXT
#undef ASSAY_TEXT_OF

constexpr std::array kCwdFields{RecordField{"cwd", "CurrentDirectory", ""}};
constexpr std::array kProctitleFields{RecordField{"proctitle", "CommandLine", ""}};
constexpr std::array kPathFields{RecordField{"name", "TargetFilename", ""},
                                 RecordField{"nametype", "", "CREATE"},
                                 RecordField{"objtype", "", "CREATE"}};

/// One exec is a record of each of the first four; a file that is made or renamed, one of the last.
constexpr std::array kRecords{
    Record{"EXECVE", "process_creation", "CommandLine", true, false, {}},
    Record{"SYSCALL", "process_creation", "", false, true, kSyscallFields},
    Record{"CWD", "process_creation", "CurrentDirectory", false, false, kCwdFields},
    Record{"PROCTITLE", "process_creation", "CommandLine", false, false, kProctitleFields},
    Record{"PATH", "file_event", "TargetFilename", false, true, kPathFields},
};

bool has(const FieldItem& item, Modifier modifier) {
    return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
}

/// What is known of a part of a rule before any fact is seen. `unprovided`: facts do not tell what
/// it asks. `poisoned`: the same under a `not`, where leaving it out would make matches.
enum class Known : std::uint8_t { is_true, is_false, open, unprovided, poisoned };

std::optional<bool> matches_constant(const FieldItem& item, std::string_view constant) {
    using M = Modifier;
    constexpr std::array kUnderstood{M::contains, M::startswith, M::endswith, M::all,
                                     M::neq,      M::cased,      M::exists};
    if (!std::ranges::all_of(item.modifiers, [&](Modifier modifier) {
            return std::ranges::find(kUnderstood, modifier) != kUnderstood.end();
        })) {
        return std::nullopt;
    }
    if (has(item, M::exists)) {
        return (item.values.front().text == "true") == !constant.empty();
    }
    const auto one = [&](const Scalar& value) {
        if (constant.empty() || value.type == Scalar::Type::null || value.text.empty()) {
            return constant.empty() && value.text.empty();
        }
        PatternTokens tokens = parse_pattern(value.text);
        const PatternToken star{PatternToken::Type::any_many, 0};
        if (has(item, M::contains) || has(item, M::endswith)) {
            tokens.insert(tokens.begin(), star);
        }
        if (has(item, M::contains) || has(item, M::startswith)) {
            tokens.push_back(star);
        }
        std::string scratch;
        bool filled = false;
        return TextPattern(std::move(tokens), has(item, M::cased))
            .matches(Subject(constant, scratch, filled));
    };
    const bool matched = has(item, M::all) ? std::ranges::all_of(item.values, one)
                                           : std::ranges::any_of(item.values, one);
    return matched != has(item, M::neq);
}

/// One kind of record's view of a rule.
class View {
public:
    explicit View(const Record& record) : record_(record) {}

    /// Rewrites the selection for our facts.
    Known fold(Selection& selection);
    Known fold(const ConditionNode& node, std::span<const Known> selections,
               std::span<const bool> has_gaps, bool positive);

    [[nodiscard]] const std::string& reason() const { return reason_; }
    /// A part of the rule was left out that may be left out.
    [[nodiscard]] bool is_partial() const { return partial_; }
    [[nodiscard]] bool names_created_files() const { return names_created_files_; }
    /// Of the selection that was folded last: some of its groups are unprovided.
    [[nodiscard]] bool has_gap() const { return has_gap_; }

private:
    Known fold(FieldItem& item);
    Known unprovided(const FieldItem& item, std::string_view why) {
        if (reason_.empty()) {
            reason_ = "auditd's " + std::string(record_.type) + " records: " + quoted(item.field) +
                      std::string(why);
        }
        return Known::unprovided;
    }

    const Record& record_;
    std::string reason_;
    bool partial_ = false;
    bool names_created_files_ = false;
    bool has_gap_ = false;
};

Known View::fold(FieldItem& item) {
    const auto constant = [&](std::string_view value) {
        const auto matched = matches_constant(item, value);
        return !matched   ? unprovided(item, " can only be compared with texts")
               : *matched ? Known::is_true
                          : Known::is_false;
    };
    if (item.field.empty()) {
        if (record_.keywords.empty()) {
            return unprovided(item, "keywords need the whole record");
        }
        item.field = record_.keywords;
        constexpr std::array kPlaces{Modifier::contains, Modifier::startswith, Modifier::endswith,
                                     Modifier::re};
        if (std::ranges::none_of(kPlaces, [&](Modifier m) { return has(item, m); })) {
            item.modifiers.insert(item.modifiers.begin(), Modifier::contains);
        }
        return Known::open;
    }
    if (item.field == "type") {
        return constant(record_.type);
    }
    const auto known = std::ranges::find(record_.fields, item.field, &RecordField::name);
    if (known != record_.fields.end()) {
        if (!known->constant.empty()) {
            names_created_files_ = names_created_files_ || item.field == "nametype";
            return constant(known->constant);
        }
        item.field = known->field;
        return Known::open;
    }
    if (record_.has_arguments) {
        if (const auto derived = find_auditd_derived(item.field);
            derived && *derived != static_cast<std::size_t>(Derived::comm)) {
            return Known::open;
        }
    }
    // What no record of this kind has is absent; what it has and we do not is not for us to say.
    return record_.has_more ? unprovided(item, " is not known") : constant("");
}

Known View::fold(Selection& selection) {
    has_gap_ = false;
    bool always = false;
    std::vector<FieldGroup> open;
    for (FieldGroup& group : selection.groups) {
        FieldGroup rest;
        bool is_false = false;
        bool is_unprovided = false;
        for (FieldItem& item : group) {
            const Known known = fold(item);
            is_false = is_false || known == Known::is_false;
            is_unprovided = is_unprovided || known == Known::unprovided;
            if (known == Known::open) {
                rest.push_back(std::move(item));
            }
        }
        if (is_false) {
            continue;
        }
        if (is_unprovided) {
            has_gap_ = true;
        } else if (rest.empty()) {
            always = true;
        } else {
            open.push_back(std::move(rest));
        }
    }
    selection.groups = std::move(open);
    if (always) {
        has_gap_ = false;
        selection.constant = true;
        return Known::is_true;
    }
    if (!selection.groups.empty()) {
        return Known::open;
    }
    selection.constant = false;
    return std::exchange(has_gap_, false) ? Known::unprovided : Known::is_false;
}

Known View::fold(const ConditionNode& node, std::span<const Known> selections,
                 std::span<const bool> has_gaps, bool positive) {
    using Op = ConditionNode::Op;
    if (node.op == Op::selection) {
        if (selections[node.selection] == Known::open && has_gaps[node.selection]) {
            partial_ = true;
            return positive ? Known::open : Known::poisoned;
        }
        return selections[node.selection];
    }
    if (node.op == Op::negate) {
        const Known inner = fold(node.children.front(), selections, has_gaps, !positive);
        return inner == Known::is_true    ? Known::is_false
               : inner == Known::is_false ? Known::is_true
               : inner == Known::open     ? Known::open
                                          : Known::poisoned;
    }
    std::array<bool, 5> seen{};
    for (const ConditionNode& child : node.children) {
        seen[static_cast<std::size_t>(fold(child, selections, has_gaps, positive))] = true;
    }
    const auto any = [&](Known known) { return seen[static_cast<std::size_t>(known)]; };
    const Known deciding = node.op == Op::all ? Known::is_false : Known::is_true;
    const Known other = node.op == Op::all ? Known::is_true : Known::is_false;
    if (any(deciding)) {
        return deciding;
    }
    if (any(Known::poisoned)) {
        return Known::poisoned;
    }
    if (any(Known::unprovided)) {
        if (node.op == Op::any && any(Known::open)) {
            partial_ = true;
            return positive ? Known::open : Known::poisoned;
        }
        return positive ? Known::unprovided : Known::poisoned;
    }
    return any(Known::open) ? Known::open : other;
}

/// Values of `type` and `SYSCALL` that no record of ours has: why nothing of a rule can be judged.
std::string foreign_records(std::span<const Selection> selections) {
    std::string text;
    const auto add = [&](const std::string& what) {
        if (!text.contains(what)) {
            text += (text.empty() ? "" : ", ") + what;
        }
    };
    for (const Selection& selection : selections) {
        for (const FieldGroup& group : selection.groups) {
            for (const FieldItem& item : group) {
                for (const Scalar& value : item.values) {
                    FieldItem one = item;
                    one.values = {value};
                    if (item.field == "type" && std::ranges::none_of(kRecords, [&](const auto& r) {
                            return matches_constant(one, r.type).value_or(true);
                        })) {
                        add("records of type " + quoted(value.text));
                    }
                    if (item.field == "SYSCALL" &&
                        !matches_constant(one, "execve").value_or(true)) {
                        add("the system call " + quoted(value.text));
                    }
                }
            }
        }
    }
    return text;
}

ConditionNode any_of(const RuleDocument& rule, std::span<const std::string_view> names,
                     bool& is_valid) {
    ConditionNode any;
    any.op = ConditionNode::Op::any;
    for (const YamlNode& text : rule.conditions) {
        auto parsed = parse_condition(text.text, names);
        is_valid = is_valid && parsed.has_value();
        if (parsed) {
            any.children.push_back(std::move(*parsed));
        }
    }
    return any;
}

void fold_clause(Clause& clause, View& view, Diagnostics& diagnostics) {
    if (!clause.condition && (view.fold(clause.when) == Known::unprovided || view.has_gap())) {
        diagnostics.unsupported(clause.when.mark, view.reason());
    }
    for (Selection& selection : clause.selections) {
        if (view.fold(selection) == Known::unprovided || view.has_gap()) {
            diagnostics.unsupported(selection.mark, view.reason());
        }
    }
}

void fold_clauses(RuleDocument& document, View& view, Diagnostics& diagnostics) {
    if (document.applies_when) {
        fold_clause(*document.applies_when, view, diagnostics);
    }
    for (auto* clauses : {&document.level_when, &document.exceptions, &document.unknown_when}) {
        for (Clause& clause : *clauses) {
            fold_clause(clause, view, diagnostics);
        }
    }
}

}  // namespace

bool is_about_auditd(const LogSource& source) {
    return source.service == "auditd" && source.category.empty() &&
           (source.product.empty() || source.product == "linux");
}

std::vector<RuleDocument> views_of_auditd(const RuleDocument& rule, Diagnostics& diagnostics) {
    std::vector<std::string_view> names;
    for (const Selection& selection : rule.selections) {
        names.push_back(selection.name);
    }
    bool is_valid = true;
    const ConditionNode condition = any_of(rule, names, is_valid);
    std::vector<RuleDocument> views;
    std::string reason;
    bool is_partial = false;
    for (const Record& record : kRecords) {
        RuleDocument document = rule;
        document.views_auditd = true;
        document.log_source.category = record.kind;
        document.log_source.service.clear();
        View view(record);
        std::vector<Known> known;
        std::array<bool, 256> gaps{};
        for (std::size_t i = 0; i < document.selections.size() && i < gaps.size(); ++i) {
            known.push_back(view.fold(document.selections[i]));
            gaps[i] = view.has_gap();
        }
        if (!is_valid) {
            // The compiler tells what is wrong with the condition.
            return {std::move(document)};
        }
        const Known whole = view.fold(condition, known, gaps, true);
        if (whole != Known::open && whole != Known::is_true) {
            if (whole != Known::is_false && reason.empty()) {
                reason = view.reason();
            }
            continue;
        }
        is_partial = is_partial || view.is_partial();
        fold_clauses(document, view, diagnostics);
        if (record.kind == "file_event" && !view.names_created_files()) {
            document.left_unjudged =
                "auditd also tells of files that are opened, changed or deleted; seen here are "
                "those that are made or renamed";
        } else if (view.is_partial()) {
            document.left_unjudged = "a part of the rule cannot be judged: " + view.reason();
        }
        if (!views.empty()) {
            document.tests.clear();
        }
        views.push_back(std::move(document));
    }
    std::string foreign = foreign_records(rule.selections);
    if (views.empty()) {
        diagnostics.unsupported(
            rule.log_source.mark,
            !foreign.empty()  ? "logsource service `auditd`: no facts stand for " + foreign
            : !reason.empty() ? reason
                              : "logsource service `auditd`: no facts stand for "
                                "what it asks");
    } else if (!foreign.empty()) {
        views.front().left_unjudged +=
            (views.front().left_unjudged.empty() ? "no facts stand for "
                                                 : "; no facts stand for ") +
            foreign;
    }
    return views;
}

}  // namespace assay::engine
