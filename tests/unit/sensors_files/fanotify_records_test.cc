// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/fanotify_records.h"

#include <sys/fanotify.h>
#include <sys/inotify.h>

#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace assay::sensors {
namespace {

/// Puts records together as the kernel does.
class Bytes {
public:
    template <class T>
    Bytes& add(const T& value) {
        const auto* begin = reinterpret_cast<const char*>(&value);
        bytes_.append(begin, sizeof value);
        return *this;
    }
    Bytes& add(std::string_view text) {
        bytes_ += text;
        return *this;
    }
    [[nodiscard]] std::span<const std::byte> span() const {
        return std::as_bytes(std::span(bytes_));
    }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] const std::string& text() const { return bytes_; }

private:
    std::string bytes_;
};

Bytes info(std::uint8_t type, std::string_view handle, std::string_view name) {
    Bytes body;
    body.add(std::uint64_t{0x1122334455667788});
    body.add(static_cast<std::uint32_t>(handle.size())).add(std::int32_t{1}).add(handle).add(name);
    Bytes made;
    made.add(type).add(std::uint8_t{0}).add(static_cast<std::uint16_t>(body.size() + 4));
    return made.add(std::string_view(body.text()));
}

Bytes record(std::uint64_t mask, std::int32_t pid, std::string_view infos) {
    fanotify_event_metadata fixed{};
    fixed.event_len = static_cast<std::uint32_t>(sizeof fixed + infos.size());
    fixed.vers = FANOTIFY_METADATA_VERSION;
    fixed.metadata_len = sizeof fixed;
    fixed.mask = mask;
    fixed.fd = FAN_NOFD;
    fixed.pid = pid;
    Bytes made;
    return made.add(fixed).add(infos);
}

using namespace std::string_view_literals;

TEST(FanotifyRecord, NamesDirectoryEntryAndObject) {
    const auto bytes = record(FAN_CREATE | FAN_ONDIR, 42,
                              info(FAN_EVENT_INFO_TYPE_DFID_NAME, "DIRHANDL", "new\0\0"sv).text() +
                                  info(FAN_EVENT_INFO_TYPE_FID, "OBJECT", "").text());
    int count = 0;
    EXPECT_TRUE(decode_fanotify(bytes.span(), [&](const FanotifyRecord& told) {
        ++count;
        EXPECT_EQ(told.mask, FAN_CREATE | FAN_ONDIR);
        EXPECT_EQ(told.pid, 42U);
        EXPECT_EQ(told.name, "new");
        EXPECT_EQ(told.directory, make_file_handle(0x1122334455667788, 1, "DIRHANDL"));
        EXPECT_EQ(told.object, make_file_handle(0x1122334455667788, 1, "OBJECT"));
        EXPECT_EQ(filesystem_of(told.object), 0x1122334455667788U);
    }));
    EXPECT_EQ(count, 1);
}

TEST(FanotifyRecord, WithoutInfoIsAnOverflowOrTheLike) {
    EXPECT_TRUE(
        decode_fanotify(record(FAN_Q_OVERFLOW, 0, "").span(), [](const FanotifyRecord& told) {
            EXPECT_EQ(told.mask, FAN_Q_OVERFLOW);
            EXPECT_TRUE(told.directory.empty());
            EXPECT_EQ(filesystem_of(told.directory), 0U);
        }));
}

TEST(FanotifyRecord, InfosOfATypeThatNobodyKnowsArePassedOver) {
    const auto bytes =
        record(FAN_CREATE, -1,
               info(200, "x", "y").text() + info(FAN_EVENT_INFO_TYPE_FID, "OBJECT", "").text());
    EXPECT_TRUE(decode_fanotify(bytes.span(), [](const FanotifyRecord& told) {
        EXPECT_EQ(told.pid, 0U);
        EXPECT_FALSE(told.object.empty());
    }));
}

TEST(FanotifyRecord, NoCutGoesBeyondTheBytes) {
    const auto whole =
        record(FAN_CREATE, 42, info(FAN_EVENT_INFO_TYPE_DFID_NAME, "DIRHANDL", "new\0"sv).text())
            .text();
    for (std::size_t length = 1; length < whole.size(); ++length) {
        // A heap copy of just this length, so that a sanitizer sees a read beyond it.
        const std::vector<char> cut(whole.begin(),
                                    whole.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_FALSE(decode_fanotify(std::as_bytes(std::span(cut)), [](const FanotifyRecord&) {}))
            << length;
    }
}

TEST(FanotifyRecord, LengthsThatLieAreRefused) {
    const auto good =
        record(FAN_CREATE, 42, info(FAN_EVENT_INFO_TYPE_DFID_NAME, "DIRHANDL", "new\0"sv).text())
            .text();
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char value : {'\0', '\x7f', '\xff'}) {
            std::string bad = good;
            bad[at] = value;
            (void)decode_fanotify(std::as_bytes(std::span(bad)), [&](const FanotifyRecord& told) {
                EXPECT_LT(told.name.size(), good.size());
            });
        }
    }
    std::string no_length = good;
    std::memset(no_length.data(), 0, sizeof(std::uint32_t));  // would never end
    EXPECT_FALSE(
        decode_fanotify(std::as_bytes(std::span(no_length)), [](const FanotifyRecord&) {}));
}

TEST(InotifyRecord, NamesWatchAndEntry) {
    Bytes bytes;
    bytes.add(7).add(std::uint32_t{IN_CREATE}).add(std::uint32_t{0}).add(std::uint32_t{4});
    bytes.add("new\0"sv);
    bytes.add(8).add(std::uint32_t{IN_ATTRIB}).add(std::uint32_t{0}).add(std::uint32_t{0});
    std::vector<std::string> told;
    EXPECT_TRUE(decode_inotify(bytes.span(), [&](const InotifyRecord& each) {
        told.push_back(std::to_string(each.watch) + ":" + std::string(each.name));
    }));
    EXPECT_THAT(told, testing::ElementsAre("7:new", "8:"));
    EXPECT_FALSE(decode_inotify(bytes.span().first(18), [](const InotifyRecord&) {}));
    EXPECT_FALSE(decode_inotify(bytes.span().first(7), [](const InotifyRecord&) {}));
}

}  // namespace
}  // namespace assay::sensors
