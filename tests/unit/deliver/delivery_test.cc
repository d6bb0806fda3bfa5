// SPDX-License-Identifier: Apache-2.0
#include "deliver/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "../findings/example.h"
#include "deliver/ocsf.h"
#include "temporary.h"

namespace assay::deliver {
namespace {

using example::match_of;
using findings::Change;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

/// A sink that fails, or waits, for as long as the test says.
class TestSink final : public Sink {
public:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::string> lines;
        std::size_t tries = 0;
        bool failing = false;
        bool waiting = false;
        bool broken = false;

        void wait_for_tries(std::size_t wanted) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return tries >= wanted; });
        }
        void set(bool State::* flag, bool value) {
            const std::lock_guard lock(mutex);
            this->*flag = value;
            changed.notify_all();
        }
    };
    explicit TestSink(std::shared_ptr<State> state) : state_(std::move(state)) {}

    const std::string& name() const override { return name_; }
    Result<void> write_line(std::string_view line) override {
        std::unique_lock lock(state_->mutex);
        ++state_->tries;
        state_->changed.notify_all();
        state_->changed.wait(lock, [&] { return !state_->waiting; });
        if (state_->failing) {
            return fail("writing to test: disk full");
        }
        state_->lines.emplace_back(line);
        return {};
    }
    bool broken() const override {
        const std::lock_guard lock(state_->mutex);
        return state_->broken;
    }
    Result<void> finish() override { return {}; }

private:
    std::string name_ = "test";
    std::shared_ptr<State> state_;
};

class DeliveryTest : public testing::Test {
protected:
    DeliveryTest() {
        options_.retry = std::chrono::milliseconds(1);
        options_.on_trouble = [this](const Error&) { ++troubles_; };
    }
    Change change(std::uint16_t port) {
        Change told;
        findings::Store store(example::host(), example::run(), nullptr,
                              [&](const Change& made) { told = made; });
        auto fact = example::connection();
        fact.destination_port = port;
        store.on_match(match_of(rule_, fact));
        return told;
    }
    std::string line(std::uint16_t port) { return ocsf_line(change(port)) + "\n"; }

    engine::RuleInfo rule_ = example::client_rule();
    Delivery::Options options_;
    std::atomic<int> troubles_ = 0;
    std::shared_ptr<TestSink::State> sink_ = std::make_shared<TestSink::State>();
    example::TemporaryDirectory directory_;
};

TEST_F(DeliveryTest, EverySinkGetsEveryRecordAndTheVerdictsAreTheLastLine) {
    const std::vector outputs{*OutputSpec::parse("file:" + directory_.file("a")),
                              *OutputSpec::parse("file:" + directory_.file("b"))};
    auto delivery = Delivery::open(outputs, options_);
    ASSERT_TRUE(delivery) << delivery.error().message;
    (*delivery)->deliver(change(1));
    (*delivery)->deliver(change(2));
    (*delivery)->deliver(findings::Verdicts{});
    EXPECT_THAT((*delivery)->finish(), IsEmpty());
    const std::string expected = line(1) + line(2) + ocsf_line(findings::Verdicts{}) + "\n";
    EXPECT_EQ(example::read_text(directory_.file("a")), expected);
    EXPECT_EQ(example::read_text(directory_.file("b")), expected);
}

TEST_F(DeliveryTest, AnOutputThatCannotBeOpenedIsToldBeforeAnythingStarts) {
    const std::vector outputs{*OutputSpec::parse("file:" + directory_.file("no/such"))};
    const auto delivery = Delivery::open(outputs, options_);
    ASSERT_FALSE(delivery);
    EXPECT_THAT(delivery.error().message, HasSubstr("No such file or directory"));
}

TEST_F(DeliveryTest, AFullDiskIsToldOnceAndTheRunSaysWhatIsMissing) {
    auto delivery = Delivery::open({*OutputSpec::parse("file:/dev/full")}, options_);
    ASSERT_TRUE(delivery);
    (*delivery)->deliver(change(1));
    (*delivery)->deliver(change(2));
    (*delivery)->deliver(findings::Verdicts{});
    const auto problems = (*delivery)->finish();
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].message,
              "writing to file:/dev/full: No space left on device; 3 records were not written");
    EXPECT_EQ(troubles_, 1);
}

