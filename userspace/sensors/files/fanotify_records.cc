// SPDX-License-Identifier: Apache-2.0
#include "sensors/files/fanotify_records.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>

#include <cstring>
#include <type_traits>

namespace assay::sensors {
namespace {

/// Copies a fixed part out of bytes; false when they are too few.
template <class T>
bool take(std::span<const std::byte>& bytes, T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes.size() < sizeof value) {
        return false;
    }
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes = bytes.subspan(sizeof value);
    return true;
}

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view until_nul(std::span<const std::byte> bytes) {
    const auto text = as_text(bytes);
    return text.substr(0, text.find('\0'));
}

/// What follows a fanotify_event_info_header that names a file: fsid, file_handle, name.
bool read_file(std::span<const std::byte> bytes, FileHandle& handle, std::string_view& name) {
    std::uint64_t filesystem = 0;
    std::uint32_t length = 0;
    std::int32_t type = 0;
    if (!take(bytes, filesystem) || !take(bytes, length) || !take(bytes, type) ||
        length > bytes.size() || length > MAX_HANDLE_SZ) {
        return false;
    }
    handle = make_file_handle(filesystem, type, as_text(bytes.first(length)));
    name = until_nul(bytes.subspan(length));
    return true;
}

bool read_infos(std::span<const std::byte> bytes, FanotifyRecord& record) {
    while (!bytes.empty()) {
        auto rest = bytes;
        fanotify_event_info_header header{};
        if (!take(rest, header) || header.len < sizeof header || header.len > bytes.size()) {
            return false;
        }
        rest = rest.first(header.len - sizeof header);
        std::string_view no_name;
        switch (header.info_type) {
            case FAN_EVENT_INFO_TYPE_FID:
                if (!read_file(rest, record.object, no_name)) {
                    return false;
                }
                break;
            case FAN_EVENT_INFO_TYPE_DFID:
            case FAN_EVENT_INFO_TYPE_DFID_NAME:
                if (!read_file(rest, record.directory, record.name)) {
                    return false;
                }
                break;
            default:
                break;  // newer kernels may say more than we ask for
        }
        bytes = bytes.subspan(header.len);
    }
    return true;
}

}  // namespace

bool decode_fanotify(std::span<const std::byte> bytes,
                     const std::function<void(const FanotifyRecord&)>& on_record) {
    while (!bytes.empty()) {
        auto rest = bytes;
        fanotify_event_metadata fixed{};
        if (!take(rest, fixed) || fixed.vers != FANOTIFY_METADATA_VERSION ||
            fixed.metadata_len < sizeof fixed || fixed.event_len < fixed.metadata_len ||
            fixed.event_len > bytes.size()) {
            return false;
        }
        FanotifyRecord record;
        record.mask = fixed.mask;
        record.pid = fixed.pid > 0 ? static_cast<std::uint32_t>(fixed.pid) : 0;
        if (!read_infos(bytes.first(fixed.event_len).subspan(fixed.metadata_len), record)) {
            return false;
        }
        on_record(record);
        bytes = bytes.subspan(fixed.event_len);
    }
    return true;
}

bool decode_inotify(std::span<const std::byte> bytes,
                    const std::function<void(const InotifyRecord&)>& on_record) {
    while (!bytes.empty()) {
        struct Fixed {
            int watch;
            std::uint32_t mask, cookie, length;
        } fixed{};
        static_assert(sizeof fixed == sizeof(inotify_event));
        if (!take(bytes, fixed) || fixed.length > bytes.size()) {
            return false;
        }
        on_record({.watch = fixed.watch,
                   .mask = fixed.mask,
                   .name = until_nul(bytes.first(fixed.length))});
        bytes = bytes.subspan(fixed.length);
    }
    return true;
}

}  // namespace assay::sensors
