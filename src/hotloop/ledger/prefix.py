"""How well a session kept its prefix: cached tokens per call against what was possible."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hotloop.ledger.events import Event
from hotloop.ledger.timeline import read_timeline

LOW = 0.9


class CallPrefix(msgspec.Struct, frozen=True, kw_only=True):
    """A call's input and cached tokens; `possible_tokens` began an earlier request.

    None where that is not known: the request did not grow out of the one before it.
    """

    call: int
    input_tokens: int
    cached_tokens: int
    possible_tokens: int | None

    @property
    def share(self) -> float | None:
        """Return the cached share of what was possible, at most 1; None if nothing was."""
        if not self.possible_tokens:
            return None
        return min(1.0, self.cached_tokens / self.possible_tokens)


class PrefixUse(msgspec.Struct, frozen=True, kw_only=True):
    """All calls that came to their end, and their share together.

    `share` is None where nothing could be cached. `reported` is False where the endpoint told of
    no cached token in the whole session.
    """

    calls: list[CallPrefix]
    share: float | None
    reported: bool
    low_calls: list[int]


def prefix_use(events: Iterable[Event]) -> PrefixUse:
    """Return what the calls of a session found in the cache, of what earlier ones had sent.

    The longest common prefix of a request with the one before it is taken to be all of the latter
    where the request grew out of it; its answer, which comes behind that, is left out.
    """
    ended = [one.call for one in read_timeline(events).spans if one.call and not one.call.error]
    calls = [
        CallPrefix(
            call=call.number,
            input_tokens=call.usage.input_tokens,
            cached_tokens=call.usage.cached_tokens,
            possible_tokens=call.possible_tokens,
        )
        for call in ended
    ]
    known = [(one, one.possible_tokens) for one in calls if one.possible_tokens]
    possible = sum(tokens for _, tokens in known)
    used = sum(min(one.cached_tokens, tokens) for one, tokens in known)
    reported = any(one.cached_tokens for one in calls)
    low = [one.call for one in calls if one.share is not None and one.share < LOW]
    return PrefixUse(
        calls=calls,
        share=used / possible if possible else None,
        reported=reported,
        low_calls=low if reported else [],
    )
