// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "protocols/classifier.h"

namespace assay::protocols {
namespace {

/// How far `offset` lies behind `from`; negative when it lies before (RFC 1982 arithmetic).
std::int32_t distance(std::uint32_t from, std::uint32_t offset) {
    return static_cast<std::int32_t>(offset - from);
}

}  // namespace

void Reassembly::add(std::uint32_t offset, std::uint32_t length,
                     std::span<const std::byte> captured) {
    constexpr std::uint32_t kLongest = std::numeric_limits<std::int32_t>::max();
    if (length == 0 || length > kLongest || distance(expected_, offset + length) <= 0) {
        return;  // nothing new in it
    }
    captured = captured.first(std::min<std::size_t>({captured.size(), length, kLargestCapture}));
    const auto begin = waiting_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(waiting_count_);
    const auto same = std::find_if(begin, end, [&](const Segment& waiting) {
        return waiting.offset == offset && waiting.length >= length &&
               waiting.bytes.size() >= captured.size();
    });
    if (same != end) {
        return;
    }
    auto place = end;
    if (waiting_count_ == waiting_.size()) {
        // Full: the bytes that are needed first stay.
        place = std::max_element(begin, end, [&](const Segment& a, const Segment& b) {
            return distance(expected_, a.offset) < distance(expected_, b.offset);
        });
        if (distance(expected_, place->offset) <= distance(expected_, offset)) {
            return;
        }
    } else {
        ++waiting_count_;
    }
    place->offset = offset;
    place->length = length;
    place->bytes = WipedBuffer(captured.size());
    place->bytes.append(captured);
}

bool Reassembly::next() {
    current_.clear();
    while (waiting_count_ > 0) {
        Segment* first = earliest();
        const std::int32_t ahead = distance(expected_, first->offset);
        if (ahead > 0) {
            return false;
        }
        const auto known = static_cast<std::uint32_t>(-static_cast<std::int64_t>(ahead));
        current_ = std::move(first->bytes);
        const std::uint32_t offset = first->offset;
        const std::uint32_t length = first->length;
        Segment& last = waiting_[waiting_count_ - 1];
        if (first != &last) {
            *first = std::move(last);
        }
        last = Segment{};
        --waiting_count_;
        if (known >= length) {
            current_.clear();
            continue;
        }
        expected_ = offset + length;
        const std::size_t given_twice = std::min<std::size_t>(known, current_.size());
        run_ = current_.view().subspan(given_twice);
        run_hole_ = length - known - run_.size();
        return true;
    }
    return false;
}

Reassembly::Segment* Reassembly::earliest() {
    const auto begin = waiting_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(waiting_count_);
    return &*std::min_element(begin, end, [&](const Segment& a, const Segment& b) {
        return distance(expected_, a.offset) < distance(expected_, b.offset);
    });
}

bool Reassembly::waiting() const { return waiting_count_ > 0; }

void Reassembly::skip_gap() {
    if (waiting_count_ > 0) {
        const Segment* first = earliest();
        if (distance(expected_, first->offset) > 0) {
            expected_ = first->offset;
        }
    }
}

}  // namespace assay::protocols
