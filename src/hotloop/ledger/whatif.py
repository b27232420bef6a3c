"""What a recorded session would have taken on another backend, or without a lever.

Calls are computed from their token counts, tools take what they took, and what overlapped or
waited still does. What cannot be known from the events is said, not guessed in silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotloop.ledger.causes import Causes, find_causes
from hotloop.ledger.critical import critical_path
from hotloop.ledger.events import (
    AnyEvent,
    CallEnd,
    CallStart,
    Event,
    Marks,
    Outcome,
    SessionEnd,
    SessionStart,
    StepEnd,
    TestsRun,
    ToolEnd,
    ToolStart,
    Usage,
)
from hotloop.ledger.fold import Summary
from hotloop.ledger.pace import Pace, RecordedPace
from hotloop.ledger.report import fold
from hotloop.ledger.schedule import Schedule, Times, schedule
from hotloop.ledger.timeline import Span, Timeline, read_timeline
from hotloop.ledger.undo_lever import Verdict, undo_lever


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it was and as it would be, both ready for `report`.

    `sure_share` is the share of the new wall time that rests on reported token counts and on
    measured tools; `notes` say what the rest is. `lever` is the verdict on the one taken away.
    """

    before: Summary
    after: Summary
    sure_share: float
    notes: list[str]
    lever: Verdict | None = None


def what_if(events: Sequence[AnyEvent], pace: Pace | None = None, without: str = "") -> Projection:
    """Recompute a session at a backend's pace (None: its own), without a lever if one is named."""
    timeline = read_timeline(events)
    causes = find_causes(timeline)
    given = pace or RecordedPace(timeline.spans)
    made = schedule(timeline, causes, given)
    verdict = None
    if without:
        verdict, made = _without(events, timeline, causes, given, made, without)
    after = fold(_moved(events, timeline, made))
    unsure, notes = _unsure(timeline, recomputed=pace is not None)
    wall_s = after.wall_s
    doubt_s = sum(
        part.end_s - part.start_s for part in critical_path(after).segments if part.label in unsure
    )
    return Projection(
        before=fold(events),
        after=after,
        sure_share=1 - doubt_s / wall_s if wall_s else 1.0,
        notes=[*notes, *_session_notes(events, wall_s, recomputed=pace is not None)],
        lever=verdict,
    )


def _without(
    events: Sequence[AnyEvent],
    timeline: Timeline,
    causes: Causes,
    pace: Pace,
    made: Schedule,
    lever: str,
) -> tuple[Verdict, Schedule]:
    undone = undo_lever(lever, events, timeline, causes, prefill_known=_prefill_known(pace))
    if undone.plan is None:
        return undone.verdict(made.wall_s, made.wall_s + undone.more_s), made
    slower = schedule(undone.plan.timeline, undone.plan.causes, pace)
    return undone.verdict(made.wall_s, slower.wall_s), slower


def _prefill_known(pace: Pace) -> bool:
    return not isinstance(pace, RecordedPace) or pace.prefill_tok_s is not None


# how sure ------------------------------------------------------------------------------


def _unsure(timeline: Timeline, *, recomputed: bool) -> tuple[set[str], list[str]]:
    """Return the labels of the calls whose time is an estimate, and why, in words."""
    if not recomputed:
        return set(), []
    calls = [(one, one.call) for one in timeline.spans if one.call]
    cached = any(call.usage.cached_tokens for _, call in calls)
    groups = {
        "cut short, so that what they would have written is not known": [
            call.number for one, call in calls if one.cancelled
        ],
        "failed: as long as they were": [
            call.number for one, call in calls if call.error and not one.cancelled
        ],
        "without a token count from the endpoint: counted from bytes": [
            call.number for _, call in calls if not call.error and not call.usage.reported
        ],
        "without cached tokens from the endpoint: those of the request before taken as cached": [
            call.number
            for _, call in calls
            if not cached and call.possible_tokens and not call.error and call.usage.reported
        ],
    }
    notes = [f"{_calls(numbers)} {why}" for why, numbers in groups.items() if numbers]
    lost = [(call.number, call.lost_s) for _, call in calls if call.lost_s]
    if lost:
        seconds = sum(lost_s for _, lost_s in lost)
        numbers = [number for number, _ in lost]
        notes.append(f"{_calls(numbers)} tried again: the {seconds:.1f} s of that are left out")
    first = next((call for _, call in calls if call.purpose == "step"), None)
    if first and first.usage.cached_tokens:
        notes.append(f"its first call found {first.usage.cached_tokens} tokens cached: so here too")
    unsure = {f"call {number}" for numbers in groups.values() for number in numbers}
    return unsure, notes


