# SPDX-License-Identifier: Apache-2.0
"""The windows: which assay runs while the tests of each act."""
import contextlib
import os
import time

from framework.assay import Assay, Facts, Findings
from framework.stage import Stage

# name: {"run": arguments of `assay run`, "facts": arguments of `assay facts`}
WINDOWS = {
    # Nearly everything: judged and told at once, by two assays that must not disturb each other.
    "acts": {"run": ["--include-loopback", "--duration", "15m", "--tag", "suite=live"],
             "facts": []},
    # What a user gets without options.
    "default": {"run": ["--duration", "15m"]},
    "connects": {"run": ["--include-loopback", "--duration", "15m"],
                 "facts": ["--kind", "network_connection,listener,coverage"]},
    "execs": {"facts": ["--kind", "process_creation,coverage"]},
    "files": {"facts": ["--kind", "file_event,coverage"]},
    # No window: each test starts assay itself.
    None: {},
}


def play(window, tests, directory, binary, triggers, server, client, keep):
    """Runs the tests of one window and prints a line for each."""
    stage = Stage(directory, triggers, server, client)
    stage.binary = binary
    stage.keep = keep
    try:
        for test in tests:
            if window is None and binary is None:
                test.outcome, test.reason = "skip", "it is about assay alone"
            else:
                test.begin(stage)
        with contextlib.ExitStack() as assays:
            try:
                if binary:
                    _open(window, stage, assays)
                for test in tests:
                    test.go_on()
                if binary:
                    _close(stage)
            except AssertionError as failure:
                for test in tests:
                    test.give_up(str(failure))
                return
        if binary:
            for test in tests:
                test.go_on()
                if test.outcome is None:
                    test.give_up("the test stopped after its third part")
        else:
            for test in tests:
                test.outcome = test.outcome or "ok"
    finally:
        for test in tests:
            test.close()
        stage.close()
        for test in tests:
            print(test.line() if test.outcome else f"FAIL {test.name} (not run)", flush=True)


def _open(window, stage, assays):
    for command, arguments in WINDOWS[window].items():
        extra = []
        if command == "run":
            stage.output = os.path.join(stage.directory, "findings.jsonl")
            extra = ["--package", "runtime-behavior", "--format", "jsonl",
                     "--output", f"file:{stage.output}"]
        stage.assay[command] = assays.enter_context(
            Assay(stage.binary, [command, *arguments, *extra]))


def _close(stage):
    stage.window_closed_at = time.monotonic()
    for command, assay in stage.assay.items():
        status = assay.end()
        if stage.keep:
            _keep(stage, command, assay)
        if status != 0:
            raise AssertionError(f"assay {command} ended with {status}: "
                                 f"{assay.stderr.decode(errors='replace').strip()[-600:]}")
    if "facts" in stage.assay:
        stage.facts = Facts(stage.assay["facts"].records())
    if "run" in stage.assay:
        stage.findings = Findings(stage.assay["run"].records())


def _keep(stage, command, assay):
    """For --keep: what assay printed. Raw facts hold command lines, so they are kept only then."""
    for name, content in (("stdout", assay.stdout), ("stderr", assay.stderr)):
        with open(os.path.join(stage.directory, f"assay-{command}.{name}"), "wb") as out:
            out.write(content)
