// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/host_text.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace assay::sensors {
namespace {

std::size_t line_of(std::string_view text, std::size_t offset) {
    return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

/// Offset of the first byte that is not part of well-formed UTF-8; npos when all is.
std::size_t first_not_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        std::size_t more = 0;
        if (lead < 0x80) {
            ++i;
            continue;
        }
        if (lead >= 0xC2 && lead <= 0xDF) {
            more = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            more = 2;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            more = 3;
        } else {
            return i;
        }
        if (text.size() - i <= more) {
            return i;
        }
        for (std::size_t k = 1; k <= more; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80U) {
                return i;
            }
        }
        i += more + 1;
    }
    return std::string_view::npos;
}

std::string oddity(std::string_view path, std::string_view text) {
    if (const auto at = text.find("\r\n"); at != std::string_view::npos) {
        return at_line(path, line_of(text, at)) + ": line ends in CR LF";
    }
    if (const auto at = first_not_utf8(text); at != std::string_view::npos) {
        return at_line(path, line_of(text, at)) + ": bytes that are not UTF-8";
    }
    return {};
}

HostText read_text(const HostRoot& host, std::string_view path) {
    HostText file;
    file.path = path;
    const auto opened = host.open_file(below_root(path));
    if (!opened) {
        // exists() is false only for what certainly is not there; a dangling link or a loop is.
        const auto link = host.status(below_root(path), false);
        file.missing = !link && !host.exists(below_root(path));
        if (!file.missing) {
            file.unreadable = file.path + ": " + cause(opened.error());
        }
        return file;
    }
    struct stat status{};
    if (::fstat(opened->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        file.unreadable = file.path + ": not a regular file";
        return file;
    }
    auto text = read_all(opened->get(), kLargestText);
    if (!text) {
        file.unreadable = file.path + ": " + cause(text.error());
        return file;
    }
    if (const auto nul = text->find('\0'); nul != std::string::npos) {
        file.unreadable = at_line(path, line_of(*text, nul)) + ": binary data";
        return file;
    }
    file.odd = oddity(path, *text);
    file.text = std::move(*text);
    return file;
}

}  // namespace

const HostText& HostReader::read(std::string_view path) {
    if (const auto known = texts_.find(path); known != texts_.end()) {
        return known->second;
    }
    dependencies_.files.emplace_back(path);
    const auto& file = texts_.emplace(path, read_text(host_, path)).first->second;
    if (!file.unreadable.empty()) {
        problem(path, file.unreadable);
    } else if (!file.odd.empty()) {
        problem(path, file.odd);
    }
    return file;
}

std::vector<std::string> HostReader::list(std::string_view path) {
    depends_on_directory(path);
    constexpr std::size_t kMostEntries = 4096;
    auto names = host_.list_directory(below_root(path), kMostEntries);
    if (names) {
        return std::move(*names);
    }
    if (host_.exists(below_root(path)) || host_.status(below_root(path), false)) {
        problem(path, std::string(path) + ": " + cause(names.error()));
    }
    return {};
}

bool HostReader::exists(std::string_view path) {
    dependencies_.files.emplace_back(path);
    return host_.exists(below_root(path));
}

bool HostReader::is_directory(std::string_view path) const {
    const auto status = host_.status(below_root(path));
    return status && S_ISDIR(status->st_mode);
}

void HostReader::problem(std::string_view path, std::string text) {
    problems_.emplace(path, std::move(text));
}

void HostReader::depends_on_directory(std::string_view path) {
    dependencies_.directories.emplace_back(path);
}

Dependencies HostReader::take_dependencies() {
    const auto without_repeats = [](std::vector<std::string>& names) {
        std::ranges::sort(names);
        const auto repeats = std::ranges::unique(names);
        names.erase(repeats.begin(), repeats.end());
    };
    without_repeats(dependencies_.files);
    without_repeats(dependencies_.directories);
    return std::move(dependencies_);
}

std::string_view below_root(std::string_view path) {
    const auto start = path.find_first_not_of('/');
    return start == std::string_view::npos ? std::string_view{} : path.substr(start);
}

std::string cause(const Error& error) {
    const auto last = error.message.rfind(": ");
    return last == std::string::npos ? error.message : error.message.substr(last + 2);
}

std::string at_line(std::string_view path, std::size_t line) {
    return std::string(path) + ":" + std::to_string(line);
}

bool next_line(std::string_view& rest, std::string_view& line) {
    if (rest.empty()) {
        return false;
    }
    const auto end = rest.find('\n');
    line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return true;
}

std::vector<std::string_view> split_words(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> words;
    for (auto start = text.find_first_not_of(separators); start != std::string_view::npos;) {
        const auto end = text.find_first_of(separators, start);
        words.push_back(text.substr(start, end - start));
        start = end == std::string_view::npos ? end : text.find_first_not_of(separators, end);
    }
    return words;
}

std::string_view trimmed(std::string_view text, std::string_view space) {
    const auto start = text.find_first_not_of(space);
    if (start == std::string_view::npos) {
        return {};
    }
    return text.substr(start, text.find_last_not_of(space) - start + 1);
}

std::string lower(std::string_view text) {
    std::string folded(text);
    std::ranges::transform(folded, folded.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return folded;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && lower(a) == lower(b);
}

namespace {

struct Parsed {
    std::optional<std::int64_t> value;
    bool whole = false;
};

Parsed parse_number(std::string_view text, int base) {
    constexpr std::size_t kLongest = 64;  // any longer cannot be a number that fits
    std::array<char, kLongest + 1> digits{};
    if (text.size() > kLongest) {
        return {};
    }
    std::ranges::copy(text, digits.begin());
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(digits.data(), &end, base);
    if (end == digits.data() || errno != 0) {
        return {};
    }
    return {value, static_cast<std::size_t>(end - digits.data()) == text.size()};
}

}  // namespace

std::optional<std::int64_t> to_number(std::string_view text, int base) {
    const Parsed parsed = parse_number(text, base);
    return parsed.whole ? parsed.value : std::nullopt;
}

std::optional<std::int64_t> leading_number(std::string_view text, int base) {
    return parse_number(text, base).value;
}

}  // namespace assay::sensors
