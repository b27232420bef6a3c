"""A session with the article's numbers: 9 model calls, 5 tool calls, 21.7 s on a fast backend."""

from __future__ import annotations

from collections.abc import Iterator

from hotloop.ledger.events import (
    ActionParsed,
    CallDelta,
    CallEnd,
    CallStart,
    EditApplied,
    Effect,
    Event,
    LeverAccount,
    Marks,
    Note,
    Outcome,
    SessionStart,
    StepEnd,
    StepKind,
    StepStart,
    TestsRun,
    ToolEnd,
    ToolStart,
    Usage,
)
from hotloop.ledger.fold import Summary

TTFT_S = 0.3
TOKENS_PER_S = 80
PROMPT_TOKENS = 8000
STEPS = [
    (StepKind.PLAN, 152, 2.0),
    *[(StepKind.TOOL_CALLS, 56, 1.0)] * 5,
    (StepKind.REASON, 136, 2.0),
    (StepKind.GENERATE, 456, 6.5),
    (StepKind.TEST, 0, 5.0),
    (StepKind.VERIFY, 96, 1.5),
]


def session_start(
    session: str = "s-article", t_s: float = 0.0, goal: str = "Mend it"
) -> SessionStart:
    return SessionStart(
        t_s=t_s,
        session=session,
        goal=goal,
        repo="/src/project",
        backend="http://127.0.0.1:1/v1",
        model="fast",
        dialect="native",
        budget_s=20.0,
        started_at=1_700_000_000.0,
    )


def call(
    number: int,
    step: int,
    start_s: float,
    end_s: float,
    *,
    output_tokens: int = 10,
    ttft_s: float = TTFT_S,
    purpose: str = "step",
    wait_s: float | None = None,
) -> CallEnd:
    return CallEnd(
        t_s=end_s,
        call=number,
        step=step,
        marks=Marks(
            start_s=start_s, first_token_s=start_s + ttft_s, last_token_s=end_s, end_s=end_s
        ),
        usage=Usage(
            input_tokens=PROMPT_TOKENS,
            cached_tokens=PROMPT_TOKENS - 500 if number else 0,
            output_tokens=output_tokens,
        ),
        wait_s=end_s - start_s if wait_s is None else wait_s,
        purpose=purpose,
        finish_reason="stop",
    )


def tool(
    action: str, step: int, start_s: float, duration_s: float, name: str = "read"
) -> Iterator[Event]:
    yield ToolStart(t_s=start_s, step=step, action=action, tool=name, effect=Effect.NONE)
    yield ToolEnd(
        t_s=start_s + duration_s,
        step=step,
        action=action,
        tool=name,
        start_s=start_s,
        duration_s=duration_s,
        ok=True,
        summary="a.py, 12 lines",
        output_bytes=400,
    )


def _model_call(number: int, step: int, kind: StepKind, now: float, count: int) -> Iterator[Event]:
    end_s = now + TTFT_S + count / TOKENS_PER_S
    yield CallStart(t_s=now, call=number, step=step, request_bytes=32_000)
    for piece in range(4):
        at_s = now + TTFT_S + (end_s - now - TTFT_S) * piece / 4
        channel = "reasoning" if kind is StepKind.REASON else "text"
        yield CallDelta(t_s=at_s, call=number, channel=channel, text=f"{kind.value} {piece}\n")
    yield call(number, step, now, end_s, output_tokens=count)
    if kind is StepKind.TOOL_CALLS:
        yield ActionParsed(t_s=end_s, call=number, action=f"a{number}", tool="read", args="{}")
        yield from tool(f"a{number}", step, end_s, 0.0)
    if kind is StepKind.GENERATE:
        yield EditApplied(t_s=end_s, action="e", path="a.py", added_lines=3, removed_lines=1)


def article_events(session: str = "s-article") -> list[Event]:
    events: list[Event] = [session_start(session)]
    now, number = 0.0, 0
    for step, (kind, count, budget_s) in enumerate(STEPS):
        began = now
        events.append(StepStart(t_s=now, step=step, kind=kind, budget_s=budget_s))
        if kind is StepKind.TEST:
            events.extend(tool("t", step, now, 5.0, "test"))
            now += 5.0
            events.append(
                TestsRun(
                    t_s=now,
                    action="t",
                    command="pytest",
                    green=True,
                    passed=4,
                    failed=0,
                    duration_s=5.0,
                )
            )
        else:
            events.extend(_model_call(number, step, kind, now, count))
            now += TTFT_S + count / TOKENS_PER_S
            number += 1
        events.append(
            StepEnd(
                t_s=now,
                step=step,
                kind=kind,
                start_s=began,
                duration_s=now - began,
                budget_s=budget_s,
            )
        )
    events.append(
        LeverAccount(t_s=now, lever="eager", saved_s=1.25, wasted_s=0.5, detail="5 reads")
    )
    events.append(Note(t_s=now, level="info", text="all tests pass"))
    summary = Summary()
    for event in events:
        summary.add(event)
    events.append(summary.session_end(Outcome.SOLVED, session, now))
    return events
