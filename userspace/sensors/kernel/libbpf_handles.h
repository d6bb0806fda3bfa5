// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>

namespace assay::sensors {

template <auto Release>
struct ReleaseWith {
    void operator()(auto* handle) const noexcept { Release(handle); }
};

using BpfObject = std::unique_ptr<bpf_object, ReleaseWith<bpf_object__close>>;
using BpfLink = std::unique_ptr<bpf_link, ReleaseWith<bpf_link__destroy>>;
using RingBuffer = std::unique_ptr<ring_buffer, ReleaseWith<ring_buffer__free>>;
using Btf = std::unique_ptr<btf, ReleaseWith<btf__free>>;

}  // namespace assay::sensors
