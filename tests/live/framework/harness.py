# SPDX-License-Identifier: Apache-2.0
"""Tests that share one window of assay.

A test of a window is a generator with two stops: it prepares, yields (the window opens), acts,
yields (the window closes), and asserts. Many acts then cost one window. A test without a window is
a plain function. The name that people see is the first line of the docstring.
"""
import inspect
import time
import traceback


class Skipped(Exception):
    """The test cannot run here; the message says why."""


TESTS = []


class Test:
    def __init__(self, function, window):
        self.function = function
        self.window = window
        self.name = inspect.getdoc(function).split("\n\n")[0].replace("\n", " ").rstrip(".")
        self.seconds = 0.0
        self.outcome = None  # "ok", "FAIL" or "skip"
        self.reason = ""
        self.running = None

    def begin(self, stage):
        def start():
            self.running = self.function(stage)
            if inspect.isgenerator(self.running):
                next(self.running)
                return
            self.outcome = "ok"

        self._step(start)

    def go_on(self):
        def step():
            try:
                next(self.running)
            except StopIteration:
                self.outcome = "ok"

        if self.outcome is None:
            self._step(step)

    def give_up(self, reason):
        if self.outcome is None:
            self.outcome, self.reason = "FAIL", reason
        self.close()

    def close(self):
        if inspect.isgenerator(self.running):
            self.running.close()

    def _step(self, step):
        started = time.monotonic()
        try:
            step()
        except Skipped as skipped:
            self.outcome, self.reason = "skip", str(skipped)
        except AssertionError as failed:
            where = traceback.extract_tb(failed.__traceback__)[-1]
            self.outcome = "FAIL"
            self.reason = str(failed) or f"{where.name}, line {where.lineno}: {where.line}"
        except Exception as broken:  # a broken test is a failed one, not the end of the run
            self.outcome = "FAIL"
            self.reason = "".join(traceback.format_exception(broken)).strip()
        self.seconds += time.monotonic() - started

    def line(self):
        text = f"{self.outcome:<4} {self.name} ({self.seconds:.1f} s)"
        if self.reason:
            text += "\n         " + self.reason.replace("\n", "\n         ")
        return text


def test(window=None):
    """Registers a test. `window` names one of WINDOWS in run."""
    def register(function):
        TESTS.append(Test(function, window))
        return function

    return register
