"""The article's loop as data: its calls, its table, and the table computed for a profile.

Source: "Building a Code Agent: Why Each Step Needs Sub-Second Inference" (General Compute).
Its rows leave the token counts open; these follow from its 0.3 s and 80 tokens/s.
"""

from __future__ import annotations

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.sim.profile import Profile
from hotloop.sim.timing import timetable

INPUT_TOKENS = 8_000
TESTS_S = 5.0
TOTAL_S = {"fast": 21.7, "slow": 37.0}
TWO_ITERATIONS_S = {"fast": 35.0, "slow": 65.0}


class ArticleStep(msgspec.Struct, frozen=True, kw_only=True):
    """One row: `calls` model calls of `output_tokens` each, and what the article's table says.

    `repeats` marks the rows that a second iteration runs once more.
    """

    kind: StepKind
    calls: int
    output_tokens: int
    fast_s: float
    slow_s: float
    repeats: bool = True


def _step(
    kind: StepKind, calls: int, tokens: int, fast_s: float, slow_s: float, repeats: bool = True
) -> ArticleStep:
    return ArticleStep(
        kind=kind,
        calls=calls,
        output_tokens=tokens,
        fast_s=fast_s,
        slow_s=slow_s,
        repeats=repeats,
    )


STEPS = (
    _step(StepKind.PLAN, 1, 152, 2.2, 4.0, repeats=False),
    _step(StepKind.TOOL_CALLS, 5, 56, 5.0, 9.0, repeats=False),
    _step(StepKind.REASON, 1, 136, 2.0, 4.0),
    _step(StepKind.GENERATE, 1, 456, 6.0, 12.0),
    _step(StepKind.TEST, 0, 0, TESTS_S, TESTS_S),
    _step(StepKind.VERIFY, 1, 96, 1.5, 3.0),
)


def rows_s(profile: Profile, iterations: int = 1) -> dict[StepKind, float]:
    """Return the article's table for a profile: seconds per row, one call after the other.

    Prompts count as `INPUT_TOKENS` long and not cached.
    """

    def row_s(step: ArticleStep) -> float:
        structured = step.kind is StepKind.TOOL_CALLS
        call = timetable(profile, INPUT_TOKENS, 0, step.output_tokens, structured)
        once = step.calls * call.end_s + (TESTS_S if step.kind is StepKind.TEST else 0.0)
        return once * (iterations if step.repeats else 1)

    return {step.kind: row_s(step) for step in STEPS}
