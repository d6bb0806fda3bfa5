// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/bpf_objects.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "network.skel.h"
#include "process.skel.h"
#include "sensors/kernel/libbpf_log.h"
#include "snapshot.skel.h"

namespace assay::sensors {
namespace {

struct Embedded {
    const char* name;
    const void* bytes;
    std::size_t size;
};

Embedded embedded(Family family) {
    std::size_t size = 0;
    switch (family) {
        case Family::process: {
            const void* bytes = process_programs__elf_bytes(&size);
            return {"process", bytes, size};
        }
        case Family::network: {
            const void* bytes = network_programs__elf_bytes(&size);
            return {"network", bytes, size};
        }
        case Family::snapshot:
            break;
    }
    const void* bytes = snapshot_programs__elf_bytes(&size);
    return {"snapshot", bytes, size};
}

BpfObject open(const Embedded& object) {
    // Not LIBBPF_OPTS: its compound literal is C.
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.object_name = object.name;
    return BpfObject(bpf_object__open_mem(object.bytes, object.size, &options));
}

bpf_program* find(const bpf_object* object, std::string_view name) {
    return bpf_object__find_program_by_name(object, std::string(name).c_str());
}

/// Where `settings` is in .rodata: other constants may stand before it.
Result<std::size_t> offset_of_settings(const bpf_object* object) {
    const btf* types = bpf_object__btf(object);
    const int section_id = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
    if (section_id < 0) {
        return fail("the object has no constants");
    }
    const btf_type* section = btf__type_by_id(types, static_cast<std::uint32_t>(section_id));
    const std::span variables(btf_var_secinfos(section), btf_vlen(section));
    for (const auto& variable : variables) {
        const btf_type* type = btf__type_by_id(types, variable.type);
        const char* name = btf__name_by_offset(types, type->name_off);
        if (name != nullptr && std::strcmp(name, "settings") == 0 &&
            variable.size == sizeof(wire_settings)) {
            return variable.offset;
        }
    }
    return fail("the object has no settings");
}

Result<void> write_settings(const bpf_object* object, const wire_settings& settings) {
    bpf_map* constants = bpf_object__find_map_by_name(object, ".rodata");
    const auto offset = offset_of_settings(object);
    if (!offset) {
        return std::unexpected(offset.error());
    }
    std::size_t size = 0;
    // libbpf before 1.4 calls it const and has us write to it all the same.
    const void* initial = constants == nullptr ? nullptr : bpf_map__initial_value(constants, &size);
    auto* bytes = static_cast<std::byte*>(const_cast<void*>(initial));
    if (bytes == nullptr || *offset + sizeof settings > size) {
        return fail("the object has no room for its settings");
    }
    std::memcpy(bytes + *offset, &settings, sizeof settings);
    return {};
}

Result<void> prepare_maps(const bpf_object* object, const SharedMaps& shared) {
    const auto reuse = [&](const char* name, int fd) {
        bpf_map* map = bpf_object__find_map_by_name(object, name);
        return map == nullptr ? 0 : bpf_map__reuse_fd(map, fd);
    };
    if (const int failed = reuse("ring", shared.ring); failed != 0) {
        return std::unexpected(errno_error("sharing the ring", -failed));
    }
    if (const int failed = reuse("counters", shared.counters); failed != 0) {
        return std::unexpected(errno_error("sharing the counters", -failed));
    }
    if (bpf_map* records = bpf_object__find_map_by_name(object, "exec_records")) {
        const int processors = libbpf_num_possible_cpus();
        if (processors < 0) {
            return std::unexpected(errno_error("counting processors", -processors));
        }
        bpf_map__set_max_entries(records, static_cast<std::uint32_t>(processors));
    }
    return {};
}

}  // namespace

Result<UniqueFd> make_ring(std::uint32_t bytes) {
    const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, bytes, nullptr);
    if (fd < 0) {
        return std::unexpected(
            errno_error("making a ring buffer of " + std::to_string(bytes) + " bytes", -fd));
    }
    return UniqueFd(fd);
}

Result<UniqueFd> make_counters() {
    const int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "counters", sizeof(std::uint32_t),
                                  sizeof(std::uint64_t), COUNTER_MAX, nullptr);
    if (fd < 0) {
        return std::unexpected(errno_error("making the loss counters", -fd));
    }
    return UniqueFd(fd);
}

std::expected<LoadedFamily, LoadFailure> LoadedFamily::load(
    Family family, std::span<const std::string_view> programs, const SharedMaps& shared,
    const wire_settings& settings) {
    const auto failure = [](std::string program, Error error) {
        return std::unexpected(LoadFailure{std::move(program), std::move(error)});
    };
    clear_libbpf_log();
    const Embedded bytes = embedded(family);
    BpfObject object = open(bytes);
    if (!object) {
        return failure({}, errno_error(std::string("opening BPF object ") + bytes.name, errno));
    }
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
        const bool wanted =
            std::ranges::find(programs, std::string_view(bpf_program__name(program))) !=
            programs.end();
        bpf_program__set_autoload(program, wanted);
    }
    if (auto prepared = prepare_maps(object.get(), shared); !prepared) {
        return failure({}, prepared.error());
    }
    if (auto written = write_settings(object.get(), settings); !written) {
        return failure({}, written.error());
    }
    if (const int failed = bpf_object__load(object.get()); failed != 0) {
        Error error = errno_error(std::string("loading BPF object ") + bytes.name, -failed);
        if (const auto complaint = last_libbpf_complaint(); !complaint.empty()) {
            error.message += " (" + complaint + ")";
        }
        return failure(program_that_failed(), std::move(error));
    }
    return LoadedFamily(std::move(object));
}

Result<BpfLink> LoadedFamily::attach(const ProgramPoint& point, int cgroup_root) const {
    const bpf_program* program = find(object_.get(), point.program);
    if (program == nullptr) {
        return fail("there is no program " + std::string(point.program));
    }
    BpfLink link(point.type == BPF_PROG_TYPE_TRACING
                     ? bpf_program__attach(program)
                     : bpf_program__attach_cgroup(program, cgroup_root));
    if (!link) {
        return std::unexpected(errno_error("attaching " + std::string(point.program), errno));
    }
    return link;
}

int LoadedFamily::program_fd(std::string_view program) const {
    const bpf_program* found = find(object_.get(), program);
    return found == nullptr ? -1 : bpf_program__fd(found);
}

int LoadedFamily::map_fd(const char* map) const {
    return bpf_object__find_map_fd_by_name(object_.get(), map);
}

}  // namespace assay::sensors