TEST_F(DeliveryTest, ASinkThatRecoversGetsEverythingInOrder) {
    sink_->failing = true;
    Delivery delivery(options_);
    delivery.add(std::make_unique<TestSink>(sink_));
    delivery.deliver(change(1));
    delivery.deliver(change(2));
    sink_->wait_for_tries(5);
    sink_->set(&TestSink::State::failing, false);
    delivery.deliver(change(3));
    EXPECT_THAT(delivery.finish(), IsEmpty());
    EXPECT_THAT(sink_->lines, ElementsAre(line(1), line(2), line(3)));
    EXPECT_EQ(troubles_, 1);
}

TEST_F(DeliveryTest, AFailingSinkKeepsOnlySoMuchForItsNextTry) {
    sink_->failing = true;
    options_.backlog_bytes = line(1).size() + 10;
    Delivery delivery(options_);
    delivery.add(std::make_unique<TestSink>(sink_));
    delivery.deliver(change(1));
    sink_->wait_for_tries(1);
    delivery.deliver(change(2));
    sink_->wait_for_tries(20);
    sink_->set(&TestSink::State::failing, false);
    delivery.deliver(findings::Verdicts{});
    const auto problems = delivery.finish();
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].message, "writing to test: disk full; 1 record was not written");
    EXPECT_EQ(sink_->lines.size(), 2U);
}

TEST_F(DeliveryTest, ASlowSinkHoldsNobodyUpAndWhatItMissesIsCounted) {
    sink_->waiting = true;
    options_.queue = 2;
    Delivery delivery(options_);
    delivery.add(std::make_unique<TestSink>(sink_));
    delivery.deliver(change(1));
    sink_->wait_for_tries(1);  // it has taken the first and stands still
    for (std::uint16_t port = 2; port <= 5; ++port) {
        delivery.deliver(change(port));
    }
    delivery.deliver(findings::Verdicts{});
    sink_->set(&TestSink::State::waiting, false);
    const auto problems = delivery.finish();
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].message, "test: it could not keep up; 2 records were not written");
    EXPECT_THAT(sink_->lines,
                ElementsAre(line(1), line(2), line(3), ocsf_line(findings::Verdicts{}) + "\n"));
}

TEST_F(DeliveryTest, ASinkThatHangsDoesNotHangTheEnd) {
    sink_->waiting = true;
    options_.drain = std::chrono::milliseconds(20);
    Delivery delivery(options_);
    delivery.add(std::make_unique<TestSink>(sink_));
    delivery.deliver(change(1));
    sink_->wait_for_tries(1);
    const auto problems = delivery.finish();
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_THAT(problems[0].message, HasSubstr("took no more data"));
    sink_->set(&TestSink::State::waiting, false);
}

TEST_F(DeliveryTest, ABrokenSinkIsNotTriedAgain) {
    sink_->failing = true;
    sink_->broken = true;
    Delivery delivery(options_);
    delivery.add(std::make_unique<TestSink>(sink_));
    delivery.deliver(change(1));
    delivery.deliver(change(2));
    const auto problems = delivery.finish();
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_THAT(problems[0].message, EndsWith("2 records were not written"));
    EXPECT_EQ(sink_->tries, 0U);
}

TEST_F(DeliveryTest, AViewShowsTheSameChangesAndTheSummary) {
    std::FILE* out = std::fopen(directory_.file("view").c_str(), "w");
    TerminalView view(out, false, false);
    Delivery delivery(options_);
    delivery.show_on(view);
    delivery.deliver(change(1));
    delivery.status({1, 2, 3, 4});
    delivery.deliver(findings::Verdicts{});
    EXPECT_THAT(delivery.finish(), IsEmpty());
    std::fclose(out);
    EXPECT_EQ(example::read_text(directory_.file("view")),
              human_text(change(1), false) + human_text(findings::Verdicts{}, false));
}

}  // namespace
}  // namespace assay::deliver
