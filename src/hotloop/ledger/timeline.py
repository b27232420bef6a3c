"""A recorded session as spans: its model calls and its runs of tools, with what they waited for."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from hotloop.ledger.events import (
    ActionParsed,
    CallDelta,
    CallEnd,
    CallStart,
    Effect,
    Event,
    Marks,
    PrefixBreak,
    ServerTimings,
    SessionEnd,
    SessionStart,
    StepKind,
    StepStart,
    TestsRun,
    ToolEnd,
    ToolStart,
    Usage,
)

_OWNER = re.compile(r"c(\d+)a\d+")
_UNDONE = frozenset({"cancelled", "no longer needed"})
_HELD = frozenset({"schema", "terse"})
# Levers whose tools may come to nothing, so that the loop does not wait for all of them.
_GUESSES = frozenset({"ahead", "race"})
# An attempt that failed costs at least the shortest back-off; connecting takes less.
_LEAST_RETRY_S = 0.25


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model call was. `possible_tokens` of its input were in earlier requests.

    None where that is not known. `structured`: a schema, grammar or tool format held its answer.
    `lost_s` went by in attempts that failed. `fresh`: it had to open a connection. Of its cached
    tokens, `colder_tokens` are not cached in a session without the lever that put them there.
    """

    number: int
    purpose: str
    usage: Usage
    first_token_s: float | None
    last_token_s: float | None
    structured: bool
    error: str
    lost_s: float
    fresh: bool
    possible_tokens: int | None
    timings: ServerTimings | None = None
    colder_tokens: int = 0


class ToolFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of a tool was. `owner` is the number of the call that asked for it."""

    action: str
    name: str
    effect: Effect
    lever: str
    owner: int | None
    is_prefetch: bool
    green: bool | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A call or a tool run, in seconds of the session.

    `opened` and `closed` are the places of its events among all: they order what times cannot.
    `waited` says that the loop went on only after it, `cancelled` that something else ended it.
    """

    index: int
    step: int
    start_s: float
    end_s: float
    opened: int
    closed: int
    waited: bool
    cancelled: bool
    call: CallFacts | None = None
    tool: ToolFacts | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All spans of a session in the order in which they began. `dialect` is the first one."""

    spans: list[Span]
    wall_s: float
    dialect: str


class _Open(msgspec.Struct):
    start: CallStart | ToolStart
    opened: int
    end: CallEnd | ToolEnd | None = None
    closed: int = 0
    tests: TestsRun | None = None
    fresh: bool = True


class _Reader:
    """Gathers spans from events, in their order."""

    def __init__(self) -> None:
        self.dialect = ""
        self.last_s = 0.0
        self.wall_s: float | None = None
        self._found: list[_Open] = []
        self._calls: dict[int, _Open] = {}
        self._tools: dict[str, _Open] = {}
        self._prefetches: set[int] = set()
        self._said_tool: set[int] = set()
        self._acted: set[int] = set()
        self._broken: set[int] = set()
        self._idle_connections = 0
        self._place = 0

    def add(self, event: Event) -> None:
        self._place += 1
        self.last_s = max(self.last_s, event.t_s)
        match event:
            case SessionStart():
                self.dialect = event.dialect
            case SessionEnd():
                self.wall_s = event.wall_s
            case StepStart(kind=StepKind.PREFETCH):
                self._prefetches.add(event.step)
            case CallDelta(channel="tool"):
                self._said_tool.add(event.call)
            case ActionParsed():
                self._acted.add(event.call)
            case PrefixBreak():
                self._broken.add(event.call)
            case CallStart():
                self._open_call(event)
            case CallEnd():
                self._close_call(event)
            case ToolStart():
                self._found.append(_Open(event, self._place))
                self._tools[event.action] = self._found[-1]
            case ToolEnd() if found := self._tools.get(event.action):
                found.end, found.closed = event, self._place
            case TestsRun() if found := self._tools.get(event.action):
                found.tests = event
            case _:
                pass

    def timeline(self) -> Timeline:
        possible = self._possible()
        spans: list[Span] = []
        for found in sorted(self._found, key=lambda one: one.opened):
            start = found.start
            if isinstance(start, CallStart):
                spans.append(self._call(len(spans), start, found, possible.get(start.call)))
            else:
                spans.append(self._tool(len(spans), start, found))
        wall_s = self.last_s if self.wall_s is None else self.wall_s
        return Timeline(spans=spans, wall_s=wall_s, dialect=self.dialect)

    def _open_call(self, event: CallStart) -> None:
        found = _Open(event, self._place, fresh=self._idle_connections == 0)
        self._idle_connections = max(0, self._idle_connections - 1)
        self._found.append(found)
        self._calls[event.call] = found

    def _close_call(self, event: CallEnd) -> None:
        found = self._calls.get(event.call)
        if found is None:
            return
        found.end, found.closed = event, self._place
        if not event.error:
            self._idle_connections += 1

    def _possible(self) -> dict[int, int]:
        """Return how many input tokens of each step's call an earlier request began with.

        A request that is longer than the one before it grew out of it, unless a prefix break was
        reported or it begins anew (a compaction, another branch: it is shorter).
        """
        possible: dict[int, int] = {}
        before: Usage | None = None
        for found in self._found:
            end = found.end
            if not isinstance(end, CallEnd) or end.error:
                continue
            if end.purpose != "step":
                before = (
                    before if possible else end.usage
                )  # a warm-up is what the first begins with
                continue
            grows = before is None or end.usage.input_tokens > before.input_tokens
            if grows and end.call not in self._broken:
                possible[end.call] = before.input_tokens if before else 0
            before = end.usage
        return possible

    def _call(self, index: int, start: CallStart, found: _Open, possible: int | None) -> Span:
        end = found.end
        if not isinstance(end, CallEnd):
            end = _cut_call(start, self.last_s)
        marks = end.marks
        connected_s = marks.start_s if marks.connected_s is None else marks.connected_s
        lost_s = connected_s - marks.start_s
        structured = end.call in self._said_tool or (
            self.dialect in _HELD and end.call in self._acted
        )
        return Span(
            index=index,
            step=end.step,
            start_s=marks.start_s,
            end_s=end.t_s if marks.end_s is None else marks.end_s,
            opened=found.opened,
            closed=found.closed or self._place + 1,
            waited=end.purpose == "step" or end.wait_s > 0,
            cancelled=end.error == "cancelled",
            call=CallFacts(
                number=end.call,
                purpose=end.purpose,
                usage=end.usage,
                first_token_s=marks.first_token_s,
                last_token_s=marks.last_token_s,
                structured=structured,
                error=end.error,
                lost_s=lost_s if lost_s >= _LEAST_RETRY_S else 0.0,
                fresh=found.fresh,
                possible_tokens=possible,
                timings=end.timings,
            ),
        )

    def _tool(self, index: int, start: ToolStart, found: _Open) -> Span:
        end = found.end if isinstance(found.end, ToolEnd) else None
        owned = _OWNER.fullmatch(start.action)
        is_prefetch = start.step in self._prefetches
        return Span(
            index=index,
            step=start.step,
            start_s=start.t_s,
            end_s=self.last_s if end is None else end.start_s + end.duration_s,
            opened=found.opened,
            closed=found.closed or self._place + 1,
            waited=start.lever not in _GUESSES and not is_prefetch,
            cancelled=end is None or end.summary in _UNDONE,
            tool=ToolFacts(
                action=start.action,
                name=start.tool,
                effect=start.effect,
                lever=start.lever,
                owner=int(owned[1]) if owned else None,
                is_prefetch=is_prefetch,
                green=found.tests.green if found.tests else None,
            ),
        )


def read_timeline(events: Iterable[Event]) -> Timeline:
    """Return the spans of a recorded session, ended or cut short."""
    reader = _Reader()
    for event in events:
        reader.add(event)
    return reader.timeline()


def _cut_call(start: CallStart, end_s: float) -> CallEnd:
    return CallEnd(
        t_s=end_s,
        call=start.call,
        step=start.step,
        marks=Marks(start_s=start.t_s),
        usage=Usage(reported=False),
        wait_s=0.0,
        purpose=start.purpose,
        error="cancelled",
    )
