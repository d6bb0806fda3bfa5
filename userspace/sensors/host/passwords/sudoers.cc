// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/sudoers.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace assay::sensors {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::size_t kDeepest = 128;  // sudo's own limit for includes
constexpr std::size_t kMostFiles = 1024;
constexpr std::size_t kMostNames = 4096;  // of one list, aliases resolved
constexpr std::size_t kMostEntries = 16'384;
constexpr std::size_t kMostGrants = 65'536;
constexpr std::size_t kMostDefaults = 64;  // on whether to ask
constexpr std::size_t kDeepestAlias = 32;

/// One member of a list; `!` turns it round.
struct Member {
    std::string name;
    bool negated = false;
};
using Members = std::vector<Member>;

struct Command {
    Member command;
    Members runas;
    bool has_runas = false;    ///< (…) was given
    bool only_group = false;   ///< (:group): runs as the user himself
    std::optional<bool> asks;  ///< PASSWD, NOPASSWD
};

struct Entry {
    Members users{}, hosts{};
    std::vector<Command> commands{};
    std::string source;
    bool drop_in = false;
};

/// Defaults on whether to ask.
struct Authenticate {
    enum class Scope { all, users, runas };
    Scope scope = Scope::all;
    Members members;
    bool asks = true;
};

using Names = std::set<std::string, std::less<>>;

/// What an entry says of running everything as root.
enum class Everything { not_granted, asks, asks_nobody, as_by_default };

using Aliases = std::map<std::string, Members, std::less<>>;

void skip_blank(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
}

bool take(std::string_view& text, std::string_view start) {
    if (!text.starts_with(start)) {
        return false;
    }
    text.remove_prefix(start.size());
    return true;
}

/// A word up to one of `ends`, with "quoted parts" and \escapes resolved.
std::string take_word(std::string_view& text, std::string_view ends) {
    std::string word;
    bool quoted = false;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && i + 1 < text.size()) {
            word += text[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && ends.contains(c)) {
            break;
        } else {
            word += c;
        }
    }
    text.remove_prefix(i);
    return word;
}

/// `a, !b, c` up to what is not preceded by a comma.
Members take_list(std::string_view& text, std::string_view ends) {
    Members members;
    for (;;) {
        skip_blank(text);
        Member member;
        while (take(text, "!")) {
            member.negated = !member.negated;
            skip_blank(text);
        }
        member.name = take_word(text, ends);
        if (member.name.empty()) {
            return members;
        }
        members.push_back(std::move(member));
        skip_blank(text);
        if (!take(text, ",")) {
            return members;
        }
    }
}

/// Cuts a comment off. A # before a digit begins a user id.
std::string_view without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == '#' && !quoted) {
            const bool is_id = i + 1 < line.size() && line[i + 1] >= '0' && line[i + 1] <= '9';
            if (!is_id) {
                return line.substr(0, i);
            }
        }
    }
    return line;
}

bool is_alias_name(std::string_view name) {
    return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
           });
}

class Sudoers {
public:
    explicit Sudoers(HostReader& reader) : reader_(reader) {}

    void read_file(const std::string& path, bool drop_in, std::size_t depth);
    std::vector<SudoGrant> grants();

private:
    void read_line(std::string_view line, const std::string& path, const std::string& source,
                   bool drop_in, std::size_t depth);
    bool read_include(std::string_view line, const std::string& path, const std::string& source,
                      bool drop_in, std::size_t depth);
    void read_directory(const std::string& directory, std::size_t depth);
    bool read_alias(std::string_view line);
    void read_defaults(std::string_view line);
    bool read_entry(std::string_view line, const std::string& source, bool drop_in);
    bool read_commands(std::string_view& rest, Entry& entry);
    void read_runas(std::string_view& rest, Command& current);
    static void read_tags(std::string_view& rest, Command& current);

