# SPDX-License-Identifier: Apache-2.0
"""Who listens, who holds the socket, and whether anybody came."""
import os
import re
import socket

from framework.harness import Skipped, test
from framework.places import HOST
from framework.servers import Server
from framework.stage import SERVER_IP, Nginx, holder_pids
from framework.wait import wait_for
from scenarios.connections import free_port

UNUSED = "unused-listening-port"
SERVES = "insecure-server-protocol"


class Listener(Server):
    """The trigger program `listener`; .holders are the pids that it says hold the socket."""

    def __init__(self, stage, mode, ip, port, place=None):
        self.program = stage.trigger("listener")
        super().__init__([self.program, mode, ip, port], place=place or stage.server,
                         keep_stdin=True, leaves_child=mode == "orphan",
                         log=stage.log(f"listener-{mode}-{port}"),
                         ready=lambda server: server._holders())

    def _holders(self):
        return [int(pid) for line in re.findall(r"^holders ([\d ]+)$", self.log(), re.M)
                for pid in line.split()]

    @property
    def holders(self):
        return sorted(self._holders())


def unused(stage, port, holders, connections=0, image=None):
    """Reported once, at the close, with everybody who holds it. Returns the last fact."""
    stage.findings.expect([UNUSED], port=port)
    finding, = stage.findings.of(UNUSED, port=port)
    assert len(finding.lines) == 1, f"{len(finding.lines)} lines about one idle listener"
    fact = stage.facts.last("listener", LocalPort=port, Open=True)
    assert holder_pids(fact["Owners"]) == sorted(holders), f"{fact['Owners']}, not {holders}"
    assert fact["Connections"] == connections and fact["ConnectionsWithData"] == 0, fact
    assert fact["ObservedEnough"] is True, fact
    for pid in holders:
        assert finding.mentions(f"[{pid}]"), f"the finding does not name holder {pid}"
    if image:
        assert fact["Image"] == image, fact
        assert all(owner.startswith(image + "[") for owner in fact["Owners"]), fact
    return fact


@test("acts")
def idle(stage):
    """An idle listener is reported once, at the close of the window and not before."""
    with Listener(stage, "plain", SERVER_IP, stage.port()) as listener:
        port = int(listener.command[-1])
        yield
        yield
    fact = unused(stage, port, listener.holders, image=listener.program)
    assert fact["Netns"] == stage.server.netns and fact["Netns"] != HOST.netns, fact
    first = stage.facts.all("listener", LocalPort=port)[0]
    assert first["origin"] == "snapshot", f"it listened before the window: {first}"
    told = stage.told_at(lambda record: record.get("finding_info", {}).get("analytic", {})
                         .get("name") == UNUSED)
    assert told and min(told) >= stage.window_closed_at, "told before the window closed"


@test("acts")
def chosen_by_the_kernel(stage):
    """A listener on a port that the kernel chose is told as closed, and is not reported."""
    yield
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
    yield
    last = stage.facts.last("listener", LocalPort=port, LocalIp="127.0.0.1")
    assert last["Open"] is False and last["ProcessId"] == os.getpid(), last
    assert not stage.findings.of(UNUSED, port=port)


@test("acts")
def used(stage):
    """A listener that was used is not reported as unused, and names its master and its worker."""
    stage.nginx()
    yield
    stage.client.run(["curl", "-sS", f"http://{SERVER_IP}:{Nginx.used}/"])
    yield
    stage.findings.expect(["insecure-client-general", SERVES], port=Nginx.used)
    fact = stage.facts.last("listener", LocalPort=Nginx.used)
    assert (fact["Connections"], fact["ConnectionsWithData"]) == (1, 1), fact
    assert fact["Scope"] == "any" and fact["Image"].endswith("/nginx"), fact
    assert len(holder_pids(fact["Owners"])) == 2, f"nginx has a master and a worker: {fact}"


@test("acts")
def probed_only(stage):
    """Bare handshakes are no use: the listener is reported as probed only."""
    port = stage.port()
    program = stage.trigger("accept")
    with Server([program, SERVER_IP, port], [port], place=stage.server) as server:
        yield
        for _ in range(4):
            stage.client.run([stage.trigger("connect"), SERVER_IP, port], text="")
        yield
    unused(stage, port, [server.pid], connections=4, image=program)
    finding, = stage.findings.of(UNUSED, port=port)
    assert finding.mentions("probed only"), finding.last


def handed_over(stage, mode):
    """Both stops of a test about one mode of the trigger program."""
    port = stage.port()
    with Listener(stage, mode, SERVER_IP, port) as listener:
        yield
        yield
    wanted = 1 if mode in ("orphan", "handover") else 2
    assert len(listener.holders) == wanted, f"the trigger names {listener.holders}"
    unused(stage, port, listener.holders, image=listener.program)


@test("acts")
def forked(stage):
    """A listener inherited over fork names both holders."""
    yield from handed_over(stage, "fork")


