// SPDX-License-Identifier: Apache-2.0
#include "transcripts.h"

namespace assay::protocols::test {

using namespace std::string_literals;

std::string big_endian(std::uint64_t value, std::size_t width) {
    std::string out(width, '\0');
    for (std::size_t i = width; i > 0; --i) {
        out[i - 1] = static_cast<char>(value & 0xFFU);
        value >>= 8U;
    }
    return out;
}

std::string little_endian(std::uint64_t value, std::size_t width) {
    std::string out = big_endian(value, width);
    return {out.rbegin(), out.rend()};
}

namespace {

const std::string kSecret(kPassword);

Step client(std::string bytes) { return {Side::client, std::move(bytes)}; }
Step server(std::string bytes) { return {Side::server, std::move(bytes)}; }

std::string base64(std::string_view text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            const bool there = i + j < text.size();
            group = group << 8U | (there ? static_cast<std::uint8_t>(text[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            const bool there = i + j <= text.size();
            out += there ? kDigits[group >> (18 - 6 * j) & 0x3FU] : '=';
        }
    }
    return out;
}

std::string record(std::uint8_t content, std::uint16_t version, std::string_view fragment) {
    return std::string(1, static_cast<char>(content)) + big_endian(version, 2) +
           big_endian(fragment.size(), 2) + std::string(fragment);
}

std::string handshake(std::uint8_t type, std::string_view body) {
    return std::string(1, static_cast<char>(type)) + big_endian(body.size(), 3) + std::string(body);
}

std::string extension(std::uint16_t kind, std::string_view content) {
    return big_endian(kind, 2) + big_endian(content.size(), 2) + std::string(content);
}

std::string name_extension() {
    const std::string host = "www.example.org";
    return extension(0, big_endian(host.size() + 3, 2) + "\0"s + big_endian(host.size(), 2) + host);
}

Verdict clear(Protocol protocol) {
    Verdict verdict;
    verdict.protocol = protocol;
    verdict.from_payload = true;
    return verdict;
}
Verdict final_clear(Protocol protocol) {
    Verdict verdict = clear(protocol);
    verdict.final = true;
    return verdict;
}
Verdict login(Protocol protocol) {
    Verdict verdict = final_clear(protocol);
    verdict.cleartext_credentials = true;
    return verdict;
}
Verdict with_offer(Verdict verdict) {
    verdict.starttls_offered = true;
    return verdict;
}
Verdict with_version(Verdict verdict, std::string_view version) {
    verdict.version = version;
    return verdict;
}
Verdict tls(TlsVersion offered, TlsVersion chosen) {
    Verdict verdict = final_clear(Protocol::tls);
    verdict.encrypted = true;
    verdict.tls_offered = offered;
    verdict.tls_chosen = chosen;
    return verdict;
}
/// After an upgrade with the hellos below.
Verdict upgraded(Protocol protocol, bool offered) {
    Verdict verdict = tls(TlsVersion::tls1_3, TlsVersion::tls1_3);
    verdict.protocol = protocol;
    verdict.starttls_taken = true;
    verdict.starttls_offered = offered;
    return verdict;
}

std::string hello_13() { return client_hello({.versions = {0x0A0A, 0x0304, 0x0303}}); }
std::string answer_13() { return server_hello({.versions = {0x0304}}); }

FlowInfo tcp(std::uint16_t port) { return {.udp = false, .server_port = port}; }
FlowInfo udp(std::uint16_t port) { return {.udp = true, .server_port = port}; }

void add_tls_and_ssh(std::vector<Transcript>& all) {
    all.push_back({"TLS 1.3 on the telnet port",
                   tcp(23),
                   {client(hello_13()), server(answer_13())},
                   tls(TlsVersion::tls1_3, TlsVersion::tls1_3)});
    all.push_back({"TLS 1.2",
                   tcp(443),
                   {client(client_hello({})), server(server_hello({}))},
                   tls(TlsVersion::tls1_2, TlsVersion::tls1_2)});
    all.push_back({"TLS 1.0 chosen by an old server",
                   tcp(443),
                   {client(hello_13()), server(server_hello({.legacy_version = 0x0301}))},
                   tls(TlsVersion::tls1_3, TlsVersion::tls1_0)});
    all.push_back({"SSL 3.0",
                   tcp(443),
                   {client(client_hello({.legacy_version = 0x0300})),
                    server(server_hello({.legacy_version = 0x0300}))},
                   tls(TlsVersion::ssl3, TlsVersion::ssl3)});
    const std::string ssl2_server =
        "\x80\x0E\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x10\x01\x00\x80"s;
    all.push_back({"SSL 2.0",
                   tcp(443),
                   {client(ssl2_client_hello(0x0002)), server(ssl2_server)},
                   tls(TlsVersion::ssl2, TlsVersion::ssl2)});
    all.push_back(
        {"TLS 1.0 offered in an SSL 2.0 hello",
         tcp(443),
         {client(ssl2_client_hello(0x0301)), server(server_hello({.legacy_version = 0x0301}))},
         tls(TlsVersion::tls1_0, TlsVersion::tls1_0)});
    all.push_back({"TLS refused with an alert",
                   tcp(443),
                   {client(client_hello({})), server(record(21, 0x0303, "\x02\x46"))},
                   tls(TlsVersion::tls1_2, TlsVersion::none)});
    all.push_back(
        {"TLS with a warning before the server hello",
         tcp(443),
         {client(client_hello({})), server(record(21, 0x0303, "\x01\x70") + server_hello({}))},
         tls(TlsVersion::tls1_2, TlsVersion::tls1_2)});

    Verdict ssh = final_clear(Protocol::ssh);
    ssh.encrypted = true;
    ssh.version = "2.0";
    all.push_back(
        {"SSH 2.0",
         tcp(22),
         {server("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), client("SSH-2.0-libssh2_1.10\r\n")},
         ssh});
    all.push_back({"SSH 2.0 with a server that also speaks 1",
                   tcp(2222),
                   {server("SSH-1.99-Cisco-1.25\n"), client("SSH-2.0-OpenSSH_9.2\r\n")},
                   ssh});
    all.push_back({"SSH 2.0 with lines before the identification",
                   tcp(22),
                   {client("SSH-2.0-OpenSSH_9.2\r\n"), server("Welcome\r\nSSH-2.0-dropbear\r\n")},
                   ssh});
    ssh.version = "1.x";
    all.push_back(
        {"SSH 1.5", tcp(22), {server("SSH-1.5-1.2.27\n"), client("SSH-1.5-OpenSSH_3.4\n")}, ssh});
}

void add_http(std::vector<Transcript>& all) {
    const std::string get = "GET /index.html?a=b HTTP/1.1\r\nHost: www.example.org\r\n";
    const std::string rest = "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    all.push_back({"HTTP on the HTTPS port",
                   tcp(8443),
                   {client(get + rest), server(ok)},
                   clear(Protocol::http)});
    all.push_back(
        {"HTTP with a bearer token and a cookie",
         tcp(80),
         {client(get + "Authorization: Bearer abc.def\r\nCookie: sid=1\r\n" + rest), server(ok)},
         clear(Protocol::http)});
    const std::string basic = "Basic " + base64("joe:" + kSecret) + "\r\n";
    all.push_back({"HTTP Basic",
                   tcp(80),
                   {client(get + "authorization:  " + basic + rest)},
                   login(Protocol::http)});
    all.push_back(
        {"HTTP proxy Basic",
         tcp(3128),
         {client("CONNECT www.example.org:443 HTTP/1.1\r\nProxy-Authorization: " + basic + "\r\n")},
         login(Protocol::http)});
    all.push_back({"HTTP Basic in the second request",
                   tcp(80),
                   {client("POST /form HTTP/1.1\r\nContent-Length: 31\r\n\r\n"
                           "Authorization: Basic bm9ib2R5\r\n"),
                    server(ok), client(get + "Authorization: " + basic + rest)},
                   login(Protocol::http)});
    all.push_back({"HTTP whose body only looks like a login",
                   tcp(80),
                   {client("POST /form HTTP/1.1\r\nContent-Length: 31\r\n\r\n"
                           "Authorization: Basic bm9ib2R5\r\n"),
                    server(ok), client(get + rest), server(ok)},
                   clear(Protocol::http)});
    Verdict tunnel = tls(TlsVersion::tls1_3, TlsVersion::tls1_3);
    tunnel.protocol = Protocol::http;
    all.push_back(
        {"HTTP CONNECT and TLS",
         tcp(3128),
         {client("CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n"),
          server("HTTP/1.1 200 Connection established\r\n\r\n"), client(hello_13()),
          server(answer_13())},
         tunnel});
    all.push_back({"HTTP upgraded to another protocol",
                   tcp(80),
                   {client(get + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + rest),
                    server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")},
                   final_clear(Protocol::http)});

    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const std::string settings = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"s;
    const auto headers = [](const std::string& block) {
        return big_endian(block.size(), 3) + "\1\4\0\0\0\1"s + block;
    };
    all.push_back(
        {"HTTP/2 in clear",
         tcp(8080),
         {client(preface + settings), client(headers("\x82\x86\x84\x41\x01x"s)), server(settings)},
         clear(Protocol::http2)});
    // authorization (static index 23, never indexed) with a value in plain and in Huffman code
    all.push_back({"HTTP/2 Basic",
                   tcp(8080),
                   {client(preface + settings + headers("\x82\x1F\x08\x0A"s + "Basic Om06"))},
                   login(Protocol::http2)});
    all.push_back(
        {"HTTP/2 Basic in Huffman code",
         tcp(8080),
         {client(preface + settings), client(headers("\x82\x1F\x08\x86\xBA\x34\x18\x8A\x2F\xFF"s))},
         login(Protocol::http2)});
}

void add_ftp_and_mail(std::vector<Transcript>& all) {
    const Step ftp_banner = server("220 (vsFTPd 3.0.3)\r\n");
    all.push_back(
        {"FTP login",
         tcp(21),
         {ftp_banner, client("USER joe\r\n"), server("331 Please specify the password.\r\n"),
          client("PASS " + kSecret + "\r\n")},
         login(Protocol::ftp)});
    all.push_back({"FTP anonymous",
                   tcp(21),
                   {ftp_banner, client("USER anonymous\r\n"), server("331 Password please.\r\n"),
                    client("PASS joe@example.org\r\n"), server("230 Login successful.\r\n")},
                   clear(Protocol::ftp)});
    all.push_back(
        {"FTP with AUTH TLS",
         tcp(2121),
         {server("220-Hello\r\n220 there\r\n"), client("FEAT\r\n"),
          server("211-Features:\r\n AUTH TLS\r\n UTF8\r\n211 End\r\n"), client("AUTH TLS\r\n"),
          server("234 Proceed.\r\n"), client(hello_13()), server(answer_13())},
         upgraded(Protocol::ftp, true)});
    all.push_back({"FTP with a one-time password",
                   tcp(21),
                   {ftp_banner, client("USER joe\r\n"), server("331 otp-md5 499 ke1234 ext\r\n"),
                    client("PASS A BRAN NEW OLD MAN\r\n"), server("230 Welcome\r\n")},
                   clear(Protocol::ftp)});
    all.push_back({"FTP known by its commands on a port of no name",
                   tcp(4021),
                   {server("220 ready\r\n"), client("SYST\r\n"), server("215 UNIX Type: L8\r\n")},
                   clear(Protocol::ftp)});

    const Step smtp_banner = server("220 mail.example.org ESMTP Postfix (Debian)\r\n");
    const Step ehlo = client("EHLO client.example.org\r\n");
    const Step offers = server(
        "250-mail.example.org\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n"
        "250 SMTPUTF8\r\n");
    const Step no_tls = server("250-mail.example.org\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n");
    all.push_back(
        {"SMTP without TLS",
         tcp(25),
         {smtp_banner, ehlo, no_tls, client("MAIL FROM:<a@example.org>\r\n"), server("250 ok\r\n"),
          client("RCPT TO:<b@example.org>\r\n"), server("250 ok\r\n")},
         clear(Protocol::smtp)});
    all.push_back({"SMTP whose message quotes a login",
                   tcp(25),
                   {smtp_banner, ehlo, no_tls, client("DATA\r\n"), server("354 go ahead\r\n"),
                    client("AUTH PLAIN AGpvZQBqb2U=\r\n.\r\n")},
                   final_clear(Protocol::smtp)});
    all.push_back({"SMTP with STARTTLS",
                   tcp(587),
                   {smtp_banner, ehlo, offers, client("STARTTLS\r\n"),
                    server("220 2.0.0 Ready\r\n"), client(hello_13()), server(answer_13())},
                   upgraded(Protocol::smtp, true)});
    all.push_back(
        {"SMTP AUTH PLAIN at once",
         tcp(587),
         {smtp_banner, ehlo, offers, client("AUTH PLAIN " + base64("\0joe\0"s + kSecret) + "\r\n")},
         with_offer(login(Protocol::smtp))});
    all.push_back({"SMTP AUTH PLAIN after a challenge",
                   tcp(587),
                   {smtp_banner, ehlo, no_tls, client("AUTH PLAIN\r\n"), server("334 \r\n"),
                    client(base64("\0joe\0"s + kSecret) + "\r\n")},
                   login(Protocol::smtp)});
    all.push_back({"SMTP AUTH LOGIN",
                   tcp(587),
                   {smtp_banner, ehlo, no_tls, client("AUTH LOGIN\r\n"),
                    server("334 VXNlcm5hbWU6\r\n"), client(base64("joe") + "\r\n"),
                    server("334 UGFzc3dvcmQ6\r\n"), client(base64(kSecret) + "\r\n")},
                   login(Protocol::smtp)});
    all.push_back({"SMTP AUTH LOGIN refused before the password",
                   tcp(587),
                   {smtp_banner, ehlo, no_tls, client("AUTH LOGIN\r\n"),
                    server("538 5.7.11 Encryption required\r\n"), client("NOOP\r\n"),
                    server("250 ok\r\n"), client("QUIT\r\n")},
                   clear(Protocol::smtp)});
    all.push_back(
        {"SMTP AUTH CRAM-MD5",
         tcp(587),
         {smtp_banner, ehlo, no_tls, client("AUTH CRAM-MD5\r\n"),
          server("334 PDEyMzRAZXhhbXBsZT4=\r\n"),
          client("am9lIDkxM2E2MDJjN2VkYTdhNDk1YjRlNmU3MzM0ZDM4OTA=\r\n"), server("235 ok\r\n")},
         clear(Protocol::smtp)});
    all.push_back(
        {"SMTP known by its port only", tcp(25), {server("220 hello\r\n")}, clear(Protocol::smtp)});

    const Step imap_banner = server(
        "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS STARTTLS AUTH=PLAIN] ready.\r\n");
    const Step plain_banner = server("* OK IMAP4rev1 server ready\r\n");
    all.push_back({"IMAP LOGIN",
                   tcp(143),
                   {imap_banner, client("a1 LOGIN joe \"" + kSecret + "\"\r\n")},
                   with_offer(login(Protocol::imap))});
    all.push_back({"IMAP LOGIN by literals",
                   tcp(143),
                   {plain_banner, client("a1 LOGIN {3}\r\n"), server("+ go on\r\n"),
                    client("joe {15}\r\n"), server("+ go on\r\n"), client(kSecret + "\r\n")},
                   login(Protocol::imap)});
    all.push_back({"IMAP LOGIN by literals that is refused",
                   tcp(143),
                   {plain_banner, client("a1 LOGIN {3}\r\n"), server("a1 NO login disabled\r\n"),
                    client("a2 LOGOUT\r\n"), server("* BYE\r\n")},
                   clear(Protocol::imap)});
    all.push_back({"IMAP AUTHENTICATE PLAIN",
                   tcp(143),
                   {plain_banner, client("a1 AUTHENTICATE PLAIN\r\n"), server("+ \r\n"),
                    client(base64("\0joe\0"s + kSecret) + "\r\n")},
                   login(Protocol::imap)});
    all.push_back({"IMAP with STARTTLS",
                   tcp(143),
                   {plain_banner, client("a1 CAPABILITY\r\n"),
                    server("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n"),
                    client("a2 STARTTLS\r\n"), server("a2 OK begin\r\n"), client(hello_13()),
                    server(answer_13())},
                   upgraded(Protocol::imap, true)});

    const Step pop_banner = server("+OK POP3 ready <1896.697170952@example.org>\r\n");
    all.push_back({"POP3 login",
                   tcp(110),
                   {pop_banner, client("USER joe\r\n"), server("+OK\r\n"),
                    client("PASS " + kSecret + "\r\n")},
                   login(Protocol::pop3)});
    all.push_back({"POP3 APOP",
                   tcp(110),
                   {pop_banner, client("APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n"),
                    server("+OK maildrop locked\r\n"), client("STAT\r\n"), server("+OK 0 0\r\n")},
                   clear(Protocol::pop3)});
    all.push_back({"POP3 AUTH PLAIN",
                   tcp(110),
                   {pop_banner, client("AUTH PLAIN\r\n"), server("+ \r\n"),
                    client(base64("\0joe\0"s + kSecret) + "\r\n")},
                   login(Protocol::pop3)});
    all.push_back(
        {"POP3 with STLS",
         tcp(110),
         {pop_banner, client("CAPA\r\n"), server("+OK\r\nUSER\r\nSTLS\r\n.\r\n"),
          client("STLS\r\n"), server("+OK begin\r\n"), client(hello_13()), server(answer_13())},
         upgraded(Protocol::pop3, true)});
}

void add_remote_access(std::vector<Transcript>& all) {
    all.push_back({"telnet, the server negotiates",
                   tcp(23),
                   {server("\xFF\xFD\x18\xFF\xFD\x20\xFF\xFD\x23\xFF\xFD\x27")},
                   final_clear(Protocol::telnet)});
    all.push_back({"telnet, the client negotiates on port 2323",
                   tcp(2323),
                   {client("\xFF\xFB\x1F\xFF\xFD\x03")},
                   final_clear(Protocol::telnet)});
    all.push_back({"rlogin",
                   tcp(513),
                   {client("\0"s), client("joe\0root\0xterm/38400\0"s), server("\0"s)},
                   final_clear(Protocol::rlogin)});
    all.push_back({"rsh",
                   tcp(514),
                   {client("1021\0"s), client("joe\0joe\0uname -a\0"s), server("\0"s)},
                   final_clear(Protocol::rsh)});
    all.push_back({"rsh on another port",
                   tcp(10514),
                   {client("1021\0joe\0root\0id\0"s)},
                   final_clear(Protocol::rsh)});
    all.push_back({"rexec",
                   tcp(512),
                   {client("40001\0joe\0"s + kSecret + "\0uname -a\0"s)},
                   login(Protocol::rexec)});
    all.push_back({"rexec without a second channel",
                   tcp(512),
                   {client("\0joe\0"s + kSecret + "\0uname -a\0"s)},
                   login(Protocol::rexec)});

    const Step rfb = server("RFB 003.008\n");
    const Step rfb_answer = client("RFB 003.008\n");
    all.push_back(
        {"VNC with a challenge",
         tcp(5901),
         {rfb, rfb_answer, server("\x02\x01\x02"), client("\x02"), server("0123456789abcdef")},
         final_clear(Protocol::vnc)});
    all.push_back({"VNC version 3.3",
                   tcp(5900),
                   {server("RFB 003.003\n"), client("RFB 003.003\n"), server("\0\0\0\x02"s)},
                   final_clear(Protocol::vnc)});
    all.push_back({"VNC with VeNCrypt and TLS",
                   tcp(5900),
                   {rfb, rfb_answer, server("\x01\x13"), client("\x13"), server("\0\x02"s),
                    client("\0\x02"s), server("\0\x01\0\0\x01\x02"s), client("\0\0\x01\x02"s),
                    server("\x01"), client(hello_13()), server(answer_13())},
                   upgraded(Protocol::vnc, false)});
    all.push_back({"VNC with VeNCrypt and a plain login",
                   tcp(5900),
                   {rfb, rfb_answer, server("\x01\x13"), client("\x13"), server("\0\x02"s),
                    client("\0\x02"s), server("\0\x01\0\0\x01\0"s), client("\0\0\x01\0"s),
                    client("\0\0\0\x03\0\0\0\x0Fjoe"s + kSecret)},
                   login(Protocol::vnc)});

    const std::string request =
        "\x03\0\0\x29\x24\xE0\0\0\0\0\0Cookie: mstshash=joe\r\n\x01\0\x08\0\x03\0\0\0"s;
    all.push_back(
        {"RDP with TLS",
         tcp(3389),
         {client(request), server("\x03\0\0\x13\x0E\xD0\0\0\x12\x34\0\x02\0\x08\0\x01\0\0\0"s),
          client(hello_13()), server(answer_13())},
         upgraded(Protocol::rdp, false)});
    all.push_back({"RDP with its own security",
                   tcp(3389),
                   {client("\x03\0\0\x13\x0E\xE0\0\0\0\0\0\x01\0\x08\0\0\0\0\0"s),
                    server("\x03\0\0\x13\x0E\xD0\0\0\x12\x34\0\x02\0\x08\0\0\0\0\0"s)},
                   final_clear(Protocol::rdp)});
    all.push_back(
        {"X11 little endian",
         tcp(6000),
         {client("l\0\x0B\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0"s + std::string(16, 'k'))},
         final_clear(Protocol::x11)});
    all.push_back({"X11 big endian",
                   tcp(6010),
                   {client("B\0\0\x0B\0\0\0\0\0\0\0\0"s)},
                   final_clear(Protocol::x11)});
}

void add_directories(std::vector<Transcript>& all) {
    const std::string search =
        ber(0x30, ber(0x02, "\x01") +
                      ber(0x63, ber(0x04, "dc=example,dc=org") + ber(0x0A, "\x02") +
                                    ber(0x0A, "\0"s) + ber(0x02, "\0"s) + ber(0x02, "\0"s) +
                                    ber(0x01, "\0"s) + ber(0x87, "objectClass") + ber(0x30, "")));
    const Step bind_ok = server(
        ber(0x30, ber(0x02, "\x01") + ber(0x61, ber(0x0A, "\0"s) + ber(0x04, "") + ber(0x04, ""))));
    all.push_back({"LDAP simple bind",
                   tcp(389),
                   {client(ldap_bind("cn=joe,dc=example,dc=org", kSecret)), bind_ok},
                   login(Protocol::ldap)});
    all.push_back({"LDAP anonymous",
                   tcp(389),
                   {client(ldap_bind("", "")), bind_ok, client(search)},
                   clear(Protocol::ldap)});
    all.push_back(
        {"LDAP search without a bind", tcp(1389), {client(search)}, clear(Protocol::ldap)});
    const auto sasl_bind = [](const std::string& mechanism, const std::string& token) {
        return ber(0x30, ber(0x02, "\x01") +
                             ber(0x60, ber(0x02, "\x03") + ber(0x04, "") +
                                           ber(0xA3, ber(0x04, mechanism) + ber(0x04, token))));
    };
    all.push_back({"LDAP SASL PLAIN",
                   tcp(389),
                   {client(sasl_bind("PLAIN", "\0joe\0"s + kSecret))},
                   login(Protocol::ldap)});
    all.push_back({"LDAP SASL DIGEST-MD5",
                   tcp(389),
                   {client(sasl_bind("DIGEST-MD5", "")), bind_ok},
                   clear(Protocol::ldap)});
    Verdict sealed_ldap = final_clear(Protocol::ldap);
    sealed_ldap.encrypted = true;
    all.push_back({"LDAP sealed by Kerberos",
                   tcp(389),
                   {client(sasl_bind("GSSAPI", "token")), bind_ok,
                    client("\0\0\0\x20\x05\x04\x02\xFF\0\0"s + std::string(26, 'x'))},
                   sealed_ldap});
    const std::string start_tls =
        ber(0x30, ber(0x02, "\x01") + ber(0x77, ber(0x80, "1.3.6.1.4.1.1466.20037")));
    all.push_back(
        {"LDAP with StartTLS",
         tcp(389),
         {client(start_tls),
          server(ber(0x30, ber(0x02, "\x01") +
                               ber(0x78, ber(0x0A, "\0"s) + ber(0x04, "") + ber(0x04, "")))),
          client(hello_13()), server(answer_13())},
         upgraded(Protocol::ldap, false)});

    const std::string pdu =
        ber(0xA0, ber(0x02, "\x01") + ber(0x02, "\0"s) + ber(0x02, "\0"s) +
                      ber(0x30, ber(0x30, ber(0x06, "\x2B\x06\x01") + "\5\0"s)));
    const auto community = [&](const std::string& version) {
        return ber(0x30, ber(0x02, version) + ber(0x04, "public") + pdu);
    };
    all.push_back({"SNMP v1",
                   udp(161),
                   {client(community("\0"s))},
                   with_version(final_clear(Protocol::snmp), "1")});
    all.push_back({"SNMP v2c",
                   udp(161),
                   {client(community("\1"s))},
                   with_version(final_clear(Protocol::snmp), "2c")});
    all.push_back({"SNMP v2c over TCP",
                   tcp(161),
                   {client(community("\1"s))},
                   with_version(final_clear(Protocol::snmp), "2c")});
    const auto v3 = [&](const std::string& flags) {
        return ber(0x30, ber(0x02, "\x03") +
                             ber(0x30, ber(0x02, "\x11\x22") + ber(0x02, "\0\xFF\xE3"s) +
                                           ber(0x04, flags) + ber(0x02, "\x03")) +
                             ber(0x04, ber(0x30, "")) + ber(0x04, std::string(40, 'e')));
    };
    all.push_back({"SNMP v3 without privacy",
                   udp(161),
                   {client(v3("\x04")), server(v3("\0"s))},
                   with_version(clear(Protocol::snmp), "3")});
    Verdict private_snmp = with_version(final_clear(Protocol::snmp), "3");
    private_snmp.encrypted = true;
    all.push_back({"SNMP v3 with privacy",
                   udp(161),
                   {client(v3("\x04")), server(v3("\0"s)), client(v3("\x07"))},
                   private_snmp});
}

void add_databases(std::vector<Transcript>& all) {
    const auto packet = [](std::uint8_t sequence, const std::string& payload) {
        return little_endian(payload.size(), 3) + std::string(1, static_cast<char>(sequence)) +
               payload;
    };
    const auto greeting = [&](std::uint16_t capabilities) {
        return packet(0, "\x0A"s + "8.0.36-debian\0"s + "\x2A\0\0\0"s + "12345678" + "\0"s +
                             little_endian(capabilities, 2) + "\xFF\x02\0\xFF\xC1\x15"s +
                             std::string(10, '\0') + "123456789012\0"s +
                             "caching_sha2_password\0"s);
    };
    const auto response = [&](std::uint8_t sequence, const std::string& auth,
                              const std::string& plugin) {
        return packet(sequence, little_endian(0x00088082, 4) + little_endian(1U << 24U, 4) +
                                    "\x2D" + std::string(23, '\0') + "joe\0"s +
                                    std::string(1, static_cast<char>(auth.size())) + auth + plugin +
                                    "\0"s);
    };
    const Step ok = server(packet(2, "\0\0\0\2\0\0\0"s));
    all.push_back({"MySQL with a challenge",
                   tcp(3306),
                   {server(greeting(0xF7FF)),
                    client(response(1, std::string(32, 'h'), "caching_sha2_password")), ok},
                   final_clear(Protocol::mysql)});
    all.push_back(
        {"MySQL with a clear password",
         tcp(3306),
         {server(greeting(0xFFFF)), client(response(1, kSecret + "\0"s, "mysql_clear_password"))},
         with_offer(login(Protocol::mysql))});
    all.push_back(
        {"MySQL switched to a clear password",
         tcp(3306),
         {server(greeting(0xF7FF)),
          client(response(1, std::string(20, 'h'), "mysql_native_password")),
          server(packet(2, "\xFEmysql_clear_password\0"s)), client(packet(3, kSecret + "\0"s))},
         login(Protocol::mysql)});
    all.push_back(
        {"MySQL with TLS",
         tcp(3306),
         {server(greeting(0xFFFF)),
          client(packet(1, little_endian(0x00088A00 | 0x800, 4) + little_endian(1U << 24U, 4) +
                               "\x2D" + std::string(23, '\0'))),
          client(hello_13()), server(answer_13())},
         upgraded(Protocol::mysql, true)});
    all.push_back({"MySQL refusing a host",
                   tcp(3306),
                   {server(packet(0, "\xFF\x6A\x04Host '10.0.0.9' is not allowed to connect"s))},
                   final_clear(Protocol::mysql)});

    const std::string ssl_request = "\0\0\0\x08\x04\xD2\x16\x2F"s;
    const std::string parameters = "user\0joe\0database\0shop\0\0"s;
    const std::string startup = big_endian(8 + parameters.size(), 4) + "\0\x03\0\0"s + parameters;
    const auto typed = [](char type, const std::string& body) {
        return std::string(1, type) + big_endian(4 + body.size(), 4) + body;
    };
    const Step authenticated = server(typed('R', "\0\0\0\0"s));
    all.push_back({"PostgreSQL with TLS",
                   tcp(5432),
                   {client(ssl_request), server("S"), client(hello_13()), server(answer_13())},
                   upgraded(Protocol::postgresql, true)});
    all.push_back(
        {"PostgreSQL, TLS refused, SCRAM",
         tcp(5432),
         {client(ssl_request), server("N"), client(startup),
          server(typed('R', "\0\0\0\x0ASCRAM-SHA-256\0\0"s)),
          client(typed('p', "SCRAM-SHA-256\0\0\0\0\x03n,,"s)), server(typed('R', "\0\0\0\x0Br=1"s)),
          client(typed('p', "c=biws,r=1,p=1")), authenticated},
         final_clear(Protocol::postgresql)});
    all.push_back({"PostgreSQL with a clear password",
                   tcp(5432),
                   {client("\0\0\0\x08\x04\xD2\x16\x30"s), server("N"), client(startup),
                    server(typed('R', "\0\0\0\x03"s)), client(typed('p', kSecret + "\0"s))},
                   login(Protocol::postgresql)});
    all.push_back({"PostgreSQL with MD5",
                   tcp(5432),
                   {client(startup), server(typed('R', "\0\0\0\x05salt"s)),
                    client(typed('p', "md5" + std::string(32, 'a') + "\0"s)), authenticated},
                   final_clear(Protocol::postgresql)});

    const auto redis = [](std::initializer_list<std::string> words) {
        std::string out = "*" + std::to_string(words.size()) + "\r\n";
        for (const std::string& word : words) {
            out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
        }
        return out;
    };
    all.push_back({"Redis without a login",
                   tcp(6379),
                   {client(redis({"SET", "AUTH", "AUTH"})), server("+OK\r\n"),
                    client(redis({"GET", "AUTH"})), server("$4\r\nAUTH\r\n")},
                   clear(Protocol::redis)});
    all.push_back(
        {"Redis AUTH", tcp(6379), {client(redis({"AUTH", kSecret}))}, login(Protocol::redis)});
    all.push_back(
        {"Redis AUTH with a user, as second command",
         tcp(7000),
         {client(redis({"PING"})), server("+PONG\r\n"), client(redis({"auth", "joe", kSecret}))},
         login(Protocol::redis)});
    all.push_back({"Redis HELLO with AUTH",
                   tcp(6379),
                   {client(redis({"HELLO", "3", "AUTH", "joe", kSecret}))},
                   login(Protocol::redis)});
    all.push_back({"Redis HELLO",
                   tcp(6379),
                   {client(redis({"HELLO", "3"})), server("%7\r\n")},
                   clear(Protocol::redis)});
    all.push_back({"Redis inline AUTH",
                   tcp(6379),
                   {client("AUTH " + kSecret + "\r\n"), server("+OK\r\n")},
                   login(Protocol::redis)});
    all.push_back({"Redis inline",
                   tcp(6379),
                   {client("PING\r\n"), server("+PONG\r\n")},
                   clear(Protocol::redis)});

    all.push_back({"memcached get",
                   tcp(11211),
                   {client("get key1\r\n"), server("END\r\n")},
                   final_clear(Protocol::memcached)});
    all.push_back({"memcached set",
                   tcp(11212),
                   {client("set key1 0 900 5\r\nhello\r\n")},
                   final_clear(Protocol::memcached)});
    const auto binary = [](std::uint8_t code, const std::string& key, const std::string& value) {
        return "\x80"s + std::string(1, static_cast<char>(code)) + big_endian(key.size(), 2) +
               "\0\0\0\0"s + big_endian(key.size() + value.size(), 4) + std::string(12, '\0') +
               key + value;
    };
    all.push_back({"memcached binary",
                   tcp(11211),
                   {client(binary(0, "key1", ""))},
                   clear(Protocol::memcached)});
    all.push_back(
        {"memcached binary SASL PLAIN",
         tcp(11211),
         {client(binary(0x20, "", "")), client(binary(0x21, "PLAIN", "\0joe\0"s + kSecret))},
         login(Protocol::memcached)});
    all.push_back({"memcached over UDP",
                   udp(11211),
                   {client("\x12\x34\0\0\0\x01\0\0stats\r\n"s)},
                   final_clear(Protocol::memcached)});

    const auto mongo = [](const std::string& document) {
        const std::string body =
            "\0\0\0\0\0"s + little_endian(document.size() + 5, 4) + document + "\0"s;
        return little_endian(16 + body.size(), 4) + "\x07\0\0\0\0\0\0\0\xDD\x07\0\0"s + body;
    };
    const std::string sasl = "\x10saslStart\0\x01\0\0\0"s;
    const std::string query = "\x3A\0\0\0\x01\0\0\0\0\0\0\0\xD4\x07\0\0\0\0\0\0"s +
                              "admin.$cmd\0\0\0\0\0\x01\0\0\0"s +
                              "\x13\0\0\0\x10isMaster\0\x01\0\0\0\0"s;
    all.push_back({"MongoDB hello", tcp(27017), {client(query)}, clear(Protocol::mongodb)});
    all.push_back({"MongoDB SCRAM",
                   tcp(27017),
                   {client(mongo("\x10hello\0\x01\0\0\0"s)),
                    client(mongo(sasl + "\x02mechanism\0\x0E\0\0\0SCRAM-SHA-256\0"s))},
                   clear(Protocol::mongodb)});
    all.push_back({"MongoDB SASL PLAIN",
                   tcp(27017),
                   {client(query), client(mongo(sasl + "\x02mechanism\0\x06\0\0\0PLAIN\0"s +
                                                "\x05payload\0\x14\0\0\0\0\0joe\0"s + kSecret))},
                   login(Protocol::mongodb)});
}

void add_messaging(std::vector<Transcript>& all) {
    const Step amqp_header = client("AMQP\0\0\x09\x01"s);
    const auto start_ok = [](const std::string& mechanism, const std::string& answer) {
        const std::string properties = "\x07productS\0\0\0\x04pika"s;
        const std::string method = "\0\x0A\0\x0B"s + big_endian(properties.size(), 4) + properties +
                                   std::string(1, static_cast<char>(mechanism.size())) + mechanism +
                                   big_endian(answer.size(), 4) + answer + "\x05"s + "en_US";
        return "\x01\0\0"s + big_endian(method.size(), 4) + method + "\xCE";
    };
    const Step start = server("\x01\0\0\0\0\0\x09\0\x0A\0\x0A\0\x09\0\0\0\xCE"s);
    all.push_back({"AMQP 0-9-1 PLAIN",
                   tcp(5672),
                   {amqp_header, start, client(start_ok("PLAIN", "\0joe\0"s + kSecret))},
                   login(Protocol::amqp)});
    all.push_back({"AMQP 0-9-1 EXTERNAL",
                   tcp(5672),
                   {amqp_header, start, client(start_ok("EXTERNAL", ""))},
                   final_clear(Protocol::amqp)});
    const std::string sasl_header = "AMQP\x03\x01\0\0"s;
    const std::string init = "\xA3\x05PLAIN\xA0"s +
                             std::string(1, static_cast<char>(kSecret.size() + 5)) + "\0joe\0"s +
                             kSecret;
    const std::string frame_body = "\x02\x01\0\0\0\x53\x41\xC0"s +
                                   std::string(1, static_cast<char>(init.size() + 1)) + "\x02" +
                                   init;
    all.push_back({"AMQP 1.0 PLAIN",
                   tcp(5672),
                   {client(sasl_header), server(sasl_header),
                    client(big_endian(4 + frame_body.size(), 4) + frame_body)},
                   login(Protocol::amqp)});
    all.push_back({"AMQP 1.0 with TLS",
                   tcp(5672),
                   {client("AMQP\x02\x01\0\0"s), server("AMQP\x02\x01\0\0"s), client(hello_13()),
                    server(answer_13())},
                   upgraded(Protocol::amqp, false)});
    all.push_back({"MQTT with a password",
                   tcp(1883),
                   {client("\x10\x26\0\x04MQTT\x04\xC2\0\x3C\0\x02id\0\x03joe\0\x0F"s + kSecret)},
                   login(Protocol::mqtt)});
    all.push_back({"MQTT 3.1 anonymous",
                   tcp(1883),
                   {client("\x10\x10\0\x06MQIsdp\x03\x02\0\x3C\0\x02id"s)},
                   final_clear(Protocol::mqtt)});
    const auto kafka = [](std::uint16_t key, std::uint16_t version, std::uint32_t id,
                          const std::string& body) {
        const std::string request = big_endian(key, 2) + big_endian(version, 2) +
                                    big_endian(id, 4) + "\0\x07rdkafka"s + body;
        return big_endian(request.size(), 4) + request;
    };
    all.push_back({"Kafka",
                   tcp(9092),
                   {client(kafka(18, 3, 1, "\0\x0Blibrdkafka\x06"s + "2.0.2\0"s))},
                   clear(Protocol::kafka)});
    all.push_back({"Kafka SASL PLAIN",
                   tcp(9092),
                   {client(kafka(18, 0, 1, "")), client(kafka(17, 1, 2, "\0\x05PLAIN"s)),
                    server("\0\0\0\x11"s), client(kafka(36, 1, 3, "\0\0\0\x14\0joe\0"s + kSecret))},
                   login(Protocol::kafka)});
    all.push_back({"Kafka SASL SCRAM",
                   tcp(9092),
                   {client(kafka(17, 1, 2, "\0\x0DSCRAM-SHA-256"s)),
                    client(kafka(36, 1, 3, "\0\0\0\x10n,,n=joe,r=fyko+"s))},
                   clear(Protocol::kafka)});
}

void add_file_sharing(std::vector<Transcript>& all) {
    const auto netbios = [](const std::string& message) {
        return "\0"s + big_endian(message.size(), 3) + message;
    };
    const std::string smb1 = netbios("\xFFSMB\x72" + std::string(40, '\0') + "\2NT LM 0.12\0"s);
    const std::string smb2 = netbios("\xFESMB\x40\0"s + std::string(70, '\0'));
    all.push_back({"SMB 1",
                   tcp(139),
                   {client("\x81\0\0\x44\x20"s + std::string(32, 'C') + "\0\x20"s +
                           std::string(32, 'A') + "\0"s),
                    server("\x82\0\0\0"s), client(smb1), server(smb1)},
                   with_version(final_clear(Protocol::smb), "1")});
    all.push_back({"SMB 2 offered in an SMB 1 negotiation",
                   tcp(445),
                   {client(smb1), server(smb2), client(smb2)},
                   with_version(clear(Protocol::smb), "2+")});
    Verdict sealed_smb = with_version(final_clear(Protocol::smb), "2+");
    sealed_smb.encrypted = true;
    all.push_back({"SMB 3 encrypted",
                   tcp(445),
                   {client(smb2), server(smb2), client(netbios("\xFDSMB" + std::string(80, 'x')))},
                   sealed_smb});

    const auto call = [](std::uint32_t program, std::uint32_t flavor) {
        return "\x12\x34\x56\x78"s + big_endian(0, 4) + big_endian(2, 4) + big_endian(program, 4) +
               big_endian(4, 4) + big_endian(0, 4) + big_endian(flavor, 4) + big_endian(0, 4) +
               big_endian(0, 8);
    };
    const auto marked = [](const std::string& message) {
        return big_endian(0x80000000U | message.size(), 4) + message;
    };
    all.push_back(
        {"NFS", tcp(2049), {client(marked(call(100003, 1)))}, final_clear(Protocol::nfs)});
    all.push_back(
        {"NFS over UDP", udp(2049), {client(call(100003, 1))}, final_clear(Protocol::nfs)});
    all.push_back(
        {"NFS with TLS",
         tcp(2049),
         {client(marked(call(100003, 7))),
          server(marked("\x12\x34\x56\x78\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\x08STARTTLS\0\0\0\0"s)),
          client(hello_13()), server(answer_13())},
         upgraded(Protocol::nfs, true)});
    all.push_back({"rsync",
                   tcp(873),
                   {server("@RSYNCD: 31.0 sha512 sha256\n"), client("@RSYNCD: 31.0\n")},
                   final_clear(Protocol::rsync)});
    all.push_back({"TFTP read",
                   udp(69),
                   {client("\0\x01pxelinux.0\0octet\0tsize\0000\0"s)},
                   final_clear(Protocol::tftp)});
    all.push_back({"TFTP write",
                   udp(10069),
                   {client("\0\x02upload.txt\0NetASCII\0"s)},
                   final_clear(Protocol::tftp)});
}

void add_network_services(std::vector<Transcript>& all) {
    const std::string query =
        "\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x03www\x07"
        "example\x03org\0\0\x01\0\x01\0\0\x29\x04\xD0\0\0\0\0\0\0"s;
    all.push_back({"DNS", udp(53), {client(query)}, final_clear(Protocol::dns)});
    all.push_back({"DNS over TCP",
                   tcp(53),
                   {client(big_endian(query.size(), 2) + query)},
                   final_clear(Protocol::dns)});
    all.push_back(
        {"NTP from chrony",
         udp(123),
         {client("\x23\0\x06\x20"s + std::string(36, '\0') + "\xE9\x12\x34\x56\x78\x9A\xBC\xDE"s)},
         final_clear(Protocol::ntp)});
    all.push_back(
        {"NTP whose request was not seen",
         udp(123),
         {server("\x24\x02\x06\xE7\0\0\x03\xB0\0\0\x02\x10\x0A\0\0\x01"s + std::string(32, 't'))},
         final_clear(Protocol::ntp)});
    all.push_back(
        {"NTP",
         udp(123),
         {client("\x23\0\x06\xEC"s + std::string(36, '\0') + "\xE9\x12\x34\x56\x78\x9A\xBC\xDE")},
         final_clear(Protocol::ntp)});
    all.push_back({"syslog RFC 3164",
                   tcp(514),
                   {client("<34>Oct 11 22:14:15 host su: failed\n")},
                   final_clear(Protocol::syslog)});
    all.push_back({"syslog RFC 5424 by octet counting",
                   tcp(6514),
                   {client("60 <165>1 2026-11-22T15:00:00Z host app 1 ID47 - something to tell")},
                   final_clear(Protocol::syslog)});
    all.push_back({"syslog over UDP",
                   udp(514),
                   {client("<13>su: something")},
                   final_clear(Protocol::syslog)});
}

}  // namespace

std::string ber(std::uint8_t tag, std::string_view content) {
    std::string out(1, static_cast<char>(tag));
    if (content.size() < 128) {
        out += static_cast<char>(content.size());
    } else {
        out += "\x82" + big_endian(content.size(), 2);
    }
    return out + std::string(content);
}

std::string ldap_bind(std::string_view dn, std::string_view password) {
    return ber(0x30, ber(0x02, "\x01") +
                         ber(0x60, ber(0x02, "\x03") + ber(0x04, dn) + ber(0x80, password)));
}

std::string client_hello(const HelloOptions& options) {
    std::string extensions = name_extension();
    if (options.padding > 0) {
        extensions += extension(21, std::string(options.padding, '\0'));
    }
    if (!options.versions.empty()) {
        std::string list(1, static_cast<char>(options.versions.size() * 2));
        for (const std::uint16_t version : options.versions) {
            list += big_endian(version, 2);
        }
        extensions += extension(43, list);
    }
    std::string body = big_endian(options.legacy_version, 2) + std::string(32, 'r') + "\x20" +
                       std::string(32, 's') + "\0\x04\x13\x01\xC0\x2F\x01\0"s;
    if (options.legacy_version > 0x0300) {
        body += big_endian(extensions.size(), 2) + extensions;
    }
    const std::uint16_t record_version = options.legacy_version > 0x0300 ? 0x0301 : 0x0300;
    return record(22, record_version, handshake(1, body));
}

std::string server_hello(const HelloOptions& options) {
    std::string body =
        big_endian(options.legacy_version, 2) + std::string(32, 'R') + "\0\x13\x01\0"s;
    if (!options.versions.empty()) {
        const std::string chosen = extension(43, big_endian(options.versions.front(), 2));
        body += big_endian(chosen.size(), 2) + chosen;
    }
    return record(22, options.legacy_version, handshake(2, body));
}

std::string ssl2_client_hello(std::uint16_t version) {
    const std::string body = "\x01"s + big_endian(version, 2) + "\0\x06\0\0\0\x10"s +
                             "\x01\0\x80\x07\0\xC0"s + std::string(16, 'c');
    return big_endian(0x8000U | body.size(), 2) + body;
}

const std::vector<Transcript>& transcripts() {
    static const std::vector<Transcript> all = [] {
        std::vector<Transcript> list;
        add_tls_and_ssh(list);
        add_http(list);
        add_ftp_and_mail(list);
        add_remote_access(list);
        add_directories(list);
        add_databases(list);
        add_messaging(list);
        add_file_sharing(list);
        add_network_services(list);
        return list;
    }();
    return all;
}

}  // namespace assay::protocols::test
