# SPDX-License-Identifier: Apache-2.0
"""Real clients against real servers: who speaks in the clear, and who does not."""
import base64
import os
import subprocess
import sys

from framework.harness import test
from framework.servers import Server
from framework.stage import CLIENT_IP, SERVER_IP, SERVER_IP6, TLS_IP, Nginx, contains
from framework.terminal import converse

LOGIN, GENERAL = "insecure-client-login", "insecure-client-general"
SERVES, UNUSED = "insecure-server-protocol", "unused-listening-port"

# A PAM stack that lets everybody in. Only the servers of these tests see it.
PERMIT = "".join(f"{part} sufficient pam_permit.so\n" for part in ("auth", "account", "session"))
HOSTS = f"127.0.0.1 localhost\n{SERVER_IP} server.test\n{CLIENT_IP} client.test\n"
LOGIN_PROGRAM = """#!/bin/sh
printf 'login: '; read -r name
printf 'password: '; stty -echo; read -r password; stty echo
printf 'welcome %s\\n' "$name"; read -r command
"""


def clear(stage, port, client_rule, protocol, client, credentials, server=True):
    """A clear-text protocol was found on both sides, with a payload as the evidence."""
    stage.findings.expect([client_rule] + ([SERVES] if server else []), port=port)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=port,
                            ApplicationProtocol=protocol,
                            CleartextCredentials=lambda value: bool(value) == credentials)
    assert fact["Image"].endswith(client), f"client Image {fact['Image']}, not {client}"
    assert fact["ProtocolEvidence"] == "payload", fact
    assert fact.get("Encrypted") is False, fact
    assert fact["DestinationIp"] == SERVER_IP, fact
    assert fact["Netns"] == stage.client.netns, fact
    listener = stage.facts.last("listener", LocalPort=port, Netns=stage.server.netns,
                                ConnectionsWithData=lambda count: (count or 0) > 0)
    assert listener["ApplicationProtocol"] == protocol, listener
    assert listener["ProtocolEvidence"] == "payload", listener
    return fact


def inetd(stage, service, port, command, replace=None):
    """One service of a real inetd."""
    stage.needs("/usr/sbin/inetd", command.split()[0])
    configuration = stage.file(f"{service}/inetd.conf",
                               f"{SERVER_IP}:{service} stream tcp nowait root {command}\n")
    files = {"/etc/hosts": stage.file(f"{service}/hosts", HOSTS)}
    files.update(replace or {})
    return Server(["/usr/sbin/inetd", "-d", configuration], [port], place=stage.server,
                  own_run=True, replace=files, log=stage.log(service))


@test("acts")
def telnet(stage):
    """inetutils-telnet to telnetd is a login in the clear, and telnetd serves an insecure protocol."""
    stage.needs("inetutils-telnet")
    program = stage.file("telnet/login", LOGIN_PROGRAM, 0o755)
    with inetd(stage, "telnet", 23, f"/usr/sbin/telnetd telnetd -h -E {program}"):
        yield
        screen = converse(stage.client.command(["inetutils-telnet", SERVER_IP]),
                          [("login:", "joe\n"), ("assword:", stage.secret + "\n"),
                           ("welcome joe", "bye\n")])
        contains(screen, "welcome joe")
        yield
    stage.findings.expect([LOGIN, SERVES], port=23, ip=SERVER_IP)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=23,
                            DestinationIp=SERVER_IP)
    assert fact["ApplicationProtocol"] == "telnet" and fact["ProtocolEvidence"] == "payload", fact
    assert fact["Image"].endswith("/inetutils-telnet"), fact
    served = stage.facts.last("listener", LocalPort=23, LocalIp=SERVER_IP)
    assert served["ApplicationProtocol"] == "telnet", served


@test("acts")
def rsh(stage):
    """rsh to in.rshd is a login in the clear, and its second connection (stderr) is no finding."""
    stage.needs("rsh-redone-rsh")
    permit = stage.file("shell/permit", PERMIT)
    with inetd(stage, "shell", 514, "/usr/sbin/in.rshd in.rshd", {"/etc/pam.d/rsh": permit}):
        yield
        answer = stage.client.run(["rsh-redone-rsh", SERVER_IP, "echo over-$((40+2))"])
        contains(answer.stdout, "over-42")
        yield
    clear(stage, 514, LOGIN, "rsh", "rsh", credentials=False)
    backwards = [finding for finding in stage.findings.of(LOGIN) + stage.findings.of(GENERAL)
                 if finding.ip == CLIENT_IP]
    assert not backwards, f"findings about the connection that rshd made back: {backwards}"


