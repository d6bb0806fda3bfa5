// SPDX-License-Identifier: Apache-2.0
// The redactor reads command lines, which anybody on the host may write. Whatever stands before and
// behind, a value given to --password is gone, and the result stays in proportion.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "findings/redact.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::string_view kSecret = "x7Q9secretZ1";
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(data[i]);
    }
    const std::string told = assay::findings::redacted(text);
    if (told.size() > text.size() * 16 + 64) {
        std::abort();
    }
    if (text.find(kSecret) == std::string::npos) {
        const std::size_t half = text.size() / 2;
        const std::string planted =
            text.substr(0, half) + " --password " + std::string(kSecret) + " " + text.substr(half);
        if (assay::findings::redacted(planted).find(kSecret) != std::string::npos) {
            std::abort();
        }
    }
    return 0;
}