    Names names_of(const Members& members, const Aliases& aliases, std::size_t depth = 0);
    const Names& names_of_alias(const std::string& name, const Aliases& aliases, std::size_t depth);
    /// Whether a command is ALL, or not ALL (!ALL); nothing for any other.
    std::optional<bool> means_all(const Member& command, std::size_t depth);
    std::optional<bool> alias_means_all(const std::string& name, std::size_t depth);
    bool means_root(const Command& command);
    bool asks_by_default(const std::string& user);
    Everything everything(const Entry& entry);
    static std::string described(std::string_view user, const Names& hosts);

    HostReader& reader_;
    std::size_t files_ = 0;
    Aliases users_, runas_, hosts_, commands_;
    std::vector<Entry> entries_;
    std::vector<Authenticate> defaults_;
    // Each alias is worked out once: they may name each other many times over, and in circles.
    std::map<std::pair<const Aliases*, std::string>, Names> known_names_;
    std::map<std::string, std::optional<bool>> known_all_;
    std::map<std::string, bool> known_asks_;
    std::string exempt_group_, exempt_source_;
    std::string source_;
};

void Sudoers::read_file(const std::string& path, bool drop_in, std::size_t depth) {
    const HostText& file = reader_.read(path);
    if (file.missing) {
        reader_.problem(path, path + ": missing");
        return;
    }
    if (++files_ > kMostFiles) {
        reader_.problem(path,
                        path + ": more than " + std::to_string(kMostFiles) + " files are included");
        return;
    }
    std::string_view rest = file.text;
    std::string_view part;
    std::string line;
    std::size_t number = 0;
    std::size_t start = 1;
    while (next_line(rest, part)) {
        ++number;
        if (line.empty()) {
            start = number;
        }
        if (part.ends_with('\r')) {
            part.remove_suffix(1);
        }
        if (part.ends_with('\\')) {
            line += part.substr(0, part.size() - 1);
            line += ' ';
            continue;
        }
        line += part;
        read_line(line, path, at_line(path, start), drop_in, depth);
        line.clear();
    }
    if (!line.empty()) {
        read_line(line, path, at_line(path, start), drop_in, depth);
    }
}

void Sudoers::read_line(std::string_view line, const std::string& path, const std::string& source,
                        bool drop_in, std::size_t depth) {
    skip_blank(line);
    source_ = source;
    if (read_include(line, path, source, drop_in, depth)) {
        return;
    }
    line = trimmed(without_comment(line));
    if (line.empty()) {
        return;
    }
    constexpr std::string_view kDefaults = "Defaults";
    if (line.starts_with(kDefaults) &&
        (line.size() == kDefaults.size() ||
         std::string_view(" \t@:!>").contains(line[kDefaults.size()]))) {
        read_defaults(line.substr(kDefaults.size()));
        return;
    }
    if (!read_alias(line) && !read_entry(line, source, drop_in)) {
        reader_.problem(path, source + ": not understood");
    }
}

bool Sudoers::read_include(std::string_view line, const std::string& path,
                           const std::string& source, bool drop_in, std::size_t depth) {
    if (!take(line, "#include") && !take(line, "@include")) {
        return false;
    }
    const bool directory = take(line, "dir");
    if (line.empty() || !kBlank.contains(line.front())) {
        return false;
    }
    skip_blank(line);
    std::string target = take_word(line, kBlank);
    if (const auto host = target.find("%h"); host != std::string::npos) {
        const std::string& name = reader_.read("/etc/hostname").text;
        const std::string_view whole = trimmed(name);
        target.replace(host, 2, whole.substr(0, whole.find('.')));
    }
    if (!target.starts_with('/')) {
        target.insert(0, path.substr(0, path.rfind('/') + 1));
    }
    if (depth + 1 >= kDeepest) {
        reader_.problem(path, source + ": includes nested deeper than " + std::to_string(kDeepest));
    } else if (directory) {
        read_directory(target, depth + 1);
    } else if (reader_.read(target).missing) {
        reader_.problem(path, source + ": cannot include " + target);
    } else {
        read_file(target, drop_in, depth + 1);
    }
    return true;
}

