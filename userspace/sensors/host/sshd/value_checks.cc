// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/value_checks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <span>

#include "sensors/host/sshd/algorithms.h"
#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/patterns.h"

namespace assay::sensors::sshd {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> kFlag{"yes", "no"};
constexpr std::array<std::string_view, 5> kRootLogin{"without-password", "prohibit-password",
                                                     "forced-commands-only", "yes", "no"};
constexpr std::array<std::string_view, 3> kRhosts{"yes", "no", "shosts-only"};
constexpr std::array<std::string_view, 3> kFamilies{"inet", "inet6", "any"};
constexpr std::array<std::string_view, 3> kCompression{"yes", "delayed", "no"};
constexpr std::array<std::string_view, 3> kGateways{"clientspecified", "yes", "no"};
constexpr std::array<std::string_view, 5> kForwarding{"yes", "all", "no", "remote", "local"};
constexpr std::array<std::string_view, 12> kFacilities{"daemon", "user",   "auth",   "authpriv",
                                                       "local0", "local1", "local2", "local3",
                                                       "local4", "local5", "local6", "local7"};
constexpr std::array<std::string_view, 10> kLevels{"quiet", "fatal",  "error",  "info",   "verbose",
                                                   "debug", "debug1", "debug2", "debug3", "silent"};
constexpr std::array<std::string_view, 26> kIpQos{
    "none", "af11", "af12", "af13", "af21", "af22",     "af23",       "af31",       "af32",
    "af33", "af41", "af42", "af43", "cs0",  "cs1",      "cs2",        "cs3",        "cs4",
    "cs5",  "cs6",  "cs7",  "ef",   "le",   "lowdelay", "throughput", "reliability"};
constexpr std::array<std::string_view, 4> kTunnels{"no", "point-to-point", "ethernet", "yes"};
constexpr std::array<std::string_view, 5> kDigests{"md5", "sha1", "sha256", "sha384", "sha512"};
constexpr std::array<std::string_view, 7> kMethods{
    "none",     "publickey", "gssapi-with-mic", "gssapi-keyex", "password", "keyboard-interactive",
    "hostbased"};

std::optional<std::size_t> index_of(Words words, std::string_view word) {
    const auto found =
        std::ranges::find_if(words, [&](std::string_view w) { return same_word(w, word); });
    return found == words.end() ? std::nullopt
                                : std::optional(static_cast<std::size_t>(found - words.begin()));
}

/// The number that text begins with, moved past; as sscanf's %d.
std::optional<long> take_number(std::string_view& text, int base = 10) {
    while (!text.empty() && std::string_view(" \t\r\n\v\f").contains(text.front())) {
        text.remove_prefix(1);
    }
    std::string_view digits = text;
    if (digits.starts_with('+')) {
        digits.remove_prefix(1);
    }
    long value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || (digits.size() != text.size() && value < 0)) {
        return std::nullopt;
    }
    text = digits.substr(static_cast<std::size_t>(end - digits.data()));
    return value;
}

/// A whole number from 0 to INT_MAX, nothing behind it.
std::optional<long> whole_number(std::string_view text, long most = INT_MAX) {
    const auto value = take_number(text);
    return value && text.empty() && *value >= 0 && *value <= most ? value : std::nullopt;
}

