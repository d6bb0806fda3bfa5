// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns_message.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace assay::protocols {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeAaaa = 28;
constexpr std::uint16_t kClassIn = 1;
constexpr unsigned kAnswerBit = 0x8000;
constexpr unsigned kOpcodeMask = 0x7800;
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMostNameBytes = 255;  // RFC 1035 2.3.4
constexpr unsigned kPointer = 0xC0;
constexpr unsigned kMostPointers = 16;  // of one name; servers use one or two
constexpr std::size_t kMostMessages = 4;

void append_label_byte(std::string& out, std::byte byte) {
    const auto value = std::to_integer<unsigned>(byte);
    const auto character = static_cast<char>(value);
    if (value <= ' ' || value >= 0x7F) {
        out += '\\';
        out += static_cast<char>('0' + value / 100);
        out += static_cast<char>('0' + value / 10 % 10);
        out += static_cast<char>('0' + value % 10);
    } else if (character == '.' || character == '\\') {
        out += '\\';
        out += character;
    } else {
        out += character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                                    : character;
    }
}

struct Name {
    std::string text;
    std::size_t end = 0;  ///< where in the message the bytes after it begin
};

/// Every pointer must lead to before the place where the labels that it ends began: so no name is
/// read twice, and a loop is not possible.
std::optional<Name> read_name(Bytes message, std::size_t at) {
    Name name;
    std::size_t bytes = 1;  // the root's
    std::size_t began = at;
    unsigned pointers = 0;
    for (;;) {
        if (at >= message.size()) {
            return std::nullopt;
        }
        const auto length = std::to_integer<std::size_t>(message[at]);
        if ((length & kPointer) == kPointer) {
            if (at + 1 >= message.size()) {
                return std::nullopt;
            }
            const std::size_t target = (length & ~std::size_t{kPointer}) << 8U |
                                       std::to_integer<std::size_t>(message[at + 1]);
            if (target >= began || ++pointers > kMostPointers) {
                return std::nullopt;
            }
            name.end = std::max(name.end, at + 2);
            at = began = target;
            continue;
        }
        if ((length & kPointer) != 0) {
            return std::nullopt;  // RFC 6891 5: extended labels are not used
        }
        if (length == 0) {
            name.end = std::max(name.end, at + 1);
            break;
        }
        bytes += length + 1;
        if (length >= message.size() - at || bytes > kMostNameBytes) {
            return std::nullopt;
        }
        if (!name.text.empty()) {
            name.text += '.';
        }
        for (const std::byte byte : message.subspan(at + 1, length)) {
            append_label_byte(name.text, byte);
        }
        at += length + 1;
    }
    if (name.text.empty()) {
        name.text = ".";
    }
    return name;
}

struct Record {
    std::string owner;
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    IpAddress address;
    std::string target;
};

/// RFC 2181 8: a TTL with its highest bit set is 0.
std::uint32_t sane_ttl(std::uint32_t ttl) { return ttl > 0x7FFFFFFF ? 0 : ttl; }

std::vector<Record> read_records(Bytes message, std::size_t at, std::size_t count) {
    std::vector<Record> records;
    for (count = std::min(count, kMostDnsRecords); count > 0; --count) {
        auto owner = read_name(message, at);
        if (!owner) {
            break;
        }
        ByteReader reader(message.subspan(owner->end));
        Record record;
        record.type = reader.be16();
        const std::uint16_t record_class = reader.be16();
        record.ttl = sane_ttl(reader.be32());
        const std::size_t length = reader.be16();
        const std::size_t begin = message.size() - reader.left();
        const Bytes data = reader.take(length);
        if (!reader.ok()) {
            break;
        }
        at = begin + length;
        if (record_class != kClassIn) {
            continue;
        }
        if (record.type == kTypeA && length == 4) {
            const auto byte = [&](std::size_t i) { return std::to_integer<std::uint8_t>(data[i]); };
            record.address = IpAddress::v4(byte(0), byte(1), byte(2), byte(3));
        } else if (record.type == kTypeAaaa && length == record.address.bytes.size()) {
            std::memcpy(record.address.bytes.data(), data.data(), length);
        } else if (record.type == kTypeCname) {
            auto target = read_name(message.first(at), begin);
            if (!target || target->end != at) {
                continue;
            }
            record.target = std::move(target->text);
        } else {
            continue;
        }
        record.owner = std::move(owner->text);
        records.push_back(std::move(record));
    }
    return records;
}

/// Follows the question through its aliases to the addresses.
void resolve(DnsMessage& message, const std::vector<Record>& records) {
    std::string_view name = message.question;
    std::uint32_t ttl = 0x7FFFFFFF;
    message.aliases.reserve(kMostDnsAliases);  // `name` looks into it
    while (message.aliases.size() < kMostDnsAliases) {
        const auto alias = std::ranges::find_if(records, [&](const Record& record) {
            return record.type == kTypeCname && record.owner == name;
        });
        if (alias == records.end() || alias->target == message.question ||
            std::ranges::find(message.aliases, alias->target) != message.aliases.end()) {
            break;
        }
        ttl = std::min(ttl, alias->ttl);
        name = message.aliases.emplace_back(alias->target);
    }
    for (const Record& record : records) {
        if (record.type != kTypeCname && record.owner == name &&
            message.addresses.size() < kMostDnsAddresses) {
            message.addresses.push_back({record.address, std::min(ttl, record.ttl)});
        }
    }
}

}  // namespace

std::optional<DnsMessage> read_dns_message(Bytes bytes) {
    ByteReader reader(bytes);
    DnsMessage message;
    message.id = reader.be16();
    const unsigned flags = reader.be16();
    const unsigned questions = reader.be16();
    const unsigned answers = reader.be16();
    if (bytes.size() < kHeaderBytes || questions != 1 || (flags & kOpcodeMask) != 0) {
        return std::nullopt;
    }
    message.answer = (flags & kAnswerBit) != 0;
    auto question = read_name(bytes, kHeaderBytes);
    if (!question) {
        return std::nullopt;
    }
    ByteReader after(bytes.subspan(question->end));
    message.type = after.be16();
    if (after.be16() != kClassIn || !after.ok()) {
        return std::nullopt;
    }
    message.question = std::move(question->text);
    if (message.answer) {
        resolve(message, read_records(bytes, bytes.size() - after.left(), answers));
    }
    return message;
}

std::vector<DnsMessage> read_dns_segment(Bytes bytes) {
    std::vector<DnsMessage> messages;
    while (messages.size() < kMostMessages) {
        ByteReader reader(bytes);
        const std::size_t length = reader.be16();
        const Bytes one = reader.rest().first(std::min(length, reader.left()));
        auto message = read_dns_message(one);
        if (!message) {
            break;
        }
        messages.push_back(*std::move(message));
        reader.skip(one.size());
        bytes = reader.rest();
    }
    if (messages.empty()) {
        // Some clients send the length in a segment of its own.
        if (auto message = read_dns_message(bytes)) {
            messages.push_back(*std::move(message));
        }
    }
    return messages;
}

}  // namespace assay::protocols
