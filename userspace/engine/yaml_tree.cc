// SPDX-License-Identifier: Apache-2.0
#include "engine/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace assay::engine {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostNodes = 50'000;
constexpr std::size_t kMostTextBytes = 4 * kLargestRuleFile;

Mark to_mark(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

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

/// Builds the tree from yaml-cpp's events. The parser cannot be stopped from here without throwing
/// through it, so after the first error the events that follow are ignored.
class TreeBuilder final : public YAML::EventHandler {
public:
    explicit TreeBuilder(std::string_view source) : source_(source) {}

    [[nodiscard]] const std::optional<YamlError>& error() const { return error_; }
    [[nodiscard]] std::vector<YamlNode> take() { return std::move(documents_); }

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {
        open_.clear();
        anchors_.clear();
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        YamlNode node;
        node.mark = to_mark(mark);
        complete(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (error_) {
            return;
        }
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            fail(to_mark(mark), "this alias stands inside what it names");
            return;
        }
        if (depth_of(found->second) + open_.size() > kDeepest) {
            fail(to_mark(mark), too_deep());
            return;
        }
        if (!charge(size_of(found->second), to_mark(mark))) {
            return;
        }
        YamlNode copy = found->second;
        copy.mark = to_mark(mark);
        copy.verbatim = false;
        complete(std::move(copy), YAML::NullAnchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (error_) {
            return;
        }
        YamlNode node;
        node.type = YamlNode::Type::scalar;
        node.mark = to_mark(mark);
        node.text = value;
        node.plain = tag == "?";
        if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str") {
            fail(node.mark, "tags such as `" + tag + "` are not allowed in rules");
            return;
        }
        const std::size_t start =
            (mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos)) + (node.plain ? 0 : 1);
        node.verbatim = start <= source_.size() && source_.substr(start, value.size()) == value &&
                        value.find('\n') == std::string::npos;
        complete(std::move(node), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Type::sequence, to_mark(mark), anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Type::map, to_mark(mark), anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct Open {
        YamlNode node;
        YAML::anchor_t anchor;
        std::optional<YamlNode> key;  ///< of a map: read, its value not yet
        std::map<std::string, int, std::less<>> first_line;
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

    void open(YamlNode::Type type, Mark mark, YAML::anchor_t anchor) {
        if (error_) {
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
        if (error_ || open_.empty()) {
            return;
        }
        Open level = std::move(open_.back());
        open_.pop_back();
        complete(std::move(level.node), level.anchor);
    }

    void complete(YamlNode node, YAML::anchor_t anchor) {
        if (error_ || !charge({.nodes = 1, .bytes = node.text.size()}, node.mark)) {
            return;
        }
        if (anchor != YAML::NullAnchor) {
            if (!charge(size_of(node), node.mark)) {
                return;
            }
            anchors_[anchor] = node;
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
        const auto [first, is_new] = map.first_line.try_emplace(key.text, key.mark.line);
        if (!is_new) {
            fail(key.mark, "key `" + key.text + "` is given twice: it was given before in line " +
                               std::to_string(first->second));
            return;
        }
        map.key = std::move(key);
    }

    std::string_view source_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, YamlNode> anchors_;
    std::vector<YamlNode> documents_;
    Size spent_;
    std::optional<YamlError> error_;
};

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

std::expected<std::vector<YamlNode>, YamlError> parse_yaml(std::string_view text) {
    if (text.size() > kLargestRuleFile) {
        return std::unexpected(YamlError{
            {}, "the file is larger than " + std::to_string(kLargestRuleFile) + " bytes"});
    }
    TreeBuilder builder(text);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (!builder.error() && parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& problem) {
        if (!builder.error()) {
            return std::unexpected(
                YamlError{to_mark(problem.mark), "not valid YAML: " + problem.msg});
        }
    }
    if (builder.error()) {
        return std::unexpected(*builder.error());
    }
    return builder.take();
}

}  // namespace assay::engine
