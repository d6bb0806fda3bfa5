// SPDX-License-Identifier: Apache-2.0
// SSH: the identification line (RFC 4253 4.2; 5.1 for 1.99).
#include "protocols/line_reader.h"
#include "protocols/session.h"
#include "protocols/text.h"

namespace assay::protocols {
namespace {

Match identification(Bytes bytes) {
    const Match start = match_start(bytes, "SSH-");
    if (start != Match::yes || bytes.size() < 6) {
        return start == Match::no ? Match::no : Match::maybe;
    }
    const std::string_view version = text_of(bytes).substr(4, 2);
    return version == "1." || version == "2." ? Match::yes : Match::no;
}

Match looks_like_ssh(const Opening& opening) {
    return either(identification(opening.client), identification(opening.server));
}

class SshSession final : public Session {
public:
    explicit SshSession(const FlowInfo& flow) { static_cast<void>(flow); }

    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) override {
        const bool from_client = side == Side::client;
        bool& identified = from_client ? client_identified_ : server_identified_;
        LineReader& reader = from_client ? client_ : server_;
        Bytes rest = bytes;
        while (!identified && !rest.empty()) {
            const auto line = reader.take(rest);
            // A server may send other lines first.
            if (line && line->starts_with("SSH-")) {
                identified = true;
                const std::string_view version = line->substr(4);
                const bool is_1 = version.starts_with("1.") && !version.starts_with("1.99");
                // The older of the two is what they will speak.
                if (is_1 || verdict.version.empty()) {
                    verdict.version = is_1 ? "1.x" : "2.0";
                }
            }
        }
        verdict.final =
            (client_identified_ && server_identified_) || (hole_after > 0 && !identified);
        return bytes.size();
    }

private:
    LineReader client_{64};
    LineReader server_{64};
    bool client_identified_ = false;
    bool server_identified_ = false;
};

}  // namespace

constinit const Row kSshRow{sealed(Protocol::ssh), looks_like_ssh, start_session<SshSession>};

}  // namespace assay::protocols
