# SPDX-License-Identifier: Apache-2.0
"""Real daemons in the foreground, with a configuration, ports and data of our own."""
import os
import signal
import subprocess

from framework.places import HOST
from framework.wait import TooLate, wait_for

TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"


def listening_ports(pid, protocol="tcp"):
    """Ports on which anybody listens in the network namespace of `pid`. Only read: a connection
    made to find out would be counted as use."""
    state = TCP_LISTEN if protocol == "tcp" else UDP_UNCONNECTED
    ports = set()
    for table in (protocol, protocol + "6"):
        try:
            with open(f"/proc/{pid}/net/{table}", encoding="ascii") as lines:
                next(lines)
                for line in lines:
                    columns = line.split()
                    if columns[3] == state:
                        ports.add(int(columns[1].rsplit(":", 1)[1], 16))
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            pass
    return ports


class Server:
    """A program that runs until the block ends. It is up once all its ports are listened on."""

    def __init__(self, arguments, ports=(), udp_ports=(), place=HOST, own_run=False, replace=None,
                 log=None, ready=None, environment=None, text=None, keep_stdin=False,
                 leaves_child=False, directory=None):
        self.name = os.path.basename(str(arguments[0]))
        self.command = place.command(arguments, own_run, replace)
        self.ports, self.udp_ports = set(ports), set(udp_ports)
        self.log_path = log
        self.ready = ready
        self.environment = environment
        self.text = text  # what it reads on standard input
        self.keep_stdin = keep_stdin  # standard input stays open until the end
        self.leaves_child = leaves_child  # it may end: what it started is the server then
        self.directory = directory
        self.process = None

    def __enter__(self):
        log = open(self.log_path, "ab") if self.log_path else None
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE if self.text or self.keep_stdin else subprocess.DEVNULL,
                stdout=log or subprocess.DEVNULL, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=self.directory,
                env={**os.environ, **self.environment} if self.environment else None)
        finally:
            if log:
                log.close()
        try:
            if self.text:
                self.process.stdin.write(self.text.encode())
                self.process.stdin.flush()
            if self.process.stdin and not self.keep_stdin:
                self.process.stdin.close()
            wait_for(self._is_up, f"{self.name} to listen on {sorted(self.ports | self.udp_ports)}")
        except BaseException as failure:
            self.stop()
            if isinstance(failure, TooLate):
                raise TooLate(f"{failure}\n{self.log()[-800:]}") from None
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _is_up(self):
        if self.process.poll() is not None and not (self.leaves_child
                                                    and self.process.returncode == 0):
            raise TooLate(f"{self.name} ended with {self.process.returncode} at its start")
        if self.ready:
            return self.ready(self)
        return (self.ports <= listening_ports(self.pid)
                and self.udp_ports <= listening_ports(self.pid, "udp"))

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        if not self.log_path:
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def stop(self):
        """Ends it and what it started: all of them are in the session that we made."""
        if self.process is None:
            return
        if self.process.stdin:
            self.process.stdin.close()
        for sign, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            for pid in session_members(self.pid):
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:
                    pass
            try:
                wait_for(lambda: self.process.poll() is not None
                         and not session_members(self.pid), f"the end of {self.name}", seconds)
                return
            except TooLate:
                continue
        raise TooLate(f"{self.name} does not end")


def session_members(session):
    """Living processes of a session that we made."""
    members = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                state, _, _, of_session = stat.read().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of_session) == session and state not in "ZX":
            members.append(int(entry))
    return sorted(members, reverse=True)