void Sudoers::read_directory(const std::string& directory, std::size_t depth) {
    for (const std::string& name : reader_.list(directory)) {
        std::string path = directory;
        path.append(directory.ends_with('/') ? "" : "/").append(name);
        // Packages' leftovers and editors' copies are no part of it.
        if (name.contains('.') || name.ends_with('~') || reader_.is_directory(path)) {
            continue;
        }
        read_file(path, true, depth);
    }
}

bool Sudoers::read_alias(std::string_view line) {
    struct Kind {
        std::string_view word;
        Aliases Sudoers::* table;
    };
    static constexpr std::array<Kind, 5> kKinds{{{"User_Alias", &Sudoers::users_},
                                                 {"Runas_Alias", &Sudoers::runas_},
                                                 {"Host_Alias", &Sudoers::hosts_},
                                                 {"Cmnd_Alias", &Sudoers::commands_},
                                                 {"Cmd_Alias", &Sudoers::commands_}}};
    const auto* kind = std::ranges::find_if(kKinds, [&](const Kind& each) {
        return line.starts_with(each.word) && line.size() > each.word.size() &&
               kBlank.contains(line[each.word.size()]);
    });
    if (kind == kKinds.end()) {
        return false;
    }
    line.remove_prefix(kind->word.size());
    const bool commands = kind->table == &Sudoers::commands_;
    for (;;) {
        skip_blank(line);
        const std::string name = take_word(line, " \t=");
        skip_blank(line);
        if (!is_alias_name(name) || !take(line, "=")) {
            return false;
        }
        Members members = take_list(line, commands ? ",:" : ", \t:=");
        for (Member& member : members) {
            member.name = trimmed(member.name);
        }
        (this->*(kind->table)).insert_or_assign(name, std::move(members));
        skip_blank(line);
        if (line.empty()) {
            return true;
        }
        if (!take(line, ":")) {
            return false;
        }
    }
}

void Sudoers::read_defaults(std::string_view line) {
    Authenticate setting;
    bool counts = true;
    if (take(line, ":")) {
        setting.scope = Authenticate::Scope::users;
        setting.members = take_list(line, ", \t");
    } else if (take(line, ">")) {
        setting.scope = Authenticate::Scope::runas;
        setting.members = take_list(line, ", \t");
    } else if (take(line, "@")) {
        (void)take_list(line, ", \t");  // taken for this host: a finding too many beats a pass
    } else if (take(line, "!")) {
        const Members members = take_list(line, ", \t");
        counts = std::ranges::any_of(members, [](const Member& m) { return m.name == "ALL"; });
    }
    while (!line.empty()) {
        skip_blank(line);
        const std::string word = take_word(line, ",");
        (void)take(line, ",");
        const std::string_view option = trimmed(word);
        constexpr std::string_view kExempt = "exempt_group";
        if (counts && (option == "authenticate" || option == "!authenticate")) {
            if (defaults_.size() == kMostDefaults) {
                reader_.problem("/etc/sudoers", source_ + ": more Defaults than can be followed");
                return;
            }
            setting.asks = option == "authenticate";
            defaults_.push_back(setting);
        } else if (option == "!exempt_group") {
            exempt_group_.clear();
        } else if (counts && option.starts_with(kExempt) && option.contains('=')) {
            exempt_group_ = trimmed(option.substr(option.find('=') + 1));
            exempt_source_ = source_;
        }
    }
}

bool Sudoers::read_entry(std::string_view line, const std::string& source, bool drop_in) {
    const Members users = take_list(line, ", \t");
    for (;;) {
        Entry entry{.users = users, .source = source, .drop_in = drop_in};
        // An IPv6 address holds colons, so only = and blanks end a host.
        entry.hosts = take_list(line, ", \t=");
        skip_blank(line);
        if (users.empty() || entry.hosts.empty() || !take(line, "=") ||
            !read_commands(line, entry)) {
            return false;
        }
        if (entries_.size() == kMostEntries) {
            return false;
        }
        entries_.push_back(std::move(entry));
        if (!take(line, ":")) {
            return line.empty();
        }
    }
}

