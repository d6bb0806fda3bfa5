// SPDX-License-Identifier: Apache-2.0
// Writes the unit tests' transcripts as inputs of fuzz_classifier into the folder given.
#include <cstdio>
#include <fstream>
#include <string>

#include "transcripts.h"

int main(int count, char** arguments) {
    using assay::protocols::Side;
    using assay::protocols::test::big_endian;
    if (count != 2) {
        std::fputs("usage: write_classifier_seeds FOLDER\n", stderr);
        return 2;
    }
    std::size_t number = 0;
    for (const auto& transcript : assay::protocols::test::transcripts()) {
        std::string input(1, transcript.flow.udp ? '\1' : '\0');
        input += big_endian(transcript.flow.server_port, 2);
        for (const auto& step : transcript.steps) {
            input += step.side == Side::server ? '\1' : '\0';
            input += big_endian(step.bytes.size(), 2) + step.bytes;
        }
        std::ofstream file(std::string(arguments[1]) + "/" + "seed-" + std::to_string(number++),
                           std::ios::binary);
        if (!(file << input)) {
            std::fputs("write_classifier_seeds: writing a seed failed\n", stderr);
            return 1;
        }
    }
    return 0;
}
