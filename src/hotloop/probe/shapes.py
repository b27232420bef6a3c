"""Loops as data: what an agent asks for in which order, and what hotloop's levers change in it.

The article's token counts are those of `sim.article`. It leaves open how much each observation
adds to the prompt; assumed are `OBSERVATION_TOKENS` per tool call (five together are the 2,000 of
its smallest file read) and `TEST_OUTPUT_TOKENS` ("a few hundred to a few thousand").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.sim.article import INPUT_TOKENS, STEPS, TESTS_S

ShapeName = Literal["article", "tracelab"]

OBSERVATION_TOKENS = 400
TEST_OUTPUT_TOKENS = 500
FIXED_TOKENS = 7_000
"""Of the article's 8,000 tokens, those of system prompt, tools and file tree."""
OWN_FIXED_TOKENS = 1_000
"""System prompt and tools of hotloop itself, by its own limit."""
PREFETCHED_CALLS = 3
_TRACELAB_CONTEXT = 118_656 + 875
_TRACELAB_NEW = 875
_TRACELAB_USER_HIT = 0.84
_TRACELAB_OUTPUT = 214
_TRACELAB_STEPS = 9
_TRACELAB_TOOL_S = 0.1


class Part(msgspec.Struct, frozen=True):
    """Output tokens of one answer that belong to one row of the table."""

    kind: StepKind
    output_tokens: int
    structured: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A model call, or `pause_s` of tools or tests where it has no parts.

    `new_tokens` are appended to the conversation before the call (a goal, an observation);
    `warm_tokens` of them the cache has from earlier sessions. `fixed_tokens` of them come with
    any agent, whatever the goal. `after_s` is what its tools take.
    """

    parts: tuple[Part, ...] = ()
    new_tokens: int = 0
    warm_tokens: int = 0
    fixed_tokens: int = 0
    after_s: float = 0.0
    pause_s: float = 0.0
    kind: StepKind = StepKind.TEST


Loop = tuple[Step, ...]


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """One of hotloop's ways to make a loop shorter, and what is taken for granted of it."""

    name: str
    assumes: str
    apply: Callable[[Loop], Loop]
    needs_cache: bool = False


def article(iterations: int = 1) -> Loop:
    """Return the article's loop: 9 calls and 5 s of tests, then 3 calls and tests per iteration."""
    rows = {step.kind: step for step in STEPS}

    def call(kind: StepKind, new_tokens: int, structured: bool = False) -> Step:
        part = Part(kind, rows[kind].output_tokens, structured)
        return Step(parts=(part,), new_tokens=new_tokens)

    first = call(StepKind.PLAN, INPUT_TOKENS)
    first = msgspec.structs.replace(first, fixed_tokens=FIXED_TOKENS)
    looks = rows[StepKind.TOOL_CALLS].calls
    tools = [
        call(StepKind.TOOL_CALLS, OBSERVATION_TOKENS if number else 0, True)
        for number in range(looks)
    ]
    again = (
        call(StepKind.GENERATE, 0),
        Step(pause_s=TESTS_S),
        call(StepKind.VERIFY, TEST_OUTPUT_TOKENS),
    )
    read = call(StepKind.REASON, OBSERVATION_TOKENS)
    more = (call(StepKind.REASON, 0), *again) * (iterations - 1)
    return (first, *tools, read, *again, *more)


def tracelab() -> Loop:
    """Return the median request of TraceLab's coding agents (arXiv 2606.30560).

    8.8 steps of 214 output tokens and 875 new ones behind 118,656 cached, 0.1 s of tools each; 84 %
    of the first prompt is cached, after a user's pause. Ends with an answer instead of tools.
    """
    output = _TRACELAB_OUTPUT
    first = Step(
        parts=(Part(StepKind.PLAN, output, True),),
        new_tokens=_TRACELAB_CONTEXT,
        warm_tokens=int(_TRACELAB_CONTEXT * _TRACELAB_USER_HIT),
        after_s=_TRACELAB_TOOL_S,
    )
    act = Step(
        parts=(Part(StepKind.TOOL_CALLS, output, True),),
        new_tokens=_TRACELAB_NEW,
        after_s=_TRACELAB_TOOL_S,
    )
    last = Step(parts=(Part(StepKind.VERIFY, output),), new_tokens=_TRACELAB_NEW)
    return (first, *((act,) * (_TRACELAB_STEPS - 2)), last)


def fitted(loop: Loop, context_tokens: int | None) -> Loop:
    """Return a loop whose first prompt is cut so that all of it fits a context; as it is if so."""
    over = needed_tokens(loop) - (math.inf if context_tokens is None else context_tokens)
    if over <= 0:
        return loop
    first = loop[0]
    left = max(0, first.new_tokens - round(over))
    share = left / first.new_tokens
    cut = msgspec.structs.replace(
        first,
        new_tokens=left,
        warm_tokens=int(first.warm_tokens * share),
        fixed_tokens=int(first.fixed_tokens * share),
    )
    return (cut, *loop[1:])


def needed_tokens(loop: Loop) -> int:
    """Return the tokens of context that a loop takes in the end."""
    return sum(step.new_tokens + _output(step) for step in loop)


