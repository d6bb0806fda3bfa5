// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/command_line.h"

#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

constexpr std::string_view kTitle = "sshd: ";
constexpr std::string_view kWithArgument = "CEbcfghkopu";
constexpr std::string_view kServesNobody = "TtGVR";

/// A title has lost which blanks were inside an argument. sshd has options only, so whatever does
/// not begin with a dash belongs to the argument before it.
std::vector<std::string> arguments_of_title(std::string_view title) {
    std::vector<std::string> arguments;
    for (const std::string_view word : split(title, ' ')) {
        if (word.empty()) {
            continue;
        }
        const bool continues =
            !arguments.empty() && !word.starts_with('-') &&
            (!arguments.back().starts_with('-') || arguments.back().starts_with("-o")) &&
            arguments.back().size() > 2;
        if (continues) {
            arguments.back() += " " + std::string(word);
        } else {
            arguments.emplace_back(word);
        }
    }
    return arguments;
}

}  // namespace

std::optional<CommandLine> parse_command_line(std::span<const std::string> arguments) {
    CommandLine line;
    std::optional<std::string> grace;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "--") {
            break;
        }
        if (!word.starts_with('-') || word.size() < 2) {
            continue;
        }
        for (std::size_t at = 1; at < word.size(); ++at) {
            const char letter = word[at];
            if (kServesNobody.contains(letter)) {
                return std::nullopt;
            }
            if (!kWithArgument.contains(letter)) {
                continue;
            }
            std::string value(word.substr(at + 1));
            if (value.empty() && i + 1 < arguments.size()) {
                value = arguments[++i];
            }
            if (letter == 'f') {
                line.config =
                    value.starts_with('/') || same_word(value, "none") ? value : "/" + value;
            } else if (letter == 'o') {
                line.options.push_back(std::move(value));
            } else if (letter == 'g') {
                grace = std::move(value);
            }
            break;
        }
    }
    if (grace) {
        // -g wins over -o, wherever it stands.
        line.options.insert(line.options.begin(), "LoginGraceTime=" + *grace);
    }
    return line;
}

std::optional<CommandLine> command_line_of_process(const std::vector<std::string>& argv) {
    if (argv.empty()) {
        return std::nullopt;
    }
    const std::string_view title = argv[0];
    if (!title.starts_with(kTitle)) {
        return parse_command_line(std::span(argv).subspan(1));
    }
    const std::size_t listener = title.find(" [listener]");
    if (listener == std::string_view::npos) {
        return std::nullopt;
    }
    const auto arguments =
        arguments_of_title(title.substr(kTitle.size(), listener - kTitle.size()));
    return arguments.empty() ? std::nullopt : parse_command_line(std::span(arguments).subspan(1));
}

}  // namespace assay::sensors::sshd
