// SPDX-License-Identifier: Apache-2.0
#include "deliver/human.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/json_text.h"

namespace assay::deliver {
namespace {

using engine::Level;
using engine::RuleStatus;

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr double kShortWindow = 180;
constexpr std::size_t kIndent = 15;

std::string_view colour_of(Level level) {
    switch (level) {
        case Level::critical:
        case Level::high:
            return "\x1b[1;31m";
        case Level::medium:
            return "\x1b[1;33m";
        case Level::low:
            return "\x1b[36m";
        case Level::informational:
            return "\x1b[34m";
    }
    return {};
}

/// Builds text in which only our own escapes are escapes.
class Lines {
public:
    explicit Lines(bool colour) : colour_(colour) {}

    Lines& plain(std::string_view text) {
        append_terminal_text(out_, text);
        return *this;
    }
    Lines& in(std::string_view colour, std::string_view text) {
        if (!colour_) {
            return plain(text);
        }
        out_ += colour;
        append_terminal_text(out_, text);
        out_ += kReset;
        return *this;
    }
    /// Padded to `width` columns, which counts bytes: made for our own words.
    Lines& word(std::string_view colour, std::string_view text, std::size_t width) {
        in(colour, text);
        out_.append(text.size() < width ? width - text.size() : 1, ' ');
        return *this;
    }
    Lines& indent() {
        out_.append(kIndent, ' ');
        return *this;
    }
    Lines& end() {
        out_ += '\n';
        return *this;
    }
    std::string take() { return std::move(out_); }

private:
    bool colour_;
    std::string out_;
};

std::string upper(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

std::string grouped(std::uint64_t number) {
    std::string out = std::to_string(number);
    for (std::size_t at = out.size(); at > 3;) {
        at -= 3;
        out.insert(at, ",");
    }
    return out;
}

/// 42 s, 5 min, 1 h 30 min: what the window's length is for people.
std::string length_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0)));
    if (whole < 120) {
        return std::to_string(whole) + " s";
    }
    std::string out;
    if (whole >= 3600) {
        out = std::to_string(whole / 3600) + " h";
    }
    if (whole % 3600 >= 60) {
        out += (out.empty() ? "" : " ") + std::to_string(whole % 3600 / 60) + " min";
    }
    if (whole % 60 > 0) {
        out += " " + std::to_string(whole % 60) + " s";
    }
    return out;
}

/// The first sentence or line of a remediation.
std::string_view short_advice(std::string_view text) {
    const auto line = text.substr(0, text.find('\n'));
    const auto stop = line.find(". ");
    return stop == std::string_view::npos ? line : line.substr(0, stop + 1);
}

std::string ancestry_text(const findings::Finding& finding) {
    std::string out;
    if (finding.evidence.empty() || finding.is_summary) {
        return out;
    }
    const auto& processes = finding.evidence.back()->processes;
    for (std::size_t i = 1; i < processes.size() && i <= 4; ++i) {
        const auto& parent = processes[i];
        out += (out.empty() ? "" : " < ") +
               (parent.image.empty() ? std::string("?") : parent.image) + "[" +
               std::to_string(parent.pid) + "]";
    }
    return out;
}

struct StatusWord {
    std::string_view word;
    std::string_view colour;
    int order;
};
StatusWord status_word(RuleStatus status) {
    switch (status) {
        case RuleStatus::finding:
            return {"FINDING", "\x1b[1;31m", 0};
        case RuleStatus::unknown:
            return {"UNKNOWN", kYellow, 1};
        case RuleStatus::pass:
            return {"PASS", kGreen, 2};
        case RuleStatus::not_applicable:
            return {"NOT APPLICABLE", kDim, 3};
    }
    return {"UNKNOWN", kYellow, 1};
}

void add_coverage(Lines& lines, const findings::Verdicts& verdicts,
                  const findings::Totals& totals) {
    bool any = false;
    for (const auto& entry : verdicts.coverage) {
        const bool missing = entry.state != "attached" && entry.state != "not-needed";
        if (!missing && entry.lost == 0) {
            continue;
        }
        any = true;
        lines.word(kYellow, missing ? "MISSING" : "LOST", kIndent).plain("hook " + entry.hook);
        if (entry.lost > 0) {
            lines.plain(": " + grouped(entry.lost) + " events lost");
        }
        if (!entry.reason.empty()) {
            lines.plain(": " + entry.reason);
        }
        lines.end();
    }
    if (any) {
        lines.indent().plain(grouped(totals.lost) + " events lost in all").end();
    } else if (!verdicts.coverage.empty()) {
        lines.plain("Every hook that the rules need was attached, and no event was lost.").end();
    }
}

void add_left_out(Lines& lines, const findings::Verdicts& verdicts,
                  const findings::Totals& totals) {
    if (totals.loopback_left_out > 0) {
        lines
            .plain(grouped(totals.loopback_left_out) +
                   " judgements of loopback traffic and loopback listeners were left out; "
                   "--include-loopback judges them too.")
            .end();
    }
    if (totals.excepted > 0) {
        lines.plain(grouped(totals.excepted) + " facts were left out by exceptions of rules.")
            .end();
    }
    if (verdicts.planned_seconds > 0 && verdicts.seconds < kShortWindow) {
        lines.in(kYellow, "Warning:")
            .plain(" a window of " + length_text(verdicts.seconds) +
                   " shows little of what a host does; 3 minutes are the least, an hour is "
                   "better.")
            .end();
    }
}

}  // namespace

