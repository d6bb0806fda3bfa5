// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensors/host/passwords/login_defs.h"
#include "sensors/host/passwords/pam_stack.h"
#include "sensors/host/passwords/pwquality_config.h"

namespace assay::sensors {

/// Where something was said, and whether it was said at all.
struct Said {
    std::string source;
    std::string_view by = "default";  ///< set, drop-in, default
};

/// What one module asks of a new password.
struct PasswordCheck {
    std::string_view module;  ///< pwquality, cracklib, passwdqc, unix, pwhistory
    /// Bytes of the shortest password that it takes, over all mixes of character classes.
    std::int64_t length = 1;
    /// The least digits, capitals, small letters and others.
    std::array<std::int64_t, 4> of_class{};
    std::int64_t classes = 1;  ///< how many character classes at least
    bool dictionary = false;
    std::int64_t remember = 0;  ///< earlier passwords that it turns down
    bool for_root = false;
    bool impossible = false;  ///< no password passes
    Said length_said, classes_said, dictionary_said, remember_said, root_said;

    /// dcredit, ucredit, lcredit, ocredit, minclass, as far as they are set.
    struct Written {
        std::string_view name;
        SourcedNumber number;
    };
    std::vector<Written> written;

    /// It turns some passwords down.
    [[nodiscard]] bool matters() const {
        return impossible || length > 1 || classes > 1 || dictionary || remember > 0;
    }
};

/// How a module acts in a password stack.
struct ModuleActs {
    enum class Role : std::uint8_t {
        checks,  ///< takes the password, asks for it when nobody has, turns it down or passes it on
        stores,  ///< the same, and sets it
        succeeds,
        fails,
        ignores,    ///< PAM_IGNORE
        elsewhere,  ///< a directory service: does not know local users
        absent,     ///< no such module, or it has no part in changing passwords
        unknown,    ///< may succeed or fail
    };
    Role role = Role::unknown;
    PasswordCheck check{};
    bool only_given = false;   ///< use_authtok: never asks itself
    bool always_asks = false;  ///< does not look whether somebody asked before
    bool forgets = true;       ///< what it turns down, the next module has to ask for again
    PamResult refusal = PamResult::authtok_err;
    std::string hash_method{};
    Said hash_said{};
};

/// What modules need to know besides their arguments.
struct ModuleSurroundings {
    HostReader& reader;
    const LoginDefs& login_defs;
    bool debian = false;
    std::optional<PwqualitySettings> known_pwquality{};

    /// Read when the first module asks: files that nobody uses are no concern of ours.
    [[nodiscard]] const PwqualitySettings& pwquality();
};

[[nodiscard]] ModuleActs module_acts(const PamStep& step, ModuleSurroundings& around);

/// Credits as pam_cracklib introduced them: a positive credit makes the password shorter by one for
/// each character of the class, at most by the credit; a negative one asks for so many.
struct CreditRules {
    std::int64_t minimum = 0;
    std::array<std::int64_t, 4> credits{};
    std::int64_t classes = 0;
};
/// Bytes of the shortest password that these rules take; nothing when they take none.
[[nodiscard]] std::optional<std::int64_t> shortest_by_credits(const CreditRules& rules);

}  // namespace assay::sensors
