// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/password_policy.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "sensors/host/passwords/pam_dispatch.h"

namespace assay::sensors {
namespace {

using Role = ModuleActs::Role;

constexpr std::size_t kMostSwitches = 10;  // 1024 walks of a stack at most

/// One trial: which checks the password satisfies, how modules that we do not know answer.
class Trial {
public:
    Trial(std::span<const PamStep> steps, std::span<const ModuleActs> acts,
          std::span<const std::optional<bool>> answers)
        : steps_(steps), acts_(acts), answers_(answers) {}

    /// The step that set the password, if one did.
    std::optional<std::size_t> run() {
        (void)change_password(steps_,
                              [this](std::size_t step, PamPass pass) { return call(step, pass); });
        return stored_by_;
    }

private:
    PamResult call(std::size_t step, PamPass pass) {
        const ModuleActs& act = acts_[step];
        switch (act.role) {
            case Role::checks:
            case Role::stores:
                return pass == PamPass::preliminary ? PamResult::success : judge(step, act);
            case Role::succeeds:
                return PamResult::success;
            case Role::fails:
                return PamResult::authtok_err;
            case Role::ignores:
                return PamResult::ignore;
            case Role::elsewhere:
                return PamResult::user_unknown;
            case Role::absent:
                return PamResult::module_unknown;
            case Role::unknown:
                return answers_[step].value_or(true) ? PamResult::success : PamResult::perm_denied;
        }
        return PamResult::perm_denied;
    }

    PamResult judge(std::size_t step, const ModuleActs& act) {
        if (act.only_given && !given_) {
            return PamResult::authtok_err;
        }
        if (!answers_[step].value_or(true)) {
            given_ = given_ && !act.forgets;
            return act.refusal;
        }
        given_ = true;
        if (act.role == Role::stores && !stored_by_) {
            stored_by_ = step;
        }
        return PamResult::success;
    }