@test("acts")
def rlogin(stage):
    """rlogin to in.rlogind is a login in the clear."""
    stage.needs("rsh-redone-rlogin")
    permit = stage.file("login/permit", PERMIT)
    with inetd(stage, "login", 513, "/usr/sbin/in.rlogind in.rlogind",
               {"/etc/pam.d/rlogin": permit}):
        yield
        converse(stage.client.command(["rsh-redone-rlogin", SERVER_IP]),
                 [("#", "unset HISTFILE; echo over-$((40+2))\n"), ("over-42", "exit\n")])
        yield
    clear(stage, 513, LOGIN, "rlogin", "rlogin", credentials=False)


@test("acts")
def ftp(stage):
    """An ftp client that logs in to vsftpd sends a password in the clear; the server offers no TLS."""
    stage.needs("inetutils-ftp", "/usr/sbin/vsftpd")
    permit = stage.file("ftp/permit", PERMIT)
    files = stage.folder("ftp/files")
    configuration = stage.file("ftp/vsftpd.conf", f"""listen=YES
listen_ipv6=NO
background=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username=bin
local_root={files}
secure_chroot_dir={stage.folder("ftp/empty")}
pam_service_name=vsftpd
xferlog_enable=NO
""")
    with Server(["/usr/sbin/vsftpd", configuration], [21], place=stage.server, own_run=True,
                replace={"/etc/pam.d/vsftpd": permit}, log=stage.log("ftp")):
        yield
        answer = stage.client.run(["inetutils-ftp", "-n", "-v", SERVER_IP],
                                  text=f"user joe {stage.secret}\npwd\nquit\n")
        contains(answer.stdout, "230 Login successful")
        yield
    clear(stage, 21, LOGIN, "ftp", "/inetutils-ftp", credentials=True)
    assert stage.facts.last("listener", LocalPort=21)["CleartextCredentials"] is True


def curl(stage, port, *options, scheme="http", ip=SERVER_IP, path="/", wants="plain"):
    answer = stage.client.run(["curl", "-sSk", "--max-time", "10", *options,
                               f"{scheme}://{ip}:{port}{path}"])
    contains(answer.stdout, wants)


@test("acts")
def http_general(stage):
    """Plain curl to nginx is clear text, but no login."""
    stage.nginx()
    yield
    curl(stage, Nginx.plain)
    yield
    fact = clear(stage, Nginx.plain, GENERAL, "http", "/curl", credentials=False)
    assert (fact["Count"], fact["Attempts"]) == (1, 1), fact
    assert fact["Attribution"] == "connect", fact
    assert fact["User"] == "root" and fact["Uid"] == 0, fact


@test("acts")
def http_login(stage):
    """curl -u over plain HTTP to nginx is a login, and not a general finding besides."""
    stage.nginx()
    yield
    curl(stage, Nginx.login, "-u", f"joe:{stage.secret}", wants="private")
    yield
    clear(stage, Nginx.login, LOGIN, "http", "/curl", credentials=True)


@test("acts")
def http_login_kept_alive(stage):
    """One request with a password among 500 on one connection is a login."""
    stage.nginx()
    requests = stage.file("kept_alive.py", f"""
import base64, http.client, sys
connection = http.client.HTTPConnection("{SERVER_IP}", {Nginx.kept_alive})
secret = base64.b64encode(sys.stdin.buffer.read()).decode()
for number in range(500):
    headers = {{"Authorization": "Basic " + secret}} if number == 350 else {{}}
    connection.request("GET", "/page/%d" % number, headers=headers)
    assert connection.getresponse().read() == b"plain\\n"
""")
    yield
    stage.client.run([sys.executable, requests], text=f"joe:{stage.secret}")
    yield
    assert stage.findings.of(LOGIN, port=Nginx.kept_alive), "the login was not found"
    facts = stage.facts.all("network_connection", Initiated=True, DestinationPort=Nginx.kept_alive)
    assert facts[-1]["Count"] == 1 and facts[-1]["CleartextCredentials"] is True, facts[-1]