/// "512K", "1.5G": what a limit of bytes looks like.
std::optional<double> scaled_number(std::string_view text) {
    double value = 0;
    bool digits = false;
    double place = 0;
    while (!text.empty() && (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'))) {
        if (text[0] == '.') {
            if (place != 0) {
                return std::nullopt;
            }
            place = 1;
        } else if (place == 0) {
            value = value * 10 + (text[0] - '0');
            digits = true;
        } else {
            place /= 10;
            value += place * (text[0] - '0');
        }
        text.remove_prefix(1);
    }
    if (!digits) {
        return std::nullopt;
    }
    if (!text.empty()) {
        constexpr std::string_view kScales = "bkmgtpe";
        const std::size_t scale = kScales.find(lower_case(text));
        if (text.size() != 1 || scale == std::string_view::npos) {
            return std::nullopt;
        }
        for (std::size_t i = 0; i < scale; ++i) {
            value *= 1024;
        }
    }
    return value < 9.2e18 ? std::optional(value) : std::nullopt;
}

/// A file mode; as strtol reads it, with anything behind it.
bool mode_valid(std::string_view text) {
    const auto mode = take_number(text, 8);
    return mode && *mode >= 0 && *mode <= 0777;
}

/// "host:port" of a permission to forward; what stands before the port must be closed.
bool endpoint_valid(std::string_view text, bool bare_port) {
    if (bare_port && !text.contains(':')) {
        text = text.substr(0);
        return text == "*" || port_of(text).value_or(0) > 0;
    }
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos) {
            return false;
        }
        ++end;
    } else {
        end = text.find_first_of(":/");
    }
    if (end == std::string_view::npos || end >= text.size() || text[end] != ':') {
        return false;
    }
    const std::string_view port = text.substr(end + 1);
    return port == "*" || port_of(port).value_or(0) > 0;
}

bool listen_address_valid(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (!text.contains('[') && colon != std::string_view::npos &&
        text.find(':', colon + 1) != std::string_view::npos) {
        return parse_address(text).has_value();
    }
    std::size_t end = text.starts_with('[') ? text.find(']') : text.find_first_of(":/");
    if (text.starts_with('[')) {
        if (end == std::string_view::npos) {
            return false;
        }
        ++end;
    }
    if (end == std::string_view::npos || end >= text.size()) {
        return true;
    }
    return text[end] == ':' && port_of(text.substr(end + 1)).value_or(0) > 0;
}

bool interval_valid(std::string_view text) {
    const std::size_t equals = text.find('=');
    return equals != std::string_view::npos && equals > 0 &&
           seconds_of(text.substr(equals + 1)).has_value();
}

bool method_list_valid(std::string_view list) {
    return std::ranges::all_of(split(list, ','), [](std::string_view method) {
        method = method.substr(0, method.find(':'));
        return std::ranges::find(kMethods, method) != kMethods.end();
    });
}

/// Takes arguments one by one, and collects what is wrong with them.
class Checker {
public:
    Checker(const Keyword& keyword, std::string_view rest,
            const std::vector<std::string>& arguments, const OpenSsh& openssh)
        : keyword_(keyword), rest_(rest), arguments_(arguments), openssh_(openssh) {}

    CheckedValue check() {
        by_form();
        if (result_.problem.empty() && next_ < arguments_.size()) {
            refuse("extra arguments at the end of the line");
        }
        return std::move(result_);
    }

private:
    std::optional<std::string_view> take() {
        return next_ < arguments_.size() ? std::optional<std::string_view>(arguments_[next_++])
                                         : std::nullopt;
    }
    void take_all() { next_ = arguments_.size(); }
    void refuse(std::string problem) {
        if (result_.problem.empty()) {
            result_.problem = std::move(problem);
        }
    }
    void refuse_value(std::string_view value) {
        refuse("not a value of " + std::string(keyword_.name) + ": " +
               std::string(value.substr(0, 100)));
    }
    std::optional<std::string_view> take_one() {
        const auto word = take();
        if (!word || word->empty()) {
            refuse("no value for " + std::string(keyword_.name));
            return std::nullopt;
        }
        return word;
    }
    void keep(std::string value) { result_.values.push_back(std::move(value)); }

