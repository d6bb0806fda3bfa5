// SPDX-License-Identifier: Apache-2.0
#include "protocols/classifier.h"

#include <algorithm>
#include <array>

#include "protocols/session.h"
#include "protocols/wiped_buffer.h"

namespace assay::protocols {
namespace {

/// What is kept of each side while several protocols are possible.
constexpr std::size_t kOpeningKept = 1024;
/// How often the sides may take turns in that time.
constexpr std::size_t kMostRuns = 32;
/// After so many segments or datagrams that say nothing, nothing more is expected of a flow that
/// is older than the window, or of UDP.
constexpr unsigned kMostUnknown = 16;

// The order matters for speed only: no two say `yes` to the same bytes.
constexpr std::array kTcpRows{
    &kTlsRow,  &kHttpRow,   &kSshRow,   &kGreeting220Row, &kHttp2Row,         &kImapRow,
    &kPop3Row, &kTelnetRow, &kMysqlRow, &kPostgresqlRow,  &kRedisRow,         &kMongodbRow,
    &kAmqpRow, &kMqttRow,   &kKafkaRow, &kLdapRow,        &kSmbRow,           &kDnsRow,
    &kVncRow,  &kRdpRow,    &kX11Row,   &kNfsRow,         &kRsyncRow,         &kSyslogRow,
    &kSnmpRow, &kRloginRow, &kRshRow,   &kRexecRow,       &kMemcachedTextRow, &kMemcachedBinaryRow};
constexpr std::array kUdpRows{
    &kDnsDatagramRow, &kNtpRow,         &kSnmpDatagramRow, &kSyslogDatagramRow,
    &kTftpRow,        &kNfsDatagramRow, &kLdapDatagramRow, &kMemcachedDatagramRow};
constexpr std::array kMidStreamRows{&kTlsMidStreamRow, &kHttpMidStreamRow, &kSmbMidStreamRow};

constexpr std::size_t index_of(Side side) { return side == Side::client ? 0 : 1; }

}  // namespace

/// First the opening: bytes are compared with all rows, and kept while more than one fits. Then the
/// session of the row that was recognised, and the TLS session after an upgrade.
struct Classifier::State {
    explicit State(FlowInfo info) : flow(info) {}

    void feed(Side side, Bytes bytes, std::size_t hole_after) {
        if (verdict.final || (bytes.empty() && hole_after == 0)) {
            return;
        }
        if (session_) {
            pass(side, bytes, hole_after);
        } else if (flow.udp || flow.mid_stream) {
            look_at_one(side, bytes, hole_after);
        } else {
            look_at_opening(side, bytes, hole_after);
        }
        if (verdict.final) {
            let_go();
        }
    }

    void finish() {
        if (!verdict.final && !session_ && !flow.udp && !flow.mid_stream) {
            cut_ = {true, true};
            const Opening opening = opening_with(Side::client, held_[0].view());
            if (const Row* row = recognise(opening)) {
                begin(*row);
            }
        }
        if (!verdict.final && session_) {
            session_->end(verdict);
        }
        verdict.final = true;
        let_go();
    }

    FlowInfo flow;
    Verdict verdict;

private:
    struct Run {
        Side side = Side::client;
        std::size_t length = 0;
    };

    /// Mid-stream segments and datagrams are judged one by one.
    void look_at_one(Side side, Bytes bytes, std::size_t hole_after) {
        Opening opening;
        (side == Side::client ? opening.client : opening.server) = bytes;
        opening.client_cut = opening.server_cut = hole_after > 0;
        opening.flow = flow;
        const auto rows = flow.udp ? std::span<const Row* const>(kUdpRows)
                                   : std::span<const Row* const>(kMidStreamRows);
        const auto row = std::ranges::find_if(
            rows, [&](const Row* r) { return r->looks_like(opening) == Match::yes; });
        if (row != rows.end()) {
            begin(**row);
            pass(side, bytes, hole_after);
        } else if (++unknown_seen_ == kMostUnknown) {
            verdict.final = true;
        }
    }

