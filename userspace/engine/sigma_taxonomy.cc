// SPDX-License-Identifier: Apache-2.0
#include "engine/sigma_taxonomy.h"

#include <algorithm>
#include <array>

namespace assay::engine {
namespace {

constexpr std::array<std::string_view, 5> kEveryEvent{"UtcTime", "RuleName", "Computer", "EventID",
                                                      "Hostname"};

constexpr std::array<std::string_view, 39> kProcessCreation{
    "ProcessGuid",
    "ProcessId",
    "ProcessName",
    "Image",
    "FileVersion",
    "Description",
    "Product",
    "Company",
    "OriginalFileName",
    "CommandLine",
    "CurrentDirectory",
    "User",
    "LogonGuid",
    "LogonId",
    "TerminalSessionId",
    "IntegrityLevel",
    "Hashes",
    "imphash",
    "md5",
    "sha1",
    "sha256",
    "Imphash",
    "MD5",
    "SHA1",
    "SHA256",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
    "ParentUser",
    "ParentIntegrityLevel",
    "GrandParentImage",
    "GrandParentCommandLine",
    "ParentOfParentImage",
    "ParentCompany",
    "ParentProduct",
    "ParentDescription",
    "Provider_Name",
    "Signed",
};

constexpr std::array<std::string_view, 18> kNetworkConnection{
    "ProcessGuid",    "ProcessId",           "Image",           "User",
    "Protocol",       "Initiated",           "SourceIsIpv6",    "SourceIp",
    "SourceHostname", "SourcePort",          "SourcePortName",  "DestinationIsIpv6",
    "DestinationIp",  "DestinationHostname", "DestinationPort", "CommandLine",
    "ParentImage",    "DestinationPortName",
};

constexpr std::array<std::string_view, 14> kFileEvent{
    "ProcessGuid",
    "ProcessId",
    "Image",
    "User",
    "CommandLine",
    "ParentImage",
    "CreationUtcTime",
    "TargetFilename",
    "SourceFilename",
    "Hashes",
    "Contents",
    "ParentCommandLine",
    "OriginalFileName",
    "PreviousCreationUtcTime",
};

}  // namespace

bool in_sigma_taxonomy(std::string_view category, std::string_view field) {
    const auto knows = [field](const auto& fields) {
        return std::ranges::find(fields, field) != fields.end();
    };
    return knows(kEveryEvent) || (category == "process_creation" && knows(kProcessCreation)) ||
           (category == "network_connection" && knows(kNetworkConnection)) ||
           (category == "file_event" && knows(kFileEvent));
}

}  // namespace assay::engine