@test("acts")
def http_login_in_url(stage):
    """A password in the URL is a login too."""
    stage.nginx()
    yield
    curl(stage, Nginx.url_login, ip=f"joe:{stage.secret}@{SERVER_IP}", wants="private")
    yield
    clear(stage, Nginx.url_login, LOGIN, "http", "/curl", credentials=True)


@test("acts")
def http_login_refused(stage):
    """A login that the server refused was in the clear all the same."""
    stage.nginx()
    yield
    curl(stage, Nginx.refused_login, "-u", f"nobody:{stage.secret}", wants="401")
    yield
    clear(stage, Nginx.refused_login, LOGIN, "http", "/curl", credentials=True)


@test("acts")
def http_deferred(stage):
    """nginx with `listen … deferred`: plain HTTP gets the verdict that it gets without."""
    stage.nginx()
    yield
    curl(stage, Nginx.deferred)
    yield
    clear(stage, Nginx.deferred, GENERAL, "http", "/curl", credentials=False)


@test("acts")
def http_deferred_login(stage):
    """nginx with `listen … deferred`: a login gets the verdict that it gets without."""
    stage.nginx()
    yield
    curl(stage, Nginx.deferred_login, "-u", f"joe:{stage.secret}", wants="private")
    yield
    clear(stage, Nginx.deferred_login, LOGIN, "http", "/curl", credentials=True)


def encrypted(stage, port, ip=SERVER_IP, client="/curl"):
    """TLS from the first byte: no finding on either side, and the facts say why."""
    stage.findings.expect([], port=port, **({"ip": ip} if ip == TLS_IP else {}))
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=port,
                            DestinationIp=ip)
    assert fact["ApplicationProtocol"] == "tls" and fact["Encrypted"] is True, fact
    assert fact["ProtocolEvidence"] == "payload", fact
    assert fact["TlsVersion"] == "TLS 1.3" and fact["TlsVersionOffered"] == "TLS 1.3", fact
    assert fact["Image"].endswith(client), fact
    assert not fact.get("CleartextCredentials"), fact
    listeners = stage.facts.all("listener", LocalPort=port, Netns=stage.server.netns,
                                LocalIp=lambda local: local in (ip, "0.0.0.0", "::"))
    assert listeners, f"no listener fact for port {port}"
    assert listeners[-1]["ApplicationProtocol"] == "tls", listeners[-1]
    assert listeners[-1]["Encrypted"] is True, listeners[-1]


@test("acts")
def https(stage):
    """HTTPS to nginx is no finding, not even with a password inside."""
    stage.nginx()
    yield
    curl(stage, Nginx.tls, scheme="https", wants="tls")
    curl(stage, Nginx.tls_login, "-u", f"joe:{stage.secret}", scheme="https", wants="tls")
    yield
    encrypted(stage, Nginx.tls)
    encrypted(stage, Nginx.tls_login)


@test("acts")
def https_deferred(stage):
    """nginx with `listen … deferred`: HTTPS is no finding."""
    stage.nginx()
    yield
    curl(stage, Nginx.tls_deferred, scheme="https", wants="tls")
    yield
    encrypted(stage, Nginx.tls_deferred)


@test("acts")
def tls_12(stage):
    """A client that offers TLS 1.2 at most: the fact tells the version offered and the one chosen."""
    stage.nginx()
    yield
    curl(stage, Nginx.tls_12, "--tls-max", "1.2", scheme="https",
         wants="tls")
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.tls_12,
                            TlsVersion="TLS 1.2")
    assert fact["TlsVersionOffered"] == "TLS 1.2" and fact["Encrypted"] is True, fact


@test("acts")
def http_on_tls_port(stage):
    """HTTP on port 8443 is found: the payload decides, not the number."""
    stage.nginx()
    yield
    curl(stage, Nginx.odd)
    yield
    clear(stage, Nginx.odd, GENERAL, "http", "/curl", credentials=False)


@test("acts")
def tls_on_telnet_port(stage):
    """TLS on port 23 is no finding: the payload decides, not the number."""
    stage.nginx()
    yield
    curl(stage, Nginx.tls_on_23, scheme="https", ip=TLS_IP, wants="tls")
    yield
    encrypted(stage, Nginx.tls_on_23, TLS_IP)


