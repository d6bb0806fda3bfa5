// SPDX-License-Identifier: Apache-2.0
#include "facts/kinds.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

#include "facts/hooks.h"

namespace assay::facts {
namespace {

std::string json(const FactView& fact) {
    std::string out;
    append_json(out, fact);
    return out;
}

TEST(Kinds, AreListedInTheOrderOfTheirEnumeration) {
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(kKinds[i].kind), i);
        EXPECT_EQ(find_kind(kKinds[i].name), &kKinds[i]);
    }
    EXPECT_EQ(find_kind("no_such_kind"), nullptr);
}

TEST(Kinds, NameEachFieldOnceAndSayWhatItMeans) {
    for (const KindInfo& kind : kKinds) {
        std::set<std::string_view> names;
        for (const FieldInfo& field : kind.fields) {
            EXPECT_TRUE(names.insert(field.name).second) << field.name << " twice in " << kind.name;
            EXPECT_TRUE(std::isupper(static_cast<unsigned char>(field.name.front()))) << field.name;
            EXPECT_FALSE(field.meaning.empty()) << field.name;
        }
    }
}

TEST(Hooks, AreListedInTheOrderOfTheirEnumeration) {
    for (std::size_t i = 0; i < kHooks.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(kHooks[i].hook), i);
        EXPECT_EQ(find_hook(kHooks[i].name), &kHooks[i]);
    }
}

TEST(FactJson, LeavesAbsentFieldsOutAndKeepsFalseAndZero) {
    NetworkConnection fact;
    fact.header.time = Timestamp{1};
    fact.header.origin = Origin::snapshot;
    fact.image = "/usr/bin/curl";
    fact.uid = 0U;
    fact.initiated = true;
    fact.encrypted = false;
    fact.destination_port = std::uint16_t{80};
    EXPECT_EQ(
        json(FactView(fact)),
        R"({"kind":"network_connection","time":"1970-01-01T00:00:00.000000001Z","origin":"snapshot",)"
        R"("Image":"/usr/bin/curl","Uid":0,"Initiated":true,"DestinationPort":80,"Encrypted":false})");
}

TEST(FactJson, WritesListsAndEscapesHostileText) {
    const std::string_view owners[] = {"/bin/a\n[1]", "/bin/b[2]"};
    Listener fact;
    fact.owners = owners;
    EXPECT_EQ(json(FactView(fact)),
              R"({"kind":"listener","time":"1970-01-01T00:00:00.000000000Z","origin":"runtime",)"
              R"("Owners":["/bin/a\n[1]","/bin/b[2]"]})");
}

TEST(RecordedFact, ReadsLikeAnObservedOne) {
    RecordedFact recorded(Kind::listener);
    recorded.values[find_field(info(Kind::listener), "LocalPort").value()] = std::uint64_t{23};
    recorded.values[find_field(info(Kind::listener), "Image").value()] =
        std::string("/usr/sbin/telnetd");
    recorded.values[find_field(info(Kind::listener), "Owners").value()] =
        std::vector<std::string>{"/usr/sbin/telnetd[7]"};
    recorded.freeze();
    const FactView view(recorded);
    EXPECT_EQ(std::get<std::uint64_t>(view.get("LocalPort")), 23U);
    EXPECT_EQ(std::get<std::string_view>(view.get("Image")), "/usr/sbin/telnetd");
    EXPECT_EQ(std::get<TextList>(view.get("Owners")).front(), "/usr/sbin/telnetd[7]");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(view.get("User")));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(view.get("NoSuchField")));
}

TEST(FieldValue, IsEmptyForAnEmptyText) {
    ProcessCreation fact;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(FactView(fact).get("Image")));
    fact.image = "/bin/sh";
    EXPECT_EQ(std::get<std::string_view>(FactView(fact).get("Image")), "/bin/sh");
}

}  // namespace
}  // namespace assay::facts
