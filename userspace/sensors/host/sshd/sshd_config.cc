// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/sshd_config.h"

#include <algorithm>
#include <utility>

#include "sensors/host/sshd/algorithms.h"
#include "sensors/host/sshd/config_words.h"
#include "sensors/host/sshd/patterns.h"
#include "sensors/host/sshd/value_checks.h"

namespace assay::sensors::sshd {
namespace {

constexpr int kDeepestInclude = 16;
constexpr int kCostOfInclude = 10;  ///< in lines
constexpr std::size_t kMostFiles = 4096;
constexpr std::size_t kMostBlocks = 4096;

constexpr std::array<std::string_view, 9> kCriterionNames{
    "User",      "Group",   "Host",    "Address",     "LocalAddress",
    "LocalPort", "RDomain", "Version", "invalid-user"};

std::optional<Criterion::Kind> criterion_kind(std::string_view name) {
    for (std::size_t i = 0; i < kCriterionNames.size(); ++i) {
        if (same_word(kCriterionNames[i], name)) {
            return static_cast<Criterion::Kind>(i);
        }
    }
    return std::nullopt;
}

/// Reads the conditions of a Match line as the versions until 9.8 do (word by word) or as the
/// later ones (arguments split before).
class MatchParser {
public:
    MatchParser(const OpenSsh& openssh, std::string_view rest,
                const std::vector<std::string>& arguments)
        : openssh_(openssh), split_before_(openssh.at_least(909)), arguments_(arguments) {
        cursor_.rest = rest;
    }

    /// Empty when all is well.
    std::string parse(Criteria& out) {
        int count = 0;
        for (auto name = take(); name && !name->empty(); name = take()) {
            if (name->starts_with('#') && openssh_.at_least(807)) {
                drop_rest();
                break;
            }
            ++count;
            if (same_word(*name, "all")) {
                const auto argument = take();
                const bool comment = argument && argument->starts_with('#');
                if (count > 1 || (argument && !argument->empty() && !comment)) {
                    return "'all' cannot be combined with other Match conditions";
                }
                if (comment) {
                    drop_rest();
                }
                break;
            }
            if (auto problem = take_criterion(*name, out); !problem.empty()) {
                return problem;
            }
        }
        if (count == 0) {
            return "a Match line without conditions";
        }
        return rest_is_empty() ? std::string() : "extra arguments at the end of the line";
    }

private:
    std::optional<std::string> take() {
        if (!split_before_) {
            return take_word(cursor_);
        }
        return next_ < arguments_.size() ? std::optional(arguments_[next_++]) : std::nullopt;
    }
    void drop_rest() {
        cursor_.rest.reset();
        next_ = arguments_.size();
    }
    [[nodiscard]] bool rest_is_empty() const {
        return split_before_ ? next_ == arguments_.size() : !cursor_.rest || cursor_.rest->empty();
    }
    std::string take_criterion(std::string name, Criteria& out) {
        std::optional<std::string> value;
        if (const std::size_t equals = name.find('=');
            split_before_ && equals != std::string::npos &&
            criterion_kind(std::string_view(name).substr(0, equals))) {
            value = name.substr(equals + 1);
            name.resize(equals);
        }
        const auto kind = criterion_kind(name);
        if (kind == Criterion::Kind::invalid_user && openssh_.at_least(909)) {
            out.push_back({*kind, {}});
            return {};
        }
        if (!value) {
            value = take();
        }
        if (!value || value->empty() || value->starts_with('#')) {
            return "no value for the Match condition " + name.substr(0, 100);
        }
        if (!kind || *kind == Criterion::Kind::invalid_user ||
            (*kind == Criterion::Kind::version && !openssh_.at_least(1000))) {
            return "not a Match condition: " + name.substr(0, 100);
        }
        const bool is_address =
            *kind == Criterion::Kind::address || *kind == Criterion::Kind::local_address;
        if ((is_address && !address_list_valid(*value)) ||
            (*kind == Criterion::Kind::local_port && !port_of(*value))) {
            return "not a value of the Match condition " + name + ": " + value->substr(0, 100);
        }
        out.push_back({*kind, std::move(*value)});
        return {};
    }

