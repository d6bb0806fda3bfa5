# SPDX-License-Identifier: Apache-2.0
"""What assay run delivers, and how a window ends."""
import json
import os
import select
import signal
import subprocess
import sys
import time

from framework.assay import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Assay, Findings
from framework.harness import Skipped, test
from framework.places import HOST
from framework.stage import SERVER_IP, Nginx, contains
from framework.terminal import converse
from framework.wait import wait_for

RULES = {"insecure-client-login", "insecure-client-general", "unused-listening-port",
         "insecure-server-protocol", "unsupported-kernel"}
VALIDATOR = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         *[".."] * 4, "shared", "tools", "ocsf_validate.py")


@test("acts")
def valid_ocsf(stage):
    """Every line of assay run is valid OCSF."""
    if not os.path.exists(VALIDATOR):
        raise Skipped("there is no ../shared/tools/ocsf_validate.py beside this repository")
    yield
    yield
    done = subprocess.run([sys.executable, VALIDATOR], input=stage.assay["run"].stdout,
                          capture_output=True, timeout=120)
    errors = [line for line in (done.stdout + done.stderr).decode(errors="replace").splitlines()
              if "warning" not in line]
    assert done.returncode == 0, "\n".join(errors[:20])


@test("acts")
def same_in_file(stage):
    """--output file: holds the same lines as standard output, readable by root alone."""
    yield
    yield
    with open(stage.output, "rb") as lines:
        assert lines.read() == stage.assay["run"].stdout, f"{stage.output} differs from stdout"
    mode = os.stat(stage.output).st_mode & 0o777
    assert mode & 0o077 == 0, f"mode {mode:o}"


@test("acts")
def verdicts(stage):
    """The last line has a verdict on every rule, with a reason, and the user's tags."""
    yield
    yield
    line = stage.findings.verdicts
    assert line["class_uid"] == 2003 and line["type_uid"] == 200301, line
    assert line["finding_info"]["analytic"]["name"] == "assessment", line
    checks = line["compliance"]["checks"]
    names = [check["name"] for check in checks]
    assert sorted(names) == sorted(RULES), names
    for check in checks:
        assert check["status_id"] in (PASS, FAIL, UNKNOWN, NOT_APPLICABLE) and check["desc"], check
    for rule in RULES - {"unsupported-kernel"}:
        check = stage.findings.check(rule)
        assert (check["status_id"] == FAIL) == bool(stage.findings.of(rule)), check
    for record in stage.findings.records:
        assert record["metadata"]["tags"] == [{"name": "suite", "value": "live"}], record["metadata"]
    assert not stage.findings.summary.get("lost"), stage.findings.summary
    assert stage.findings.summary["window"]["ended_early"] is True


@test("acts")
def severities(stage):
    """Findings carry the severities of the design."""
    yield
    yield
    wanted = {"insecure-client-login": (3, 6), "insecure-client-general": (2, 3),
              "unused-listening-port": (1, 0), "insecure-server-protocol": (1, 0)}
    for finding in stage.findings.findings.values():
        if finding.rule in wanted:
            seen = (finding.last["severity_id"], finding.last["unmapped"]["numeric_severity"])
            assert seen == wanted[finding.rule], f"{finding}: {seen}"
            assert finding.last["remediation"]["desc"], finding


@test("acts")
def live(stage):
    """A finding is told while the window is open, within a second of the act."""
    stage.nginx()
    yield
    stage.client.run(["curl", "-sS", "-u", f"joe:{stage.secret}",
                      f"http://{SERVER_IP}:{Nginx.live}/"])
    acted = time.monotonic()

    def about_it(record):
        return record.get("resources", [{}])[0].get("data", {}).get("DestinationPort") in \
            (Nginx.live, str(Nginx.live))

    if stage.assay:
        wait_for(lambda: stage.told_at(about_it), "the finding of a login, within the window", 5)
    yield
    late = min(stage.told_at(about_it)) - acted
    assert late < 1, f"told {late:.2f} s after the act"


