// SPDX-License-Identifier: Apache-2.0
// Input: flags (1: UDP, 2: mid-stream), port (2 bytes), then steps: a byte of flags (1: server, 2:
// a hole follows, 4: a gap instead of bytes), length (2 bytes), that many bytes.
#include <cstdint>
#include <cstdlib>

#include "protocols/byte_reader.h"
#include "protocols/classifier.h"

namespace {

using assay::protocols::ByteReader;
using assay::protocols::Bytes;
using assay::protocols::Classifier;
using assay::protocols::FlowInfo;
using assay::protocols::Protocol;
using assay::protocols::Side;
using assay::protocols::TlsVersion;
using assay::protocols::Verdict;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// What is true of every verdict, whatever the bytes.
void check(const Verdict& before, const Verdict& after) {
    require(!before.final || before == after);
    require(after.from_payload == (after.protocol != Protocol::unknown));
    require(after.from_payload || (!after.encrypted && !after.cleartext_credentials));
    require(!after.starttls_taken || after.encrypted);
    require(after.tls_chosen == TlsVersion::none || after.encrypted);
    require(!before.cleartext_credentials || after.cleartext_credentials);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader input(std::as_bytes(std::span(data, size)));
    const unsigned flow_flags = input.u8();
    Classifier classifier(FlowInfo{.udp = (flow_flags & 1U) != 0,
                                   .server_port = input.be16(),
                                   .mid_stream = (flow_flags & 2U) != 0});
    while (input.left() > 0) {
        const unsigned flags = input.u8();
        const std::size_t length = input.be16();
        const Side side = (flags & 1U) != 0 ? Side::server : Side::client;
        const Verdict before = classifier.verdict();
        if ((flags & 4U) != 0) {
            check(before, classifier.gap(side));
        } else {
            const Bytes bytes = input.take(std::min(length, input.left()));
            check(before, classifier.feed(side, bytes, (flags & 2U) != 0 ? length + 1 : 0));
        }
    }
    const Verdict before = classifier.verdict();
    check(before, classifier.end());
    require(classifier.verdict().final);
    return 0;
}
