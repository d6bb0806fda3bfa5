// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/kernel_features.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ranges>

#include "base/host_root.h"
#include "sensors/kernel/kernel_sensor.h"
#include "sensors/kernel/libbpf_log.h"

namespace assay::sensors {
namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

constexpr bpf_insn kReturnZero[]{
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
// A cgroup program that returns 0 forbids the act.
constexpr bpf_insn kReturnOne[]{
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 1},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};

Result<UniqueFd> open_directory(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("opening " + path, errno));
    }
    return UniqueFd(fd);
}

/// The mount point of a whole cgroup2 hierarchy (not of a part of it), from mountinfo: "36 35 0:30
/// / /sys/fs/cgroup rw,… - cgroup2 cgroup2 rw".
std::optional<std::string> find_cgroup2_mount(std::string_view mountinfo) {
    for (const auto part : std::views::split(mountinfo, '\n')) {
        const std::string_view line(part.begin(), part.end());
        const auto type = line.find(" - cgroup2 ");
        if (type == std::string_view::npos) {
            continue;
        }
        std::array<std::string_view, 5> words{};
        std::size_t filled = 0;
        for (const auto word : std::views::split(line.substr(0, type), ' ')) {
            if (filled < words.size()) {
                words[filled++] = std::string_view(word.begin(), word.end());
            }
        }
        if (filled == words.size() && words[3] == "/" && !words[4].contains('\\')) {
            return std::string(words[4]);
        }
    }
    return std::nullopt;
}

/// Mounts cgroup2 where nobody sees it: a mount that is attached nowhere.
Result<UniqueFd> mount_cgroup2_detached() {
    const long context = ::syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
    if (context < 0) {
        return std::unexpected(errno_error("mounting cgroup2: fsopen", errno));
    }
    const UniqueFd filesystem(static_cast<int>(context));
    if (::syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return std::unexpected(errno_error("mounting cgroup2: fsconfig", errno));
    }
    const long mounted = ::syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, 0);
    if (mounted < 0) {
        return std::unexpected(errno_error("mounting cgroup2: fsmount", errno));
    }
    const UniqueFd mount(static_cast<int>(mounted));
    const int fd = ::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("mounting cgroup2: openat", errno));
    }
    return UniqueFd(fd);
}

Result<UniqueFd> open_cgroup_root() {
    const int fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        const UniqueFd file(fd);
        if (const auto text = read_all(file.get(), 16 * 1024 * 1024)) {
            if (const auto mount = find_cgroup2_mount(*text)) {
                if (auto root = open_directory(*mount)) {
                    return root;
                }
            }
        }
    }
    return mount_cgroup2_detached();
}

bool is_cgroup_program(const ProgramPoint& point) { return point.type != BPF_PROG_TYPE_TRACING; }

}  // namespace

KernelFeatures::KernelFeatures(Btf kernel_types, Result<UniqueFd> cgroup_root)
    : kernel_types_(std::move(kernel_types)) {
    if (cgroup_root) {
        cgroup_root_.emplace(std::move(*cgroup_root));
    } else {
        no_cgroup_root_ = cgroup_root.error().message;
    }
}

Result<KernelFeatures> KernelFeatures::examine() {
    keep_libbpf_log();
    Btf types(btf__load_vmlinux_btf());
    if (!types) {
        return std::unexpected(errno_error(std::string("reading ") + kKernelTypes, errno));
    }
    return KernelFeatures(std::move(types), open_cgroup_root());
}

Result<std::uint32_t> KernelFeatures::type_to_attach(const ProgramPoint& point) const {
    std::string type_name;
    std::uint32_t kind = BTF_KIND_FUNC;
    switch (point.attach) {
        case BPF_TRACE_RAW_TP:
            type_name = "btf_trace_";
            kind = BTF_KIND_TYPEDEF;
            break;
        case BPF_TRACE_ITER:
            type_name = "bpf_iter_";
            break;
        default:
            break;
    }
    type_name += point.target;
    const int id = btf__find_by_name_kind(kernel_types_.get(), type_name.c_str(), kind);
    if (id < 0) {
        return fail("this kernel has no " + type_name);
    }
    return static_cast<std::uint32_t>(id);
}

Result<void> KernelFeatures::try_program(const ProgramPoint& point) const {
    const bool in_cgroup = is_cgroup_program(point);
    if (in_cgroup && !cgroup_root_) {
        return fail(no_cgroup_root_);
    }
    // Not LIBBPF_OPTS: its compound literal is C.
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.expected_attach_type = point.attach;
    if (!in_cgroup) {
        const auto type = type_to_attach(point);
        if (!type) {
            return std::unexpected(type.error());
        }
        options.attach_btf_id = *type;
    }
    const auto& code = in_cgroup ? kReturnOne : kReturnZero;
    const int loaded =
        bpf_prog_load(point.type, "assay_try", "Dual BSD/GPL", code, std::size(code), &options);
    if (loaded < 0) {
        return std::unexpected(errno_error("loading a program for it", -loaded));
    }
    const UniqueFd program(loaded);
    int linked = -1;
    if (point.attach == BPF_TRACE_RAW_TP || point.attach == BPF_TRACE_FEXIT) {
        linked = bpf_raw_tracepoint_open(nullptr, program.get());
    } else {
        const int target = in_cgroup ? cgroup_root_->get() : 0;
        linked = bpf_link_create(program.get(), target, point.attach, nullptr);
    }
    if (linked < 0) {
        return std::unexpected(errno_error("attaching a program to it", -linked));
    }
    const UniqueFd link(linked);
    return {};
}

