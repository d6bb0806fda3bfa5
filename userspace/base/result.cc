// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cstring>

namespace assay {

Error errno_error(std::string_view act, int error_number) {
    char text[128] = {};
    // The GNU variant returns the text, which may or may not be in the buffer.
    const char* reason = strerror_r(error_number, text, sizeof text);
    return Error{std::string(act) + ": " + reason};
}

}  // namespace assay
