// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "facts/kinds.h"

namespace assay::sensors {

using TellFact = std::function<void(const facts::FactView&)>;

/// A program that runs now, as far as a topic may ask (sshd instances with -f and -o).
struct RunningProgram {
    std::uint32_t pid = 0;
    std::string image;                   ///< path in its own mount namespace
    std::vector<std::string> arguments;  ///< argv[0] first
};

/// What a topic is read from.
struct Surroundings {
    const HostRoot& host;
    /// The host is the one we run on: /proc tells of its kernel and its processes. False for a
    /// mounted image, where what only a running host can tell is not applicable.
    bool running = false;
    std::vector<RunningProgram> programs;  ///< only those whose image name a topic asked for
    /// Begins to watch a directory, so that a topic can have it watched before it reads it. Its
    /// changes come through Topic::on_change. Empty where nothing is watched: then a cache cannot
    /// be relied on from one read() to the next.
    std::function<void(const std::string& path)> watch_directory = {};
};

/// What a topic's answer rests on; when one of it changes the topic is read again. Paths are
/// absolute below the host root.
struct Dependencies {
    std::vector<std::string> files;        ///< may be missing: then their coming is the change
    std::vector<std::string> directories;  ///< entries made, removed, renamed; mode, owner, ACL
    std::vector<std::string> sysctls;      ///< below /proc/sys: kernel/randomize_va_space
    std::vector<std::string> programs;     ///< names of image files (sshd) whose exec is a change
};

/// One part of the host's set-up: reads files and tells setting, account or directory facts. It
/// decides nothing. What could not be read is a fact with `Problem`, never left out. Called from
/// one thread, again and again; may cache between calls.
class Topic {
public:
    Topic() = default;
    Topic(const Topic&) = delete;
    Topic& operator=(const Topic&) = delete;
    virtual ~Topic() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Which kinds of fact it tells.
    [[nodiscard]] virtual std::vector<facts::Kind> kinds() const = 0;
    /// Programs it wants to know of, by the name of their image file.
    [[nodiscard]] virtual std::vector<std::string> programs() const { return {}; }
    /// Reads everything and tells every fact of it, those that say whether a rule applies first
    /// (sshd.installed). Facts carry no time, actor or previous value: the caller sees to these.
    [[nodiscard]] virtual Dependencies read(const Surroundings& around, const TellFact& tell) = 0;

    /// A file or directory that its answer rests on has changed; told before the read() that
    /// follows. `replaced`: by that name there may now be another thing, or nothing.
    virtual void on_change(std::string_view /*path*/, bool /*replaced*/) {}
    /// Changes may have been missed: no cache may be relied on.
    virtual void forget() {}
};

}  // namespace assay::sensors
