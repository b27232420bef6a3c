"""What of a recomputed session is an estimate, and why."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ledger.critical import critical_path
from hotloop.ledger.events import CallEnd, Event, Outcome, SessionEnd, SessionStart
from hotloop.ledger.fold import Summary
from hotloop.ledger.schedule import Schedule
from hotloop.ledger.timeline import CallFacts, Span, Timeline

_FELT_S = 0.01
_SHOWN = 6


class Doubts:
    """The calls of a recomputed session whose time does not follow from reported tokens."""

    def __init__(self, timeline: Timeline, made: Schedule) -> None:
        self._made = made
        self._calls = [(one, one.call) for one in timeline.spans if one.call]
        self._guessed = {
            call.number: made.times[one.index].guessed_s
            for one, call in self._calls
            if made.times[one.index].guessed_s > _FELT_S
        }

    def sure_share(self, after: Summary) -> float:
        """Return the share of the wall time that rests on reported tokens and measured tools.

        Of a call whose cached tokens had to be guessed, what the guess is worth is in doubt; of
        one that was cut short, failed or was not counted by its endpoint, all of it.
        """
        numbers = {call.number for one, call in self._calls if _is_unknown(one, call)}
        unknown = {f"call {number}" for number in numbers}
        doubt_s = sum(
            part.end_s - part.start_s
            for part in critical_path(after).segments
            if part.label in unknown
        )
        doubt_s += sum(s for number, s in self._guessed.items() if number not in numbers)
        return max(0.0, 1 - doubt_s / after.wall_s) if after.wall_s else 1.0

    def notes(self) -> list[str]:
        """Return, in words, what is estimated or left out."""
        cut = [call.number for one, call in self._calls if one.cancelled]
        failed = [c.number for one, c in self._calls if c.error and not one.cancelled]
        uncounted = [c.number for _, c in self._calls if not c.error and not c.usage.reported]
        groups = {
            "cut short: what they would have written is not known": cut,
            "failed: taken as long as they were": failed,
            "not counted by the endpoint: tokens from the bytes": uncounted,
            "without a report of cached tokens: what the request before held is taken as cached": [
                *self._guessed
            ],
        }
        notes = [f"{_named(numbers)} {why}" for why, numbers in groups.items() if numbers]
        lost = {call.number: call.lost_s for _, call in self._calls if call.lost_s}
        if lost:
            seconds = sum(lost.values())
            notes.append(f"{_named([*lost])} tried again: {seconds:.1f} s for that are left out")
        first = next((call for _, call in self._calls if call.purpose == "step"), None)
        if first and (warm := first.usage.cached_tokens):
            notes.append(f"its first call found {warm} tokens in the cache: taken so here too")
        return notes


def session_notes(events: Sequence[Event], wall_s: float) -> list[str]:
    """Return what has to be said of a session that did not end by itself, or would not."""
    elsewhere = [one.call for one in events if isinstance(one, CallEnd) and one.backend]
    notes = [f"{_named(elsewhere)} answered by another endpoint: taken as all the others"]
    return [*(notes if elsewhere else []), *_end_notes(events, wall_s)]


def _end_notes(events: Sequence[Event], wall_s: float) -> list[str]:
    budget_s = next((one.budget_s for one in events if isinstance(one, SessionStart)), None)
    end = next((one for one in events if isinstance(one, SessionEnd)), None)
    if end is None:
        return ["the session was interrupted: only what it did is computed"]
    if end.outcome is Outcome.OVER_BUDGET:
        return ["its budget ended it: this is the time for what it had done, not for the goal"]
    if budget_s is not None and wall_s > budget_s >= end.wall_s:
        return [f"over its budget of {budget_s:g} s, which would have ended it or cut answers"]
    return []


def _is_unknown(span: Span, call: CallFacts) -> bool:
    return span.cancelled or bool(call.error) or not call.usage.reported


def _named(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN])) + (", ..." if len(numbers) > _SHOWN else "")
    return f"call {shown}" if len(numbers) == 1 else f"{len(numbers)} calls ({shown})"