@test("acts")
def orphaned(stage):
    """A listener whose opener has ended names the child that still holds it."""
    yield from handed_over(stage, "orphan")


@test("acts")
def passed(stage):
    """A listener passed over SCM_RIGHTS names both holders."""
    yield from handed_over(stage, "pass")


@test("acts")
def handed_on(stage):
    """A listener passed over SCM_RIGHTS and closed by its opener names the receiver alone."""
    yield from handed_over(stage, "handover")


@test("acts")
def reuseport(stage):
    """Two SO_REUSEPORT sockets of two processes are one listener with two holders."""
    yield from handed_over(stage, "reuseport")


@test("acts")
def mptcp(stage):
    """An MPTCP listener is one TCP listener."""
    port = stage.port()
    try:
        with open("/proc/sys/net/mptcp/enabled", encoding="ascii") as enabled:
            if enabled.read().strip() != "1":
                raise Skipped("net.mptcp.enabled is 0")
    except FileNotFoundError:
        raise Skipped("this kernel has no MPTCP") from None
    with Listener(stage, "mptcp", SERVER_IP, port) as listener:
        yield
        yield
    fact = unused(stage, port, listener.holders, image=listener.program)
    assert fact["Protocol"] == "tcp", fact


@test("acts")
def dual_stack(stage):
    """A dual-stack wildcard is one listener."""
    port = stage.port()
    with Listener(stage, "plain", "::", port) as listener:
        yield
        yield
    fact = unused(stage, port, listener.holders, image=listener.program)
    assert fact["LocalIp"] == "::" and fact["Scope"] == "any", fact


@test("acts")
def socket_activated(stage):
    """A socket passed by systemd-socket-activate names all its holders, and that it was activated."""
    stage.needs("systemd-socket-activate")
    port = stage.port()
    served = stage.file("activated", "#!/bin/sh\nsleep 900 &\nwait\n", 0o755)
    with Server(["systemd-socket-activate", f"--listen={SERVER_IP}:{port}", served], [port],
                place=stage.server, log=stage.log("activate")) as server:
        yield
        # The first handshake starts the service, in the same process; nobody accepts.
        opener = Server([stage.trigger("connect"), SERVER_IP, port], place=stage.client,
                        keep_stdin=True, log=stage.log("activate-client"),
                        ready=lambda client: "connected" in client.log())
        with opener:
            holders = wait_for(lambda: activated_holders(server.pid), "the activated service")
            yield
    fact = unused(stage, port, holders, connections=1)
    assert fact["SocketActivated"] is True, fact
    assert fact["Image"] == os.path.realpath("/bin/sh"), fact


def activated_holders(pid):
    """The shell that was started, and its `sleep`, once both are there."""
    try:
        if os.readlink(f"/proc/{pid}/exe") != os.path.realpath("/bin/sh"):
            return None
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            pids = [int(child) for child in children.read().split()]
        sleeping = [child for child in pids
                    if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "sleep"]
        return [pid, *sleeping] if sleeping else None
    except (FileNotFoundError, ProcessLookupError):
        return None


@test("acts")
def young(stage):
    """A listener that opened within the window is too young to be called unused."""
    port = stage.port()
    listener = Listener(stage, "plain", SERVER_IP, port)
    try:
        yield
        listener.__enter__()
        yield
    finally:
        listener.stop()
    stage.findings.expect([], port=port)
    fact = stage.facts.last("listener", LocalPort=port)
    assert fact["origin"] == "runtime" and fact["ObservedEnough"] is False, fact
    assert holder_pids(fact["Owners"]) == listener.holders, fact


@test("acts")
def closed(stage):
    """A listener that was closed within the window is not judged, and its fact says closed."""
    port = stage.port()
    with Listener(stage, "brief", SERVER_IP, port) as listener:
        yield
        listener.process.stdin.write(b"x")
        listener.process.stdin.flush()
        wait_for(lambda: "closed" in listener.log(), "the listener to close its socket")
        yield
    stage.findings.expect([], port=port)
    assert stage.facts.last("listener", LocalPort=port)["Open"] is False


@test("acts")
def loopback_idle(stage):
    """With --include-loopback an idle listener on loopback is reported."""
    port = free_port()
    with Listener(stage, "plain", "127.0.0.1", port, place=HOST) as listener:
        yield
        yield
    fact = unused(stage, port, listener.holders, image=listener.program)
    assert fact["Scope"] == "loopback" and fact["Netns"] == HOST.netns, fact


@test("default")
def loopback_idle_left_out(stage):
    """Without --include-loopback an idle listener on loopback is not reported, one beside it is."""
    left_out, reported = free_port(), stage.port()
    with Listener(stage, "plain", "127.0.0.1", left_out, place=HOST), \
            Listener(stage, "plain", SERVER_IP, reported):
        yield
        yield
    stage.findings.expect([], port=left_out)
    stage.findings.expect([UNUSED], port=reported)
