"""What a recorded session would have taken on another backend, or without a lever.

Calls are computed from their token counts, tools take what they took, and what overlapped or
waited still does. What cannot be known from the events is said, not guessed in silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotloop.ledger.causes import Causes, find_causes
from hotloop.ledger.doubts import Doubts, session_notes
from hotloop.ledger.events import (
    CallEnd,
    CallStart,
    Event,
    Marks,
    Note,
    SessionEnd,
    SessionStart,
    StepEnd,
    StepStart,
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


def what_if(events: Sequence[Event], pace: Pace | None = None, without: str = "") -> Projection:
    """Recompute a session at a backend's pace (None: its own), without a lever if one is named."""
    timeline = read_timeline(events)
    causes = find_causes(timeline)
    given = pace or RecordedPace(timeline.spans)
    made = schedule(timeline, causes, given)
    verdict = None
    if without:
        verdict, made = _without(events, timeline, causes, given, made, without)
    after = fold(_moved(events, timeline, made, is_own=pace is None))
    doubts = Doubts(timeline, made) if pace else None
    return Projection(
        before=fold(events),
        after=after,
        sure_share=doubts.sure_share(after) if doubts else 1.0,
        notes=[*(doubts.notes() if doubts else []), *session_notes(events, after.wall_s)],
        lever=verdict,
    )


def _without(
    events: Sequence[Event],
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


# the session moved ----------------------------------------------------------------------


def _moved(
    events: Sequence[Event], timeline: Timeline, made: Schedule, *, is_own: bool
) -> list[Event]:
    """Return the events that reports are made of, at their new times.

    `is_own`: the pace is that of the backend that the session was recorded on.
    """
    ended = {event.step for event in events if isinstance(event, StepEnd)}
    mover = _Mover(timeline, made, ended, is_own=is_own)
    moved = [new for event in events if (new := mover.move(event)) is not None]
    if not any(isinstance(event, SessionEnd) for event in moved):
        moved.append(Note(t_s=made.wall_s, level="info", text="interrupted"))
    # The end comes last; a stable sort keeps the order of what happens at the same moment.
    return sorted(moved, key=lambda event: (isinstance(event, SessionEnd), event.t_s))


class _Mover:
    def __init__(
        self, timeline: Timeline, made: Schedule, ended_steps: set[int], *, is_own: bool
    ) -> None:
        self._is_own = is_own
        self._ended_steps = ended_steps
        self._spans = timeline.spans
        self._times = made.times
        self._wall_s = made.wall_s
        self._calls = {span.call.number: span for span in self._spans if span.call}
        self._tools = {span.opened: span for span in self._spans if span.tool}
        self._open: dict[str, Span] = {}
        self._place = 0

    def move(self, event: Event) -> Event | None:
        self._place += 1
        replace = msgspec.structs.replace
        match event:
            case SessionStart():
                return event
            case SessionEnd():
                return replace(event, t_s=self._wall_s, wall_s=self._wall_s)
            case StepStart() if event.step not in self._ended_steps:
                return replace(event, t_s=self._step_s(event.step, event.t_s, event.t_s)[0])
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
        was = event.marks
        connected_s = None
        if was.connected_s is not None:
            # At its own pace a call is as long in connecting as it was; another's is not known.
            connecting_s = was.connected_s - was.start_s if self._is_own else 0.0
            connected_s = times.start_s + connecting_s
        usage = msgspec.structs.replace(event.usage, cached_tokens=times.cached_tokens)
        return msgspec.structs.replace(
            event,
            t_s=times.end_s,
            marks=Marks(
                start_s=times.start_s,
                connected_s=connected_s,
                first_token_s=times.first_s,
                last_token_s=times.end_s if times.first_s is not None else None,
                end_s=times.end_s,
            ),
            usage=usage if times.first_s is not None else Usage(input_tokens=usage.input_tokens),
            wait_s=times.end_s - times.start_s if event.wait_s else 0.0,
        )

    def _step(self, event: StepEnd) -> StepEnd:
        start_s, end_s = self._step_s(event.step, event.start_s, event.start_s + event.duration_s)
        took_s = end_s - start_s
        return msgspec.structs.replace(event, t_s=end_s, start_s=start_s, duration_s=took_s)

    def _step_s(self, step: int, start_s: float, end_s: float) -> tuple[float, float]:
        """Move a step with what it holds; one that holds nothing moves with what came before."""
        own = [span for span in self._spans if span.step == step]
        if own:
            first_s = min(span.start_s for span in own)
            last_s = max(span.end_s for span in own)
            start_s += min(self._of(span).start_s for span in own) - first_s
            end_s += max(self._of(span).end_s for span in own) - last_s
        else:
            earlier = [span for span in self._spans if span.end_s <= start_s and span.waited]
            last = max(earlier, key=lambda span: span.end_s, default=None)
            moved_s = self._of(last).end_s - last.end_s if last else 0.0
            start_s, end_s = start_s + moved_s, end_s + moved_s
        return max(0.0, start_s), max(0.0, start_s, end_s)