Result<void> KernelFeatures::try_candidate(const Candidate& candidate) const {
    for (const auto& point : candidate.programs) {
        if (auto tried = try_program(point); !tried) {
            return std::unexpected(tried.error().within(point.target));
        }
    }
    return {};
}

// --- check_can_observe ---------------------------------------------------------------------------

namespace {

struct Capability {
    unsigned number;
    std::string_view name;
};
constexpr std::array kCapabilities{
    Capability{39, "CAP_BPF"}, Capability{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    Capability{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, Capability{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}};

Result<void> check_privilege() {
    const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(errno_error("reading /proc/self/status (is /proc mounted?)", errno));
    }
    const UniqueFd file(fd);
    const auto status = read_all(file.get(), 1024 * 1024);
    if (!status) {
        return std::unexpected(status.error().within("reading /proc/self/status"));
    }
    constexpr std::string_view kEffective = "\nCapEff:\t";
    const auto found = status->find(kEffective);
    std::uint64_t effective = 0;
    if (found != std::string::npos) {
        const char* begin = status->data() + found + kEffective.size();
        std::from_chars(begin, status->data() + status->size(), effective, 16);
    }
    std::string missing;
    for (const auto& capability : kCapabilities) {
        // CAP_SYS_ADMIN has all that CAP_BPF gives.
        const bool held = (effective >> capability.number & 1) != 0 ||
                          (capability.number == 39 && (effective >> CAP_SYS_ADMIN & 1) != 0);
        if (!held) {
            missing += missing.empty() ? "" : ", ";
            missing += capability.name;
        }
    }
    if (!missing.empty()) {
        return fail("observing the kernel needs privileges that this process does not have (" +
                    missing + "): run it as root, with sudo");
    }
    return {};
}

Result<void> check_version() {
    utsname system{};
    ::uname(&system);
    const std::string_view release(system.release);
    unsigned major = 0;
    unsigned minor = 0;
    const char* const begin = &system.release[0];
    const char* const end = begin + release.size();
    const auto first = std::from_chars(begin, end, major);
    if (first.ec != std::errc{} || first.ptr == end ||
        std::from_chars(first.ptr + 1, end, minor).ec != std::errc{}) {
        return {};  // a kernel that names itself otherwise is judged by what it takes
    }
    if (major < 5 || (major == 5 && minor < 10)) {
        return fail("Linux " + std::string(release) +
                    " is too old to be observed: boot a kernel of version 5.10 or later");
    }
    return {};
}

Result<void> check_kernel_types() {
    if (::access(kKernelTypes, R_OK) == 0) {
        return {};
    }
    if (errno == ENOENT) {
        return fail(std::string(kKernelTypes) +
                    " is missing: boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, and see that "
                    "sysfs is mounted on /sys");
    }
    return std::unexpected(errno_error(std::string("reading ") + kKernelTypes, errno));
}

}  // namespace

Result<void> check_can_observe() {
    if (auto checked = check_privilege(); !checked) {
        return checked;
    }
    if (auto checked = check_version(); !checked) {
        return checked;
    }
    return check_kernel_types();
}

Result<std::vector<HookReport>> examine_hooks() {
    if (auto checked = check_can_observe(); !checked) {
        return std::unexpected(checked.error());
    }
    const auto features = KernelFeatures::examine();
    if (!features) {
        return std::unexpected(features.error());
    }
    std::vector<HookReport> reports;
    for (const auto& hook : hook_points()) {
        HookReport report{.hook = hook.hook, .candidates = {}};
        bool chosen = false;
        for (const auto& candidate : hook.candidates) {
            const std::size_t begin = report.candidates.size();
            bool usable = true;
            for (const auto& point : candidate.programs) {
                const auto tried = features->try_program(point);
                usable = usable && tried.has_value();
                report.candidates.push_back({.program = std::string(point.program),
                                             .mechanism = std::string(name(candidate.mechanism)),
                                             .target = std::string(point.target),
                                             .usable = tried.has_value(),
                                             .chosen = false,
                                             .reason = tried ? "" : tried.error().message});
            }
            if (candidate.programs.empty()) {
                report.candidates.push_back({.program = "",
                                             .mechanism = std::string(name(candidate.mechanism)),
                                             .target = "/proc",
                                             .usable = true,
                                             .chosen = false,
                                             .reason = ""});
            }
            if (usable && !chosen) {
                chosen = true;
                for (auto& told :
                     std::views::drop(report.candidates, static_cast<std::ptrdiff_t>(begin))) {
                    told.chosen = true;
                }
            }
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

}  // namespace assay::sensors