@test("acts")
def own_acts(stage):
    """assay's own acts are no findings."""
    yield
    yield
    own = [finding for finding in stage.findings.findings.values()
           if os.path.realpath(stage.binary) in finding.subject.values()]
    assert not own, own


def window(stage, *options, **named):
    return Assay(stage.binary, ["run", "--package", "runtime-behavior", "--format", "jsonl",
                                *options], **named)


@test()
def sigterm(stage):
    """SIGTERM ends the window early, and still judges and prints the verdicts."""
    with window(stage, "--duration", "10m") as assay:
        assert assay.end(signal.SIGTERM, 20) == 0, assay.stderr
        findings = Findings(assay.records())
    assert findings.verdicts["finding_info"]["analytic"]["name"] == "assessment"
    assert findings.summary["window"]["ended_early"] is True, findings.summary["window"]


@test()
def duration(stage):
    """A window ends by itself when its time is over."""
    with window(stage, "--duration", "2s") as assay:
        started = time.monotonic()
        assert assay.wait(20) == 0, assay.stderr
        took = time.monotonic() - started
        findings = Findings(assay.records())
    assert 1 <= took < 8, f"{took:.1f} s for a window of 2 s"
    told = findings.summary["window"]
    assert told["planned_seconds"] == 2 and told["ended_early"] is False, told
    assert abs(told["seconds"] - 2) < 1, told


@test()
def fail_on(stage):
    """--fail-on gives exit code 1 when a finding reaches the level, and 0 when none does."""
    codes = {}
    server = stage.nginx()
    for level in ("low", "high"):
        with window(stage, "--duration", "10m", "--fail-on", level) as assay:
            stage.client.run(["curl", "-sS", f"http://{SERVER_IP}:{Nginx.plain}/"])
            codes[level] = assay.end()
    assert server.process.poll() is None
    assert codes == {"low": 1, "high": 0}, codes


@test()
def closed_pipe(stage):
    """assay ends by itself when the reader of its output goes away."""
    process = subprocess.Popen([stage.binary, "facts", "--kind", "process_creation"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        assert select.select([process.stdout], [], [], 20)[0], "assay facts printed nothing"
        json.loads(process.stdout.readline())
        process.stdout.close()

        def ended():
            subprocess.run([stage.trigger("exit")], check=True)  # something more to tell
            return process.poll() is not None

        wait_for(ended, "the end of assay facts", 20)
        assert process.returncode >= 0, f"died of signal {-process.returncode}"
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@test()
def for_people(stage):
    """A person at a terminal sees colour, and a summary with a verdict on every rule."""
    screen = converse(HOST.command([stage.binary, "run", "--package", "runtime-behavior",
                                    "--duration", "2s"]), [], seconds=30)
    contains(screen, "\x1b[")
    titles = subprocess.run([stage.binary, "rules", "list"], capture_output=True, text=True).stdout
    contains(titles, "insecure-client-login")
    for rule in RULES:
        contains(screen, rule)


@test()
def other_commands(stage):
    """assay --version, --help, doctor and rules list, show and test work and end with 0."""
    wanted = {("--version",): "assay", ("--help",): "run", ("run", "--help"): "--duration",
              ("facts", "--help"): "--kind", ("doctor",): "exec",
              ("rules", "list"): "insecure-client-login",
              ("rules", "show", "insecure-client-login"): "telnet", ("rules", "test"): ""}
    for arguments, text in wanted.items():
        done = subprocess.run([stage.binary, *arguments], capture_output=True, text=True,
                              timeout=30, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{arguments}: {done.returncode}, {done.stderr}"
        contains(done.stdout, text)


@test()
def two_windows(stage):
    """What one window has seen is not in the next."""
    stage.nginx()
    with window(stage, "--duration", "10m") as first:
        stage.client.run(["curl", "-sS", f"http://{SERVER_IP}:{Nginx.plain}/"])
        first.end()
    with window(stage, "--duration", "10m") as second:
        second.end()
    assert Findings(first.records()).of("insecure-client-general", port=Nginx.plain)
    assert not Findings(second.records()).of("insecure-client-general", port=Nginx.plain)


