"""Every event a session emits. The loop emits; ledger, terminal, JSON and later sinks listen.

Times named `t_s` are monotonic seconds since the session started. Durations are `*_s`,
token counts `*_tokens`, sizes `*_bytes`. The field `type` of the JSON form is the tag.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec


class StepKind(StrEnum):
    """What a step of the loop is for: the article's six rows, and the harness's own two."""

    PLAN = "plan"
    TOOL_CALLS = "tool_calls"
    REASON = "reason"
    GENERATE = "generate"
    TEST = "test"
    VERIFY = "verify"
    PREFETCH = "prefetch"
    COMPACT = "compact"


class Effect(StrEnum):
    """What a tool may change. Only `NONE` may run early, in parallel or speculatively."""

    NONE = "none"
    WORKSPACE = "workspace"
    PROCESS = "process"


class Outcome(StrEnum):
    """How a session ended."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    OVER_BUDGET = "over_budget"
    ERROR = "error"


Channel = Literal["text", "reasoning", "tool"]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one model call. `cached_tokens` are those of the input read from a KV cache.

    `reported` is False where the endpoint sent no usage and the figures are estimates.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    reported: bool = True


class Marks(msgspec.Struct, kw_only=True):
    """Time marks of one request, in `t_s` of the session; None where it never came to it."""

    start_s: float = 0.0
    connected_s: float | None = None
    sent_s: float | None = None
    headers_s: float | None = None
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    end_s: float | None = None


class ServerTimings(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of its own time (llama.cpp `timings`); None where it does not."""

    cache_n: int | None = None
    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None
    draft_n: int | None = None
    draft_n_accepted: int | None = None


class Event(msgspec.Struct, kw_only=True, tag_field="type"):
    """Base of all events."""

    t_s: float


class SessionStart(Event, kw_only=True, tag="session.start"):
    """A goal was accepted. `started_at` is wall-clock time in Unix seconds."""

    session: str
    goal: str
    repo: str
    backend: str
    model: str
    dialect: str
    budget_s: float
    started_at: float
    version: str = ""


class StepStart(Event, kw_only=True, tag="step.start"):
    """A step began. Its kind may still change: a model call's kind follows from what it did."""

    step: int
    kind: StepKind
    budget_s: float | None = None


class StepEnd(Event, kw_only=True, tag="step.end"):
    """A step ended; `t_s` is its end."""

    step: int
    kind: StepKind
    start_s: float
    duration_s: float
    budget_s: float | None = None


class CallStart(Event, kw_only=True, tag="call.start"):
    """A model request is about to be sent. `purpose` is `step` or the name of a lever."""

    call: int
    step: int
    request_bytes: int
    purpose: str = "step"


class CallDelta(Event, kw_only=True, tag="call.delta"):
    """A piece of a model's answer arrived."""

    call: int
    channel: Channel
    text: str


class CallEnd(Event, kw_only=True, tag="call.end"):
    """A model call ended. `wait_s` is how long the loop stood still for it.

    `role` is what it was asked for: `select` (what to do next), `generate` or `reason`. `backend`
    and `model` say who answered where that was not the session's own. `hedged_s` is when a second
    request went to a replica, because the first token was late.
    """

    call: int
    step: int
    marks: Marks
    usage: Usage
    wait_s: float
    purpose: str = "step"
    finish_reason: str = ""
    timings: ServerTimings | None = None
    error: str = ""
    role: str = ""
    backend: str = ""
    model: str = ""
    hedged_s: float | None = None


class ActionParsed(Event, kw_only=True, tag="action"):
    """An action closed in a model's answer. `args` is JSON."""

    call: int
    action: str
    tool: str
    args: str


class ToolStart(Event, kw_only=True, tag="tool.start"):
    """A tool began to run. `lever` names the lever that started it, if not the loop itself."""

    step: int
    action: str
    tool: str
    effect: Effect
    summary: str = ""
    lever: str = ""


class ToolEnd(Event, kw_only=True, tag="tool.end"):
    """A tool ended; `t_s` is its end."""

    step: int
    action: str
    tool: str
    start_s: float
    duration_s: float
    ok: bool
    summary: str = ""
    output_bytes: int = 0


class EditApplied(Event, kw_only=True, tag="edit"):
    """A file changed. `repaired` says how a near miss was mended, empty for an exact match."""

    action: str
    path: str
    added_lines: int
    removed_lines: int
    repaired: str = ""


class TestsRun(Event, kw_only=True, tag="test"):
    """A test run ended."""

    __test__: ClassVar[bool] = False

    action: str
    command: str
    green: bool
    passed: int
    failed: int
    duration_s: float
    timed_out: bool = False
    targeted: bool = False


class LeverAccount(Event, kw_only=True, tag="lever"):
    """What a lever saved and wasted, measured."""

    lever: str
    saved_s: float = 0.0
    wasted_s: float = 0.0
    detail: str = ""


class PrefixBreak(Event, kw_only=True, tag="prefix.break"):
    """The bytes of a request did not extend the bytes of the one before it.

    `cause` names the part of the request where they differ first.
    """

    call: int
    offset: int
    expected: str
    got: str
    cause: str = ""


class Note(Event, kw_only=True, tag="note"):
    """Something the user should know. `level` is `info`, `warning` or `error`."""

    level: Literal["info", "warning", "error"]
    text: str


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One step in `session.end`."""

    kind: StepKind
    start_s: float
    duration_s: float
    budget_s: float | None


class SessionEnd(Event, kw_only=True, tag="session.end"):
    """The session ended; its JSON form is the machine interface's last line."""

    outcome: Outcome
    session: str
    wall_s: float
    model_calls: int
    model_wait_s: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    steps: list[StepRecord]


AnyEvent = (
    SessionStart
    | StepStart
    | StepEnd
    | CallStart
    | CallDelta
    | CallEnd
    | ActionParsed
    | ToolStart
    | ToolEnd
    | EditApplied
    | TestsRun
    | LeverAccount
    | PrefixBreak
    | Note
    | SessionEnd
)
"""Union of all events, for decoding: `msgspec.json.decode(line, type=AnyEvent)`."""

Emit = Callable[[Event], None]
"""A sink of events. Must not raise and must return within microseconds."""
