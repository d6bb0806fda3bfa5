// SPDX-License-Identifier: Apache-2.0
#include "app/line_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "base/host_root.h"
#include "base/unique_fd.h"

namespace assay::app {
namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        reader.emplace(ends[0]);
        writer.emplace(ends[1]);
    }
    std::optional<UniqueFd> reader;
    std::optional<UniqueFd> writer;
};

void add(LineOutput& output, std::string_view line) {
    output.buffer() += line;
    output.line_added();
}

TEST(LineOutput, LinesArriveInOrderAndOnlyOnceFlushed) {
    Pipe pipe;
    LineOutput output(pipe.writer->get(), [] { return false; });
    add(output, "one\n");
    add(output, "two\n");
    output.flush();
    add(output, "three\n");
    output.flush();
    pipe.writer.reset();
    EXPECT_EQ(read_all(pipe.reader->get(), 100).value(), "one\ntwo\nthree\n");
    EXPECT_FALSE(output.problem());
}

TEST(LineOutput, AReaderThatHasGoneIsNoProblem) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    LineOutput output(pipe.writer->get(), [] { return false; });
    pipe.reader.reset();
    add(output, "one\n");
    output.flush();
    EXPECT_TRUE(output.reader_gone());
    EXPECT_FALSE(output.problem());
}

TEST(LineOutput, AReaderThatSleepsIsGivenUpWhenAskedTo) {
    Pipe pipe;
    int asked = 0;
    LineOutput output(pipe.writer->get(), [&] { return ++asked > 0; });
    while (!output.problem()) {
        add(output, std::string(1000, 'x') + "\n");
    }
    EXPECT_GT(asked, 0);
    EXPECT_NE(output.problem()->message.find("not read"), std::string::npos);
}

TEST(LineOutput, AFullDiskIsAProblemThatIsToldOnce) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    const UniqueFd owned(full);
    LineOutput output(full, [] { return false; });
    add(output, "one\n");
    output.flush();
    ASSERT_TRUE(output.problem());
    EXPECT_NE(output.problem()->message.find("No space left"), std::string::npos);
}

}  // namespace
}  // namespace assay::app
