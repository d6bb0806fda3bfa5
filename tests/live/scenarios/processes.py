# SPDX-License-Identifier: Apache-2.0
"""Programs executed, field by field."""
import os
import signal
import subprocess
import sys

from framework.harness import Skipped, test

LONGEST_COMMAND_LINE = 16383  # bytes, then the mark


def ran(*command, directory=None, **options):
    """Runs a program that ends by itself; its pid."""
    process = subprocess.Popen([*command], cwd=directory, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    error = process.communicate(timeout=20)[1]
    if process.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {process.returncode}: {error.decode()}")
    return process.pid


def namespace(kind):
    return os.stat(f"/proc/self/ns/{kind}").st_ino


def expect_fields(fact, expected):
    wrong = {name: (fact.get(name), value) for name, value in expected.items()
             if fact.get(name) != value}
    assert not wrong, f"(seen, expected): {wrong}"


@test("acts")
def short_life(stage):
    """A program that lives a millisecond has its whole fact."""
    program = stage.trigger("exit")
    yield
    pid = ran(program, "whole", "fact", directory=stage.directory)
    yield
    fact = stage.facts.one("process_creation", Image=program, ProcessId=pid)
    file = os.stat(program)
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        lines = dict(line.split(":", 1) for line in status)
    expect_fields(fact, {
        "origin": "runtime", "CommandLine": f"{program} whole fact",
        "CurrentDirectory": os.path.realpath(stage.directory), "User": "root", "Uid": 0,
        "EffectiveUid": 0, "Gid": 0, "ParentImage": os.path.realpath(sys.executable),
        "ParentProcessId": os.getpid(), "ImageInode": file.st_ino,
        "ImageDevice": f"{os.major(file.st_dev)}:{os.minor(file.st_dev)}",
        "StackExecutable": False, "AslrDisabled": False, "SecureExec": False,
        "PidNamespace": namespace("pid"), "MountNamespace": namespace("mnt"),
        "NetNamespace": namespace("net")})
    assert "run" in fact["ParentCommandLine"], fact
    for absent in ("ImageDeleted", "ImageInMemory", "CommandLineTruncated"):
        assert not fact.get(absent), f"{absent} in {fact}"
    assert "Interpreter" not in fact, fact
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last:
        everything = (1 << (int(last.read()) + 1)) - 1
    if int(lines["CapEff"], 16) == everything:
        assert fact["Capabilities"] == "all", fact


@test("acts")
def forged_name(stage):
    """The image is the kernel's, whatever argv[0] says."""
    program = stage.trigger("exit")
    yield
    pid = ran("/usr/sbin/innocent", "forged", executable=program)
    yield
    fact = stage.facts.one("process_creation", ProcessId=pid, Image=program)
    assert fact["CommandLine"] == "/usr/sbin/innocent forged", fact


@test("acts")
def script(stage):
    """A script is told with the program that runs it as the image, what it asks for, and its own path."""
    path = stage.file("script", "#!/bin/sh -e\nexit 0\n", 0o755)
    yield
    pid = ran(path, "scripted")
    yield
    fact = stage.facts.one("process_creation", ProcessId=pid,
                           CommandLine=lambda line: "scripted" in (line or ""))
    assert fact["Image"] == os.path.realpath("/bin/sh"), fact
    assert fact["Interpreter"] == "/bin/sh", fact
    assert fact["Script"] == path, fact
    assert fact["CommandLine"] == f"/bin/sh -e {path} scripted", fact


@test("acts")
def deleted(stage):
    """A program file that was deleted before it was executed is told as such."""
    program = stage.file("deleted/program")
    with open(stage.trigger("exit"), "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    yield
    pid = ran(stage.trigger("exec_fd"), "deleted", program, "gone")
    yield
    fact = stage.facts.one("process_creation", ProcessId=pid, CommandLine=f"{program} gone")
    assert fact["ImageDeleted"] is True and not fact.get("ImageInMemory"), fact
    assert fact["Image"].startswith(f"{program}.gone-"), fact


@test("acts")
def memfd(stage):
    """A program in a memfd is told as living in memory only."""
    program = stage.trigger("exit")
    yield
    pid = ran(stage.trigger("exec_fd"), "memfd", program, "in-memory")
    yield
    fact = stage.facts.one("process_creation", ProcessId=pid, CommandLine=f"{program} in-memory")
    assert fact["ImageInMemory"] is True, fact
    assert "assay-trigger" in fact["Image"], fact


@test("acts")
def executable_stack(stage):
    """A program linked with -z execstack has an executable stack; its neighbour has not."""
    program = stage.trigger("execstack")
    yield
    pid = ran(program)
    neighbour = ran(stage.trigger("exit"), "neighbour")
    yield
    assert stage.facts.one("process_creation", Image=program, ProcessId=pid)["StackExecutable"] is True
    assert stage.facts.one("process_creation", ProcessId=neighbour)["StackExecutable"] is False


@test("acts")
def aslr_disabled(stage):
    """A program under setarch -R runs without ASLR."""
    program = stage.trigger("exit")
    yield
    pid = ran("setarch", os.uname().machine, "-R", program, "not-randomised")
    yield
    fact = stage.facts.one("process_creation", Image=program, ProcessId=pid)
    assert fact["AslrDisabled"] is True, fact


@test("acts")
def long_command_line(stage):
    """A command line beyond the limit is cut, and says so."""
    program = stage.trigger("exit")
    within = ["w" * 100] * 100
    yield
    whole = ran(program, *within)
    cut = ran(program, *["x" * 1000] * 100)
    yield
    fact = stage.facts.one("process_creation", Image=program, ProcessId=whole)
    assert fact["CommandLine"] == " ".join([program, *within]), "10 kB of arguments are not whole"
    assert not fact.get("CommandLineTruncated"), fact
    fact = stage.facts.one("process_creation", Image=program, ProcessId=cut)
    assert fact["CommandLineTruncated"] is True, fact["CommandLine"][-100:]
    assert fact["CommandLine"].endswith("…"), fact["CommandLine"][-100:]
    kept = len(fact["CommandLine"].rstrip("…").encode())
    assert kept == LONGEST_COMMAND_LINE, f"cut at {kept} bytes"


@test("acts")
def hostile_command_line(stage):
    """Arguments that are no text do not break the stream, and bring no control character into it."""
    program = stage.trigger("exit")
    yield
    pid = ran(os.fsencode(program), b"hostile\n\x1b[31m\xff\xfe\"\\\x01\xe2\x80\xae")
    yield
    fact = stage.facts.one("process_creation", Image=program, ProcessId=pid)
    assert "hostile" in fact["CommandLine"], fact
    raw = [line for _, line in stage.assay["facts"].out if b"hostile" in line]
    assert raw and all(byte >= 0x20 for line in raw for byte in line.rstrip(b"\n")), raw


@test("acts")
def set_user_id(stage):
    """A set-uid program is told with both users and its secure mode."""
    if os.statvfs(stage.directory).f_flag & os.ST_NOSUID:
        raise Skipped("the temporary directory is mounted nosuid")
    program = stage.file("set-uid")
    with open(stage.trigger("exit"), "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    os.chmod(program, 0o4755)
    yield
    pid = ran("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", program)
    yield
    fact = stage.facts.one("process_creation", Image=program, ProcessId=pid)
    expect_fields(fact, {"User": "nobody", "EffectiveUid": 0, "SecureExec": True})
    assert fact["Uid"] != 0, fact


def cgroup2_root():
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            left, right = line.split(" - ", 1)
            if right.split()[0] == "cgroup2" and left.split()[3] == "/":
                return left.split()[4]
    return None


@test("acts")
def container(stage):
    """A program in a container's cgroup is told with the container's id."""
    root = cgroup2_root()
    if root is None:
        raise Skipped("no cgroup2 is mounted here")
    identity = os.urandom(32).hex()
    # Deeper than where we are in any other hierarchy: the deepest one is told.
    levels = [f"assay-live-{os.getpid()}", "a", "b", "c", "d", "docker", identity]
    made = []
    try:
        for depth in range(len(levels)):
            path = os.path.join(root, *levels[:depth + 1])
            try:
                os.mkdir(path)
            except OSError as error:
                raise Skipped(f"cannot make a cgroup here: {error}") from None
            made.append(path)
        yield
        program = stage.trigger("exit")
        pid = ran("/bin/sh", "-c", 'echo $$ > "$1/cgroup.procs" && exec "$2" contained', "sh",
                  made[-1], program)
        outside = ran(program, "outside")
        yield
    finally:
        for path in reversed(made):
            os.rmdir(path)
    fact = stage.facts.one("process_creation", Image=program, ProcessId=pid)
    assert fact["ContainerId"] == identity, fact
    assert fact["Cgroup"].endswith("/".join(levels)), fact
    beside = stage.facts.one("process_creation", Image=program, ProcessId=outside)
    assert beside.get("ContainerId") != identity, beside


@test("acts")
def before_the_window(stage):
    """A process that ran before the window is there, marked as found in the snapshot."""
    waiting = subprocess.Popen(["sleep", "900"], start_new_session=True)
    try:
        yield
        yield
    finally:
        waiting.send_signal(signal.SIGKILL)
        waiting.wait()
    fact = stage.facts.one("process_creation", ProcessId=waiting.pid)
    expect_fields(fact, {"origin": "snapshot", "CommandLine": "sleep 900", "User": "root",
                         "Image": os.path.realpath("/usr/bin/sleep"),
                         "ParentProcessId": os.getpid()})


@test("acts")
def coverage(stage):
    """Every hook is told of, and none that these rules need is missing or lost an event."""
    yield
    yield
    facts = stage.facts.all("coverage")
    hooks = {fact["Hook"] for fact in facts}
    assert hooks >= {"exec", "fork", "exit", "connect", "send", "bind", "socket_state", "packet",
                     "snapshot_processes", "snapshot_sockets"}, hooks
    for fact in facts:
        assert fact["State"] in ("attached", "missing", "not-needed"), fact
        assert fact["KernelRelease"] == os.uname().release, fact
        assert not fact.get("Lost"), fact
        if fact["State"] == "missing":
            assert fact["Hook"] == "accept" and fact["Reason"], fact
        if fact["State"] == "attached":
            assert fact["Mechanism"], fact
