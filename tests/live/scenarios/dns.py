# SPDX-License-Identifier: Apache-2.0
"""DestinationHostname: real resolvers ask a DNS server of ours, and connect to what it answers."""
import contextlib
import json
import os
import subprocess
import sys

from framework.assay import Assay, Facts, Findings
from framework.harness import Skipped, test
from framework.places import missing_program
from framework.servers import Server
from framework.stage import SERVER_IP, SERVER_IP6, TLS_IP, contains

PORT = 8053          # where names lead to
STRANGER = "198.18.77.40"  # where forged answers lead to
MORE = [f"198.18.77.{last}" for last in range(41, 48)]
TUNNEL = "198.18.77.48"

ZONE = {
    "plain.test": {"A": [MORE[0]]},
    "six.test": {"AAAA": [SERVER_IP6]},
    "www.alias.test": {"CNAME": "cdn.alias.test"},
    "cdn.alias.test": {"CNAME": "edge.provider.test"},
    "edge.provider.test": {"A": [MORE[1]]},
    "first.shared.test": {"A": [MORE[2]]},
    "second.shared.test": {"A": [MORE[2]]},
    "late.test": {"A": [MORE[3]]},
    "forged.test": {"A": [MORE[4]], "forged": STRANGER},
    "elsewhere.test": {"A": [MORE[4]], "elsewhere": STRANGER},
    "long.test": {"A": [MORE[5]], "truncated": True},
    "big.test": {"A": [MORE[6]], "pad": 700},
    "tunnel.us.ngrok.com": {"A": [TUNNEL]},  # what a rule of Sigma's looks for
}

# Anybody who connects gets a line and the end.
GREETER = """
import socket, sys, selectors
sockets = selectors.DefaultSelector()
for place in sys.argv[2:]:
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    sockets.register(socket.create_server((place, int(sys.argv[1])), family=family), 1)
while True:
    for key, _ in sockets.select():
        key.fileobj.accept()[0].close()
"""

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()"

# As musl asks: one socket for all servers, not connected. Connects to what it takes for the answer,
# and to an address that it was not answered with.
ASK_UNCONNECTED = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from framework import dns_server
server, name, port, *others = sys.argv[2:]
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(5)
asker.sendto(dns_server.query(name), (server, 53))
while asker.recvfrom(2048)[1][0] != server:
    print("an answer from elsewhere")
for other in others:
    socket.create_connection((other, int(port)), 5).close()
"""

STORM = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from framework import dns_server
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(5)
asker.connect((sys.argv[2], 53))
for number in range(int(sys.argv[3])):
    asker.send(dns_server.query(f"n{number}.storm.test", number=number & 0xFFFF))
    asker.recv(2048)
socket.create_connection((sys.argv[4], int(sys.argv[5])), 5).close()
print("done")
"""

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@contextlib.contextmanager
def names(stage):
    """The DNS server, in the other namespace, and where the names lead to."""
    for address in [STRANGER, TUNNEL, *MORE]:
        subprocess.run(["ip", "-n", stage.server.name, "addr", "replace", f"{address}/32", "dev",
                        "cable"], check=True)
    zone = stage.file("zone.json", json.dumps(ZONE))
    script = os.path.join(HERE, "framework", "dns_server.py")
    with Server([sys.executable, script, zone, TLS_IP, SERVER_IP, SERVER_IP6], [53],
                place=stage.server, log=stage.log("dns")), \
            Server([sys.executable, "-c", GREETER, PORT, SERVER_IP, SERVER_IP6, STRANGER, TUNNEL,
                    *MORE], [PORT], place=stage.server, log=stage.log("greeter")):
        yield


class Client:
    """Programs in the client's namespace, with a resolv.conf of their own."""

    def __init__(self, stage, server=SERVER_IP, name="resolv.conf"):
        self.place = stage.client
        self.replace = {
            os.path.realpath("/etc/resolv.conf"):
                stage.file(name, f"nameserver {server}\noptions timeout:3 attempts:1 edns0\n"),
            os.path.realpath("/etc/nsswitch.conf"):
                stage.file("nsswitch.conf", "passwd: files\nhosts: files dns\n")}

    def run(self, *arguments, check=True):
        done = subprocess.run(self.place.command(arguments, replace=self.replace), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments[0]} ended with {done.returncode}: {done.stdout[-400:]}")
        return done.stdout

    def connect(self, name, port=PORT):
        self.run(sys.executable, "-c", CONNECT, name, port)

    def curl(self, name):
        # The greeter hangs up without an answer.
        self.run("curl", "-s", "--max-time", "5", f"http://{name}:{PORT}/", check=False)


@contextlib.contextmanager
def watched(stage):
    """What assay tells of the connections within the block: fills the list of facts at its end."""
    told = Facts([])
    with Assay(stage.binary, ["facts", "--kind", "network_connection,coverage"]) as assay:
        yield told
        status = assay.end()
        if status != 0:
            raise AssertionError(f"assay facts ended with {status}: {assay.stderr[-400:]}")
        told.records = assay.records()
    for fact in told.all("coverage"):
        assert not fact.get("Lost"), fact


def under(told, address, port=PORT):
    """The names that connections to an address were told under, in order, each once."""
    facts = told.all("network_connection", Initiated=True, DestinationIp=address,
                     DestinationPort=port)
    assert facts, f"no connection to {address}"
    return list(dict.fromkeys(fact.get("DestinationHostname") for fact in facts))


