// SPDX-License-Identifier: Apache-2.0
#include "app/rules_command_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/host_root.h"
#include "base/json_text.h"
#include "base/unique_fd.h"
#include "deliver/json_writer.h"

namespace assay::app {

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

std::string for_terminal(std::string_view text) {
    std::string safe;
    append_terminal_text(safe, text);
    return safe;
}

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

TextTable::TextTable(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

void TextTable::add(const std::vector<std::string>& cells) {
    std::vector<std::string>& row = rows_.emplace_back();
    std::ranges::transform(cells, std::back_inserter(row), for_terminal);
}

std::string TextTable::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns_of(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) {
                line.append(widths[i] - columns_of(row[i]) + 2, ' ');
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
    std::string out;
    std::string line;
    const auto flush = [&] {
        if (!line.empty()) {
            out += std::string(indent) + line + '\n';
            line.clear();
        }
    };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \n\t"), text.size());
        const std::string word = for_terminal(text.substr(0, end));
        if (!line.empty() && indent.size() + columns_of(line) + 1 + columns_of(word) > width) {
            flush();
        }
        line += line.empty() || word.empty() ? word : " " + word;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    flush();
    return out;
}

std::string counted(std::uint64_t number, std::string_view thing) {
    return std::to_string(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

std::string rule_json(const engine::RuleInfo& rule, const std::vector<std::string>& kinds,
                      std::string_view unsupported_reason) {
    std::string out;
    deliver::JsonWriter json(out);
    const auto text = [&](std::string_view key, std::string_view value) {
        json.key(key).text(value);
    };
    const auto list = [&](std::string_view key, const std::vector<std::string>& values) {
        json.key(key).open('[');
        for (const std::string& value : values) {
            json.text(value);
        }
        json.close(']');
    };
    json.open('{');
    text("rule", rule.slug);
    text("id", rule.id);
    text("title", rule.title);
    text("package", rule.package);
    text("level", name(rule.level));
    list("kinds", kinds);
    text("status", rule.status);
    text("file", rule.file);
    text("description", rule.description);
    text("remediation", rule.remediation);
    list("references", rule.references);
    list("tags", rule.tags);
    list("false_positives", rule.false_positives);
    json.key("supported").boolean(unsupported_reason.empty());
    json.field("unsupported", unsupported_reason);
    json.close('}');
    return out;
}

Result<std::string> read_input(const std::string& path, std::size_t limit) {
    if (path == "-") {
        return read_all(STDIN_FILENO, limit);
    }
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("cannot read " + path, errno));
    }
    const UniqueFd file(fd);
    auto text = read_all(file.get(), limit);
    if (!text) {
        return std::unexpected(text.error().within("cannot read " + path));
    }
    return text;
}

}  // namespace assay::app
