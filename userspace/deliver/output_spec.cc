// SPDX-License-Identifier: Apache-2.0
#include "deliver/output_spec.h"

#include <algorithm>
#include <array>

namespace assay::deliver {
namespace {

constexpr std::string_view kSupported = "supported are stdout: and file:PATH";

Result<OutputSpec::Format> parse_format(std::string_view name) {
    if (name == "jsonl") {
        return OutputSpec::Format::jsonl;
    }
    constexpr std::array<std::string_view, 3> kKnown{"ecs", "cef", "asff"};
    const bool known = std::ranges::find(kKnown, name) != kKnown.end();
    return fail("format '" + std::string(name) + "' is " +
                (known ? "not supported by this build" : "unknown") + " (supported is jsonl)");
}

}  // namespace

Result<OutputSpec> OutputSpec::parse(std::string_view url) {
    const std::string act = "output '" + std::string(url) + "'";
    const auto colon = url.find(':');
    if (colon == std::string_view::npos) {
        return fail(act + ": expected SCHEME:…, " + std::string(kSupported));
    }
    const auto scheme = url.substr(0, colon);
    auto rest = url.substr(colon + 1);
    constexpr std::array<std::string_view, 7> kLater{"journald", "syslog", "syslog+tls", "unix",
                                                     "https",    "http",   "kafka"};
    if (scheme != "stdout" && scheme != "file") {
        const bool known = std::ranges::find(kLater, scheme) != kLater.end();
        return fail(act + ": " + std::string(scheme) + ": is " +
                    (known ? "not supported by this build" : "no kind of output") + " (" +
                    std::string(kSupported) + ")");
    }
    OutputSpec spec;
    if (const auto question = rest.rfind('?'); question != std::string_view::npos) {
        const auto parameter = rest.substr(question + 1);
        rest = rest.substr(0, question);
        constexpr std::string_view kFormat = "format=";
        if (!parameter.starts_with(kFormat)) {
            return fail(act + ": unknown parameter '" + std::string(parameter) +
                        "', expected format=jsonl");
        }
        const auto format = parse_format(parameter.substr(kFormat.size()));
        if (!format) {
            return std::unexpected(format.error().within(act));
        }
        spec.format = *format;
    }
    if (scheme == "stdout") {
        if (!rest.empty()) {
            return fail(act + ": nothing may follow stdout: but ?format=jsonl");
        }
        return spec;
    }
    if (rest.empty() || rest.contains('\0')) {
        return fail(act + ": a path must follow file:");
    }
    spec.kind = Kind::file;
    spec.path = rest;
    return spec;
}

}  // namespace assay::deliver