@test("acts")
def http_ipv6(stage):
    """Plain HTTP over IPv6 is found, under the IPv6 address."""
    stage.nginx()
    yield
    curl(stage, Nginx.ipv6, ip=f"[{SERVER_IP6}]")
    yield
    stage.findings.expect([GENERAL, SERVES], port=Nginx.ipv6)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.ipv6)
    assert fact["DestinationIp"] == SERVER_IP6, fact


@test("acts")
def http_many_one_login(stage):
    """One request with a password among 500 plain ones to the same endpoint is a login."""
    stage.nginx()
    header = base64.b64encode(f"joe:{stage.secret}".encode()).decode()
    yield
    answer = stage.client.run([stage.trigger("http"), SERVER_IP, str(Nginx.many), "501", "250"],
                              text=f"Authorization: Basic {header}\n", seconds=30)
    contains(answer.stdout, "501")
    yield
    stage.findings.expect([LOGIN, GENERAL, SERVES], port=Nginx.many)
    login, = stage.findings.of(LOGIN, port=Nginx.many)
    assert login.mentions("trigger_http"), login
    facts = stage.facts.streams(Initiated=True, DestinationPort=Nginx.many)
    with_login = [fact for fact in facts if fact.get("CleartextCredentials")]
    assert [fact["Count"] for fact in with_login] == [1], with_login
    told = stage.facts.all("network_connection", Initiated=True, DestinationPort=Nginx.many)
    assert len(told) <= 12, f"{len(told)} records for 501 equal connections"
    assert max(fact["Count"] for fact in facts if not fact.get("CleartextCredentials")) == 500, facts


class Mail:
    """exim, with a spool of its own; it queues what it gets and delivers nothing."""

    def __init__(self, stage, port):
        stage.needs("/usr/sbin/exim4", "swaks")
        certificate, key = stage.certificate()
        spool = stage.folder(f"mail-{port}")
        configuration = stage.file(f"mail-{port}/exim.conf", f"""primary_hostname = server.test
disable_ipv6 = true
spool_directory = {spool}
log_file_path = {spool}/log-%s
pid_file_path = {spool}/pid
exim_user = root
never_users =
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
queue_only = true
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = everything
acl_smtp_data = everything
acl_smtp_auth = everything
daemon_smtp_ports = {port}
begin acl
everything:
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = true
  server_set_id = $auth2
""")
        self.stage, self.port = stage, port
        self.server = Server(["/usr/sbin/exim4", "-C", configuration, "-bdf"], [port],
                             place=stage.server, own_run=True, log=stage.log(f"mail-{port}"),
                             replace={"/etc/hosts": stage.file("mail-hosts", HOSTS)})

    def send(self, *options, password=False):
        environment = dict(os.environ)
        if password:
            environment["SWAKS_OPT_auth_password"] = self.stage.secret
        answer = self.stage.client.run(
            ["swaks", "--server", f"{SERVER_IP}:{self.port}", "--from", "a@client.test", "--to",
             "b@server.test", "--helo", "client.test", "--hide-all", *options],
            env=environment, check=False)
        assert answer.returncode == 0, f"swaks ended with {answer.returncode}: {answer.stdout}"


@test("acts")
def smtp_starttls(stage):
    """SMTP with STARTTLS, and a password inside, is no finding of the client."""
    mail = Mail(stage, 2525)
    with mail.server:
        yield
        mail.send("-tls", "-a", "PLAIN", "-au", "joe", password=True)
        stage.client.run(["openssl", "s_client", "-starttls", "smtp", "-quiet", "-connect",
                          f"{SERVER_IP}:2525"], text="QUIT\r\n")
        yield
    assert not stage.findings.of(LOGIN, port=2525) and not stage.findings.of(GENERAL, port=2525), \
        stage.findings.of(port=2525)
    for client in ("perl", "openssl"):
        fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=2525,
                                Image=lambda image, name=client: name in (image or ""))
        assert fact["ApplicationProtocol"] == "smtp" and fact["Encrypted"] is True, fact
        assert not fact.get("CleartextCredentials"), fact
    served = stage.facts.last("listener", LocalPort=2525)
    assert served["StartTlsOffered"] is True and served["StartTlsTaken"] is True, served


