// SPDX-License-Identifier: Apache-2.0
#include "engine/yaml_tree.h"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace assay::engine {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostNodes = 50'000;
constexpr std::size_t kMostTextBytes = 4 * kLargestRuleFile;
constexpr std::size_t kFewKeys = 16;

Mark to_mark(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string_view text_of(const yaml_char_t* text) {
    return text == nullptr ? std::string_view{} : reinterpret_cast<const char*>(text);
}

/// What a tree costs; aliases are charged for what they copy.
struct Size {
    std::size_t nodes = 0;
    std::size_t bytes = 0;
};

Size size_of(const YamlNode& node) {
    Size size{.nodes = 1, .bytes = node.text.size()};
    for (const YamlNode& item : node.items) {
        const Size part = size_of(item);
        size.nodes += part.nodes;
        size.bytes += part.bytes;
    }
    for (const YamlEntry& entry : node.entries) {
        const Size part = size_of(entry.value);
        size.nodes += part.nodes + 1;
        size.bytes += part.bytes + entry.key.size();
    }
    return size;
}

std::size_t depth_of(const YamlNode& node) {
    std::size_t deepest = 0;
    for (const YamlNode& item : node.items) {
        deepest = std::max(deepest, depth_of(item));
    }
    for (const YamlEntry& entry : node.entries) {
        deepest = std::max(deepest, depth_of(entry.value));
    }
    return deepest + 1;
}

bool means_nothing(std::string_view plain) {
    return plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL";
}

/// Where the lines of a text begin, to find the bytes that a mark names.
class Lines {
public:
    explicit Lines(std::string_view text) : text_(text) { starts_.push_back(0); }

    /// The byte at a line and column, both from 0; the column counts characters.
    std::size_t offset(std::size_t line, std::size_t column) {
        while (starts_.size() <= line && scanned_ < text_.size()) {
            const char c = text_[scanned_++];
            if (c == '\r' && scanned_ < text_.size() && text_[scanned_] == '\n') {
                ++scanned_;
            }
            if (c == '\n' || c == '\r') {
                starts_.push_back(scanned_);
            }
        }
        if (line >= starts_.size()) {
            return text_.size();
        }
        // Marks come in order, so a long line is walked through once and not for each of them.
        const bool goes_on = line == last_line_ && column >= last_column_;
        std::size_t at = goes_on ? last_offset_ : starts_[line];
        const std::size_t steps = goes_on ? column - last_column_ : column;
        last_line_ = line;
        last_column_ = column;
        for (std::size_t step = 0; step < steps && at < text_.size(); ++step) {
            ++at;
            while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0U) == 0x80U) {
                ++at;
            }
        }
        last_offset_ = at;
        return at;
    }
    /// The mark of a byte.
    Mark mark(std::size_t offset) {
        offset = std::min(offset, text_.size());
        (void)this->offset(text_.size(), 0);
        const auto after = std::ranges::upper_bound(starts_, offset);
        const auto line = static_cast<std::size_t>(after - starts_.begin()) - 1;
        const auto column = std::ranges::count_if(
            text_.substr(starts_[line], offset - starts_[line]),
            [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
        return {static_cast<int>(line) + 1, static_cast<int>(column) + 1};
    }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
    std::size_t scanned_ = 0;
    std::size_t last_line_ = 0;
    std::size_t last_column_ = 0;
    std::size_t last_offset_ = 0;
};

/// Builds trees from libyaml's events, one after the other, and stops at the first mistake.
class TreeBuilder {
public:
    explicit TreeBuilder(std::string_view source) : source_(source), lines_(source) {}

    [[nodiscard]] std::optional<YamlError>& error() { return error_; }
    [[nodiscard]] std::vector<YamlNode> take() { return std::move(documents_); }
    [[nodiscard]] Lines& lines() { return lines_; }

    void take_event(const yaml_event_t& event) {
        const Mark mark = to_mark(event.start_mark);
        switch (event.type) {
            case YAML_DOCUMENT_START_EVENT:
                open_.clear();
                anchors_.clear();
                break;
            case YAML_ALIAS_EVENT:
                alias(mark, text_of(event.data.alias.anchor));
                break;
            case YAML_SCALAR_EVENT:
                scalar(mark, event);
                break;
            case YAML_SEQUENCE_START_EVENT:
                open(YamlNode::Type::sequence, mark, text_of(event.data.sequence_start.anchor),
                     text_of(event.data.sequence_start.tag));
                break;
            case YAML_MAPPING_START_EVENT:
                open(YamlNode::Type::map, mark, text_of(event.data.mapping_start.anchor),
                     text_of(event.data.mapping_start.tag));
                break;
            case YAML_SEQUENCE_END_EVENT:
            case YAML_MAPPING_END_EVENT:
                close();
                break;
            default:
                break;
        }
    }

private:
    struct Open {
        YamlNode node;
        std::string anchor;
        std::optional<YamlNode> key;  ///< of a map: read, its value not yet
        /// Line of each key; only filled in maps of many keys, small ones are searched.
        std::unordered_map<std::string, int> first_line;
    };

    static std::string too_deep() {
        return "nested too deeply: expected at most " + std::to_string(kDeepest) + " levels";
    }

    void fail(Mark mark, std::string message) {
        if (!error_) {
            error_ = YamlError{mark, std::move(message)};
        }
    }

    bool charge(Size size, Mark mark) {
        spent_.nodes += size.nodes;
        spent_.bytes += size.bytes;
        if (spent_.nodes > kMostNodes || spent_.bytes > kMostTextBytes) {
            fail(mark, "too large: expected at most " + std::to_string(kMostNodes) +
                           " keys and values, aliases counted for what they stand for");
            return false;
        }
        return true;
    }

    bool tag_is_allowed(Mark mark, std::string_view tag) {
        if (tag.empty() || tag == "!" || tag == YAML_STR_TAG || tag == YAML_SEQ_TAG ||
            tag == YAML_MAP_TAG) {
            return true;
        }
        fail(mark, "tags such as `" + std::string(tag) + "` are not allowed in rules");
        return false;
    }

    void alias(Mark mark, std::string_view name) {
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) {
            fail(mark, "nothing before this alias is called `" + std::string(name) + "`");
            return;
        }
        if (depth_of(found->second) + open_.size() > kDeepest) {
            fail(mark, too_deep());
            return;
        }
        if (!charge(size_of(found->second), mark)) {
            return;
        }
        YamlNode copy = found->second;
        copy.mark = mark;
        copy.verbatim = false;
        complete(std::move(copy), {});
    }

    void scalar(Mark mark, const yaml_event_t& event) {
        const auto& scalar = event.data.scalar;
        if (!tag_is_allowed(mark, text_of(scalar.tag))) {
            return;
        }
        YamlNode node;
        node.mark = mark;
        node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        node.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nullptr;
        if (node.plain && means_nothing(node.text)) {
            node.text.clear();
        } else {
            node.type = YamlNode::Type::scalar;
            const bool is_block = scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                                  scalar.style == YAML_FOLDED_SCALAR_STYLE;
            if (!is_block && event.start_mark.line == event.end_mark.line) {
                const std::size_t start =
                    lines_.offset(event.start_mark.line, event.start_mark.column) +
                    (scalar.style == YAML_PLAIN_SCALAR_STYLE ? 0 : 1);
                node.verbatim =
                    start <= source_.size() && source_.substr(start, node.text.size()) == node.text;
            }
        }
        complete(std::move(node), text_of(scalar.anchor));
    }

    void open(YamlNode::Type type, Mark mark, std::string_view anchor, std::string_view tag) {
        if (!tag_is_allowed(mark, tag)) {
            return;
        }
        if (open_.size() >= kDeepest) {
            fail(mark, too_deep());
            return;
        }
        Open level;
        level.node.type = type;
        level.node.mark = mark;
        level.anchor = anchor;
        open_.push_back(std::move(level));
    }

    void close() {
        Open level = std::move(open_.back());
        open_.pop_back();
        complete(std::move(level.node), level.anchor);
    }

    void complete(YamlNode node, std::string_view anchor) {
        if (!charge({.nodes = 1, .bytes = node.text.size()}, node.mark)) {
            return;
        }
        if (!anchor.empty()) {
            if (!charge(size_of(node), node.mark)) {
                return;
            }
            anchors_.insert_or_assign(std::string(anchor), node);
        }
        if (open_.empty()) {
            if (node.type != YamlNode::Type::null) {
                documents_.push_back(std::move(node));
            }
            return;
        }
        Open& parent = open_.back();
        if (parent.node.type == YamlNode::Type::sequence) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.key) {
            take_key(parent, std::move(node));
        } else {
            parent.node.entries.push_back(YamlEntry{.key = std::move(parent.key->text),
                                                    .mark = parent.key->mark,
                                                    .value = std::move(node)});
            parent.key.reset();
        }
    }

    void take_key(Open& map, YamlNode key) {
        if (key.type != YamlNode::Type::scalar) {
            fail(key.mark, "expected a name as the key");
            return;
        }
        if (key.plain && key.text == "<<") {
            fail(key.mark, "merge keys (`<<`) are not allowed in rules: write the keys out");
            return;
        }
        const int line = line_of(map, key);
        if (line > 0) {
            fail(key.mark, "key `" + key.text + "` is given twice: it was given before in line " +
                               std::to_string(line));
            return;
        }
        map.key = std::move(key);
    }

    /// Where the map has this key already; 0 when it does not, and then it is remembered.
    static int line_of(Open& map, const YamlNode& key) {
        const std::vector<YamlEntry>& entries = map.node.entries;
        if (entries.size() < kFewKeys) {
            const auto found = std::ranges::find(entries, key.text, &YamlEntry::key);
            return found == entries.end() ? 0 : found->mark.line;
        }
        if (map.first_line.empty()) {
            for (const YamlEntry& entry : entries) {
                map.first_line.emplace(entry.key, entry.mark.line);
            }
        }
        const auto [first, is_new] = map.first_line.try_emplace(key.text, key.mark.line);
        return is_new ? 0 : first->second;
    }

    std::string_view source_;
    Lines lines_;
    std::vector<Open> open_;
    std::map<std::string, YamlNode, std::less<>> anchors_;
    std::vector<YamlNode> documents_;
    Size spent_;
    std::optional<YamlError> error_;
};

