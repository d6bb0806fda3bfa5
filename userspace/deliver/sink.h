// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace assay::deliver {

/// Takes whole lines. One thread at a time.
class Sink {
public:
    virtual ~Sink() = default;
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    /// What messages call it: "standard output", "file:/tmp/x.jsonl".
    [[nodiscard]] virtual const std::string& name() const = 0;
    /// `line` ends with its newline. After a failure the caller gives the same line again, now or
    /// later: it is then written once and whole.
    [[nodiscard]] virtual Result<void> write_line(std::string_view line) = 0;
    /// Nothing written will ever arrive: do not try again.
    [[nodiscard]] virtual bool broken() const = 0;
    /// No more lines come: what was written is brought to safety, a line cut short is taken back.
    [[nodiscard]] virtual Result<void> finish() = 0;
};

/// Writes to a descriptor. On a regular file a line that could not be written whole (disk full) is
/// cut off again at once; on a pipe or a terminal its rest is written with the next try.
/// SIGPIPE and SIGXFSZ must be blocked or ignored in the thread that writes.
class DescriptorSink : public Sink {
public:
    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] Result<void> write_line(std::string_view line) override;
    [[nodiscard]] bool broken() const override { return broken_; }
    [[nodiscard]] Result<void> finish() override;

protected:
    DescriptorSink(std::string name, int fd, bool regular)
        : name_(std::move(name)), fd_(fd), regular_(regular) {}

private:
    [[nodiscard]] Result<void> failed(int error_number);
    void take_back();

    std::string name_;
    int fd_;
    bool regular_;
    bool broken_ = false;
    std::size_t begun_ = 0;  ///< bytes of the line that are out already
};

/// A file of ours: made with mode 0600, appended to when it exists, never through a symbolic link,
/// locked against a second writer. A record that an earlier run left half-written is cut off.
class FileSink final : public DescriptorSink {
public:
    [[nodiscard]] static Result<std::unique_ptr<FileSink>> open(const std::string& path);

private:
    FileSink(const std::string& path, UniqueFd fd, bool regular)
        : DescriptorSink("file:" + path, fd.get(), regular), owned_(std::move(fd)) {}
    UniqueFd owned_;
};

/// The process's standard output, which stays open.
class StdoutSink final : public DescriptorSink {
public:
    /// Fails when standard output is closed.
    [[nodiscard]] static Result<std::unique_ptr<StdoutSink>> open();
    /// Any open descriptor in the place of standard output; it stays the caller's.
    [[nodiscard]] static Result<std::unique_ptr<StdoutSink>> on(int fd);

private:
    StdoutSink(int fd, bool regular) : DescriptorSink("standard output", fd, regular) {}
};

/// True when `text` is one JSON object from its first to its last byte (brackets and strings are
/// looked at, nothing else).
[[nodiscard]] bool is_whole_object(std::string_view text);

}  // namespace assay::deliver