std::string human_text(const findings::Change& change, bool colour) {
    const auto& finding = *change.finding;
    Lines lines(colour);
    const std::string time = rfc3339(finding.changed);
    lines.in(kDim, time.substr(std::min<std::size_t>(11, time.size()), 8)).plain(" ");
    lines.word(colour_of(finding.level), upper(findings::severity_word(finding.level)), 14);
    lines.in(kBold, findings::title(finding)).in(kDim, "  " + finding.rule->slug);
    if (change.activity == findings::Activity::close) {
        lines.in(kGreen, "  closed: no longer the case");
    } else if (change.activity == findings::Activity::update) {
        lines.in(kDim, "  update: " + std::string(findings::name(finding.cause)));
    }
    lines.end().indent().plain(findings::shortened(findings::sentence(finding), 512));
    if (finding.count > 1 && !finding.is_summary) {
        lines.plain(", seen " + std::string(finding.count_is_minimum ? "at least " : "") +
                    grouped(finding.count) + " times");
    }
    if (finding.confidence == findings::Confidence::low) {
        lines.in(kDim, " (low confidence)");
    }
    lines.end();
    if (change.activity != findings::Activity::create) {
        return lines.take();
    }
    if (const std::string parents = ancestry_text(finding); !parents.empty()) {
        lines.indent().in(kDim, "started by " + findings::shortened(parents, 400)).end();
    }
    if (const auto advice = short_advice(finding.rule->remediation); !advice.empty()) {
        lines.indent().in(kGreen, "fix: ").plain(findings::shortened(advice, 300)).end();
    }
    return lines.take();
}

std::string human_text(const findings::Verdicts& verdicts, bool colour) {
    auto rules = findings::rule_verdicts(verdicts);
    const auto totals = findings::totals(verdicts, rules);
    std::ranges::stable_sort(rules, {}, [](const findings::RuleVerdict& rule) {
        return status_word(rule.status).order;
    });
    std::size_t widest = 0;
    for (const auto& rule : rules) {
        widest = std::max(widest, std::min<std::size_t>(rule.rule->slug.size(), 40));
    }
    Lines lines(colour);
    lines.end()
        .in(kBold, "Assessment of " + verdicts.host.hostname)
        .plain(": " + length_text(verdicts.seconds));
    if (verdicts.ended_early && verdicts.planned_seconds > 0) {
        lines.plain(" (ended early, planned " + length_text(verdicts.planned_seconds) + ")");
    }
    lines
        .plain(", " + grouped(verdicts.facts) + " facts, " + grouped(totals.findings) +
               (totals.findings == 1 ? " finding" : " findings"))
        .end();
    for (const auto& rule : rules) {
        const auto status = status_word(rule.status);
        lines.word(status.colour, status.word, kIndent);
        lines.word({}, rule.rule->slug, widest + 2);
        lines.plain(findings::shortened(rule.reason, 300)).end();
    }
    lines.plain(findings::totals_text(totals) + ".").end();
    add_coverage(lines, verdicts, totals);
    add_left_out(lines, verdicts, totals);
    return lines.take();
}

std::string human_text(const Status& status) {
    std::string out;
    if (status.seconds_left) {
        // A second that has begun is still left: the countdown ends at 00:00, not before.
        const auto left =
            static_cast<std::uint64_t>(std::ceil(std::max(*status.seconds_left, 0.0)));
        const auto two = [](std::uint64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
        out = "[";
        if (left >= 3600) {
            out += std::to_string(left / 3600) + ":";
        }
        out += two(left % 3600 / 60) + ":" + two(left % 60) + " left] ";
    } else {
        out = "[watching] ";
    }
    return out + "facts " + grouped(status.facts) + "  findings " + grouped(status.findings) +
           "  lost " + grouped(status.lost);
}

void TerminalView::write(const std::string& text) {
    std::string out;
    if (live_ && !status_line_.empty()) {
        out += kClearLine;
    }
    out += text;
    out += status_line_;
    // A terminal that is gone is nobody's loss: the sinks carry the record.
    (void)std::fwrite(out.data(), 1, out.size(), out_);
    (void)std::fflush(out_);
}

void TerminalView::show(const findings::Change& change) {
    const std::string text = human_text(change, colour_);
    const std::lock_guard lock(mutex_);
    write(text);
}

void TerminalView::status(const Status& status) {
    if (!live_) {
        return;
    }
    const std::lock_guard lock(mutex_);
    const bool shown = !status_line_.empty();
    status_line_ = human_text(status);
    const std::string out = (shown ? std::string(kClearLine) : std::string()) + status_line_;
    (void)std::fwrite(out.data(), 1, out.size(), out_);
    (void)std::fflush(out_);
}

void TerminalView::clear_status() {
    const std::lock_guard lock(mutex_);
    if (!status_line_.empty()) {
        status_line_.clear();
        (void)std::fwrite(kClearLine.data(), 1, kClearLine.size(), out_);
        (void)std::fflush(out_);
    }
}

void TerminalView::summary(const findings::Verdicts& verdicts) {
    clear_status();
    const std::string text = human_text(verdicts, colour_);
    const std::lock_guard lock(mutex_);
    write(text);
}

}  // namespace assay::deliver
