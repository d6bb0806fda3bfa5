# SPDX-License-Identifier: Apache-2.0
"""Connections, whatever the way in, field by field."""
import socket
import sys

from framework.harness import Skipped, test
from framework.places import HOST
from framework.servers import Server
from framework.stage import CLIENT_IP, SERVER_IP, Nginx, contains

LOGIN, GENERAL = "insecure-client-login", "insecure-client-general"
SERVES = "insecure-server-protocol"

UDP_SINK = """
import socket, sys
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind((sys.argv[1], int(sys.argv[2])))
while True:
    sink.recv(4096)
"""


def free_port(ip="127.0.0.1"):
    """A TCP port of the host that nobody has now."""
    with socket.create_server((ip, 0)) as probe:
        return probe.getsockname()[1]


def host_nginx(stage, name):
    """(server, port): an nginx of the host itself, on loopback."""
    stage.needs("nginx")
    port = free_port()
    folder = stage.folder(name)
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    configuration = stage.file(f"{name}/nginx.conf", f"""
        daemon off; worker_processes 1; user www-data; pid {folder}/pid; error_log stderr warn;
        events {{ worker_connections 64; }}
        http {{ access_log off; {temporary}
                server {{ listen 127.0.0.1:{port};
                          location / {{ return 200 "plain\\n"; }} }} }}""")
    return Server(["/usr/sbin/nginx", "-e", "stderr", "-c", configuration], [port],
                  own_run=True, log=stage.log(name)), port


REQUEST = "GET / HTTP/1.0\r\n\r\n"


@test("acts")
def uring(stage):
    """A connect and a send through io_uring are seen, and belong to the program that asked."""
    stage.nginx()
    program = stage.trigger("uring_connect")
    yield
    done = stage.client.run([program, SERVER_IP, Nginx.uring], check=False)
    if done.returncode == 4:
        raise Skipped("this kernel has no io_uring, or it is switched off")
    contains(done.stdout, "answered")
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.uring)
    assert fact["Image"] == program, fact
    assert (fact["Count"], fact["Attempts"]) == (1, 1), fact
    stage.findings.expect([GENERAL, SERVES], port=Nginx.uring)


@test("acts")
def static_program(stage):
    """A static program's connect is seen, with every field, in its network namespace."""
    stage.nginx()
    program = stage.trigger("connect")
    yield
    contains(stage.client.run([program, SERVER_IP, Nginx.static], text=REQUEST).stdout, "plain")
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.static)
    expected = {"Image": program, "User": "root", "Uid": 0, "Protocol": "tcp",
                "SourceIp": CLIENT_IP, "DestinationIp": SERVER_IP, "ApplicationProtocol": "http",
                "ProtocolEvidence": "payload", "Encrypted": False, "Count": 1, "Attempts": 1,
                "Attribution": "connect", "Netns": stage.client.netns, "origin": "runtime"}
    wrong = {name: (fact.get(name), value) for name, value in expected.items()
             if fact.get(name) != value}
    assert not wrong, f"(seen, expected): {wrong} in {fact}"
    assert fact["SourcePort"] > 1023 and fact["ProcessId"] > 0, fact
    stage.findings.expect([GENERAL, SERVES], port=Nginx.static)


@test("acts")
def served_by_owner(stage):
    """The server's side of a connection belongs to the listener's owner, never to the client."""
    stage.nginx()
    yield
    stage.client.run([stage.trigger("connect"), SERVER_IP, Nginx.served], text=REQUEST)
    yield
    served = stage.facts.all("network_connection", Initiated=False, DestinationPort=Nginx.served)
    assert served, "no fact of the server's side"
    for fact in served:
        assert fact["Image"].endswith("/nginx"), fact
        assert fact["Attribution"] in ("accept", "listener"), fact
        assert fact["SourceIp"] == CLIENT_IP and fact["Netns"] == stage.server.netns, fact


@test("acts")
def mapped(stage):
    """An IPv4-mapped IPv6 connect is told as IPv4."""
    stage.nginx()
    yield
    contains(stage.client.run([stage.trigger("connect"), f"::ffff:{SERVER_IP}", Nginx.mapped],
                              text=REQUEST).stdout, "plain")
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.mapped)
    assert (fact["SourceIp"], fact["DestinationIp"]) == (CLIENT_IP, SERVER_IP), fact
    stage.findings.expect([GENERAL, SERVES], port=Nginx.mapped)


