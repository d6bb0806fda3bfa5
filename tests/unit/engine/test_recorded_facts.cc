// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <thread>

#include "base/unique_fd.h"
#include "engine/recorded_facts.h"
#include "rule_fixture.h"

namespace assay::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string problem_of(std::string_view json) {
    const auto fact = parse_fact(json, std::nullopt);
    return fact ? "" : fact.error().message;
}

TEST(RecordedFacts, ReadWhatFactsPrints) {
    auto fact = listener({{"LocalPort", std::uint64_t{8080}},
                          {"Open", true},
                          {"Owners", std::vector<std::string>{"/a[1]", "/b \"x\"\n[2]"}},
                          {"Image", std::string("/usr/bin/\xffx")}});
    fact.header.time = Timestamp{1'700'000'000'123'456'789};
    fact.header.origin = facts::Origin::snapshot;
    std::string json;
    facts::append_json(json, facts::FactView(fact));
    const auto read = parse_fact(json, std::nullopt);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_THAT(read->ignored, IsEmpty());
    std::string again;
    facts::append_json(again, facts::FactView(read->fact));
    EXPECT_EQ(again, json);
    EXPECT_EQ(read->fact.header.time.ns, fact.header.time.ns);
}

TEST(RecordedFacts, MayHaveNoKindWhenOneIsNamed) {
    const auto fact = parse_fact(R"({"Image": "/bin/sh"})", facts::Kind::process_creation);
    ASSERT_TRUE(fact);
    EXPECT_EQ(fact->fact.kind, facts::Kind::process_creation);
    EXPECT_THAT(problem_of(R"({"Image": "/bin/sh"})"), HasSubstr("has no `kind`"));
}

TEST(RecordedFacts, MayStandUnderEventAsSigmaToolsWriteThem) {
    const auto fact = parse_fact(R"({"event": {"Image": "/bin/sh"}, "match": ["x"]})",
                                 facts::Kind::process_creation);
    ASSERT_TRUE(fact);
    EXPECT_THAT(fact->ignored, IsEmpty());
    EXPECT_EQ(std::get<std::string>(fact->fact.values[0]), "/bin/sh");
}

TEST(RecordedFacts, NumbersAndBooleansMayBeQuoted) {
    const auto fact = parse_fact(
        R"({"kind":"listener","LocalPort":"80","Open":"false","Owners":"one","LocalIp":null})",
        std::nullopt);
    ASSERT_TRUE(fact) << fact.error().message;
    const facts::FactView view(fact->fact);
    EXPECT_EQ(std::get<std::uint64_t>(view.get("LocalPort")), 80U);
    EXPECT_FALSE(std::get<bool>(view.get("Open")));
    EXPECT_EQ(std::get<facts::TextList>(view.get("Owners")).size(), 1U);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(view.get("LocalIp")));
}

TEST(RecordedFacts, SayWhatIsWrongInASentence) {
    EXPECT_THAT(problem_of("{"), HasSubstr("not valid JSON"));
    EXPECT_THAT(problem_of("[]"), HasSubstr("expected a JSON object"));
    EXPECT_THAT(problem_of("{} {}"), HasSubstr("not valid JSON"));
    EXPECT_THAT(problem_of("{\"kind\":\"\xff\"}"), HasSubstr("not valid JSON"));
    EXPECT_THAT(problem_of(R"({"kind":"listner"})"), HasSubstr("did you mean `listener`?"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","LocalPort":"http"})"),
                HasSubstr("expected a whole number for `LocalPort`"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","LocalPort":1.5})"),
                HasSubstr("expected a whole number"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","Open":1})"), HasSubstr("true or false"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","Image":{}})"), HasSubstr("expected a text"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","Open":true,"Open":true})"),
                HasSubstr("given twice"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","time":"yesterday"})"), HasSubstr("time"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","time":"2026-02-30T00:00:00Z"})"),
                HasSubstr("time"));
    EXPECT_THAT(problem_of(R"({"kind":"listener","LocalPort":99999999999999999999999})"),
                HasSubstr("not valid JSON"));
    EXPECT_THAT(problem_of(std::string(100'000, '[')), HasSubstr("not valid JSON"));
    EXPECT_THAT(problem_of(std::string(kLongestFactLine + 1, ' ')), HasSubstr("longer than"));
}

TEST(RecordedFacts, FieldsThatTheKindLacksAreLeftOutAndNamed) {
    const auto fact = parse_fact(R"({"kind":"listener","Imgae":"x","EventID":1})", std::nullopt);
    ASSERT_TRUE(fact);
    EXPECT_THAT(fact->ignored, ElementsAre("Imgae", "EventID"));
}

TEST(RecordedFacts, OfALongStreamGoOnPastLinesThatAreNone) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd reader(ends[0]);
    std::thread writer([fd = ends[1]] {
        const UniqueFd end(fd);
        const auto write_all = [&](const std::string& text) {
            for (std::size_t at = 0; at < text.size();) {
                const ssize_t wrote = ::write(end.get(), text.data() + at, text.size() - at);
                if (wrote <= 0) {
                    return;
                }
                at += static_cast<std::size_t>(wrote);
            }
        };
        write_all("{\"kind\":\"listener\"}\n\n  \r\nnonsense\n");
        write_all("{\"kind\":\"listener\",\"Image\":\"" + std::string(kLongestFactLine, 'x') +
                  "\"}\n");
        write_all("{\"kind\":\"listener\"}");
    });
    std::vector<std::uint64_t> lines;
    std::vector<std::string> problems;
    const auto count = read_facts(
        reader.get(), std::nullopt,
        [&](std::uint64_t line, const ParsedFact&) { lines.push_back(line); },
        [&](std::uint64_t line, const std::string& problem) {
            problems.push_back(std::to_string(line) + ": " + problem);
        });
    writer.join();
    ASSERT_TRUE(count);
    EXPECT_EQ(count->facts, 2U);
    EXPECT_EQ(count->bad, 2U);
    EXPECT_THAT(lines, ElementsAre(1, 6));
    EXPECT_THAT(problems, ElementsAre(HasSubstr("4: not valid JSON"), HasSubstr("5: longer than")));
}

}  // namespace
}  // namespace assay::engine
