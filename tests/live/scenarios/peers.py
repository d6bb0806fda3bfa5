# SPDX-License-Identifier: Apache-2.0
"""What lynis and OpenSCAP say of this host, beside what assay says."""
import json
import lzma
import os
import re
import subprocess

from framework.assay import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Findings
from framework.harness import Skipped, test

CONTENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 4, "shared", "data",
                       "scap", "ssg-debian12-ds-0.1.82.xml.xz")
PROFILE = "xccdf_org.ssgproject.content_profile_standard"
WORD = {PASS: "pass", FAIL: "finding", UNKNOWN: "unknown", NOT_APPLICABLE: "not applicable"}

# rule of assay: (test of lynis, words in its log that say "not good")
LYNIS = {
    "second-uid-0-account": ("AUTH-9204", r"accounts found with UID zero"),
    "password-complexity": ("AUTH-9262", r"Suggestion: Install a PAM module"),
    "account-without-password": ("AUTH-9283", r"Warning: Found accounts without password"),
    "password-maximum-age": ("AUTH-9286", r"Suggestion: Configure maximum password age"),
    "ssh-root-login": ("SSH-7408", r"PermitRootLogin.*(MEDIUM|WEAK)"),
    "aslr": ("KRNL-6000", r"kernel\.randomize_va_space has a different value"),
    "kernel-pointer-exposure": ("KRNL-6000", r"kernel\.kptr_restrict has a different value"),
    "system-directory-permissions": ("FILE-7524", r"Suggestion: Consider restricting file perm"),
}
# rule of assay: rules of the profile `standard`
OSCAP = {
    "ssh-root-login": ["sshd_disable_root_login"],
    "ssh-empty-passwords": ["sshd_disable_empty_passwords"],
    "ssh-protocol-version": ["sshd_allow_only_protocol2"],
    "aslr": ["sysctl_kernel_randomize_va_space"],
    "system-directory-permissions": ["file_permissions_etc_passwd", "file_permissions_etc_shadow",
                                     "file_owner_etc_passwd", "file_owner_etc_shadow"],
}
# Why a peer may differ. A difference that is not told here fails the test.
REASONS = {
    ("lynis", "not run"): "lynis looks at sshd only while one runs",
    ("oscap", "notapplicable"): "the content applies only where a kernel package is installed",
    ("oscap", "absent"): "the profile does not hold it",
    ("lynis", "password-maximum-age"): "lynis reads login.defs alone; assay asks first whether any "
                                       "account has a password",
    ("lynis", "password-complexity"): "lynis looks for a module; assay asks first whether any "
                                      "account has a password",
    ("lynis", "system-directory-permissions"): "lynis wants fewer rights to read on a list of "
                                               "files; assay asks who else can write, everywhere",
}


def without_network(command, **more):
    """In a network namespace with nothing but its own loopback: peers like to look for updates."""
    return subprocess.run(["unshare", "--net", "--", "sh", "-c",
                           'ip link set lo up; exec "$@"', "sh", *command],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120, **more)


def ask_lynis(stage):
    tests = sorted({name for name, _ in LYNIS.values()})
    log = os.path.join(stage.folder("lynis"), "log")
    without_network(["lynis", "audit", "system", "--quick", "--no-colors", "--no-plugins",
                     "--logfile", log, "--report-file", log + ".report",
                     "--tests", " ".join(tests)])
    with open(log, encoding="utf-8", errors="replace") as text:
        log = text.read()
    answers = {}
    for rule, (name, bad) in LYNIS.items():
        if f"Performing test ID {name} " not in log:
            answers[rule] = "not run"
        else:
            answers[rule] = "finding" if re.search(bad, log) else "pass"
    return answers


def ask_oscap(stage):
    content = os.path.join(stage.folder("oscap"), "content.xml")
    with lzma.open(CONTENT) as packed, open(content, "wb") as out:
        out.write(packed.read())
    done = without_network(["oscap", "xccdf", "eval", "--profile", PROFILE, content])
    assert done.returncode in (0, 2), done.stderr[-400:]
    results = dict(re.findall(r"^Rule\s+\S+content_rule_(\S+)\s+Result\s+(\S+)$", done.stdout,
                              re.MULTILINE))
    assert results, f"no results in {done.stdout[-400:]!r}"
    answers = {}
    for rule, names in OSCAP.items():
        told = {results.get(name, "absent") for name in names}
        answers[rule] = ("finding" if "fail" in told else
                         "pass" if "pass" in told else told.pop())
    return answers


@test()
def peers(stage):
    """Where lynis and OpenSCAP differ from assay on this host, the reason is known"""
    stage.needs("lynis", "oscap")
    if not os.path.exists(CONTENT):
        raise Skipped("there is no ../shared/data/scap beside this repository")
    done = subprocess.run([stage.binary, "run", "--package", "best-practices", "--duration", "0s",
                           "--format", "jsonl"], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-400:]
    findings = Findings([json.loads(line) for line in done.stdout.splitlines()])
    ours = {check["name"]: WORD[check["status_id"]]
            for check in findings.verdicts["compliance"]["checks"]}
    unexplained = []
    print(f"         {'rule':<30} {'assay':<15} {'lynis':<9} {'oscap':<14} why they differ")
    answers = {"lynis": ask_lynis(stage), "oscap": ask_oscap(stage)}
    for rule, verdict in sorted(ours.items()):
        why = []
        for peer, told in answers.items():
            answer = told.get(rule)
            if answer is None or answer == verdict:
                continue
            reason = REASONS.get((peer, answer)) or REASONS.get((peer, rule))
            why.append(reason or "?")
            if reason is None:
                unexplained.append(f"{rule}: assay {verdict}, {peer} {answer}")
        print(f"         {rule:<30} {verdict:<15} {answers['lynis'].get(rule, '-'):<9} "
              f"{answers['oscap'].get(rule, '-'):<14} {'; '.join(why)}")
    assert not unexplained, "; ".join(unexplained)