    void look_at_opening(Side side, Bytes bytes, std::size_t hole_after) {
        const std::size_t at = index_of(side);
        if (!anything_came_) {
            anything_came_ = true;
            server_first_ = side == Side::server;
        }
        if (cut_[at]) {
            hole_[at] += bytes.size() + hole_after;
            return;
        }
        const bool first_piece = held_[at].empty();
        const std::size_t kept = first_piece ? bytes.size() : held_[at].append(bytes);
        const Bytes view = first_piece ? bytes : held_[at].view();
        cut_[at] = hole_after > 0 || kept < bytes.size() || view.size() >= kOpeningKept;
        if (const Row* row = recognise(opening_with(side, view))) {
            cut_[at] = false;
            begin(*row);
            pass(side, bytes, hole_after);
            return;
        }
        if (verdict.final) {
            return;
        }
        if (first_piece) {
            held_[at].append(bytes);
        }
        remember_run(side, bytes.size());
        const std::size_t remembered = first_piece ? std::min(bytes.size(), kOpeningKept) : kept;
        hole_[at] = hole_after + bytes.size() - remembered;
    }

    [[nodiscard]] Opening opening_with(Side side, Bytes view) const {
        Opening opening;
        opening.client = side == Side::client ? view : held_[0].view();
        opening.server = side == Side::server ? view : held_[1].view();
        opening.client_cut = cut_[0];
        opening.server_cut = cut_[1];
        opening.server_first = server_first_;
        opening.flow = flow;
        return opening;
    }

    /// The row that fits. None: nothing fits yet, or (then the verdict is final) nothing ever will.
    const Row* recognise(const Opening& opening) {
        bool possible = false;
        for (const Row* row : kTcpRows) {
            const Match match = row->looks_like(opening);
            if (match == Match::yes) {
                return row;
            }
            possible = possible || match == Match::maybe;
        }
        verdict.final = !possible || (opening.client_cut && opening.server_cut);
        return nullptr;
    }

    void remember_run(Side side, std::size_t length) {
        if (run_count_ > 0 && runs_[run_count_ - 1].side == side) {
            runs_[run_count_ - 1].length += length;
        } else if (run_count_ < runs_.size()) {
            runs_[run_count_++] = Run{side, length};
        } else {
            verdict.final = true;
        }
    }

    /// Starts the row's session and gives it what was kept, in the order in which it came.
    void begin(const Row& row) {
        verdict = row.begun;
        if (row.start == nullptr) {
            return;
        }
        session_ = row.start(flow);
        std::array<Bytes, 2> rest{held_[0].view(), held_[1].view()};
        for (const Run& run : std::span(runs_).first(run_count_)) {
            Bytes& side_rest = rest[index_of(run.side)];
            const Bytes piece = side_rest.first(std::min(run.length, side_rest.size()));
            side_rest = side_rest.subspan(piece.size());
            pass(run.side, piece, 0);
        }
        for (const Side side : {Side::client, Side::server}) {
            if (hole_[index_of(side)] > 0) {
                pass(side, {}, hole_[index_of(side)]);
            }
        }
        held_ = {WipedBuffer(0), WipedBuffer(0)};
    }

    void pass(Side side, Bytes bytes, std::size_t hole_after) {
        if (verdict.final || !session_) {
            return;
        }
        const std::size_t used = session_->feed(side, bytes, hole_after, verdict);
        if (!verdict.final && used < bytes.size()) {
            session_ = start_tls_session();
            session_->feed(side, bytes.subspan(used), hole_after, verdict);
        }
    }

    void let_go() {
        session_.reset();
        held_ = {WipedBuffer(0), WipedBuffer(0)};
    }

    std::unique_ptr<Session> session_;
    std::array<WipedBuffer, 2> held_{WipedBuffer(kOpeningKept), WipedBuffer(kOpeningKept)};
    std::array<bool, 2> cut_{};
    std::array<std::size_t, 2> hole_{};  ///< bytes that came after what is kept
    std::array<Run, kMostRuns> runs_{};
    std::size_t run_count_ = 0;
    unsigned unknown_seen_ = 0;
    bool anything_came_ = false;
    bool server_first_ = false;
};

Classifier::Classifier(FlowInfo flow) : state_(std::make_unique<State>(flow)) {}
Classifier::~Classifier() = default;
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;

const Verdict& Classifier::feed(Side side, std::span<const std::byte> bytes,
                                std::size_t hole_after) {
    state_->feed(side, bytes, hole_after);
    return state_->verdict;
}

const Verdict& Classifier::gap(Side side) {
    static_cast<void>(side);
    state_->finish();
    return state_->verdict;
}

const Verdict& Classifier::end() {
    state_->finish();
    return state_->verdict;
}

const Verdict& Classifier::verdict() const { return state_->verdict; }

}  // namespace assay::protocols
