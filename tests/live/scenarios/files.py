# SPDX-License-Identifier: Apache-2.0
"""Files made and renamed, and kernel settings written."""
import json
import os
import shutil
import subprocess

from framework.assay import Assay, Facts
from framework.harness import Skipped, test
from framework.wait import wait_for

RULE = """\
title: A job for cron was made
id: 5d7a8a5e-1a0b-4a5c-8a55-0f3f2f6d1c02
status: test
level: high
logsource: {{product: linux, category: file_event}}
detection:
  selection: {{TargetFilename|startswith: '{prefix}'}}
  condition: selection
"""


def acted(*command, **options):
    """Runs a program that ends by itself; its pid."""
    process = subprocess.Popen([*command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, **options)
    error = process.communicate(timeout=20)[1]
    assert process.returncode == 0, f"{command[0]}: {error.decode()}"
    return process.pid


def path_of(program):
    return os.path.realpath(shutil.which(program))


def expect(fact, **fields):
    wrong = {name: (fact.get(name), value) for name, value in fields.items()
             if fact.get(name) != value}
    assert not wrong, f"(seen, expected): {wrong}"


@test("files")
def file_created(stage):
    """A file that is made is told with its path and who made it, field by field."""
    folder = os.path.realpath(stage.folder("made"))
    yield
    path = os.path.join(folder, "job")
    pid = acted("touch", path)
    yield
    fact = stage.facts.one("file_event", TargetFilename=path)
    expect(fact, Operation="created", Image=path_of("touch"), CommandLine=f"touch {path}",
           User="root", Uid=0, ProcessId=pid, Directory=False, origin="runtime")
    assert fact["ParentImage"].startswith("/"), fact


@test("files")
def file_renamed(stage):
    """A file that is renamed is told by its new name only."""
    folder = os.path.realpath(stage.folder("renamed"))
    old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
    with open(old, "w", encoding="ascii"):
        pass
    yield
    pid = acted("mv", old, new)
    yield
    expect(stage.facts.one("file_event", TargetFilename=new), Operation="renamed",
           Image=path_of("mv"), ProcessId=pid)
    assert not stage.facts.all("file_event", TargetFilename=old)


@test("files")
def file_written_is_no_event(stage):
    """Writing to a file that is there, changing its mode and deleting it make no file_event."""
    path = os.path.realpath(stage.file("there/file"))
    yield
    acted("sh", "-c", f"echo more >> {path}; chmod 600 {path}; rm {path}")
    yield
    assert not stage.facts.all("file_event", TargetFilename=path)


@test("files")
def new_tree(stage):
    """Files in directories that are as new as they are told too."""
    folder = os.path.realpath(stage.folder("tree"))
    yield
    acted("sh", "-c", f"mkdir -p {folder}/a/b/c && : > {folder}/a/b/c/file")
    yield
    fact = stage.facts.one("file_event", TargetFilename=f"{folder}/a/b/c/file")
    expect(fact, Operation="created", Directory=False)
    expect(stage.facts.one("file_event", TargetFilename=f"{folder}/a/b"), Directory=True)


@test("files")
def moved_tree(stage):
    """What a directory brings along when it is moved is told under its new path."""
    folder = os.path.realpath(stage.folder("moved"))
    os.makedirs(os.path.join(folder, "from", "below"))
    with open(os.path.join(folder, "from", "below", "file"), "w", encoding="ascii"):
        pass
    yield
    pid = acted("mv", f"{folder}/from", f"{folder}/to")
    yield
    for name, directory in (("to", True), ("to/below", True), ("to/below/file", False)):
        expect(stage.facts.one("file_event", TargetFilename=f"{folder}/{name}"),
               Operation="renamed", ProcessId=pid, Directory=directory)


@test("files")
def files_coverage(stage):
    """The hook file_change is attached by fanotify."""
    yield
    yield
    fact = stage.facts.last("coverage", Hook="file_change")
    expect(fact, State="attached", Mechanism="fanotify")
    assert "file_event" in fact["Kinds"], fact


@test()
def file_rule(stage):
    """A rule on a directory finds the file that is made in it, and watches that directory only."""
    jobs = os.path.realpath(stage.folder("rule/cron.d"))
    other = os.path.realpath(stage.folder("rule/other"))
    stage.file("file-rules/cron-job.yml", RULE.format(prefix=jobs + "/"))
    rules = os.path.join(stage.directory, "file-rules")
    with Assay(stage.binary, ["run", "--package", "custom", "--rules", rules, "--duration", "10m",
                              "--format", "jsonl"]) as assay:
        acted("touch", f"{other}/nothing")
        acted("touch", f"{jobs}/evil")
        wait_for(lambda: any(b"cron-job" in line for _, line in list(assay.out)),
                 "the finding", 10)
        assert assay.end() == 0, assay.stderr
        told = [record for record in assay.records()
                if record["finding_info"]["analytic"]["name"] == "cron-job"]
    text = json.dumps(told)
    assert f"{jobs}/evil" in text and path_of("touch") in text, text[:800]
    assert "nothing" not in text, text[:800]


@test()
def sysctl_same_value(stage):
    """Writing the value that a kernel setting has is seen, and who wrote it."""
    setting = "/proc/sys/kernel/randomize_va_space"
    with open(setting, encoding="ascii") as now:
        value = now.read()
    if not os.access(setting, os.W_OK):
        raise Skipped(f"{setting} cannot be written here")
    with Assay(stage.binary, ["facts", "--kind", "setting,coverage", "--duration",
                              "10m"]) as assay:
        acted("sh", "-c", f"echo {value.strip()} > {setting}")
        assert assay.end() == 0, assay.stderr
        facts = Facts(assay.records())
    with open(setting, encoding="ascii") as now:
        assert now.read() == value
    expect(facts.last("coverage", Hook="sysctl"), State="attached", Mechanism="cgroup")
    # Nothing has changed, so nothing more than the first reading is told.
    facts.one("setting", Setting="kernel.randomize_va_space")
