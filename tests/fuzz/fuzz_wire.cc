// SPDX-License-Identifier: Apache-2.0
// Ring records: the bytes that the kernel side writes, as if anybody had written them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <variant>

#include "sensors/kernel/kernel_sensor.h"
#include "sensors/kernel/wire_decoder.h"
#include "wire/records.h"

namespace {

// Reads every byte of a text, so that a sanitizer sees one that is not there.
void read(std::string_view text) {
    std::size_t sum = 0;
    for (const char byte : text) {
        sum += static_cast<unsigned char>(byte);
    }
    if (sum > text.size() * 255) {
        std::abort();
    }
}

void read(const assay::sensors::ProcessExec& exec) {
    read(exec.image);
    read(exec.script);
    read(exec.interpreter);
    read(exec.current_directory);
    read(exec.arguments);
    read(exec.cgroup);
}

void read(const assay::sensors::Segment& segment) {
    read({reinterpret_cast<const char*>(segment.captured.data()), segment.captured.size()});
    if (segment.captured.size() > segment.length) {
        std::abort();
    }
}

void read(const auto& /*no text in it*/) {}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static assay::sensors::WireDecoder decoder;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto event = decoder.decode(bytes);
    if (event) {
        if (size < sizeof(wire_header)) {
            std::abort();
        }
        std::visit([](const auto& told) { read(told); }, *event);
    }
    return 0;
}
