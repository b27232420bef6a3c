"""Events of a session folded into what reports need, one event at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotloop.ledger.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Event,
    LeverAccount,
    Note,
    Outcome,
    SessionEnd,
    SessionStart,
    StepEnd,
    StepKind,
    StepRecord,
    StepStart,
    TestsRun,
    ToolEnd,
    ToolStart,
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step with its number, ended or, in a session cut short, as far as it came."""

    step: int
    kind: StepKind
    start_s: float
    duration_s: float
    budget_s: float | None


_READERS = frozenset({"prefill_ahead", "slot_restore", "warm_start"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A model call, in seconds of the session; `foreground` where the loop waited for it.

    `only_reads`: it asked for nothing, and had a prompt prefilled for the call that follows.

    Until `connected_s` there was no connection for the request that was answered: attempts before
    it and the waits between them count as connecting, too.
    """

    call: int
    step: int
    foreground: bool
    only_reads: bool
    start_s: float
    connected_s: float
    first_token_s: float | None
    last_token_s: float | None
    end_s: float
    wait_s: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a tool, or of the tests."""

    step: int
    action: str
    name: str
    start_s: float
    end_s: float
    is_test: bool


class Summary:
    """What is known of a session so far. `add` takes every event, in the order of emission."""

    def __init__(self) -> None:
        self.start: SessionStart | None = None
        self.end: SessionEnd | None = None
        self.notes: list[Note] = []
        self.levers: dict[str, LeverAccount] = {}
        self.last_t_s = 0.0
        self._steps: list[Step] = []
        self._calls: list[Call] = []
        self._tools: list[ToolEnd] = []
        self._tests: list[TestsRun] = []
        self._open_steps: dict[int, StepStart] = {}
        self._open_calls: dict[int, CallStart] = {}
        self._open_tools: dict[str, ToolStart] = {}
        self._first_delta_s: dict[int, float] = {}

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.last_t_s = max(self.last_t_s, event.t_s)
        match event:
            case CallDelta():
                self._first_delta_s.setdefault(event.call, event.t_s)
            case SessionStart():
                self.start = event
            case SessionEnd():
                self.end = event
            case Note():
                self.notes.append(event)
            case LeverAccount():
                self._add_account(event)
            case StepStart() | StepEnd():
                self._add_step(event)
            case CallStart() | CallEnd():
                self._add_call(event)
            case ToolStart() | ToolEnd() | TestsRun():
                self._add_tool(event)
            case _:
                pass

    @property
    def budget_s(self) -> float | None:
        """Return the session's budget in seconds, None before it began."""
        return self.start.budget_s if self.start else None

    @property
    def wall_s(self) -> float:
        """Return the seconds from the session's start to its end, or to the last event."""
        return self.end.wall_s if self.end else self.last_t_s

    @property
    def steps(self) -> list[Step]:
        """Return the steps by start; one without an end lasts until the last event."""
        cut = [
            Step(
                step=open_step.step,
                kind=open_step.kind,
                start_s=open_step.t_s,
                duration_s=self.last_t_s - open_step.t_s,
                budget_s=open_step.budget_s,
            )
            for open_step in self._open_steps.values()
        ]
        return sorted([*self._steps, *cut], key=lambda step: (step.start_s, step.step))

    @property
    def calls(self) -> list[Call]:
        """Return the model calls; one without an end lasts until the last event."""
        return [*self._calls, *(self._cut_call(call) for call in self._open_calls.values())]

    @property
    def tools(self) -> list[Tool]:
        """Return the runs of tools and tests; one without an end lasts until the last event."""
        tests = {run.action: run for run in self._tests}
        ended = [_ended_tool(tool, tests) for tool in self._tools]
        cut = [
            Tool(
                step=tool.step,
                action=tool.action,
                name=tool.tool,
                start_s=tool.t_s,
                end_s=self.last_t_s,
                is_test=tool.tool == "test",
            )
            for tool in self._open_tools.values()
        ]
        of_tools = {tool.action for tool in [*ended, *cut]}
        alone = [_test_alone(run) for run in self._tests if run.action not in of_tools]
        return [*ended, *cut, *alone]

    def session_end(
        self, outcome: Outcome, session: str, t_s: float, wall_s: float | None = None
    ) -> SessionEnd:
        """Return the closing event for what was added so far; `wall_s` is `t_s` if not given.

        Tokens are those of every call.
        """
        model_calls, model_wait_s = waiting(self._calls)
        return SessionEnd(
            t_s=t_s,
            outcome=outcome,
            session=session,
            wall_s=t_s if wall_s is None else wall_s,
            model_calls=model_calls,
            model_wait_s=model_wait_s,
            input_tokens=sum(call.input_tokens for call in self._calls),
            cached_tokens=sum(call.cached_tokens for call in self._calls),
            output_tokens=sum(call.output_tokens for call in self._calls),
            steps=[
                StepRecord(
                    kind=step.kind,
                    start_s=step.start_s,
                    duration_s=step.duration_s,
                    budget_s=step.budget_s,
                )
                for step in self.steps
            ],
        )

    def _add_account(self, account: LeverAccount) -> None:
        kept = self.levers.get(account.lever)
        if kept is None:
            self.levers[account.lever] = account
            return
        self.levers[account.lever] = LeverAccount(
            t_s=account.t_s,
            lever=account.lever,
            saved_s=kept.saved_s + account.saved_s,
            wasted_s=kept.wasted_s + account.wasted_s,
            detail=account.detail or kept.detail,
        )

    def _add_step(self, event: StepStart | StepEnd) -> None:
        if isinstance(event, StepStart):
            self._open_steps[event.step] = event
            return
        self._open_steps.pop(event.step, None)
        self._steps.append(
            Step(
                step=event.step,
                kind=event.kind,
                start_s=event.start_s,
                duration_s=event.duration_s,
                budget_s=event.budget_s,
            )
        )

    def _add_call(self, event: CallStart | CallEnd) -> None:
        if isinstance(event, CallStart):
            self._open_calls[event.call] = event
            return
        self._open_calls.pop(event.call, None)
        self._calls.append(_ended_call(event))

    def _add_tool(self, event: ToolStart | ToolEnd | TestsRun) -> None:
        match event:
            case ToolStart():
                self._open_tools[event.action] = event
            case ToolEnd():
                self._open_tools.pop(event.action, None)
                self._tools.append(event)
            case TestsRun():
                self._tests.append(event)

    def _cut_call(self, call: CallStart) -> Call:
        first_s = self._first_delta_s.get(call.call)
        return Call(
            call=call.call,
            step=call.step,
            foreground=call.purpose == "step",
            only_reads=call.purpose in _READERS,
            start_s=call.t_s,
            connected_s=call.t_s,  # its marks are not known: what it waited for was the model
            first_token_s=first_s,
            last_token_s=None,
            end_s=self.last_t_s,
            wait_s=self.last_t_s - call.t_s if call.purpose == "step" else 0.0,
            input_tokens=0,
            cached_tokens=0,
            output_tokens=0,
        )


def waiting(calls: Sequence[Call]) -> tuple[int, float]:
    """Return the number of model calls that the loop waited for, and the seconds.

    What only had a prompt read is no call of its own: the wait for it is one for the next call.
    """
    waited = [call for call in calls if call.foreground]
    return sum(not call.only_reads for call in waited), sum(call.wait_s for call in waited)


def _ended_call(event: CallEnd) -> Call:
    marks, usage = event.marks, event.usage
    end_s = event.t_s if marks.end_s is None else marks.end_s
    return Call(
        call=event.call,
        step=event.step,
        foreground=event.purpose == "step" or event.wait_s > 0,
        only_reads=event.purpose in _READERS,
        start_s=marks.start_s,
        connected_s=_connected_s(event, end_s),
        first_token_s=marks.first_token_s,
        last_token_s=marks.last_token_s,
        end_s=end_s,
        wait_s=event.wait_s,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
    )


def _connected_s(event: CallEnd, end_s: float) -> float:
    marks = event.marks
    if marks.connected_s is not None:
        return marks.connected_s
    return end_s if marks.first_token_s is None and event.error else marks.start_s


def _ended_tool(tool: ToolEnd, tests: dict[str, TestsRun]) -> Tool:
    return Tool(
        step=tool.step,
        action=tool.action,
        name=tool.tool,
        start_s=tool.start_s,
        end_s=tool.start_s + tool.duration_s,
        is_test=tool.tool == "test" or tool.action in tests,
    )


def _test_alone(run: TestsRun) -> Tool:
    return Tool(
        step=-1,
        action=run.action,
        name="test",
        start_s=max(0.0, run.t_s - run.duration_s),
        end_s=run.t_s,
        is_test=True,
    )