    const OpenSsh& openssh_;
    bool split_before_;
    LineCursor cursor_;
    const std::vector<std::string>& arguments_;
    std::size_t next_ = 0;
};

/// How versions before 8.7 split arguments: as words, up to the first empty one.
std::vector<std::string> old_arguments(std::string_view rest) {
    std::vector<std::string> arguments;
    LineCursor cursor{rest};
    for (auto word = take_word(cursor); word && !word->empty(); word = take_word(cursor)) {
        arguments.push_back(std::move(*word));
    }
    return arguments;
}

bool adds_up(Kept kept) {
    return kept == Kept::allow_users || kept == Kept::deny_users || kept == Kept::allow_groups ||
           kept == Kept::deny_groups;
}

std::optional<AlgorithmKind> algorithms_of(Kept kept) {
    switch (kept) {
        case Kept::ciphers:
            return AlgorithmKind::cipher;
        case Kept::macs:
            return AlgorithmKind::mac;
        case Kept::kex_algorithms:
            return AlgorithmKind::kex;
        case Kept::host_key_algorithms:
        case Kept::pubkey_accepted_algorithms:
        case Kept::hostbased_accepted_algorithms:
            return AlgorithmKind::key;
        case Kept::ca_signature_algorithms:
            return AlgorithmKind::ca_signature;
        default:
            return std::nullopt;
    }
}

std::size_t index(Kept kept) { return static_cast<std::size_t>(kept); }

}  // namespace

std::string text_of(const Criteria& criteria) {
    std::string text;
    for (const Criterion& criterion : criteria) {
        text += text.empty() ? "" : " ";
        text += kCriterionNames[static_cast<std::size_t>(criterion.kind)];
        if (!criterion.value.empty()) {
            const bool quoted = criterion.value.find_first_of(" \t") != std::string::npos;
            text += quoted ? " \"" : " ";
            text += criterion.value;
            text += quoted ? "\"" : "";
        }
    }
    return text;
}

struct SshdConfig::Line {
    std::uint32_t number = 0;
    Keyword keyword{{}, Form::ignored};
    std::vector<std::string> arguments;  ///< of an Include: its patterns; else the checked values
    Criteria match;
    std::string problem;  ///< why sshd refuses this line wherever it stands
};

struct SshdConfig::File {
    std::string path;
    std::vector<Line> lines;
    std::string_view effective_by = "set";

    [[nodiscard]] std::string place(const Line& line) const {
        return path + ":" + std::to_string(line.number);
    }
    [[nodiscard]] Error error(const Line& line, std::string_view reason) const {
        return {place(line) + ": " + std::string(reason)};
    }
};

/// One reading of the lines. Names follow what sshd tells apart.
struct SshdConfig::Pass {
    KeptValues* values = nullptr;
    const Decide* holds = nullptr;  ///< none: the reading when sshd starts
    bool active = true;             ///< lines take effect
    bool never_match = false;       ///< in a file that an inactive block includes
    bool match_only = false;        ///< for a connection, before the first Match of the file
    std::vector<std::string> subsystems{};

