// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "protocols/byte_reader.h"
#include "protocols/wiped_buffer.h"

namespace assay::protocols {

/// Cuts one direction into lines. Of a line at most `keep` bytes are shown; of a line that comes in
/// pieces they are buffered until its end, then wiped.
class LineReader {
public:
    explicit LineReader(std::size_t keep) : keep_(keep), partial_(keep) {}

    /// Takes bytes off the front of `rest`, up to and with the next line feed. The line (without CR
    /// LF) is valid until the next call; nullopt when it does not end here.
    std::optional<std::string_view> take(Bytes& rest) {
        if (complete_) {
            reset();
        }
        const std::string_view all = text_of(rest);
        const std::size_t end = all.find('\n');
        const bool ends = end != std::string_view::npos;
        const Bytes piece = rest.first(ends ? end : all.size());
        rest = rest.subspan(ends ? end + 1 : all.size());
        const bool first_piece = at_start_;
        at_start_ = ends;
        if (skipping_) {
            skipping_ = !ends;
            return std::nullopt;
        }
        if (ends && first_piece) {
            return without_cr(text_of(piece)).substr(0, keep_);
        }
        partial_.append(piece);
        if (!ends) {
            return std::nullopt;
        }
        complete_ = true;
        return without_cr(text_of(partial_.view()));
    }

    [[nodiscard]] bool at_start() const { return at_start_ && !skipping_; }

    /// The start of the line that is not complete.
    [[nodiscard]] std::string_view partial() const {
        return complete_ ? std::string_view() : text_of(partial_.view());
    }
    /// Bytes are missing here: nothing is a line before the next line feed.
    void lose_line() {
        reset();
        skipping_ = true;
        at_start_ = false;
    }
    void reset() {
        partial_.clear();
        complete_ = false;
    }

private:
    static std::string_view without_cr(std::string_view line) {
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }

    std::size_t keep_;
    WipedBuffer partial_;
    bool complete_ = false;
    bool at_start_ = true;
    bool skipping_ = false;
};

}  // namespace assay::protocols
