// SPDX-License-Identifier: Apache-2.0
#include "model/text_pool.h"

namespace assay::model {

void Text::release() noexcept {
    if (node_ != nullptr && --node_->references == 0) {
        auto& nodes = node_->pool->nodes_;
        nodes.erase(nodes.find(node_->text));
    }
}

Text TextPool::intern(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    if (const auto known = nodes_.find(text); known != nodes_.end()) {
        return Text(known->second.get());
    }
    auto node = std::make_unique<Text::Node>();
    node->text.assign(text);
    node->pool = this;
    Text held(node.get());
    const std::string_view key = node->text;
    nodes_.emplace(key, std::move(node));
    return held;
}

}  // namespace assay::model
