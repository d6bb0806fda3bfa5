// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "app/exit_code.h"
#include "app/rules_command_request.h"
#include "app/rules_command_text.h"
#include "base/unique_fd.h"
#include "deliver/json_writer.h"
#include "engine/compiled_rule.h"
#include "engine/judge.h"
#include "engine/recorded_facts.h"
#include "engine/rule_overrides.h"

namespace assay::app {
namespace {

/// Subjects whose newest fact is kept for rules that are judged at the close of a window.
constexpr std::size_t kMostSubjects = 65'536;
constexpr std::size_t kMostToldLines = 20;
/// Longer values of a subject are cut in the table; JSON has them whole.
constexpr std::size_t kLongestValue = 200;

int test_inside(const engine::RuleSet& rules, bool as_json, std::FILE* out) {
    const std::vector<engine::TestResult> results = engine::run_tests(rules);
    std::map<const engine::RuleInfo*, std::pair<std::size_t, std::size_t>> tally;
    std::size_t failed = 0;
    std::string text;
    deliver::JsonWriter json(text);
    json.open('{').key("failures").open('[');
    for (const engine::TestResult& result : results) {
        auto& [passed, all] = tally[result.rule];
        ++all;
        if (result.passed) {
            ++passed;
            continue;
        }
        ++failed;
        if (as_json) {
            json.open('{').field("rule", result.rule->slug).field("file", result.rule->file);
            json.field("line", result.line).field("test", result.test_index + 1);
            json.field("message", result.message).close('}');
        } else {
            print(out, for_terminal(result.rule->file) + ':' + std::to_string(result.line) +
                           ": test " + std::to_string(result.test_index + 1) +
                           " failed: " + for_terminal(result.message) + '\n');
        }
    }
    json.close(']').key("rules").open('[');
    std::size_t without_tests = 0;
    TextTable table({"RULE", "TESTS"});
    for (const engine::RuleInfo* rule : rules.rules()) {
        const auto [passed, all] = tally[rule];
        without_tests += all == 0 ? 1 : 0;
        json.open('{').field("rule", rule->slug);
        json.field("tests", all).field("passed", passed).close('}');
        if (all > 0) {
            table.add(
                {rule->slug, std::to_string(passed) + " of " + std::to_string(all) + " passed"});
        }
    }
    json.close(']');
    json.field("tests", results.size()).field("failed", failed).close('}');
    if (as_json) {
        print(out, text + '\n');
    } else {
        print(out, table.text() + counted(rules.rules().size(), "rule") + ", " +
                       counted(results.size(), "test") + ", " + std::to_string(failed) + " failed");
        print(out, without_tests > 0 ? "; " + counted(without_tests, "rule") + " without tests\n"
                                     : std::string("\n"));
    }
    return failed == 0 ? kExitDone : kExitFindings;
}

/// Where a fact was read.
struct Place {
    std::string_view file;
    std::uint64_t line = 0;
};

bool is_judged_at_close(const engine::LoadedRule& rule) {
    return std::ranges::any_of(rule.compiled, &engine::CompiledDocument::at_window_close);
}

/// The rules that are judged at the close of the window, or the others.
engine::RuleSet part_of(const engine::RuleSet& rules, bool at_close) {
    engine::RuleOverrides overrides;
    for (const engine::LoadedRule* rule : rules.loaded()) {
        if (is_judged_at_close(*rule) != at_close) {
            overrides.disabled.push_back({.name = rule->info.slug, .mark = {}});
        }
    }
    std::vector<engine::Problem> none;
    return rules.with(overrides, none);
}

/// Rules over recorded facts. Lines do not say what was told at the close of the window, so rules
/// that are judged there look at the newest fact of each subject, and of kinds that tell no state
/// at every fact.
class FactRun {
public:
    FactRun(const RulesRequest& request, const engine::RuleSet& rules, RulesStreams streams)
        : request_(request),
          streams_(streams),
          rules_(rules),
          in_window_rules_(part_of(rules, false)),
          at_close_rules_(part_of(rules, true)),
          in_window_(in_window_rules_, {.include_loopback = true}, tell_),
          at_close_(at_close_rules_, {.include_loopback = true}, tell_) {}
    FactRun(const FactRun&) = delete;
    FactRun& operator=(const FactRun&) = delete;

    /// False when nothing could be read from the file.
    bool read(const std::string& file);
    void finish();

private:
    void on_fact(Place place, engine::ParsedFact parsed);
    void on_bad_line(Place place, const std::string& problem);
    void on_match(const engine::Match& match);
    void judge_at_close(facts::RecordedFact fact);
    void keep_newest(const facts::RecordedFact& fact);
    void tell_ignored(const engine::ParsedFact& parsed, Place place);
    void print_summary(const std::vector<engine::RuleOutcome>& outcomes);

