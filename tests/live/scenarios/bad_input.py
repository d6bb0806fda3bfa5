# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is refused in one clear sentence, with the right exit code, and leaves nothing."""
import os
import re
import subprocess

from framework.harness import Skipped, test

USAGE, CANNOT_OBSERVE = 2, 3

RULE = """title: A test of our own
id: 0f5e3f4e-3b51-4a4e-9f0e-0d6f8f1f2a11
status: stable
level: low
logsource: {product: linux, category: process_creation}
detection:
  selection: {FIELD: /nowhere}
  condition: selection
"""


def refused(stage, *arguments, code=USAGE, says=(), prefix=(), seconds=12, stdout=None):
    """Runs assay, which must end by itself with that code and say why on stderr alone."""
    try:
        done = subprocess.run([*prefix, stage.binary, *arguments], stdin=subprocess.DEVNULL,
                              stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"assay {' '.join(arguments)} went on for {seconds} s") from None
    error = done.stderr.decode("utf-8", "strict")
    assert done.returncode == code, f"exit code {done.returncode}, not {code}: {error[-500:]!r}"
    assert not done.stdout, f"on stdout: {done.stdout[:200]!r}"
    for word in says:
        assert re.search(word, error), f"no {word!r} in {error[-500:]!r}"
    return error


def one_sentence(error):
    lines = [line for line in error.splitlines() if line.strip()]
    assert len(lines) <= 2, f"{len(lines)} lines instead of one sentence: {error!r}"
    assert "terminate called" not in error and "Segmentation" not in error, error


RUN = ("run", "--package", "runtime-behavior", "--duration", "5s")


@test()
def unknown_option(stage):
    """An unknown option is named, with the nearest known one."""
    one_sentence(refused(stage, "run", "--durration", "5s", says=["--durration", "--duration"]))


@test()
def unknown_command(stage):
    """An unknown command is named."""
    one_sentence(refused(stage, "rnu", says=["rnu"]))


@test()
def unknown_kind(stage):
    """An unknown kind of fact is named, with the nearest known one."""
    one_sentence(refused(stage, "facts", "--kind", "listner", says=["listner", "listener"]))


@test()
def unknown_package(stage):
    """An unknown package is named, with the known ones."""
    one_sentence(refused(stage, "run", "--package", "runtime-behaviour",
                         says=["runtime-behaviour", "runtime-behavior"]))


@test()
def bad_duration(stage):
    """A duration that is none is refused, and 0s too when behaviour is to be judged."""
    for text in ("5parsecs", "", "-3s", "99999999999999999999h"):
        one_sentence(refused(stage, "run", f"--duration={text}", says=["duration"]))
    one_sentence(refused(stage, "run", "--package", "runtime-behavior", "--duration", "0s",
                         says=["duration"]))


@test()
def missing_rules(stage):
    """A directory of rules that does not exist is named."""
    missing = os.path.join(stage.directory, "no-such-rules")
    one_sentence(refused(stage, *RUN, "--rules", missing, says=[re.escape(missing)]))


@test()
def malformed_yaml(stage):
    """A rule that is no YAML is refused with file, line and column."""
    file = stage.file("rules-yaml/broken.yml", RULE + "assay: {package: [custom\n")
    refused(stage, *RUN, "--rules", os.path.dirname(file), says=[r"broken\.yml:\d+:\d+"])
    file = stage.file("rules-twice/twice.yml", RULE + "level: high\n")
    refused(stage, *RUN, "--rules", os.path.dirname(file), says=[r"twice\.yml:9:\d+", "level"])


@test()
def unknown_field(stage):
    """A rule about a field that does not exist is refused with the nearest one."""
    file = stage.file("rules-field/field.yml", RULE.replace("FIELD", "Imgae"))
    refused(stage, *RUN, "--rules", os.path.dirname(file),
            says=[r"field\.yml:7:\d+", "Imgae", r"\bImage\b"])


@test()
def without_root(stage):
    """Without privilege assay says so, and what to do."""
    unprivileged = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    if subprocess.run([*unprivileged, stage.binary, "--version"],
                      capture_output=True).returncode != 0:
        raise Skipped("the user nobody cannot execute the binary where it lies")
    one_sentence(refused(stage, *RUN, code=CANNOT_OBSERVE, prefix=unprivileged,
                         says=["root|sudo|privilege|CAP_"]))


@test()
def without_capabilities(stage):
    """Root without capabilities cannot observe either, and is told so."""
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
    refused(stage, *RUN, code=CANNOT_OBSERVE, prefix=bare, says=["root|sudo|privilege|CAP_"])


@test()
def without_btf(stage):
    """A kernel without BTF cannot be observed, and assay says so."""
    hidden = ["unshare", "--mount", "--", "/bin/sh", "-c",
              'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"]
    refused(stage, *RUN, code=CANNOT_OBSERVE, prefix=hidden, says=["BTF"])


@test()
def output_without_directory(stage):
    """An output in a directory that does not exist is refused, and nothing is made."""
    path = os.path.join(stage.directory, "no-such-directory", "findings.jsonl")
    one_sentence(refused(stage, *RUN, "--output", f"file:{path}", says=[re.escape(path)]))
    assert not os.path.exists(os.path.dirname(path))


@test()
def output_read_only(stage):
    """An output on a read-only file system is refused at the start."""
    place = stage.folder("read-only")
    read_only = ["unshare", "--mount", "--", "/bin/sh", "-c",
                 f"mount -t tmpfs -o ro none '{place}' && exec \"$@\"", "sh"]
    one_sentence(refused(stage, *RUN, "--output", f"file:{place}/findings.jsonl",
                         prefix=read_only, says=[re.escape(place), "[Rr]ead-only"]))


@test()
def unknown_output(stage):
    """An output of a kind that does not exist is refused."""
    one_sentence(refused(stage, *RUN, "--output", "pigeon:coop", says=["pigeon"]))


@test()
def output_full(stage):
    """When the file system of an output is full, assay says so and exits with 2."""
    place = stage.folder("full")
    # Pages enough for the file itself and for nothing in it.
    full = ["unshare", "--mount", "--", "/bin/sh", "-c",
            f"mount -t tmpfs -o size=4k none '{place}' && "
            f"head -c 4096 /dev/zero > '{place}/ballast' && exec \"$@\"", "sh"]
    done = subprocess.run([*full, stage.binary, "run", "--package", "runtime-behavior",
                           "--duration", "1s", "--format", "jsonl", "--output",
                           f"file:{place}/findings.jsonl"],
                          capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == USAGE, f"exit code {done.returncode}: {done.stderr[-500:]!r}"
    assert b"No space left" in done.stderr, done.stderr[-500:]
    assert done.stdout.count(b'"assessment"') >= 1, "the verdicts are still due on stdout"


@test()
def stdout_full(stage):
    """When standard output is full, assay says so and exits with 2."""
    with open("/dev/full", "wb") as full:
        refused(stage, "run", "--package", "runtime-behavior", "--duration", "1s", "--format",
                "jsonl", stdout=full, says=["No space left"])
        refused(stage, "facts", "--kind", "process_creation", "--duration", "2s", stdout=full,
                says=["No space left"])