    std::span<const PamStep> steps_;
    std::span<const ModuleActs> acts_;
    std::span<const std::optional<bool>> answers_;
    bool given_ = false;  ///< PAM_AUTHTOK is set
    std::optional<std::size_t> stored_by_;
};

/// What all checks that a password satisfies ask of it together.
struct Demand {
    std::int64_t length = 1, classes = 1, remember = 0;
    bool dictionary = false, for_root = false, impossible = false;
    std::string_view module = "none";
    Said length_said, classes_said, dictionary_said, remember_said, root_said, module_said;
};

int rank(std::string_view module) {
    constexpr std::array<std::string_view, 5> kRanks{"none", "unix", "passwdqc", "cracklib",
                                                     "pwquality"};
    return static_cast<int>(std::ranges::find(kRanks, module) - kRanks.begin());
}

void add(Demand& demand, const PasswordCheck& check) {
    const auto raise = [](auto& value, Said& said, const auto& by, const Said& by_said) {
        if (by > value || said.source.empty()) {
            value = std::max(value, by);
            said = by_said;
        }
    };
    raise(demand.length, demand.length_said, check.length, check.length_said);
    if (check.module != "pwhistory") {
        raise(demand.classes, demand.classes_said, check.classes, check.classes_said);
        if (!check.dictionary_said.source.empty()) {
            raise(demand.dictionary, demand.dictionary_said, check.dictionary,
                  check.dictionary_said);
        }
        if (check.matters() && rank(check.module) > rank(demand.module)) {
            demand.module = check.module;
            demand.module_said = {check.length_said.source, "set"};
            demand.root_said = check.root_said;
            demand.for_root = check.for_root;
        }
    }
    if (!check.remember_said.source.empty()) {
        raise(demand.remember, demand.remember_said, check.remember, check.remember_said);
    }
    demand.impossible = demand.impossible || check.impossible;
}

Demand demand_of(std::span<const ModuleActs> acts, std::span<const std::optional<bool>> answers) {
    Demand demand;
    std::array<std::int64_t, 4> of_class{};
    for (std::size_t i = 0; i < acts.size(); ++i) {
        const PasswordCheck& check = acts[i].check;
        if (answers[i] != true || check.module.empty()) {
            continue;
        }
        add(demand, check);
        std::ranges::transform(of_class, check.of_class, of_class.begin(),
                               [](auto a, auto b) { return std::max(a, b); });
    }
    demand.length =
        std::max(demand.length, std::accumulate(of_class.begin(), of_class.end(), std::int64_t{0}));
    const auto named = std::ranges::count_if(of_class, [](auto least) { return least > 0; });
    demand.classes = std::max<std::int64_t>(demand.classes, named);
    return demand;
}

}  // namespace

PasswordPolicy effective_policy(const PamStack& stack, ModuleSurroundings& around) {
    PasswordPolicy policy;
    policy.problem = stack.problem;
    if (!policy.problem.empty()) {
        return policy;
    }
    std::vector<ModuleActs> acts;
    std::vector<std::optional<bool>> answers;  // of steps that are asked; true: satisfied, succeeds
    std::vector<std::size_t> switches;
    for (const PamStep& step : stack.steps) {
        const std::size_t index = acts.size();
        acts.push_back(step.kind == PamStep::Kind::module ? module_acts(step, around)
                                                          : ModuleActs{.role = Role::fails});
        const ModuleActs& act = acts.back();
        const bool asked = act.role == Role::checks || act.role == Role::stores;
        answers.emplace_back(asked ? std::optional(true) : std::nullopt);
        if ((asked && act.check.matters()) || act.role == Role::unknown) {
            switches.push_back(index);
        }
    }
    if (switches.size() > kMostSwitches) {
        policy.problem = stack.steps[switches[kMostSwitches]].source + ": more than " +
                         std::to_string(kMostSwitches) + " modules decide on a password";
        return policy;
    }
    std::optional<std::size_t> stored_by;
    const auto weaken = [&](const Demand& demand) {
        const bool first = !stored_by;
        const auto lower = [&](auto& value, Said& said, const auto& by, const Said& by_said) {
            if (first || by < value) {
                value = by;
                said = by_said;
            }
        };
        lower(policy.minimum_length, policy.length_said, demand.length, demand.length_said);
        lower(policy.required_classes, policy.classes_said, demand.classes, demand.classes_said);
        lower(policy.dictionary_check, policy.dictionary_said, demand.dictionary,
              demand.dictionary_said);
        lower(policy.remember, policy.remember_said, demand.remember, demand.remember_said);
        if (first || rank(demand.module) < rank(policy.quality_module)) {
            policy.quality_module = demand.module;
            policy.module_said = demand.module_said;
            policy.enforce_for_root = demand.for_root;
            policy.root_said = demand.root_said;
        }
    };
    std::vector<std::optional<bool>> weakest;
    // From all satisfied downwards, so that of equals the one with most checks is told.
    for (unsigned turned = 0; turned < (1U << switches.size()); ++turned) {
        for (std::size_t i = 0; i < switches.size(); ++i) {
            answers[switches[i]] = (turned & (1U << i)) == 0;
        }
        const auto stored = Trial(stack.steps, acts, answers).run();
        if (!stored) {
            continue;
        }
        const Demand demand = demand_of(acts, answers);
        if (demand.impossible) {
            continue;
        }
        if (!stored_by || demand.length < policy.minimum_length ||
            demand.classes < policy.required_classes) {
            weakest = answers;
        }
        weaken(demand);
        stored_by = stored;
    }
    if (!stored_by) {
        const std::string where =
            stack.steps.empty() ? "the service " + stack.service : stack.steps.front().source;
        policy.problem = where + ": no password that a user chooses gets through this stack";
        return policy;
    }
    policy.hash_method = acts[*stored_by].hash_method;
    policy.hash_said = acts[*stored_by].hash_said;
    for (std::size_t i = 0; i < acts.size(); ++i) {
        if (weakest[i] == true && policy.written.empty()) {
            policy.written = acts[i].check.written;
        }
    }
    const Said store{stack.steps[*stored_by].source, "default"};
    for (Said* said : {&policy.length_said, &policy.classes_said, &policy.dictionary_said,
                       &policy.remember_said, &policy.root_said, &policy.module_said}) {
        if (said->source.empty()) {
            *said = store;
        }
    }
    return policy;
}

}  // namespace assay::sensors
