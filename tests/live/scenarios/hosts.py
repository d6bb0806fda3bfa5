# SPDX-License-Identifier: Apache-2.0
"""How hosts of seven distributions are set up, judged below --host-root."""
import json
import subprocess

from framework.assay import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Findings
from framework.fixture_host import fixture_hosts
from framework.harness import TESTS, Test

STATUS = {"finding": FAIL, "not-applicable": NOT_APPLICABLE, "pass": PASS, "unknown": UNKNOWN}
WORD = {status: word for word, status in STATUS.items()}


def judged(stage, root, *more):
    done = subprocess.run([stage.binary, "run", "--host-root", root, "--package",
                           "best-practices", "--format", "jsonl", *more],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-600:]
    return Findings([json.loads(line) for line in done.stdout.splitlines()])


def host_test(host):
    def judge(stage):
        root = stage.folder(f"hosts/{host.base}-{host.name}")
        findings = judged(stage, host.make(root).root)
        checks = {check["name"]: check for check in findings.verdicts["compliance"]["checks"]}
        assert sorted(checks) == sorted(host.expect), \
            f"rules without an expectation, or the other way round: {checks.keys() ^ host.expect}"
        wrong = [f"{rule}: expected {expected}, got {WORD[checks[rule]['status_id']]}: "
                 f"{checks[rule]['desc']}" + "".join(
                     f"\n  {finding.last['message']}" for finding in findings.of(rule)[:3])
                 for rule, expected in host.expect.items()
                 if checks[rule]["status_id"] != STATUS[expected]]
        assert not wrong, "\n".join(wrong)

    judge.__doc__ = f"{host.base}, {host.name}: {host.why}"
    judge.__name__ = "fixture_host"
    return judge


for each in fixture_hosts():
    TESTS.append(Test(host_test(each), None))
