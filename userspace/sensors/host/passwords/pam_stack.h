// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/passwords/host_text.h"

namespace assay::sensors {

/// Return values of PAM modules that matter here, numbered as Linux-PAM numbers them.
enum class PamResult : std::size_t {
    success = 0,
    perm_denied = 6,
    user_unknown = 10,
    maxtries = 11,
    authtok_err = 20,
    ignore = 25,
    module_unknown = 28,
};
inline constexpr std::size_t kPamResults = 32;

/// What the stack does for each return value: one of these, or a positive number of modules to
/// jump over.
inline constexpr int kPamIgnore = 0;
inline constexpr int kPamOk = -1;
inline constexpr int kPamDone = -2;
inline constexpr int kPamBad = -3;
inline constexpr int kPamDie = -4;
inline constexpr int kPamReset = -5;
using PamControl = std::array<int, kPamResults>;

/// One step of a flattened stack.
struct PamStep {
    enum class Kind {
        module,
        substack,   ///< marks where one begins; counts in jumps, runs nothing
        must_fail,  ///< an entry that libpam cannot read: fails when it is reached
    };
    Kind kind = Kind::module;
    std::size_t level = 0;  ///< depth of substacks
    PamControl control{};
    std::string module;  ///< as written: pam_unix.so
    std::vector<std::string> arguments;
    std::string source;   ///< path:line
    bool silent = false;  ///< `-` before the type

    /// pam_unix, of /lib/security/pam_unix.so.
    [[nodiscard]] std::string_view module_name() const;
};

/// The `password` steps of a service, in order.
struct PamStack {
    std::string service;
    std::vector<PamStep> steps;
    std::string problem;  ///< why it is not known: path:line: reason
};

/// PAM's configuration below a host root, read as libpam reads it: etc/pam.d, then the vendor's
/// directories; etc/pam.conf only when none of these exists. Debian's `@include` works where
/// etc/debian_version exists, which is where libpam has that patch.
class PamConfiguration {
public:
    explicit PamConfiguration(HostReader& reader);

    [[nodiscard]] bool has_service(std::string_view service);
    /// The stack of a service, or of `other` when it has no password step.
    [[nodiscard]] PamStack password_stack(std::string_view service);
    [[nodiscard]] bool is_installed() const { return !directories_.empty() || single_file_; }
    [[nodiscard]] bool is_debian() const { return debian_; }

private:
    struct Loading;
    [[nodiscard]] const HostText* find(std::string_view service);
    bool load(Loading& loading, std::string_view name, bool only_passwords, std::size_t depth,
              std::size_t level);
    void parse(Loading& loading, const HostText& file, bool only_passwords, std::size_t depth,
               std::size_t level);
    void add_entry(Loading& loading, std::string_view line, const std::string& source,
                   bool only_passwords, std::size_t depth, std::size_t level);
    PamStack load_stack(std::string_view service);

    HostReader& reader_;
    std::vector<std::string_view> directories_;
    bool single_file_ = false;
    bool debian_ = false;
};

/// One logical line: comments gone, lines that end in a backslash joined. `number` becomes that of
/// its first line. False at the end.
[[nodiscard]] bool next_pam_line(std::string_view& rest, std::size_t& next_number,
                                 std::string& line, std::size_t& number);

/// Splits off the next word; a word in [ ] may hold spaces, and \] stands for ]. False at the end.
[[nodiscard]] bool next_pam_word(std::string_view& rest, std::string& word);

/// required, requisite, sufficient, optional, or the inside of [value=action …].
[[nodiscard]] PamControl parse_pam_control(std::string_view text);

}  // namespace assay::sensors