YamlError parser_error(const yaml_parser_t& parser, Lines& lines) {
    const std::string what = "not valid YAML: ";
    const std::string problem(parser.problem == nullptr ? "out of memory" : parser.problem);
    if (parser.error == YAML_READER_ERROR) {
        return {lines.mark(parser.problem_offset), what + problem};
    }
    return {to_mark(parser.problem_mark),
            what + problem + (parser.context == nullptr ? "" : " " + std::string(parser.context))};
}

}  // namespace

const YamlEntry* YamlNode::find(std::string_view key) const {
    const auto found = std::ranges::find(entries, key, &YamlEntry::key);
    return found == entries.end() ? nullptr : &*found;
}

Mark YamlNode::mark_at(std::size_t offset) const {
    if (!verbatim) {
        return mark;
    }
    return {mark.line, mark.column + static_cast<int>(offset) + (plain ? 0 : 1)};
}

std::size_t node_count(const YamlNode& node) { return size_of(node).nodes; }

std::expected<std::vector<YamlNode>, YamlError> parse_yaml(std::string_view text) {
    if (text.size() > kLargestRuleFile) {
        return std::unexpected(YamlError{
            {}, "the file is larger than " + std::to_string(kLargestRuleFile) + " bytes"});
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);  // a byte order mark is no part of the first line
    }
    TreeBuilder builder(text);
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return std::unexpected(YamlError{{}, "not enough memory to read YAML"});
    }
    const std::unique_ptr<yaml_parser_t, decltype(&yaml_parser_delete)> owner(&parser,
                                                                              yaml_parser_delete);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    for (bool more = true; more && !builder.error();) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            return std::unexpected(parser_error(parser, builder.lines()));
        }
        more = event.type != YAML_STREAM_END_EVENT;
        builder.take_event(event);
        yaml_event_delete(&event);
    }
    if (builder.error()) {
        return std::unexpected(std::move(*builder.error()));
    }
    return builder.take();
}

}  // namespace assay::engine
