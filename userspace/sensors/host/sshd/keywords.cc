// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/keywords.h"

#include <algorithm>
#include <array>

#include "sensors/host/sshd/config_words.h"

namespace assay::sensors::sshd {
namespace {

constexpr bool kGlobal = false;
constexpr bool kMatch = true;
constexpr int kNever = 10000;

struct Entry {
    std::string_view name;
    Form form;
    bool in_match = false;
    Kept kept = Kept::none;
    int since = 0;               ///< the first version that knows it
    int match_since = 0;         ///< the first version that takes it in a Match block
    int ignored_since = kNever;  ///< from then on it means nothing
    Distribution only = Distribution::unknown;  ///< a patch of that distribution
};

// By name. From the histories of sshd's own table, 6.6 to 10.5.
constexpr std::array kEntries{
    Entry{"acceptenv", Form::accept_env, kMatch},
    Entry{"addressfamily", Form::address_family},
    Entry{"afstokenpassing", Form::ignored},
    Entry{"allowagentforwarding", Form::flag, kMatch},
    Entry{"allowgroups", Form::words, kMatch, Kept::allow_groups},
    Entry{"allowstreamlocalforwarding", Form::forwarding, kMatch, Kept::none, 607},
    Entry{"allowtcpforwarding", Form::forwarding, kMatch},
    Entry{"allowusers", Form::users, kMatch, Kept::allow_users},
    Entry{"authenticationmethods", Form::methods, kMatch, Kept::authentication_methods},
    Entry{"authorizedkeyscommand", Form::command, kMatch, Kept::authorized_keys_command},
    Entry{"authorizedkeyscommanduser", Form::word, kMatch, Kept::authorized_keys_command_user},
    Entry{"authorizedkeysfile", Form::words, kMatch},
    Entry{"authorizedkeysfile2", Form::ignored, kMatch},
    Entry{"authorizedprincipalscommand", Form::command, kMatch, Kept::authorized_principals_command,
          609},
    Entry{"authorizedprincipalscommanduser", Form::word, kMatch,
          Kept::authorized_principals_command_user, 609},
    Entry{"authorizedprincipalsfile", Form::word, kMatch},
    Entry{"banner", Form::word, kMatch},
    Entry{"casignaturealgorithms", Form::ca_signatures, kMatch, Kept::ca_signature_algorithms, 709},
    Entry{"challengeresponseauthentication", Form::flag, kMatch,
          Kept::challenge_response_authentication, 0, 807},
    Entry{"channeltimeout", Form::channel_timeout, kMatch, Kept::none, 902},
    Entry{"checkmail", Form::ignored},
    Entry{"chrootdirectory", Form::word, kMatch},
    Entry{"ciphers", Form::ciphers, kGlobal, Kept::ciphers},
    Entry{"clientalivecountmax", Form::integer, kMatch, Kept::none, 0, 704},
    Entry{"clientaliveinterval", Form::time, kMatch, Kept::none, 0, 704},
    Entry{"compression", Form::compression},
    Entry{"debianbanner", Form::flag, kGlobal, Kept::none, 0, 0, kNever, Distribution::debian},
    Entry{"denygroups", Form::words, kMatch, Kept::deny_groups},
    Entry{"denyusers", Form::users, kMatch, Kept::deny_users},
    Entry{"disableforwarding", Form::flag, kMatch, Kept::none, 704},
    Entry{"dsaauthentication", Form::flag, kGlobal, Kept::pubkey_authentication},
    Entry{"exposeauthenticationmethods", Form::anything, kGlobal, Kept::none, 0, 0, kNever,
          Distribution::red_hat},
    Entry{"exposeauthinfo", Form::flag, kMatch, Kept::none, 706},
    Entry{"fingerprinthash", Form::digest, kGlobal, Kept::none, 608},
    Entry{"forcecommand", Form::rest, kMatch},
    Entry{"gatewayports", Form::gateway_ports, kMatch},
    Entry{"gssapiauthentication", Form::flag, kMatch, Kept::gssapi_authentication},
    Entry{"gssapicleanupcredentials", Form::flag},
    Entry{"gssapicleanupcreds", Form::flag},
    Entry{"gssapidelegatecredentials", Form::flag, kGlobal, Kept::none, 1003},
    Entry{"gssapienablek5users", Form::flag, kMatch, Kept::none, 0, 0, kNever,
          Distribution::red_hat},
    Entry{"gssapiindicators", Form::anything, kMatch, Kept::none, 0, 0, kNever,
          Distribution::red_hat},
    Entry{"gssapikexalgorithms", Form::gss_kex},
    Entry{"gssapikeyexchange", Form::flag},
    Entry{"gssapistorecredentialsonrekey", Form::flag},
    Entry{"gssapistrictacceptorcheck", Form::flag},
    Entry{"gssapiusesessioncredcache", Form::ignored},
    Entry{"gssusesessionccache", Form::ignored},
    Entry{"hostbasedacceptedalgorithms", Form::keys, kMatch, Kept::hostbased_accepted_algorithms,
          805},
    Entry{"hostbasedacceptedkeytypes", Form::keys, kMatch, Kept::hostbased_accepted_algorithms,
          608},
    Entry{"hostbasedauthentication", Form::flag, kMatch, Kept::hostbased_authentication},
    Entry{"hostbasedusesnamefrompacketonly", Form::flag, kMatch},
    Entry{"hostcertificate", Form::word},
    Entry{"hostdsakey", Form::word},
    Entry{"hostkey", Form::word},
    Entry{"hostkeyagent", Form::word},
    Entry{"hostkeyalgorithms", Form::keys, kGlobal, Kept::host_key_algorithms, 700},
    Entry{"ignorerhosts", Form::ignore_rhosts, kMatch, Kept::ignore_rhosts, 0, 803},
    Entry{"ignoreuserknownhosts", Form::flag},
    Entry{"include", Form::include, kMatch, Kept::none, 802},
    Entry{"ipqos", Form::ip_qos, kMatch},
    Entry{"kbdinteractiveauthentication", Form::flag, kMatch, Kept::kbd_interactive_authentication},
    Entry{"keepalive", Form::flag},
    Entry{"kerberosauthentication", Form::flag, kMatch},
    Entry{"kerberosgetafstoken", Form::ignored},
    Entry{"kerberosorlocalpasswd", Form::flag},
    Entry{"kerberostgtpassing", Form::ignored},
    Entry{"kerberosticketcleanup", Form::flag},
    Entry{"kerberosuniqueccache", Form::flag, kGlobal, Kept::none, 0, 0, kNever,
          Distribution::red_hat},
    Entry{"kerberosusekuserok", Form::flag, kMatch, Kept::none, 0, 0, kNever,
          Distribution::red_hat},
    Entry{"kexalgorithms", Form::kex, kGlobal, Kept::kex_algorithms},
    Entry{"keyregenerationinterval", Form::time, kGlobal, Kept::none, 0, 0, 704},
    Entry{"listenaddress", Form::listen_address},
    Entry{"logingracetime", Form::time, kGlobal, Kept::login_grace_time},
    Entry{"loglevel", Form::log_level, kMatch, Kept::none, 0, 706},
    Entry{"logverbose", Form::log_verbose, kMatch, Kept::none, 805},
    Entry{"macs", Form::macs, kGlobal, Kept::macs},
    Entry{"match", Form::match, kMatch},
    Entry{"maxauthtries", Form::integer, kMatch, Kept::max_auth_tries},
    Entry{"maxsessions", Form::integer, kMatch},
    Entry{"maxstartups", Form::max_startups},
    Entry{"modulifile", Form::word, kGlobal, Kept::none, 806},
    Entry{"pamauthenticationviakbdint", Form::ignored},
    Entry{"pamservicename", Form::word, kMatch, Kept::none, 908},
    Entry{"passwordauthentication", Form::flag, kMatch, Kept::password_authentication},
    Entry{"permitblacklistedkeys", Form::ignored, kGlobal, Kept::none, 0, 0, kNever,
          Distribution::debian},
    Entry{"permitemptypasswords", Form::flag, kMatch, Kept::permit_empty_passwords},
    Entry{"permitlisten", Form::permit_listen, kMatch, Kept::none, 708},
    Entry{"permitopen", Form::permit_open, kMatch},
    Entry{"permitrootlogin", Form::root_login, kMatch, Kept::permit_root_login},
    Entry{"permittty", Form::flag, kMatch},
    Entry{"permittunnel", Form::tunnel, kMatch},
    Entry{"permituserenvironment", Form::user_environment, kGlobal, Kept::permit_user_environment},
    Entry{"permituserrc", Form::flag, kMatch, Kept::none, 607},
    Entry{"persourcemaxstartups", Form::source_startups, kGlobal, Kept::none, 805},
    Entry{"persourcenetblocksize", Form::source_block, kGlobal, Kept::none, 805},
    Entry{"persourcepenalties", Form::anything, kGlobal, Kept::none, 908},
    Entry{"persourcepenaltyexemptlist", Form::word, kGlobal, Kept::none, 908},
    Entry{"pidfile", Form::word},
    Entry{"port", Form::port},
    Entry{"printlastlog", Form::flag},
    Entry{"printmotd", Form::flag},
    Entry{"protocol", Form::protocol, kGlobal, Kept::protocol, 0, 0, 704},
    Entry{"pubkeyacceptedalgorithms", Form::keys, kMatch, Kept::pubkey_accepted_algorithms, 805},
    Entry{"pubkeyacceptedkeytypes", Form::keys, kMatch, Kept::pubkey_accepted_algorithms, 608},
    Entry{"pubkeyauthentication", Form::flag, kMatch, Kept::pubkey_authentication},
    Entry{"pubkeyauthoptions", Form::key_options, kMatch, Kept::none, 802},
    Entry{"rdomain", Form::routing_domain, kMatch, Kept::none, 707},
    Entry{"refuseconnection", Form::flag, kMatch, Kept::none, 909},
    Entry{"rekeylimit", Form::rekey_limit, kMatch},
    Entry{"requiredrsasize", Form::integer, kMatch, Kept::none, 901},
    Entry{"reversemappingcheck", Form::ignored},
    Entry{"revokedkeys", Form::word, kMatch},
    Entry{"rhostsauthentication", Form::ignored},
    Entry{"rhostsrsaauthentication", Form::flag, kMatch, Kept::none, 0, 0, 704},
    Entry{"rsaauthentication", Form::flag, kMatch, Kept::none, 0, 0, 704},
    Entry{"rsaminsize", Form::integer, kMatch, Kept::none, 0, 0, kNever, Distribution::red_hat},
    Entry{"securitykeyprovider", Form::word, kGlobal, Kept::none, 802},
    Entry{"serverkeybits", Form::integer, kGlobal, Kept::none, 0, 0, 704},
    Entry{"setenv", Form::set_env, kMatch, Kept::none, 708},
    Entry{"skeyauthentication", Form::flag, kMatch, Kept::challenge_response_authentication, 0,
          807},
    Entry{"sshdauthpath", Form::word, kGlobal, Kept::none, 1000},
    Entry{"sshdsessionpath", Form::word, kGlobal, Kept::none, 908},
    Entry{"streamlocalbindmask", Form::octal, kMatch, Kept::none, 607},
    Entry{"streamlocalbindunlink", Form::flag, kMatch, Kept::none, 607},
    Entry{"strictmodes", Form::flag},
    Entry{"subsystem", Form::subsystem, kMatch, Kept::none, 0, 905},
    Entry{"syslogfacility", Form::log_facility},
    Entry{"tcpkeepalive", Form::flag},
    Entry{"trustedusercakeys", Form::word, kMatch},
    Entry{"unusedconnectiontimeout", Form::time_or_none, kMatch, Kept::none, 902},
    Entry{"usedns", Form::flag},
    Entry{"uselogin", Form::flag, kGlobal, Kept::none, 0, 0, 704},
    Entry{"usepam", Form::flag, kGlobal, Kept::use_pam},
    Entry{"useprivilegeseparation", Form::anything, kGlobal, Kept::none, 0, 0, 705},
    Entry{"verifyreversemapping", Form::ignored},
    Entry{"versionaddendum", Form::rest},
    Entry{"x11displayoffset", Form::integer, kMatch},
    Entry{"x11forwarding", Form::flag, kMatch, Kept::x11_forwarding},
    Entry{"x11maxdisplays", Form::integer, kMatch, Kept::none, 0, 0, kNever, Distribution::red_hat},
    Entry{"x11uselocalhost", Form::flag, kMatch},
    Entry{"xauthlocation", Form::word},
};
static_assert(std::ranges::is_sorted(kEntries, {}, &Entry::name));

}  // namespace

bool find_keyword(std::string_view name, const OpenSsh& openssh, Keyword& out) {
    const std::string lower = lower_case(name);
    const auto* entry = std::ranges::lower_bound(kEntries, lower, {}, &Entry::name);
    if (entry == kEntries.end() || entry->name != lower) {
        return false;
    }
    // Red Hat took Include and the new names of lists of algorithms into its older versions.
    const bool backported = openssh.distribution == Distribution::red_hat &&
                            openssh.at_least(800) && entry->since <= 901;
    if (!openssh.at_least(entry->since) && !backported) {
        return false;
    }
    if (entry->only != Distribution::unknown && openssh.distribution != Distribution::unknown &&
        entry->only != openssh.distribution) {
        return false;
    }
    out = {entry->name, entry->form, entry->in_match && openssh.at_least(entry->match_since),
           entry->kept};
    if (entry->ignored_since != kNever && openssh.at_least(entry->ignored_since)) {
        out.form = Form::ignored;
        out.kept = Kept::none;
    }
    if (entry->kept == Kept::challenge_response_authentication && openssh.at_least(807)) {
        out.kept = Kept::kbd_interactive_authentication;
    }
    return true;
}

bool set_by_match(Kept kept) {
    switch (kept) {
        case Kept::permit_root_login:
        case Kept::password_authentication:
        case Kept::kbd_interactive_authentication:
        case Kept::permit_empty_passwords:
        case Kept::pubkey_accepted_algorithms:
        case Kept::x11_forwarding:
        case Kept::max_auth_tries:
        case Kept::authentication_methods:
        case Kept::pubkey_authentication:
        case Kept::hostbased_authentication:
        case Kept::ignore_rhosts:
        case Kept::allow_users:
        case Kept::deny_users:
        case Kept::allow_groups:
        case Kept::deny_groups:
        case Kept::hostbased_accepted_algorithms:
        case Kept::ca_signature_algorithms:
        case Kept::gssapi_authentication:
            return true;
        default:
            return false;
    }
}

}  // namespace assay::sensors::sshd
