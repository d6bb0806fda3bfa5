// SPDX-License-Identifier: Apache-2.0
#include "sensors/host/passwords/pam_dispatch.h"

#include <algorithm>
#include <vector>

namespace assay::sensors {
namespace {

enum class Impression { undefined, positive, negative };

struct Standing {
    Impression impression = Impression::undefined;
    PamResult status = PamResult::perm_denied;
};

class Walk {
public:
    Walk(std::span<const PamStep> stack, const PamModuleCall& call, PamPass pass)
        : stack_(stack), call_(call), pass_(pass) {}

    PamResult run() {
        std::vector<Standing> entered(kMostLevels);
        std::size_t level_before = 0;
        for (std::size_t i = 0; i < stack_.size(); ++i) {
            const PamStep& step = stack_[i];
            if (level_before < step.level && step.level < kMostLevels) {
                entered[step.level] = now_;
            }
            level_before = step.level;
            if (step.kind == PamStep::Kind::substack) {
                continue;
            }
            i = act(i, entered[std::min(step.level, kMostLevels - 1)]);
        }
        if (now_.status == PamResult::success && now_.impression != Impression::positive) {
            return PamResult::perm_denied;
        }
        return now_.status;
    }

private:
    static constexpr std::size_t kMostLevels = 32;

    /// Runs a step; the index of the last one that it dealt with.
    std::size_t act(std::size_t i, const Standing& entered) {
        const PamStep& step = stack_[i];
        const PamResult result =
            step.kind == PamStep::Kind::must_fail ? PamResult::perm_denied : call_(i, pass_);
        const int action = step.control[static_cast<std::size_t>(result)];
        switch (action) {
            case kPamReset:
                now_ = entered;
                return i;
            case kPamOk:
            case kPamDone:
                agree(result);
                return now_.impression == Impression::positive && action == kPamDone ? end_of(i)
                                                                                     : i;
            case kPamBad:
            case kPamDie:
                if (now_.impression != Impression::negative) {
                    now_ = {Impression::negative,
                            result == PamResult::ignore ? PamResult::perm_denied : result};
                }
                return action == kPamDie ? end_of(i) : i;
            case kPamIgnore:
                return i;
            default:
                return jump(i, action);
        }
    }

    void agree(PamResult result) {
        if (now_.impression == Impression::undefined ||
            (now_.impression == Impression::positive && now_.status == PamResult::success)) {
            now_ = {Impression::positive, result};
        }
    }

    /// The last step of the (sub)stack that holds `i`.
    [[nodiscard]] std::size_t end_of(std::size_t i) const {
        const std::size_t level = stack_[i].level;
        while (i + 1 < stack_.size() && stack_[i + 1].level >= level) {
            ++i;
        }
        return i;
    }

    /// Jumps over `count` steps; a substack with its mark is one.
    std::size_t jump(std::size_t i, int count) {
        const std::size_t level = stack_[i].level;
        while (i + 1 < stack_.size() && stack_[i + 1].level >= level && count > 0) {
            do {
                ++i;
            } while (i + 1 < stack_.size() && stack_[i + 1].level > level);
            --count;
        }
        if (count > 0) {
            now_ = {Impression::negative, PamResult::perm_denied};
        }
        return i;
    }

    std::span<const PamStep> stack_;
    const PamModuleCall& call_;
    PamPass pass_;
    Standing now_;
};

}  // namespace

PamResult change_password(std::span<const PamStep> stack, const PamModuleCall& call) {
    const PamResult may = Walk(stack, call, PamPass::preliminary).run();
    if (may != PamResult::success) {
        return may;
    }
    return Walk(stack, call, PamPass::update).run();
}

}  // namespace assay::sensors
