// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/sshd/config_files.h"
#include "sensors/host/sshd/keywords.h"

namespace assay::sensors::sshd {

/// One condition of a Match line.
struct Criterion {
    enum class Kind : std::uint8_t {
        user,
        group,
        host,
        address,
        local_address,
        local_port,
        rdomain,
        version,
        invalid_user,
    };
    Kind kind = Kind::user;
    std::string value;  ///< as written
    bool operator==(const Criterion&) const = default;
};
/// All must hold. Empty: `Match all`.
using Criteria = std::vector<Criterion>;
/// "User bob Address 10.0.0.0/8"
[[nodiscard]] std::string text_of(const Criteria& criteria);

/// A value that something set.
struct KeptValue {
    std::vector<std::string> values;
    std::string source;             ///< file:line, or what gave the option
    std::string_view effective_by;  ///< set, drop-in, crypto policy, command line
};
using KeptValues = std::array<std::optional<KeptValue>, kKeptCount>;

/// A -o option of a command line.
struct CommandLineOption {
    std::string text;
    std::string source;
    std::string_view effective_by;
};

/// A configuration as sshd reads it: once when it starts, and once more for each connection to see
/// which Match blocks hold for it. Borrows the OpenSsh and the files.
class SshdConfig {
public:
    /// Whether the conditions of a Match line hold.
    using Decide = std::function<bool(const Criteria&)>;

    SshdConfig(const OpenSsh& openssh, const ConfigFiles& files);
    ~SshdConfig();
    SshdConfig(const SshdConfig&) = delete;
    SshdConfig& operator=(const SshdConfig&) = delete;

    /// Reads it. The error says where sshd would refuse it ("file:line: reason"), or what hinders
    /// us. `path` none: no file at all. Call once.
    [[nodiscard]] Result<KeptValues> read(const std::string& path,
                                          const std::vector<CommandLineOption>& options);
    /// What the Match blocks that hold set, beyond what read() gave.
    [[nodiscard]] Result<KeptValues> for_connection(const Decide& holds);
    /// The conditions under which each Match block is reached, in order, without doubles; those of
    /// the block around an Include are among them.
    [[nodiscard]] Result<std::vector<Criteria>> blocks();

private:
    struct Line;
    struct File;
    struct Pass;
    struct Included {
        std::string selector;
        const File* file = nullptr;  ///< none: the selector names nothing
    };

    [[nodiscard]] Result<const File*> load(const std::string& path);
    [[nodiscard]] std::optional<Line> parse(std::string_view text) const;
    [[nodiscard]] Result<void> run(const File& file, Pass& pass, int depth);
    [[nodiscard]] Result<void> include(const File& file, const Line& line, Pass& pass, int depth);
    [[nodiscard]] Result<void> store(const File& file, const Line& line, Pass& pass);
    [[nodiscard]] Result<void> store_option(const CommandLineOption& option, KeptValues& values);
    [[nodiscard]] Result<void> check_together(const KeptValues& values) const;

    const OpenSsh* openssh_;
    const ConfigFiles* files_;
    std::map<std::string, std::unique_ptr<const File>> loaded_;
    std::vector<Included> included_;
    const File* main_ = nullptr;
    /// Lines that may still be looked at: includes can multiply.
    std::int64_t budget_ = 500'000;
};

}  // namespace assay::sensors::sshd
