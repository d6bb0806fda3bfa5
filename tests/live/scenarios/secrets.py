# SPDX-License-Identifier: Apache-2.0
"""The secret that the clients of this window sent in the clear is nowhere afterwards."""
import base64
import os

from framework.harness import Skipped, test

STATE = "/var/lib/assay"


def disguises(secret):
    """The secret as bytes that would give it away: plain, hexadecimal, and what base64 makes of it
    wherever it begins in a longer text."""
    plain = secret.encode()
    found = {plain, plain.hex().encode(), plain.hex().upper().encode(),
             secret.encode("utf-16-le"), secret[::-1].encode()}
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain + b"\0" * 3)
        # Only characters that the secret alone decides.
        first = -(-before * 8 // 6)
        last = (before + len(plain)) * 8 // 6
        found |= {coded[first:last], coded[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return found


def files_below(*folders):
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(place, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def betrayals(secret, named):
    """Names of the (name, bytes) in which the secret is, however disguised."""
    wanted = disguises(secret)
    return [name for name, content in named if any(form in content for form in wanted)]


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        line, = [line for line in limits if line.startswith("Max core file size")]
    return line.split()[4]


@test("acts")
def no_secret_anywhere(stage):
    """A password that was sent in the clear is in no finding, log, output, state or test artefact."""
    for text in (f"joe:{stage.secret}", f"\0joe\0{stage.secret}"):  # the search can find it at all
        coded = base64.b64encode(text.encode())
        assert betrayals(stage.secret, [("coded", coded)]), f"{text!r} would not be found"
    yield
    yield
    run = stage.assay["run"]
    named = [("findings on stdout", run.stdout), ("stderr of assay run", run.stderr),
             ("stderr of assay facts", stage.assay["facts"].stderr)]
    kept = {os.path.join(stage.directory, "assay-facts.stdout")}  # --keep: raw facts, as documented
    for path in files_below(stage.directory, STATE):
        if path not in kept:
            with open(path, "rb") as content:
                named.append((path, content.read()))
    found = betrayals(stage.secret, named)
    assert not found, f"the secret is in {found}"
    if not stage.findings.of("insecure-client-login"):
        raise Skipped("no login in the clear was played in this run")


@test("acts")
def no_core(stage):
    """assay can leave no core that would hold payload or command lines."""
    yield
    limits = {command: core_limit(assay.pid) for command, assay in stage.assay.items()}
    yield
    assert set(limits.values()) == {"0"}, limits


@test("acts")
def redacted_evidence(stage):
    """Findings show the command line of a login with the password redacted, not left out."""
    yield
    yield
    logins = [finding for finding in stage.findings.of("insecure-client-login")
              if finding.subject["Image"].endswith("/curl")]
    if not logins:
        raise Skipped("curl made no login in this run")
    for finding in logins:
        assert finding.mentions("curl -sS") and finding.mentions("‹redacted›"), finding.last