def expect(told, address, *expected):
    seen = under(told, address)
    assert seen == list(expected), f"{address}: expected {list(expected)}, got {seen}"


@test()
def asked_names(stage):
    """Connections of curl and of Python carry the name that was asked for: IPv4, IPv6, through aliases, over TCP, in a big answer."""
    if missing_program("curl"):
        raise Skipped("curl is not installed (see PACKAGES)")
    client = Client(stage)
    with names(stage), watched(stage) as told:
        client.curl("Plain.TEST")
        client.connect("six.test")
        client.connect("www.alias.test")
        client.connect("long.test")
        client.connect("big.test")
        client.connect(STRANGER)  # by number
    expect(told, MORE[0], "plain.test")
    expect(told, SERVER_IP6, "six.test")
    expect(told, MORE[1], "www.alias.test")
    expect(told, MORE[5], "long.test")
    expect(told, MORE[6], "big.test")
    expect(told, STRANGER, None)
    for fact in told.all("network_connection", Initiated=False):
        assert "DestinationHostname" not in fact, fact


@test()
def asked_over_ipv6(stage):
    """A DNS server that is asked over IPv6 is heard too."""
    client = Client(stage, SERVER_IP6, "resolv6.conf")
    with names(stage), watched(stage) as told:
        client.connect("plain.test")
    expect(told, MORE[0], "plain.test")


@test()
def two_names(stage):
    """Two names of one address: each connection is told under its own, at once or within two seconds."""
    client = Client(stage)
    with names(stage), watched(stage) as told:
        client.connect("first.shared.test")
        client.connect("second.shared.test")
    expect(told, MORE[2], "first.shared.test", "second.shared.test")


@test()
def answer_after_connect(stage):
    """An answer that comes after the connection does not name it."""
    client = Client(stage)
    with names(stage), watched(stage) as told:
        client.connect(MORE[3])
        contains(client.run("getent", "ahostsv4", "late.test"), MORE[3])
    expect(told, MORE[3], None)


@test()
def forged_answers(stage):
    """An answer with a wrong number, or from another address, names nothing; the right one does."""
    client = Client(stage)
    with names(stage), watched(stage) as told:
        client.connect("forged.test")
        client.connect(STRANGER)
        printed = client.run(sys.executable, "-c", ASK_UNCONNECTED, HERE, SERVER_IP,
                             "elsewhere.test", PORT, STRANGER, MORE[4])
        contains(printed, "an answer from elsewhere")
    expect(told, STRANGER, None)
    expect(told, MORE[4], "forged.test", "elsewhere.test")


@test()
def local_resolver(stage):
    """A resolver on loopback, as systemd-resolved and dnsmasq are, is heard."""
    client = Client(stage, "127.0.0.53", "resolv-local.conf")
    zone = stage.file("zone-local.json", json.dumps(ZONE))
    script = os.path.join(HERE, "framework", "dns_server.py")
    with names(stage), \
            Server([sys.executable, script, zone, "-", "127.0.0.53"], [53], place=stage.client,
                   log=stage.log("dns-local")), \
            watched(stage) as told:
        client.connect("plain.test")
    expect(told, MORE[0], "plain.test")


@test()
def storm_of_answers(stage):
    """10,000 names in a row: nothing is lost, memory stays bounded, and the next name is known."""
    client = Client(stage)
    with names(stage):
        with Assay(stage.binary, ["facts", "--kind", "network_connection,coverage"]) as assay:
            contains(client.run(sys.executable, "-c", STORM, HERE, SERVER_IP, 10000, MORE[0], PORT),
                     "done")
            client.connect("plain.test")
            with open(f"/proc/{assay.pid}/status", encoding="ascii", errors="replace") as status:
                resident = next(int(line.split()[1]) for line in status
                                if line.startswith("VmRSS:"))
            assert assay.end() == 0, assay.stderr[-400:]
            told = Facts(assay.records())
    for fact in told.all("coverage"):
        assert not fact.get("Lost"), fact
    assert under(told, MORE[0])[-1] == "plain.test", under(told, MORE[0])
    assert resident <= 64 * 1024, f"{resident} KiB are resident"


RULE = """
title: Connection to a name below example.test
id: 4d1f4b86-6b5c-4d0e-9d0a-8f30c1f30d02
status: test
level: medium
logsource: {product: linux, category: network_connection}
detection:
  selection:
    Initiated: 'true'
    DestinationHostname|endswith: '.shared.test'
  other:
    DestinationHostname: 'edge.provider.test'
  condition: selection or other
"""


@test()
def rule_on_a_name(stage):
    """A Sigma rule on DestinationHostname fires for the second name of an address, and for no other."""
    rules = stage.folder("name-rules")
    stage.file("name-rules/shared-name.yml", RULE)
    client = Client(stage)
    with names(stage), Assay(stage.binary, ["run", "--rules", rules, "--package",
                                            "runtime-behavior", "--format", "jsonl", "--duration",
                                            "5m"]) as assay:
        client.connect("plain.test")
        client.connect("www.alias.test")
        client.connect(MORE[2])
        client.connect("second.shared.test")
        assert assay.end() == 0, assay.stderr[-400:]
        findings = Findings(assay.records())
    found = findings.of("shared-name")
    assert len(found) == 1, found
    assert found[0].subject["DestinationIp"] == MORE[2], found
    assert found[0].mentions("second.shared.test"), found[0].last
