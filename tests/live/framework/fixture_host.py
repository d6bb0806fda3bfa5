# SPDX-License-Identifier: Apache-2.0
"""Hosts of tests/fixtures/hosts, made real below a directory: files, modes, owners, ACLs, links."""
import os
import shutil
import struct

import yaml

HOSTS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 2,
                                      "fixtures", "hosts"))
# What every Linux host has, whether or not a fixture puts something into it.
DIRECTORIES = ["boot", "etc/cron.d", "etc/cron.daily", "etc/cron.hourly", "etc/cron.monthly",
               "etc/cron.weekly", "etc/init.d", "etc/pam.d", "etc/profile.d", "etc/security",
               "etc/sudoers.d", "etc/systemd/system", "home", "root", "tmp", "usr/bin", "usr/lib",
               "usr/lib/modules", "usr/lib/systemd/system", "usr/lib64", "usr/local/bin",
               "usr/local/lib", "usr/local/sbin", "usr/sbin", "var/lib", "var/spool/cron",
               "var/tmp"]
ACL_VERSION, USER_OBJ, USER, GROUP_OBJ, MASK, OTHER = 2, 0x01, 0x02, 0x04, 0x10, 0x20
NOBODY = 0xFFFFFFFF


class FixtureHost:
    """One host: `base` as it is installed, and the changes of `name`."""

    def __init__(self, base, name, why, changes, expect):
        self.base, self.name, self.why = base, name, why
        self.changes, self.expect = changes, expect
        self.root = None

    def make(self, root):
        self.root = root
        for directory in DIRECTORIES:
            os.makedirs(self.path(directory), exist_ok=True)
        with open(os.path.join(HOSTS, self.base, "hosts.yml"), encoding="utf-8") as text:
            base = yaml.safe_load(text)["base"]
        shutil.copytree(os.path.join(HOSTS, self.base, "root"), root, dirs_exist_ok=True)
        for current, folders, files in os.walk(root):
            for name in folders:
                os.chmod(os.path.join(current, name), 0o755)
            for name in files:
                os.chmod(os.path.join(current, name), 0o644)
        os.chmod(root, 0o755)
        for path, target in base.get("links", {}).items():
            self.link(path, target)
        self.write("usr/sbin/sshd", f"\x7fELF\0{base['sshd']}\0", "0755")
        for module in base["pam_modules"]["names"]:
            self.pam_module(module, base["pam_modules"]["directory"])
        self.module_directory = base["pam_modules"]["directory"]
        for unit in base["enabled"]:
            target = "sockets" if unit.endswith(".socket") else "multi-user"
            self.link(f"etc/systemd/system/{target}.target.wants/{unit}",
                      f"/usr/lib/systemd/system/{unit}")
        os.chmod(self.path("tmp"), 0o1777)
        os.chmod(self.path("var/tmp"), 0o1777)
        for path, text in base.get("modes", {}).items():
            mode, owner = text.split()
            if not os.path.exists(self.path(path)):
                os.makedirs(self.path(path))
            self.owner(path, owner)
            self.mode(path, mode)
        for change in self.changes:
            self.apply(change)
        return self

    def path(self, relative):
        return os.path.join(self.root, relative)

    def apply(self, change):
        (what, path), *rest = change.items()
        getattr(self, what)(path, **dict(rest))

    def write(self, path, text, mode="0644"):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as out:
            out.write(text)
        self.mode(path, mode)

    def append(self, path, text):
        with open(self.path(path), "a", encoding="utf-8") as out:
            out.write(text)

    def replace(self, path, line, **new):
        """The first line that begins with `line` becomes `with`."""
        self._edit(path, line, lambda old: [new["with"] + "\n"])

    def insert_before(self, path, line, text):
        self._edit(path, line, lambda old: [text, old])

    def _edit(self, path, begins, edited):
        with open(self.path(path), encoding="utf-8") as text:
            lines = text.readlines()
        at = next((i for i, line in enumerate(lines) if line.startswith(begins)), None)
        if at is None:
            raise AssertionError(f"{self.base}: no line of {path} begins with {begins!r}")
        lines[at:at + 1] = edited(lines[at])
        with open(self.path(path), "w", encoding="utf-8") as out:
            out.writelines(lines)

    def remove(self, path):
        os.unlink(self.path(path))

    def mode(self, path, to):
        os.chmod(self.path(path), int(to, 8))

    def owner(self, path, to):
        user, group = to.split(":")
        os.chown(self.path(path), int(user), int(group), follow_symlinks=False)

    def link(self, path, to):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        os.symlink(to, self.path(path))

    def acl(self, path, user, permissions):
        bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in permissions)
        entries = [(USER_OBJ, 6, NOBODY), (USER, bits, user), (GROUP_OBJ, 4, NOBODY),
                   (MASK, bits | 4, NOBODY), (OTHER, 4, NOBODY)]
        text = struct.pack("<I", ACL_VERSION)
        text += b"".join(struct.pack("<HHI", *entry) for entry in entries)
        os.setxattr(self.path(path), "system.posix_acl_access", text)

    def pam_module(self, name, directory=None):
        self.write(f"{directory or self.module_directory}/{name}.so", "\x7fELF", "0644")


def fixture_hosts():
    """Every host of every base, in the order of the files."""
    for base in sorted(os.listdir(HOSTS)):
        if not os.path.isdir(os.path.join(HOSTS, base)):
            continue
        with open(os.path.join(HOSTS, base, "hosts.yml"), encoding="utf-8") as text:
            told = yaml.safe_load(text)
        for host in told["hosts"]:
            yield FixtureHost(base, host["name"], host["why"], host.get("change", []),
                              {**told["expect"], **host.get("expect", {})})