    std::vector<Criteria>* blocks = nullptr;  ///< only collects them
    Criteria around{};                        ///< conditions of the blocks around this file
    Criteria here{};                          ///< and of the block we are in
};

SshdConfig::SshdConfig(const OpenSsh& openssh, const ConfigFiles& files)
    : openssh_(&openssh), files_(&files) {}
SshdConfig::~SshdConfig() = default;

Result<KeptValues> SshdConfig::read(const std::string& path,
                                    const std::vector<CommandLineOption>& options) {
    KeptValues values;
    for (const CommandLineOption& option : options) {
        if (auto stored = store_option(option, values); !stored) {
            return std::unexpected(stored.error());
        }
    }
    if (!same_word(path, "none")) {
        const auto file = load(path);
        if (!file) {
            return std::unexpected(file.error());
        }
        main_ = *file;
        Pass pass{.values = &values};
        if (auto done = run(*main_, pass, 0); !done) {
            return std::unexpected(done.error());
        }
    }
    if (auto sound = check_together(values); !sound) {
        return std::unexpected(sound.error());
    }
    return values;
}

Result<KeptValues> SshdConfig::for_connection(const Decide& holds) {
    KeptValues values;
    if (main_ != nullptr) {
        Pass pass{.values = &values, .holds = &holds, .active = false, .match_only = true};
        if (auto done = run(*main_, pass, 0); !done) {
            return std::unexpected(done.error());
        }
    }
    return values;
}

Result<std::vector<Criteria>> SshdConfig::blocks() {
    std::vector<Criteria> blocks;
    if (main_ != nullptr) {
        KeptValues unused;
        const Decide everything = [](const Criteria&) { return true; };
        Pass pass{.values = &unused,
                  .holds = &everything,
                  .active = false,
                  .match_only = true,
                  .blocks = &blocks};
        if (auto done = run(*main_, pass, 0); !done) {
            return std::unexpected(done.error());
        }
    }
    return blocks;
}

Result<const SshdConfig::File*> SshdConfig::load(const std::string& path) {
    if (const auto known = loaded_.find(path); known != loaded_.end()) {
        return known->second.get();
    }
    if (loaded_.size() == kMostFiles) {
        return fail("more than " + std::to_string(kMostFiles) + " files");
    }
    auto text = files_->read(path);
    if (!text) {
        return std::unexpected(text.error().within(path));
    }
    auto file = std::make_unique<File>();
    file->path = path;
    // What update-crypto-policies writes, and what it is a link to.
    if (path.contains("/crypto-policies/")) {
        file->effective_by = "crypto policy";
    } else if (main_ != nullptr || !loaded_.empty()) {
        file->effective_by = "drop-in";
    }
    std::uint32_t number = 0;
    for (std::string_view line : split(*text, '\n')) {
        ++number;
        const std::size_t begin = line.find_first_not_of(" \t\r");
        line = begin == std::string_view::npos ? std::string_view() : line.substr(begin);
        if (line.contains('\0')) {
            return fail(path + ":" + std::to_string(number) + ": a NUL byte: not a text file");
        }
        if (auto parsed = parse(line)) {
            parsed->number = number;
            file->lines.push_back(std::move(*parsed));
        }
    }
    return loaded_.emplace(path, std::move(file)).first->second.get();
}

std::optional<SshdConfig::Line> SshdConfig::parse(std::string_view text) const {
    if (text.empty() || text.front() == '#') {
        return std::nullopt;
    }
    LineCursor cursor{without_trailing_space(text)};
    auto name = take_word(cursor);
    if (name && name->empty()) {
        name = take_word(cursor);
    }
    if (!name || name->empty() || name->starts_with('#')) {
        return std::nullopt;
    }
    Line line;
    if (!cursor.rest || cursor.rest->empty()) {
        line.problem = "no argument after " + name->substr(0, 100);
        return line;
    }
    const std::string_view rest = *cursor.rest;
    if (!find_keyword(*name, *openssh_, line.keyword)) {
        line.problem = "not a keyword of this OpenSSH: " + name->substr(0, 100);
        return line;
    }
    std::optional<std::vector<std::string>> arguments;
    if (openssh_->at_least(807)) {
        arguments = split_arguments(rest);
        if (!arguments) {
            line.problem = "a quote that is never closed";
            return line;
        }
    } else {
        arguments = old_arguments(rest);
    }
    if (line.keyword.form == Form::match) {
        line.problem = MatchParser(*openssh_, rest, *arguments).parse(line.match);
    } else if (line.keyword.form == Form::include) {
        line.arguments = std::move(*arguments);
        if (line.arguments.empty() || std::ranges::any_of(line.arguments, &std::string::empty)) {
            line.problem = "no file name after Include";
        }
    } else {
        CheckedValue checked = check_value(line.keyword, rest, *arguments, *openssh_);
        line.problem = std::move(checked.problem);
        line.arguments = std::move(checked.values);
    }
    return line;
}

Result<void> SshdConfig::run(const File& file, Pass& pass, int depth) {
    for (const Line& line : file.lines) {
        budget_ -= line.keyword.form == Form::include ? kCostOfInclude : 1;
        if (budget_ < 0) {
            return std::unexpected(file.error(line, "too much is included"));
        }
        if (!line.problem.empty()) {
            return std::unexpected(file.error(line, line.problem));
        }
        if (!pass.active && !line.keyword.in_match) {
            if (pass.holds == nullptr) {
                return std::unexpected(file.error(
                    line, std::string(line.keyword.name) + " is not allowed in a Match block"));
            }
            continue;
        }
        Result<void> done;
        if (line.keyword.form == Form::include) {
            done = include(file, line, pass, depth);
        } else if (line.keyword.form == Form::match) {
            const bool holds =
                line.match.empty() || (pass.holds != nullptr && (*pass.holds)(line.match));
            pass.active = holds && !pass.never_match;
            pass.match_only = false;
            pass.here = pass.around;
            pass.here.insert(pass.here.end(), line.match.begin(), line.match.end());
            if (pass.blocks != nullptr && !pass.here.empty() &&
                std::ranges::find(*pass.blocks, pass.here) == pass.blocks->end()) {
                if (pass.blocks->size() == kMostBlocks) {
                    return std::unexpected(file.error(
                        line, "more than " + std::to_string(kMostBlocks) + " Match blocks"));
                }
                pass.blocks->push_back(pass.here);
            }
        } else {
            done = store(file, line, pass);
        }
        if (!done) {
            return done;
        }
    }
    return {};
}

Result<void> SshdConfig::include(const File& file, const Line& line, Pass& pass, int depth) {
    const auto run_included = [&](const File& included) -> Result<void> {
        if (depth == kDeepestInclude) {
            return std::unexpected(file.error(line, "files include each other, or too deeply"));
        }
        // A file begins with the state of the block around it, and leaves it as it was.
        Pass inner = pass;
        inner.never_match = !pass.match_only && !pass.active;
        inner.around = pass.here;
        auto done = run(included, inner, depth + 1);
        pass.subsystems = std::move(inner.subsystems);
        return done;
    };
    for (const std::string& argument : line.arguments) {
        const std::string selector = argument.starts_with('/') || argument.starts_with('~')
                                         ? argument
                                         : "/etc/ssh/" + argument;
        // sshd keeps what a selector named the first time, and a file only once it is through with
        // it: a file that includes its own folder is seen without itself at first.
        bool found = false;
        std::size_t next = 0;
        while (next < included_.size()) {  // which grows while included files are run
            const Included& known = included_[next++];
            if (known.selector != selector) {
                continue;
            }
            found = true;
            if (known.file != nullptr) {
                if (auto done = run_included(*known.file); !done) {
                    return done;
                }
            }
        }
        if (found) {
            continue;
        }
        const auto paths = files_->expand(selector);
        if (!paths) {
            return std::unexpected(
                file.error(line, "Include " + selector + ": " + paths.error().message));
        }
        if (paths->empty()) {
            included_.push_back({selector});
        }
        for (const std::string& path : *paths) {
            const auto included = load(path);
            if (!included) {
                // A place inside the included file is told as it is; else the line that asks.
                const std::string& message = included.error().message;
                return message.starts_with(path + ":") && !message.starts_with(path + ": ")
                           ? std::unexpected(included.error())
                           : std::unexpected(file.error(line, "cannot read " + message));
            }
            if (auto done = run_included(**included); !done) {
                return done;
            }
            included_.push_back({selector, *included});
        }
    }
    return {};
}

Result<void> SshdConfig::store(const File& file, const Line& line, Pass& pass) {
    if (line.keyword.form == Form::subsystem && pass.active && !openssh_->at_least(905)) {
        if (std::ranges::find(pass.subsystems, line.arguments.at(0)) != pass.subsystems.end()) {
            return std::unexpected(file.error(line, "a Subsystem that is already defined"));
        }
        pass.subsystems.push_back(line.arguments.at(0));
    }
    const Kept kept = line.keyword.kept;
    if (kept == Kept::none) {
        return {};
    }
    auto& value = (*pass.values)[index(kept)];
    if (kept == Kept::authentication_methods && value && !openssh_->at_least(907) &&
        line.arguments.front() == "any") {
        // Until 9.6 sshd looks at what was set before, even from outside the block.
        return std::unexpected(file.error(line, "`any` after other AuthenticationMethods"));
    }
    if (!pass.active) {
        return {};
    }
    if (kept == Kept::authorized_principals_command && !openssh_->at_least(904)) {
        // Until 9.3 it looks whether the other command is set.
        if (!(*pass.values)[index(Kept::authorized_keys_command)]) {
            value = {line.arguments, file.place(line), file.effective_by};
        }
    } else if (!value) {
        if (!adds_up(kept) || !line.arguments.empty()) {
            value = {line.arguments, file.place(line), file.effective_by};
        }
    } else if (adds_up(kept)) {
        value->values.insert(value->values.end(), line.arguments.begin(), line.arguments.end());
    }
    return {};
}

Result<void> SshdConfig::store_option(const CommandLineOption& option, KeptValues& values) {
    const auto line = parse(option.text);
    if (!line) {
        return {};
    }
    File command_line;
    command_line.path = option.source;
    command_line.effective_by = option.effective_by;
    const auto refuse = [&](std::string_view reason) -> Result<void> {
        return fail(option.source + ": -o " + option.text.substr(0, 100) + ": " +
                    std::string(reason));
    };
    if (!line->problem.empty()) {
        return refuse(line->problem);
    }
    if (line->keyword.form == Form::include || line->keyword.form == Form::match) {
        return refuse("not possible on the command line");
    }
    Pass pass{.values = &values};
    if (auto stored = store(command_line, *line, pass); !stored) {
        return refuse(stored.error().message);
    }
    if (line->keyword.kept != Kept::none) {
        if (auto& value = values[index(line->keyword.kept)];
            value && value->source == command_line.place(*line)) {
            value->source = option.source;  // a command line has no lines
        }
    }
    return {};
}

Result<void> SshdConfig::check_together(const KeptValues& values) const {
    const auto text = [&](Kept kept) -> std::string_view {
        const auto& value = values[index(kept)];
        return value && !value->values.empty() ? std::string_view(value->values[0]) : "";
    };
    const auto is_off = [&](Kept kept) { return text(kept) == "no"; };
    for (std::size_t i = 0; i < kKeptCount; ++i) {
        const auto kind = algorithms_of(static_cast<Kept>(i));
        if (kind && values[i] && !values[i]->values.empty() &&
            !effective_algorithms(*kind, values[i]->values[0], *openssh_)) {
            return fail(values[i]->source + ": no algorithm is left of " + values[i]->values[0]);
        }
    }
    for (const auto& [command, user] :
         {std::pair(Kept::authorized_keys_command, Kept::authorized_keys_command_user),
          std::pair(Kept::authorized_principals_command,
                    Kept::authorized_principals_command_user)}) {
        if (!text(command).empty() && !same_word(text(command), "none") && text(user).empty()) {
            return fail(values[index(command)]->source + ": a command without its user");
        }
    }
    const auto& methods = values[index(Kept::authentication_methods)];
    if (!methods || methods->values.front() == "any") {
        return {};
    }
    const bool kbd_interactive = openssh_->at_least(807)
                                     ? !is_off(Kept::kbd_interactive_authentication)
                                     : !is_off(Kept::challenge_response_authentication) ||
                                           text(Kept::kbd_interactive_authentication) == "yes";
    const auto enabled = [&](std::string_view method) {
        method = method.substr(0, method.find(':'));
        return method == "none" ||
               (method == "publickey" && !is_off(Kept::pubkey_authentication)) ||
               (method == "password" && !is_off(Kept::password_authentication)) ||
               (method == "keyboard-interactive" && kbd_interactive) ||
               (method == "hostbased" && text(Kept::hostbased_authentication) == "yes") ||
               (method.starts_with("gssapi") && text(Kept::gssapi_authentication) == "yes");
    };
    const bool possible = std::ranges::any_of(methods->values, [&](std::string_view list) {
        return std::ranges::all_of(split(list, ','), enabled);
    });
    return possible ? Result<void>()
                    : fail(methods->source + ": no method of AuthenticationMethods is enabled");
}

}  // namespace assay::sensors::sshd
