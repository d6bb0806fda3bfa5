# SPDX-License-Identifier: Apache-2.0
"""Programs that want a terminal and a person in front of it."""
import os
import select
import subprocess
import time

from framework.wait import TooLate


def converse(command, dialogue, seconds=15):
    """Runs a command on a terminal of its own. dialogue: (text to wait for, what to type then),
    in order. Returns what was on the screen."""
    name = next(word for word in command if os.path.basename(word) not in ("nsenter", "--")
                and not word.startswith("--net"))
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs,
                               start_new_session=True)
    os.close(theirs)
    screen, read_up_to, limit = "", 0, time.monotonic() + seconds
    waiting = list(dialogue)
    try:
        while True:
            while waiting and (at := screen.find(waiting[0][0], read_up_to)) >= 0:
                read_up_to = at + len(waiting[0][0])
                os.write(ours, waiting.pop(0)[1].encode())
            if time.monotonic() > limit:
                wanted = repr(waiting[0][0]) if waiting else "end"
                raise TooLate(f"{name}: no {wanted} within {seconds} s, but {screen[-300:]!r}")
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the last program on the terminal has ended
                piece = b""
            if not piece:
                break
            screen += piece.decode("utf-8", "replace")
        process.wait(timeout=max(1, limit - time.monotonic()))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
    if waiting:
        raise AssertionError(f"{name} ended before {waiting[0][0]!r}: {screen[-300:]!r}")
    return screen
