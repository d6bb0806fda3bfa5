# SPDX-License-Identifier: Apache-2.0
"""How this host is set up, judged again as it changes. It is changed in namespaces of our own."""
import json
import os
import signal
import time

from framework.assay import CLOSE, CREATE, Assay, Findings
from framework.harness import test
from framework.private_host import PrivateHost, children_of
from framework.wait import wait_for

SAFE = r"""
rm -f /etc/ssh/sshd_config.d/*
printf '%s\n' 'Include /etc/ssh/sshd_config.d/*.conf' 'PermitRootLogin no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'UsePAM yes' \
    > /etc/ssh/sshd_config
"""
# (what is done, rule, how it is done, how it is undone)
CHANGES = [
    ("sshd_config is written in place", "ssh-root-login",
     "sed -i 's/PermitRootLogin no/PermitRootLogin yes/' /etc/ssh/sshd_config",
     "sed -i 's/PermitRootLogin yes/PermitRootLogin no/' /etc/ssh/sshd_config"),
    ("a drop-in appears", "ssh-password-authentication",
     "echo PasswordAuthentication yes > /etc/ssh/sshd_config.d/10-site.conf",
     "rm /etc/ssh/sshd_config.d/10-site.conf"),
    ("sshd_config is replaced by rename", "ssh-empty-passwords",
     "cp /etc/ssh/sshd_config /etc/ssh/old; cp /etc/ssh/old /etc/ssh/new;"
     "echo PermitEmptyPasswords yes >> /etc/ssh/new; mv /etc/ssh/new /etc/ssh/sshd_config",
     "mv /etc/ssh/old /etc/ssh/sshd_config"),
    ("a system directory is opened", "system-directory-permissions",
     "chmod 0777 /usr/local/sbin", "chmod 0755 /usr/local/sbin"),
    ("an account with user id 0 is added", "second-uid-0-account",
     "echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd", "sed -i '/^toor:/d' /etc/passwd"),
    ("a kernel setting changes", "aslr",
     "echo 0 > /proc/sys/kernel/randomize_va_space",
     "echo 2 > /proc/sys/kernel/randomize_va_space"),
]


def told(assay, rule, activity, after):
    """When assay told that of the rule, after a point in its output."""
    for at, line in list(assay.out)[after:]:
        record = json.loads(line)
        if record["finding_info"]["analytic"]["name"] == rule and \
                record["activity_id"] == activity:
            return at
    return None


@test()
def set_up_changes(stage):
    """A finding on the set-up appears with the change that breaks a rule and ends with its undoing"""
    stage.needs("sshd", "unshare", "nsenter")
    slowest = {}
    with PrivateHost(stage.folder("private-host")) as host:
        host.run(SAFE)
        with Assay(stage.binary, ["run", "--package", "best-practices", "--duration", "5m",
                                  "--format", "jsonl"], prefix=host.prefix) as assay:
            for what, rule, do, undo in CHANGES:
                for script, activity in ((do, CREATE), (undo, CLOSE)):
                    before = len(assay.out)
                    host.run(script)
                    acted = time.monotonic()
                    at = wait_for(lambda: told(assay, rule, activity, before),
                                  f"{rule}, activity {activity}, after: {what}", 10)
                    slowest[what] = max(slowest.get(what, 0), at - acted)
            quiet = len(assay.out)
            # The same value: nothing changes, here or on the host.
            host.run("f=/proc/sys/kernel/kptr_restrict; v=$(cat $f); echo $v > $f")
            host.run("touch /etc/ssh/sshd_config; chmod 0755 /usr/local/sbin")
            # nsenter only waits for it.
            os.kill(children_of(assay.pid)[0], signal.SIGINT)
            assert assay.wait(30) == 0
            assert len(assay.out) == quiet + 1, f"told without a change: {assay.out[quiet:-1]}"
            findings = Findings(assay.records())
        by_sed = findings.of("ssh-root-login")
        assert by_sed, "no finding on ssh-root-login"
        evidence = by_sed[0].lines[0]["evidences"][0]["data"]
        assert evidence["PreviousValue"] == "no", evidence
        assert evidence["Source"].startswith("/etc/ssh/sshd_config:"), evidence
        # A process that lives 1 ms may be gone before its name is read; another is never named.
        assert evidence.get("Image", "/sed").endswith("/sed"), evidence
    print("         from act to line, the slower of both ways: " +
          ", ".join(f"{what} {seconds * 1000:.0f} ms" for what, seconds in slowest.items()))
