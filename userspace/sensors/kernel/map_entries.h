// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

namespace assay::sensors {

/// Calls `on_entry(key, value)` for every entry of a hash map, in batches where the kernel has them
/// (Linux 5.6, not for every type of map). The map must not be changed meanwhile by this thread.
template <class Key, class Value, class OnEntry>
void for_each_entry(int map, OnEntry&& on_entry) {
    constexpr std::uint32_t kBatch = 1024;
    std::vector<Key> keys(kBatch);
    std::vector<Value> values(kBatch);
    std::uint64_t position = 0;
    bool first = true;
    for (;;) {
        std::uint32_t count = kBatch;
        const int result = bpf_map_lookup_batch(map, first ? nullptr : &position, &position,
                                                keys.data(), values.data(), &count, nullptr);
        if (result != 0 && result != -ENOENT) {
            break;  // not in batches: one by one, from the start; telling an entry twice does no
                    // harm
        }
        for (std::uint32_t i = 0; i < std::min(count, kBatch); ++i) {
            on_entry(keys[i], values[i]);
        }
        if (result == -ENOENT) {
            return;
        }
        first = false;
    }
    Key key{};
    const Key* previous = nullptr;
    Key next{};
    // A key that is deleted while we stand on it sends us back to the first one: bound the walk.
    for (std::uint32_t step = 0; step < (1U << 20); ++step) {
        if (bpf_map_get_next_key(map, previous, &next) != 0) {
            return;
        }
        key = next;
        previous = &key;
        Value value{};
        if (bpf_map_lookup_elem(map, &key, &value) == 0) {
            on_entry(key, value);
        }
    }
}

}  // namespace assay::sensors
