"""What travels between the loop and a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from hotloop.ledger.events import Channel, Marks, ServerTimings, Usage


class TokenScore(msgspec.Struct, frozen=True):
    """A token with the likeliest tokens in its place, as (text, natural logarithm) pairs."""

    text: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


class TextDelta(msgspec.Struct, frozen=True):
    """Answer text, or reasoning that the endpoint sends apart. `choice` counts from 0.

    `scores` holds its tokens where the request asked for `logprobs`.
    """

    text: str
    channel: Channel = "text"
    choice: int = 0
    scores: tuple[TokenScore, ...] = ()


class ToolDelta(msgspec.Struct, frozen=True):
    """A piece of a native tool call: `arguments` is a fragment of its JSON text."""

    index: int
    arguments: str = ""
    name: str = ""
    id: str = ""
    choice: int = 0


class Finish(msgspec.Struct, frozen=True):
    """A choice ended: `stop`, `length`, `tool_calls` or what the endpoint says."""

    reason: str
    choice: int = 0


class Report(msgspec.Struct, frozen=True):
    """What the server says of the call as a whole; may come more than once, the last holds."""

    usage: Usage | None = None
    timings: ServerTimings | None = None


Delta = TextDelta | ToolDelta | Finish | Report


Watch = Callable[[Marks], None]
"""Is given the marks of each attempt at a request, as it begins."""


class Stream(Protocol):
    """One streaming answer: iterate it for deltas; `aclose` ends the request on the wire."""

    marks: Marks

    def __aiter__(self) -> Stream:
        """Return itself."""
        ...

    async def __anext__(self) -> Delta:
        """Return the next delta. Raises BackendError when the answer breaks off."""
        ...

    async def aclose(self) -> None:
        """Close the connection, which cancels the request at the server. Safe to call twice."""
        ...


class Backend(Protocol):
    """An OpenAI-compatible endpoint."""

    base_url: str
    model: str

    async def chat(self, body: bytes, watch: Watch = ...) -> Stream:
        """Send the bytes of a chat-completions request and return its answer's stream.

        `watch` sees how far it came, also where it fails or is cancelled.
        Retries with back-off (honouring `Retry-After`) before the first token only.
        Raises BackendError with cause and next step.
        """
        ...

    async def post(self, path: str, body: bytes) -> bytes:
        """Send JSON to a path beside the API (`/slots/0?action=save`) and return the answer."""
        ...

    async def aclose(self) -> None:
        """Close idle connections."""
        ...
