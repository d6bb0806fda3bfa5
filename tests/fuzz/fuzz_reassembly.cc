// SPDX-License-Identifier: Apache-2.0
// Input: steps of an opcode (0 mod 8: give up a gap, else add), offset, length (2 bytes each,
// around a start that the first 4 bytes choose) and captured (1 byte). Every byte of the stream is
// a function of its offset, so that what is delivered can be compared.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "protocols/byte_reader.h"
#include "protocols/classifier.h"

namespace {

using assay::protocols::ByteReader;
using assay::protocols::Bytes;
using assay::protocols::Reassembly;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::byte byte_at(std::uint32_t offset) {
    return static_cast<std::byte>((offset * 2654435761U) >> 24U);
}

/// Moves the stream forward by whole segments without bytes, to where the numbers wrap.
void advance(Reassembly& reassembly, std::uint32_t target) {
    constexpr std::uint32_t kStep = 0x40000000;
    for (std::uint32_t at = 0; at < target;) {
        const std::uint32_t length = std::min(kStep, target - at);
        reassembly.add(at, length, {});
        std::size_t runs = 0;
        reassembly.drain([&](Bytes bytes, std::size_t hole) {
            require(bytes.empty() && hole == length);
            ++runs;
        });
        require(runs == 1);
        at += length;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader input(std::as_bytes(std::span(data, size)));
    Reassembly reassembly;
    std::uint32_t expected = input.be32();
    const std::uint32_t start = expected;
    advance(reassembly, start);
    std::vector<std::byte> captured;
    bool in_step = true;
    while (input.left() > 0) {
        const bool skip = input.u8() % 8 == 0;
        const std::uint32_t offset = start + input.be16();
        const std::uint32_t length = input.be16();
        const std::size_t count = input.u8();
        if (skip && reassembly.waiting()) {
            reassembly.skip_gap();
            in_step = false;  // where it goes on is not told
        }
        captured.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            captured.push_back(byte_at(offset + i));
        }
        reassembly.add(offset, length, captured);
        reassembly.drain([&](Bytes bytes, std::size_t hole) {
            for (const std::byte byte : bytes) {
                require(!in_step || byte == byte_at(expected));
                ++expected;
            }
            expected += static_cast<std::uint32_t>(hole);
            require(!bytes.empty() || hole > 0);
        });
    }
    return 0;
}
