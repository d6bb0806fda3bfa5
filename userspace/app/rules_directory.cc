// SPDX-License-Identifier: Apache-2.0
#include "app/rules_directory.h"

#include <filesystem>
#include <system_error>

#include "app/packages.h"

namespace assay::app {
namespace {

namespace fs = std::filesystem;

/// A directory called rules may be anybody's: ours has a folder named as one of our packages.
bool holds_rules(const fs::path& directory) {
    std::error_code ignored;
    for (const PackageInfo& package : kPackages) {
        if (fs::is_directory(directory / package.name, ignored)) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<std::string> find_rules_directory(const std::string& program_directory) {
    const fs::path here(program_directory);
    for (const fs::path& candidate : {here / "../../rules", here / "../share/assay/rules",
                                      fs::path(ASSAY_SOURCE_DIR "/rules")}) {
        if (holds_rules(candidate)) {
            return candidate.lexically_normal().string();
        }
    }
    return fail(
        "the built-in rules are missing: they belong in share/assay/rules beside the program's "
        "bin directory");
}

Result<std::string> built_in_rules_directory() {
    std::error_code problem;
    const fs::path program = fs::read_symlink("/proc/self/exe", problem);
    if (problem) {
        return std::unexpected(errno_error("reading /proc/self/exe", problem.value()));
    }
    return find_rules_directory(program.parent_path().string());
}

}  // namespace assay::app
