"""Lever `stable_prefix`: requests only grow, so that a server's prefix cache holds all but the new.

The guard compares each request with the one before it and says where and why they part. What the
cache brought is compared with what it could have: all that the call before had read and written.
"""

from __future__ import annotations

import msgspec

from hotloop.ledger.events import PrefixBreak, Usage

_SHOWN_BYTES = 40


class Break(msgspec.Struct, frozen=True):
    """Where a request leaves the bytes of the one before: offset, both sides, and the cause."""

    offset: int
    expected: str
    got: str
    cause: str

    def event(self, call: int, t_s: float) -> PrefixBreak:
        """Return it as what the ledger keeps of call number `call`."""
        return PrefixBreak(
            t_s=t_s,
            call=call,
            offset=self.offset,
            expected=self.expected,
            got=self.got,
            cause=self.cause,
        )


class _Message(msgspec.Struct):
    role: str = ""


class _Head(msgspec.Struct):
    messages: list[_Message] = []


class Guard:
    """Watches the requests of one conversation and counts cached tokens."""

    def __init__(self) -> None:
        self._sent = b""
        self._known_tokens = 0
        self.cached_tokens = 0
        self.possible_tokens = 0
        self.breaks = 0

    def check(self, prefix: bytes) -> Break | None:
        """Take the bytes that the next request begins with; return where they break off."""
        expected, self._sent = self._sent, prefix
        at = first_difference(expected, prefix)
        if at is None:
            return None
        self.breaks += 1
        self._known_tokens = 0
        return Break(at, _shown(expected, at), _shown(prefix, at), cause(expected, at))

    def restart(self) -> None:
        """Forget the past: a new conversation was begun on purpose."""
        self._sent, self._known_tokens = b"", 0

    def count(self, usage: Usage) -> None:
        """Take what a call used."""
        if not usage.reported:
            return
        self.possible_tokens += min(self._known_tokens, usage.input_tokens)
        self.cached_tokens += min(usage.cached_tokens, usage.input_tokens)
        self._known_tokens = usage.input_tokens + usage.output_tokens

    @property
    def detail(self) -> str:
        """Return the account in words; empty where no endpoint told."""
        if not self.possible_tokens:
            return ""
        share = f"{self.cached_tokens} of {self.possible_tokens} possible tokens cached"
        return f"{share}, {self.breaks} breaks" if self.breaks else share


def cause(sent: bytes, at: int) -> str:
    """Return which part of a request an offset lies in: `tools`, `message 3 (user)`."""
    start = sent.find(b'"messages":[')
    if start < 0 or at < start:
        return "the part before the messages (model, tools)"
    before = sent[start + len(b'"messages":[') : at]
    try:
        whole = msgspec.json.decode(b'{"messages":[' + _closed(sent, start) + b"]}", type=_Head)
    except msgspec.DecodeError:
        return "the messages"
    number = _messages_in(before)
    role = whole.messages[number].role if number < len(whole.messages) else "new"
    return f"message {number + 1} ({role})"


def _closed(sent: bytes, start: int) -> bytes:
    return sent[start + len(b'"messages":[') :]


def _messages_in(text: bytes) -> int:
    """Return how many objects close at the top level of a part of a JSON array."""
    depth = closed = 0
    in_string = escaped = False
    for byte in text:
        char = chr(byte)
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            closed += depth == 0
    return closed


def _shown(data: bytes, at: int) -> str:
    return data[at : at + _SHOWN_BYTES].decode("utf-8", "replace")


def first_difference(expected: bytes, got: bytes) -> int | None:
    """Return the offset at which `got` stops beginning with `expected`, None if it does not."""
    if got.startswith(expected):
        return None
    limit = min(len(expected), len(got))
    return next((i for i in range(limit) if expected[i] != got[i]), limit)
