// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/sshd/sshd_topic.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "facts/setting.h"
#include "sensors/host/sshd/command_line.h"
#include "sensors/host/sshd/config_files.h"
#include "sensors/host/sshd/effective_settings.h"
#include "sensors/host/sshd/match_blocks.h"
#include "sensors/host/sshd/openssh.h"
#include "sensors/host/sshd/sshd_config.h"
#include "sensors/host/sshd/systemd_units.h"

namespace assay::sensors {
namespace {

using namespace sshd;

constexpr std::size_t kLongestInstance = 512;
constexpr std::size_t kMostInstances = 64;
constexpr std::size_t kMostBlocksTold = 256;
constexpr std::string_view kSuseConfig = "/usr/etc/ssh/sshd_config";

/// One way in which sshd is started.
struct Instance {
    CommandLine command_line;
    std::vector<CommandLineOption> options;
    std::string name;
    bool enabled = false;
};

void sort_and_unite(std::vector<std::string>& names) {
    std::ranges::sort(names);
    const auto doubles = std::ranges::unique(names);
    names.erase(doubles.begin(), doubles.end());
}

/// Options that the crypto policy gives are no mark of an instance: every sshd has them, and they
/// are long.
void add_instance(std::vector<Instance>& instances, CommandLine line, const std::string& source,
                  const std::vector<std::string>& policy, bool enabled) {
    Instance instance{std::move(line), {}, {}, enabled};
    instance.name = instance.command_line.config;
    for (const std::string& option : instance.command_line.options) {
        const bool of_policy = std::ranges::find(policy, option) != policy.end();
        instance.options.push_back({option, source, of_policy ? "crypto policy" : "command line"});
        if (!of_policy) {
            instance.name += " -o " + option;
        }
    }
    if (instance.name.size() > kLongestInstance) {
        instance.name.resize(kLongestInstance);
    }
    const auto same = std::ranges::find(instances, instance.name, &Instance::name);
    if (same != instances.end()) {
        same->enabled = same->enabled || enabled;
    } else if (instances.size() < kMostInstances) {
        instances.push_back(std::move(instance));
    }
}

/// An sshd inside a container is set up by files that are not this host's. It has a pid namespace
/// of its own, which units of the host do not.
bool in_container(const HostRoot& host, const RunningProgram& program) {
    const auto own = host.read_link("proc/" + std::to_string(program.pid) + "/ns/pid");
    const auto hosts = host.read_link("proc/1/ns/pid");
    return own && hosts && *own != *hosts;
}

/// The values of -o among arguments.
std::vector<std::string> options_among(const std::vector<std::string>& arguments) {
    const auto line = parse_command_line(arguments);
    return line ? line->options : std::vector<std::string>();
}

class Reader {
public:
    Reader(const OpenSsh& openssh, const ConfigFiles& files, const TellFact& tell)
        : openssh_(&openssh), files_(&files), tell_(&tell) {}

    void tell_installed(bool enabled) const {
        facts::Setting fact;
        fact.setting = "sshd.installed";
        fact.value = openssh_->installed ? "yes" : "no";
        fact.source = openssh_->binary;
        if (openssh_->installed) {
            fact.enabled = enabled;
        }
        (*tell_)(facts::FactView(fact));
    }

    void tell_instance(const Instance& instance) const {
        SshdConfig config(*openssh_, *files_);
        const auto startup = config.read(instance.command_line.config, instance.options);
        if (!startup) {
            return tell_problem(instance, {}, startup.error().message);
        }
        UserGroups groups(*files_);
        const auto global = settings_for(config, *startup, {}, groups);
        if (!global) {
            return tell_problem(instance, {}, global.error().message);
        }
        for (const EffectiveSetting& setting : *global) {
            tell_setting(instance, {}, setting);
        }
        const auto blocks = config.blocks();
        if (!blocks) {
            return tell_problem(instance, "Match", blocks.error().message);
        }
        std::size_t told = 0;
        for (const Criteria& block : *blocks) {
            if (++told > kMostBlocksTold) {
                return tell_problem(instance, "Match",
                                    instance.command_line.config + ": more than " +
                                        std::to_string(kMostBlocksTold) + " Match blocks");
            }
            tell_block(instance, config, *startup, *global, block, groups);
        }
    }

private:
    [[nodiscard]] Result<std::vector<EffectiveSetting>> settings_for(SshdConfig& config,
                                                                     const KeptValues& startup,
                                                                     const Criteria& known,
                                                                     UserGroups& groups) const {
        const MatchDecision decision(*openssh_, known, groups);
        const auto matched = config.for_connection(
            [&](const Criteria& criteria) { return decision.holds(criteria); });
        if (!matched) {
            return std::unexpected(matched.error());
        }
        return effective_settings(*openssh_, startup, *matched);
    }