def total_tokens(loop: Loop) -> tuple[int, int]:
    """Return the input tokens, cached or not, and the output tokens of all calls of a loop."""
    sent, written, context = 0, 0, 0
    for step in loop:
        context += step.new_tokens
        sent += context if step.parts else 0
        written += _output(step)
        context += _output(step)
    return sent, written


def _output(step: Step) -> int:
    return sum(part.output_tokens for part in step.parts)


# levers -----------------------------------------------------------------------


def _is(step: Step, kind: StepKind) -> bool:
    return bool(step.parts) and all(part.kind is kind for part in step.parts)


def _replaced(loop: Sequence[Step], index: int, **changes: int) -> list[Step]:
    steps = list(loop)
    steps[index] = msgspec.structs.replace(steps[index], **changes)
    return steps


def _prefetch(loop: Loop) -> Loop:
    """Take look-ups out of the loop; what they would have shown is in the first prompt."""
    steps = list(loop)
    for _ in range(PREFETCHED_CALLS):
        index = next((i for i, s in enumerate(steps) if _is(s, StepKind.TOOL_CALLS)), None)
        if index is None or index + 1 == len(steps):
            break
        shown, asked = steps[index + 1].new_tokens, steps[index].new_tokens
        steps = _replaced(steps, index + 1, new_tokens=asked)
        del steps[index]
        steps = _replaced(steps, 0, new_tokens=steps[0].new_tokens + shown)
    return tuple(steps)


def _batch(loop: Loop) -> Loop:
    """Ask for look-ups that follow each other in one answer."""
    steps: list[Step] = []
    owed = 0
    for step in loop:
        if steps and _is(step, StepKind.TOOL_CALLS) and _is(steps[-1], StepKind.TOOL_CALLS):
            steps[-1] = msgspec.structs.replace(steps[-1], parts=steps[-1].parts + step.parts)
            owed += step.new_tokens
            continue
        steps.append(msgspec.structs.replace(step, new_tokens=step.new_tokens + owed))
        owed = 0
    return tuple(steps)


def _one_answer(loop: Loop) -> Loop:
    """Write plan and reasoning at the head of the answer that acts."""
    steps: list[Step] = []
    for step in loop:
        before = steps[-1] if steps else None
        thought = before is not None and (
            _is(before, StepKind.PLAN) or _is(before, StepKind.REASON)
        )
        if before is not None and thought and step.parts:
            steps[-1] = msgspec.structs.replace(
                step,
                parts=before.parts + step.parts,
                new_tokens=before.new_tokens + step.new_tokens,
                warm_tokens=before.warm_tokens,
                fixed_tokens=before.fixed_tokens,
                after_s=before.after_s + step.after_s,
            )
            continue
        steps.append(step)
    return tuple(steps)


def _finish(loop: Loop) -> Loop:
    """Let the tests decide: no call to verify; red output goes into the next answer's prompt."""
    steps: list[Step] = []
    owed = 0
    for step in loop:
        if _is(step, StepKind.VERIFY):
            owed += step.new_tokens
            continue
        taken = owed if step.parts else 0
        steps.append(msgspec.structs.replace(step, new_tokens=step.new_tokens + taken))
        owed -= taken
    return tuple(steps)


def _short_prompt(loop: Loop) -> Loop:
    """Send hotloop's own fixed prompt instead of a long one."""
    spared = max(0, loop[0].fixed_tokens - OWN_FIXED_TOKENS)
    left = loop[0].new_tokens - spared
    return tuple(_replaced(loop, 0, new_tokens=left, fixed_tokens=loop[0].fixed_tokens - spared))


def _warm_start(loop: Loop) -> Loop:
    """Find the fixed prompt in the KV cache, from the session before or put back from disk."""
    warm = max(loop[0].warm_tokens, loop[0].fixed_tokens)
    return tuple(_replaced(loop, 0, warm_tokens=warm))


_BATCH = Lever(
    name="several actions per call",
    assumes="look-ups that remain are asked for in one answer",
    apply=_batch,
)
_PREFETCH = Lever(
    name="prefetch",
    assumes=f"{PREFETCHED_CALLS} look-ups are made before the first call",
    apply=_prefetch,
)
_ONE_ANSWER = Lever(
    name="one answer",
    assumes="plan and reasoning stand in the answer that acts, as long as before",
    apply=_one_answer,
)
_FINISH = Lever(
    name="finish", assumes="the tests decide: no call to verify their outcome", apply=_finish
)
_SHORT = Lever(
    name="short prompt",
    assumes=f"{OWN_FIXED_TOKENS:,} fixed tokens instead of {FIXED_TOKENS:,}",
    apply=_short_prompt,
)
_WARM = Lever(
    name="warm start",
    assumes="the fixed tokens are in the prefix cache",
    apply=_warm_start,
    needs_cache=True,
)

LEVERS: dict[ShapeName, tuple[Lever, ...]] = {
    "article": (_PREFETCH, _BATCH, _ONE_ANSWER, _FINISH, _SHORT, _WARM),
    "tracelab": (_PREFETCH,),
}
"""In the order of use. TraceLab's agents batch and think in their answers already."""
