// SPDX-License-Identifier: Apache-2.0
#include "deliver/delivery.h"

#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "base/bounded_queue.h"
#include "deliver/ocsf.h"

namespace assay::deliver {
namespace {

using SharedVerdicts = std::shared_ptr<const findings::Verdicts>;
using Item = std::variant<findings::Change, SharedVerdicts, Status>;

std::string encode(const Item& item) {
    std::string line;
    if (const auto* change = std::get_if<findings::Change>(&item)) {
        line = ocsf_line(*change);
    } else if (const auto* verdicts = std::get_if<SharedVerdicts>(&item)) {
        line = ocsf_line(**verdicts);
    }
    line += '\n';
    return line;
}

std::string records(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " record" : " records");
}

/// Signals are for the main thread; a broken pipe and a file's size limit come back as errors of
/// write.
void block_signals() {
    sigset_t every{};
    sigfillset(&every);
    (void)pthread_sigmask(SIG_BLOCK, &every, nullptr);
}

}  // namespace

/// One sink or view and its thread. Shared with the thread, which may have to be left behind when
/// it hangs in a write.
struct Delivery::Channel {
    explicit Channel(const Options& of) : options(of), queue(of.queue) {}

    Options options;
    std::unique_ptr<Sink> sink;    ///< or
    TerminalView* view = nullptr;  ///< one of the two
    BoundedQueue<Item> queue;
    std::thread thread;

    // Of the thread only.
    std::deque<std::string> backlog;
    std::size_t backlog_bytes = 0;
    bool told = false;

    std::mutex mutex;
    std::condition_variable done_changed;
    bool done = false;
    std::vector<SharedVerdicts> late;  ///< verdicts that found the queue full
    std::uint64_t dropped = 0;         ///< turned away: the queue was full
    std::uint64_t lost = 0;            ///< never written by the sink
    std::optional<Error> trouble;      ///< the sink's last failure

    void run() {
        block_signals();
        while (!queue.closed_and_empty()) {
            auto item = backlog.empty() ? queue.pop() : queue.pop_for(options.retry);
            if (item) {
                take(*item);
            }
            write_backlog();
        }
        std::vector<SharedVerdicts> verdicts;
        {
            const std::lock_guard lock(mutex);
            verdicts.swap(late);
        }
        for (auto& verdict : verdicts) {
            take(std::move(verdict));
        }
        write_backlog();
        if (sink) {
            const auto finished = sink->finish();
            const std::lock_guard lock(mutex);
            if (!finished && !trouble) {
                trouble = finished.error();
            }
            lost += backlog.size();
        }
        const std::lock_guard lock(mutex);
        done = true;
        done_changed.notify_all();
    }

    void take(const Item& item) {
        if (view != nullptr) {
            show(item);
            return;
        }
        if (std::holds_alternative<Status>(item)) {
            return;
        }
        std::string line = encode(item);
        // The head may be half out on a pipe, so the newest go.
        const bool fits = backlog.empty() || backlog_bytes + line.size() <= options.backlog_bytes ||
                          std::holds_alternative<SharedVerdicts>(item);
        const std::lock_guard lock(mutex);
        if (!fits || sink->broken()) {
            ++lost;
            return;
        }
        backlog_bytes += line.size();
        backlog.push_back(std::move(line));
    }

    void show(const Item& item) const {
        if (const auto* change = std::get_if<findings::Change>(&item)) {
            view->show(*change);
        } else if (const auto* verdicts = std::get_if<SharedVerdicts>(&item)) {
            view->summary(**verdicts);
        } else if (const auto* status = std::get_if<Status>(&item)) {
            view->status(*status);
        }
    }

    void write_backlog() {
        while (!backlog.empty() && !sink->broken()) {
            const auto written = sink->write_line(backlog.front());
            if (!written) {
                report(written.error());
                return;
            }
            backlog_bytes -= backlog.front().size();
            backlog.pop_front();
            const std::lock_guard lock(mutex);
        }
    }

