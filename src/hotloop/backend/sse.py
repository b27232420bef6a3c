"""Server-sent events, read from a stream that may be cut anywhere.

Source: WHATWG HTML, section 9.2 (the event stream format).
"""

from __future__ import annotations


class SseParser:
    """Incremental parser that keeps only the data of events; comments and other fields drop."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._data: list[bytes] = []
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and return the data of each event they complete."""
        if not (self._pending or self._data or self._skip_lf) and _is_one_event(chunk):
            return [chunk[6:-2]]
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
        self._skip_lf = chunk.endswith(b"\r") or (self._skip_lf and not chunk)
        if b"\n" not in chunk and b"\r" not in chunk:
            self._pending.append(chunk)
            return []
        lines = (b"".join(self._pending) + chunk).splitlines()
        self._pending = [] if chunk.endswith((b"\n", b"\r")) else [lines.pop()]
        return self._events(lines)

    def flush(self) -> list[bytes]:
        """Return the data of a last event that no blank line ended (some servers omit it)."""
        lines = [b"".join(self._pending), b""]
        self._pending = []
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line == b"data":
                self._data.append(b"")
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events


def _is_one_event(chunk: bytes) -> bool:
    """Whether bytes are one event in its usual form, which nearly all tokens have."""
    usual = chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")
    return usual and chunk.find(b"\n") == len(chunk) - 2 and b"\r" not in chunk