@test("acts")
def refused(stage):
    """A refused connect is an attempt and no connection, and no finding."""
    port = stage.port()
    program = stage.trigger("connect_dynamic")
    yield
    for _ in range(3):
        done = stage.client.run([program, SERVER_IP, port], check=False)
        assert done.returncode == 3, f"not refused: {done}"
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=port)
    assert (fact["Count"], fact["Attempts"]) == (0, 3), fact
    assert fact["Image"] == program, fact
    stage.findings.expect([], port=port)


@test("acts")
def another_user(stage):
    """A connect of an unprivileged user is told with that user."""
    stage.nginx()
    program = stage.trigger("connect_dynamic")
    yield
    stage.client.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", program,
                      SERVER_IP, Nginx.tls_user], text="")
    yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.tls_user,
                            Image=program)
    assert fact["User"] == "nobody", fact


def udp_sink(stage, port):
    return Server([sys.executable, "-c", UDP_SINK, SERVER_IP, port], udp_ports=[port],
                  place=stage.server, log=stage.log(f"sink-{port}"))


@test("acts")
def udp(stage):
    """Datagrams are seen from connected and from unconnected sockets; a flow counts once."""
    program = stage.trigger("datagram")
    ports = {"connected": stage.port(), "unconnected": stage.port()}
    with udp_sink(stage, ports["connected"]), udp_sink(stage, ports["unconnected"]):
        yield
        for way, port in ports.items():
            stage.client.run([program, way, SERVER_IP, port, 5])
        yield
    for way, port in ports.items():
        fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=port)
        assert (fact["Image"], fact["Protocol"], fact["DestinationIp"]) == \
            (program, "udp", SERVER_IP), f"{way}: {fact}"
        assert fact["Count"] == 1, f"{way}: {fact}"
        assert fact["Netns"] == stage.client.netns, f"{way}: {fact}"
        listener = stage.facts.last("listener", Protocol="udp", LocalPort=port)
        assert listener["Connections"] == 1, f"{way}: {listener}"
        assert "python" in listener["Image"], f"{way}: {listener}"
        stage.findings.expect([], port=port)


@test("acts")
def older_than_window(stage):
    """A connection that is older than the window is told as such, and is use of its listener."""
    stage.nginx()
    program = stage.trigger("connect_dynamic")
    held = Server([program, SERVER_IP, Nginx.held], place=stage.client, keep_stdin=True,
                  log=stage.log("held"), ready=lambda server: "connected" in server.log())
    with held:
        pid = held.pid
        yield
        yield
    fact = stage.facts.last("network_connection", Initiated=True, DestinationPort=Nginx.held)
    assert fact["origin"] == "snapshot", fact
    assert (fact["Image"], fact["ProcessId"], fact["Attribution"]) == (program, pid, "socket"), fact
    assert not stage.findings.of("unused-listening-port", port=Nginx.held)


@test("acts")
def loopback_included(stage):
    """With --include-loopback plain HTTP over the host's own loopback is found."""
    server, port = host_nginx(stage, "host-nginx")
    with server:
        yield
        contains(HOST.run(["curl", "-sS", f"http://127.0.0.1:{port}/"]).stdout, "plain")
        yield
    stage.findings.expect([GENERAL, SERVES], port=port)
    client = stage.facts.last("network_connection", Initiated=True, DestinationPort=port)
    served = stage.facts.last("network_connection", Initiated=False, DestinationPort=port)
    assert client["Image"].endswith("/curl") and client["Netns"] == HOST.netns, client
    assert served["Image"].endswith("/nginx"), served
    assert stage.facts.last("listener", LocalPort=port)["Scope"] == "loopback"


@test("default")
def loopback_left_out(stage):
    """Without --include-loopback plain HTTP over loopback is no finding; the summary counts it."""
    server, port = host_nginx(stage, "host-nginx")
    with server:
        yield
        contains(HOST.run(["curl", "-sS", f"http://127.0.0.1:{port}/"]).stdout, "plain")
        yield
    stage.findings.expect([], port=port)
    summary = stage.findings.summary
    assert summary["include_loopback"] is False, summary
    assert summary["loopback_left_out"] >= 1, summary


@test("default")
def namespace_is_judged(stage):
    """Without --include-loopback traffic between network namespaces is judged."""
    stage.nginx()
    yield
    answer = stage.client.run(["curl", "-sS", f"http://{SERVER_IP}:{Nginx.plain}/"])
    contains(answer.stdout, "plain")
    yield
    stage.findings.expect([GENERAL, SERVES], port=Nginx.plain)
