// SPDX-License-Identifier: Apache-2.0
#include "app/packages.h"

#include <fmt/format.h>

#include <algorithm>

namespace assay::app {
namespace {

std::string known_packages() {
    std::string names;
    for (const PackageInfo& package : kPackages) {
        names += names.empty() ? "" : ", ";
        names += package.name;
    }
    return names;
}

void add_once(std::vector<std::string>& names, std::string_view name) {
    if (std::ranges::find(names, name) == names.end()) {
        names.emplace_back(name);
    }
}

}  // namespace

Result<PackageChoice> choose_packages(std::span<const std::string> named) {
    PackageChoice choice;
    if (named.empty()) {
        for (const PackageInfo& package : kPackages) {
            if (package.by_default && package.has_rules) {
                add_once(choice.judged, package.name);
            }
        }
        return choice;
    }
    for (const std::string& name : named) {
        const auto package = std::ranges::find(kPackages, name, &PackageInfo::name);
        if (package == kPackages.end()) {
            return fail(
                fmt::format("unknown package '{}': known packages are {}", name, known_packages()));
        }
        add_once(package->has_rules ? choice.judged : choice.rule_less, name);
    }
    return choice;
}

}  // namespace assay::app