@test("acts")
def smtp_plain(stage):
    """SMTP without STARTTLS is clear text; the server is told to have offered STARTTLS."""
    mail = Mail(stage, 2526)
    with mail.server:
        yield
        mail.send()
        yield
    fact = clear(stage, 2526, GENERAL, "smtp", "perl", credentials=False)
    assert fact["Count"] == 1, fact
    served = stage.facts.last("listener", LocalPort=2526)
    assert served["StartTlsOffered"] is True and not served.get("StartTlsTaken"), served


@test("acts")
def smtp_login(stage):
    """SMTP AUTH PLAIN without STARTTLS is a login."""
    mail = Mail(stage, 2527)
    with mail.server:
        yield
        mail.send("-a", "PLAIN", "-au", "joe", password=True)
        yield
    clear(stage, 2527, LOGIN, "smtp", "perl", credentials=True)


def snmpd(stage, port):
    stage.needs("/usr/sbin/snmpd", "snmpget")
    directory = stage.folder(f"snmp-{port}")
    configuration = stage.file(f"snmp-{port}/snmpd.conf", f"""rocommunity watching
createUser watcher SHA authentication-words AES privacy-words
rouser watcher priv
agentaddress udp:{port}
""")
    return Server(["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", configuration, "-p",
                   f"{directory}/pid"], udp_ports=[port], place=stage.server, own_run=True,
                  log=stage.log(f"snmp-{port}"),
                  environment={"SNMP_PERSISTENT_DIR": directory, "MIBS": ""})


def snmpget(stage, port, *options):
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": stage.folder("snmp-client"), "MIBS": ""}
    answer = stage.client.run(["snmpget", *options, f"udp:{SERVER_IP}:{port}",
                               "1.3.6.1.2.1.1.3.0"], env=environment)
    contains(answer.stdout, "Timeticks")


@test("acts")
def snmp_v2c(stage):
    """snmpget v2c to snmpd is found, on both sides."""
    with snmpd(stage, 161):
        yield
        snmpget(stage, 161, "-v2c", "-c", "watching")
        yield
    stage.findings.expect([GENERAL, SERVES], port=161)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=161)
    assert (fact["ApplicationProtocol"], fact["ApplicationProtocolVersion"]) == ("snmp", "2c"), fact
    assert fact["Protocol"] == "udp" and fact["Image"].endswith("/snmpget"), fact
    assert stage.facts.last("listener", LocalPort=161)["Image"].endswith("/snmpd")


@test("acts")
def snmp_v3(stage):
    """snmpget v3 with privacy is no finding."""
    with snmpd(stage, 1161):
        yield
        snmpget(stage, 1161, "-v3", "-l", "authPriv", "-u", "watcher", "-a", "SHA", "-A",
                "authentication-words", "-x", "AES", "-X", "privacy-words")
        yield
    stage.findings.expect([], port=1161)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=1161)
    assert (fact["ApplicationProtocol"], fact["ApplicationProtocolVersion"]) == ("snmp", "3"), fact


@test("acts")
def tftp(stage):
    """A TFTP download is clear text of the client, though the answer comes from another port."""
    stage.needs("tftp", "/usr/sbin/in.tftpd")
    files = stage.folder("tftp")
    stage.file("tftp/hello", "hello over tftp\n")
    with Server(["/usr/sbin/in.tftpd", "-L", "-4", "--address", "0.0.0.0:69", "-s", files],
                udp_ports=[69], place=stage.server, own_run=True, log=stage.log("tftp")):
        yield
        got = os.path.join(stage.directory, "got-by-tftp")
        stage.client.run(["tftp", SERVER_IP, "-c", "get", "hello", got])
        with open(got, encoding="utf-8") as text:
            contains(text.read(), "hello over tftp")
        yield
    assert len(stage.findings.of(GENERAL, port=69)) == 1, stage.findings.of(port=69)
    assert not stage.findings.of(LOGIN, port=69), stage.findings.of(LOGIN, port=69)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=69)
    assert fact["ApplicationProtocol"] == "tftp" and fact["Protocol"] == "udp", fact
    assert fact["Image"].endswith("/tftp"), fact