def _calls(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:6])) + (", ..." if len(numbers) > 6 else "")
    return f"call {shown}" if len(numbers) == 1 else f"{len(numbers)} calls ({shown})"


def _session_notes(events: Sequence[AnyEvent], wall_s: float, *, recomputed: bool) -> list[str]:
    budget_s = next((one.budget_s for one in events if isinstance(one, SessionStart)), None)
    end = next((one for one in events if isinstance(one, SessionEnd)), None)
    if end is None:
        return ["the session was interrupted: only what it did is computed"]
    if end.outcome is Outcome.OVER_BUDGET and recomputed:
        return ["the budget ended it: a faster backend would have done more in that time"]
    if budget_s is not None and wall_s > budget_s >= end.wall_s:
        return [f"over its budget of {budget_s:g} s, which would have ended it or cut answers"]
    return []


# the session moved ----------------------------------------------------------------------


def _moved(events: Sequence[AnyEvent], timeline: Timeline, made: Schedule) -> list[Event]:
    """Return the events that reports are made of, at their new times."""
    mover = _Mover(timeline, made)
    moved = [new for event in events if (new := mover.move(event)) is not None]
    # The end comes last; a stable sort keeps the order of what happens at the same moment.
    return sorted(moved, key=lambda event: (isinstance(event, SessionEnd), event.t_s))


class _Mover:
    def __init__(self, timeline: Timeline, made: Schedule) -> None:
        self._spans = timeline.spans
        self._times = made.times
        self._wall_s = made.wall_s
        self._calls = {span.call.number: span for span in self._spans if span.call}
        self._tools = {span.opened: span for span in self._spans if span.tool}
        self._open: dict[str, Span] = {}
        self._place = 0

    def move(self, event: AnyEvent) -> Event | None:
        self._place += 1
        replace = msgspec.structs.replace
        match event:
            case SessionStart():
                return event
            case SessionEnd():
                return replace(event, t_s=self._wall_s, wall_s=self._wall_s)
            case StepEnd():
                return self._step(event)
            case CallStart() if event.call in self._calls:
                return replace(event, t_s=self._of(self._calls[event.call]).start_s)
            case CallEnd() if event.call in self._calls:
                return self._call(event, self._calls[event.call])
            case ToolStart():
                span = self._open[event.action] = self._tools[self._place]
                return replace(event, t_s=self._of(span).start_s)
            case ToolEnd() if event.action in self._open:
                times = self._of(self._open[event.action])
                took_s = times.end_s - times.start_s
                return replace(event, t_s=times.end_s, start_s=times.start_s, duration_s=took_s)
            case TestsRun() if event.action in self._open:
                return replace(event, t_s=self._of(self._open[event.action]).end_s)
            case _:
                return None

    def _of(self, span: Span) -> Times:
        return self._times[span.index]

    def _call(self, event: CallEnd, span: Span) -> CallEnd:
        times = self._of(span)
        usage = msgspec.structs.replace(event.usage, cached_tokens=times.cached_tokens)
        return msgspec.structs.replace(
            event,
            t_s=times.end_s,
            marks=Marks(
                start_s=times.start_s,
                first_token_s=times.first_s,
                last_token_s=times.end_s if times.first_s is not None else None,
                end_s=times.end_s,
            ),
            usage=usage if times.first_s is not None else Usage(input_tokens=usage.input_tokens),
            wait_s=times.end_s - times.start_s if event.wait_s else 0.0,
        )

    def _step(self, event: StepEnd) -> StepEnd:
        """Move a step with what it holds; one that holds nothing moves with what came before."""
        own = [span for span in self._spans if span.step == event.step]
        end_s = event.start_s + event.duration_s
        if own:
            before_s = min(span.start_s for span in own) - event.start_s
            behind_s = end_s - max(span.end_s for span in own)
            start_s = min(self._of(span).start_s for span in own) - before_s
            end_s = max(self._of(span).end_s for span in own) + behind_s
        else:
            earlier = [span for span in self._spans if span.end_s <= event.start_s and span.waited]
            last = max(earlier, key=lambda span: span.end_s, default=None)
            start_s = event.start_s + (self._of(last).end_s - last.end_s if last else 0.0)
            end_s = start_s + event.duration_s
        start_s = max(0.0, start_s)
        took_s = max(0.0, end_s - start_s)
        return msgspec.structs.replace(event, t_s=end_s, start_s=start_s, duration_s=took_s)
