// SPDX-License-Identifier: Apache-2.0
#include "sensors/kernel/socket_tables.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>

#include "base/host_root.h"
#include "base/unique_fd.h"

namespace assay::sensors {
namespace {

constexpr std::size_t kTableLimit = 64UL * 1024 * 1024;
constexpr std::uint32_t kTcpListen = 0x0A;  // include/net/tcp_states.h
constexpr std::uint32_t kUdpUnconnected = 0x07;

template <class Number>
std::optional<Number> number(std::string_view digits, int base) {
    Number value{};
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (problem != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return value;
}

std::string_view take_word(std::string_view& line) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) {
        return line = {};
    }
    line.remove_prefix(begin);
    const auto word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;
};

/// "0100007F:1F90": the address as 32-bit words in the byte order of the machine, the port in hex.
std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const auto colon = text.find(':');
    if (colon != 8 && colon != 32) {
        return std::nullopt;
    }
    const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
    if (!port) {
        return std::nullopt;
    }
    Endpoint endpoint{.address = {}, .port = *port};
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t word = 0; word * 8 < colon; ++word) {
        const auto value = number<std::uint32_t>(text.substr(word * 8, 8), 16);
        if (!value) {
            return std::nullopt;
        }
        for (std::size_t i = 0; i < 4; ++i) {
            bytes.at(word * 4 + i) = static_cast<std::uint8_t>(*value >> (8 * i));
        }
    }
    if (colon == 8) {
        endpoint.address = IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]);
    } else {
        endpoint.address.bytes = bytes;
    }
    return endpoint;
}

}  // namespace

void read_socket_table(std::string_view text, bool udp, std::uint32_t netns,
                       const std::function<void(const SocketHeld&)>& on_socket) {
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        take_word(line);  // "12:"
        const auto local = parse_endpoint(take_word(line));
        const auto remote = parse_endpoint(take_word(line));
        const auto state = number<std::uint32_t>(take_word(line), 16);
        if (!local || !remote || state != (udp ? kUdpUnconnected : kTcpListen)) {
            continue;
        }
        take_word(line);  // queues
        take_word(line);  // timer
        take_word(line);  // retransmits
        const auto uid = number<std::uint32_t>(take_word(line), 10);
        take_word(line);  // timeout
        const auto inode = number<std::uint64_t>(take_word(line), 10);
        SocketHeld socket;
        socket.uid = uid.value_or(0);
        socket.socket_inode = inode.value_or(0);
        socket.netns = netns;
        socket.udp = udp;
        socket.listening = true;
        socket.local = local->address;
        socket.local_port = local->port;
        socket.remote = remote->address;
        on_socket(socket);
    }
}

Result<void> read_own_socket_tables(const std::function<void(const SocketHeld&)>& on_socket) {
    struct stat own{};
    if (::stat("/proc/self/ns/net", &own) != 0) {
        return std::unexpected(errno_error("looking up our network namespace", errno));
    }
    for (const std::string name : {"tcp", "tcp6", "udp", "udp6"}) {
        const std::string path = "/proc/self/net/" + name;
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
            continue;  // a kernel without IPv6
        }
        if (fd < 0) {
            return std::unexpected(errno_error("opening " + path, errno));
        }
        const UniqueFd file(fd);
        const auto text = read_all(file.get(), kTableLimit);
        if (!text) {
            return std::unexpected(text.error().within(path));
        }
        read_socket_table(*text, name.starts_with("udp"), static_cast<std::uint32_t>(own.st_ino),
                          on_socket);
    }
    return {};
}

}  // namespace assay::sensors