    void report(const Error& error) {
        {
            const std::lock_guard lock(mutex);
            trouble = error;
        }
        if (!told && options.on_trouble) {
            options.on_trouble(error);
        }
        told = true;
    }

    /// Caller holds the mutex.
    [[nodiscard]] std::optional<Error> problem(bool hangs) const {
        const std::string name = sink ? sink->name() : "terminal";
        if (hangs) {
            return Error{name + ": it took no more data for " +
                         std::to_string(options.drain.count() / 1000) +
                         " s, what was queued is not written"};
        }
        const std::uint64_t missing = lost + dropped;
        if (!sink || (missing == 0 && !(trouble && !told))) {
            return std::nullopt;
        }
        std::string message = trouble ? trouble->message : name + ": it could not keep up";
        if (missing > 0) {
            message += "; " + records(missing) + (missing == 1 ? " was" : " were") + " not written";
        }
        return Error{std::move(message)};
    }
};

Delivery::Delivery(Options options) : options_(std::move(options)) {}

Delivery::~Delivery() {
    if (!finished_) {
        (void)finish();
    }
}

Result<std::unique_ptr<Delivery>> Delivery::open(const std::vector<OutputSpec>& outputs,
                                                 Options options) {
    std::vector<std::pair<std::unique_ptr<Sink>, OutputSpec::Format>> sinks;
    for (const auto& output : outputs) {
        if (output.kind == OutputSpec::Kind::file) {
            auto sink = FileSink::open(output.path);
            if (!sink) {
                return std::unexpected(sink.error());
            }
            sinks.emplace_back(std::move(*sink), output.format);
        } else {
            auto sink = StdoutSink::open();
            if (!sink) {
                return std::unexpected(sink.error());
            }
            sinks.emplace_back(std::move(*sink), output.format);
        }
    }
    auto delivery = std::make_unique<Delivery>(std::move(options));
    for (auto& [sink, format] : sinks) {
        delivery->add(std::move(sink), format);
    }
    return delivery;
}

void Delivery::start(std::shared_ptr<Channel> channel) {
    channel->thread = std::thread([channel] { channel->run(); });
    channels_.push_back(std::move(channel));
}

void Delivery::add(std::unique_ptr<Sink> sink, OutputSpec::Format format) {
    (void)format;  // jsonl is the only one so far
    auto channel = std::make_shared<Channel>(options_);
    channel->sink = std::move(sink);
    start(std::move(channel));
}

void Delivery::show_on(TerminalView& view) {
    auto channel = std::make_shared<Channel>(options_);
    channel->view = &view;
    start(std::move(channel));
}

void Delivery::deliver(const findings::Change& change) {
    for (const auto& channel : channels_) {
        if (!channel->queue.try_push(change)) {
            const std::lock_guard lock(channel->mutex);
            ++channel->dropped;
        }
    }
}

void Delivery::deliver(const findings::Verdicts& verdicts) {
    const auto shared = std::make_shared<const findings::Verdicts>(verdicts);
    for (const auto& channel : channels_) {
        if (!channel->queue.try_push(shared)) {
            const std::lock_guard lock(channel->mutex);
            channel->late.push_back(shared);
        }
    }
}

void Delivery::status(const Status& status) {
    for (const auto& channel : channels_) {
        if (channel->view != nullptr) {
            (void)channel->queue.try_push(status);
        }
    }
}

std::vector<Error> Delivery::finish() {
    std::vector<Error> problems;
    finished_ = true;
    for (const auto& channel : channels_) {
        channel->queue.close();
    }
    const auto deadline = std::chrono::steady_clock::now() + options_.drain;
    for (const auto& channel : channels_) {
        bool done = false;
        {
            std::unique_lock lock(channel->mutex);
            done = channel->done_changed.wait_until(lock, deadline, [&] { return channel->done; });
            if (auto problem = channel->problem(!done)) {
                problems.push_back(std::move(*problem));
            }
        }
        if (done) {
            channel->thread.join();
        } else {
            channel->thread.detach();
            left_a_thread_ = true;
        }
    }
    channels_.clear();
    return problems;
}

}  // namespace assay::deliver