/// Runas, tags and options hold for the commands behind them too.
bool Sudoers::read_commands(std::string_view& rest, Entry& entry) {
    Command current;
    for (;;) {
        skip_blank(rest);
        if (rest.starts_with('(')) {
            read_runas(rest, current);
        }
        read_tags(rest, current);
        current.command = {};
        while (take(rest, "!")) {
            current.command.negated = !current.command.negated;
            skip_blank(rest);
        }
        current.command.name = trimmed(take_word(rest, ",:"));
        if (current.command.name.empty()) {
            return false;
        }
        entry.commands.push_back(current);
        if (!take(rest, ",")) {
            return true;
        }
    }
}

void Sudoers::read_runas(std::string_view& rest, Command& current) {
    rest.remove_prefix(1);
    const auto end = std::min(rest.find(')'), rest.size());
    std::string_view inside = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    current.has_runas = true;
    current.runas = take_list(inside, ", \t:");
    skip_blank(inside);
    current.only_group = current.runas.empty() && inside.starts_with(':');
}

void Sudoers::read_tags(std::string_view& rest, Command& current) {
    static constexpr std::array<std::string_view, 10> kOptions{
        "ROLE",      "TYPE",     "PRIVS",   "LIMITPRIVS", "APPARMOR_PROFILE",
        "NOTBEFORE", "NOTAFTER", "TIMEOUT", "CWD",        "CHROOT"};
    for (;;) {
        skip_blank(rest);
        const auto end =
            std::min(rest.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), rest.size());
        const std::string_view word = rest.substr(0, end);
        std::string_view after = rest.substr(end);
        skip_blank(after);
        if (word.empty() || after.empty()) {
            return;
        }
        if (after.front() == ':' && word != "ALL" && !word.empty()) {
            if (word == "NOPASSWD" || word == "PASSWD") {
                current.asks = word == "PASSWD";
            }
            rest = after.substr(1);
        } else if (after.front() == '=' && std::ranges::find(kOptions, word) != kOptions.end()) {
            after.remove_prefix(1);
            skip_blank(after);
            (void)take_word(after, " \t,:");
            rest = after;
        } else {
            return;
        }
    }
}

Names Sudoers::names_of(const Members& members, const Aliases& aliases, std::size_t depth) {
    Names names;
    for (const Member& member : members) {
        const Names meant = aliases.contains(member.name) && depth < kDeepestAlias
                                ? names_of_alias(member.name, aliases, depth)
                                : Names{member.name};
        for (const std::string& name : meant) {
            if (member.negated) {
                names.erase(name);
            } else if (names.size() < kMostNames) {
                names.insert(name);
            }
        }
    }
    return names;
}

const Names& Sudoers::names_of_alias(const std::string& name, const Aliases& aliases,
                                     std::size_t depth) {
    const auto [place, is_new] = known_names_.try_emplace({&aliases, name});
    if (is_new) {  // an alias that leads back to itself meets the empty set
        Names names = names_of(aliases.find(name)->second, aliases, depth + 1);
        place->second = std::move(names);
    }
    return place->second;
}

std::optional<bool> Sudoers::means_all(const Member& command, std::size_t depth) {
    std::optional<bool> meant;
    if (command.name == "ALL") {
        meant = true;
    } else if (commands_.contains(command.name) && depth < kDeepestAlias) {
        meant = alias_means_all(command.name, depth);
    }
    return meant && command.negated ? !*meant : meant;
}

std::optional<bool> Sudoers::alias_means_all(const std::string& name, std::size_t depth) {
    const auto [place, is_new] = known_all_.try_emplace(name);
    if (is_new) {
        std::optional<bool> meant;
        for (const Member& member : commands_.find(name)->second) {
            if (const auto all = means_all(member, depth + 1)) {
                meant = all;
            }
        }
        place->second = meant;
    }
    return place->second;
}

bool Sudoers::means_root(const Command& command) {
    if (!command.has_runas) {
        return true;  // root is sudo's default
    }
    if (command.only_group) {
        return false;
    }
    const Names names = names_of(command.runas, runas_);
    return command.runas.empty() || names.contains("ALL") || names.contains("root") ||
           names.contains("#0");
}

