"""Stores events in a ledger, here or in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hotloop.ledger.events import Event, Note
from hotloop.ledger.store import Ledger


def note(t_s: float, text: str = "hello") -> Note:
    return Note(t_s=t_s, level="info", text=text)


def store(events: list[Event], session: str = "s-1", path: Path | None = None) -> list[Note]:
    ledger = Ledger(path)
    emit = ledger.sink(session)
    for event in events:
        emit(event)
    return ledger.close()


def child(code: str, *args: str) -> subprocess.Popen[str]:
    prelude = (
        "import sys\nfrom hotloop.ledger.events import *\nfrom hotloop.ledger.store import Ledger\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *args],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
