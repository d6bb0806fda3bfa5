// SPDX-License-Identifier: Apache-2.0
#include "protocols/classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <sstream>

#include "transcripts.h"

namespace assay::protocols {

/// Shown by a failing test: never payload.
void PrintTo(const Verdict& verdict, std::ostream* out) {
    *out << name(verdict.protocol) << " '" << verdict.version
         << "' payload=" << verdict.from_payload << " encrypted=" << verdict.encrypted
         << " chosen=" << name(verdict.tls_chosen) << " offered=" << name(verdict.tls_offered)
         << " credentials=" << verdict.cleartext_credentials
         << " starttls offered=" << verdict.starttls_offered << " taken=" << verdict.starttls_taken
         << " final=" << verdict.final;
}

namespace test {
namespace {

using namespace std::string_literals;

std::string password() { return std::string(kPassword); }

Verdict verdict_of(const FlowInfo& flow, const std::vector<Step>& steps, std::size_t piece) {
    Classifier classifier(flow);
    for (const Step& step : steps) {
        for (std::size_t at = 0; at < step.bytes.size(); at += piece) {
            classifier.feed(step.side, bytes_of(std::string_view(step.bytes).substr(at, piece)));
        }
    }
    return classifier.verdict();
}

Verdict verdict_of_client(std::uint16_t port, const std::string& bytes, std::size_t hole = 0) {
    Classifier classifier(FlowInfo{.server_port = port});
    return classifier.feed(Side::client, bytes_of(bytes), hole);
}

TEST(Classifier, SaysOfEachTranscriptWhatItIs) {
    for (const Transcript& transcript : transcripts()) {
        EXPECT_EQ(verdict_of(transcript.flow, transcript.steps, 100000), transcript.expected)
            << transcript.name;
    }
}

TEST(Classifier, SaysTheSameWhenTheBytesComeOneByOne) {
    for (const Transcript& transcript : transcripts()) {
        if (!transcript.flow.udp) {
            EXPECT_EQ(verdict_of(transcript.flow, transcript.steps, 1), transcript.expected)
                << transcript.name;
        }
    }
}

TEST(Classifier, SaysTheSameForPiecesOfAnyLength) {
    for (const Transcript& transcript : transcripts()) {
        for (std::size_t piece = 2; piece < 40 && !transcript.flow.udp; ++piece) {
            ASSERT_EQ(verdict_of(transcript.flow, transcript.steps, piece), transcript.expected)
                << transcript.name << " in pieces of " << piece;
        }
    }
}

TEST(Classifier, RecognisesProtocolsOnAnyPort) {
    // What a port may decide: which of rsh and rexec, which of FTP and SMTP behind a bare 220.
    const std::set<std::string> needs_port{"rexec without a second channel",
                                           "SMTP known by its port only", "syslog over UDP"};
    for (const Transcript& transcript : transcripts()) {
        FlowInfo flow = transcript.flow;
        flow.server_port = 40404;
        if (!needs_port.contains(transcript.name)) {
            EXPECT_EQ(verdict_of(flow, transcript.steps, 100000), transcript.expected)
                << transcript.name;
        }
    }
}

TEST(Classifier, EveryProtocolHasATranscript) {
    std::set<std::string_view> seen{"unknown"};
    for (const Transcript& transcript : transcripts()) {
        seen.insert(name(transcript.expected.protocol));
    }
    for (const std::string_view protocol : all_names()) {
        EXPECT_TRUE(seen.contains(protocol)) << protocol;
    }
}

TEST(Classifier, ChangesNothingOnceTheVerdictIsFinal) {
    for (const Transcript& transcript : transcripts()) {
        if (!transcript.expected.final) {
            continue;
        }
        Classifier classifier(transcript.flow);
        for (const Step& step : transcript.steps) {
            classifier.feed(step.side, bytes_of(step.bytes));
        }
        for (const Transcript& other : transcripts()) {
            for (const Step& step : other.steps) {
                classifier.feed(step.side, bytes_of(step.bytes), 7);
            }
        }
        classifier.gap(Side::client);
        EXPECT_EQ(classifier.end(), transcript.expected) << transcript.name;
    }
}

TEST(Classifier, NeverDecidesFromThePortAlone) {
    for (const std::uint16_t port :
         std::to_array<std::uint16_t>({21, 22, 23, 25, 80, 110, 143, 443, 513, 514, 3306, 6379})) {
        Classifier classifier(FlowInfo{.server_port = port});
        const std::string nonsense = "nonsense of nobody's protocol\r\n";
        classifier.feed(Side::client, bytes_of(nonsense));
        classifier.feed(Side::server, bytes_of(nonsense));
        const Verdict& verdict = classifier.end();
        EXPECT_EQ(verdict.protocol, Protocol::unknown) << port;
        EXPECT_FALSE(verdict.from_payload) << port;
    }
}

TEST(Classifier, SaysUnknownOfZerosAndOfRandomBytes) {
    std::mt19937 random(20261122);  // NOLINT: the same bytes in each run
    for (const bool udp : {false, true}) {
        for (std::size_t round = 0; round < 20000; ++round) {
            std::string bytes(1 + random() % 200, '\0');
            if (round > 200) {
                std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
            }
            Classifier classifier(FlowInfo{.udp = udp, .server_port = 9999});
            classifier.feed(round % 2 == 0 ? Side::client : Side::server, bytes_of(bytes));
            const Verdict& verdict = classifier.end();
            ASSERT_EQ(verdict.protocol, Protocol::unknown) << "round " << round << " udp " << udp;
        }
    }
}

TEST(Classifier, SaysUnknownOfProtocolsThatItDoesNotKnow) {
    const std::string openvpn = "\x00\x2A\x38"s + std::string(41, 'k');
    const std::string bittorrent =
        "\x13"
        "BitTorrent protocol" +
        std::string(48, 'b');
    const std::string s7 =
        "\x03\0\0\x16\x11\xE0\0\0\0\x01\0\xC0\x01\x0A\xC1\x02\x01\0\xC2\x02\x01\x02"s;
    const std::string sip = "OPTIONS sip:a@example.org SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n";
    const std::string rtsp = "DESCRIBE rtsp://cam.example.org/s RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    const std::string irc = "NICK joe\r\nUSER joe 0 * :Joe\r\n";
    for (const std::string& bytes : {openvpn, bittorrent, s7, sip, rtsp, irc}) {
        EXPECT_EQ(verdict_of(FlowInfo{.server_port = 80}, {{Side::client, bytes}}, 100000).protocol,
                  Protocol::unknown)
            << "sample of " << bytes.size() << " bytes";
    }
    const std::string quic = "\xC3\0\0\0\x01\x08"s + std::string(1194, 'q');
    const std::string stun = "\0\x01\0\0\x21\x12\xA4\x42"s + std::string(12, 's');
    const std::string wireguard = "\x01\0\0\0"s + std::string(144, 'w');
    for (const std::string& bytes : {quic, stun, wireguard}) {
        EXPECT_EQ(
            verdict_of({.udp = true, .server_port = 53}, {{Side::client, bytes}}, 100000).protocol,
            Protocol::unknown);
    }
}

TEST(Classifier, SettlesAnUnknownFlowOnceNothingCanFit) {
    Classifier classifier(FlowInfo{});
    classifier.feed(Side::client, bytes_of("\x01\x01\x01\x01 nonsense"));
    EXPECT_FALSE(classifier.verdict().final) << "the server may still say what it is";
    classifier.feed(Side::server, bytes_of("\x01\x01\x01\x01 nonsense"));
    EXPECT_TRUE(classifier.verdict().final);
    EXPECT_EQ(classifier.verdict().protocol, Protocol::unknown);
}

TEST(Classifier, AsksForNoMoreThanATlsServerHello) {
    Classifier classifier(FlowInfo{.server_port = 443});
    EXPECT_FALSE(classifier.feed(Side::client, bytes_of(client_hello({}))).final);
    EXPECT_TRUE(classifier.feed(Side::server, bytes_of(server_hello({}))).final);
}

TEST(Classifier, ClaimsNoOfferedVersionThatWasCutAway) {
    const std::string hello = client_hello({.versions = {0x0304}, .padding = 1400});
    Classifier classifier(FlowInfo{.server_port = 443});
    classifier.feed(Side::client, bytes_of(hello).first(1024), hello.size() - 1024);
    EXPECT_TRUE(classifier.verdict().encrypted);
    EXPECT_EQ(classifier.verdict().tls_offered, TlsVersion::none);
    classifier.feed(Side::server, bytes_of(server_hello({.versions = {0x0304}})));
    EXPECT_EQ(classifier.verdict().tls_chosen, TlsVersion::tls1_3);
    EXPECT_EQ(classifier.verdict().tls_offered, TlsVersion::tls1_3);
}

TEST(Classifier, RecognisesAnHttpRequestWhoseLineIsLongerThanTheCapture) {
    const std::string line = "GET /" + std::string(1500, 'a');
    EXPECT_EQ(verdict_of_client(80, line.substr(0, 1024), 500).protocol, Protocol::http);
}

TEST(Classifier, ResumesHttpAfterAHoleOnlyWhereARequestBegins) {
    const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX-Long: ";
    const std::string answer = "HTTP/1.1 204 No Content\r\n\r\n";
    const std::string basic = "Authorization: Basic am9lOmpvZQ==\r\n\r\n";

    Classifier in_the_middle(FlowInfo{.server_port = 80});
    in_the_middle.feed(Side::client, bytes_of(request), 800);
    in_the_middle.feed(Side::client, bytes_of(basic));
    EXPECT_FALSE(in_the_middle.verdict().cleartext_credentials) << "may be any text";

    Classifier at_a_request(FlowInfo{.server_port = 80});
    at_a_request.feed(Side::client, bytes_of(request), 800);
    at_a_request.feed(Side::server, bytes_of(answer));
    at_a_request.feed(Side::client, bytes_of("GET /b HTTP/1.1\r\n" + basic));
    EXPECT_TRUE(at_a_request.verdict().cleartext_credentials);
}

TEST(Classifier, CountsABodyThatWasNotCaptured) {
    Classifier classifier(FlowInfo{.server_port = 80});
    classifier.feed(
        Side::client,
        bytes_of("PUT /f HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + std::string(900, 'x')), 1100);
    classifier.feed(Side::client,
                    bytes_of("GET /b HTTP/1.1\r\nAuthorization: Basic am9lOmpvZQ==\r\n\r\n"));
    EXPECT_TRUE(classifier.verdict().cleartext_credentials);
}

TEST(Classifier, SeesNoLoginInWhatFollowsAHoleInACommandDialogue) {
    for (const std::string login : {"USER joe\r\nPASS x\r\n", "AUTH PLAIN AGpvZQBqb2U=\r\n"}) {
        Classifier classifier(FlowInfo{.server_port = 21});
        classifier.feed(Side::server, bytes_of("220 ready\r\n"));
        classifier.feed(Side::client, bytes_of("NOOP\r\n"), 10);
        EXPECT_TRUE(classifier.verdict().final);
        classifier.feed(Side::client, bytes_of(login));
        EXPECT_FALSE(classifier.verdict().cleartext_credentials);
    }
}

TEST(Classifier, AGapFreezesTheVerdict) {
    Classifier classifier(FlowInfo{.server_port = 21});
    classifier.feed(Side::server, bytes_of("220 FTP server\r\n"));
    classifier.feed(Side::client, bytes_of("USER joe\r\n"));
    EXPECT_TRUE(classifier.gap(Side::server).final);
    classifier.feed(Side::client, bytes_of("PASS " + password() + "\r\n"));
    EXPECT_EQ(classifier.verdict().protocol, Protocol::ftp);
    EXPECT_FALSE(classifier.verdict().cleartext_credentials);
}

TEST(Classifier, SeesAPasswordTypedByHandBeforeAnUpgradeIsRefused) {
    const Verdict verdict = verdict_of({.server_port = 110},
                                       {{Side::server, "+OK ready\r\n"},
                                        {Side::client, "STLS\r\n"},
                                        {Side::server, "-ERR no\r\n"},
                                        {Side::client, "USER joe\r\n"},
                                        {Side::server, "+OK\r\n"},
                                        {Side::client, "PASS " + password() + "\r\n"}},
                                       1);
    EXPECT_TRUE(verdict.cleartext_credentials);
    EXPECT_FALSE(verdict.encrypted);
}

TEST(Classifier, TellsFtpFromSmtpByCommandsRatherThanByPortOrBanner) {
    const Verdict ftp =
        verdict_of({.server_port = 25},
                   {{Side::server, "220 welcome\r\n"}, {Side::client, "USER joe\r\n"}}, 100000);
    EXPECT_EQ(ftp.protocol, Protocol::ftp);
    const Verdict smtp =
        verdict_of({.server_port = 21},
                   {{Side::server, "220 welcome\r\n"}, {Side::client, "EHLO a\r\n"}}, 100000);
    EXPECT_EQ(smtp.protocol, Protocol::smtp);
    const Verdict bare =
        verdict_of({.server_port = 4242}, {{Side::server, "220 welcome\r\n"}}, 100000);
    EXPECT_EQ(bare.protocol, Protocol::unknown);
    EXPECT_FALSE(bare.from_payload);
}

TEST(Classifier, CountsNoEmptyPassword) {
    const std::string redis = "*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n";
    EXPECT_FALSE(verdict_of_client(6379, redis).cleartext_credentials);
    EXPECT_FALSE(verdict_of_client(389, ldap_bind("cn=joe", "")).cleartext_credentials);
    EXPECT_FALSE(verdict_of({.server_port = 110},
                            {{Side::server, "+OK\r\n"}, {Side::client, "USER joe\r\nPASS \r\n"}},
                            100000)
                     .cleartext_credentials);
    EXPECT_FALSE(verdict_of_client(80, "GET / HTTP/1.1\r\nAuthorization: Basic\r\n\r\n")
                     .cleartext_credentials);
}

TEST(Classifier, PassesLongValuesByTheirLength) {
    Classifier classifier(FlowInfo{.server_port = 6379});
    classifier.feed(Side::client,
                    bytes_of("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n" + std::string(900, 'v')),
                    4102);
    EXPECT_FALSE(classifier.verdict().final);
    classifier.feed(Side::client, bytes_of("*2\r\n$4\r\nAUTH\r\n$3\r\nabc\r\n"));
    EXPECT_TRUE(classifier.verdict().cleartext_credentials);
}

TEST(MidStream, DecidesOnlyByUnmistakablePatterns) {
    for (const Transcript& transcript : transcripts()) {
        FlowInfo flow = transcript.flow;
        flow.mid_stream = true;
        if (flow.udp) {
            continue;
        }
        const Verdict verdict = verdict_of(flow, transcript.steps, 100000);
        const std::set safe{Protocol::unknown, Protocol::tls, Protocol::http, Protocol::smb};
        EXPECT_TRUE(safe.contains(verdict.protocol)) << transcript.name;
        if (verdict.cleartext_credentials) {
            EXPECT_EQ(transcript.expected.protocol, Protocol::http) << transcript.name;
        }
    }
}

TEST(MidStream, RecognisesTlsRecordsWithoutClaimingAVersion) {
    Classifier classifier(FlowInfo{.server_port = 443, .mid_stream = true});
    classifier.feed(Side::server, bytes_of("\xAA\xBB rest of a record"));
    EXPECT_EQ(classifier.verdict().protocol, Protocol::unknown);
    const Verdict verdict =
        classifier.feed(Side::client, bytes_of("\x17\x03\x03\x00\x40"s + std::string(64, 'e')));
    EXPECT_EQ(verdict.protocol, Protocol::tls);
    EXPECT_TRUE(verdict.encrypted);
    EXPECT_TRUE(verdict.final);
    EXPECT_EQ(verdict.tls_chosen, TlsVersion::none);
}

TEST(MidStream, RecognisesARequestWithALoginAtTheStartOfASegment) {
    Classifier classifier(FlowInfo{.server_port = 80, .mid_stream = true});
    classifier.feed(Side::server, bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(classifier.verdict().protocol, Protocol::http);
    classifier.feed(Side::client,
                    bytes_of("GET / HTTP/1.1\r\nAuthorization: Basic am9lOmpvZQ==\r\n\r\n"));
    EXPECT_TRUE(classifier.verdict().cleartext_credentials);
}

TEST(MidStream, GivesUpAfterSomeSegmentsThatSayNothing) {
    Classifier classifier(FlowInfo{.server_port = 80, .mid_stream = true});
    for (int i = 0; i < 16; ++i) {
        EXPECT_FALSE(classifier.verdict().final);
        classifier.feed(Side::client, bytes_of("opaque"));
    }
    EXPECT_TRUE(classifier.verdict().final);
}

TEST(Names, AreThoseOfTheFacts) {
    EXPECT_EQ(name(Protocol::unknown), "unknown");
    EXPECT_EQ(name(Protocol::postgresql), "postgresql");
    EXPECT_EQ(name(Protocol::rsync), "rsync");
    EXPECT_EQ(all_names().size(), 33U);
    EXPECT_EQ(name(TlsVersion::ssl2), "SSL 2.0");
    EXPECT_EQ(name(TlsVersion::tls1_2), "TLS 1.2");
    EXPECT_EQ(name(TlsVersion::none), "");
}

TEST(Ports, NameTheUsualProtocol) {
    EXPECT_EQ(protocol_for_port(false, 23), Protocol::telnet);
    EXPECT_EQ(protocol_for_port(false, 514), Protocol::rsh);
    EXPECT_EQ(protocol_for_port(true, 514), Protocol::syslog);
    EXPECT_EQ(protocol_for_port(true, 69), Protocol::tftp);
    EXPECT_EQ(protocol_for_port(false, 69), Protocol::unknown);
    EXPECT_EQ(protocol_for_port(false, 65000), Protocol::unknown);
}

}  // namespace
}  // namespace test
}  // namespace assay::protocols
