# SPDX-License-Identifier: Apache-2.0
"""This host, with a /etc and a few more places that can be changed: a mount and a PID namespace
whose process 1 is ours, so that /proc/1/root is what we made of it. Nothing of it outlives it."""
import os
import subprocess

from framework.wait import wait_for

PREPARE = r"""
set -e
mount --make-rprivate /
mkdir -p "$1/etc" "$1/fake"
cp -a /etc/. "$1/etc/"
mount --bind "$1/etc" /etc
mount -t tmpfs -o mode=0755 tmpfs /usr/local/sbin
printf '2\n' > "$1/fake/randomize_va_space"
mount --bind "$1/fake/randomize_va_space" /proc/sys/kernel/randomize_va_space
touch "$1/ready"
exec sleep 600
"""


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as pids:
        return [int(child) for child in pids.read().split()]


class PrivateHost:
    def __init__(self, directory):
        self.directory = directory
        self.holder = None
        self.init = None

    def __enter__(self):
        os.makedirs(self.directory, exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
             "sh", "-c", PREPARE, "sh", self.directory], stdin=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(os.path.join(self.directory, "ready")),
                 "the private host", 20)
        self.init = str(children_of(self.holder.pid)[0])
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()

    @property
    def prefix(self):
        return ["nsenter", "--target", self.init, "--mount", "--pid", "--root", "--"]

    def run(self, script):
        """Runs a shell script in it; what it does there is done when this returns."""
        subprocess.run([*self.prefix, "sh", "-ec", script], check=True, timeout=30,
                       stdin=subprocess.DEVNULL)
