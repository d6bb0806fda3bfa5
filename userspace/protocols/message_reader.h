// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "protocols/byte_reader.h"
#include "protocols/wiped_buffer.h"

namespace assay::protocols {

/// Cuts one direction into messages that tell their own length. The first kKept bytes of a message
/// are shown, the rest is passed over uncopied; only a start that comes in pieces is buffered.
class MessageReader {
public:
    static constexpr std::size_t kKept = 1024;

    /// What a framing says of the bytes at the start of a message: its whole length (header
    /// included, at least 1), or one of these.
    static constexpr std::size_t kMoreNeeded = 0;
    static constexpr std::size_t kTls = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t kNoMessage = kTls - 1;

    enum class Outcome : std::uint8_t { in_step, lost_step, tls };
    struct Progress {
        Outcome outcome = Outcome::in_step;
        std::size_t used = 0;  ///< bytes before the one at which TLS began
    };

    /// `length_of(start)` frames, `on_message(start)` gets each message and says whether to go on.
    /// A framing answers kTls on the first byte, and only then.
    template <class LengthOf, class OnMessage>
    Progress feed(Bytes bytes, std::size_t hole_after, LengthOf&& length_of,
                  OnMessage&& on_message) {
        Bytes rest = bytes;
        while (!rest.empty()) {
            if (to_skip_ > 0) {
                const auto skipped =
                    static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, rest.size()));
                rest = rest.subspan(skipped);
                to_skip_ -= skipped;
                continue;
            }
            const std::size_t held = start_.size();
            const std::size_t added = held == 0 ? 0 : start_.append(rest);
            const Bytes start =
                held == 0 ? rest.first(std::min(rest.size(), kKept)) : start_.view();
            const std::size_t length = length_of(start);
            if (length == kTls) {
                return {Outcome::tls, bytes.size() - rest.size()};
            }
            if (length == kNoMessage) {
                start_.clear();
                return {Outcome::lost_step, bytes.size()};
            }
            const std::size_t wanted = std::min(length, kKept);
            if (length == kMoreNeeded || start.size() < wanted) {
                if (start.size() == kKept) {  // a header that never ends
                    start_.clear();
                    return {Outcome::lost_step, bytes.size()};
                }
                if (held == 0) {
                    start_.append(rest);
                }
                rest = rest.subspan(held == 0 ? rest.size() : added);
                continue;
            }
            if (wanted < held) {  // shorter than the header that told the length
                start_.clear();
                return {Outcome::lost_step, bytes.size()};
            }
            const bool go_on = on_message(start.first(wanted));
            start_.clear();
            if (!go_on) {
                return {Outcome::in_step, bytes.size()};
            }
            rest = rest.subspan(wanted - held);
            to_skip_ = length - wanted;
        }
        return pass_hole(bytes.size(), hole_after, length_of, on_message);
    }

private:
    template <class LengthOf, class OnMessage>
    Progress pass_hole(std::size_t used, std::uint64_t hole, LengthOf&& length_of,
                       OnMessage&& on_message) {
        if (hole == 0) {
            return {Outcome::in_step, used};
        }
        if (!start_.empty()) {
            const std::size_t length = length_of(start_.view());
            if (length == kMoreNeeded || length >= kNoMessage) {
                start_.clear();
                return {Outcome::lost_step, used};
            }
            to_skip_ = length - start_.size();
            const bool go_on = on_message(start_.view());
            start_.clear();
            if (!go_on) {
                return {Outcome::in_step, used};
            }
        }
        if (hole > to_skip_) {
            return {Outcome::lost_step, used};
        }
        to_skip_ -= hole;
        return {Outcome::in_step, used};
    }

    WipedBuffer start_{kKept};
    std::uint64_t to_skip_ = 0;
};

}  // namespace assay::protocols
