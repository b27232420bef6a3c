"""Events as JSON lines for scripts: the machine interface of `hotloop run --json`."""

from __future__ import annotations

import time
from typing import BinaryIO, cast

import msgspec

from hotloop.ledger.drain import Drain
from hotloop.ledger.events import Event, SessionEnd
from hotloop.ledger.wire import DeltaBuffer, encode, rounded
from hotloop.ui.pipes import discard

LINGER_S = 0.02
_LINE_ENDS = "\u0085\u2028\u2029"  # to some readers of text, though not to JSON


class JsonLines:
    """A sink that writes one JSON object per line; `session.end` is the last and has no `t_s`.

    Floats are rounded to microseconds, secrets replaced, pieces of an answer put together.
    A reader that goes away ends the output, not the session: see `failure`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._writer = _LineWriter(stream)
        self._drain = Drain("hotloop-json", self._writer)

    def __call__(self, event: Event) -> None:
        """Queue an event; returns within microseconds and never raises."""
        self._drain.put(event)

    def close(self, timeout_s: float = 5.0) -> str:
        """Write the rest; return why lines are missing, empty where none are.

        A reader that closed its end (`| head`) wanted no more: that is no failure.
        """
        if not self._drain.close(timeout_s):
            return f"the reader of the JSON lines took none for {timeout_s:.0f} s"
        return repr(self._drain.failure) if self._drain.failure else self._writer.failure


class _LineWriter:
    def __init__(self, stream: BinaryIO) -> None:
        self.failure = ""
        self._stream = stream
        self._deltas = DeltaBuffer()
        self._done = False
        self._released = 0.0

    def work(self, batch: list[Event], flush: bool) -> float | None:
        """Write what is ready; text still gathering goes out after `LINGER_S` at the latest."""
        ready: list[Event] = []
        for event in batch:
            ready.extend(self._deltas.add(event))
            if isinstance(event, SessionEnd):
                ready[-1:-1] = self._deltas.release(all_of_it=True)
        now = time.monotonic()
        if flush or now - self._released >= LINGER_S:
            self._released = now
            ready.extend(self._deltas.release(all_of_it=flush))
        self._write(ready)
        return LINGER_S if batch and self._deltas else None

    def finish(self) -> None:
        """Nothing is left to do: `work` holds nothing back at the end."""

    def _write(self, events: list[Event]) -> None:
        if self._done or not events:
            return
        lines: list[bytes] = []
        for event in events:
            lines.append(line(event))
            if isinstance(event, SessionEnd):
                self._done = True
                break
        try:
            self._stream.write(b"".join(lines))
            self._stream.flush()
        except BrokenPipeError:
            self._done = True
            discard(self._stream)
        except (OSError, ValueError) as error:
            self._done = True
            self.failure = f"JSON lines could not be written: {error}"


def line(event: Event) -> bytes:
    """Return an event's line, newline included; no other character in it ends a line."""
    value = cast(dict[str, object], rounded(msgspec.json.decode(encode(event))))
    if isinstance(event, SessionEnd):
        del value["t_s"]
    encoded = msgspec.json.encode(value)
    for character in _LINE_ENDS:
        encoded = encoded.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return encoded + b"\n"
