// SPDX-License-Identifier: Apache-2.0
#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace assay {
namespace {

TEST(BoundedQueue, TurnsAwayAndCountsWhatDoesNotFit) {
    BoundedQueue<int> queue(2);
    EXPECT_TRUE(queue.try_push(1));
    EXPECT_TRUE(queue.try_push(2));
    EXPECT_FALSE(queue.try_push(3));
    EXPECT_EQ(queue.dropped(), 1U);
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_TRUE(queue.try_push(4));
}

TEST(BoundedQueue, DrainsAfterCloseThenAnswersNothing) {
    BoundedQueue<int> queue(2);
    queue.push(1);
    queue.close();
    EXPECT_FALSE(queue.push(2));
    EXPECT_FALSE(queue.closed_and_empty());
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_EQ(queue.pop(), std::nullopt);
    EXPECT_TRUE(queue.closed_and_empty());
}

TEST(BoundedQueue, HandsEveryItemOverInOrderWhenThePusherHasToWait) {
    BoundedQueue<int> queue(3);
    std::thread pusher([&] {
        for (int i = 0; i < 10'000; ++i) {
            queue.push(i);
        }
        queue.close();
    });
    int expected = 0;
    while (const auto item = queue.pop()) {
        ASSERT_EQ(*item, expected++);
    }
    pusher.join();
    EXPECT_EQ(expected, 10'000);
    EXPECT_EQ(queue.dropped(), 0U);
}

TEST(BoundedQueue, GivesUpWaitingAtTheLimit) {
    BoundedQueue<int> queue(1);
    EXPECT_EQ(queue.pop_for(std::chrono::nanoseconds(1)), std::nullopt);
}

}  // namespace
}  // namespace assay
