// SPDX-License-Identifier: Apache-2.0
#include "findings/finding.h"

#include <cstddef>
#include <optional>

namespace assay::findings {
namespace {

/// Reads fields of one fact as texts.
class Fields {
public:
    explicit Fields(const facts::RecordedFact& fact) : view_(fact) {}

    [[nodiscard]] std::string text(std::string_view field) const {
        std::string out;
        facts::append_value_text(out, view_.get(field));
        return out;
    }
    [[nodiscard]] bool is(std::string_view field, bool wanted) const {
        const auto value = view_.get(field);
        const bool* flag = std::get_if<bool>(&value);
        return flag != nullptr && *flag == wanted;
    }
    [[nodiscard]] std::optional<std::uint64_t> number(std::string_view field) const {
        const auto value = view_.get(field);
        if (const auto* number = std::get_if<std::uint64_t>(&value)) {
            return *number;
        }
        const auto* number = std::get_if<std::int64_t>(&value);
        return number != nullptr && *number >= 0
                   ? std::optional(static_cast<std::uint64_t>(*number))
                   : std::nullopt;
    }

private:
    facts::FactView view_;
};

std::string who(const Fields& fact) {
    std::string image = fact.text("Image");
    if (image.empty()) {
        image = "an unknown program";
    }
    const std::string user = fact.text("User");
    const std::string pid = fact.text("ProcessId");
    if (user.empty() && pid.empty()) {
        return image;
    }
    image += " (" + user;
    if (!pid.empty()) {
        image += (user.empty() ? "pid " : ", pid ") + pid;
    }
    return image + ")";
}

std::string endpoint(const std::string& ip, const std::string& port) {
    std::string out = ip.contains(':') ? "[" + ip + "]" : ip;
    if (!port.empty()) {
        out += ":" + port;
    }
    return out;
}

/// ": http in clear text, with a readable password"
std::string spoken(const Fields& fact) {
    const std::string protocol = fact.text("ApplicationProtocol");
    if (protocol.empty()) {
        return {};
    }
    std::string out = ": " + protocol;
    if (const std::string version = fact.text("ApplicationProtocolVersion"); !version.empty()) {
        out += " " + version;
    }
    if (const std::string tls = fact.text("TlsVersion"); !tls.empty()) {
        out += ", " + tls;
    } else if (fact.is("Encrypted", true)) {
        out += ", encrypted";
    } else if (fact.is("Encrypted", false)) {
        out += " in clear text";
    }
    if (fact.is("CleartextCredentials", true)) {
        out += ", with a readable password";
    }
    if (fact.text("ProtocolEvidence") == "port") {
        out += ", guessed from the port number";
    }
    return out;
}

std::string connection(const Fields& fact) {
    std::string there = endpoint(fact.text("DestinationIp"), fact.text("DestinationPort"));
    if (fact.is("Initiated", false)) {
        return fact.text("SourceIp") + " to " + who(fact) + " at " + there + spoken(fact);
    }
    if (const std::string host = fact.text("DestinationHostname"); !host.empty()) {
        there += " (" + host + ")";
    }
    return who(fact) + " to " + there + spoken(fact);
}

std::string listener(const Fields& fact) {
    std::string out = fact.text("Protocol") + " " +
                      endpoint(fact.text("LocalIp"), fact.text("LocalPort")) + " of ";
    const std::string owners = fact.text("Owners");
    out += owners.empty() ? who(fact) : owners;
    out += spoken(fact);
    const auto connections = fact.number("Connections");
    const auto with_data = fact.number("ConnectionsWithData");
    if (connections && with_data) {
        if (*connections == 0) {
            out += ", no connection";
        } else if (*with_data == 0) {
            out += ", probed only: " + std::to_string(*connections) + " connections without data";
        } else {
            out += ", " + std::to_string(*connections) + " connections";
        }
        if (const std::string seconds = fact.text("ObservedSeconds"); !seconds.empty()) {
            out += " in " + seconds + " s";
        }
    }
    return out;
}

std::string in_source(const Fields& fact) {
    const std::string source = fact.text("Source");
    return source.empty() ? "" : " (" + source + ")";
}

std::string setting(const Fields& fact) {
    const std::string value = fact.text("Value");
    std::string out = fact.text("Setting") + (value.empty() ? " is not known" : " is " + value);
    if (const std::string criteria = fact.text("Criteria"); !criteria.empty()) {
        out += " for " + criteria;
    }
    return out + in_source(fact);
}

std::string directory(const Fields& fact) {
    std::string out = fact.text("Path");
    if (const std::string writers = fact.text("WritableBy"); !writers.empty()) {
        out += " can be changed by " + writers;
    }
    if (const std::string weakest = fact.text("WeakestPath");
        !weakest.empty() && weakest != fact.text("Path")) {
        out += ", through " + weakest;
    }
    return out;
}

std::string coverage(const Fields& fact) {
    std::string out = fact.text("Hook") + " is " + fact.text("State");
    if (const auto lost = fact.number("Lost"); lost && *lost > 0) {
        out += ", " + std::to_string(*lost) + " events lost";
    }
    if (const std::string reason = fact.text("Reason"); !reason.empty()) {
        out += ": " + reason;
    }
    return out;
}

}  // namespace

std::string_view name(Cause cause) {
    switch (cause) {
        case Cause::first_match:
            return "first match";
        case Cause::severity:
            return "severity changed";
        case Cause::evidence:
            return "new kind of evidence";
        case Cause::count:
            return "count grew";
        case Cause::no_longer:
            return "no longer the case";
    }
    return {};
}

std::string_view severity_word(engine::Level level) {
    switch (level) {
        case engine::Level::informational:
            return "Informational";
        case engine::Level::low:
            return "Low";
        case engine::Level::medium:
            return "Medium";
        case engine::Level::high:
        case engine::Level::critical:
            return "High";
    }
    return {};
}

double numeric_severity(engine::Level level) {
    switch (level) {
        case engine::Level::informational:
            return 0;
        case engine::Level::low:
            return 3;
        case engine::Level::medium:
            return 6;
        case engine::Level::high:
            return 9;
        case engine::Level::critical:
            return 9.5;
    }
    return 0;
}

std::string title(const Finding& finding) {
    return finding.is_summary ? finding.rule->title + " (and more of this kind)"
                              : finding.rule->title;
}

std::string sentence(const Finding& finding) {
    if (finding.is_summary) {
        std::string out = "and " + std::to_string(finding.count) + " more of this kind";
        if (!finding.subject.empty()) {
            out += ": " + finding.subject.front().second;
        }
        return out;
    }
    if (!finding.evidence.empty()) {
        const Fields fact(finding.evidence.back()->fact);
        switch (finding.kind) {
            case facts::Kind::network_connection:
                return connection(fact);
            case facts::Kind::listener:
                return listener(fact);
            case facts::Kind::file_event:
                return fact.text("Image") + " " + fact.text("Operation") + " " +
                       fact.text("TargetFilename");
            case facts::Kind::setting:
                return setting(fact);
            case facts::Kind::account:
                return "account " + fact.text("Account") + in_source(fact);
            case facts::Kind::directory:
                return directory(fact);
            case facts::Kind::coverage:
                return coverage(fact);
            case facts::Kind::process_creation: {
                const std::string command_line = fact.text("CommandLine");
                return who(fact) + (command_line.empty() ? "" : ": " + command_line);
            }
        }
    }
    std::string out;
    for (const auto& [field, value] : finding.subject) {
        out.append(out.empty() ? "" : ", ").append(field).append(" ").append(value);
    }
    return out;
}

std::string shortened(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) {
        return std::string(text);
    }
    constexpr std::string_view kCut = "…";
    std::size_t end = limit > kCut.size() ? limit - kCut.size() : 0;
    // Not inside a UTF-8 sequence: its later bytes are 10xxxxxx.
    for (int back = 0;
         back < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U; ++back) {
        --end;
    }
    std::string out(text.substr(0, end));
    out += kCut;
    return out;
}

}  // namespace assay::findings
