"""One answer of a model that calls tools, and what it says of the loop."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hotloop.actions.parse import Parsed
from hotloop.actions.types import AnyAction, Define, Done, Edit, Observation, Test, Write
from hotloop.ledger.events import StepKind
from hotloop.loop.caller import CallResult
from hotloop.workspace.testrun import TestOutcome

if TYPE_CHECKING:
    from hotloop.levers.roles import Role

_MOST_REPEATS = 3


class Turn(msgspec.Struct, kw_only=True):
    """One answer and what came of it.

    `tests` is the run of all tests that it asked for, `has_effect` whether something may have
    changed since. `told` collects what the model is told beside the observations.
    """

    result: CallResult
    observed: list[tuple[Parsed, Observation]]
    tests: TestOutcome | None
    has_effect: bool
    told: list[str] = msgspec.field(default_factory=list[str])

    @property
    def has_edited(self) -> bool:
        """Say whether an edit was applied."""
        return bool(self.edited)

    @property
    def edited(self) -> list[str]:
        """Return the paths of the files that were changed."""
        return [
            parsed.action.path
            for parsed, observation in self.observed
            if isinstance(parsed.action, Edit | Write | Define) and observation.ok
        ]

    @property
    def has_failed(self) -> bool:
        """Say whether an edit was not applied, or an action made no sense."""
        return any(
            isinstance(parsed.action, Edit | Write | Define | None) and not observation.ok
            for parsed, observation in self.observed
        )

    @property
    def done(self) -> Done | None:
        """Return the action that says that the goal is met."""
        actions = (parsed.action for parsed, _ in self.observed)
        return next((one for one in actions if isinstance(one, Done)), None)


class Repeats:
    """Notices when the same actions bring the same observations again and again."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._edits = 0

    def is_stuck(self, turn: Turn) -> bool:
        """Say whether a turn came once too often; without an edit in between it is the same."""
        since = 0 if turn.has_edited else self._edits
        self._edits += turn.has_edited
        text = repr([since, *((parsed.action, seen.text) for parsed, seen in turn.observed)])
        mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        self._seen[mark] += 1
        return bool(turn.observed) and self._seen[mark] >= _MOST_REPEATS


def role_of(*, is_plan: bool, is_verdict: bool, is_red: bool) -> Role:
    """Return what the next call is asked for.

    To think: `is_plan`, the first answer, or `is_verdict`, whether the goal is met. To write code:
    `is_red`, an edit was made and tests fail. Else for what to do next.
    """
    if is_plan or is_verdict:
        return "reason"
    return "generate" if is_red else "select"


def kind_of(
    parsed: Sequence[Parsed], *, is_first: bool, is_tested: bool, is_verdict: bool = False
) -> StepKind:
    """Return what an answer's step was for, by what it asked for.

    `is_tested` says that tests have run since the session began, `is_verdict` that the model was
    asked whether the goal is met.
    """
    actions: list[AnyAction] = [one.action for one in parsed if one.action is not None]
    if any(isinstance(one, Edit | Write | Define) for one in actions):
        return StepKind.GENERATE
    if any(isinstance(one, Done) for one in actions):
        return StepKind.VERIFY
    if actions and all(isinstance(one, Test) for one in actions) and is_tested:
        return StepKind.VERIFY
    if is_verdict and not actions:
        return StepKind.VERIFY
    if is_first:
        return StepKind.PLAN
    return StepKind.TOOL_CALLS if actions else StepKind.REASON
