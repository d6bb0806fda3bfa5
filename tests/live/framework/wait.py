# SPDX-License-Identifier: Apache-2.0
"""Waiting for what must become true, with a limit."""
import time


class TooLate(AssertionError):
    """What was waited for did not come in time."""


def wait_for(condition, what, seconds=10.0, every=0.02):
    """The first true value of condition(); TooLate when there is none within the limit."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise TooLate(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
