// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "deliver/human.h"
#include "deliver/output_spec.h"
#include "deliver/sink.h"
#include "findings/store.h"

namespace assay::deliver {

/// Hands changes to sinks and views, each on a thread of its own behind a bounded queue, so that a
/// slow disk or reader never holds up who judges. One thread calls it. What the changes point to
/// (the rule set) must live until finish() has returned.
class Delivery {
public:
    struct Options {
        /// Records waiting for a sink; what comes when it is full is dropped and counted.
        std::size_t queue = 8192;
        /// Bytes of records that a failing sink keeps for its next try.
        std::size_t backlog_bytes = 4 * 1024 * 1024;
        /// How often a sink that fails is tried again.
        std::chrono::milliseconds retry{1000};
        /// How long finish() waits for what is queued.
        std::chrono::milliseconds drain{30000};
        /// Called once for a sink's first failure, from its thread.
        std::function<void(const Error&)> on_trouble;
    };

    /// Opens every output, or says in one sentence why one cannot be; then none is written to.
    [[nodiscard]] static Result<std::unique_ptr<Delivery>> open(
        const std::vector<OutputSpec>& outputs, Options options);

    explicit Delivery(Options options);
    ~Delivery();
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

    void add(std::unique_ptr<Sink> sink, OutputSpec::Format format = OutputSpec::Format::jsonl);
    /// The view must live until finish() has returned.
    void show_on(TerminalView& view);

    void deliver(const findings::Change& change);
    /// Never dropped. It is the last record when nothing is delivered after it.
    void deliver(const findings::Verdicts& verdicts);
    /// For the views; dropped when they are behind.
    void status(const Status& status);

    /// Writes what is queued and ends the threads. Answers what went wrong: one sentence for each
    /// sink that did not take everything. Nothing may be delivered afterwards.
    [[nodiscard]] std::vector<Error> finish();
    /// After finish(): a sink hangs in a write, and its thread still uses what it was given. Leave
    /// the process with _exit, without destructors and without flushing the stream that it writes
    /// to.
    [[nodiscard]] bool left_a_thread() const { return left_a_thread_; }

private:
    struct Channel;
    void start(std::shared_ptr<Channel> channel);

    Options options_;
    std::vector<std::shared_ptr<Channel>> channels_;
    bool finished_ = false;
    bool left_a_thread_ = false;
};

}  // namespace assay::deliver
