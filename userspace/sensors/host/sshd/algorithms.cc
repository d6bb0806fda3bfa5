// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/algorithms.h"

#include <algorithm>
#include <array>
#include <span>

#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/patterns.h"

namespace assay::sensors::sshd {
namespace {

constexpr int kNever = 10000;

/// An algorithm, in which versions it can be used, and in which it is offered by default.
struct Algorithm {
    std::string_view name;
    int since = 0;
    int until = kNever;
};

// In the order in which sshd lists what it knows: patterns take them in this order.
constexpr std::array kCiphers{
    Algorithm{"3des-cbc"},
    Algorithm{"blowfish-cbc", 0, 706},
    Algorithm{"cast128-cbc", 0, 706},
    Algorithm{"arcfour", 0, 706},
    Algorithm{"arcfour128", 0, 706},
    Algorithm{"arcfour256", 0, 706},
    Algorithm{"aes128-cbc"},
    Algorithm{"aes192-cbc"},
    Algorithm{"aes256-cbc"},
    Algorithm{"rijndael-cbc@lysator.liu.se", 0, 805},
    Algorithm{"aes128-ctr"},
    Algorithm{"aes192-ctr"},
    Algorithm{"aes256-ctr"},
    Algorithm{"aes128-gcm@openssh.com"},
    Algorithm{"aes256-gcm@openssh.com"},
    Algorithm{"chacha20-poly1305@openssh.com"},
};

constexpr std::array kMacs{
    Algorithm{"hmac-sha1"},
    Algorithm{"hmac-sha1-96"},
    Algorithm{"hmac-sha2-256"},
    Algorithm{"hmac-sha2-512"},
    Algorithm{"hmac-md5"},
    Algorithm{"hmac-md5-96"},
    Algorithm{"hmac-ripemd160", 0, 706},
    Algorithm{"hmac-ripemd160@openssh.com", 0, 706},
    Algorithm{"umac-64@openssh.com"},
    Algorithm{"umac-128@openssh.com"},
    Algorithm{"hmac-sha1-etm@openssh.com"},
    Algorithm{"hmac-sha1-96-etm@openssh.com"},
    Algorithm{"hmac-sha2-256-etm@openssh.com"},
    Algorithm{"hmac-sha2-512-etm@openssh.com"},
    Algorithm{"hmac-md5-etm@openssh.com"},
    Algorithm{"hmac-md5-96-etm@openssh.com"},
    Algorithm{"hmac-ripemd160-etm@openssh.com", 0, 706},
    Algorithm{"umac-64-etm@openssh.com"},
    Algorithm{"umac-128-etm@openssh.com"},
};

// sntrup761x25519-sha512 came with 9.9 under its own name; Debian 12 took it into its 9.2.
constexpr std::array kKex{
    Algorithm{"diffie-hellman-group1-sha1"},
    Algorithm{"diffie-hellman-group14-sha1"},
    Algorithm{"diffie-hellman-group14-sha256", 703},
    Algorithm{"diffie-hellman-group16-sha512", 703},
    Algorithm{"diffie-hellman-group18-sha512", 703},
    Algorithm{"diffie-hellman-group-exchange-sha1"},
    Algorithm{"diffie-hellman-group-exchange-sha256"},
    Algorithm{"ecdh-sha2-nistp256"},
    Algorithm{"ecdh-sha2-nistp384"},
    Algorithm{"ecdh-sha2-nistp521"},
    Algorithm{"curve25519-sha256", 704},
    Algorithm{"curve25519-sha256@libssh.org"},
    Algorithm{"sntrup4591761x25519-sha512@tinyssh.org", 800, 805},
    Algorithm{"sntrup761x25519-sha512", 909},
    Algorithm{"sntrup761x25519-sha512@openssh.com", 805},
    Algorithm{"mlkem768x25519-sha256", 909},
};

constexpr std::array kKeys{
    Algorithm{"ssh-ed25519"},
    Algorithm{"ssh-ed25519-cert-v01@openssh.com"},
    Algorithm{"sk-ssh-ed25519@openssh.com", 802},
    Algorithm{"sk-ssh-ed25519-cert-v01@openssh.com", 802},
    Algorithm{"ecdsa-sha2-nistp256"},
    Algorithm{"ecdsa-sha2-nistp256-cert-v01@openssh.com"},
    Algorithm{"ecdsa-sha2-nistp384"},
    Algorithm{"ecdsa-sha2-nistp384-cert-v01@openssh.com"},
    Algorithm{"ecdsa-sha2-nistp521"},
    Algorithm{"ecdsa-sha2-nistp521-cert-v01@openssh.com"},
    Algorithm{"sk-ecdsa-sha2-nistp256@openssh.com", 802},
    Algorithm{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 802},
    Algorithm{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", 804},
    Algorithm{"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 1003},
    Algorithm{"ssh-dss", 0, 1000},
    Algorithm{"ssh-dss-cert-v01@openssh.com", 0, 1000},
    Algorithm{"ssh-rsa"},
    Algorithm{"ssh-rsa-cert-v01@openssh.com"},
    Algorithm{"rsa-sha2-256", 702},
    Algorithm{"rsa-sha2-256-cert-v01@openssh.com", 708},
    Algorithm{"rsa-sha2-512", 702},
    Algorithm{"rsa-sha2-512-cert-v01@openssh.com", 708},
};

// What is offered by default, in order; `since` and `until` are about the default here.
constexpr std::array kDefaultCiphers{
    Algorithm{"chacha20-poly1305@openssh.com"},
    Algorithm{"aes128-gcm@openssh.com", 1000},
    Algorithm{"aes256-gcm@openssh.com", 1000},
    Algorithm{"aes128-ctr"},
    Algorithm{"aes192-ctr"},
    Algorithm{"aes256-ctr"},
    Algorithm{"aes128-gcm@openssh.com", 0, 1000},
    Algorithm{"aes256-gcm@openssh.com", 0, 1000},
    Algorithm{"arcfour256", 0, 607},
    Algorithm{"arcfour128", 0, 607},
    Algorithm{"aes128-cbc", 0, 607},
    Algorithm{"3des-cbc", 0, 607},
    Algorithm{"blowfish-cbc", 0, 607},
    Algorithm{"cast128-cbc", 0, 607},
    Algorithm{"aes192-cbc", 0, 607},
    Algorithm{"aes256-cbc", 0, 607},
    Algorithm{"arcfour", 0, 607},
};

constexpr std::array kDefaultMacs{
    Algorithm{"umac-64-etm@openssh.com"},
    Algorithm{"umac-128-etm@openssh.com"},
    Algorithm{"hmac-sha2-256-etm@openssh.com"},
    Algorithm{"hmac-sha2-512-etm@openssh.com"},
    Algorithm{"hmac-sha1-etm@openssh.com"},
    Algorithm{"umac-64@openssh.com"},
    Algorithm{"umac-128@openssh.com"},
    Algorithm{"hmac-sha2-256"},
    Algorithm{"hmac-sha2-512"},
    Algorithm{"hmac-sha1"},
    Algorithm{"hmac-md5", 0, 607},
    Algorithm{"hmac-md5-96", 0, 607},
    Algorithm{"hmac-sha1-96", 0, 607},
};

constexpr std::array kDefaultKex{
    Algorithm{"mlkem768x25519-sha256", 1000},
    Algorithm{"sntrup761x25519-sha512", 909},
    Algorithm{"sntrup761x25519-sha512@openssh.com", 900},
    Algorithm{"mlkem768x25519-sha256", 909, 1000},
    Algorithm{"curve25519-sha256", 704},
    Algorithm{"curve25519-sha256@libssh.org"},
    Algorithm{"ecdh-sha2-nistp256"},
    Algorithm{"ecdh-sha2-nistp384"},
    Algorithm{"ecdh-sha2-nistp521"},
    Algorithm{"sntrup761x25519-sha512@openssh.com", 809, 900},
    Algorithm{"diffie-hellman-group-exchange-sha256", 0, 1000},
    Algorithm{"diffie-hellman-group16-sha512", 703, 1000},
    Algorithm{"diffie-hellman-group18-sha512", 703, 1000},
    Algorithm{"diffie-hellman-group14-sha256", 703, 1000},
    Algorithm{"diffie-hellman-group-exchange-sha1", 0, 607},
    Algorithm{"diffie-hellman-group14-sha1", 0, 802},
    Algorithm{"diffie-hellman-group1-sha1", 0, 607},
};

constexpr std::array kDefaultKeys{
    Algorithm{"ssh-ed25519-cert-v01@openssh.com", 805},
    Algorithm{"ecdsa-sha2-nistp256-cert-v01@openssh.com"},
    Algorithm{"ecdsa-sha2-nistp384-cert-v01@openssh.com"},
    Algorithm{"ecdsa-sha2-nistp521-cert-v01@openssh.com"},
    Algorithm{"sk-ssh-ed25519-cert-v01@openssh.com", 805},
    Algorithm{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 802},
    Algorithm{"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 1003},
    Algorithm{"sk-ssh-ed25519-cert-v01@openssh.com", 802, 805},
    Algorithm{"ssh-ed25519-cert-v01@openssh.com", 0, 805},
    Algorithm{"rsa-sha2-512-cert-v01@openssh.com", 708},
    Algorithm{"rsa-sha2-256-cert-v01@openssh.com", 708},
    Algorithm{"ssh-rsa-cert-v01@openssh.com", 0, 808},
    Algorithm{"ssh-ed25519", 805},
    Algorithm{"ecdsa-sha2-nistp256"},
    Algorithm{"ecdsa-sha2-nistp384"},
    Algorithm{"ecdsa-sha2-nistp521"},
    Algorithm{"sk-ssh-ed25519@openssh.com", 805},
    Algorithm{"sk-ecdsa-sha2-nistp256@openssh.com", 802},
    Algorithm{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", 1003},
    Algorithm{"sk-ssh-ed25519@openssh.com", 802, 805},
    Algorithm{"ssh-ed25519", 0, 805},
    Algorithm{"rsa-sha2-512", 702},
    Algorithm{"rsa-sha2-256", 702},
    Algorithm{"ssh-rsa", 0, 808},
};

constexpr std::array kDefaultCaSignatures{
    Algorithm{"ssh-ed25519", 805},
    Algorithm{"ecdsa-sha2-nistp256"},
    Algorithm{"ecdsa-sha2-nistp384"},
    Algorithm{"ecdsa-sha2-nistp521"},
    Algorithm{"sk-ssh-ed25519@openssh.com", 805},
    Algorithm{"sk-ecdsa-sha2-nistp256@openssh.com", 802},
    Algorithm{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", 1003},
    Algorithm{"sk-ssh-ed25519@openssh.com", 802, 805},
    Algorithm{"ssh-ed25519", 0, 805},
    Algorithm{"rsa-sha2-512"},
    Algorithm{"rsa-sha2-256"},
    Algorithm{"ssh-rsa", 0, 802},
};

// Key exchange through GSSAPI, which distributions patch in: names that begin so are accepted.
constexpr std::array<std::string_view, 7> kGssKex{
    "gss-gex-sha1-",       "gss-group1-sha1-",     "gss-group14-sha1-",     "gss-group14-sha256-",
    "gss-group16-sha512-", "gss-nistp256-sha256-", "gss-curve25519-sha256-"};

// Kinds of plain keys may be named in short and in any case.
constexpr std::array<std::string_view, 6> kShortKeyNames{"ED25519",  "ED25519-SK", "ECDSA",
                                                         "ECDSA-SK", "DSA",        "RSA"};

std::span<const Algorithm> known(AlgorithmKind kind) {
    switch (kind) {
        case AlgorithmKind::cipher:
            return kCiphers;
        case AlgorithmKind::mac:
            return kMacs;
        case AlgorithmKind::kex:
            return kKex;
        case AlgorithmKind::key:
        case AlgorithmKind::ca_signature:
            break;
    }
    return kKeys;
}

std::span<const Algorithm> defaults(AlgorithmKind kind) {
    switch (kind) {
        case AlgorithmKind::cipher:
            return kDefaultCiphers;
        case AlgorithmKind::mac:
            return kDefaultMacs;
        case AlgorithmKind::kex:
            return kDefaultKex;
        case AlgorithmKind::key:
            return kDefaultKeys;
        case AlgorithmKind::ca_signature:
            break;
    }
    return kDefaultCaSignatures;
}

bool has_name(std::string_view list, std::string_view name) {
    const auto names = split(list, ',');
    return std::ranges::find(names, name) != names.end();
}

bool in_version(const Algorithm& algorithm, int version) {
    return version == 0 || (version >= algorithm.since && version < algorithm.until);
}

/// The list of defaults that the binary itself holds, when exactly one in it can be that.
const std::string* default_in_binary(AlgorithmKind kind, const OpenSsh& openssh) {
    const std::string* found = nullptr;
    for (const std::string& list : openssh.lists) {
        const auto names = split(list, ',');
        const auto is_known = [&](std::string_view name) {
            return std::ranges::find(known(kind), name, &Algorithm::name) != known(kind).end();
        };
        // CA signatures and keys share their names: certificates tell the two lists apart. Kex
        // lists of one, or of clients, are no defaults of a server.
        const bool fits = names.size() > 3 && std::ranges::all_of(names, is_known) &&
                          (kind != AlgorithmKind::key || list.contains("cert-v01")) &&
                          (kind != AlgorithmKind::ca_signature || !list.contains("cert-v01"));
        if (fits && found != nullptr && *found != list) {
            return nullptr;
        }
        if (fits) {
            found = &list;
        }
    }
    return found;
}

bool usable(AlgorithmKind kind, const Algorithm& algorithm, const OpenSsh& openssh) {
    if (in_version(algorithm, openssh.version)) {
        return true;
    }
    const std::string* list = default_in_binary(kind, openssh);
    return list != nullptr && has_name(*list, algorithm.name);
}

bool name_valid(AlgorithmKind kind, std::string_view name, const OpenSsh& openssh) {
    for (const Algorithm& algorithm : known(kind)) {
        if (usable(kind, algorithm, openssh) &&
            (algorithm.name == name || (known(kind).data() == kKeys.data() &&
                                        list_matches(algorithm.name, name) != ListMatch::none))) {
            return true;
        }
    }
    if (kind == AlgorithmKind::kex && openssh.distribution != Distribution::suse) {
        return std::ranges::any_of(
            kGssKex, [&](std::string_view prefix) { return name.starts_with(prefix); });
    }
    return (kind == AlgorithmKind::key || kind == AlgorithmKind::ca_signature) &&
           std::ranges::any_of(kShortKeyNames,
                               [&](std::string_view shorter) { return same_word(name, shorter); });
}

void append_name(std::string& list, std::string_view name) {
    if (name.empty() || has_name(list, name)) {
        return;
    }
    if (!list.empty()) {
        list += ',';
    }
    list += name;
}

}  // namespace

std::string default_algorithms(AlgorithmKind kind, const OpenSsh& openssh) {
    if (const std::string* list = default_in_binary(kind, openssh)) {
        return *list;
    }
    std::string list;
    if (openssh.version != 0) {
        for (const Algorithm& algorithm : defaults(kind)) {
            if (in_version(algorithm, openssh.version)) {
                append_name(list, algorithm.name);
            }
        }
    }
    return list;
}

bool algorithms_valid(AlgorithmKind kind, std::string_view written, const OpenSsh& openssh) {
    if (written.starts_with('-') && openssh.at_least(705)) {
        return true;  // patterns on the defaults; what matches nothing removes nothing
    }
    if ((written.starts_with('+') && openssh.at_least(700)) ||
        (written.starts_with('^') && openssh.at_least(801))) {
        written.remove_prefix(1);
    }
    if (written.empty()) {
        return false;
    }
    for (const std::string_view name : split(written, ',')) {
        if (name.empty()) {
            break;  // sshd stops looking at an empty name
        }
        if (!name_valid(kind, name, openssh)) {
            return false;
        }
    }
    return true;
}

std::optional<std::string> effective_algorithms(AlgorithmKind kind, std::string_view written,
                                                const OpenSsh& openssh) {
    const std::string standard = default_algorithms(kind, openssh);
    if (written.starts_with('-')) {
        std::string left;
        for (const std::string_view name : split(standard, ',')) {
            if (list_matches(name, written.substr(1)) != ListMatch::positive) {
                append_name(left, name);
            }
        }
        return left.empty() ? standard : left;  // sshd takes an empty list for one not set
    }
    std::string wanted(written);
    if (written.starts_with('+')) {
        wanted = standard + "," + std::string(written.substr(1));
    } else if (written.starts_with('^')) {
        wanted = std::string(written.substr(1)) + "," + standard;
    }
    std::string list;
    for (const std::string_view pattern : split(wanted, ',')) {
        if (pattern.starts_with('!')) {
            return std::nullopt;
        }
        for (const Algorithm& algorithm : known(kind)) {
            if (usable(kind, algorithm, openssh) &&
                list_matches(algorithm.name, pattern) == ListMatch::positive) {
                append_name(list, algorithm.name);
            }
        }
    }
    return list.empty() ? std::nullopt : std::optional(list);
}

}  // namespace assay::sensors::sshd