class Redis(Server):
    """redis-server; its password comes on standard input, for no file and no argument to hold it."""

    def __init__(self, stage, port, password):
        stage.needs("redis-cli", "redis-server")
        super().__init__(["redis-server", "-"], [port], place=stage.server, own_run=True,
                         log=stage.log(f"redis-{port}"),
                         text=f"port {port}\nbind 0.0.0.0\nprotected-mode no\nsave \"\"\n"
                              f"dir {stage.folder(f'redis-{port}')}\n"
                              + (f"requirepass {password}\n" if password else ""))


@test("acts")
def redis_login(stage):
    """redis-cli -a to redis without TLS is a login."""
    with Redis(stage, 6379, stage.secret):
        yield
        answer = stage.client.run(["redis-cli", "-h", SERVER_IP, "-a", stage.secret, "ping"])
        contains(answer.stdout, "PONG")
        yield
    clear(stage, 6379, LOGIN, "redis", "/redis-cli", credentials=True)


@test("acts")
def redis_general(stage):
    """redis-cli without a password is clear text, but no login."""
    with Redis(stage, 6380, None):
        yield
        answer = stage.client.run(["redis-cli", "-h", SERVER_IP, "-p", "6380", "ping"])
        contains(answer.stdout, "PONG")
        yield
    clear(stage, 6380, GENERAL, "redis", "/redis-cli", credentials=False)


POSTGRES = "/usr/lib/postgresql/15/bin"


def as_postgres(*command):
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


class Postgres(Server):
    """A cluster of its own, where joe has the secret as his password."""

    def __init__(self, stage, port, method):
        stage.needs(f"{POSTGRES}/initdb", "psql")
        certificate, key = stage.certificate()
        home = stage.folder(f"postgres-{port}")
        subprocess.run(["chown", "postgres:postgres", home], check=True)
        for file in (certificate, key):
            subprocess.run(["install", "-o", "postgres", "-m", "600", file, home], check=True)
        password = stage.file(f"postgres-{port}/password", stage.secret + "\n")
        data = f"{home}/data"
        try:
            subprocess.run(as_postgres(f"{POSTGRES}/initdb", "-D", data, "-U", "joe", "-A",
                                       "scram-sha-256", "--pwfile", password, "--no-sync", "-E",
                                       "UTF8", "--locale=C"),
                           check=True, capture_output=True, cwd="/")
        finally:
            os.unlink(password)
        with open(f"{data}/pg_hba.conf", "w", encoding="ascii") as rules:
            rules.write(f"host all all 0.0.0.0/0 {method}\n")
        settings = {"listen_addresses": "0.0.0.0", "port": port, "unix_socket_directories": "",
                    "fsync": "off", "shared_buffers": "4MB", "ssl": "on",
                    "ssl_cert_file": f"{home}/cert.pem", "ssl_key_file": f"{home}/key.pem"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        super().__init__(as_postgres(f"{POSTGRES}/postgres", "-D", data, *options), [port],
                         place=stage.server, own_run=True, directory="/",
                         log=stage.log(f"postgres-{port}"),
                         ready=lambda server: "ready to accept connections" in server.log())


def psql(stage, port, mode):
    answer = stage.client.run(["psql", "-h", SERVER_IP, "-p", port, "-U", "joe", "-d", "postgres",
                               "-AtXc", "select 6*7"],
                              env={**os.environ, "PGSSLMODE": mode, "PGPASSWORD": stage.secret})
    contains(answer.stdout, "42")


@test("acts")
def postgres_scram(stage):
    """psql without TLS is clear text, but no login: SCRAM shows no password."""
    with Postgres(stage, 5432, "scram-sha-256"):
        yield
        psql(stage, 5432, "disable")
        yield
    clear(stage, 5432, GENERAL, "postgresql", "/psql", credentials=False)


@test("acts")
def postgres_password(stage):
    """psql without TLS to a server that wants the password itself is a login."""
    with Postgres(stage, 5433, "password"):
        yield
        psql(stage, 5433, "disable")
        yield
    clear(stage, 5433, LOGIN, "postgresql", "/psql", credentials=True)


@test("acts")
def postgres_tls(stage):
    """psql with TLS is no finding, though the connection began in the clear."""
    with Postgres(stage, 5434, "password"):
        yield
        psql(stage, 5434, "require")
        yield
    stage.findings.expect([], port=5434)
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=5434)
    assert fact["ApplicationProtocol"] in ("postgresql", "tls") and fact["Encrypted"] is True, fact
    assert not fact.get("CleartextCredentials"), fact