bool Sudoers::asks_by_default(const std::string& user) {
    const auto [place, is_new] = known_asks_.try_emplace(user, true);
    if (!is_new) {
        return place->second;
    }
    for (const auto scope :
         {Authenticate::Scope::all, Authenticate::Scope::users, Authenticate::Scope::runas}) {
        for (const Authenticate& setting : defaults_) {
            if (setting.scope != scope) {
                continue;
            }
            const bool by_user = scope == Authenticate::Scope::users;
            const Names names = names_of(setting.members, by_user ? users_ : runas_);
            const bool holds = scope == Authenticate::Scope::all || names.contains("ALL") ||
                               names.contains(by_user ? user : std::string("root"));
            place->second = holds ? setting.asks : place->second;
        }
    }
    return place->second;
}

Everything Sudoers::everything(const Entry& entry) {
    Everything result = Everything::not_granted;
    for (const Command& command : entry.commands) {
        const auto all = means_all(command.command, 0);
        if (!all || !means_root(command)) {
            continue;
        }
        if (!*all) {
            result = Everything::not_granted;
        } else if (!command.asks) {
            result = Everything::as_by_default;
        } else {
            result = *command.asks ? Everything::asks : Everything::asks_nobody;
        }
    }
    return result;
}

std::string Sudoers::described(std::string_view user, const Names& hosts) {
    std::string text;
    if (user.starts_with("%:")) {
        text = "Group " + std::string(user.substr(2));
    } else if (user.starts_with('%')) {
        text = "Group " + std::string(user.substr(1));
    } else if (user.starts_with('+')) {
        text = "Netgroup " + std::string(user.substr(1));
    } else {
        text = "User " + std::string(user);
    }
    if (!hosts.contains("ALL")) {
        text += " Host";
        for (const std::string& host : hosts) {
            text += " " + host;
        }
    }
    return text;
}

std::vector<SudoGrant> Sudoers::grants() {
    std::vector<SudoGrant> grants;
    std::map<std::string, std::size_t> known;
    std::size_t seen = 0;
    const auto grant = [&](SudoGrant next) {
        const auto [place, is_new] = known.try_emplace(next.who, grants.size());
        if (is_new) {
            grants.push_back(std::move(next));
        } else {
            grants[place->second] = std::move(next);
        }
    };
    for (const Entry& entry : entries_) {
        const Everything granted = everything(entry);
        if (granted == Everything::not_granted) {
            continue;
        }
        const Names hosts = names_of(entry.hosts, hosts_);
        for (const std::string& user : names_of(entry.users, users_)) {
            if (user == "root" || user == "#0") {
                continue;  // root gains nothing
            }
            if (++seen > kMostGrants) {
                reader_.problem("/etc/sudoers",
                                entry.source + ": more grants than can be followed");
                return grants;
            }
            const bool asks = granted == Everything::as_by_default ? asks_by_default(user)
                                                                   : granted == Everything::asks;
            grant({described(user, hosts), entry.source, asks, entry.drop_in});
        }
    }
    if (!exempt_group_.empty() && !grants.empty()) {
        grant({"Group " + exempt_group_, exempt_source_, false, false});
    }
    return grants;
}

}  // namespace

SudoPolicy read_sudo_policy(HostReader& reader) {
    SudoPolicy policy;
    bool program = false;
    for (const std::string_view path : {"/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo"}) {
        program = reader.exists(path) || program;
    }
    // SUSE's packages put it into /usr/etc, for /etc/sudoers to replace.
    std::string path = "/etc/sudoers";
    if (reader.read(path).missing && !reader.read("/usr/etc/sudoers").missing) {
        path = "/usr/etc/sudoers";
    }
    const bool missing = reader.read(path).missing;
    policy.installed = program || !missing;
    if (!policy.installed) {
        return policy;
    }
    Sudoers sudoers(reader);
    sudoers.read_file(path, false, 0);
    policy.grants = sudoers.grants();
    return policy;
}

}  // namespace assay::sensors
