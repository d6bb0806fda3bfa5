// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "sensors/host/sshd/openssh.h"

namespace assay::sensors::sshd {

/// Keywords whose values are kept; of the others only the form is checked.
enum class Kept : std::uint8_t {
    permit_root_login,
    password_authentication,
    kbd_interactive_authentication,
    challenge_response_authentication,  ///< a setting of its own before 8.7
    use_pam,
    permit_empty_passwords,
    ciphers,
    macs,
    kex_algorithms,
    host_key_algorithms,
    pubkey_accepted_algorithms,
    x11_forwarding,
    max_auth_tries,
    authentication_methods,
    pubkey_authentication,
    hostbased_authentication,
    ignore_rhosts,
    permit_user_environment,
    login_grace_time,
    allow_users,
    deny_users,
    allow_groups,
    deny_groups,
    protocol,
    hostbased_accepted_algorithms,
    ca_signature_algorithms,
    gssapi_authentication,
    authorized_keys_command,
    authorized_keys_command_user,
    authorized_principals_command,
    authorized_principals_command_user,
    none,
};
inline constexpr std::size_t kKeptCount = static_cast<std::size_t>(Kept::none);

/// The form that a keyword's arguments must have.
enum class Form : std::uint8_t {
    ignored,  ///< deprecated, unsupported or of no meaning here: anything
    include,
    match,
    flag,
    root_login,
    ignore_rhosts,
    address_family,
    compression,
    gateway_ports,
    forwarding,
    time,
    time_or_none,
    integer,
    port,
    word,
    words,  ///< any number; none of them empty
    users,
    ciphers,
    macs,
    kex,
    keys,
    ca_signatures,
    gss_kex,
    log_facility,
    log_level,
    log_verbose,
    rekey_limit,
    max_startups,
    source_block,
    source_startups,
    ip_qos,
    accept_env,
    set_env,
    tunnel,
    permit_open,
    permit_listen,
    rest,     ///< the rest of the line, whatever it is
    command,  ///< the rest of the line: an absolute path or none
    methods,
    octal,
    digest,
    routing_domain,
    key_options,
    channel_timeout,
    subsystem,
    listen_address,
    user_environment,
    protocol,
    anything,  ///< some arguments
};

struct Keyword {
    std::string_view name;  ///< in lower case
    Form form;
    bool in_match = false;  ///< may stand in a Match block
    Kept kept = Kept::none;
};

/// The keyword as the installed version understands it; `form` and `in_match` follow the version.
/// False when that version refuses it.
[[nodiscard]] bool find_keyword(std::string_view name, const OpenSsh& openssh, Keyword& out);

/// Whether a value set in a Match block takes effect (sshd copies these to the connection).
[[nodiscard]] bool set_by_match(Kept kept);

}  // namespace assay::sensors::sshd
