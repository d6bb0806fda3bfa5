// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace assay {

/// A queue of at most `capacity` items between threads. Any thread may call anything.
/// After close(), push is refused and pop drains what is left, then answers nullopt.
template <class T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

    /// Waits for room. False only when the queue is closed.
    bool push(T item) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
        return put(std::move(item));
    }

    /// Never waits. False when full (counted in dropped()) or closed.
    bool try_push(T item) {
        const std::unique_lock lock(mutex_);
        if (!closed_ && items_.size() >= capacity_) {
            ++dropped_;
            return false;
        }
        return put(std::move(item));
    }

    /// Waits for an item; nullopt when closed and empty.
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
        return take();
    }

    /// As pop, but nullopt also when `limit` has passed without an item.
    std::optional<T> pop_for(std::chrono::nanoseconds limit) {
        std::unique_lock lock(mutex_);
        filled_.wait_for(lock, limit, [&] { return closed_ || !items_.empty(); });
        return take();
    }

    void close() {
        const std::unique_lock lock(mutex_);
        closed_ = true;
        room_.notify_all();
        filled_.notify_all();
    }

    [[nodiscard]] bool closed_and_empty() const {
        const std::unique_lock lock(mutex_);
        return closed_ && items_.empty();
    }

    /// How many items try_push has turned away because the queue was full.
    [[nodiscard]] std::uint64_t dropped() const {
        const std::unique_lock lock(mutex_);
        return dropped_;
    }

private:
    bool put(T&& item) {
        if (closed_) {
            return false;
        }
        items_.push_back(std::move(item));
        filled_.notify_one();
        return true;
    }

    std::optional<T> take() {
        if (items_.empty()) {
            return std::nullopt;
        }
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        room_.notify_one();
        return item;
    }

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable filled_;
    std::deque<T> items_;
    std::uint64_t dropped_ = 0;
    bool closed_ = false;
};

}  // namespace assay
