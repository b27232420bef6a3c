"""The append-only list of messages, kept as the bytes that are sent.

Each message is rendered once, when it is appended. A request is the fixed head, all messages and
the request's own parameters, in this order, so that consecutive requests share every byte up to
the end of the earlier one's messages, which is what prefix caches need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


class Transcript:
    """Messages of one conversation with one backend.

    `head` holds the request's fixed fields (model, tools). Fields are rendered in the order in
    which they are given, so give them in the same order in every session.
    """

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._fields = dict(head)
        self._head = _rendered(self._fields)
        self._messages = bytearray()
        self._ends: list[int] = []

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self._ends)

    @property
    def size_bytes(self) -> int:
        """Return the size of head and messages."""
        return len(self._head) + len(self._messages)

    @property
    def prefix(self) -> bytes:
        """Return the bytes that every later request of this transcript begins with."""
        return self._head + bytes(self._messages)

    def append(self, *messages: Mapping[str, Any]) -> None:
        """Render messages and add them at the end."""
        for message in messages:
            self._add(_encode(dict(message)))

    def _add(self, rendered: bytes) -> None:
        self._messages += (b"," if self._ends else b"") + rendered
        self._ends.append(len(self._messages))

    def continued(self, kept: int, covered: int, *between: Mapping[str, Any]) -> Transcript:
        """Return a new one: the first `kept` messages, `between`, those after `covered`."""
        other = Transcript({})
        other._fields, other._head = self._fields, self._head
        for index in range(kept):
            other._add(self._message(index))
        other.append(*between)
        for index in range(covered, len(self)):
            other._add(self._message(index))
        return other

    def _message(self, index: int) -> bytes:
        start = self._ends[index - 1] + 1 if index else 0
        return bytes(self._messages[start : self._ends[index]])

    def request(
        self,
        params: Mapping[str, Any],
        branch: Sequence[Mapping[str, Any]] = (),
        model: str | None = None,
    ) -> bytes:
        """Return a request's body. `branch` messages stand at the end of this one request only.

        `model` takes the place of the head's: another endpoint is asked the same.
        """
        tail = b"".join(b"," + _encode(dict(message)) for message in branch)
        if not self._ends:
            tail = tail[1:]
        rest = _encode(dict(params))[1:]
        head = self._head if model is None else _rendered({**self._fields, "model": model})
        return head + bytes(self._messages) + tail + b"]" + (b"," if params else b"") + rest


def _rendered(head: Mapping[str, Any]) -> bytes:
    return _encode(dict(head))[:-1] + (b"," if head else b"") + b'"messages":['