    void one_of(Words words) {
        if (const auto word = take_one()) {
            if (const auto index = index_of(words, *word)) {
                keep(std::string(words[*index]));
            } else {
                refuse_value(*word);
            }
        }
    }
    void one_that(bool (*valid)(std::string_view)) {
        if (const auto word = take_one()) {
            if (valid(*word)) {
                keep(std::string(*word));
            } else {
                refuse_value(*word);
            }
        }
    }
    void all_that(bool (*valid)(std::string_view)) {
        while (const auto word = take()) {
            if (word->empty() || !valid(*word)) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
    }
    void algorithms(AlgorithmKind kind) {
        if (const auto word = take_one()) {
            if (!algorithms_valid(kind, *word, openssh_)) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
    }
    void time() {
        if (const auto word = take_one()) {
            if (const auto seconds = seconds_of(*word)) {
                keep(std::to_string(*seconds));
            } else {
                refuse_value(*word);
            }
        }
    }
    void integer() {
        if (const auto word = take_one()) {
            if (const auto number = whole_number(*word)) {
                keep(std::to_string(*number));
            } else {
                refuse_value(*word);
            }
        }
    }
    void root_login() {
        one_of(kRootLogin);
        if (!result_.values.empty() && result_.values[0] == kRootLogin[1]) {
            result_.values[0] = kRootLogin[0];  // the older name is the one sshd tells
        }
    }
    void user_environment() {
        if (const auto word = take_one()) {
            if (*word != "yes" && *word != "no" && !openssh_.at_least(708)) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
    }
    void users() {
        while (const auto word = take()) {
            const std::size_t at = word->find('@');
            if (word->empty() ||
                (at != std::string_view::npos && !address_list_valid(word->substr(at + 1)))) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
    }
    void methods() {
        while (const auto word = take()) {
            if (*word == "any" ? !result_.values.empty()
                               : !method_list_valid(*word) ||
                                     (!result_.values.empty() && result_.values.front() == "any")) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
        if (result_.values.empty()) {
            refuse("no value for authenticationmethods");
        }
    }
    void only_none_alone(bool (*valid)(std::string_view)) {
        while (const auto word = take()) {
            const bool alone = result_.values.empty() && next_ == arguments_.size();
            if (word->empty() || (same_word(*word, "none") ? !alone : !valid(*word))) {
                refuse_value(*word);
            }
            keep(std::string(*word));
        }
    }
    void max_startups() {
        if (auto word = take_one()) {
            std::string_view text = *word;
            std::array<long, 3> numbers{};
            std::size_t count = 0;
            while (count < numbers.size()) {
                const auto number = take_number(text);
                if (!number) {
                    break;
                }
                numbers[count++] = *number;
                if (!text.starts_with(':')) {
                    break;
                }
                text.remove_prefix(1);
            }
            const bool valid = count == 3
                                   ? numbers[0] <= numbers[2] && numbers[1] >= 1 &&
                                         numbers[1] <= 100 && numbers[2] > 0 && numbers[0] > 0
                                   : count == 1 && numbers[0] > 0;
            if (!valid) {
                refuse_value(*word);
            }
        }
    }
    void source_block() {
        if (auto word = take_one()) {
            std::string_view text = *word;
            const auto v4 = take_number(text);
            bool valid = v4 && *v4 >= 0 && *v4 <= 32;
            if (text.starts_with(':')) {
                text.remove_prefix(1);
                if (const auto v6 = take_number(text)) {
                    valid = valid && *v6 >= 0 && *v6 <= 128;
                }
            }
            if (!valid) {
                refuse_value(*word);
            }
        }
    }
    void rekey_limit() {
        if (const auto word = take_one()) {
            const auto bytes = scaled_number(*word);
            if (*word != "default" && (!bytes || (*bytes != 0 && *bytes < 16))) {
                refuse_value(*word);
            }
            if (next_ < arguments_.size() && arguments_[next_] == "none") {
                ++next_;
            } else if (next_ < arguments_.size()) {
                time();
            }
        }
    }
    void ip_qos() {
        for (int i = 0; i < 2; ++i) {
            if (i == 1 && next_ == arguments_.size()) {
                return;
            }
            const auto word = take();
            std::string_view text = word.value_or("");
            const bool hex = text.starts_with("0x") || text.starts_with("0X");
            const bool octal = !hex && text.size() > 1 && text.starts_with('0');
            if (hex) {
                text.remove_prefix(2);
            }
            const auto number = take_number(text, hex ? 16 : octal ? 8 : 10);
            if (!word || word->empty() ||
                (!index_of(kIpQos, *word) &&
                 (!number || !text.empty() || *number < 0 || *number > 255))) {
                refuse_value(word.value_or(""));
            }
        }
    }
    void permissions(bool listen) {
        const auto first = take_one();
        if (!first || *first == "any" || *first == "none") {
            return;
        }
        for (auto word = first; word && !word->empty(); word = take()) {
            if (!endpoint_valid(*word, listen)) {
                refuse_value(*word);
            }
        }
    }
    void subsystem() {
        if (const auto name = take_one()) {
            keep(std::string(*name));
            if (take_one()) {
                take_all();
            }
        }
    }
    void listen_address() {
        if (const auto word = take_one()) {
            if (!listen_address_valid(*word)) {
                refuse_value(*word);
            }
            if (next_ < arguments_.size()) {
                refuse_value(arguments_[next_]);  // routing domains exist on OpenBSD only
            }
        }
    }
    void command() {
        take_all();
        const std::string_view text =
            rest_.substr(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
        if (!text.starts_with('/') && !same_word(text, "none")) {
            refuse(std::string(keyword_.name) + " must be an absolute path");
        }
        keep(std::string(text));
    }
    void protocol() {
        // Before 7.4: 1, 2 or both. sshd tells both as 2,1 whatever the order.
        if (const auto word = take_one()) {
            bool one = false;
            bool two = false;
            for (const std::string_view part : split(*word, ',')) {
                one = one || part == "1";
                two = two || part == "2";
            }
            if (!one && !two) {
                refuse_value(*word);
            }
            keep(one && two ? "2,1" : one ? "1" : "2");
        }
    }

    void by_form();

    const Keyword& keyword_;
    std::string_view rest_;
    const std::vector<std::string>& arguments_;
    const OpenSsh& openssh_;
    std::size_t next_ = 0;
    CheckedValue result_;
};

// One line for each form: what there is to say about each is in its function.
void Checker::by_form() {
    const auto any_word = [](std::string_view) { return true; };
    switch (keyword_.form) {
        case Form::ignored:
        case Form::match:
        case Form::include:
        case Form::rest:
            take_all();
            break;
        case Form::anything:
            (void)take_one(), take_all();
            break;
        case Form::flag:
            one_of(kFlag);
            break;
        case Form::root_login:
            root_login();
            break;
        case Form::ignore_rhosts:
            one_of(openssh_.at_least(803) ? Words(kRhosts) : Words(kFlag));
            break;
        case Form::address_family:
            one_of(kFamilies);
            break;
        case Form::compression:
            one_of(kCompression);
            break;
        case Form::gateway_ports:
            one_of(kGateways);
            break;
        case Form::forwarding:
            one_of(kForwarding);
            break;
        case Form::time:
            time();
            break;
        case Form::time_or_none:
            if (!arguments_.empty() && same_word(arguments_[0], "none")) {
                ++next_;
            } else {
                time();
            }
            break;
        case Form::integer:
            integer();
            break;
        case Form::port:
            one_that([](std::string_view text) { return port_of(text).value_or(0) > 0; });
            break;
        case Form::word:
            one_that(any_word);
            break;
        case Form::words:
            all_that(any_word);
            break;
        case Form::users:
            users();
            break;
        case Form::ciphers:
            algorithms(AlgorithmKind::cipher);
            break;
        case Form::macs:
            algorithms(AlgorithmKind::mac);
            break;
        case Form::kex:
            algorithms(AlgorithmKind::kex);
            break;
        case Form::keys:
            algorithms(AlgorithmKind::key);
            break;
        case Form::ca_signatures:
            algorithms(AlgorithmKind::ca_signature);
            break;
        case Form::gss_kex:
            one_that([](std::string_view text) { return text.starts_with("gss-"); });
            break;
        case Form::log_facility:
            one_of(kFacilities);
            break;
        case Form::log_level:
            one_of(kLevels);
            break;
        case Form::log_verbose:
            only_none_alone(any_word);
            break;
        case Form::rekey_limit:
            rekey_limit();
            break;
        case Form::max_startups:
            max_startups();
            break;
        case Form::source_block:
            source_block();
            break;
        case Form::source_startups:
            if (!arguments_.empty() && arguments_[0] == "none") {
                ++next_;
            } else {
                integer();
            }
            break;
        case Form::ip_qos:
            ip_qos();
            break;
        case Form::accept_env:
            all_that([](std::string_view text) { return !text.contains('='); });
            break;
        case Form::set_env:
            all_that([](std::string_view text) { return text.contains('='); });
            break;
        case Form::tunnel:
            one_that([](std::string_view text) {
                return std::ranges::find(kTunnels, text) != kTunnels.end();
            });
            break;
        case Form::permit_open:
            permissions(false);
            break;
        case Form::permit_listen:
            permissions(true);
            break;
        case Form::command:
            command();
            break;
        case Form::methods:
            methods();
            break;
        case Form::octal:
            one_that(mode_valid);
            break;
        case Form::digest:
            one_of(kDigests);
            break;
        case Form::routing_domain:
            refuse("rdomain can be set on OpenBSD only");
            break;
        case Form::key_options:
            all_that([](std::string_view text) {
                return same_word(text, "none") || same_word(text, "touch-required") ||
                       same_word(text, "verify-required");
            });
            break;
        case Form::channel_timeout:
            only_none_alone(interval_valid);
            break;
        case Form::subsystem:
            subsystem();
            break;
        case Form::listen_address:
            listen_address();
            break;
        case Form::user_environment:
            user_environment();
            break;
        case Form::protocol:
            protocol();
            break;
    }
}

}  // namespace

std::optional<long> seconds_of(std::string_view text) {
    if (text.empty()) {
        return std::nullopt;
    }
    long total = 0;
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number || *number < 0) {
            return std::nullopt;
        }
        long multiplier = 1;
        if (!text.empty()) {
            switch (text[0]) {
                case 's':
                case 'S':
                    break;
                case 'm':
                case 'M':
                    multiplier = 60;
                    break;
                case 'h':
                case 'H':
                    multiplier = 60L * 60;
                    break;
                case 'd':
                case 'D':
                    multiplier = 24L * 60 * 60;
                    break;
                case 'w':
                case 'W':
                    multiplier = 7L * 24 * 60 * 60;
                    break;
                default:
                    return std::nullopt;
            }
            text.remove_prefix(1);
        }
        if (*number > INT_MAX / multiplier || total > INT_MAX - *number * multiplier) {
            return std::nullopt;
        }
        total += *number * multiplier;
    }
    return total;
}

std::optional<int> port_of(std::string_view text) {
    struct Service {
        std::string_view name;
        int port;
    };
    static constexpr std::array kServices{Service{"ssh", 22},  Service{"telnet", 23},
                                          Service{"smtp", 25}, Service{"domain", 53},
                                          Service{"http", 80}, Service{"https", 443}};
    if (const auto number = whole_number(text, 65535)) {
        return static_cast<int>(*number);
    }
    const auto* service = std::ranges::find(kServices, text, &Service::name);
    return service == kServices.end() ? std::nullopt : std::optional(service->port);
}

CheckedValue check_value(const Keyword& keyword, std::string_view rest,
                         const std::vector<std::string>& arguments, const OpenSsh& openssh) {
    return Checker(keyword, rest, arguments, openssh).check();
}

}  // namespace assay::sensors::sshd
