"""The loop for a small model: localise by tests, ask for one definition, search around its answer.

A small model is weak at choosing tools and at getting an edit right the first time, and cheap to
ask again. So the harness does the reading (the definitions that failing tests run, most suspect
first) and the judging (the tests), and the model only writes. After its answer, the candidates
it nearly wrote are tried in a copy of the workspace; the first that turns the tests green wins.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hotloop.errors import ToolError
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.levers.trials import Trials
from hotloop.loop.asking import Asking
from hotloop.loop.closeness import distance
from hotloop.loop.focus import Focus, focus_on
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
from hotloop.loop.search import Search
from hotloop.loop.tables import with_tables
from hotloop.loop.testing import run_tests
from hotloop.loop.writing import Writing
from hotloop.tools.applying import apply_text
from hotloop.workspace.localise import Localisation, SuspectDefinition, localise
from hotloop.workspace.missing import missing_names
from hotloop.workspace.testrun import TestOutcome

if TYPE_CHECKING:
    from hotloop.loop.warming import Warming

_MOST_DEFINITIONS = 6
_MOST_ROUNDS = 4
_MISSING_WEIGHT = 1_000_000
_FAILURE_WEIGHT = 100
_WRONG_CALL = re.compile(r"\b(?:positional|keyword|required|many|few|values for) arguments?\b")


class Repair:
    """Repairs failing tests with a small model. `solved` tells whether the tests are green.

    `warming` prepares the engine for the first question.
    """

    def __init__(self, parts: Parts, outcome: TestOutcome, warming: Warming) -> None:
        self._parts = parts
        self._outcome = outcome
        self._warming = warming
        self._lacked = 0
        self._mended = ("", "")
        self.solved = False

    async def run(self, trials: Trials, starting: asyncio.Task[None]) -> None:
        """Work until the tests are green, nothing is left to try, or the task is cancelled.

        `starting` is the task that prepares the copy in which `trials` run.
        """
        trials.mend(self._outcome)
        for number in range(_MOST_ROUNDS):
            if not await self._round(trials, starting, is_first=number == 0):
                return

    async def _round(self, trials: Trials, starting: asyncio.Task[None], *, is_first: bool) -> bool:
        """Mend one thing; return whether there is progress and still something to mend.

        Each round is a conversation of its own: a small model that sees its own last answer
        repeats it.
        """
        localisation = await asyncio.to_thread(self._localise)
        self._lacked = len(localisation.missing)
        proving = Proving(self._parts, trials, starting, self._rank)
        asking = Asking(self._parts, proving, self._warming)
        search = Search(self._parts, asking, proving, self._outcome, is_first=is_first)
        writing = Writing(self._parts, asking, proving, self._outcome)
        found = None
        try:
            # What is missing is written; else the suspect definitions are searched first.
            if not localisation.missing:
                found = await search.run(self._focuses(localisation))
            found = found or await writing.run(localisation)
        finally:
            await proving.stop()
            self._account(proving)
        return found is not None and await self._apply(found, trials) and not self.solved

    def _account(self, proving: Proving) -> None:
        won = "one mended it" if proving.winner else "none mended all"
        self._parts.clock.emit(
            LeverAccount(
                t_s=self._parts.clock.now_s(),
                lever="race",
                wasted_s=proving.mean_test_s * max(0, proving.tested - 1),
                detail=f"{proving.tested} candidates tested, {won}",
            )
        )

    def _localise(self) -> Localisation:
        workspace = self._parts.workspace
        return localise(self._outcome, workspace.root, workspace.files(), self._parts.goal)

    def _focuses(self, localisation: Localisation) -> Sequence[Focus]:
        found: list[Focus] = []
        whole = any(_WRONG_CALL.search(one.message) for one in self._outcome.failures)
        for suspect in sorted(localisation.definitions, key=self._is_not_mended):
            try:
                focus = focus_on(self._parts.workspace, suspect, localisation, whole=whole)
            except ToolError:
                continue
            if focus is not None:
                found.append(focus)
            if len(found) == _MOST_DEFINITIONS:
                break
        return with_tables(found, self._parts.workspace, localisation)

    def _is_not_mended(self, suspect: SuspectDefinition) -> bool:
        """Say whether a definition is another than that which the last progress was made in."""
        return (suspect.path, suspect.name) != self._mended

    async def _apply(self, found: Found, trials: Trials) -> bool:
        """Put a candidate into the workspace and judge it by a cold run of all tests.

        One that does not hold is taken back.
        """
        checkpoint = self._parts.context.checkpoint
        mark = checkpoint.mark()
        for path, text in found.texts.items():
            if (self._parts.workspace.root / path).exists():
                old = self._parts.workspace.read_text(path)
                apply_text(self._parts.context, path, old, text)
            else:
                checkpoint.write(path, text.encode())
        outcome, _ = await run_tests(self._parts, StepKind.VERIFY, trace=not found.outcome.green)
        if outcome is None or self._rank(outcome) is None:
            checkpoint.rollback_to(mark)
            return False
        self._outcome = outcome
        self._mended = (next(iter(found.texts)), found.name)
        self.solved = outcome.green
        trials.accept({path: self._read(path) for path in found.texts}, outcome)
        return True

    def _rank(self, outcome: TestOutcome) -> int | None:
        """Return how bad an outcome is, None where it is no progress.

        Progress is more tests that pass; failures alone say little, for a file that cannot be
        loaded is one failure. Fewer missing names are progress too: they hide other failures.
        """
        if outcome.green:
            return 0
        if outcome.timed_out:
            return None
        before, lacks = self._outcome, self._lacks(outcome)
        if lacks < self._lacked and (outcome.targeted or outcome.passed >= before.passed):
            return _MISSING_WEIGHT * lacks + _bad(outcome)
        if lacks > self._lacked or outcome.targeted or outcome.passed <= before.passed:
            return None
        return _MISSING_WEIGHT * lacks + _bad(outcome)

    def _lacks(self, outcome: TestOutcome) -> int:
        workspace = self._parts.workspace
        return len(missing_names(outcome.failures, workspace.root, workspace.files()))

    def _read(self, path: str) -> bytes:
        return self._parts.workspace.read_bytes(path)


def _bad(outcome: TestOutcome) -> int:
    failures = outcome.failed + outcome.errors
    return _FAILURE_WEIGHT * failures + round((_FAILURE_WEIGHT - 1) * distance(outcome))
