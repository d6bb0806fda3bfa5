// SPDX-License-Identifier: Apache-2.0
#include "deliver/sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>

#include "temporary.h"

namespace assay::deliver {
namespace {

using testing::HasSubstr;

class Sinks : public testing::Test {
protected:
    void SetUp() override {
        // As in the threads that write: errors come back from write.
        (void)std::signal(SIGPIPE, SIG_IGN);
        (void)std::signal(SIGXFSZ, SIG_IGN);
    }
    std::string path() const { return directory_.file("out.jsonl"); }
    std::string content() const { return example::read_text(path()); }

    example::TemporaryDirectory directory_;
};

/// Lets files of this process grow to `bytes` only, as a full disk does.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit now{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    rlimit before_{};
};

TEST_F(Sinks, AFileIsMadeForItsOwnerOnlyAndAppendedTo) {
    for (const std::string line : {"{\"a\":1}\n", "{\"b\":2}\n"}) {
        auto sink = FileSink::open(path());
        ASSERT_TRUE(sink) << sink.error().message;
        EXPECT_TRUE((*sink)->write_line(line));
        EXPECT_TRUE((*sink)->finish());
    }
    EXPECT_EQ(content(), "{\"a\":1}\n{\"b\":2}\n");
    struct stat status{};
    ::stat(path().c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Sinks, ALineThatDoesNotFitIsCutOffAndWrittenWholeLater) {
    auto sink = FileSink::open(path());
    ASSERT_TRUE(sink);
    const std::string first(60, 'a');
    const std::string second(60, 'b');
    ASSERT_TRUE((*sink)->write_line(first + "\n"));
    {
        const FileSizeLimit full(100);
        const auto written = (*sink)->write_line(second + "\n");
        ASSERT_FALSE(written);
        EXPECT_THAT(written.error().message, HasSubstr("File too large"));
        EXPECT_EQ(content(), first + "\n") << "nothing half-written";
        EXPECT_FALSE((*sink)->broken());
    }
    ASSERT_TRUE((*sink)->write_line(second + "\n"));
    EXPECT_EQ(content(), first + "\n" + second + "\n");
}

TEST_F(Sinks, StandardOutputThatIsAFileIsKeptWholeToo) {
    example::write_text(path(), "before\n");
    const UniqueFd fd(::open(path().c_str(), O_RDWR | O_CLOEXEC));
    ::lseek(fd.get(), 0, SEEK_END);
    auto sink = StdoutSink::on(fd.get());
    {
        const FileSizeLimit full(10);
        EXPECT_FALSE((*sink)->write_line("0123456789\n"));
        EXPECT_EQ(content(), "before\n");
    }
    EXPECT_TRUE((*sink)->write_line("0123456789\n"));
    EXPECT_EQ(content(), "before\n0123456789\n");
}

TEST_F(Sinks, AFullDeviceIsAnErrorThatNamesIt) {
    auto sink = FileSink::open("/dev/full");
    ASSERT_TRUE(sink) << sink.error().message;
    const auto written = (*sink)->write_line("x\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "writing to file:/dev/full: No space left on device");
}

TEST_F(Sinks, ARecordThatACrashCutShortIsTakenOffWhenTheFileIsOpenedAgain) {
    example::write_text(path(), "{\"activity_id\":1}\n{\"activity_id\":2,\"a\":{\"b\":\"}\"}");
    auto sink = FileSink::open(path());
    ASSERT_TRUE(sink);
    ASSERT_TRUE((*sink)->write_line("{\"activity_id\":3}\n"));
    EXPECT_EQ(content(), "{\"activity_id\":1}\n{\"activity_id\":3}\n");
}

TEST_F(Sinks, ALastLineThatIsNotOursOrIsWholeOnlyGetsItsNewline) {
    for (const std::string line : {"somebody's notes", "{\"activity_id\":1}", "{\"x\":"}) {
        example::write_text(path(), line);
        {
            ASSERT_TRUE(FileSink::open(path()));
        }
        EXPECT_EQ(content(), line + "\n");
    }
}

TEST_F(Sinks, WhatCannotBeOpenedSaysWhyInOneSentence) {
    EXPECT_EQ(
        FileSink::open(directory_.file("no/such/x")).error().message,
        "opening output file " + directory_.file("no/such/x") + ": No such file or directory");
    EXPECT_THAT(FileSink::open(directory_.file("")).error().message, HasSubstr("Is a directory"));
    EXPECT_THAT(FileSink::open("/proc/assay.jsonl").error().message,
                HasSubstr("No such file or directory"));
    ASSERT_EQ(::symlink("/etc/passwd", directory_.file("link").c_str()), 0);
    EXPECT_THAT(FileSink::open(directory_.file("link")).error().message,
                HasSubstr("it is a symbolic link"));
    ASSERT_EQ(::mkfifo(directory_.file("fifo").c_str(), 0600), 0);
    EXPECT_THAT(FileSink::open(directory_.file("fifo")).error().message,
                HasSubstr("neither a file nor a device"));
}

TEST_F(Sinks, TwoRunsDoNotWriteToOneFile) {
    auto first = FileSink::open(path());
    ASSERT_TRUE(first);
    EXPECT_THAT(FileSink::open(path()).error().message, HasSubstr("another run writes to it"));
}

TEST_F(Sinks, AReaderThatWentAwayBreaksThePipeForGood) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const UniqueFd write_end(ends[1]);
    {
        const UniqueFd read_end(ends[0]);
    }
    auto sink = StdoutSink::on(write_end.get());
    const auto written = (*sink)->write_line("x\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "writing to standard output: Broken pipe");
    EXPECT_TRUE((*sink)->broken());
}

TEST_F(Sinks, WhatAPipeTookOfALineIsNotSentTwice) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd read_end(ends[0]);
    const UniqueFd write_end(ends[1]);
    const int capacity = ::fcntl(write_end.get(), F_SETPIPE_SZ, 4096);
    ASSERT_GT(capacity, 0);
    const std::string line = std::string(static_cast<std::size_t>(capacity), 'x') + "end\n";
    auto sink = StdoutSink::on(write_end.get());
    EXPECT_FALSE((*sink)->write_line(line)) << "the pipe is full, its reader stalls";
    std::string got(line.size() * 2, '\0');
    std::size_t size = static_cast<std::size_t>(::read(read_end.get(), got.data(), got.size()));
    ASSERT_TRUE((*sink)->write_line(line));
    size += static_cast<std::size_t>(::read(read_end.get(), got.data() + size, got.size() - size));
    EXPECT_EQ(got.substr(0, size), line);
}

TEST(WholeObject, BracketsInStringsDoNotCount) {
    EXPECT_TRUE(is_whole_object(R"({"a":"}\"{","b":[{}]})"));
    for (const auto* text : {"", "{", R"({"a":"}")",
                             R"({"a":{}})"
                             "x",
                             "[]", R"({"a":"\)", "}"}) {
        EXPECT_FALSE(is_whole_object(text)) << text;
    }
}

}  // namespace
}  // namespace assay::deliver
