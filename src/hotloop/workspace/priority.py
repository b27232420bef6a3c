"""Let a background process give way, so that it takes only processor time that nobody wants.

An engine that computes with as many threads as there are processors waits for the slowest of them
many times per token: one busy process beside it, of equal standing, made decoding five times as
slow on two processors. One that gives way costs it next to nothing, and still gets a quarter of a
processor from the gaps.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

_NICE = 15
_TRIES = 5
_AGAIN_S = 0.1


def give_way(pid: int) -> None:
    """Lower the priority of a process that leads its group and session, and of what it starts.

    Where Linux groups processes by session (`sched(7)`, autogroup), it is the group that counts
    between sessions. What is not possible is left as it is.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, _NICE)
    if sys.platform == "linux":
        _lower_group(pid, _TRIES)


def _lower_group(pid: int, tries: int) -> None:
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICE))
    except BlockingIOError:  # the kernel takes one such change per 0.1 s, whoever asks
        if tries > 1:
            asyncio.get_running_loop().call_later(_AGAIN_S, _lower_group, pid, tries - 1)
    except OSError:
        return
