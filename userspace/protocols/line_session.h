// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "protocols/line_reader.h"
#include "protocols/session.h"

namespace assay::protocols {

/// A dialogue of lines that may turn to TLS when the client asks for it.
class LineSession : public Session {
public:
    std::size_t feed(Side side, Bytes bytes, std::size_t hole_after, Verdict& verdict) final {
        LineReader& reader = side == Side::client ? client_ : server_;
        Bytes rest = bytes;
        while (!rest.empty() && !verdict.final) {
            if (side == Side::client && tls_asked_ && reader.at_start() &&
                rest.front() == kTlsHandshake) {
                took_tls(verdict);
                return bytes.size() - rest.size();
            }
            if (const auto line = reader.take(rest)) {
                if (side == Side::client) {
                    tls_asked_ = false;
                    on_client_line(*line, verdict);
                } else {
                    on_server_line(*line, verdict);
                }
            }
        }
        if (hole_after > 0 && !verdict.final) {
            // Where a client's commands are missing, what follows may be a message's body as well.
            if (side == Side::client) {
                verdict.final = true;
            } else {
                if (!reader.partial().empty()) {
                    on_server_line(reader.partial(), verdict);
                }
                reader.lose_line();
            }
        }
        return bytes.size();
    }

protected:
    virtual void on_client_line(std::string_view line, Verdict& verdict) = 0;
    virtual void on_server_line(std::string_view line, Verdict& verdict) = 0;
    /// If the client's next line is a TLS handshake, the upgrade took place.
    void expect_tls() { tls_asked_ = true; }

private:
    LineReader client_{64};
    LineReader server_{512};
    bool tls_asked_ = false;
};

}  // namespace assay::protocols