    void tell_block(const Instance& instance, SshdConfig& config, const KeptValues& startup,
                    const std::vector<EffectiveSetting>& global, const Criteria& block,
                    UserGroups& groups) const {
        if (MatchDecision(*openssh_, block, groups).impossible()) {
            return;
        }
        const std::string criteria = text_of(block);
        const auto settings = settings_for(config, startup, block, groups);
        if (!settings) {
            return tell_problem(instance, criteria, settings.error().message);
        }
        for (const EffectiveSetting& setting : *settings) {
            const auto same = std::ranges::find(global, setting.name, &EffectiveSetting::name);
            if (same == global.end() || same->value != setting.value ||
                same->problem != setting.problem) {
                tell_setting(instance, criteria, setting);
            }
        }
    }

    void tell_setting(const Instance& instance, std::string_view criteria,
                      const EffectiveSetting& setting) const {
        facts::Setting fact;
        fact.setting = setting.name;
        fact.instance = instance.name;
        fact.criteria = criteria;
        fact.source = setting.source;
        fact.enabled = instance.enabled;
        if (setting.problem.empty()) {
            fact.value = setting.value;
            fact.effective_by = setting.effective_by;
        } else {
            fact.problem = setting.problem;
        }
        (*tell_)(facts::FactView(fact));
    }

    /// A configuration that sshd refuses, or that we cannot read, has no values at all.
    void tell_problem(const Instance& instance, std::string_view criteria,
                      std::string_view problem) const {
        for (const std::string_view name : told_settings()) {
            facts::Setting fact;
            fact.setting = name;
            fact.instance = instance.name;
            fact.criteria = criteria;
            fact.enabled = instance.enabled;
            fact.problem = problem;
            (*tell_)(facts::FactView(fact));
        }
    }

    const OpenSsh* openssh_;
    const ConfigFiles* files_;
    const TellFact* tell_;
};

std::vector<Instance> find_instances(const Surroundings& around, const ConfigFiles& files,
                                     const std::vector<UnitCommand>& units) {
    std::vector<Instance> instances;
    std::vector<std::string> policy;
    for (const UnitCommand& unit : units) {
        const auto options = options_among(unit.from_crypto_policy);
        policy.insert(policy.end(), options.begin(), options.end());
    }
    for (const UnitCommand& unit : units) {
        if (auto line = parse_command_line(unit.arguments)) {
            add_instance(instances, std::move(*line), unit.source, policy, unit.enabled);
        }
    }
    if (instances.empty()) {
        add_instance(instances, {}, {}, policy, started_by_run_level(files));
    }
    for (const RunningProgram& program : around.programs) {
        auto line = command_line_of_process(program.arguments);
        if (line && program.image.ends_with("/sshd") && !in_container(around.host, program)) {
            add_instance(instances, std::move(*line),
                         "/proc/" + std::to_string(program.pid) + "/cmdline", policy, true);
        }
    }
    // SUSE looks there when there is nothing in /etc.
    const bool in_etc = files.host().exists(below_root(kUsualConfig));
    for (Instance& instance : instances) {
        if (instance.command_line.config == kUsualConfig && !in_etc &&
            files.host().exists(below_root(kSuseConfig))) {
            files.dependencies().files.emplace_back(kUsualConfig);
            instance.command_line.config = kSuseConfig;
        }
    }
    return instances;
}

}  // namespace

struct SshdTopic::State {
    OpenSshFinder finder;
};

SshdTopic::SshdTopic() : state_(std::make_unique<State>()) {}
SshdTopic::~SshdTopic() = default;

Dependencies SshdTopic::read(const Surroundings& around, const TellFact& tell) {
    Dependencies dependencies;
    dependencies.programs.emplace_back("sshd");
    const ConfigFiles files(around.host, dependencies);
    const auto units = unit_commands(files);
    std::vector<std::string> places;
    for (const UnitCommand& unit : units) {
        places.push_back(unit.program);
    }
    for (const RunningProgram& program : around.programs) {
        if (program.image.ends_with("/sshd") && !in_container(around.host, program)) {
            places.push_back(program.image);
        }
    }
    const OpenSsh& openssh = state_->finder.find(around.host, places, dependencies);
    const Reader reader(openssh, files, tell);
    if (!openssh.installed) {
        reader.tell_installed(false);
    } else {
        const auto instances = find_instances(around, files, units);
        reader.tell_installed(std::ranges::any_of(instances, &Instance::enabled));
        for (const Instance& instance : instances) {
            reader.tell_instance(instance);
        }
    }
    sort_and_unite(dependencies.files);
    sort_and_unite(dependencies.directories);
    return dependencies;
}

}  // namespace assay::sensors
