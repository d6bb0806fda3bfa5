# SPDX-License-Identifier: Apache-2.0
"""Where the acts happen: a pair of network namespaces with a cable between them, and the host itself.

Nothing listens on a port of the host that a service could want: low ports are bound in a
namespace only. Servers get a /run and a /var/log of their own, so that pid files and records of
logins end with them.
"""
import contextlib
import os
import shutil
import subprocess

from framework.wait import TooLate

# An address block for benchmarks (RFC 2544): no host routes it.
SERVER_IP = "198.18.77.1"
CLIENT_IP = "198.18.77.2"
SERVER_IP_2 = "198.18.77.3"
SERVER_IP6 = "fd98:1877::1"
CLIENT_IP6 = "fd98:1877::2"


class Place:
    """Somewhere to run programs: the host, or a named network namespace."""

    def __init__(self, name=None):
        self.name = name

    @property
    def netns(self):
        """Inode of the network namespace: what facts call Netns."""
        path = f"/run/netns/{self.name}" if self.name else "/proc/self/ns/net"
        return os.stat(path).st_ino

    def command(self, arguments, own_run=False, replace=None):
        """The command line that becomes `arguments` (by exec, so the pid stays) in this place.

        own_run: with a /run and a /var/log of its own; replace: {host file: file seen instead}."""
        prefix = []
        if self.name:
            prefix += ["nsenter", f"--net=/run/netns/{self.name}", "--"]
        if own_run or replace:
            script = "set -e; "
            if own_run:
                script += "mount -t tmpfs -o mode=755 assay-live /run; mkdir -m 1777 /run/lock; "
                # Logins are written down there (wtmp, lastlog).
                script += "mount -t tmpfs -o mode=755 assay-live /var/log; "
            for path, instead in (replace or {}).items():
                script += f"mount --bind '{instead}' '{path}'; "
            prefix += ["unshare", "--mount", "--", "/bin/sh", "-c", script + 'exec "$@"', "sh"]
        return prefix + [str(argument) for argument in arguments]

    def run(self, arguments, seconds=15, text=None, check=True, **options):
        """Runs a client to its end; its output (both streams) comes back in .stdout."""
        try:
            done = subprocess.run(self.command(arguments), input=text, text=True, errors="replace",
                                  timeout=seconds, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  **({"stdin": subprocess.DEVNULL} if text is None else {}),
                                  **options)
        except subprocess.TimeoutExpired:
            raise TooLate(f"{arguments[0]} did not end within {seconds} s") from None
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments[0]} ended with {done.returncode}: "
                                 f"{done.stdout.strip()[-400:]}")
        return done


HOST = Place()


@contextlib.contextmanager
def cabled_pair():
    """(server, client): two namespaces that reach each other, gone when the block ends."""
    tag = f"assay-live-{os.getpid()}"
    server, client = Place(f"{tag}-s"), Place(f"{tag}-c")

    def ip(*arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    made = []
    try:
        for place in (server, client):
            ip("netns", "add", place.name)
            made.append(place.name)
            ip("-n", place.name, "link", "set", "lo", "up")
        ip("link", "add", "cable", "netns", server.name, "type", "veth",
           "peer", "name", "cable", "netns", client.name)
        for place, ip4, ip6 in ((server, SERVER_IP, SERVER_IP6), (client, CLIENT_IP, CLIENT_IP6)):
            ip("-n", place.name, "addr", "add", f"{ip4}/24", "dev", "cable")
            ip("-n", place.name, "addr", "add", f"{ip6}/64", "dev", "cable", "nodad")
            ip("-n", place.name, "link", "set", "cable", "up")
        ip("-n", server.name, "addr", "add", f"{SERVER_IP_2}/24", "dev", "cable")
        yield server, client
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def missing_program(*names):
    """The first of these programs that is not installed, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return next((name for name in names if not shutil.which(name, path=path)), None)
