// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace assay::model {

class TextPool;

/// A shared, unchanging text. Copies are cheap; equal texts of one pool are one object. Must not
/// outlive its pool; one thread.
class Text {
public:
    Text() = default;
    Text(const Text& other) noexcept : node_(other.node_) { hold(); }
    Text(Text&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Text& operator=(const Text& other) noexcept {
        Text copy(other);
        std::swap(node_, copy.node_);
        return *this;
    }
    Text& operator=(Text&& other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~Text() { release(); }

    [[nodiscard]] std::string_view view() const {
        return node_ == nullptr ? std::string_view{} : std::string_view(node_->text);
    }
    [[nodiscard]] bool empty() const { return node_ == nullptr; }
    bool operator==(const Text& other) const { return node_ == other.node_; }

private:
    friend class TextPool;
    struct Node {
        std::string text;
        TextPool* pool = nullptr;
        std::uint32_t references = 0;
    };
    explicit Text(Node* node) noexcept : node_(node) { hold(); }
    void hold() noexcept {
        if (node_ != nullptr) {
            ++node_->references;
        }
    }
    void release() noexcept;
    Node* node_ = nullptr;
};

/// Keeps each text once, for as long as somebody holds it: ten thousand shells share one
/// "/usr/bin/bash".
class TextPool {
public:
    TextPool() = default;
    TextPool(const TextPool&) = delete;
    TextPool& operator=(const TextPool&) = delete;

    /// An empty text gives an empty Text.
    [[nodiscard]] Text intern(std::string_view text);
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

private:
    friend class Text;
    std::unordered_map<std::string_view, std::unique_ptr<Text::Node>> nodes_;
};

}  // namespace assay::model