    const engine::Judge::OnMatch tell_ = [this](const engine::Match& match) { on_match(match); };
    const RulesRequest& request_;
    RulesStreams streams_;
    const engine::RuleSet& rules_;
    engine::RuleSet in_window_rules_;
    engine::RuleSet at_close_rules_;
    engine::Judge in_window_;
    engine::Judge at_close_;
    std::vector<std::string> files_;
    std::map<const engine::RuleInfo*, facts::ProcessKey> last_match_;
    std::map<std::pair<facts::Kind, std::string>, facts::RecordedFact> newest_;
    std::uint64_t subjects_left_out_ = 0;
    std::set<std::pair<facts::Kind, std::string>> told_names_;
    engine::FactLines count_;
    std::uint64_t matches_ = 0;
    std::map<const engine::RuleInfo*, std::uint64_t> matches_of_;
    bool is_first_match_ = true;
};

std::string to_text(Place place) {
    return for_terminal(place.file) + ':' + std::to_string(place.line);
}

bool FactRun::read(const std::string& file) {
    const std::string name = files_.emplace_back(file == "-" ? "stdin" : file);
    int fd = STDIN_FILENO;
    std::optional<UniqueFd> opened;
    if (file != "-") {
        fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            complain(streams_.err, "assay rules", errno_error("cannot read " + file, errno).message,
                     kExitUsage);
            return false;
        }
        opened.emplace(fd);
    }
    const auto lines = engine::read_facts(
        fd, request_.kind,
        [&](std::uint64_t line, engine::ParsedFact fact) {
            on_fact({name, line}, std::move(fact));
        },
        [&](std::uint64_t line, const std::string& problem) {
            on_bad_line({name, line}, problem);
        });
    if (!lines) {
        complain(streams_.err, "assay rules", name + ": " + lines.error().message, kExitUsage);
        return false;
    }
    count_.facts += lines->facts;
    if (lines->facts == 0) {
        complain(streams_.err, "assay rules", name + ": no facts in it", kExitUsage);
    }
    return lines->facts > 0;
}

void FactRun::on_bad_line(Place place, const std::string& problem) {
    if (++count_.bad <= kMostToldLines) {
        print(streams_.err, to_text(place) + ": no fact: " + for_terminal(problem) + '\n');
    } else if (count_.bad == kMostToldLines + 1) {
        print(streams_.err, "more lines are no facts: they are only counted\n");
    }
}

/// Fields that these facts do not have: once for each name, since every line says the same.
void FactRun::tell_ignored(const engine::ParsedFact& parsed, Place place) {
    for (const std::string& name : parsed.ignored) {
        if (told_names_.size() >= kMostToldLines ||
            !told_names_.emplace(parsed.fact.kind, name).second) {
            continue;
        }
        print(streams_.err, to_text(place) + ": " + no_such_field(parsed.fact.kind, name) + '\n');
    }
}

void FactRun::on_fact(Place place, engine::ParsedFact parsed) {
    tell_ignored(parsed, place);
    // The judge may tell a match later, with a copy of its fact. Recorded facts know no process, so
    // there is room to say where they stood.
    parsed.fact.header.process = {.pid = static_cast<std::uint32_t>(files_.size() - 1),
                                  .start_boot_ns = place.line};
    in_window_.on_fact(facts::FactView(parsed.fact));
    if (at_close_rules_.rules().empty()) {
        return;
    }
    if (facts::info(parsed.fact.kind).tells_state) {
        keep_newest(parsed.fact);
    } else {
        judge_at_close(std::move(parsed.fact));
    }
}

void FactRun::keep_newest(const facts::RecordedFact& fact) {
    const facts::FactView view(fact);
    std::string subject;
    for (const std::string_view field : view.kind_info().subject) {
        facts::append_value_text(subject, view.get(field));
        subject += '\0';
    }
    const auto known = newest_.find({fact.kind, subject});
    if (known != newest_.end()) {
        known->second = fact;
    } else if (newest_.size() < kMostSubjects) {
        newest_.emplace(std::pair(fact.kind, std::move(subject)), fact);
    } else {
        ++subjects_left_out_;
    }
}

void FactRun::judge_at_close(facts::RecordedFact fact) {
    fact.header.at_close = true;
    fact.freeze();
    at_close_.on_fact(facts::FactView(fact));
}

void FactRun::on_match(const engine::Match& match) {
    if (!match.matched) {
        return;
    }
    const facts::ProcessKey stood = match.fact.header().process;
    // Once for each rule and fact, however many documents of the rule match.
    const auto [last, is_first] = last_match_.try_emplace(match.rule, stood);
    if (!is_first && std::exchange(last->second, stood) == stood) {
        return;
    }
    const Place place{files_[stood.pid], stood.start_boot_ns};
    ++matches_;
    ++matches_of_[match.rule];
    std::string text;
    if (request_.json) {
        deliver::JsonWriter json(text);
        json.open('{').field("file", place.file).field("line", place.line);
        json.field("rule", match.rule->slug).field("level", name(match.level));
        json.field("kind", match.fact.kind_info().name).key("subject").open('{');
        for (const auto& [field, value] : match.subject) {
            json.field(field, std::string_view(value));
        }
        json.close('}').close('}');
        print(streams_.out, (is_first_match_ ? "\n" : ",\n") + text);
    } else {
        text = to_text(place) + ": " + for_terminal(match.rule->slug) + " (" +
               std::string(name(match.level)) + ")";
        for (const auto& [field, value] : match.subject) {
            const std::string shown = for_terminal(value.substr(0, kLongestValue));
            text += value.empty() ? ""
                                  : " " + std::string(field) + "=" + shown +
                                        (value.size() > kLongestValue ? "…" : "");
        }
        print(streams_.out, text + '\n');
    }
    is_first_match_ = false;
}

void FactRun::finish() {
    for (auto& [subject, fact] : newest_) {
        judge_at_close(std::move(fact));
    }
    if (subjects_left_out_ > 0) {
        print(streams_.err, counted(subjects_left_out_, "fact") +
                                " of further subjects left out of rules judged at the close\n");
    }
    std::vector<engine::RuleOutcome> outcomes = in_window_.outcomes();
    std::ranges::move(at_close_.outcomes(), std::back_inserter(outcomes));
    print_summary(outcomes);
}

void FactRun::print_summary(const std::vector<engine::RuleOutcome>& outcomes) {
    if (request_.json) {
        std::string text;
        deliver::JsonWriter json(text);
        json.open('[');
        for (const engine::RuleOutcome& outcome : outcomes) {
            json.open('{').field("rule", outcome.rule->slug);
            json.field("facts", outcome.facts_judged).field("matches", matches_of_[outcome.rule]);
            json.field("excepted", outcome.excepted);
            json.field("verdict", name(outcome.status)).field("reason", outcome.reason).close('}');
        }
        json.close(']');
        print(streams_.out, "\n],\"rules\":" + text + ",\"facts\":" + std::to_string(count_.facts) +
                                ",\"bad_lines\":" + std::to_string(count_.bad) +
                                ",\"matches_in_all\":" + std::to_string(matches_) + "}\n");
        return;
    }
    TextTable table({"RULE", "FACTS", "MATCHES", "EXCEPTED", "VERDICT"});
    std::uint64_t without_facts = 0;
    std::uint64_t matching = 0;
    for (const engine::RuleOutcome& outcome : outcomes) {
        const std::uint64_t matches = matches_of_[outcome.rule];
        without_facts += outcome.facts_judged == 0 ? 1 : 0;
        matching += matches > 0 ? 1 : 0;
        if (outcome.facts_judged > 0) {
            table.add({outcome.rule->slug, std::to_string(outcome.facts_judged),
                       std::to_string(matches), std::to_string(outcome.excepted),
                       std::string(name(outcome.status))});
        }
    }
    print(streams_.out,
          (matches_ > 0 ? "\n" : "") + table.text() + "\n" + counted(count_.facts, "fact") + ", " +
              counted(count_.bad, "bad line") + ", " + std::to_string(matching) + " of " +
              counted(rules_.rules().size(), "rule") + " matched" +
              (without_facts > 0 ? "; no facts for " + std::to_string(without_facts) : "") + '\n');
}

}  // namespace

int rules_test(const RulesRequest& request, RulesStreams streams) {
    if (request.kind && request.fact_files.empty()) {
        return rules_usage_error(streams.err, "--kind goes with --facts");
    }
    std::vector<engine::RuleSource> sources = own_sources(request.operands);
    if (request.operands.empty()) {
        sources = sources_of(request);
    } else {
        std::ranges::move(own_sources(request.directories), std::back_inserter(sources));
    }
    const LoadedSources loaded = load_and_tell(request, sources, streams.err);
    if (request.fact_files.empty()) {
        const int code = test_inside(loaded.rules, request.json, streams.out);
        return loaded.is_sound ? code : kExitUsage;
    }
    if (request.json) {
        print(streams.out, "{\"matches\":[");
    }
    FactRun run(request, loaded.rules, streams);
    bool all_read = true;
    for (const std::string& file : request.fact_files) {
        all_read = run.read(file) && all_read;
    }
    run.finish();
    return loaded.is_sound && all_read ? kExitDone : kExitUsage;
}

}  // namespace assay::app
