# SPDX-License-Identifier: Apache-2.0
"""Running assay and reading what it tells."""
import json
import re
import signal
import subprocess
import threading
import time

from framework.wait import TooLate, wait_for

PASS, FAIL, UNKNOWN, NOT_APPLICABLE = 1, 3, 0, 99
CREATE, UPDATE, CLOSE = 1, 2, 3


class Assay:
    """assay with these arguments, from `watching` until end()."""

    def __init__(self, binary, arguments, prefix=()):
        self.command = [*map(str, prefix), str(binary), *map(str, arguments)]
        self.process = None
        self.out, self.err = [], []  # (time of arrival, line as bytes)
        self._readers = []
        self.seconds_to_watch = None

    def __enter__(self):
        started = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True)
        for pipe, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            reader = threading.Thread(target=self._collect, args=(pipe, lines), daemon=True)
            reader.start()
            self._readers.append(reader)
        try:
            wait_for(self._watching, "the line `watching` of assay", 20)
        except BaseException:
            self.kill()
            raise
        self.seconds_to_watch = time.monotonic() - started
        return self

    def __exit__(self, *_):
        self.kill()

    @staticmethod
    def _collect(pipe, lines):
        for line in pipe:
            lines.append((time.monotonic(), line))

    def _watching(self):
        if any(re.search(rb"\bwatching\b", line) for _, line in list(self.err)):
            return True
        if self.process.poll() is not None:
            self._join()
            raise TooLate(f"assay ended with {self.process.returncode} before it watched: "
                          f"{self.stderr.decode(errors='replace').strip()[-600:]}")
        return False

    def _join(self):
        for reader in self._readers:
            reader.join(timeout=10)

    def end(self, sign=signal.SIGINT, seconds=60):
        """Ends the window; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.wait(seconds)

    def wait(self, seconds):
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TooLate(f"assay did not end within {seconds} s") from None
        self._join()
        return self.process.returncode

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._join()

    @property
    def pid(self):
        return self.process.pid

    @property
    def stdout(self):
        return b"".join(line for _, line in list(self.out))

    @property
    def stderr(self):
        return b"".join(line for _, line in list(self.err))

    def records(self):
        """Every line of standard output so far, as JSON."""
        return [json.loads(line) for _, line in list(self.out)]


class Facts:
    """Facts as `assay facts` printed them, in order."""

    def __init__(self, records):
        self.records = records

    def all(self, kind, **fields):
        """Facts of a kind whose fields have these values; a callable is asked instead."""
        def fits(fact):
            return all(wanted(fact.get(name)) if callable(wanted) else fact.get(name) == wanted
                       for name, wanted in fields.items())

        return [fact for fact in self.records if fact.get("kind") == kind and fits(fact)]

    def one(self, kind, **fields):
        """The only such fact."""
        found = self.all(kind, **fields)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} {kind} facts instead of one with {shown(fields)}: "
                                 f"{json.dumps(found[:3])[:1500]}{self._near(kind, fields, found)}")
        return found[0]

    def last(self, kind, **fields):
        """The newest such fact: with it all counts are complete."""
        found = self.all(kind, **fields)
        if not found:
            raise AssertionError(f"no {kind} fact with {shown(fields)}"
                                 f"{self._near(kind, fields, found)}")
        return found[-1]

    def _near(self, kind, fields, found):
        """What failed to match, for the reader of a failure: facts that fit but for one field."""
        if found:
            return ""
        for left_out in fields:
            near = self.all(kind, **{k: v for k, v in fields.items() if k != left_out})
            if near:
                return f"; but for {left_out}: {json.dumps(near[-1])[:900]}"
        return ""

    def streams(self, **fields):
        """The newest network_connection fact of each stream: connections of one program to one
        endpoint whose payload said the same."""
        identity = ("Image", "User", "Initiated", "Protocol", "DestinationIp", "DestinationPort",
                    "Netns", "ApplicationProtocol", "ApplicationProtocolVersion", "Encrypted",
                    "TlsVersion", "CleartextCredentials")
        newest = {}
        for fact in self.all("network_connection", **fields):
            newest[tuple(fact.get(name) for name in identity)] = fact
        return list(newest.values())


def shown(fields):
    return ", ".join(f"{name}={value!r}" for name, value in fields.items() if not callable(value))


class Finding:
    """One finding, through all the lines that told of it."""

    def __init__(self, line):
        self.lines = [line]

    @property
    def last(self):
        return self.lines[-1]

    @property
    def rule(self):
        return self.last["finding_info"]["analytic"]["name"]

    @property
    def subject(self):
        """What it is about: {field: value as text}."""
        return self.last["resources"][0]["data"]

    @property
    def port(self):
        number = self.subject.get("DestinationPort") or self.subject.get("LocalPort")
        return int(number) if number else None

    @property
    def ip(self):
        return self.subject.get("DestinationIp") or self.subject.get("LocalIp")

    @property
    def count(self):
        """The exact count of acts."""
        return self.last["unmapped"]["count"]

    def mentions(self, text):
        return text in json.dumps(self.last, ensure_ascii=False)

    def __repr__(self):
        return f"{self.rule} {self.subject}"


class Findings:
    """What `assay run` printed: findings, and the verdicts of the run in the last line."""

    def __init__(self, records):
        if not records:
            raise AssertionError("assay run printed nothing: not even its verdicts")
        self.records = records
        self.verdicts = records[-1]
        self.findings = {}
        for record in records[:-1]:
            uid = record["finding_info"]["uid"]
            if uid in self.findings:
                self.findings[uid].lines.append(record)
            else:
                self.findings[uid] = Finding(record)

    def of(self, rule=None, port=None, ip=None, text=None):
        return [finding for finding in self.findings.values()
                if (rule is None or finding.rule == rule)
                and (port is None or port == finding.port)
                and (ip is None or ip == finding.ip)
                and (text is None or finding.mentions(text))]

    def expect(self, rules, **about):
        """Each of `rules` has exactly one finding about that (see of), and no other rule has."""
        found = self.of(**about)
        if sorted(finding.rule for finding in found) != sorted(rules):
            raise AssertionError(f"about {shown(about)}: expected {sorted(rules) or 'no finding'}, "
                                 f"got {found or 'none'}")

    def check(self, rule):
        """The verdict on a rule: an entry of compliance.checks."""
        checks = self.verdicts["compliance"]["checks"]
        entries = [entry for entry in checks if entry.get("name") == rule]
        assert len(entries) == 1, f"{len(entries)} verdicts on {rule} in {checks}"
        return entries[0]

    @property
    def summary(self):
        """What the verdicts tell besides the checks: losses, window, exceptions."""
        return self.verdicts["unmapped"]
